"""The table: every fault that was asked for, each told apart, none without an end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trader.chaos_drill.drills import DRILLS, ChaosDrill
from trader.sim.script.actions import registry
from trader.sim.script.inputs import Inputs

# OPS-10 to OPS-13.
ASKED_FOR = {
    "gateway-restart", "half-open-link", "upstream-1101", "upstream-1102", "kill-mid-order",
    "disk-full", "journal-io-error", "journal-locked", "clock-skew", "session-expired",
    "session-not-renewed", "competing-session", "quotes-frozen", "slow-gateway", "kill-switch",
    "halt-file-lost", "halt-file-corrupt",
}  # fmt: skip


class Told:
    """A scene that takes down what it is asked to do."""

    def __init__(self) -> None:
        self.actions: list[tuple[str, dict[str, object]]] = []
        self.acts: list[str] = []

    def tell(self, action: str, **inputs: object) -> None:
        self.actions.append((action, inputs))

    def __getattr__(self, name: str) -> object:
        return lambda: self.acts.append(name)


def played(drill: ChaosDrill) -> Told:
    told = Told()
    for act in (drill.strike, drill.keep, drill.midway, drill.clear, drill.repair):
        act(told)  # type: ignore[arg-type]
    return told


def test_the_table_has_every_fault_that_was_asked_for_once() -> None:
    names = [drill.name for drill in DRILLS]
    assert len(names) == len(set(names))
    assert set(names) == ASKED_FOR


@pytest.mark.parametrize("drill", DRILLS, ids=lambda drill: drill.name)
def test_a_drill_does_something_and_what_it_asks_of_the_simulator_exists(
    drill: ChaosDrill,
) -> None:
    told = played(drill)
    assert told.actions or told.acts
    known = registry()
    for action, inputs in told.actions:
        # As the control port reads it: what is unknown or out of range is refused.
        known[action].read(Inputs(json.dumps(inputs)))
    assert 0 < drill.lasts_s <= 60
    assert 0 < drill.noticed_s_max <= 20


def test_without_an_answer_every_fault_counts_as_noticed() -> None:
    for drill in DRILLS:
        assert drill.is_noticed({})


def test_the_runbook_names_every_drill() -> None:
    runbook = Path(__file__).resolve().parents[3] / "RUNBOOK.md"
    missing = [drill.name for drill in DRILLS if f"`{drill.name}`" not in runbook.read_text()]
    assert missing == []
