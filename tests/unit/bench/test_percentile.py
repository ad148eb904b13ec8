"""Percentiles of what was measured."""

from __future__ import annotations

from trader.bench.percentile import at


def test_percentiles_of_nothing_and_of_some() -> None:
    assert at([], 99) == 0.0
    assert at([3.0, 1.0, 2.0], 50) == 2.0
    assert at([3.0, 1.0, 2.0], 99) == 3.0
