"""What is durable is handed on in order, none left out, and nobody but the consumer waits."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise

import pytest

from tests.unit.engine.world import LINEAGE, START_S, MemoryJournal, World, an_intent
from trader.core import breaker_events as be
from trader.core import events as ev
from trader.core.halts import HaltCause
from trader.core.ids import Seq
from trader.core.streams import STREAM_OF, Stream
from trader.engine.told.outbox import (
    GATHER_S,
    LAST_S,
    PAGE_AFTER_S,
    POLL_S,
    TAKE_S,
    Outbox,
    Subscription,
)
from trader.ports import (
    Cursor,
    NoteFailed,
    SinkFailed,
    StreamBatch,
    StreamEvent,
    WorldError,
)
from trader.store.rows import row_of

PART = 5


@dataclass
class MemorySource:
    """The journal in memory, and the cursors that were noted."""

    journal: MemoryJournal
    cursors: dict[str, Cursor] = field(default_factory=dict)
    notes: list[tuple[str, int, int]] = field(default_factory=list)
    problem: WorldError | None = None
    note_problem: WorldError | None = None

    @property
    def durable_seq(self) -> Seq:
        return self.journal.durable_seq

    async def cursor_of(self, consumer: str) -> Cursor:
        return self.cursors.get(consumer, Cursor(Seq(0), LINEAGE))

    async def behind(self, cursor: Cursor) -> StreamBatch:
        if self.problem is not None:
            raise self.problem
        rows = self.journal.rows[cursor.seq : min(cursor.seq + PART, self.durable_seq)]
        events = []
        for recorded in rows:
            stream = STREAM_OF[type(recorded.event)]
            seq, at_us, kind, version, payload = row_of(recorded)
            if stream is not None:
                name = f"{LINEAGE}-{seq}"
                events.append(StreamEvent(name, stream, Seq(seq), at_us, kind, version, payload))
        return StreamBatch(tuple(events), Cursor(Seq(cursor.seq + len(rows)), LINEAGE))

    async def note(self, consumer: str, first: Seq, cursor: Cursor) -> None:
        if self.note_problem is not None:
            raise self.note_problem
        self.notes.append((consumer, first, cursor.seq))
        self.cursors[consumer] = cursor


@dataclass
class Sink:
    """Takes events, or does what the test says instead."""

    got: list[StreamEvent] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    error: Exception | None = None
    takes_s: float = 0.0

    async def take(self, events: tuple[StreamEvent, ...]) -> None:
        self.times.append(asyncio.get_running_loop().time())
        if self.takes_s:
            await asyncio.sleep(self.takes_s)
        if self.error is not None:
            raise self.error
        self.got += events

    @property
    def seqs(self) -> list[int]:
        return [event.seq for event in self.got]


class Yard:
    """A world with an outbox of some consumers."""

    def __init__(self, **sinks: Sink) -> None:
        self.world = World()
        self.source = MemorySource(self.world.journal)
        self.build(**sinks)
        self.world.ledger.observe(lambda recorded: self.outbox.on_recorded(recorded))

    def build(self, **sinks: Sink) -> None:
        rows = tuple(Subscription(name, sink) for name, sink in sinks.items())
        self.outbox = Outbox(self.world.services, self.source, random.Random(1), rows)

    @contextmanager
    def running(self) -> Iterator[None]:
        self.outbox.start()
        yield

    async def mark(self, count: int = 1) -> list[int]:
        """Record events of a stream, durably; returns their numbers."""
        seqs = []
        for _ in range(count):
            seqs.append(self.world.ledger.record(be.EquityMarked("2026-03-02", Decimal(1))))
        await self.world.ledger.durable(self.world.ledger.seq)
        return [int(seq) for seq in seqs]

    def expected(self) -> list[int]:
        """Return the number of every event that is in a stream."""
        rows = self.world.journal.rows
        return [row.seq for row in rows if STREAM_OF[type(row.event)] is not None]

    def stream(
        self, name: str = "files", stream: Stream = Stream.MARKET_EVENTS
    ) -> tuple[int, float]:
        (found,) = [row for row in self.outbox.status() if row.name == name]
        (row,) = [row for row in found.streams if row.name == stream]
        return row.pending, row.lag_s

    def state(self, name: str = "files") -> str:
        return next(row.state for row in self.outbox.status() if row.name == name)

    async def end(self) -> None:
        await self.world.supervisor.stop()


async def test_everything_durable_is_handed_on_once_and_in_order() -> None:
    sink = Sink()
    yard = Yard(files=sink)
    with yard.running():
        for count in (1, 17, 3):
            await yard.mark(count)
            await asyncio.sleep(3)
        assert sink.seqs == yard.expected()
        assert [event.id for event in sink.got] == [f"{LINEAGE}-{seq}" for seq in sink.seqs]
        assert yard.source.cursors["files"].seq == yard.world.ledger.seq
        assert yard.stream() == (0, 0.0)
        assert yard.state() == "running"
    await yard.end()


async def test_a_fill_is_handed_on_within_half_a_second_and_the_poll_finds_it_alone() -> None:
    """EVT-23: a wake-up by the event, and a look every 500 ms without one."""
    sink = Sink()
    yard = Yard(files=sink)
    with yard.running():
        await asyncio.sleep(5)
        before = asyncio.get_running_loop().time()
        await yard.mark()
        await asyncio.sleep(POLL_S)
        assert sink.times[-1] - before <= GATHER_S + 0.01
        # Nobody is told of this one.
        yard.outbox.on_recorded = lambda recorded: None  # type: ignore[method-assign]
        (seq,) = await yard.mark()
        await asyncio.sleep(POLL_S + 0.01)
        assert seq in sink.seqs
    await yard.end()


async def test_a_burst_is_one_part_and_one_note() -> None:
    sink = Sink()
    yard = Yard(files=sink)
    await yard.world.ledger.durable(yard.world.ledger.seq)
    with yard.running():
        await asyncio.sleep(2)
        notes = len(yard.source.notes)
        for _ in range(PART):
            await yard.mark()
            await asyncio.sleep(0.01)
        await asyncio.sleep(1)
        assert len(yard.source.notes) == notes + 1
    await yard.end()


async def test_what_is_not_durable_yet_is_not_handed_on() -> None:
    sink = Sink()
    yard = Yard(files=sink)
    await yard.world.ledger.durable(yard.world.ledger.seq)
    with yard.running():
        await asyncio.sleep(1)
        before = list(sink.seqs)
        seq = yard.world.ledger.record(be.EquityMarked("2026-03-02", Decimal(1)))
        await asyncio.sleep(10)
        assert sink.seqs == before
        assert yard.stream()[0] == 1
        await yard.world.ledger.durable(seq)
        await asyncio.sleep(1)
        assert sink.seqs == [*before, seq]
    await yard.end()


async def test_events_of_no_stream_move_no_cursor_on_the_disk() -> None:
    """A daemon at rest must not write all day."""
    yard = Yard(files=Sink())
    with yard.running():
        await yard.mark()
        await asyncio.sleep(1)
        notes = list(yard.source.notes)
        for number in range(50):
            yard.world.ledger.record(ev.HaltRaised(HaltCause.OPERATOR, str(number), "test"))
        await yard.world.ledger.durable(yard.world.ledger.seq)
        await asyncio.sleep(20)
        assert yard.source.notes == notes
        assert yard.outbox.status()[0].seq == yard.world.ledger.seq
        (seq,) = await yard.mark()
        await asyncio.sleep(1)
        # The ranges follow each other without a gap.
        assert yard.source.notes[-1] == ("files", notes[-1][2] + 1, seq)
    await yard.end()


async def test_after_a_crash_it_goes_on_behind_its_cursor_with_repeats_and_no_gap() -> None:
    """EVT-32: the sink had a part safe, and the process died before the cursor moved."""
    sink = Sink()
    yard = Yard(files=sink)
    yard.source.note_problem = NoteFailed("power")
    with yard.running():
        await yard.mark(3)
        await asyncio.sleep(1)
    await yard.end()
    before = list(sink.seqs)
    assert before
    assert yard.source.cursors == {}
    yard.source.note_problem = None
    yard.build(files=sink)
    with yard.running():
        await yard.mark(2)
        await asyncio.sleep(2)
        assert sink.seqs == [*before, *yard.expected()]
    await yard.end()


async def test_a_cursor_that_cannot_be_noted_hands_nothing_on_again() -> None:
    """The file must not grow by the same events for as long as the journal has failed."""
    sink = Sink()
    yard = Yard(files=sink)
    yard.source.note_problem = NoteFailed("full")
    with yard.running():
        await yard.mark(3)
        await asyncio.sleep(300)
        assert sink.seqs == yard.expected()
        assert yard.state() == "failing"
    await yard.end()


async def test_a_sink_that_fails_is_tried_again_shown_and_catches_up() -> None:
    """EVT-14: a subscriber that raises."""
    broken, well = Sink(error=SinkFailed("disk full")), Sink()
    yard = Yard(files=broken, other=well)
    with yard.running():
        await yard.mark(4)
        past = 3  # of a stream that nobody knows while the first part is not through
        await asyncio.sleep(PAGE_AFTER_S + 40)
        assert well.seqs == yard.expected()
        assert yard.state("other") == "running"
        (row, _) = yard.outbox.status()
        assert (row.state, row.problem) == ("failing", "disk full")
        (market,) = [one for one in row.streams if one.name == Stream.MARKET_EVENTS]
        assert market.pending == 4 + past
        assert market.lag_s > PAGE_AFTER_S
        assert market.error_count == len(broken.times)
        # It is asked less and less often.
        assert len(broken.times) < 12
        assert yard.world.pager.titles() == ["outbox files stands"]
        broken.error = None
        await asyncio.sleep(60)
        assert broken.seqs == yard.expected()
        assert (yard.state(), yard.stream()) == ("running", (0, 0.0))
    await yard.end()


async def test_a_sink_that_raises_what_it_must_not_is_out_alone_and_somebody_is_called() -> None:
    """EVT-14: our bug in one consumer ends neither the daemon nor another consumer."""
    yard = Yard(files=Sink(error=RuntimeError("a bug")), other=(well := Sink()))
    ended = yard.world.supervisor.root_ended
    with yard.running():
        await yard.mark(4)
        await asyncio.sleep(5)
        assert not ended.done()
        assert well.seqs == yard.expected()
        assert yard.state() == "ended"
        assert yard.world.pager.titles() == ["outbox files stands"]
        assert "a bug" in yard.outbox.status()[0].problem
    await yard.end()


async def test_a_sink_that_blocks_holds_up_nobody_and_no_order() -> None:
    """EVT-14."""
    stuck, well = Sink(takes_s=1e9), Sink()
    yard = Yard(files=stuck, other=well)
    with yard.running():
        await yard.mark(2)
        await asyncio.sleep(1)
        before = asyncio.get_running_loop().time()
        outcome = await yard.world.gateway.submit(an_intent())
        assert outcome.order_id is not None
        assert asyncio.get_running_loop().time() == before
        await yard.world.ledger.durable(yard.world.ledger.seq)
        await asyncio.sleep(TAKE_S + PAGE_AFTER_S + 60)
        assert well.seqs == yard.expected()
        assert yard.outbox.status()[0].problem == f"no answer within {TAKE_S:g} s"
        assert yard.world.pager.titles() == ["outbox files stands"]
        stuck.takes_s = 0.0
        await asyncio.sleep(60)
        assert stuck.seqs == yard.expected()
    await yard.end()


async def test_a_sink_that_is_slow_gets_everything_and_memory_does_not_grow_with_it() -> None:
    """EVT-14: what it has not taken lies in the journal."""
    slow = Sink(takes_s=4.0)
    yard = Yard(files=slow)
    with yard.running():
        for _ in range(20):
            await yard.mark(5)
            await asyncio.sleep(0.5)
        pending, lag_s = yard.stream()
        assert pending > 50
        assert lag_s > 5
        await asyncio.sleep(200)
        assert slow.seqs == yard.expected()
        assert yard.stream() == (0, 0.0)
        assert yard.world.pager.sent == []
    await yard.end()


async def test_a_journal_that_cannot_be_read_is_said_and_no_event_is_passed_over() -> None:
    sink = Sink()
    yard = Yard(files=sink)
    yard.source.problem = WorldError("event 3 is missing: 7 comes next")
    with yard.running():
        await yard.mark(2)
        await asyncio.sleep(PAGE_AFTER_S + 40)
        assert sink.got == []
        assert yard.outbox.status()[0].problem == "event 3 is missing: 7 comes next"
        assert yard.world.pager.titles() == ["outbox files stands"]
    await yard.end()


async def test_who_follows_one_stream_gets_no_other() -> None:
    sink = Sink()
    yard = Yard()
    row = Subscription("risk", sink, frozenset({Stream.ORDER_INTENTS}))
    yard.outbox = Outbox(yard.world.services, yard.source, random.Random(1), (row,))
    with yard.running():
        await yard.mark(3)
        await yard.world.gateway.submit(an_intent())
        await yard.world.ledger.durable(yard.world.ledger.seq)
        await asyncio.sleep(2)
        assert {event.stream for event in sink.got} == {Stream.ORDER_INTENTS}
        assert [row.name for row in yard.outbox.status()[0].streams] == ["order_intents"]
    await yard.end()


async def test_a_long_past_is_gone_through_in_small_parts() -> None:
    """The loop belongs to the orders: between two parts there is room for everything else."""
    sink = Sink()
    yard = Yard()
    await yard.mark(100)
    yard.build(files=sink)
    assert yard.stream()[0] == yard.world.ledger.seq
    with yard.running():
        await asyncio.sleep(60)
        assert sink.seqs == yard.expected()
        gaps = [later - one for one, later in pairwise(sink.times)]
        assert min(gaps) > 0.049
        assert sink.times[-1] - START_S < 5
    await yard.end()


async def test_on_a_long_way_the_cursor_is_noted_seldom_and_at_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each note is a commit that a promise may have to wait for."""
    monkeypatch.setattr("trader.engine.told.outbox._NEAR", 10)
    monkeypatch.setattr("trader.engine.told.outbox._UNNOTED_MAX", 40)
    yard, sink = Yard(), Sink()
    await yard.mark(110)
    yard.build(files=sink)
    with yard.running():
        await asyncio.sleep(60)
        assert sink.seqs == yard.expected()
        last = yard.world.ledger.seq
        # Every 40, and then what is near as it comes.
        assert [seq for _, _, seq in yard.source.notes][:2] == [40, 80]
        assert yard.source.notes[-1][2] == last
        assert len(yard.source.notes) < len(sink.times) / 2
        firsts = [first for _, first, _ in yard.source.notes]
        assert firsts == [1, *(seq + 1 for _, _, seq in yard.source.notes[:-1])]
    await yard.end()


