"""Reading back: the newest good checkpoint, every event after it, and no gap left unsaid."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from tests.unit.store.support import (
    START,
    CountingClock,
    journal_of,
    read_back,
    running,
    shell,
    state_at,
    strategy_note,
    tampered,
)
from trader.core.account_events import AccountTold, Teller
from trader.core.book import Book
from trader.core.checkpoint import restored, state_of
from trader.core.ids import Seq
from trader.store.chain import Seal
from trader.store.journal import SqliteJournal
from trader.store.reading import Loaded
from trader.store.rows import JournalUnusable, RowUnreadable
from trader.store.verify import verified

COUNT = 1_203  # more than two chunks


@pytest.fixture
async def journal_path(tmp_path: Path) -> Path:
    """Return a journal with checkpoints at 100, 600 and 1,200."""
    path = tmp_path / "journal.db"
    async with running(path) as journal:
        for seq in range(1, COUNT + 1):
            journal.append(strategy_note(seq))
        for seq in (100, 600, 1_200):
            await journal.save_checkpoint(state_at(seq))
    return path


async def load(path: Path) -> tuple[Loaded, list[int]]:
    journal = await SqliteJournal.open(path, CountingClock())
    try:
        loaded = await journal.load()
        return loaded, [recorded.seq async for recorded in loaded.events]
    finally:
        await journal.close()


async def test_a_new_journal_holds_nothing(tmp_path: Path) -> None:
    loaded, seqs = await load(tmp_path / "journal.db")
    assert (loaded.state, loaded.last_seq, loaded.skipped, seqs) == (None, 0, (), [])


async def test_the_newest_checkpoint_and_what_follows_it_are_read(journal_path: Path) -> None:
    loaded, seqs = await load(journal_path)
    assert loaded.state == state_at(1_200)
    assert seqs == [1_201, 1_202, 1_203]
    assert loaded.last_seq == COUNT


async def test_without_a_checkpoint_every_event_is_read_in_order(journal_path: Path) -> None:
    shell(journal_path, "DELETE FROM checkpoints")
    assert await read_back(journal_path) == [strategy_note(seq) for seq in range(1, COUNT + 1)]


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE checkpoint_parts SET payload = replace(payload, '1200', '1201') WHERE seq = 1200",
        "DELETE FROM checkpoint_parts WHERE seq = 1200",
        "UPDATE checkpoints SET crc = crc + 1 WHERE seq = 1200",
        "UPDATE checkpoint_parts SET payload = x'ff00' WHERE seq = 1200",
        "UPDATE checkpoints SET digest = zeroblob(32) WHERE seq = 1200",
        "UPDATE checkpoints SET at_us = at_us + 1 WHERE seq = 1200",
    ],
)
async def test_an_unreadable_checkpoint_is_said_and_the_one_before_taken(
    journal_path: Path, damage: str
) -> None:
    shell(journal_path, damage)
    loaded, seqs = await load(journal_path)
    assert loaded.state == state_at(600)
    assert seqs == list(range(601, COUNT + 1))
    assert len(loaded.skipped) == 1
    assert "1200" in loaded.skipped[0]


async def test_when_no_checkpoint_is_readable_everything_is_replayed(journal_path: Path) -> None:
    shell(journal_path, "UPDATE checkpoint_parts SET payload = '{}'")
    loaded, seqs = await load(journal_path)
    assert loaded.state is None
    assert seqs == list(range(1, COUNT + 1))
    assert len(loaded.skipped) == 3


# ---- checkpoints of an older program

TOLD = AccountTold(
    source=Teller.UPDATES,
    as_of_utc=START,
    currency="USD",
    account_type=None,
    net_liquidation=Decimal(100_000),
    available_funds=None,
    buying_power=None,
    initial_margin=None,
    maintenance_margin=None,
    settled_cash=(),
)


def without_record(state: dict[str, Any]) -> None:
    """Make it one of before the account's own figures were kept at all."""
    del state["account_record"]


def without_values(state: dict[str, Any]) -> None:
    """Make it one of when only a dispute was kept of them."""
    assert list(state["account_record"]) == ["dispute", "told"]
    del state["account_record"]["told"]


