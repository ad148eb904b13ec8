"""Goal: every shipped incident, under virtual time, costs the whole daemon neither order nor fill.

Method: the scenario is what happens, unchanged; the daemon trades through it by a strategy that
wants anything. All the time the oracle of the simulation holds its rules, at the end journal,
broker and daemon must agree, and the row of `incidents.yaml` says what must have been seen.
`SCENARIOS=all` plays the costly ones as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict

import pytest

from tests.incidents.found import SCENARIOS, about
from tests.incidents.table import incidents
from tests.simulation.incident_play import IncidentPlay, Seen
from tests.simulation.incident_table import Row, apart, rows, wanted, without_scenario
from tests.simulation.planted import PLANTS
from tests.simulation.run import Child, Wish, load_configuration, side_by_side
from tests.simulation.settings import USUAL_TARGETS

JOBS = 2
SEED = "1"
# What a run of every day may cost, with room for a machine that is twice as slow.
CPU_S_MAX = 240.0
# Mistakes, as the seeds of the simulation have to find them, each with a row that must turn red.
PLANTED = (
    ("inc-001-note-on-the-order", "any-error-ends"),
    ("inc-003-fills-while-the-link-is-down", "no-upstream"),
    ("inc-017-one-of-a-batch-is-swallowed", "resend"),
    ("inc-020-a-loss-and-a-restart", "forget-halts"),
    ("inc-048-an-execution-is-corrected", "corrections-add"),
)


def played(asked: Iterable[Row], plant: str = "") -> Iterator[Seen]:
    """Play rows, some at a time, each in a child of its own, perhaps with a mistake planted."""
    begun = ((row, _begun(row, plant)) for row in asked)
    for row, (said, status) in side_by_side(begun, Child.said, JOBS):
        text = f"the child ended without a word, status {status}"
        yield Seen(**json.loads(said)) if said else Seen(row.name, problem=text)


def _begun(row: Row, plant: str) -> Child:
    config = load_configuration(row.changes, USUAL_TARGETS)

    def say() -> str:
        if plant:
            PLANTS[plant].put()
        return json.dumps(asdict(IncidentPlay(row, f"{row.name}/{SEED}", config).told()))

    return Child(say)


@pytest.fixture(scope="module")
def seen(request: pytest.FixtureRequest, wish: Wish) -> dict[str, Seen]:
    """Play every row that is asked for, and no other."""
    names = {item.callspec.params["row"].name for item in request.session.items
             if hasattr(item, "callspec") and "row" in item.callspec.params}  # fmt: skip
    asked = [row for row in wanted() if row.name in names] if names else wanted()
    return {one.name: one for one in played(asked)}


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.parametrize("row", wanted(), ids=lambda row: row.name)
def test_an_incident_under_virtual_time_is_met_as_its_row_says(
    seen: dict[str, Seen], row: Row
) -> None:
    one = seen[row.name]
    print(json.dumps(asdict(one)))
    assert not one.problem, one.problem


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_all_of_them_together_stay_within_their_budget(seen: dict[str, Seen]) -> None:
    cpu_s = sum(one.cpu_s for one in seen.values() if not _row(one.name).is_rare)
    print(f"{len(seen)} incidents, {cpu_s:.0f} s of CPU, "
          f"{sum(one.seconds for one in seen.values()):.0f} simulated seconds")  # fmt: skip
    assert cpu_s < CPU_S_MAX


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("name", "plant"), PLANTED)
def test_a_broken_rule_turns_its_incident_red(wish: Wish, name: str, plant: str) -> None:
    (one,) = played([_row(name)], plant)
    assert one.problem, f"{plant} costs nothing in {name}"
    assert one.rule, one.problem


def _row(name: str) -> Row:
    return next(row for row in rows() if row.name == name)


def test_every_scenario_of_an_incident_is_played_or_has_a_reason() -> None:
    shipped = {path.stem for path in SCENARIOS.glob("inc-*.yaml")}
    names = [row.name for row in rows()]
    assert len(set(names)) == len(names)
    assert not set(names) & set(apart())
    assert {*names, *apart()} == shipped


def test_every_incident_is_played_or_says_what_holds_it_instead() -> None:
    shown = {key for row in rows() for key in about()[row.name]}
    told = {row.name for row in incidents()}
    assert shown <= told
    assert set(without_scenario()) == told - shown
    short = [name for name, text in {**apart(), **without_scenario()}.items()
             if len(text.split()) < 5 or not text.strip().endswith(".")]  # fmt: skip
    assert short == []


def test_every_row_says_what_must_be_seen() -> None:
    """A row that could not fail would prove nothing beyond the oracle's rules."""
    unseen = [row.name for row in rows() if row.ends != "trading" and not row.halts]
    assert unseen == []
