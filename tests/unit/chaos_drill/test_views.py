"""What a status and a truth say: nothing counts as well, as at rest or as an exit by mistake."""

from __future__ import annotations

from typing import Any

import pytest

from trader.chaos_drill import views

QUOTES = [{"symbol": one, "fault": ""} for one in (*views.SYMBOLS, "SPY")]
WELL: dict[str, Any] = {
    "agent_state": "READY",
    "inputs_missing": [],
    "reconcile": {"run_id": "r1", "problem": ""},
    "quotes": QUOTES,
    "tally": {"orders_sent": 3, "executions": 2},
    "orders": [{"order_id": 1, "state": "FILLED"}],
    "money": {"commission_pending": "0.00"},
    "journal": {"seq": 9, "durable_seq": 9},
    "positions": [{"con_id": 1, "quantity": "20"}, {"con_id": 2, "quantity": "0"}],
}
TRUTH: dict[str, Any] = {
    "orders": [{"status": "Filled"}],
    "executions": [{}, {}],
    "positions": [{"con_id": 1, "quantity": "20"}],
}


def test_ready_reconciled_and_with_quotes_is_well() -> None:
    assert views.is_well(WELL)


@pytest.mark.parametrize(
    "change",
    [
        {"agent_state": "SHADOW_MODE"},
        {"agent_state": "HALTED"},
        {"inputs_missing": ["no value"]},
        {"reconcile": None},
        {"reconcile": {"run_id": "r1", "problem": "no end of positions"}},
        {"quotes": [*QUOTES[1:]]},
        {"quotes": [{"symbol": "AAPL", "fault": "age 6 s"}, *QUOTES[1:]]},
        {"quotes": []},
    ],
)
def test_whatever_is_missing_is_not_well(change: dict[str, Any]) -> None:
    assert not views.is_well(WELL | change)
    assert views.complaint(WELL | change)
    assert not views.is_well({})


def test_a_quote_that_the_strategy_does_not_trade_does_not_count() -> None:
    others = {"symbol": "SPY", "fault": "age 6 s"}
    assert views.is_well(WELL | {"quotes": [*QUOTES[:4], others]})


def test_nobody_who_answers_has_sent_and_compared_nothing() -> None:
    assert views.orders_sent({}) == 0
    assert views.run_of({}) == ""
    assert views.complaint({}) == "no answer"
    assert (views.orders_sent(WELL), views.run_of(WELL)) == (3, "r1")


def frame(order_id: int, at_s: float, ref: str = "", *, modify: bool = False) -> dict[str, Any]:
    return {
        "order_id": order_id,
        "client_id": 7,
        "order_ref": ref or f"ref-{order_id}",
        "modify": modify,
        "received_monotonic_s": at_s,
    }


def order(order_id: int, side: str, quantity: str, con_id: int = 1) -> dict[str, Any]:
    return {
        "order_id": order_id,
        "client_id": 7,
        "side": side,
        "quantity": quantity,
        "con_id": con_id,
        "symbol": "IBM",
    }


HELD = [{"con_id": 1, "quantity": "20"}]


@pytest.mark.parametrize(
    ("orders", "added"),
    [
        ([order(1, "BUY", "20")], 1),
        ([order(1, "SELL", "20")], 0),
        ([order(1, "SELL", "21")], 1),
        ([order(1, "SELL", "20", con_id=2)], 1),
        ([order(1, "SELL", "12"), order(2, "SELL", "8")], 0),
        ([order(1, "SELL", "12"), order(2, "SELL", "12")], 1),
        ([order(1, "SELL", "20"), order(2, "BUY", "1")], 1),
        ([], 1),
    ],
)
def test_only_what_shrinks_a_position_adds_no_risk(
    orders: list[dict[str, Any]], added: int
) -> None:
    frames = [frame(row["order_id"], 5.0) for row in orders] or [frame(1, 5.0)]
    found = views.risk_added({"orders": orders, "place_frames": frames}, HELD, 4.0, 6.0)
    assert len(found) == added
    assert all("ref-" in text for text in found)


def test_only_the_span_counts() -> None:
    frames = [frame(1, 4.0), frame(1, 6.1)]
    truth = {"orders": [order(1, "BUY", "20")], "place_frames": frames}
    assert views.risk_added(truth, HELD, 4.0, 6.0) == ()
    assert len(views.risk_added(truth, HELD, 3.9, 6.0)) == 1
    assert len(views.risk_added(truth, HELD, 4.0, 6.1)) == 1


def test_a_reference_or_an_id_that_came_twice_is_found_and_a_change_is_none() -> None:
    assert views.sent_twice([frame(1, 1.0), frame(1, 2.0, modify=True), frame(2, 3.0)]) == ()
    assert views.sent_twice([frame(1, 1.0, "a"), frame(2, 2.0, "a")]) == ("reference a, 2 times",)
    assert views.sent_twice([frame(1, 1.0, "a"), frame(1, 2.0, "b")]) == ("id 1, 2 times",)


@pytest.mark.parametrize(
    ("status", "truth", "moves"),
    [
        ({}, {}, ""),
        ({}, {"orders": [{"status": "Submitted"}]}, "orders work"),
        ({"orders": [{"order_id": 4, "state": "UNKNOWN"}]}, {}, "[4]"),
        ({"money": {"commission_pending": "1.00"}}, {}, "commissions"),
        ({}, {"executions": [{}]}, "2 executions of 1"),
        ({"journal": {"seq": 10, "durable_seq": 9}}, {}, "journal"),
    ],
)
def test_what_moves_is_named(status: dict[str, Any], truth: dict[str, Any], moves: str) -> None:
    found = views.unrest(WELL | status, TRUTH | truth)
    assert bool(found) == bool(moves)
    assert moves in found
    assert views.unrest({}, TRUTH)


def test_positions_are_compared_both_ways() -> None:
    assert views.position_differences(WELL, TRUTH) == []
    (more,) = views.position_differences(WELL, TRUTH | {"positions": []})
    assert more == "position 1: the daemon shows 20, the broker has 0"
    (less,) = views.position_differences(WELL | {"positions": []}, TRUTH)
    assert less == "position 1: the daemon shows 0, the broker has 20"