def made_older(path: Path, seq: int, change: Callable[[dict[str, Any]], None]) -> None:
    """Put in place of a checkpoint what an older program would have saved, sealed and all."""
    parts = shell(path, "SELECT payload FROM checkpoint_parts WHERE seq = ? ORDER BY part", seq)
    state = json.loads("".join(text for (text,) in parts))
    change(state)
    text = json.dumps(state, separators=(",", ":"))
    ((at_us, event_digest),) = shell(
        path,
        "SELECT checkpoints.at_us, events.digest FROM checkpoints JOIN events USING (seq) "
        "WHERE seq = ?",
        seq,
    )
    numbers = (seq, at_us, 1, crc32(text.encode()))
    seal = Seal()
    seal.add(text.encode())
    shell(path, "DELETE FROM checkpoint_parts WHERE seq = ?", seq)
    shell(path, "INSERT INTO checkpoint_parts VALUES (?, 0, ?)", seq, text)
    shell(
        path,
        "UPDATE checkpoints SET part_count = 1, crc = ?, digest = ? WHERE seq = ?",
        numbers[3],
        seal.digest(numbers, event_digest),
        seq,
    )


async def folded(path: Path) -> tuple[Loaded, Book]:
    """Return what a start finds, and the book that it makes of that."""
    journal = await SqliteJournal.open(path, CountingClock())
    try:
        loaded = await journal.load()
        book = restored(loaded.state) if loaded.state is not None else Book()
        async for recorded in loaded.events:
            book.apply(recorded)
        return loaded, book
    finally:
        await journal.close()


@pytest.fixture
async def aged_path(tmp_path: Path) -> Path:
    """Return a journal with checkpoints at 3, 6 and 9 of ten events."""
    rows = [strategy_note(seq) for seq in range(1, 11)]
    # Between the last two checkpoints, so that one of them has the values.
    rows[7] = replace(rows[7], event=TOLD)
    return await journal_of(rows, tmp_path / "aged.db", 3, 6, 9)


def fields_of(path: Path) -> set[str]:
    """Return the fields of the newest checkpoint as it was written down."""
    parts = "SELECT payload FROM checkpoint_parts WHERE seq = (SELECT max(seq) FROM checkpoints)"
    return set(json.loads("".join(text for (text,) in shell(path, f"{parts} ORDER BY part"))))


@pytest.mark.parametrize("change", [without_record, without_values])
async def test_checkpoints_of_before_the_accounts_figures_are_replayed_instead(
    aged_path: Path, change: Callable[[dict[str, Any]], None]
) -> None:
    """Nothing is guessed for what they lack: every event since the beginning is read (INC-110)."""
    before, whole = await folded(aged_path)
    assert before.state is not None
    assert before.state.seq == 9
    for seq in (3, 6, 9):
        made_older(aged_path, seq, change)
    loaded, book = await folded(aged_path)
    assert loaded.state is None
    assert [text.partition(":")[0] for text in loaded.skipped] == [
        f"row {seq} BookState" for seq in (9, 6, 3)
    ]
    assert all("field account_record" in text for text in loaded.skipped)
    assert state_of(book) == state_of(whole)
    assert book.account_record.told == TOLD
    assert verified(aged_path).findings == (), "they are what was saved, and no damage"


@pytest.mark.parametrize("change", [without_record, without_values])
async def test_after_older_checkpoints_the_next_one_is_read_again(
    aged_path: Path, change: Callable[[dict[str, Any]], None]
) -> None:
    for seq in (3, 6, 9):
        made_older(aged_path, seq, change)
    _, book = await folded(aged_path)
    async with running(aged_path) as journal:
        await journal.save_checkpoint(state_of(book))
    loaded, again = await folded(aged_path)
    assert (loaded.state, loaded.skipped) == (state_of(book), ())
    assert state_of(again) == state_of(book)
    assert "account_record" in fields_of(aged_path)


async def test_only_the_newest_checkpoint_that_can_be_read_saves_the_replay(
    aged_path: Path,
) -> None:
    """An older program ran once more on the journal: its checkpoint stands behind one of ours."""
    _, whole = await folded(aged_path)
    made_older(aged_path, 9, without_record)
    loaded, book = await folded(aged_path)
    assert loaded.state is not None
    assert loaded.state.seq == 6
    assert len(loaded.skipped) == 1
    assert state_of(book) == state_of(whole)


@pytest.mark.parametrize("gone", [1_201, 1_202])
async def test_a_missing_event_is_damage(journal_path: Path, gone: int) -> None:
    tampered(journal_path, "DELETE FROM events WHERE seq = ?", gone)
    with pytest.raises(JournalUnusable, match=f"event {gone} is missing"):
        await load(journal_path)


