"""What a person reads of an order that left without the daemon."""

from __future__ import annotations

import json

from tests.unit.core.factories import commissioned
from tests.unit.core.test_emergency_events import ORDER
from tests.unit.core.test_emergency_story import part, told
from trader.core import events as ev
from trader.ops.why_emergency import emergency_json, emergency_lines


def test_every_line_says_one_thing() -> None:
    filled = ev.ExecutionSeen(part("e.1.01", 10, 99))
    lines = emergency_lines(told([ORDER, filled, commissioned("e.1.01")]))
    assert lines[:4] == [
        "emergency  kill-abc123-1: SELL 10 AAA at the market, without the daemon",
        "sent       by desk at 2026-03-02T15:00:00.000Z, client 7 order 9",
        "outcome    10 of 10 filled at 99",
        "paid       1 USD commission",
    ]
    assert "sent without the daemon, taken in at a start: kill-abc123-1" in lines[5]
    assert lines[6].endswith("executed: SELL 10 AAA at 99, e.1.01")


def test_what_is_not_known_is_not_shown_as_nothing() -> None:
    assert emergency_lines(told([ORDER]))[3] == "paid       nothing"
    unpaid = emergency_lines(told([ORDER, ev.ExecutionSeen(part("e.1.01", 10, 99))]))
    assert unpaid[3] == "paid       commission not reported yet for every execution"


def test_the_json_keeps_decimals_as_text() -> None:
    filled = ev.ExecutionSeen(part("e.1.01", 10, 99))
    body = json.loads(json.dumps(emergency_json(told([ORDER, filled]))))
    assert body["emergency"]["order_ref"] == "kill-abc123-1"
    assert (body["filled"], body["average_price"], body["commission"]) == ("10", "99", None)
    assert [row["kind"] for row in body["moments"]] == ["EmergencyOrderKnown", "ExecutionSeen"]
