"""A change of a working order: promised before it leaves, checked last, doubted aloud."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.unit.core.policies import bent
from tests.unit.engine.world import (
    CON,
    POLICY,
    SELL,
    World,
    a_status,
    an_echo,
    an_execution,
    an_exit,
    an_intent,
    turns,
)
from trader.core import events as ev
from trader.core.changes import ChangeState
from trader.core.halts import HaltCause, Lane, Restraint
from trader.core.ids import ExecId, OrderId, PermId, StrategyName
from trader.core.intents import BracketTerms, OrderType
from trader.core.orders import Order, OrderState
from trader.core.policy import Regime
from trader.core.regime import Outlook
from trader.core.risk.change import Revision
from trader.engine.outcomes import Outcome, OutcomeKind
from trader.ports import LinkDown, SendUncertain, Vetoed

D = Decimal
LOWER = Revision(limit_price=D("99.50"), reason="market moved")
HIGHER = Revision(limit_price=D("100.02"), reason="market moved")
LARGER = Revision(quantity=D(12), reason="more")


async def working(**bends: object) -> tuple[World, Order]:
    world = World(policy=bent(POLICY, **bends)) if bends else World()
    return world, await world.working()


def state_of(world: World) -> ChangeState | None:
    change = world.order().change
    return None if change is None else change.state


def modifying(world: World, revision: Revision = LARGER) -> asyncio.Task[Outcome]:
    order_id = world.order().order_id
    return asyncio.get_running_loop().create_task(world.gateway.modify(order_id, revision))


# ---- the way out


async def test_a_change_is_durable_before_it_leaves_and_holds_once_it_is_shown() -> None:
    world, order = await working()
    outcome = await world.gateway.modify(order.order_id, LARGER)
    assert outcome == Outcome(OutcomeKind.SENT, "", "sent", order.order_id)
    ((change, durable),) = world.broker.changed
    (planned,) = world.journal.events(ev.ModifyPlanned)
    assert planned in durable
    assert planned.checks
    assert change.terms.quantity == 12
    assert change.terms.limit_price == order.terms.limit_price
    assert state_of(world) is ChangeState.SENT
    assert world.order().terms.quantity == 10
    world.say(an_echo(world.order(), quantity=D(12)))
    assert world.order().terms.quantity == 12
    assert world.guard.causes() == {}


async def test_a_second_change_waits_for_the_first() -> None:
    world, order = await working()
    await world.gateway.modify(order.order_id, LARGER)
    outcome = await world.gateway.modify(order.order_id, LOWER)
    assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED, "CHANGE_OPEN")
    world.say(an_echo(world.order(), quantity=D(12)))
    assert (await world.gateway.modify(order.order_id, LOWER)).kind is OutcomeKind.SENT
    assert len(world.broker.changed) == 2


async def test_two_changes_at_once_make_one() -> None:
    world, order = await working()
    world.journal.hold()
    first, second = modifying(world), modifying(world, LOWER)
    await turns()
    world.journal.release()
    outcomes = await asyncio.gather(first, second)
    assert [row.kind for row in outcomes] == [OutcomeKind.SENT, OutcomeKind.REFUSED]
    assert len(world.broker.changed) == 1
    assert order.order_id == world.order().order_id


# ---- what is refused


@pytest.mark.parametrize(
    ("revision", "code"),
    [
        (Revision(), "CHANGE_INVALID"),
        (Revision(quantity=D(10)), "CHANGE_INVALID"),
        (Revision(quantity=D(0)), "CHANGE_INVALID"),
        (Revision(quantity=D("NaN")), "CHANGE_INVALID"),
        (Revision(quantity=D("sNaN")), "CHANGE_INVALID"),
        (Revision(limit_price=D("Infinity")), "CHANGE_INVALID"),
        (Revision(limit_price=D(-1)), "CHANGE_INVALID"),
        (Revision(stop_price=D(90)), "CHANGE_INVALID"),
        (Revision(quantity=D("10.5")), "QUANTITY_OFF_INCREMENT"),
        (Revision(limit_price=D("99.001")), "PRICE_OFF_TICK"),
        (Revision(limit_price=D(200)), "PRICE_COLLAR"),
        (Revision(quantity=D(100_000)), "QUANTITY_MAX"),
    ],
)
async def test_what_may_not_be_is_refused_and_the_order_goes_on(
    revision: Revision, code: str
) -> None:
    world, order = await working()
    outcome = await world.gateway.modify(order.order_id, revision)
    assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED, code)
    assert world.broker.changed == []
    assert world.order().remaining == 10
    (refused,) = world.journal.events(ev.ModifyRefused)
    assert refused.code == code


async def test_only_an_order_that_is_known_to_work_is_changed() -> None:
    world = World()
    await world.gateway.submit(an_intent())
    for event in (None, ev.OrderUnanswered(world.order().order_id, "x")):
        if event is not None:
            world.ledger.record(event)
        outcome = await world.gateway.modify(world.order().order_id, LOWER)
        assert outcome.code == "ORDER_NOT_WORKING"
    world.say(a_status(world.order()))
    world.gateway.cancel(world.order().order_id, "x")
    assert (await world.gateway.modify(world.order().order_id, LOWER)).code == "ORDER_NOT_WORKING"
    outcome = await world.gateway.modify(OrderId(99), LOWER)
    assert (outcome.code, outcome.text) == ("ORDER_UNKNOWN", "there is no order 99")


async def test_an_order_that_is_over_is_named_with_its_state() -> None:
    world, order = await working()
    world.say(a_status(order, "Cancelled"))
    outcome = await world.gateway.modify(order.order_id, LOWER)
    text = f"order {order.order_id} is CANCELLED"
    assert (outcome.code, outcome.text) == ("ORDER_NOT_WORKING", text)


async def test_an_order_that_may_live_twice_is_not_changed_but_can_be_cancelled() -> None:
    """INC-085."""
    world, order = await working()
    world.say(an_echo(order, perm_id=PermId(order.perm_id + 1)))
    for revision in (LARGER, LOWER):
        outcome = await world.gateway.modify(order.order_id, revision)
        assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED, "ORDER_DOUBLED")
    assert world.broker.changed == []
    assert world.gateway.cancel(order.order_id, "doubled") is None
    assert world.broker.cancelled == [order.order_id]


async def test_another_strategys_order_is_not_changed() -> None:
    world, order = await working()
    other = StrategyName("other")
    outcome = await world.gateway.modify(order.order_id, LARGER, other)
    assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED, "ORDER_NOT_OWN")
    assert outcome.text == f"order {order.order_id} is an order of {order.terms.strategy}"
    assert world.broker.changed == []
    own = order.terms.strategy
    assert (await world.gateway.modify(order.order_id, LARGER, own)).kind is OutcomeKind.SENT


@pytest.mark.parametrize("cause", [HaltCause.UPSTREAM, HaltCause.OPERATOR, HaltCause.LINK])
async def test_nothing_is_changed_under_a_halt_or_while_the_upstream_is_not_proven(
    cause: HaltCause,
) -> None:
    """INC-085."""
    world, order = await working()
    if cause is HaltCause.OPERATOR:
        world.guard.latch(cause, "test", by="test")
    else:
        world.guard.set_level(cause, "test")
    outcome = await world.gateway.modify(order.order_id, LOWER)
    assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED, "HALTED")
    assert world.broker.changed == []


async def test_an_order_of_a_halted_strategy_may_shrink_and_not_grow() -> None:
    """BRK-12: a change that adds risk is new risk of that strategy."""
    world, order = await working()
    world.guard.restraint = lambda: Restraint(strategies={order.terms.strategy: "psr: 0.1"})
    refused = await world.gateway.modify(order.order_id, LARGER)
    assert (refused.kind, refused.code) == (OutcomeKind.REFUSED, "STRATEGY_HALTED")
    assert refused.text == f"strategy {order.terms.strategy}: psr: 0.1"
    smaller = Revision(quantity=D(8), reason="less")
    assert (await world.gateway.modify(order.order_id, smaller)).kind is OutcomeKind.SENT
    fresh = World()
    task = asyncio.get_running_loop().create_task(fresh.gateway.submit(an_intent(1)))
    fresh.journal.hold()
    await turns()
    # It was halted while the promise was on its way to the disk.
    fresh.guard.restraint = lambda: Restraint(strategies={an_intent().strategy: "psr: 0.1"})
    fresh.journal.release()
    assert (await task).kind is OutcomeKind.WITHHELD
    assert fresh.broker.placed == []


async def test_a_larger_order_must_be_paid_for_and_a_smaller_one_need_not() -> None:
    world, order = await working()
    world.ledger.record(ev.CashAdjusted("USD", D(0), D(1_010), "test"))
    assert (await world.gateway.modify(order.order_id, LARGER)).code == "CASH_RESERVE"
    world.hub.quotes.clear()
    less = Revision(quantity=D(5))
    assert (await world.gateway.modify(order.order_id, less)).kind is OutcomeKind.SENT


async def test_an_order_does_not_count_against_its_own_change() -> None:
    """The cash for ten is set aside already; two more need two more."""
    world, order = await working()
    world.ledger.record(ev.CashAdjusted("USD", D(0), D(2_300), "test"))
    assert (await world.gateway.modify(order.order_id, LARGER)).kind is OutcomeKind.SENT


async def test_changes_are_bounded_for_each_order_and_somebody_is_told() -> None:
    """CAP-20: a strategy that flaps its price."""
    world, order = await working(rate__modifies_per_order_max=3)
    codes = []
    for turn in range(10):
        price = D("99.50") if turn % 2 else D("99.60")
        codes.append((await world.gateway.modify(order.order_id, Revision(limit_price=price))).code)
        world.say(an_echo(world.order(), limit_price=price))
        if codes[-1]:
            break
    assert codes == ["", "", "", "CHURN"]
    assert len(world.broker.changed) == 3
    assert world.order().state is OrderState.WORKING
    assert world.pager.titles() == [f"order {order.order_id} is changed too often"]


async def test_an_exit_can_be_repriced_but_not_grow_beyond_what_is_held() -> None:
    world = World()
    await world.working()
    world.fill(world.order())
    exit_order = await world.working(an_exit(2))
    assert exit_order.terms.side is SELL
    assert world.book.position_of(CON) == 10
    grown = Revision(quantity=exit_order.terms.quantity + 1)
    assert (await world.gateway.modify(exit_order.order_id, grown)).code == "SHORT_SALE"


# ---- between promise and wire


async def test_a_cancel_wins_over_a_change_that_has_not_left() -> None:
    world, order = await working()
    world.journal.hold()
    task = modifying(world)
    await turns()
    assert world.gateway.cancel(order.order_id, "stop") is None
    world.journal.release()
    outcome = await task
    assert outcome.kind is OutcomeKind.WITHHELD
    assert world.broker.changed == []
    assert world.broker.cancelled == [order.order_id]
    assert state_of(world) is ChangeState.DROPPED
    assert world.order().remaining == 10


@pytest.mark.parametrize("what", ["halt", "fill", "time"])
async def test_what_changed_while_the_promise_was_written_withholds_it(what: str) -> None:
    world, order = await working()
    world.journal.hold()
    task = modifying(world, Revision(quantity=D(4)))
    await turns()
    if what == "halt":
        world.guard.latch(HaltCause.OPERATOR, "stop", by="test")
    if what == "fill":
        world.fill(order, quantity=D(4))
    if what == "time":
        await world.clock.sleep(60)
    world.journal.release()
    outcome = await task
    assert outcome.kind is OutcomeKind.WITHHELD
    assert world.broker.changed == []
    assert state_of(world) is ChangeState.DROPPED


@pytest.mark.parametrize("revision", [LARGER, Revision(quantity=D(4)), LOWER])
async def test_an_order_whose_time_is_over_is_not_changed_though_nobody_has_said_so(
    revision: Revision,
) -> None:
    """Its end may only not have been told: a change of what is over can be an order anew."""
    world, order = await working(order__entry_expiry_s=20.0)
    await asyncio.sleep(22)
    outcome = await world.gateway.modify(order.order_id, revision)
    assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED, "ORDER_NOT_WORKING")
    assert world.broker.changed == []
    assert world.order().state is OrderState.WORKING


async def test_one_whose_time_ends_while_the_promise_is_written_is_not_changed_either() -> None:
    world, _ = await working(order__entry_expiry_s=20.0)
    await asyncio.sleep(19)
    world.journal.hold()
    task = modifying(world, Revision(quantity=D(4)))
    await asyncio.sleep(2)
    world.journal.release()
    outcome = await task
    assert outcome.kind is OutcomeKind.WITHHELD
    assert "good till" in outcome.text
    assert world.broker.changed == []


async def test_a_change_that_adds_is_held_to_the_limits_as_they_stand_before_the_socket() -> None:
    world, _ = await working(cash__reserve_min=D(0))
    world.journal.hold()
    task = modifying(world)
    await turns()
    world.ledger.record(ev.CashAdjusted("USD", world.book.cash["USD"], D(1_100), "withdrawn"))
    world.journal.release()
    outcome = await task
    assert outcome.kind is OutcomeKind.WITHHELD
    assert outcome.text.startswith("cash could fall to -")
    assert world.broker.changed == []
    assert state_of(world) is ChangeState.DROPPED


async def test_a_change_that_only_lessens_leaves_whatever_the_limits_say_by_now() -> None:
    world, _ = await working(cash__reserve_min=D(0))
    world.journal.hold()
    task = modifying(world, Revision(quantity=D(4)))
    await turns()
    world.ledger.record(ev.CashAdjusted("USD", world.book.cash["USD"], D(100), "withdrawn"))
    world.journal.release()
    assert (await task).kind is OutcomeKind.SENT


async def test_an_exit_that_has_become_too_large_can_be_made_smaller() -> None:
    """Somebody sold half by hand: the stop is cut to what is left, and never refused for it."""
    world = World(held=10)
    stop = replace(an_exit(), order_type=OrderType.STOP, stop_price=D(97))
    order = await world.working(stop)
    by_hand = an_execution(side=SELL, quantity=D(5), exec_id=ExecId("0009.01.01"))
    world.say(ev.ExecutionSeen(by_hand))
    assert world.book.position_of(CON) == 5
    outcome = await world.gateway.modify(order.order_id, Revision(quantity=D(5)))
    assert outcome.kind is OutcomeKind.SENT, outcome
    ((change, _),) = world.broker.changed
    assert change.terms.quantity == 5


async def test_a_lost_link_withholds_and_a_broken_write_is_uncertain() -> None:
    world, order = await working()
    world.broker.place_error = LinkDown("gone")
    assert (await world.gateway.modify(order.order_id, LARGER)).kind is OutcomeKind.WITHHELD
    assert state_of(world) is ChangeState.DROPPED
    world.broker.place_error = Vetoed("halted")
    outcome = await world.gateway.modify(order.order_id, LARGER)
    assert (outcome.kind, outcome.text) == (OutcomeKind.WITHHELD, "vetoed at the socket: halted")
    assert state_of(world) is ChangeState.DROPPED
    world.broker.place_error = SendUncertain("half written")
    assert (await world.gateway.modify(order.order_id, LARGER)).kind is OutcomeKind.UNCERTAIN
    assert state_of(world) is ChangeState.UNCERTAIN
    assert world.order().remaining == 12


async def test_a_journal_that_fails_lets_nothing_leave() -> None:
    world, order = await working()
    world.journal.fail("disk full")
    outcome = await world.gateway.modify(order.order_id, LARGER)
    assert outcome.kind in (OutcomeKind.WITHHELD, OutcomeKind.REFUSED)
    assert world.broker.changed == []
    # A promise that cannot be kept is not in the book either.
    assert world.order().change is None


async def test_without_a_slot_before_the_deadline_a_change_is_refused() -> None:
    world = World(rate_per_s=0.01, burst=2)
    order = await world.working()
    world.pacer.try_take(Lane.CANCEL)
    outcome = await world.gateway.modify(order.order_id, LARGER)
    assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED, "PACING")


# ---- answers


async def test_a_change_without_an_answer_is_uncertain_and_asked_about() -> None:
    world, order = await working()
    await world.gateway.modify(order.order_id, LARGER)
    world.link.check_answers()
    assert state_of(world) is ChangeState.SENT
    await world.clock.sleep(60)
    world.link.check_answers()
    assert state_of(world) is ChangeState.UNCERTAIN
    assert HaltCause.NOT_RECONCILED in world.guard.causes()


async def test_a_refused_change_leaves_the_order_as_it_was() -> None:
    """INC-015."""
    world, order = await working()
    await world.gateway.modify(order.order_id, LARGER)
    world.say(ev.OrderErrorSeen(order.order_id, 201, "no", ev.Evidence.REJECTS_NEW))
    assert world.order().state is OrderState.WORKING
    assert world.order().remaining == 10
    assert (await world.gateway.modify(order.order_id, LOWER)).kind is OutcomeKind.SENT


async def test_while_a_loss_has_tripped_a_change_may_only_take_risk_away() -> None:
    """BRK-03: no scaling into a loss by what rests already."""
    world, order = await working()
    world.guard.restraint = lambda: Restraint(restrictions={"daily_loss": "-0.02"})
    for bolder in (LARGER, HIGHER):
        refused = await world.gateway.modify(order.order_id, bolder)
        assert refused.code == "BREAKER", refused
    assert world.broker.changed == []
    assert (await world.gateway.modify(order.order_id, LOWER)).kind is OutcomeKind.SENT


async def test_an_exit_is_not_made_larger_than_the_broker_says_is_there_by_then() -> None:
    world = World(held=20)
    order = await world.working(an_exit())
    world.journal.hold()
    task = modifying(world)
    await turns()
    world.gateway.offset_of = lambda con_id: D(-10)
    world.journal.release()
    outcome = await task
    assert outcome.kind is OutcomeKind.WITHHELD
    assert "the broker says 10, exits 12" in outcome.text
    assert world.broker.changed == []
    assert order.order_id == world.order().order_id


async def test_a_change_that_waited_long_for_the_disk_is_reviewed_again() -> None:
    world, order = await working(rate__messages_max=3)
    world.journal.hold()
    task = modifying(world)
    await asyncio.sleep(1)
    world.gateway.outlook = lambda: Outlook(Regime.STORM, D(0))
    world.journal.release()
    outcome = await task
    assert outcome.kind is OutcomeKind.WITHHELD
    assert outcome.text.startswith("refused by now, VIX_ALLOCATION")
    world.gateway.outlook = Outlook
    world.journal.hold()
    task = modifying(world)
    await asyncio.sleep(1)
    world.fill(order, quantity=D(4))
    world.journal.release()
    assert (await task).kind is OutcomeKind.SENT


async def test_of_orders_that_are_over_nothing_is_remembered() -> None:
    world, order = await working()
    for number in range(3):
        outcome = await world.gateway.modify(order.order_id, LARGER)
        assert outcome.kind is OutcomeKind.SENT
        world.say(an_echo(order, quantity=D(12)))
        world.say(a_status(order, "Cancelled"))
        order = await world.working(an_intent(number + 2))
    world.gateway.mark_unanswered(5.0, "no answer in time")
    # One entry an order, kept for good, is a few megabytes a week of a busy daemon.
    assert world.gateway._amender._sent_s == {}


# ---- a bracket's orders


async def test_a_leg_that_waits_keeps_its_parent_on_the_wire() -> None:
    world = World()
    _, _, stop = await a_working_bracket(world)
    outcome = await world.gateway.modify(stop.order_id, Revision(stop_price=D(96)))
    assert outcome.kind is OutcomeKind.SENT
    ((change, _),) = world.broker.changed
    assert change.has_parent
    assert change.terms.stop_price == 96
    assert change.terms.quantity == 10
    assert change.terms.bracket == stop.terms.bracket


async def test_a_leg_whose_entry_is_over_goes_without_a_parent() -> None:
    """INC-134: it could not be found any more (135)."""
    world = World()
    entry, profit, _ = await a_working_bracket(world)
    world.say(ev.ExecutionSeen(an_execution(entry)))
    outcome = await world.gateway.modify(profit.order_id, Revision(limit_price=D(111)))
    assert outcome.kind is OutcomeKind.SENT
    ((change, _),) = world.broker.changed
    assert not change.has_parent


async def test_what_fills_while_the_disk_writes_withholds_the_change_of_a_leg() -> None:
    """The broker has made the leg smaller by then: our size would make it large again."""
    world = World()
    entry, profit, stop = await a_working_bracket(world)
    world.say(ev.ExecutionSeen(an_execution(entry)))
    world.journal.hold()
    loop = asyncio.get_running_loop()
    task = loop.create_task(world.gateway.modify(stop.order_id, Revision(stop_price=D(96))))
    await turns()
    world.say(ev.ExecutionSeen(an_execution(profit, quantity=D(3), exec_id=ExecId("0009.1"))))
    world.journal.release()
    outcome = await task
    assert outcome.kind is OutcomeKind.WITHHELD
    assert "a part of its bracket has filled" in outcome.text
    assert world.broker.changed == []


@pytest.mark.parametrize("which", [0, 1, 2])
async def test_the_size_of_a_bracket_stays(which: int) -> None:
    world = World()
    order = (await a_working_bracket(world))[which]
    outcome = await world.gateway.modify(order.order_id, Revision(quantity=D(5)))
    assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED, "CHANGE_INVALID")
    assert world.broker.changed == []


async def test_an_entry_is_changed_between_its_legs() -> None:
    world = World()
    entry, _, _ = await a_working_bracket(world)
    refused = await world.gateway.modify(entry.order_id, Revision(limit_price=D(95)))
    assert refused.code == "BRACKET_SIDES"
    outcome = await world.gateway.modify(entry.order_id, Revision(limit_price=D(99)))
    assert outcome.kind is OutcomeKind.SENT
    ((change, _),) = world.broker.changed
    assert not change.has_parent


async def a_working_bracket(world: World) -> tuple[Order, Order, Order]:
    await world.gateway.submit(an_intent(bracket=BracketTerms(D(110), D(95))))
    for key in sorted(world.book.orders):
        world.say(a_status(world.book.orders[key], "PreSubmitted"))
    entry, profit, stop = (world.book.orders[key] for key in sorted(world.book.orders))
    return entry, profit, stop
