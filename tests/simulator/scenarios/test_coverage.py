"""Every shipped scenario is played by a test, and the capabilities are all served."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from trader.sim.host import play
from trader.sim.script.actions import registry

HERE = Path(__file__).parent
# S23 is the comparison of a journal with the truth: it is told in docs/simulator.md.
CAPABILITIES = [f"S{number:02}" for number in range(1, 25) if number != 23]


def played_names() -> set[str]:
    found: set[str] = set()
    for path in HERE.glob("test_*.py"):
        found |= set(re.findall(r'played\(\s*"([^"]+)"', path.read_text(encoding="utf-8")))
    return found


def test_every_shipped_scenario_is_played_by_a_test() -> None:
    assert play.shipped()
    assert sorted(played_names()) == play.shipped()


@pytest.mark.parametrize("name", play.shipped())
def test_a_scenario_says_what_it_is(name: str) -> None:
    scenario = play.find(name)
    assert scenario.name == name
    assert len(scenario.why) > 40
    assert all(re.fullmatch(r"INC-\d{3}", incident) for incident in scenario.incidents)
    assert scenario.serves
    assert set(scenario.serves) <= set(CAPABILITIES)


@pytest.mark.parametrize("capability", CAPABILITIES)
def test_every_capability_has_an_action(capability: str) -> None:
    assert [a.name for a in registry().values() if capability in a.serves]