async def test_an_end_that_vanished_while_it_was_read_is_damage(journal_path: Path) -> None:
    journal = await SqliteJournal.open(journal_path, CountingClock())
    events = journal.events_between(Seq(1), Seq(COUNT))
    assert (await anext(events)).seq == 1
    tampered(journal_path, "DELETE FROM events WHERE seq > 500")
    with pytest.raises(JournalUnusable, match="event 501 is missing"):
        _ = [row async for row in events]
    await journal.close()


async def test_a_checkpoint_ahead_of_the_events_is_damage(journal_path: Path) -> None:
    tampered(journal_path, "DELETE FROM events WHERE seq >= 1200")
    with pytest.raises(JournalUnusable, match="ahead of the last event"):
        await load(journal_path)


async def test_an_event_that_cannot_be_read_is_named(journal_path: Path) -> None:
    tampered(journal_path, "UPDATE events SET payload = '{}' WHERE seq = 1202")
    with pytest.raises(RowUnreadable, match="row 1202 StrategyCheckpointed: field strategy"):
        await load(journal_path)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("payload = replace(payload, '{}', '[]') WHERE seq = 1202", 1202),
        ("at_us = at_us + 1 WHERE seq = 1201", 1201),
        ("digest = zeroblob(32) WHERE seq = 1203", 1203),
        ("payload = CAST(payload AS BLOB) WHERE seq = 1202", 1202),
    ],
)
async def test_an_event_that_is_not_the_one_written_keeps_the_daemon_from_starting(
    journal_path: Path, change: str, named: int
) -> None:
    tampered(journal_path, f"UPDATE events SET {change}")
    with pytest.raises(JournalUnusable, match=f"event {named} is not the one that was written"):
        await load(journal_path)


async def test_what_was_changed_before_the_checkpoint_is_not_read_at_a_start(
    journal_path: Path,
) -> None:
    tampered(journal_path, "UPDATE events SET at_us = at_us + 1 WHERE seq = 700")
    loaded, seqs = await load(journal_path)
    assert loaded.state == state_at(1_200)
    assert seqs == [1_201, 1_202, 1_203]


async def test_events_behind_a_missing_one_are_not_given(journal_path: Path) -> None:
    tampered(journal_path, "DELETE FROM events WHERE seq = 700")
    journal = await SqliteJournal.open(journal_path, CountingClock())
    with pytest.raises(JournalUnusable, match="event 700 is missing"):
        _ = [row async for row in journal.events_between(Seq(701), Seq(702))]
    await journal.close()


async def test_an_event_without_a_digest_is_no_place_to_go_on_from(journal_path: Path) -> None:
    tampered(journal_path, "UPDATE events SET digest = 'none' WHERE seq = 1203")
    with pytest.raises(JournalUnusable, match="event 1203 has no digest"):
        await load(journal_path)


async def test_events_between_gives_both_ends(journal_path: Path) -> None:
    journal = await SqliteJournal.open(journal_path, CountingClock())
    seqs = [row.seq async for row in journal.events_between(Seq(499), Seq(1_001))]
    assert seqs == list(range(499, 1_002))
    assert [row async for row in journal.events_between(Seq(5), Seq(4))] == []
    with pytest.raises(AssertionError):
        journal.events_between(Seq(1), Seq(COUNT + 1))
    await journal.close()


@pytest.mark.parametrize(
    "change",
    [
        "INSERT INTO journal_seams VALUES (20, 1, x'00')",
        "UPDATE events SET digest = 'text' WHERE seq = 20",
    ],
)
async def test_a_journal_that_is_refused_at_its_end_leaves_no_thread(
    tmp_path: Path, change: str
) -> None:
    """The process of a start that is refused has to end, so that somebody hears of it."""
    path = tmp_path / "journal.db"
    async with running(path) as journal:
        for seq in range(1, 21):
            journal.append(strategy_note(seq))
    shell(path, "DROP TRIGGER events_no_update")
    shell(path, change)
    before = set(threading.enumerate())
    with pytest.raises(JournalUnusable):
        await SqliteJournal.open(path, CountingClock())
    for thread in set(threading.enumerate()) - before:
        await asyncio.to_thread(thread.join, 5)
        assert not thread.is_alive()
