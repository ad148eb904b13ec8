"""What a client sees when the broker itself acts on orders and positions."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sim.script.stages import Wire, act_on, played
from tests.unit.sim.support import place_fields

SEEDS = [1, 2, 3, 4]


@pytest.mark.parametrize(("kind", "limit"), [("LMT", 150), ("MKT", "")])
def test_a_sale_is_inactive_for_hours_and_fills(kind: str, limit: object) -> None:
    host, engine = played("inc-016-inactive-but-alive")
    wire = Wire(host)
    act_on(host, "price", symbol="AAPL", price=100)
    wire.send(*place_fields(1, action="SELL", kind=kind, limit=limit, quantity=10))
    wire.wait(1)
    last = wire.frames(3)[-1]
    assert (last[2], last[10]) == ("Inactive", "locate")
    act_on(host, "price", symbol="AAPL", price=160)
    wire.wait(2 * 3600)
    assert host.exchange.executions == []
    assert [o.order_id for o in host.exchange.working()] == [1]
    wire.wait(3600 + 5)
    assert [str(o.status) for o in host.exchange.orders.values()] == ["Filled"]
    assert engine.failures == []


@pytest.mark.parametrize("seed", SEEDS)
def test_an_execution_comes_after_cancelled(seed: int) -> None:
    host, engine = played("inc-024-filled-after-cancelled", seed=seed)
    wire = Wire(host)
    wire.send(*place_fields(1, kind="LMT", limit=50))
    wire.wait(0.1)
    wire.frames()
    wire.send(4, 1, 1, "")
    wire.wait(6)
    frames = wire.frames(3, 11)
    place = next(n for n, f in enumerate(frames) if f[0] == "3" and f[2] == "Cancelled")
    (fill,) = [f for f in frames[place:] if f[0] == "11"]
    assert fill[19] == "40"
    assert sum(item.quantity for item in host.exchange.executions) == 40
    assert engine.failures == []


def test_a_position_is_shown_long_after_its_fill() -> None:
    host, _ = played("inc-032-positions-lag-behind")
    wire = Wire(host)
    wire.send(61, 1)
    wire.send(*place_fields(1, quantity=10))
    wire.wait(19)
    frames = wire.frames(11, 61)
    assert {f[0] for f in frames} == {"11"}
    wire.send(61, 1)
    assert wire.ids() == [62]
    wire.wait(2)
    assert wire.frames(61)[-1][14] == "10"


@pytest.mark.parametrize("terms", [{"kind": "LMT", "limit": 50}, {"kind": "MKT"}])
def test_the_broker_cancels_under_a_lost_link(terms: dict[str, Any]) -> None:
    host, _ = played("inc-038-cancelled-while-the-link-is-down")
    wire = Wire(host)
    wire.send(*place_fields(1, **terms))
    wire.wait(5)
    frames = [f for f in wire.frames(3, 4) if f[0] == "3" or f[3] in ("1100", "202")]
    assert [f[3] for f in frames if f[0] == "4"] == ["1100", "202"]
    assert frames[-2][2] == "Cancelled"
    assert "at the open" in frames[-1][4]
    wire.wait(10)
    wire.frames()
    wire.send(5, 1)
    assert wire.ids() == [53]


def test_an_order_fills_while_its_cancel_is_pending() -> None:
    host, _ = played("inc-044-filled-while-pending-cancel")
    wire = Wire(host)
    wire.send(*place_fields(1, kind="LMT", limit=50, quantity=10))
    wire.wait(2)
    wire.frames()
    wire.send(4, 1, 1, "")
    wire.wait(5)
    frames = wire.frames(3, 11)
    states = [f[2] for f in frames if f[0] == "3"]
    assert states[0] == "PendingCancel"
    assert host.exchange.executions, states
    first = next(n for n, f in enumerate(frames) if f[0] == "11")
    assert "PendingCancel" in [f[2] for f in frames[:first] if f[0] == "3"]


def test_a_stop_fills_while_its_client_is_away() -> None:
    host, _ = played("inc-064-a-bracket-without-its-client")
    wire = Wire(host)
    wire.send(*place_fields(2, action="SELL", kind="STP", stop=100, tif="GTC", ref="sl"))
    wire.send(*place_fields(3, action="BUY", kind="MKT", ref="in"))
    wire.wait(5)
    assert not wire.peer.is_open
    states = {o.order_ref: str(o.status) for o in host.exchange.orders.values()}
    assert states == {"sl": "Filled", "in": "Filled"}
    again = Wire(host)
    again.send(7, 3, 5, 0, "", "", "", "", "", "")
    assert "sl" in {f[26] for f in again.frames(11)}


def test_the_broker_closes_the_position_by_force() -> None:
    host, _ = played("inc-086-the-broker-liquidates")
    wire, zero = Wire(host), Wire(host, 0)
    wire.send(*place_fields(1, quantity=10))
    wire.wait(50)
    assert "2148" in [f[3] for f in wire.frames(4)]
    (fill,) = zero.frames(11)
    assert (fill[2], fill[23]) == ("-1", "1")
    item = host.market.catalogue.symbol("AAPL")
    assert item is not None
    assert host.exchange.bank.main.quantity(item) == 0


# A market order is never seen Submitted before its first fill.
@pytest.mark.parametrize(("kind", "limit"), [("LMT", 500), ("MKT", "")])
def test_a_refused_order_leaves_a_position(kind: str, limit: object) -> None:
    host, engine = played("inc-121-refused-and-yet-a-position")
    wire = Wire(host)
    wire.send(61, 1)
    wire.send(*place_fields(1, action="SELL", kind=kind, limit=limit, quantity=1))
    wire.wait(5)
    wire.send(7, 3, 9, 0, "", "", "", "", "", "")
    frames = wire.frames(3, 4, 11, 61)
    assert "201" in [f[3] for f in frames if f[0] == "4"]
    assert [f[2] for f in frames if f[0] == "3"][-1] == "Inactive"
    assert [f[14] for f in frames if f[0] == "61"] == ["-1"]
    assert not [f for f in frames if f[0] == "11"]
    assert [str(order.status) for order in host.exchange.orders.values()] == ["Inactive"]
    assert engine.failures == []


def test_a_refusal_ends_only_what_had_not_filled() -> None:
    for seed in range(1, 20):
        host, _ = played("inc-129-refused-after-a-part-has-filled", seed=seed, fill_s=(0.5, 1.5))
        wire = Wire(host)
        wire.send(*place_fields(1, quantity=100))
        wire.wait(10)
        (order,) = host.exchange.orders.values()
        if str(order.status) == "Inactive":
            assert 0 < order.filled < 100
            assert "201" in [f[3] for f in wire.frames(4)]
            assert sum(i.quantity for i in host.exchange.executions) == order.filled
            return
    pytest.fail("no seed filled the order in parts")
