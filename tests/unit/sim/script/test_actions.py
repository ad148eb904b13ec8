"""The registry is complete, documents itself and refuses wrong inputs before acting."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.sim.script.stages import staged
from trader.sim.script.actions import describe, perform, registry, topics
from trader.sim.script.inputs import InputError


def test_every_action_has_a_name_of_its_own_and_a_sentence() -> None:
    names = [action.name for actions in topics().values() for action in actions]
    assert len(names) == len(set(names)) == len(registry())
    for action in registry().values():
        assert action.name == action.name.lower()
        assert action.doc.endswith("."), action.name
        assert len({field.name for field in action.fields}) == len(action.fields), action.name


def test_the_description_is_json() -> None:
    assert json.loads(json.dumps(describe())) == describe()


def test_the_description_names_every_input_with_what_is_allowed() -> None:
    found = {entry["name"]: entry for entry in describe()}
    assert list(found) == list(registry())
    inputs = {field["name"]: field for field in found["drop"]["inputs"]}
    assert inputs["how"]["required"]
    assert inputs["how"]["allowed"] == "rst, fin"
    assert inputs["after_frames"]["default"] is None


@pytest.mark.parametrize(
    ("name", "body", "field"),
    [("mute", {"on": 1}, "on"), ("mute", {}, "on"), ("mute", {"on": True, "x": 1}, "x")],
)
def test_a_wrong_input_changes_nothing(name: str, body: dict[str, Any], field: str) -> None:
    stage = staged()
    with pytest.raises(InputError) as caught:
        perform(stage, registry()[name], body)
    assert caught.value.field == field
    assert not stage.host.faults.is_muted


def test_an_action_returns_what_it_did() -> None:
    assert perform(staged(), registry()["mute"], '{"on": false}') == {"on": False}
