"""The one door: promised before it leaves, checked last, and never twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.core.policies import bent
from tests.unit.engine.world import (
    BUY,
    CON,
    OTHER_CON,
    POLICY,
    SELL,
    World,
    a_status,
    an_execution,
    an_exit,
    an_instrument,
    an_intent,
    running,
    turns,
)
from trader.core import events as ev
from trader.core.entries import Past
from trader.core.halts import HaltCause, Lane, Mode
from trader.core.ids import ExecId, IntentId, OrderId
from trader.core.orders import OrderState
from trader.core.policy import Regime, policy_hash
from trader.core.regime import Outlook
from trader.core.valuation import Valuation
from trader.engine.outcomes import Outcome, OutcomeKind
from trader.ports import LinkDown, LinkWord, SendUncertain, Vetoed


def submitting(world: World, number: int = 1) -> asyncio.Task[Outcome]:
    return asyncio.get_running_loop().create_task(world.gateway.submit(an_intent(number)))


# ---- (a) known ids


async def test_a_promise_keeps_the_middle_of_the_quote_it_was_decided_on() -> None:
    world = World()
    await world.gateway.submit(an_intent())
    (planned,) = world.journal.events(ev.OrderPlanned)
    assert planned.terms.reference_price == Decimal("100.01")


async def test_an_intent_submitted_again_is_answered_and_not_sent_again() -> None:
    world = World()
    first = await world.gateway.submit(an_intent())
    again = await world.gateway.submit(an_intent())
    assert first.kind is again.kind is OutcomeKind.SENT
    assert first.order_id == again.order_id
    assert len(world.broker.placed) == 1


async def test_the_same_id_with_other_content_is_refused_and_paged() -> None:
    world = World()
    await world.gateway.submit(an_intent())
    seq = world.ledger.seq
    told: list[str] = []
    world.gateway.answers.on_reuse = told.append
    outcome = await world.gateway.submit(an_intent(quantity=Decimal(11)))
    assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED, "INTENT_REUSED")
    assert world.pager.titles() == ["intent id reused"]
    assert told == ["intent"]
    assert len(world.broker.placed) == 1
    assert world.ledger.seq == seq


async def test_an_id_that_the_book_has_let_go_is_refused() -> None:
    world = World()
    wish = an_intent(2)
    world.book.past = Past({wish.intent_id.rpartition("-")[0]: 2})
    seq = world.ledger.seq
    outcome = await world.gateway.submit(wish)
    assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED, "INTENT_REUSED")
    assert (len(world.broker.placed), world.ledger.seq) == (0, seq)
    assert (await world.gateway.submit(an_intent(3))).kind is OutcomeKind.SENT


async def test_a_refused_intent_stays_refused_when_asked_again() -> None:
    world = World()
    wish = an_intent(quantity=Decimal(100_000))
    first = await world.gateway.submit(wish)
    again = await world.gateway.submit(wish)
    assert first.kind is OutcomeKind.REFUSED
    assert (again.kind, again.code) == (OutcomeKind.REFUSED, first.code)
    assert len(world.journal.events(ev.IntentReviewed)) == 1


async def test_a_withheld_intent_is_not_called_sent_when_asked_again() -> None:
    world = World()
    world.broker.place_error = LinkDown("gone")
    first = await world.gateway.submit(an_intent())
    world.broker.place_error = None
    again = await world.gateway.submit(an_intent())
    assert first.kind is again.kind is OutcomeKind.WITHHELD
    assert world.broker.placed == []


async def test_an_uncertain_intent_is_still_uncertain_when_asked_again() -> None:
    world = World()
    world.broker.place_error = SendUncertain("half written")
    await world.gateway.submit(an_intent())
    again = await world.gateway.submit(an_intent())
    assert again.kind is OutcomeKind.UNCERTAIN


async def test_two_submissions_at_once_of_one_intent_give_one_order() -> None:
    world = World()
    world.journal.hold()
    first, second = submitting(world), submitting(world)
    await turns()
    world.journal.release()
    outcomes = await asyncio.gather(first, second)
    assert len(world.broker.placed) == 1
    assert {outcome.order_id for outcome in outcomes} == {world.order().order_id}


async def test_a_submission_that_finds_no_slot_beside_its_twin_does_not_review_it_again() -> None:
    # The twin got the slot and made the order: a refusal now would forget that order.
    world = World(rate_per_s=0.4, burst=2)
    world.pacer.try_take(Lane.CANCEL)
    world.pacer.try_take(Lane.CANCEL)
    outcomes = await asyncio.gather(
        world.gateway.submit(an_intent()), world.gateway.submit(an_intent())
    )
    assert len(world.broker.placed) == 1
    assert {outcome.order_id for outcome in outcomes} == {world.order().order_id}


# ---- (b) the gate


@pytest.mark.parametrize("cause", [cause for cause in HaltCause if cause is not HaltCause.LOOP_LAG])
async def test_under_any_cause_an_intent_is_refused_and_no_byte_leaves(cause: HaltCause) -> None:
    world = World()
    world.guard.set_level(cause, "because")
    outcome = await world.gateway.submit(an_intent())
    assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED, "HALTED")
    assert cause in outcome.text
    (review,) = world.journal.events(ev.IntentReviewed)
    assert not review.is_approved
    assert review.code == "HALTED"
    assert world.broker.placed == []
    assert world.book.orders == {}


async def test_the_kill_switch_is_looked_at_in_every_submission() -> None:
    world = World()
    await world.gateway.submit(an_intent(1))
    world.switch.active = "stop"
    outcome = await world.gateway.submit(an_intent(2))
    assert outcome.code == "HALTED"
    assert len(world.broker.placed) == 1


# ---- (c, d) review and modes


async def test_a_refusal_by_the_review_carries_every_check_into_the_journal() -> None:
    world = World()
    outcome = await world.gateway.submit(an_intent(quantity=Decimal(5_000)))
    assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED, "QUANTITY_MAX")
    (review,) = world.journal.events(ev.IntentReviewed)
    assert len(review.checks) > 10
    assert world.book.orders == {}


@pytest.mark.parametrize("mode", [Mode.DRY_RUN, Mode.SHADOW])
async def test_dry_run_and_shadow_review_and_send_nothing(mode: Mode) -> None:
    world = World(mode=mode)
    outcome = await world.gateway.submit(an_intent())
    assert outcome.kind is OutcomeKind.NOT_SENT
    again = await world.gateway.submit(an_intent())
    assert again.kind is OutcomeKind.NOT_SENT
    (review,) = world.journal.events(ev.IntentReviewed)
    assert review.is_approved
    assert world.broker.placed == []
    assert world.broker.next_id == 1


@pytest.mark.parametrize("mode", [Mode.PAPER, Mode.LIVE, Mode.DEMO])
async def test_the_other_modes_send(mode: Mode) -> None:
    world = World(mode=mode)
    assert (await world.gateway.submit(an_intent())).kind is OutcomeKind.SENT
    assert world.gateway.is_armed()


# ---- (e) pacing


async def test_without_a_slot_before_the_deadline_an_intent_is_refused() -> None:
    world = World(rate_per_s=0.001, burst=2, deadline_s=3.0)
    world.pacer.try_take(Lane.CANCEL)
    world.pacer.try_take(Lane.CANCEL)
    outcome = await world.gateway.submit(an_intent())
    assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED, "PACING")
    assert world.clock.monotonic() == pytest.approx(1_003.0)
    assert world.broker.placed == []


async def test_after_a_wait_for_a_slot_everything_is_reviewed_again() -> None:
    # What one slot's wait lets happen: the position grows to the limit meanwhile.
    world = World(
        rate_per_s=1.0,
        burst=2,
        policy=bent(POLICY, position__quantity_max=Decimal(15), order__quantity_max=Decimal(15)),
    )
    world.pacer.try_take(Lane.CANCEL)
    world.pacer.try_take(Lane.CANCEL)
    task = submitting(world)
    await turns()
    world.say(ev.ExecutionSeen(an_execution()))
    outcome = await task
    assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED, "POSITION_MAX")
    assert world.broker.placed == []


async def test_a_halt_during_the_wait_for_a_slot_refuses() -> None:
    world = World(rate_per_s=1.0, burst=2)
    world.pacer.try_take(Lane.CANCEL)
    world.pacer.try_take(Lane.CANCEL)
    task = submitting(world)
    await turns()
    world.guard.latch(HaltCause.OPERATOR, "stop", by="test")
    assert (await task).code == "HALTED"
    assert world.broker.placed == []


# ---- (g) the promise


async def test_the_promise_is_durable_before_the_broker_sees_the_order() -> None:
    world = World()
    world.journal.hold()
    task = submitting(world)
    await turns(50)
    assert world.broker.placed == []
    assert world.order().state is OrderState.PLANNED
    world.journal.release()
    assert (await task).kind is OutcomeKind.SENT
    (placed,) = world.broker.placed
    assert placed.was_promised
    assert world.journal.kinds()[-3:] == ["IntentReviewed", "OrderPlanned", "OrderSent"]
    assert placed.order.order_ref.startswith("T1-abc123-alpha-1-")


async def test_two_buys_at_once_cannot_both_pass_the_cash_check() -> None:
    world = World(cash=2_500)
    world.journal.hold()
    first, second = submitting(world, 1), submitting(world, 2)
    await turns()
    world.journal.release()
    kinds = [outcome.kind for outcome in await asyncio.gather(first, second)]
    assert kinds == [OutcomeKind.SENT, OutcomeKind.REFUSED]
    assert (await second).code == "CASH_RESERVE"


async def test_a_failing_journal_sends_nothing_and_leaves_no_order_working() -> None:
    world = World()
    world.journal.hold()
    task = submitting(world)
    await turns()
    world.journal.fail("disk full")
    outcome = await task
    assert (outcome.kind, outcome.code) == (OutcomeKind.WITHHELD, "JOURNAL")
    assert world.broker.placed == []
    assert world.gateway.working_orders() == ()
    assert world.order().state is OrderState.WITHHELD


async def test_with_a_failed_journal_every_intent_is_refused() -> None:
    world = World()
    world.journal.fail("disk full")
    outcome = await world.gateway.submit(an_intent())
    assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED, "JOURNAL")
    assert world.broker.placed == []
    assert world.book.orders == {}


async def test_a_journal_that_fails_while_it_takes_the_promise_sends_nothing() -> None:
    world = World()
    world.journal.fails_at_append = "queue full"
    outcome = await world.gateway.submit(an_intent())
    assert outcome.code == "JOURNAL"
    assert outcome.kind in (OutcomeKind.REFUSED, OutcomeKind.WITHHELD)
    assert world.broker.placed == []
    assert world.gateway.working_orders() == ()


async def test_a_disk_that_never_answers_withholds_at_the_deadline() -> None:
    world = World(deadline_s=5.0)
    world.journal.hold()
    outcome = await world.gateway.submit(an_intent())
    assert outcome.kind is OutcomeKind.WITHHELD
    assert world.clock.monotonic() == pytest.approx(1_005.0)
    assert world.state(world.order().order_id) is OrderState.WITHHELD
    assert world.broker.placed == []


async def test_a_submission_that_is_cancelled_before_the_send_is_withheld() -> None:
    world = World()
    world.journal.hold()
    task = submitting(world)
    await turns()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert world.order().state is OrderState.WITHHELD
    assert world.gateway.working_orders() == ()


# ---- (h) the last check


def _halt(world: World) -> None:
    world.guard.latch(HaltCause.OPERATOR, "stop", by="test")


def _kill_switch(world: World) -> None:
    world.switch.active = "stop"


def _link_loss(world: World) -> None:
    world.say(LinkWord("socket", is_up=False, code=0, text="reset"))


def _upstream_loss(world: World) -> None:
    world.upstream(1100)


def _drain(world: World) -> None:
    world.drain.shut_gate("SIGTERM")


def _ticket(world: World) -> None:
    world.guard.set_level(HaltCause.TICKET, "position")


@pytest.mark.parametrize(
    "happens", [_halt, _kill_switch, _link_loss, _upstream_loss, _drain, _ticket]
)
async def test_what_happens_while_the_promise_is_written_withholds_the_order(
    happens: Callable[[World], None],
) -> None:
    world = World()
    world.journal.hold()
    task = submitting(world)
    await turns()
    happens(world)
    world.journal.release()
    outcome = await task
    assert outcome.kind is OutcomeKind.WITHHELD
    assert world.broker.placed == []
    (withheld,) = world.journal.events(ev.OrderWithheld)
    assert withheld.order_id == outcome.order_id
    assert world.order().state is OrderState.WITHHELD
    assert world.journal.events(ev.OrderSent) == []


async def test_an_exit_is_withheld_when_the_broker_comes_to_say_that_less_is_there() -> None:
    """A run that ends while the promise is written may dispute what is about to be sold."""
    world = World(held=10)
    world.journal.hold()
    task = asyncio.get_running_loop().create_task(world.gateway.submit(an_exit(), Lane.OPERATOR))
    await turns()
    world.gateway.offset_of = lambda con_id: Decimal(-10)
    world.journal.release()
    outcome = await task
    assert outcome.kind is OutcomeKind.WITHHELD
    assert outcome.text == (
        "position is 10 by now, the broker says 0, exits 10: the order would not only reduce"
    )
    assert world.broker.placed == []


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("the VIX rose", "VIX_ALLOCATION"),
        ("the price fell", "PRICE_COLLAR"),
        ("the feed died", "QUOTE_UNUSABLE"),
    ],
)
async def test_what_waited_long_for_the_disk_is_reviewed_again(what: str, code: str) -> None:
    """It left by a verdict of up to five seconds ago, whatever the market had done since."""
    world = World(policy=bent(POLICY, price__quote_age_s_max=5.0))
    world.journal.hold()
    task = submitting(world)
    await asyncio.sleep(4)
    if what == "the VIX rose":
        world.gateway.outlook = lambda: Outlook(Regime.STORM, Decimal(0))
    if what == "the price fell":
        world.quote("80", "80.02")
    elif what != "the feed died":
        world.quote()
    else:
        world.hub.forget_quotes()
    world.journal.release()
    outcome = await task
    assert outcome.kind is OutcomeKind.WITHHELD
    assert outcome.text.startswith(f"refused by now, {code}")
    assert world.broker.placed == []


async def test_what_waited_long_and_is_still_sound_leaves_at_the_edge_of_every_count() -> None:
    policy = bent(POLICY, rate__orders_max=1, rate__daily_trades_max=1, rate__messages_max=1)
    world = World(policy=policy)
    world.journal.hold()
    task = submitting(world)
    await asyncio.sleep(2)
    world.quote()
    world.journal.release()
    assert (await task).kind is OutcomeKind.SENT


async def test_a_promise_that_became_durable_too_late_is_withheld() -> None:
    world = World(deadline_s=5.0)
    loop = asyncio.get_running_loop()

    def release_late() -> None:
        # The loop itself was late: its timers had no turn to notice the deadline.
        loop.jump(6.0)  # type: ignore[attr-defined]
        world.journal.release()

    world.journal.hold()
    loop.call_later(1.0, release_late)
    outcome = await world.gateway.submit(an_intent())
    assert outcome.kind is OutcomeKind.WITHHELD
    assert world.broker.placed == []


async def test_nothing_is_awaited_between_the_last_check_and_the_socket() -> None:
    """A task flips the halt in every turn of the loop: no order may leave while it is up."""
    world = World()
    was_halted: list[bool] = []
    world.broker.on_place = lambda order: was_halted.append(bool(world.switch.active))

    async def flip() -> None:
        while True:
            world.switch.active = "" if world.switch.active else "flip"
            await asyncio.sleep(0)

    with running(flip):
        for number in range(1, 60):
            world.journal.turns = number % 4
            await world.gateway.submit(an_intent(number, quantity=Decimal(1)))
            await turns(number % 3)
    assert True not in was_halted
    assert was_halted, "no order got through at all"
    assert world.journal.events(ev.OrderWithheld), "the flip never fell between promise and send"


async def test_a_send_that_may_have_left_is_unknown_and_never_tried_again() -> None:
    world = World()
    world.broker.place_error = SendUncertain("connection lost while writing")
    outcome = await world.gateway.submit(an_intent())
    assert outcome.kind is OutcomeKind.UNCERTAIN
    assert world.order().state is OrderState.UNKNOWN
    assert world.journal.kinds()[-2:] == ["OrderSent", "OrderUnanswered"]


async def test_a_link_that_is_down_proves_that_nothing_left() -> None:
    world = World()
    world.broker.place_error = LinkDown("not connected")
    outcome = await world.gateway.submit(an_intent())
    assert outcome.kind is OutcomeKind.WITHHELD
    assert world.order().state is OrderState.WITHHELD


async def test_a_veto_at_the_socket_proves_that_nothing_left() -> None:
    world = World()
    world.broker.place_error = Vetoed("halted by ops")
    outcome = await world.gateway.submit(an_intent())
    assert (outcome.kind, outcome.text) == (
        OutcomeKind.WITHHELD,
        "vetoed at the socket: halted by ops",
    )
    assert world.order().state is OrderState.WITHHELD


async def test_an_unforeseen_error_while_placing_leaves_the_order_unknown() -> None:
    # The broker's library has sent and asserted afterwards before now (INC-112).
    world = World()
    world.broker.place_error = AssertionError("after the bytes")
    with pytest.raises(AssertionError):
        await world.gateway.submit(an_intent())
    assert world.order().state is OrderState.UNKNOWN


# ---- reduce-only


async def test_an_exit_is_held_against_the_position_again_after_the_wait() -> None:
    world = World(held=10)
    world.journal.hold()
    task = asyncio.get_running_loop().create_task(world.gateway.submit(an_exit()))
    await turns()
    sold = an_execution(side=SELL, quantity=Decimal(4), exec_id=ExecId("9.9.01"))
    world.say(ev.ExecutionSeen(sold))
    world.journal.release()
    outcome = await task
    assert outcome.kind is OutcomeKind.WITHHELD
    assert "only reduce" in outcome.text
    assert world.broker.placed == []


async def test_two_exits_that_together_would_cross_zero_after_the_wait_do_not_both_leave() -> None:
    world = World(held=10)
    await world.working(an_exit(1, quantity=4))
    world.journal.hold()
    task = asyncio.get_running_loop().create_task(world.gateway.submit(an_exit(2, quantity=6)))
    await turns()
    # Somebody else sells two: 8 are held, 4 + 6 are on their way out.
    sold = an_execution(side=SELL, quantity=Decimal(2), exec_id=ExecId("9.9.01"))
    world.say(ev.ExecutionSeen(sold))
    world.journal.release()
    assert (await task).kind is OutcomeKind.WITHHELD
    assert len(world.broker.placed) == 1


async def test_an_exit_of_what_other_exits_leave_is_sent() -> None:
    world = World(held=10)
    await world.working(an_exit(1, quantity=4))
    assert (await world.gateway.submit(an_exit(2, quantity=6))).kind is OutcomeKind.SENT
    assert world.gateway.working_exits(CON) == 10
    assert world.gateway.working_exits(OTHER_CON) == 0


async def test_an_exit_that_is_over_may_have_sold_until_it_is_settled() -> None:
    """INC-024."""
    world = World(held=10)
    over = await world.working(an_exit(1, quantity=4))
    await world.working(an_exit(2, quantity=5))
    world.say(a_status(over, "Cancelled"))
    assert world.gateway.working_exits(CON) == 5
    assert world.gateway.possible_exits(CON) == 9
    world.ledger.record(ev.OrderSettled(over.order_id, Decimal(0), "test"))
    assert world.gateway.possible_exits(CON) == 5
    assert world.gateway.possible_exits(OTHER_CON) == 0


async def test_the_operators_exit_leaves_under_a_halt_and_a_strategys_does_not() -> None:
    world = World(held=10)
    world.guard.latch(HaltCause.OPERATOR, "stop", by="test")
    assert (await world.gateway.submit(an_exit(1, quantity=5))).code == "HALTED"
    sent = await world.gateway.submit(an_exit(2, quantity=5), Lane.OPERATOR)
    assert sent.kind is OutcomeKind.SENT
    assert not world.gateway.is_armed()


# ---- cancelling


@pytest.mark.parametrize("cause", list(HaltCause))
async def test_a_cancel_leaves_under_any_halt(cause: HaltCause) -> None:
    world = World()
    order = await world.working()
    world.guard.set_level(cause, "because")
    world.switch.active = "stop"
    assert world.gateway.cancel(order.order_id, "test") is None
    assert world.broker.cancelled == [order.order_id]
    assert world.state(order.order_id) is OrderState.CANCELLING


async def test_a_cancel_leaves_with_a_failed_journal_and_an_empty_bucket() -> None:
    world = World(rate_per_s=0.001, burst=2)
    order = await world.working()
    while world.pacer.try_take(Lane.OPERATOR):
        pass
    world.journal.fail("disk full")
    assert world.gateway.cancel(order.order_id, "test") is None
    assert world.broker.cancelled == [order.order_id]


async def test_a_cancel_of_what_does_not_work_says_so_and_sends_nothing() -> None:
    world = World()
    assert world.gateway.cancel(OrderId(99), "test") == "order 99 is not working"
    assert world.broker.cancelled == []


@pytest.mark.parametrize("error", [LinkDown("down"), SendUncertain("maybe")])
async def test_a_cancel_that_could_not_be_sent_is_not_recorded(error: Exception) -> None:
    world = World()
    order = await world.working()
    world.broker.cancel_error = error
    problem = world.gateway.cancel(order.order_id, "test")
    assert problem is not None
    assert str(error) in problem
    assert world.state(order.order_id) is OrderState.WORKING
    assert world.journal.events(ev.CancelSent) == []


async def test_an_order_cancelled_before_it_left_never_leaves() -> None:
    # A cancel that overtakes its order would find nothing at the broker, and the order comes.
    world = World()
    world.journal.hold()
    task = submitting(world)
    await turns()
    assert world.gateway.cancel(world.order().order_id, "called off") is None
    assert world.broker.cancelled == []
    world.journal.release()
    outcome = await task
    assert outcome.kind is OutcomeKind.WITHHELD
    assert "called off" in outcome.text
    assert world.broker.placed == []


# ---- answers


async def test_an_order_without_an_answer_becomes_unknown_and_a_late_answer_revives_it() -> None:
    world = World()
    await world.gateway.submit(an_intent())
    order = world.order()
    await asyncio.sleep(3.9)
    assert world.gateway.mark_unanswered(4.0, "late") == ()
    await asyncio.sleep(0.2)
    assert world.gateway.mark_unanswered(4.0, "late") == (order.order_id,)
    assert world.order().state is OrderState.UNKNOWN
    assert world.gateway.mark_unanswered(4.0, "late") == ()
    world.say(a_status(order))
    assert world.order().state is OrderState.WORKING


async def test_each_latency_is_observed_once_for_an_order() -> None:
    world = World()
    await world.gateway.submit(an_intent())
    await asyncio.sleep(0.05)
    order = world.order()
    world.say(a_status(order), a_status(order), a_status(order, filled=Decimal(1)))
    world.fill(order)
    names = [name for name, _ in world.latencies]
    assert names == [
        "intent_to_wire_latency_ms",
        "intent_to_decision_latency_ms",
        "intent_to_ack_latency_ms",
        "intent_to_fill_latency_ms",
    ]
    assert world.latencies[2][1] == pytest.approx(50, abs=1)


async def test_an_answer_is_that_of_the_order_it_names_and_of_no_other() -> None:
    world = World()
    for number in (1, 2):
        await world.gateway.submit(an_intent(number))
    first, second = world.book.orders.values()
    await asyncio.sleep(0.05)
    world.say(a_status(second))
    await asyncio.sleep(0.05)
    world.say(a_status(first))
    took = [ms for name, ms in world.latencies if name == "intent_to_ack_latency_ms"]
    assert took == [pytest.approx(50, abs=1), pytest.approx(100, abs=1)]


@pytest.mark.parametrize("is_cancel", [False, True])
async def test_silence_and_our_own_cancel_are_no_acknowledgement(is_cancel: bool) -> None:
    world = World()
    await world.gateway.submit(an_intent())
    await asyncio.sleep(5)
    if is_cancel:
        world.gateway.cancel(world.order().order_id, "test")
    else:
        world.gateway.mark_unanswered(4.0, "late")
    world.say(a_status(world.order()))
    assert "intent_to_ack_latency_ms" not in [name for name, _ in world.latencies]


async def test_an_order_taken_over_from_a_dead_process_counts_as_waiting_for_ever() -> None:
    world = World()
    await world.gateway.submit(an_intent())
    world.gateway.answers._waiting.clear()
    assert world.gateway.mark_unanswered(1e9, "late") == (world.order().order_id,)


async def test_an_unknown_instrument_is_refused() -> None:
    world = World()
    world.hub.instruments.clear()
    outcome = await world.gateway.submit(an_intent())
    assert outcome.code == "INSTRUMENT_UNKNOWN"
    world.hub.add(an_instrument(is_tradeable=False))
    assert (await world.gateway.submit(an_intent(2, side=BUY))).code == "INSTRUMENT_UNTRADEABLE"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"quantity": None}, "QUANTITY_MISSING"),
        ({"quantity": Decimal("NaN")}, "QUANTITY_NOT_A_NUMBER"),
        ({"limit_price": float("nan")}, "PRICE_NOT_A_NUMBER"),
        ({"side": "HOLD"}, "SIDE_UNKNOWN"),
        ({"con_id": None}, "UNWRITABLE"),
        ({"reason": 7}, "UNWRITABLE"),
    ],
)
async def test_an_intent_that_cannot_be_written_down_is_refused_and_not_recorded(
    change: dict[str, Any], code: str
) -> None:
    """CAP-16: also while halted, when nothing is reviewed."""
    world = World()
    before = len(world.journal.rows)
    for is_halted in (False, True):
        if is_halted:
            world.guard.latch(HaltCause.OPERATOR, "lunch", "me")
            before = len(world.journal.rows)
        outcome = await world.gateway.submit(replace(an_intent(), **change))
        assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED, code)
    assert len(world.journal.rows) == before
    assert not world.broker.placed


async def test_every_review_names_the_policy_it_was_held_against() -> None:
    """CAP-22."""
    world = World()
    await world.gateway.submit(an_intent(1))
    await world.gateway.submit(an_intent(2, quantity=Decimal(99_999)))
    seals = {event.policy_hash for event in world.journal.events(ev.IntentReviewed)}
    assert seals == {policy_hash(world.policy)}


async def test_a_concentration_is_held_back_and_asked_again_stays_so() -> None:
    """BRK-04: recorded, not routed."""
    world = World(policy=bent(POLICY, exposure__concentration_hold=Decimal("0.001")))
    for _ in range(2):
        outcome = await world.gateway.submit(an_intent())
        assert (outcome.kind, outcome.code) == (OutcomeKind.HOLD, "CONCENTRATION_HOLD")
    (review,) = world.journal.events(ev.IntentReviewed)
    assert not review.is_approved
    assert not world.broker.placed


async def test_an_exit_is_capped_by_what_the_broker_holds() -> None:
    world = World(held=10)
    world.gateway.offset_of = lambda con_id: Decimal(-4)
    outcome = await world.gateway.submit(an_exit(1, quantity=7))
    assert outcome.code == "REDUCE_ONLY"
    assert (await world.gateway.submit(an_exit(2, quantity=6))).kind is OutcomeKind.SENT


async def test_what_was_stopped_last_and_what_is_in_doubt_have_codes_of_their_own() -> None:
    world = World()
    world.journal.hold()
    task = submitting(world)
    await turns()
    world.guard.latch(HaltCause.OPERATOR, "lunch", "me")
    world.journal.release()
    outcome = await task
    assert (outcome.kind, outcome.code) == (OutcomeKind.WITHHELD, "WITHHELD")
    world = World()
    world.broker.place_error = SendUncertain("the socket broke while writing")
    outcome = await world.gateway.submit(an_intent())
    assert (outcome.kind, outcome.code) == (OutcomeKind.UNCERTAIN, "UNCERTAIN")


async def test_a_value_made_during_the_review_is_not_from_the_future(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A clock that moves between two lines must not refuse a sound order."""
    world = World()
    loop = asyncio.get_running_loop()
    made = world.gateway._valuer.current

    def late() -> Valuation | None:
        loop.jump(0.001)  # type: ignore[attr-defined]
        value = made()
        return None if value is None else replace(value, as_of_s=loop.time())

    monkeypatch.setattr(world.gateway._valuer, "current", late)
    assert (await world.gateway.submit(an_intent())).kind is OutcomeKind.SENT


async def test_what_is_of_a_replay_is_refused_before_anything_else_is_asked() -> None:
    """EVT-20; the rest of it is in test_strays.py."""
    world = World()
    outcome = await world.gateway.submit(an_intent(intent_id=IntentId("replay-alpha-1")))
    assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED, "UNREAL")
    assert world.broker.placed == []
