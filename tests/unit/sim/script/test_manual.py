"""The manual says what the program does: its generated parts are those of the registry."""

from __future__ import annotations

from pathlib import Path

import pytest

from trader.sim.host import play
from trader.sim.script.actions import registry
from trader.sim.script.manual import (
    CAPABILITIES,
    actions_text,
    capabilities_text,
    codes_text,
    filled,
)

DOCUMENT = Path(__file__).parents[4] / "docs" / "simulator.md"


def test_the_document_is_up_to_date() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert filled(text, play.manual_parts()) == text, "run scripts/make_simulator_manual.py"


def test_every_action_and_every_input_is_told() -> None:
    text = actions_text()
    for action in registry().values():
        assert f"**`{action.name}`**" in text
        assert all(f"`{field.name}`" in text for field in action.fields)


def test_every_capability_is_told_with_an_action_and_no_action_serves_another() -> None:
    rows = [line.split("|") for line in capabilities_text().splitlines()[2:]]
    assert [row[1].strip() for row in rows] == list(CAPABILITIES)
    assert all("`" in row[3] for row in rows)
    served = {name for action in registry().values() for name in action.serves}
    assert served == set(CAPABILITIES)


def test_every_scenario_is_told() -> None:
    text = play.manual_parts()["scenarios"]
    assert all(f"`{name}`" in text for name in play.shipped())


def test_the_effects_of_codes_are_told_with_the_codes_that_have_them() -> None:
    text = codes_text()
    assert "effect `ends`" in text
    assert "(201)" in text
    assert "(202)" in text


def test_a_document_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="no marks"):
        filled("# nothing", {"actions": "x"})


def test_a_part_is_replaced_between_its_marks() -> None:
    document = "a\n<!-- begin x -->\nold\n<!-- end x -->\nb\n"
    assert filled(document, {"x": "new"}) == ("a\n<!-- begin x -->\n\nnew\n<!-- end x -->\nb\n")
