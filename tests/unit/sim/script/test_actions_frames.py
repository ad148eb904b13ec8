"""Frames are lost, held, repeated, delayed, reordered, changed and invented by name."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sim.script.stages import Wire, act_on, memory_host
from tests.unit.sim.support import contract, place_fields
from trader.sim.script.inputs import InputError


def test_frames_are_lost_by_name_and_count() -> None:
    host = memory_host()
    wire = Wire(host)
    act_on(host, "frame-drop", messages=["currentTime"], count=1)
    wire.send(49, 1)
    wire.send(49, 1)
    assert wire.ids() == [49]


def test_a_batch_is_held_until_it_is_released() -> None:
    host = memory_host()
    wire = Wire(host)
    act_on(host, "frame-hold", messages=["positionEnd", "62"], batch="b")
    wire.send(61, 1)
    assert wire.ids() == []
    assert act_on(host, "frame-release", batch="other") == {"frames": 0}
    assert act_on(host, "frame-release", batch="b") == {"frames": 1}
    assert wire.ids() == [62]
    wire.send(61, 1)
    assert wire.ids() == [62]


def test_frames_of_one_order_are_repeated() -> None:
    host = memory_host()
    wire = Wire(host)
    act_on(host, "frame-repeat", messages=["orderStatus"], times=3, order_id=2)
    for number in (1, 2):
        wire.send(*place_fields(number, kind="LMT", limit=50))
    wire.wait(0.1)
    found = wire.frames(3)
    assert all(found.count(f) % 3 == 0 for f in found if f[1] == "2")
    assert any(found.count(f) % 3 for f in found if f[1] == "1")


def test_frames_are_delayed_and_overtaken() -> None:
    host = memory_host()
    wire = Wire(host)
    act_on(host, "frame-delay", messages=["currentTime"], ms=100, up_to_ms=200)
    wire.send(49, 1)
    wire.send(61, 1)
    wire.wait(0.05)
    assert wire.ids() == [62]
    wire.wait(0.2)
    assert wire.ids() == [49]


def test_what_a_reorder_gathered_is_sent_when_it_is_taken_away() -> None:
    host = memory_host()
    wire = Wire(host)
    act_on(host, "frame-reorder", messages=["positionEnd", "currentTime"], size=2, order=[1, 0])
    wire.send(61, 1)
    assert wire.ids() == []
    wire.send(49, 1)
    assert wire.ids() == [49, 62]
    wire.send(61, 1)
    assert act_on(host, "frame-clear") == {"rules": 1}
    assert wire.ids() == [62]
    wire.send(61, 1)
    assert wire.ids() == [62]


def test_ticks_are_changed_one_by_one() -> None:
    host = memory_host()
    wire = Wire(host)
    act_on(host, "frame-edit", messages=["tickPrice"], where={"tickType": "4"}, add={"price": 1000})
    wire.send(1, 11, 5, *contract(), 0, "", 0, 0, "")
    prices = {f[3]: float(f[4]) for f in wire.frames(1)}
    assert prices["4"] > 1000 > prices["1"]


def test_frames_are_invented_for_one_client() -> None:
    host = memory_host()
    one, other = Wire(host, 7), Wire(host, 8)
    assert act_on(host, "send-frame", fields=["nextValidId", 1, 55], client_id=7)["clients"] == 1
    assert one.frames() == [["9", "1", "55"]]
    assert other.frames() == []


def test_an_error_may_carry_the_json_of_a_refusal() -> None:
    host = memory_host()
    wire = Wire(host)
    act_on(host, "inject", req_id=5, code=201, text="t", advanced='{"rejects": []}')
    assert wire.frames() == [["4", "2", "5", "201", "t", '{"rejects": []}']]


@pytest.mark.parametrize(
    ("name", "body", "field"),
    [
        ("frame-drop", {"messages": ["nothing"]}, "messages"),
        ("frame-drop", {"messages": [0]}, "messages"),
        ("frame-drop", {"where": {"colour": "red"}}, "where"),
        ("frame-drop", {"count": 0}, "count"),
        ("frame-delay", {"ms": 5, "up_to_ms": 1}, "up_to_ms"),
        ("frame-reorder", {"size": 2, "order": [0, 0]}, "order"),
        ("frame-repeat", {"times": 1}, "times"),
        ("frame-edit", {"messages": ["openOrder"]}, "set"),
        ("frame-edit", {"set": {"colour": "red"}}, "set"),
        ("frame-edit", {"add": {"price": "much"}}, "add"),
        ("send-frame", {"fields": []}, "fields"),
        ("send-frame", {"fields": ["nothing"]}, "fields"),
    ],
)
def test_a_wrong_input_is_named_and_makes_no_rule(
    name: str, body: dict[str, Any], field: str
) -> None:
    host = memory_host()
    with pytest.raises(InputError) as caught:
        act_on(host, name, **body)
    assert caught.value.field == field
    assert host.faults.frame_rules == []
