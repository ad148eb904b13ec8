"""Automatic actions as the fold keeps them: numbered, reviewed, counted by month, forgotten."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.unit.core import factories as make
from trader.core import breaker_events as be
from trader.core import events as ev
from trader.core.book import Book
from trader.core.breakers.rules import Action, BreakerName
from trader.core.checkpoint import restored, state_of
from trader.core.ids import ConId, Seq
from trader.core.reduction_events import POLICY, Reduction, ReductionOrdered
from trader.core.risk.codes import HOLD_CODE
from trader.core.risk_actions import (
    DOWNGRADED,
    KINDS,
    Outcome,
    RiskAction,
    RiskActionKind,
    RiskActions,
)

KIND = RiskActionKind


def tripped(
    name: BreakerName = BreakerName.DRIFT, action: str = "reduce_only"
) -> be.BreakerTripped:
    return be.BreakerTripped(name, "2", "at or above 1", "h", action, "2026-03-02")


def held(number: int, con_id: ConId = make.CON) -> ev.IntentReviewed:
    review = make.reviewed(make.an_intent(number), HOLD_CODE)
    return replace(review, intent=replace(review.intent, con_id=con_id))


def kinds(book: Book) -> list[str]:
    return [f"{row.kind} {row.name}" for row in book.actions.rows()]


def test_every_action_of_a_breaker_has_a_kind_and_downgrades_have_their_code() -> None:
    assert set(KINDS) == {action.name.lower() for action in Action}
    assert DOWNGRADED == HOLD_CODE


def test_each_automatic_action_is_kept_under_the_number_of_its_event() -> None:
    """BRK-19: downgrade, shadow, halt, kill, a strategy's halt, a reduction by itself."""
    book = make.a_book()
    make.record(book, tripped())
    number = book.seq
    make.record(book, tripped(BreakerName.REJECT_RATE, "halt"))
    make.record(book, tripped(BreakerName.LOSS_KILL, "kill"))
    make.record(book, held(1))
    halt = be.StrategyHalted(make.STRATEGY, BreakerName.PSR, "0.1", "0.2", "h", "d")
    make.record(book, halt)
    sale = Reduction(make.CON, "AAA", make.SELL, Decimal(5), Decimal(15), Decimal(500))
    make.record(book, ReductionOrdered((sale,), "asked for", "me"))
    make.record(book, ReductionOrdered((sale,), "120 s", POLICY))
    assert kinds(book) == [
        "shadow drift",
        "halt reject_rate",
        "kill loss_kill",
        f"downgrade alpha:{make.CON}",
        "strategy psr:alpha",
        "reduction reduction",
    ]
    assert book.actions.rows()[-1].text == "SELL 5 of 15 AAA: 120 s"
    first = book.actions.get(number)
    assert first is not None
    assert (first.text, first.outcome, first.is_critical) == ("2", None, False)
    assert [row.is_critical for row in book.actions.rows()] == [
        False, True, True, False, True, True,
    ]  # fmt: skip
    assert restored(state_of(book)).actions == book.actions


def test_a_fall_back_from_probing_is_no_new_action_and_a_new_trip_is() -> None:
    book = make.a_book()
    for event in (
        tripped(),
        be.BreakerProbing(BreakerName.DRIFT, "0"),
        tripped(),
        be.BreakerReset(BreakerName.DRIFT, "itself", "0"),
    ):
        make.record(book, event)
    assert len(book.actions.rows()) == 1
    make.record(book, tripped())
    assert len(book.actions.rows()) == 2


def test_the_same_wish_held_back_all_day_is_one_downgrade() -> None:
    book = make.a_book()
    for number in (1, 2):
        make.record(book, held(number))
    make.record(book, held(3, make.OTHER_CON))
    assert len(book.actions.rows()) == 2
    make.record(book, make.reviewed(make.an_intent(4), "CASH_RESERVE"))
    assert len(book.actions.rows()) == 2


def test_a_review_says_right_or_wrong_and_the_last_word_counts() -> None:
    book = make.a_book()
    make.record(book, tripped())
    number = book.seq
    assert [row.number for row in book.actions.waiting()] == [number]
    make.record(book, be.ActionReviewed(number, False, "ops", "the feed was late"))
    assert book.actions.waiting() == ()
    assert book.actions.false_in("2026-03") == 1
    assert book.actions.false_in("2026-02") == 0
    make.record(book, be.ActionReviewed(number, True, "cro", "it was not"))
    assert book.actions.false_in("2026-03") == 0
    outcome = book.actions.rows()[0].outcome
    assert outcome is not None
    assert (outcome.by, outcome.reason) == ("cro", "it was not")
    make.record(book, be.ActionReviewed(Seq(999), False, "ops", "no such action"))
    assert book.actions.false_in("2026-03") == 0


@pytest.mark.parametrize(("days", "left"), [(61, 2), (63, 1)])
def test_two_months_are_remembered(days: int, left: int) -> None:
    actions = RiskActions()
    for number, after in ((1, 0), (2, days)):
        at = make.T0 + timedelta(days=after)
        actions.add(RiskAction(Seq(number), at, KIND.KILL, "x", "y"))
    assert len(actions.rows()) == left


def test_a_false_positive_counts_in_the_month_of_its_action() -> None:
    actions = RiskActions()
    actions.add(RiskAction(Seq(1), make.T0, KIND.KILL, "x", "y"))
    actions.review(Seq(1), Outcome(False, "ops", "r", make.T0 + timedelta(days=40)))
    assert (actions.false_in("2026-03"), actions.false_in("2026-04")) == (1, 0)
