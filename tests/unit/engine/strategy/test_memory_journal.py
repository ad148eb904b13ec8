"""A journal that keeps nothing says so of nothing, and holds nobody up."""

from __future__ import annotations

from tests.unit.engine.world import LINEAGE, LoopClock
from trader.core.book import Book
from trader.core.checkpoint import state_of
from trader.core.events import JournalOpened
from trader.engine.ledger import Ledger
from trader.engine.strategy.memory_journal import MemoryJournal


async def test_everything_is_durable_at_once_and_nothing_is_kept() -> None:
    journal = MemoryJournal()
    ledger = Ledger(Book(), journal, LoopClock())
    seq = ledger.record(JournalOpened(LINEAGE))
    await ledger.durable(seq)
    assert journal.durable_seq == journal.head.seq == seq
    assert journal.failure is None
    await journal.save_checkpoint(state_of(ledger.book))
