"""The one writer: promises raise when they cannot be kept, facts always move the book."""

from __future__ import annotations

import asyncio

import pytest

from tests.unit.engine.world import (
    World,
    a_status,
    an_execution,
    an_intent,
    turns,
)
from trader.core import events as ev
from trader.core.checkpoint import BookState
from trader.core.halts import HaltCause
from trader.core.ids import OrderId, Seq
from trader.core.intents import digest
from trader.ports import JournalFailed


def a_review(number: int = 1) -> ev.IntentReviewed:
    intent = an_intent(number)
    return ev.IntentReviewed(intent, digest(intent), True, "", "approved", ())


async def test_an_event_is_in_the_book_and_queued_when_record_returns() -> None:
    world = World()
    seq = world.ledger.record(ev.ExecutionSeen(an_execution()))
    assert world.ledger.seq == world.book.seq == seq
    assert world.journal.rows[-1].seq == seq
    assert world.journal.rows[-1].at_utc == world.clock.utc()
    assert world.book.position_of(an_execution().con_id) == 10
    assert world.journal.durable_seq < seq


async def test_durable_returns_only_once_the_event_survives() -> None:
    world = World()
    seq = world.ledger.record(a_review())
    await world.ledger.durable(seq)
    assert world.journal.durable_seq == seq


async def test_what_is_made_durable_before_the_deadline_has_no_problem() -> None:
    world = World()
    seq = world.ledger.record(a_review())
    assert await world.ledger.made_durable(world.clock.monotonic() + 1) is None
    assert world.journal.durable_seq == seq


async def test_a_disk_that_does_not_answer_in_time_and_a_failed_one_are_problems() -> None:
    world = World()
    world.ledger.record(a_review())
    world.journal.hold()
    started_s = world.clock.monotonic()
    problem = await world.ledger.made_durable(started_s + 3)
    assert problem == "the disk did not answer before the deadline"
    assert world.clock.monotonic() - started_s == pytest.approx(3)
    world.journal.failure = "disk full"
    assert await world.ledger.made_durable(started_s + 9) == "disk full"


async def test_observers_see_an_event_in_order_and_after_the_book_has_it() -> None:
    world = World()
    seen: list[tuple[str, Seq, Seq]] = []
    world.ledger.observe(lambda row: seen.append(("first", row.seq, world.book.seq)))
    world.ledger.observe(lambda row: seen.append(("second", row.seq, world.book.seq)))
    seq = world.ledger.record(a_review())
    assert seen == [("first", seq, seq), ("second", seq, seq)]


async def test_a_repeated_fact_is_noted_once() -> None:
    world = World()
    fact = ev.ExecutionSeen(an_execution())
    assert world.ledger.note(fact) is not None
    seq = world.ledger.seq
    assert world.ledger.note(fact) is None
    assert world.ledger.seq == seq


async def test_with_a_failed_journal_a_promise_raises_and_nothing_has_changed() -> None:
    world = World()
    world.journal.fail("disk full")
    seq, intents = world.ledger.seq, dict(world.book.intents)
    with pytest.raises(JournalFailed, match="disk full"):
        world.ledger.record(a_review())
    assert (world.ledger.seq, world.book.intents) == (seq, intents)


async def test_with_a_failed_journal_a_fact_still_moves_the_book() -> None:
    world = World()
    world.journal.fail("disk full")
    rows = len(world.journal.rows)
    world.ledger.record(ev.ExecutionSeen(an_execution()))
    assert world.book.position_of(an_execution().con_id) == 10
    assert len(world.journal.rows) == rows


async def test_a_journal_that_fails_on_a_fact_does_not_take_the_inbox_down() -> None:
    world = World()
    seen: list[ev.Recorded] = []
    world.ledger.observe(seen.append)
    world.journal.fails_at_append = "queue full"
    world.say(ev.ExecutionSeen(an_execution()))
    assert world.book.position_of(an_execution().con_id) == 10
    assert len(seen) == 1
    assert world.ledger.failure == "queue full"
    assert HaltCause.JOURNAL in world.guard.causes()


async def test_a_journal_that_fails_on_a_promise_says_so() -> None:
    world = World()
    world.journal.fails_at_append = "queue full"
    with pytest.raises(JournalFailed, match="queue full"):
        world.ledger.record(a_review())


async def test_a_book_that_refuses_an_event_halts_and_writes_nothing_more() -> None:
    """Half of an event may be in the book: nothing after it may be promised or saved."""
    world = World()
    order = await world.working()
    rows = len(world.journal.rows)
    with pytest.raises(AssertionError):
        world.ledger.record(a_review())  # the intent has an order: a bug of ours
    assert "refused event" in (world.ledger.failure or "")
    assert HaltCause.JOURNAL in world.guard.causes()
    # The broker's facts, the latch of the supervisor and the drain still go through.
    world.say(a_status(order, status="Cancelled"))
    world.guard.latch(HaltCause.INVARIANT, "a bug", by="test")
    assert world.book.live_orders == {}
    assert len(world.journal.rows) == rows
    with pytest.raises(JournalFailed):
        world.ledger.record(a_review(2))
    with pytest.raises(JournalFailed):
        await world.ledger.durable(world.ledger.seq)
    with pytest.raises(JournalFailed):
        await world.ledger.checkpoint()
    assert world.journal.checkpoints == []


async def test_a_checkpoint_holds_the_book_of_its_moment() -> None:
    world = World()
    await world.working()
    await world.ledger.checkpoint()
    (saved,) = world.journal.checkpoints
    assert saved.seq == world.ledger.seq
    assert [order.order_id for order in saved.orders] == [OrderId(2)]


async def test_a_checkpoint_is_told_once_it_is_durable_and_not_before() -> None:
    world = World()
    told: list[BookState] = []
    world.ledger.on_checkpoint = told.append
    world.journal.hold()
    task = asyncio.create_task(world.ledger.checkpoint())
    await turns(50)
    assert told == []
    world.journal.release()
    await task
    assert told == world.journal.checkpoints
    world.journal.fail("disk full")
    with pytest.raises(JournalFailed):
        await world.ledger.checkpoint()
    assert len(told) == 1
