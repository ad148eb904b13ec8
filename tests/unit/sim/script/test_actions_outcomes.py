"""The broker acts on orders: every code with its effect, ends, holds, late fills."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sim.script.stages import Wire, act_on, memory_host
from tests.unit.sim.support import place_fields
from trader.sim.host.memory import MemoryHost
from trader.sim.oracle.codes import catalogue
from trader.sim.script.inputs import InputError

# The place of parentId in message 3.
PARENT = 28
# What becomes of a live order that a code of this effect speaks of, and its frames in order.
AFTER = {
    "ends": ("Inactive", "", ["3", "4"]),
    "cancels": ("Cancelled", "", ["3", "4"]),
    "holds": ("PreSubmitted", "locate", ["5", "3", "4"]),
}


def resting(host: MemoryHost, wire: Wire, order_id: int = 1, **more: Any) -> None:
    values: dict[str, Any] = {"kind": "LMT", "limit": 50}
    wire.send(*place_fields(order_id, **(values | more)))
    wire.wait(0.1)
    wire.frames()


def status(host: MemoryHost, order_id: int = 1) -> tuple[str, str]:
    (order,) = [o for o in host.exchange.orders.values() if o.order_id == order_id]
    return str(order.status), order.why_held


def test_every_code_is_sent_with_its_text_and_does_what_the_catalogue_says() -> None:
    host = memory_host()
    wire = Wire(host)
    order_id = 0
    for number, code in catalogue().items():
        about_order = code.scope in ("order", "any")
        if about_order and (not order_id or status(host, order_id) != ("Submitted", "")):
            order_id += 1
            resting(host, wire, order_id)
        ident = order_id if about_order else 5000 if code.scope == "request" else -1
        act_on(host, "emit-code", code=number, id=ident)
        frames = wire.frames()
        after, why, ids = AFTER.get(code.effect, ("Submitted", "", ["4"]))
        assert [f[0] for f in frames] == ids, number
        error = next(f for f in frames if f[0] == "4")
        assert error[2:4] == [str(ident), str(number)]
        assert error[4], number
        if about_order:
            assert status(host, order_id) == (after, why), number


def test_a_code_may_come_before_the_status_or_without_its_effect() -> None:
    host = memory_host()
    wire = Wire(host)
    resting(host, wire)
    act_on(host, "emit-code", code=201, id=1, effect=False)
    assert [f[0] for f in wire.frames()] == ["4"]
    assert status(host)[0] == "Submitted"
    act_on(host, "emit-code", code=201, id=1, order="code-first", text="Order rejected - reason:x")
    frames = wire.frames()
    assert [f[0] for f in frames] == ["4", "3"]
    assert frames[0][4] == "Order rejected - reason:x"
    assert status(host)[0] == "Inactive"
    assert host.faults.frame_rules == []


def test_a_code_says_the_state_of_the_order_it_speaks_of() -> None:
    host = memory_host()
    wire = Wire(host)
    wire.send(*place_fields(1))
    wire.wait(0.1)
    wire.frames()
    act_on(host, "emit-code", code=10148, id=1, advanced='{"a": 1}')
    (error,) = wire.frames()
    assert error[4].endswith("state: Filled.")
    assert error[5] == '{"a": 1}'


def test_an_unknown_code_is_refused() -> None:
    with pytest.raises(InputError, match="catalogue"):
        act_on(memory_host(), "emit-code", code=99_999)


def test_the_broker_cancels_unasked() -> None:
    host = memory_host()
    wire = Wire(host)
    resting(host, wire)
    act_on(host, "end-order", text="Order Canceled - reason:at the open", order_id=1)
    frames = wire.frames()
    assert [f[0] for f in frames] == ["3", "4"]
    assert (frames[0][2], frames[1][3:5]) == (
        "Cancelled", ["202", "Order Canceled - reason:at the open"],
    )  # fmt: skip
    with pytest.raises(InputError, match="live order"):
        act_on(host, "end-order", order_id=1)


def test_a_held_order_does_not_trade_until_it_is_let_go() -> None:
    host = memory_host()
    wire = Wire(host)
    resting(host, wire, action="SELL", limit=500)
    act_on(host, "hold-order", order_id=1)
    act_on(host, "price", symbol="AAPL", price=600)
    wire.wait(60)
    assert status(host) == ("PreSubmitted", "locate")
    act_on(host, "let-go", order_id=1)
    wire.wait(1)
    assert status(host) == ("Filled", "")


def test_a_cancelled_order_fills_late() -> None:
    host = memory_host()
    wire = Wire(host)
    resting(host, wire)
    wire.send(4, 1, 1, "")
    wire.wait(0.1)
    assert wire.frames(3)[-1][2] == "Cancelled"
    act_on(host, "late-fill", order_id=1, quantity=30)
    (item,) = wire.frames(11)
    assert item[19] == "30"
    assert status(host)[0] == "Cancelled"
    resting(host, wire, 2)
    with pytest.raises(InputError, match="Cancelled order"):
        act_on(host, "late-fill", order_id=2)


def test_changes_wait_for_the_open_unless_they_need_not() -> None:
    host = memory_host(sessions="exchange", tick_interval_s=30.0)
    host.clock.advance(8 * 3600)
    wire = Wire(host)
    resting(host, wire)
    resting(host, wire, limit=51)
    assert host.exchange.working()[0].limit_price == 50
    act_on(host, "cancels", changes_wait=False)
    resting(host, wire, limit=52)
    assert host.exchange.working()[0].limit_price == 52


def test_groups_hear_of_fills_as_they_are_told_to() -> None:
    host = memory_host()
    act_on(host, "price", symbol="AAPL", price=200)
    wire = Wire(host)
    wire.send(*place_fields(1, kind="LMT", limit="200.01", quantity=5000))
    child = place_fields(2, action="SELL", kind="STP", stop=190, quantity=5000)
    child[PARENT] = 1
    wire.send(*child)
    filled = host.exchange.orders[min(host.exchange.orders)].filled
    assert 0 < filled < 5000
    assert wire.frames(3)[-1][4] == str(filled)
    act_on(host, "groups", follow_parts=False, race_ms=50)
    wire.send(*[3, 3, *child[2:]])
    assert wire.frames(3)[-1][10] == "child,trigger"
    act_on(host, "groups")
    wire.send(*[3, 4, *child[2:]])
    assert wire.frames(3)[-1][10] == "trigger"


def test_cancels_may_be_shown_as_pending_first() -> None:
    host = memory_host()
    wire = Wire(host)
    act_on(host, "cancels", pending_first=True)
    resting(host, wire)
    wire.send(4, 1, 1, "")
    wire.wait(0.1)
    states = [f[2] for f in wire.frames(3)]
    assert states[0] == "PendingCancel"
    assert states[-1] == "Cancelled"
