"""The story of an intent is the book's own fold, told in order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.factories import (
    CLIENT,
    OTHER_ACCOUNT,
    STRATEGY,
    a_book,
    a_status,
    an_echo,
    an_error,
    an_id,
    an_intent,
    at,
    commissioned,
    executed,
    planned,
    record,
    reviewed,
)
from trader.core import breaker_events as be
from trader.core import events as ev
from trader.core.breakers.rules import BreakerName
from trader.core.executions import Commission
from trader.core.halts import HaltCause, Posture
from trader.core.ids import ClientId, ExecId, OrderId, OrderRef, PermId, Seq, order_ref
from trader.core.intents import Side
from trader.core.orders import OrderState
from trader.core.policy import Regime
from trader.core.regime import Outlook
from trader.core.story import NoStory, Story, story_of

SENT = (reviewed(an_intent()), planned(an_intent(), 1), ev.OrderSent(OrderId(1)))


def told(events: Iterable[ev.Event], number: int = 1) -> Story:
    """Tell the story of events one second apart."""
    rows = [ev.Recorded(Seq(10 + 3 * i), at(i), event) for i, event in enumerate(events)]
    return story_of(an_id(number), rows)


def test_a_filled_order_is_told_to_the_commission() -> None:
    story = told([*SENT, a_status(), executed(), commissioned()])
    assert story.outcome == "order 1 FILLED, 10 of 10 filled at 100"
    assert story.order is not None
    assert story.order.state is OrderState.FILLED
    assert story.commission == (("USD", Decimal(1)),)
    assert (story.to_wire_s, story.to_answer_s, story.to_fill_s) == (2, 3, 4)
    assert [row.became for row in story.moments] == [
        None,
        OrderState.PLANNED,
        OrderState.SENT,
        OrderState.WORKING,
        OrderState.FILLED,
        None,
    ]


def test_moments_keep_the_journals_numbers_and_times() -> None:
    story = told(SENT)
    assert [row.seq for row in story.moments] == [10, 13, 16]
    assert [row.after_s for row in story.moments] == [0, 1, 2]
    assert story.moments[2].at_utc == at(2)


def test_a_refused_intent_has_a_story_without_an_order() -> None:
    check = ev.Check("QUANTITY_MAX", "10", "at most 5", passed=False)
    refusal = ev.IntentReviewed(an_intent(), "d", False, "QUANTITY_MAX", "too many", (check,))
    story = told([refusal])
    assert story.outcome == "refused, QUANTITY_MAX: too many"
    assert story.order is None
    assert story.reviews[0].verdict.checks == (check,)
    assert (story.to_wire_s, story.fills, story.commission) == (None, (), ())


def test_an_intent_of_a_dry_run_says_why_nothing_was_sent() -> None:
    dry = ev.IntentReviewed(an_intent(), "d", True, "", "mode dry_run sends no orders", ())
    assert told([dry]).outcome == "mode dry_run sends no orders"


def test_a_withheld_order_says_why_no_byte_left() -> None:
    story = told([*SENT[:2], ev.OrderWithheld(OrderId(1), "halted by me")])
    assert story.outcome == "order 1 WITHHELD, 0 of 10 filled (halted by me)"
    assert story.to_wire_s is None


def test_halts_that_held_at_the_review_are_told_and_those_cleared_are_not() -> None:
    raised = ev.HaltRaised(HaltCause.OPERATOR, "lunch", "me")
    cleared = ev.HaltCleared(HaltCause.FRESH_INSTALL, "ready", "me")
    story = told([cleared, raised, reviewed(an_intent(), "HALTED")])
    assert story.reviews[0].halts == ((HaltCause.OPERATOR, "lunch"),)
    assert [type(row.event) for row in story.moments] == [ev.IntentReviewed]


def test_breakers_market_and_posture_are_told_as_they_were_at_each_review() -> None:
    """Each from the journal: a later trip, reset or change of the market changes no earlier one."""
    name = BreakerName.DAILY_LOSS
    story = told(
        [
            be.PostureChanged(Posture.ARMED, ()),
            be.OutlookChanged(Regime.CALM, Decimal(1)),
            reviewed(an_intent(), "HALTED"),
            be.BreakerTripped(name, "-0.03", "at or below -0.02", "h", "reduce_only", "2026-03-02"),
            be.PostureChanged(Posture.REDUCE_ONLY, ("daily_loss",)),
            be.OutlookChanged(Regime.STORM, Decimal("0.25")),
            be.StrategyHalted(STRATEGY, BreakerName.PSR, "0.1", "at or below 0.2", "h", "d"),
            reviewed(an_intent(), "BREAKER"),
            be.BreakerReset(name, "ops", "seen"),
        ]
    )
    first, second = (review.safety for review in story.reviews)
    assert (first.posture, first.standings, first.strategy_halts) == (Posture.ARMED, (), ())
    assert first.outlook == Outlook(Regime.CALM, Decimal(1))
    assert (second.posture, second.causes) == (Posture.REDUCE_ONLY, ("daily_loss",))
    (tripped,) = second.standings
    assert (tripped.reason, tripped.limit) == ("-0.03", "at or below -0.02")
    assert second.outlook == Outlook(Regime.STORM, Decimal("0.25"))
    halt = second.halt_of(STRATEGY)
    assert halt is not None
    assert halt.limit == "at or below 0.2"
    assert [type(row.event) for row in story.moments] == [ev.IntentReviewed] * 2


def test_words_about_other_orders_with_the_same_number_are_left_out() -> None:
    another = an_echo(order_ref=order_ref(an_id(2)))
    foreign = a_status(client_id=ClientId(9), perm_id=PermId(5))
    by_hand = executed(order_ref=OrderRef("by hand"), client_id=ClientId(0), perm_id=PermId(6))
    story = told([*SENT, another, foreign, by_hand, reviewed(an_intent(2)), an_echo()])
    assert [type(row.event).__name__ for row in story.moments][3:] == ["OpenOrderSeen"]
    assert story.fills == ()


def test_a_commission_before_its_execution_belongs_and_a_strange_one_does_not() -> None:
    strange = ev.CommissionSeen(Commission(ExecId("other.01.01"), Decimal(9), "USD"))
    story = told([*SENT, commissioned(), strange, executed()])
    kinds = [type(row.event).__name__ for row in story.moments]
    assert kinds[3:] == ["CommissionSeen", "ExecutionSeen"]
    assert story.commission == (("USD", Decimal(1)),)


def test_a_missing_commission_is_told_as_unknown_and_not_as_nothing() -> None:
    assert told([*SENT, executed()]).commission is None


def test_a_corrected_execution_counts_once() -> None:
    story = told([*SENT, executed(quantity=10), executed(exec_id="e.01.02", quantity=4)])
    assert [fill.execution.quantity for fill in story.fills] == [4]


def test_a_broker_that_names_the_order_by_its_permanent_id_alone_is_understood() -> None:
    perm_id = a_status().perm_id
    nameless = a_status(0, "Cancelled", client_id=ClientId(0), perm_id=perm_id)
    story = told([*SENT, a_status(), nameless])
    assert story.outcome == "order 1 CANCELLED, 0 of 10 filled"


@pytest.mark.parametrize(("side", "slippage"), [(Side.BUY, "0.5"), (Side.SELL, "-0.5")])
def test_slippage_is_measured_against_the_middle_at_the_decision(side: Side, slippage: str) -> None:
    promise = planned(an_intent(side=side), 1)
    terms = replace(promise.terms, reference_price=Decimal("99.5"))
    events: list[ev.Event] = [SENT[0], replace(promise, terms=terms), SENT[2], executed(side=side)]
    assert told(events).slippage == Decimal(slippage)
    assert told(events[:3]).slippage is None
    assert told([*SENT, executed()]).slippage is None


def test_an_intent_without_a_review_has_no_story() -> None:
    with pytest.raises(NoStory, match="no review of intent abc123-alpha-1"):
        told([reviewed(an_intent(2))])


EVENTS = st.sampled_from(
    [
        a_status(),
        a_status(status="Cancelled"),
        an_echo(),
        an_error(ev.Evidence.REJECTS_NEW),
        an_error(ev.Evidence.CONFIRMS_CANCEL),
        ev.CancelSent(OrderId(1), "me"),
        ev.OrderUnanswered(OrderId(1), "silence"),
        executed(quantity=4),
        executed(exec_id="e2.01.01", quantity=6),
        commissioned(),
        commissioned("e2.01.01"),
        executed(exec_id="f.01.01", client_id=CLIENT, account=OTHER_ACCOUNT),
    ]
)


@given(st.lists(EVENTS, max_size=12))
def test_a_story_says_of_the_order_what_the_book_says(events: list[ev.Event]) -> None:
    book = a_book()
    for event in [*SENT, *events]:
        record(book, event)
    story = told([*SENT, *events])
    assert story.order is not None
    kept = book.orders[OrderId(1)]
    assert (story.order.state, story.order.filled, story.order.perm_id) == (
        kept.state,
        kept.filled,
        kept.perm_id,
    )
    assert {fill.execution.exec_id for fill in story.fills} == {
        fill.execution.exec_id for fill in book.fills.values()
    }
