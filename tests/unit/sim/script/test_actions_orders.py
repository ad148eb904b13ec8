"""Order ids, lists, executions and their times are shown as told."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sim.script.stages import Wire, act_on, memory_host
from tests.unit.sim.support import place_fields
from trader.sim.script.inputs import InputError


def resting(order_id: int, **more: object) -> list[object]:
    values: dict[str, Any] = {"kind": "LMT", "limit": 50} | more
    return place_fields(order_id, **values)


def test_ids_are_announced_and_refused_as_told() -> None:
    host = memory_host()
    wire = Wire(host)
    assert act_on(host, "order-ids", client_id=7, next=5, used_up_to=9) == {"next": 5}
    wire.send(8, 1, 1)
    assert wire.frames() == [["9", "1", "5"]]
    wire.send(*resting(9))
    assert [f[3] for f in wire.frames(4)] == ["103"]


def test_a_swallowed_order_is_told_of_later() -> None:
    host = memory_host()
    wire = Wire(host)
    act_on(host, "swallow", kind="placeOrder", count=1, register=True)
    wire.send(*resting(1))
    wire.wait(10)
    assert wire.ids() == []
    act_on(host, "speak", order_id=1)
    assert set(wire.ids()) == {5, 3}
    wire.send(4, 1, 1, "")
    wire.wait(1)
    assert 3 in wire.ids()


def test_an_order_is_left_out_of_some_lists() -> None:
    host = memory_host()
    wire = Wire(host)
    for number in (1, 2):
        wire.send(*resting(number, ref=f"r{number}"))
    wire.wait(0.1)
    wire.frames()
    act_on(host, "omit-order", order_ref="r1", lists=2)
    shown = []
    for _ in range(3):
        wire.send(5, 1)
        shown.append([f[1] for f in wire.frames(5)])
    assert shown == [["2"], ["2"], ["1", "2"]]


def test_finished_orders_are_listed_when_told() -> None:
    host = memory_host()
    wire = Wire(host)
    wire.send(*place_fields(1, quantity=1))
    wire.wait(1)
    wire.frames()
    act_on(host, "list-done-orders", on=True)
    wire.send(5, 1)
    assert [f[2] for f in wire.frames(3)] == ["Filled"]


@pytest.mark.parametrize(
    ("mode", "told"),
    [("minus-one", "-1.0"), ("unset", "1.7976931348623157E308"), ("normal", "1.0")],
)
def test_a_commission_may_be_reported_before_it_is_known(mode: str, told: str) -> None:
    host = memory_host()
    wire = Wire(host)
    act_on(host, "commission", mode=mode)
    wire.send(*place_fields(1))
    wire.wait(1)
    assert wire.frames(59)[0][3] == told


def test_executions_come_again_with_their_commissions() -> None:
    host = memory_host()
    wire, other = Wire(host), Wire(host, 8)
    wire.send(*place_fields(1, quantity=1))
    wire.wait(1)
    wire.frames()
    answer = act_on(host, "replay-executions", client_id=7, times=2, commissions=True)
    assert answer == {"executions": 2, "clients": 1}
    assert wire.ids() == [11, 59, 11, 59]
    assert other.ids() == []


def test_the_form_of_times_is_chosen() -> None:
    host = memory_host()
    wire = Wire(host)
    act_on(host, "execution-time", form="dash-utc")
    wire.send(*place_fields(1, quantity=1))
    wire.wait(1)
    assert "-" in wire.frames(11)[0][15]


@pytest.mark.parametrize(
    ("name", "body", "field"),
    [
        ("order-ids", {"client_id": 7}, "next"),
        ("omit-order", {"order_id": 5}, "order_id"),
        ("speak", {}, "order_id"),
        ("execution-time", {"form": "roman"}, "form"),
        ("exec-correction", {"exec_id": "x", "price": 1, "quantity": 1}, "exec_id"),
        ("ack", {"lo_ms": 5, "hi_ms": 1}, "lo_ms"),
        ("global-cancel", {"leaves": -1}, "leaves"),
    ],
)
def test_a_wrong_input_is_named(name: str, body: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as caught:
        act_on(memory_host(), name, **body)
    assert caught.value.field == field
