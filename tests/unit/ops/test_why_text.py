"""A story for a terminal: each line says one thing, and nothing unknown is shown as zero."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from tests.unit.core.factories import (
    STRATEGY,
    a_status,
    an_echo,
    an_id,
    an_intent,
    at,
    commissioned,
    executed,
    planned,
    reviewed,
)
from trader.core import breaker_events as be
from trader.core import events as ev
from trader.core.breakers.rules import BreakerName
from trader.core.changes import ChangeTerms
from trader.core.halts import HaltCause, Posture
from trader.core.ids import OrderId, RunId, Seq
from trader.core.policy import Regime
from trader.core.story import Story, story_of
from trader.ops.why_text import story_json, story_lines

CHECKS = (
    ev.Check("QUANTITY_MAX", "10", "at most 500", passed=True),
    ev.Check("CASH_RESERVE", "1.00 left", "at least 5", passed=False),
)
REVIEWED = replace(reviewed(an_intent()), checks=CHECKS)
SENT: tuple[ev.Event, ...] = (REVIEWED, planned(an_intent(), 1), ev.OrderSent(OrderId(1)))


def told(events: Sequence[ev.Event]) -> Story:
    rows = [ev.Recorded(Seq(i + 1), at(i / 1000), event) for i, event in enumerate(events)]
    return story_of(an_id(), rows)


def test_a_filled_order_is_told_from_the_wish_to_the_commission() -> None:
    story = told([*SENT, an_echo(), a_status(), executed(), commissioned()])
    assert story_lines(story)[:5] == [
        "intent   abc123-alpha-1: BUY 10 AAA LMT 100 DAY",
        "wished   by alpha: no reason given",
        "outcome  order 1 FILLED, 10 of 10 filled at 100",
        "waits    2.0 ms to the wire, 3.0 ms to the first answer, 5.0 ms to the first fill",
        "paid     1 USD commission",
    ]


def test_slippage_stands_beside_the_commission() -> None:
    promise = planned(an_intent(), 1)
    priced = replace(promise, terms=replace(promise.terms, reference_price=Decimal(80)))
    story = told([REVIEWED, priced, SENT[2], executed(), commissioned()])
    assert story_lines(story)[4] == (
        "paid     1 USD commission, slippage +20.0000 a unit (+2500.0 basis points) "
        "against the middle of 80 at the decision"
    )
    assert story_json(story)["slippage"] == "20"


def test_each_event_has_a_line_with_its_time_and_what_the_order_became() -> None:
    lines = story_lines(told([*SENT, a_status(why_held="locate"), executed(), commissioned()]))
    assert lines[6].startswith("2026-03-02 15:00:00.000Z        +0.0 ms  reviewed: abc123-alpha-1")
    assert lines[-4].endswith("written to the socket -> SENT")
    assert lines[-3].endswith("Submitted, 0 filled, permId 9001, held: locate -> WORKING")
    assert lines[-2].endswith("executed: BUY 10 AAA at 100, e.01.01 -> FILLED")
    assert lines[-1].endswith("commission: 1 USD for e.01.01")


def test_each_check_is_told_with_value_limit_and_verdict() -> None:
    lines = story_lines(told(SENT))
    assert "    ok   QUANTITY_MAX  10  (allowed: at most 500)" in lines
    assert "    FAIL CASH_RESERVE  1.00 left  (allowed: at least 5)" in lines


def test_the_halts_of_that_time_stand_with_the_review() -> None:
    fresh = ev.HaltCleared(HaltCause.FRESH_INSTALL, "ready", "me")
    assert "    halts then: none recorded" in story_lines(told([fresh, *SENT]))
    stop = ev.HaltRaised(HaltCause.OPERATOR, "lunch", "me")
    assert "    halts then: operator: lunch" in story_lines(told([fresh, stop, *SENT]))


def test_breakers_posture_and_market_of_that_time_stand_with_the_review() -> None:
    until = at(600)
    then: list[ev.Event] = [
        be.BreakerTripped(
            BreakerName.DAILY_LOSS, "-0.03", "at or below -0.02", "h", "reduce_only", "2026-03-02"
        ),
        be.PostureChanged(Posture.REDUCE_ONLY, ("daily_loss",)),
        be.OutlookChanged(Regime.STORM, Decimal("0.25")),
        be.StrategyHalted(STRATEGY, BreakerName.PSR, "0.1", "at or below 0.2", "h", "d"),
        be.OverrideGranted(BreakerName.DRIFT, "known", "ops", until),
    ]
    story = told([*then, *SENT])
    lines = story_lines(story)
    for line in (
        "posture then: reduce_only: daily_loss",
        "breaker then: daily_loss tripped (reduce_only), -0.03, limit at or below -0.02",
        "strategy then: alpha halted by psr, 0.1, limit at or below 0.2",
        "override then: drift by ops until 2026-03-02T15:10:00Z: known",
        "market then: storm, allocation 0.25",
    ):
        assert f"    {line}" in lines
    body = json.loads(json.dumps(story_json(story)))["reviews"][0]["safety"]
    assert body["breakers"] == [
        {
            "name": "daily_loss",
            "phase": "tripped",
            "action": "reduce_only",
            "value": "-0.03",
            "limit": "at or below -0.02",
        }
    ]
    assert (body["posture"], body["regime"], body["allocation"]) == ("reduce_only", "storm", "0.25")
    assert body["strategy_halts"] == [{"strategy": "alpha", "breaker": "psr", "value": "0.1"}]
    assert body["overrides"] == [{"breaker": "drift", "by": "ops", "until": "2026-03-02T15:10:00Z"}]
    quiet = story_lines(told(SENT))
    assert "    breakers then: none tripped" in quiet
    assert "    posture then: not recorded yet" in quiet


def test_what_is_not_known_is_said_to_be_unknown() -> None:
    assert "paid     commission not reported yet for every execution" in story_lines(
        told([*SENT, executed()])
    )
    refused = story_lines(told([reviewed(an_intent(), "HALTED")]))
    assert refused[0] == "intent   abc123-alpha-1: BUY 10 contract 101 LMT 100 DAY"
    assert refused[3:5] == ["waits    nothing was sent", "paid     nothing"]


def test_each_change_is_told_and_the_echo_that_shows_it() -> None:
    wanted = ChangeTerms(Decimal(12), Decimal("99.5"), None, Decimal("99.5"))
    events: list[ev.Event] = [
        *SENT,
        a_status(),
        ev.ModifyRefused(OrderId(1), "CHURN", "too often", "moved", (), "h"),
        ev.ModifyPlanned(OrderId(1), 1, wanted, "moved"),
        ev.ModifySent(OrderId(1), 1),
        an_echo(quantity=Decimal(12), limit_price=Decimal("99.5")),
    ]
    lines = story_lines(told(events))
    assert lines[-4].endswith("change refused: 1: too often")
    assert lines[-3].endswith(
        "change promised, durable before any byte: 1: change 1 to 12 99.5: moved"
    )
    assert lines[-2].endswith("change written to the socket: 1: change 1")
    assert "BUY 12 AAA LMT 99.5, Submitted" in lines[-1]
    order = told(events).order
    assert order is not None
    assert order.terms.quantity == 12


def test_the_odd_ends_of_an_order_are_told() -> None:
    run, first = RunId("r2"), RunId("r1")
    events: list[ev.Event] = [
        *SENT,
        ev.OrderUnanswered(OrderId(1), "5 s"),
        ev.OrderAbsentSeen(OrderId(1), first),
        ev.OrderProvenAbsent(OrderId(1), run, first),
    ]
    lines = story_lines(told(events))
    assert lines[-3].endswith("no answer: 1: 5 s -> UNKNOWN")
    assert lines[-2].endswith("missing from one complete snapshot: 1")
    assert lines[-1].endswith("missing from two complete snapshots: runs r1 and r2 -> CANCELLED")
    settled = ev.OrderSettled(OrderId(1), Decimal(0), "executions listed")
    lines = story_lines(told([*events, settled]))
    assert lines[-1].endswith("settled: no execution is still to come: 1: executions listed")


def test_a_reduce_only_intent_says_so() -> None:
    exit_intent = an_intent(is_reduce_only=True, reason="target reached")
    lines = story_lines(told([reviewed(exit_intent)]))
    assert lines[0].endswith("LMT 100 DAY, reduce only")
    assert lines[1] == "wished   by alpha: target reached"


def test_the_json_holds_everything_and_keeps_decimals_as_text() -> None:
    story = told([*SENT, a_status(), executed(price=Decimal("100.10")), commissioned()])
    body = json.loads(json.dumps(story_json(story)))
    assert body["intent"]["limit_price"] == "100"
    assert body["intent"]["stop_price"] is None
    assert (body["order_id"], body["state"], body["filled"]) == (1, "FILLED", "10")
    assert Decimal(body["average_price"]) == Decimal("100.1")
    assert body["commission"] == {"USD": "1"}
    assert body["reviews"][0]["checks"][1] == {
        "code": "CASH_RESERVE",
        "value": "1.00 left",
        "limit": "at least 5",
        "passed": False,
    }
    assert [row["kind"] for row in body["moments"]][:2] == ["IntentReviewed", "OrderPlanned"]
    assert body["moments"][0]["at"] == "2026-03-02T15:00:00Z"


def test_the_json_of_a_refusal_has_no_order() -> None:
    body = json.loads(json.dumps(story_json(told([reviewed(an_intent(), "HALTED")]))))
    assert (body["order_id"], body["state"], body["filled"]) == (None, None, None)
    assert body["outcome"] == "refused, HALTED: HALTED"
