"""A crash at every boundary of one day: here at as many as fit, evenly spread.

`SWEEP=all` crashes at each of them, which takes about an hour; `scripts/simulate --sweep` does as
well, and can be stopped and goes on.
"""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from tests.simulation.run import Wish
from tests.simulation.sweep import (
    CALLBACK,
    DISK,
    OPERATION,
    Point,
    Sweeping,
    Swept,
    boundaries,
    figures,
    keep,
    spread,
    sweep,
    swept,
    totals,
)

SECONDS = 30.0


def test_parts_hold_each_point_once_and_are_spread() -> None:
    points = tuple(Point(CALLBACK, 1, number, True) for number in range(1_000))
    parts = list(spread(points, 7))
    assert sorted(point.number for part in parts for point in part) == list(range(1_000))
    for part in parts:
        numbers = sorted(point.number for point in part)
        assert {after - before for before, after in pairwise(numbers)} == {7}


def test_a_sweep_takes_the_place_of_an_earlier_one_of_the_same_code(tmp_path: Path) -> None:
    path = tmp_path / "sweeps.jsonl"
    assert "No day was swept" in figures(totals(path))
    newer = older = Swept("old", "c1 2026-01-01", 10, {"callback, SIGKILL": 10}, [])
    keep(older, path)
    for count in (3, 9):
        newer = Swept("new", "c2 2026-01-02", 12, {"disk, power loss": count}, ["broke"])
        keep(newer, path)
    assert totals(path) == [newer, older]
    assert "| `new` | c2 2026-01-02 | 12 | 9: 9 disk, power loss | 1 |" in figures(totals(path))


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_no_crash_of_the_canonical_day_breaks_a_rule(tmp_path: Path, wish: Wish) -> None:
    said: list[str] = []
    seconds = float("inf") if os.environ.get("SWEEP") == "all" else SECONDS
    ledger = tmp_path / "sweep.jsonl"
    how = Sweeping(ledger, "this", jobs=2, seconds=seconds)
    assert not sweep(wish, how, said.append).violations, "\n".join(said)
    # So few where other work takes the machine; alone it is a hundred and more.
    assert len(ledger.read_text().splitlines()) >= 3, said


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_day_is_worth_sweeping(wish: Wish) -> None:
    """It has boundaries of all kinds, in both lives, and a crash that loses an order is found."""
    points = boundaries(wish)
    for kind in (CALLBACK, DISK, OPERATION):
        for life in (1, 2):
            assert sum(one.kind == kind and one.life == life for one in points) > 50
    # Whatever was wished for before the crash is wished for again behind it, under the same names.
    planted = replace(wish, plant="counter-forgotten")
    operations = [one for one in points if (one.kind, one.life) == (OPERATION, 1)]
    late = operations[len(operations) * 2 // 3 :]
    verdicts = list(swept(planted, frozenset(late[:: len(late) // 3])))
    assert {verdict.rule for verdict in verdicts} - {""} == {"paged"}, verdicts
