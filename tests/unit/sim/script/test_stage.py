"""A stage finds connections and instruments for actions."""

from __future__ import annotations

import pytest

from tests.unit.sim.script.stages import Wire, memory, staged
from trader.sim.script.fields import integer
from trader.sim.script.inputs import InputError, Inputs
from trader.sim.script.stage import Action


def test_connections_are_found_by_client() -> None:
    stage = staged()
    for client_id in (7, 8):
        Wire(memory(stage), client_id)
    assert [c.session.client_id for c in stage.links()] == [7, 8]
    assert [c.session.client_id for c in stage.links(8)] == [8]
    assert stage.links(9) == []


def test_instruments_are_found_by_symbol() -> None:
    stage = staged()
    assert stage.instrument("VIX").symbol == "VIX"
    assert stage.tradable("AAPL").symbol == "AAPL"
    with pytest.raises(InputError, match="AAPL"):
        stage.tradable("VIX")
    with pytest.raises(InputError, match="symbol"):
        stage.instrument("NONE")


def test_an_action_reads_what_it_declares_and_refuses_the_rest() -> None:
    action = Action("a", "Does.", (), (integer("n", "number", 5),), lambda _stage, _given: {})
    assert action.read(Inputs({})).integer("n") == 5
    assert action.read(Inputs({"n": 6})).integer("n") == 6
    with pytest.raises(InputError, match="no such field"):
        action.read(Inputs({"m": 6}))