async def test_a_name_is_one_consumers() -> None:
    yard, rows = Yard(), (Subscription("a", Sink()), Subscription("a", Sink()))
    with pytest.raises(AssertionError, match="two consumers of one name"):
        Outbox(yard.world.services, yard.source, random.Random(1), rows)


async def test_at_the_end_everything_durable_is_handed_on_and_noted_at_once() -> None:
    sink = Sink()
    yard = Yard(files=sink)
    with yard.running():
        await asyncio.sleep(5)
        await yard.mark(3 * PART)
        before = asyncio.get_running_loop().time()
        await yard.outbox.finish()
        assert asyncio.get_running_loop().time() - before < 1
        assert sink.seqs == yard.expected()
        assert yard.source.cursors["files"].seq == yard.world.ledger.seq
        # It has ended in order: nobody is called, and the daemon goes on down.
        await asyncio.sleep(1)
        assert yard.world.pager.sent == []
        assert yard.state() == "running"
        assert not yard.world.supervisor.root_ended.done()
    await yard.end()


async def test_the_end_waits_for_nobody_who_is_slow_and_tries_nobody_again_who_fails() -> None:
    slow, broken, well = Sink(takes_s=9.0), Sink(error=SinkFailed("gone")), Sink()
    yard = Yard(slow=slow, broken=broken, well=well)
    with yard.running():
        await yard.mark(2)
        await asyncio.sleep(1)
        asked = len(broken.times)
        before = asyncio.get_running_loop().time()
        await yard.outbox.finish()
        assert asyncio.get_running_loop().time() - before == pytest.approx(LAST_S)
        assert well.seqs == yard.expected()
        assert len(broken.times) == asked
        assert yard.source.cursors.keys() == {"well"}
    await yard.end()


async def test_one_that_fails_for_the_first_time_at_the_end_holds_nothing_up() -> None:
    sink = Sink()
    yard = Yard(files=sink)
    with yard.running():
        await asyncio.sleep(5)
        sink.error = SinkFailed("gone")
        await yard.mark()
        before = asyncio.get_running_loop().time()
        await yard.outbox.finish()
        assert asyncio.get_running_loop().time() - before < 1
        assert yard.world.pager.sent == []
    await yard.end()


async def test_without_anybody_who_follows_the_end_is_at_once() -> None:
    yard = Yard()
    before = asyncio.get_running_loop().time()
    await yard.outbox.finish()
    assert asyncio.get_running_loop().time() == before
