"""A person at the terminal enters, cancels and transmits orders; its settings are set."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sim.script.stages import Wire, act_on, memory_host
from tests.unit.sim.support import place_fields
from trader.sim.script.inputs import InputError


def resting(order_id: int, **more: Any) -> list[object]:
    values: dict[str, Any] = {"kind": "LMT", "limit": 50} | more
    return place_fields(order_id, **values)


def test_an_order_by_hand_works_and_is_cancelled_by_hand() -> None:
    host = memory_host()
    wire = Wire(host)
    made = act_on(host, "manual-order", symbol="AAPL", side="BUY", quantity=5, type="LMT", limit=50)
    wire.wait(0.1)
    wire.send(16, 1)
    (order,) = wire.frames(5)
    assert (order[1], order[25]) == ("0", str(made["perm_id"]))
    wire.send(4, 1, 0, "")
    assert [f[3] for f in wire.frames(4)] == ["10147"]
    act_on(host, "manual-cancel", perm_id=made["perm_id"])
    assert host.exchange.working() == []


def test_client_zero_binds_what_was_entered_by_hand() -> None:
    host = memory_host()
    zero = Wire(host, 0)
    zero.send(15, 1, 1)
    act_on(host, "manual-order", symbol="AAPL", side="BUY", quantity=5, type="LMT", limit=50)
    zero.wait(0.1)
    bound = zero.frames(100)
    assert len(bound) == 1
    assert int(bound[0][3]) < 0


def test_an_order_kept_back_is_transmitted_by_hand() -> None:
    host = memory_host()
    wire = Wire(host)
    wire.send(*resting(1, transmit=0))
    wire.wait(10)
    assert wire.frames(3, 5) == []
    act_on(host, "transmit", client_id=7, order_id=1)
    wire.wait(1)
    assert wire.frames(3)[-1][2] == "Submitted"
    with pytest.raises(InputError, match="not transmitted"):
        act_on(host, "transmit", client_id=7, order_id=1)


def test_precautions_refuse_orders_until_they_are_taken_away() -> None:
    host = memory_host()
    wire = Wire(host)
    act_on(host, "order-rules", size_max=10)
    wire.send(*resting(1, quantity=11))
    assert [f[2] for f in wire.frames(4)] == ["1"]
    act_on(host, "order-rules")
    wire.send(*resting(2, quantity=11))
    wire.wait(0.1)
    assert [o.order_id for o in host.exchange.working()] == [2]


def test_permanent_ids_come_late() -> None:
    host = memory_host()
    wire = Wire(host)
    act_on(host, "withhold-perm-ids", orders=1, messages=2)
    wire.send(*resting(1))
    wire.send(*resting(2))
    wire.wait(1)
    seen = [(f[1], f[6] == "0") for f in wire.frames(3)]
    assert seen[0] == ("1", True)
    assert seen[-1] in (("1", False), ("2", False))
    assert ("2", True) not in seen


@pytest.mark.parametrize(
    ("name", "body", "field"),
    [
        ("manual-order", {"symbol": "AAPL", "side": "BUY", "quantity": 1, "type": "LMT"}, "limit"),
        ("manual-order", {"symbol": "AAPL", "side": "BUY", "quantity": 1, "stop": 5}, "stop"),
        ("manual-order", {"symbol": "VIX", "side": "BUY", "quantity": 1}, "symbol"),
        ("manual-order", {"symbol": "AAPL", "side": "BUY", "quantity": "1.5"}, "quantity"),
        (
            "manual-order",
            {"symbol": "AAPL", "side": "BUY", "quantity": 1, "type": "LMT", "limit": "50.005"},
            "limit",
        ),
        (
            "manual-order",
            {"symbol": "AAPL", "side": "SELL", "quantity": 1, "type": "STP", "stop": "50.005"},
            "stop",
        ),
        ("manual-cancel", {"perm_id": 5}, "perm_id"),
        ("transmit", {"client_id": 7, "order_id": 1}, "order_id"),
        ("order-rules", {"size_max": 0}, "size_max"),
        ("withhold-perm-ids", {"orders": 1, "messages": 0}, "messages"),
    ],
)
def test_a_wrong_input_is_named(name: str, body: dict[str, Any], field: str) -> None:
    host = memory_host()
    with pytest.raises(InputError) as caught:
        act_on(host, name, **body)
    assert caught.value.field == field
    assert len(host.exchange.orders) == 0
