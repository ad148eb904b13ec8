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
    boundaries,
    spread,
    sweep,
    swept,
)

SECONDS = 30.0


def test_parts_hold_each_point_once_and_are_spread() -> None:
    points = tuple(Point(CALLBACK, 1, number, True) for number in range(1_000))
    parts = list(spread(points, 7))
    assert sorted(point.number for part in parts for point in part) == list(range(1_000))
    for part in parts:
        numbers = sorted(point.number for point in part)
        assert {after - before for before, after in pairwise(numbers)} == {7}


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_no_crash_of_the_canonical_day_breaks_a_rule(tmp_path: Path, wish: Wish) -> None:
    said: list[str] = []
    seconds = float("inf") if os.environ.get("SWEEP") == "all" else SECONDS
    ledger = tmp_path / "sweep.jsonl"
    assert sweep(wish, ledger, "this", seconds, said.append), "\n".join(said)
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
