"""A long day in short: the book forgets, files turn over, and no container grows with the orders.

`scripts/simulate --day 24` plays the day that docs/long-day.md tells of.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from ib_async.contract import Contract

from tests.simulation.day import CLASSES, Plan, Sample, files_mb
from tests.simulation.growth import grown, played_day, unbounded
from tests.simulation.run import Child, Wish
from trader.core.ids import OrderId
from trader.ibkr.tap import Tap

# What the book holds goes up and down from minute to minute by such a share of the orders.
TRIFLE = 0.15
# The book remembers two minutes, the broker tells of one.
SHORT = Plan(hours=0.25, sample_s=180.0, history_s=120.0, told_s=60.0)


def played(plan: Plan, plant: Callable[[], None] | None = None) -> tuple[list[Sample], str]:
    """Play a short day in a child; return its samples, and what was wrong with it."""

    def told() -> str:
        rows: list[Sample] = []
        result = played_day("short", plan, rows.append, plant)
        return json.dumps([result.problem, [asdict(row) for row in rows]])

    text, status = Child(told).said()
    assert text, f"the child ended without a word, status {status}"
    problem, rows = json.loads(text)
    return [Sample(**row) for row in rows], problem


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_nothing_grows_with_the_orders_once_the_book_forgets(wish: Wish) -> None:
    samples, problem = played(SHORT)
    assert problem == ""
    warm, last = samples[2], samples[-1]
    assert [sample.posture for sample in samples[1:]] == ["armed"] * (len(samples) - 1)
    # Orders left all the time, and the book holds no more than before.
    assert last.sent - warm.sent > 100
    assert last.events - warm.events > 1_000
    assert last.book["orders"] < 1.3 * warm.book["orders"]
    assert last.book["orders"] < last.sent / 2
    assert unbounded(grown(warm, last, TRIFLE)) == {}
    assert last.files_mb["journal"] > warm.files_mb["journal"]


def _forget_nothing() -> None:
    """Keep the contract of each order for good, also when the link breaks."""

    class Kept(dict[OrderId, Contract]):
        def pop(self, *arguments: object) -> None:  # type: ignore[override]
            pass

        def clear(self) -> None:
            pass

    # Not one of the simulation's own, which nobody weighs.
    Kept.__module__ = "somewhere"
    made = Tap.__init__

    def keeping(tap: Tap, *arguments: Any) -> None:
        made(tap, *arguments)
        tap.contracts = Kept()

    Tap.__init__ = keeping  # type: ignore[method-assign, assignment]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_container_that_nobody_empties_is_found(wish: Wish) -> None:
    samples, problem = played(replace(SHORT, hours=0.15), _forget_nothing)
    assert problem == ""
    gains = unbounded(grown(samples[1], samples[-1], TRIFLE))
    assert list(gains) == ["Daemon.services.broker._tap.contracts"]


def test_files_are_measured_by_class(tmp_path: Path) -> None:
    (tmp_path / "outbox").mkdir()
    (tmp_path / "journal.db").write_bytes(b"x" * 2_000)
    (tmp_path / "outbox" / "exec_reports.jsonl").write_bytes(b"x" * 1_000)
    (tmp_path / "control.token").write_bytes(b"x" * 500)
    assert files_mb(tmp_path) == {"journal": 0.002, "others": 0.0005, "streams": 0.001}
    assert {"journal", "streams"} <= set(CLASSES.values())
