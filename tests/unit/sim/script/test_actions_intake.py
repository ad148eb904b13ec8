"""Incoming messages are ignored, held, late, refused or doubled; the dialog is clicked away."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sim.script.stages import Wire, act_on, memory_host
from tests.unit.sim.support import place_fields
from trader.sim.script.inputs import InputError


def resting(order_id: int, limit: int = 50) -> list[object]:
    return place_fields(order_id, kind="LMT", limit=limit)


def test_a_cancel_of_one_order_is_ignored() -> None:
    host = memory_host()
    wire = Wire(host)
    act_on(host, "ignore", message="cancelOrder", order_id=2)
    for number in (1, 2):
        wire.send(*resting(number))
        wire.send(4, 1, number, "")
    wire.wait(1)
    assert [o.order_id for o in host.exchange.working()] == [2]


def test_an_ignored_order_stays_in_the_record_of_what_came() -> None:
    host = memory_host()
    wire = Wire(host)
    act_on(host, "ignore", message="placeOrder")
    wire.send(*resting(1))
    wire.wait(1)
    assert len(host.exchange.orders) == 0
    assert [f.order_id for f in host.gateway.place_frames] == [1]


def test_held_messages_are_handled_or_forgotten() -> None:
    host = memory_host()
    wire = Wire(host)
    act_on(host, "hold-back", message="reqCurrentTime", batch="b", count=None)
    wire.send(49, 1)
    wire.send(49, 1)
    assert wire.ids() == []
    assert act_on(host, "let-in", batch="b") == {"messages": 2}
    assert wire.ids() == [49, 49]
    wire.send(49, 1)
    assert wire.ids() == [49]
    act_on(host, "hold-back", message="reqCurrentTime", batch="b")
    wire.send(49, 1)
    assert act_on(host, "let-in", batch="b", discard=True) == {"messages": 1}
    assert wire.ids() == []


def test_a_message_is_handled_late() -> None:
    host = memory_host()
    wire = Wire(host)
    act_on(host, "late", message="reqCurrentTime", seconds=3)
    wire.send(49, 1)
    wire.wait(2.9)
    assert wire.ids() == []
    wire.wait(0.2)
    assert wire.ids() == [49]


@pytest.mark.parametrize(
    ("action", "more"), [("late", {"seconds": 3}), ("hold-back", {"batch": "b"})]
)
def test_an_order_that_was_read_keeps_its_id_while_it_waits_and_others_pass(
    action: str, more: dict[str, Any]
) -> None:
    host = memory_host()
    wire = Wire(host)
    act_on(host, action, message="placeOrder", kind="new", **more)
    wire.send(*resting(1))
    wire.send(*resting(2))
    wire.wait(4)
    if action == "hold-back":
        act_on(host, "let-in", batch="b")
    wire.wait(1)
    assert [o.order_id for o in host.exchange.working()] == [2, 1]
    assert wire.frames(4) == []
    # Once it has been handled the id is as used as any other.
    wire.send(4, 1, 1, "")
    wire.wait(1)
    wire.send(*resting(1))
    wire.wait(1)
    assert wire.frames(4)[-1][2:4] == ["1", "103"]


@pytest.mark.parametrize(
    ("action", "more"), [("late", {"seconds": 3}), ("hold-back", {"batch": "b"}), ("ignore", {})]
)
def test_an_order_has_come_when_it_came_and_not_when_it_was_looked_at(
    action: str, more: dict[str, Any]
) -> None:
    host = memory_host()
    wire = Wire(host)
    act_on(host, action, message="placeOrder", **more)
    came_s = host.clock.time()
    wire.send(*resting(1))
    assert [(f.order_id, f.is_change) for f in host.gateway.place_frames] == [(1, False)]
    wire.wait(4)
    if action == "hold-back":
        act_on(host, "let-in", batch="b")
    wire.wait(1)
    assert len(host.exchange.working()) == (action != "ignore")
    assert [f.received_s for f in host.gateway.place_frames] == [pytest.approx(came_s)]


@pytest.mark.parametrize("action", ["late", "ignore"])
def test_what_waits_and_cannot_be_read_is_nobody_s_order(action: str) -> None:
    host = memory_host()
    wire = Wire(host)
    act_on(host, action, message="placeOrder", **({"seconds": 3} if action == "late" else {}))
    wire.send(*resting(1)[:-3])
    wire.wait(4)
    assert [f[3] for f in wire.frames()] == (["320"] if action == "late" else [])
    assert list(host.gateway.place_frames) == []


def test_an_error_may_be_sent_and_the_message_handled_as_well() -> None:
    host = memory_host()
    wire = Wire(host)
    act_on(host, "answer", message="placeOrder", code=10349, text="preset", also_handled=True)
    wire.send(*resting(1))
    wire.wait(0.1)
    frames = wire.frames(3, 4)
    assert frames[0][2:5] == ["1", "10349", "preset"]
    assert frames[-1][2] == "Submitted"


def test_a_change_becomes_a_second_order_of_the_same_id() -> None:
    host = memory_host()
    wire = Wire(host)
    act_on(host, "double-change")
    wire.send(*resting(1))
    wire.send(*resting(1, 51))
    wire.send(*resting(1, 52))
    wire.wait(1)
    assert sorted(o.limit_price or 0 for o in host.exchange.working()) == [51, 52]
    assert len({o.perm_id for o in host.exchange.working()}) == 2
    assert {o.order_id for o in host.exchange.working()} == {1}


def test_the_order_behind_the_dialog_may_be_thrown_away() -> None:
    host = memory_host()
    wire = Wire(host)
    act_on(host, "dialog")
    wire.send(*resting(1))
    wire.send(*resting(2))
    assert act_on(host, "click", button="cancel") == {"orders": 1}
    wire.send(*resting(3))
    wire.wait(1)
    assert [o.order_id for o in host.exchange.orders.values()] == [3]
    with pytest.raises(InputError, match="open dialog"):
        act_on(host, "click")


def test_rules_are_taken_away_by_name() -> None:
    host = memory_host()
    wire = Wire(host)
    for name in ("a", "b"):
        act_on(host, "ignore", message="reqCurrentTime", name=name, count=None)
    assert act_on(host, "intake-clear", name="a") == {"rules": 1}
    wire.send(49, 1)
    assert wire.ids() == []
    assert act_on(host, "intake-clear") == {"rules": 1}
    wire.send(49, 1)
    assert wire.ids() == [49]


@pytest.mark.parametrize(
    ("name", "body", "field"),
    [
        ("ignore", {"message": "openOrder"}, "message"),
        ("ignore", {"message": "placeOrder", "where": {"colour": 1}}, "where"),
        ("ignore", {"message": "placeOrder", "kind": "old"}, "kind"),
        ("late", {"message": "placeOrder", "seconds": -1}, "seconds"),
        ("answer", {"message": "placeOrder", "code": "x", "text": ""}, "code"),
        ("click", {"button": "close"}, "button"),
    ],
)
def test_a_wrong_input_is_named_and_makes_no_rule(
    name: str, body: dict[str, Any], field: str
) -> None:
    host = memory_host()
    with pytest.raises(InputError) as caught:
        act_on(host, name, **body)
    assert caught.value.field == field
    assert host.faults.intake == []
