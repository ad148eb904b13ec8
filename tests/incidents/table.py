"""docs/incidents.md: what goes wrong elsewhere, what the daemon does, and the tests behind it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.incidents.found import Found, found, rare, virtual

FOLDER = Path(__file__).resolve().parent
PAGE = FOLDER.parents[1] / "docs" / "incidents.md"
COUNT = 124
# Played by a process, and no daemon among them.
_NO_DAEMON = ("process/test_process_incidents.py::test_the_simulator_stays_as_small",)
_MEASURED = re.compile(r"^\| (INC-\d{3}) .* \| ([0-9.]+) s \|$", re.MULTILINE)

_HEAD = """\
# Incidents

What has gone wrong when software traded at a broker, what the daemon does about it, and the tests that hold it. This page
is made by `scripts/make_incident_table.py` from `tests/incidents/incidents.yaml` and from the tests themselves: a test
belongs to an incident when its text, or the scenario that it plays, names the id. What must be seen of each under virtual
time is a row of `tests/simulation/incidents.yaml`.

Of {all} incidents

- {process} are run against the daemon as a real process beside the simulator, {rare} of them only with `SCENARIOS=all`,
- {virtual} are played against the whole daemon under virtual time, {virtual_rare} of them only with `SCENARIOS=all`, and
  {virtual_only} of these not on a real process, with the reason,
- {lower} are held by tests that start no daemon (its parts on real sockets, or units), with the reason,
- {none} are held by no test that names them, with the reason.

## The fifteen most damaging

By what they cost where they happened: an order twice, a fill lost, a position nobody knows, a halt that does not hold. Each
is run on real processes, and its recovery is measured and held below its bound. The bounds leave room for a machine that
does other things; the last column is the slowest of one run on two cores that several test runs shared.

| incident | damage | test | measured | bound | took |
| --- | --- | --- | --- | --- | --- |
"""  # noqa: E501


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident in our words; ``apart`` says why the real process does not meet it."""

    name: str
    what: str
    safe: str
    apart: str

    @property
    def tests(self) -> tuple[Found, ...]:
        """Return the tests that hold it on the daemon or a part of it."""
        return tuple(
            row
            for row in found().get(self.name, ())
            if row.layer != "simulator" and not row.test.startswith(_NO_DAEMON)
        )

    @property
    def layer(self) -> str:
        """Return the layer nearest to the real thing; empty without any."""
        return self.tests[0].layer if self.tests else ""

    @property
    def is_rare(self) -> bool:
        """Tell whether its process tests are skipped in a run of every day."""
        tests = [row for row in self.tests if row.layer == "process"]
        return bool(tests) and all((row.test, self.name) in rare() for row in tests)


@dataclass(frozen=True, slots=True)
class Worst:
    """One of the most damaging: the damage, its test, and how long a recovery may take."""

    name: str
    damage: str
    test: str
    measure: str
    bound_s: float


@cache
def _read() -> Mapping[str, Any]:
    read: Mapping[str, Any] = yaml.safe_load((FOLDER / "incidents.yaml").read_text("utf-8"))
    return read


@cache
def incidents() -> tuple[Incident, ...]:
    """Return every incident."""
    return tuple(
        Incident(name, row["what"], row["safe"], row.get("apart", ""))
        for name, row in _read()["incidents"].items()
    )


@cache
def worst() -> tuple[Worst, ...]:
    """Return the fifteen most damaging."""
    return tuple(Worst(name, **row) for name, row in _read()["worst"].items())


def measured(text: str) -> dict[str, float]:
    """Return the recoveries that a page tells."""
    return {name: float(seconds) for name, seconds in _MEASURED.findall(text)}


def page(recoveries: Mapping[str, float]) -> str:
    """Return the page in Markdown, with recoveries as a run has measured them."""
    rows = incidents()
    process = [row for row in rows if row.layer == "process"]
    lines = [
        _HEAD.rstrip().format(
            all=len(rows),
            process=len(process),
            rare=sum(row.is_rare for row in process),
            virtual=len(virtual()),
            virtual_rare=sum(virtual().values()),
            virtual_only=sum(row.layer == "simulation" for row in rows),
            lower=sum(row.layer not in ("", "process", "simulation") for row in rows),
            none=sum(not row.layer for row in rows),
        ),
    ]
    for one in worst():
        took = f"{recoveries[one.name]:.1f} s" if one.name in recoveries else "not yet"
        cells = (one.name, one.damage, f"`{one.test}`", one.measure, f"{one.bound_s:g} s", took)
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "## All", "", "| incident | what goes wrong | what the daemon does | held by |",
              "| --- | --- | --- | --- |"]  # fmt: skip
    lines += [f"| {row.name} | {row.what} | {row.safe} | {_held(row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def _held(row: Incident) -> str:
    """Say what holds an incident: process tests by name, the others by number and file."""
    parts = [f"process: {_names(row)}"] if row.layer == "process" else []
    for layer in ("simulation", "integration", "unit"):
        tests = [one.test for one in row.tests if one.layer == layer]
        files = dict.fromkeys(test.partition("::")[0] for test in tests)
        if tests:
            parts.append(f"{layer}: {len(tests)} in " + ", ".join(f"`{name}`" for name in files))
    if row.is_rare:
        parts.append("the process with `SCENARIOS=all`")
    if row.layer != "process":
        parts.append(f"*not on the real process:* {row.apart}")
    return "; ".join(parts)


def _names(row: Incident) -> str:
    tests = [one.test.removeprefix("process/") for one in row.tests if one.layer == "process"]
    return ", ".join(f"`{test}`" for test in tests)
