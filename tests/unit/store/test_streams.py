"""Cursors of real journals: they come back, they are never ahead, and ids are given out once."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tests.unit.store.support import (
    START,
    CountingClock,
    order_planned,
    running,
    shell,
    strategy_note,
    tampered,
)
from trader.core import breaker_events as be
from trader.core import events as ev
from trader.core.ids import Lineage, OrderId, Seq
from trader.core.journal_events import JournalRestored
from trader.core.streams import Stream
from trader.ports import Cursor, JournalFailed
from trader.store.journal import SqliteJournal
from trader.store.rows import JournalUnusable
from trader.store.streams import JournalStreams, batch_of

LINEAGE = Lineage("abc123")
BEGIN = Cursor(Seq(0), Lineage(""))


def recorded(seq: int, event: ev.Event) -> ev.Recorded:
    return ev.Recorded(Seq(seq), START, event)


async def fill(journal: SqliteJournal, *events: ev.Event) -> None:
    first = journal.durable_seq
    for place, event in enumerate(events, start=1):
        journal.append(recorded(first + place, event))
    await journal.durable(Seq(first + len(events)))


EVENTS: tuple[ev.Event, ...] = (
    ev.JournalOpened(LINEAGE),
    be.EquityMarked("2026-03-02", Decimal(1)),
    order_planned(1),
    strategy_note(4, "x" * 100).event,
    ev.OrderSent(OrderId(1)),
)


async def test_what_is_in_a_stream_is_read_as_it_was_recorded(tmp_path: Path) -> None:
    async with running(tmp_path / "journal.db") as journal:
        await fill(journal, *EVENTS)
        streams = JournalStreams(journal, CountingClock())
        assert streams.durable_seq == 5
        batch = await streams.behind(BEGIN)
        assert [(event.id, event.stream, event.kind) for event in batch.events] == [
            ("abc123-2", Stream.MARKET_EVENTS, "EquityMarked"),
            ("abc123-3", Stream.ORDER_INTENTS, "OrderPlanned"),
            ("abc123-5", Stream.ORDER_INTENTS, "OrderSent"),
        ]
        assert batch.events[2].payload == '{"order_id":1}'
        assert batch.after == Cursor(Seq(5), LINEAGE)
        assert await streams.behind(batch.after) == type(batch)((), batch.after)


async def test_parts_are_bounded_and_follow_each_other(tmp_path: Path) -> None:
    async with running(tmp_path / "journal.db") as journal:
        await fill(journal, *EVENTS)
        streams, cursor, seen = JournalStreams(journal, CountingClock(), batch_rows=2), BEGIN, []
        for _ in range(3):
            batch = await streams.behind(cursor)
            seen += [event.seq for event in batch.events]
            cursor = batch.after
        assert (seen, cursor) == ([2, 3, 5], Cursor(Seq(5), LINEAGE))


async def test_a_cursor_comes_back_after_the_process_and_each_consumer_has_its_own(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.db"
    async with running(path) as journal:
        await fill(journal, *EVENTS)
        streams = JournalStreams(journal, CountingClock())
        assert await streams.cursor_of("files") == BEGIN
        await streams.note("files", Seq(1), Cursor(Seq(3), LINEAGE))
        await streams.note("files", Seq(4), Cursor(Seq(5), LINEAGE))
        # Asked for once more after an answer that was lost.
        await streams.note("files", Seq(4), Cursor(Seq(5), LINEAGE))
        await streams.note("other", Seq(1), Cursor(Seq(2), LINEAGE))
    async with running(path) as journal:
        streams = JournalStreams(journal, CountingClock())
        assert await streams.cursor_of("files") == Cursor(Seq(5), LINEAGE)
        assert await streams.cursor_of("other") == Cursor(Seq(2), LINEAGE)
        assert await streams.cursor_of("third") == BEGIN
    columns = "consumer, seq, event_id, behind"
    assert shell(path, f"SELECT {columns} FROM consumer_cursors ORDER BY consumer") == [
        ("files", 5, "abc123-5", 0), ("other", 2, "abc123-2", 3),
    ]  # fmt: skip


async def test_a_restored_journal_gives_the_same_numbers_another_name(tmp_path: Path) -> None:
    again = JournalRestored(
        Lineage("ddd999"), (LINEAGE,), OrderId(9), "3:ab", "copy", "aside", "test", "me"
    )
    async with running(tmp_path / "journal.db") as journal:
        await fill(journal, *EVENTS[:3], again, ev.OrderSent(OrderId(1)))
        batch = await JournalStreams(journal, CountingClock()).behind(BEGIN)
        assert [event.id for event in batch.events] == ["abc123-2", "abc123-3", "ddd999-5"]
        # From a cursor behind it, too.
        streams = JournalStreams(journal, CountingClock())
        await streams.note("files", Seq(1), batch.after)
        assert (await streams.cursor_of("files")).lineage == "ddd999"
    names = [name for (name,) in shell(tmp_path / "journal.db", "SELECT id FROM order_intents")]
    assert names == ["abc123-3", "ddd999-5"]


async def test_a_cursor_ahead_of_the_journal_is_refused(tmp_path: Path) -> None:
    """Its events are not there: the next that get their numbers would be left out."""
    async with running(tmp_path / "journal.db") as journal:
        await fill(journal, *EVENTS)
        streams = JournalStreams(journal, CountingClock())
        await streams.note("files", Seq(1), Cursor(Seq(9), LINEAGE))
        with pytest.raises(JournalUnusable, match="the cursor of files is at event 9"):
            await streams.cursor_of("files")


async def test_an_event_that_is_missing_is_not_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with running(path) as journal:
        await fill(journal, *EVENTS)
        tampered(path, "DELETE FROM events WHERE seq = 3")
        with pytest.raises(JournalUnusable, match="event 3 is missing: 4 comes next"):
            await JournalStreams(journal, CountingClock()).behind(BEGIN)


async def test_a_journal_that_has_failed_moves_no_cursor(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with running(path) as journal:
        await fill(journal, *EVENTS)
        streams = JournalStreams(journal, CountingClock())
        journal._fail("a test")
        with pytest.raises(JournalFailed, match="a test"):
            await streams.note("files", Seq(1), Cursor(Seq(3), LINEAGE))
    assert shell(path, "SELECT count(*) FROM outbox_deliveries") == [(0,)]


def test_a_journal_without_a_name_is_refused() -> None:
    with pytest.raises(JournalUnusable, match="event 1 does not name the journal"):
        batch_of(BEGIN, [(1, 0, "JournalOpened", 1, "{}")])


async def test_a_question_that_cannot_be_answered_is_an_error_of_the_journal(
    tmp_path: Path,
) -> None:
    async with running(tmp_path / "journal.db") as journal:
        with pytest.raises(JournalUnusable, match="cannot be read: SQLITE_ERROR: no such table"):
            await journal.fetched("SELECT * FROM elsewhere")
