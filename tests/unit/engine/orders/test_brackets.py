"""A bracket through the one door: three promises, one last check, one write, or nothing at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.engine.world import SELL, World, a_status, an_echo, an_execution, an_intent, turns
from trader.core import events as ev
from trader.core.brackets import Role
from trader.core.halts import HaltCause, Lane, Mode
from trader.core.ids import ExecId, OrderId
from trader.core.intents import BracketTerms, Intent, OrderType
from trader.core.orders import Order, OrderState
from trader.core.risk import Approved, review
from trader.core.risk.change import Revision
from trader.engine.orders.brackets import (
    approvals_of,
    goes_with_entry,
    has_idle,
    is_idle,
    places_of,
    planned_ids,
    slots_missing,
    take_slots,
    without_waiting,
)
from trader.engine.outcomes import Outcome, OutcomeKind
from trader.ports import LinkDown, SendUncertain, Vetoed

D = Decimal
ALL = (OrderState.SENT,) * 3


def a_bracket(number: int = 1, **changes: Any) -> Intent:
    changes.setdefault("bracket", BracketTerms(D(110), D(95)))
    return an_intent(number, **changes)


def members(world: World) -> tuple[Order, ...]:
    """Return the three in the order of their ids."""
    return tuple(world.book.orders[key] for key in sorted(world.book.orders))


def states(world: World) -> tuple[OrderState, ...]:
    return tuple(order.state for order in members(world))


def submitting(world: World, intent: Intent) -> asyncio.Task[Outcome]:
    return asyncio.get_running_loop().create_task(world.gateway.submit(intent))


async def working(world: World) -> tuple[Order, ...]:
    await world.gateway.submit(a_bracket())
    for order in members(world):
        world.say(a_status(order, "PreSubmitted"))
    return members(world)


def approval(world: World, intent: Intent) -> Approved:
    verdict = review(intent, world.gateway._risk_input(intent, Lane.NEW))
    assert isinstance(verdict, Approved), verdict
    return verdict


# ---- the promise


async def test_all_three_promises_are_durable_before_the_first_byte() -> None:
    world = World()
    outcome = await world.gateway.submit(a_bracket())
    assert outcome.kind is OutcomeKind.SENT
    promises = world.journal.events(ev.OrderPlanned)
    assert [one.order_id for one in promises] == [one.order.order_id for one in world.broker.placed]
    for placed in world.broker.placed:
        for promise in promises:
            assert promise in placed.durable_events
    assert outcome.order_id == promises[0].order_id
    assert states(world) == ALL


async def test_the_three_name_one_another_and_go_out_stop_last() -> None:
    world = World()
    await world.gateway.submit(a_bracket())
    placed = [one.order for one in world.broker.placed]
    places = [order.terms.bracket for order in placed]
    ids = tuple(order.order_id for order in placed)
    for place, role in zip(places, Role, strict=True):
        assert place is not None
        assert (place.role, place.ids, place.oca_group) == (role, ids, "abc123-alpha-1")
    assert [order.terms.intent_id for order in placed] == [
        "abc123-alpha-1", "abc123-alpha-1p", "abc123-alpha-1s",
    ]  # fmt: skip
    assert [order.terms.reference_price for order in placed] == [D("100.01"), None, None]
    assert len(world.journal.events(ev.IntentReviewed)) == 3


async def test_an_order_by_itself_is_in_no_bracket() -> None:
    world = World()
    await world.gateway.submit(an_intent())
    assert world.order().terms.bracket is None


@pytest.mark.parametrize(
    "error", [LinkDown("gone"), Vetoed("no"), SendUncertain("broke"), AssertionError("a bug")]
)
async def test_what_becomes_of_one_becomes_of_all_three(error: Exception) -> None:
    world = World()
    world.broker.place_error = error
    if isinstance(error, AssertionError):
        with pytest.raises(AssertionError):
            await world.gateway.submit(a_bracket())
    else:
        outcome = await world.gateway.submit(a_bracket())
        assert outcome.order_id == members(world)[0].order_id
    is_sure = isinstance(error, LinkDown | Vetoed)
    end = OrderState.WITHHELD if is_sure else OrderState.UNKNOWN
    assert states(world) == (end,) * 3
    assert world.broker.placed == []


async def test_a_refusal_refuses_all_three() -> None:
    world = World()
    outcome = await world.gateway.submit(a_bracket(bracket=BracketTerms(D(110), D(101))))
    assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED, "BRACKET_SIDES")
    assert world.book.orders == {}
    (reviewed,) = world.journal.events(ev.IntentReviewed)
    assert not reviewed.is_approved
    assert reviewed.intent.bracket is not None


async def test_a_bracket_again_is_answered_and_not_sent_again() -> None:
    world = World()
    first = await world.gateway.submit(a_bracket())
    again = await world.gateway.submit(a_bracket())
    assert (again.kind, again.order_id) == (first.kind, first.order_id)
    assert len(world.broker.placed) == 3
    other = await world.gateway.submit(a_bracket(bracket=BracketTerms(D(111), D(95))))
    assert other.code == "INTENT_REUSED"
    plain = await world.gateway.submit(an_intent())
    assert plain.code == "INTENT_REUSED"


async def test_where_nothing_is_sent_no_leg_is_promised() -> None:
    world = World(mode=Mode.SHADOW)
    outcome = await world.gateway.submit(a_bracket())
    assert outcome.kind is OutcomeKind.NOT_SENT
    assert world.book.orders == {}


# ---- between promise and write


@pytest.mark.parametrize("which", [0, 1, 2])
async def test_a_cancel_of_any_of_them_withholds_all_three(which: int) -> None:
    world = World()
    world.journal.hold()
    task = submitting(world, a_bracket())
    await turns()
    order = members(world)[which]
    assert world.gateway.cancel(order.order_id, "changed my mind") is None
    world.journal.release()
    outcome = await task
    assert (outcome.kind, outcome.code) == (OutcomeKind.WITHHELD, "WITHHELD")
    assert "changed my mind" in outcome.text
    assert states(world) == (OrderState.WITHHELD,) * 3
    assert world.broker.placed == []
    assert not any(world.gateway.is_cancel_waiting(row.order_id) for row in members(world))


async def test_a_halt_while_the_disk_writes_withholds_all_three() -> None:
    world = World()
    world.journal.hold()
    task = submitting(world, a_bracket())
    await turns()
    world.guard.latch(HaltCause.OPERATOR, "lunch", "test")
    world.journal.release()
    assert (await task).kind is OutcomeKind.WITHHELD
    assert states(world) == (OrderState.WITHHELD,) * 3


async def test_a_market_that_has_passed_the_stop_withholds_all_three() -> None:
    world = World()
    world.journal.hold()
    task = submitting(world, a_bracket(order_type=OrderType.MARKET, limit_price=None))
    await turns()
    await asyncio.sleep(1)
    world.quote("94.90", "94.92")
    world.journal.release()
    outcome = await task
    assert outcome.kind is OutcomeKind.WITHHELD
    assert "BRACKET_SIDES" in outcome.text


async def test_a_cancelled_submission_withholds_all_three() -> None:
    world = World()
    world.journal.hold()
    task = submitting(world, a_bracket())
    await turns()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert states(world) == (OrderState.WITHHELD,) * 3


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6])
async def test_a_journal_that_fails_at_any_of_the_six_leaves_nothing(count: int) -> None:
    """Three reviews and three promises: whichever is the last that it took."""
    world = World()
    left = [count]
    append: Callable[[ev.Recorded], None] = world.journal.append

    def failing(recorded: ev.Recorded) -> None:
        if isinstance(recorded.event, ev.IntentReviewed | ev.OrderPlanned):
            left[0] -= 1
            if left[0] == 0:
                world.journal.fail("disk full")
        append(recorded)

    world.journal.append = failing  # type: ignore[method-assign]
    outcome = await world.gateway.submit(a_bracket())
    assert outcome.kind is OutcomeKind.WITHHELD
    assert world.broker.placed == []
    assert set(states(world)) <= {OrderState.WITHHELD}


async def test_a_bracket_takes_a_slot_for_each_of_its_messages() -> None:
    world = World(rate_per_s=1.0, burst=3.0)
    plain, entry = approval(world, an_intent()), approval(world, a_bracket())
    assert slots_missing(world.pacer, Lane.CANCEL, entry) == 0
    assert slots_missing(world.pacer, Lane.NEW, plain) == 1
    missing = slots_missing(world.pacer, Lane.NEW, entry)
    assert missing == 3
    now_s = world.clock.monotonic()
    assert not await take_slots(world.pacer, Lane.NEW, missing, now_s + 1)
    assert await take_slots(world.pacer, Lane.NEW, missing, now_s + 60)
    assert world.clock.monotonic() - now_s > 3


async def test_a_bracket_without_slots_is_refused_whole() -> None:
    world = World(rate_per_s=0.1, burst=2.0, deadline_s=1.0)
    outcome = await world.gateway.submit(a_bracket())
    assert outcome.code == "PACING"
    assert world.book.orders == {}


async def test_what_the_parts_are_called() -> None:
    world = World()
    entry = approval(world, a_bracket())
    assert approvals_of(entry) == (entry, *entry.legs)
    assert planned_ids(world.book, entry) == []
    ids = [OrderId(5), OrderId(6), OrderId(7)]
    rows = places_of(entry, ids)
    assert [row[0] for row in rows] == list(approvals_of(entry))
    assert [row[1] for row in rows] == ids
    ((alone, order_id, place),) = places_of(approval(world, an_intent(2)), ids[:1])
    assert (alone.legs, order_id, place) == ((), 5, None)
    await world.gateway.submit(a_bracket())
    assert planned_ids(world.book, entry) == [row.order_id for row in members(world)]


# ---- its life


async def test_what_is_bought_is_protected_and_nothing_else_is_counted() -> None:
    world = World()
    entry, profit, stop = await working(world)
    con_id = entry.terms.con_id
    assert world.gateway.possible_exits(con_id) == 0
    world.say(ev.ExecutionSeen(an_execution(entry)))
    assert world.book.position_of(con_id) == 10
    assert world.gateway.possible_exits(con_id) == 10
    world.say(ev.ExecutionSeen(an_execution(stop, exec_id=ExecId("0002.aa.01.01"))))
    world.say(a_status(profit, "Cancelled"))
    assert world.book.position_of(con_id) == 0
    assert world.gateway.possible_exits(con_id) == 0
    assert [row.state for row in members(world)] == [
        OrderState.FILLED, OrderState.CANCELLED, OrderState.FILLED,
    ]  # fmt: skip
    assert world.guard.causes() == {}


async def test_a_leg_that_is_echoed_smaller_is_no_contradiction() -> None:
    world = World()
    entry, profit, _ = await working(world)
    world.say(ev.ExecutionSeen(an_execution(entry, quantity=D(4))))
    world.say(an_echo(profit, quantity=D(4)))
    world.say(an_echo(profit, quantity=D(10)))
    world.say(an_echo(profit, quantity=D(0)))
    assert world.guard.causes() == {}
    world.say(an_echo(profit, quantity=D(11)))
    assert HaltCause.INVARIANT in world.guard.causes()


async def test_an_entry_that_is_echoed_smaller_is_one() -> None:
    world = World()
    entry, _, _ = await working(world)
    world.say(an_echo(entry, quantity=D(4)))
    assert HaltCause.INVARIANT in world.guard.causes()


async def test_an_exit_of_what_is_held_besides_is_not_locked_in() -> None:
    world = World(held=10)
    await working(world)
    exit_ = an_intent(
        5, side=SELL, order_type=OrderType.MARKET, limit_price=None, is_reduce_only=True
    )
    assert (await world.gateway.submit(exit_)).kind is OutcomeKind.SENT


# ---- taking off


async def test_legs_go_with_an_entry_that_works_and_are_idle_after_one_that_brought_nothing() -> (
    None
):
    world = World()
    entry, profit, stop = await working(world)
    book = world.book
    assert [goes_with_entry(book, row) for row in members(world)] == [False, True, True]
    assert without_waiting(book, members(world)) == [entry]
    assert not has_idle(book)
    world.say(a_status(entry, "Cancelled"))
    assert [is_idle(book, row) for row in members(world)] == [False, True, True]
    assert without_waiting(book, members(world)) == list(members(world))
    assert has_idle(book)
    world.say(ev.ExecutionSeen(an_execution(entry, quantity=D(4))))
    assert [is_idle(book, row) for row in members(world)] == [False, False, False]
    world.say(ev.ExecutionSeen(an_execution(stop, quantity=D(4), exec_id=ExecId("0002.aa.01.01"))))
    assert is_idle(book, profit)


async def test_an_order_by_itself_goes_with_nothing() -> None:
    world = World()
    order = await world.working()
    assert not goes_with_entry(world.book, order)
    assert not is_idle(world.book, order)


async def test_a_change_of_a_leg_is_answered_though_its_entry_has_filled_in_part() -> None:
    """The broker has made the leg smaller when it shows the change."""
    world = World()
    entry, _, stop = await working(world)
    await world.gateway.modify(stop.order_id, Revision(stop_price=D(96)))
    world.say(ev.ExecutionSeen(an_execution(entry, quantity=D(4))))
    world.say(an_echo(stop, quantity=D(4), stop_price=D(96)))
    stop = world.book.orders[stop.order_id]
    assert stop.open_change is None
    assert stop.terms.stop_price == 96
    assert world.guard.causes() == {}
