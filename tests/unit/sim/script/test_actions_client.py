"""Another client trades beside the one under test."""

from __future__ import annotations

import pytest

from tests.unit.sim.script.stages import act, memory, staged
from trader.sim.script.inputs import InputError


def test_a_scripted_client_places_changes_and_cancels() -> None:
    stage = staged()
    assert act(stage, "client-join", client_id=3) == {"client_id": 3, "connected": True}
    order = {
        "client_id": 3, "order_id": 1, "symbol": "AAPL", "side": "BUY", "quantity": 5,
        "order_type": "LMT", "limit": "1.00", "order_ref": "other",
    }  # fmt: skip
    act(stage, "client-place", **order)
    act(stage, "client-place", **order | {"quantity": 7})
    memory(stage).clock.advance(0.1)
    (row,) = stage.host.truth()["orders"]
    assert (row["client_id"], row["order_ref"], row["quantity"]) == (3, "other", "7")
    act(stage, "client-cancel", client_id=3, order_id=1)
    memory(stage).clock.advance(0.1)
    assert stage.host.truth()["orders"][0]["status"] == "Cancelled"


def test_it_says_what_it_heard_when_it_leaves() -> None:
    stage = staged()
    act(stage, "client-join", client_id=3, version_max=170)
    act(stage, "client-send", client_id=3, fields=["49", "1"])
    memory(stage).clock.advance(0.1)
    assert act(stage, "client-leave", client_id=3)["heard"]["49"] == 1
    memory(stage).clock.advance(0.0)
    with pytest.raises(InputError, match=r"a scripted client that has joined \(none\)"):
        act(stage, "client-leave", client_id=3)


def test_joining_a_simulator_that_is_down_is_no_error_of_the_script() -> None:
    stage = staged()
    memory(stage).go_down("fin")
    assert act(stage, "client-join", client_id=3) == {"client_id": 3, "connected": False}


def test_an_order_without_an_id_has_the_next_free_one() -> None:
    stage = staged()
    act(stage, "client-join", client_id=3)
    order = {"client_id": 3, "symbol": "AAPL", "side": "BUY", "quantity": 5, "order_type": "MKT"}
    memory(stage).gateway.announced_id[3] = 40
    # Two within one turn, before the gateway has seen the first.
    found = [act(stage, "client-place", **order)["order_id"] for _ in range(2)]
    memory(stage).clock.advance(0.1)
    found.append(act(stage, "client-place", **order)["order_id"])
    assert found == [40, 41, 42]
