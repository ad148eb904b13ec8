"""A made history is what the daemon itself reads, verifies and folds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.store.support import CountingClock
from trader.app import restore
from trader.bench.history import History, make_journal
from trader.core.checkpoint import state_of
from trader.store.journal import SqliteJournal
from trader.store.verify import verified


async def test_a_made_journal_is_whole_and_holds_the_book_that_it_amounts_to(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.db"
    book = make_journal(path, History(events=1_000, orders=20, tail=50))
    verdict = verified(path)
    assert verdict.is_whole
    assert (verdict.last_seq, verdict.checkpoints, verdict.journal) == (1_000, (950,), "abc123")
    assert (len(book.orders), len(book.fills), len(book.live_orders)) == (20, 20, 0)
    journal = await SqliteJournal.open(path, CountingClock())
    try:
        loaded = await journal.load()
        assert loaded.state is not None
        assert state_of(await restore(journal)) == state_of(book)
    finally:
        await journal.close()


def test_a_history_too_short_for_its_orders_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        make_journal(tmp_path / "journal.db", History(events=100, orders=20, tail=10))
