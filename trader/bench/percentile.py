"""A percentile of what was measured: a value that was seen, never one between two."""

from collections.abc import Sequence


def at(values: Sequence[float], percent: float) -> float:
    """Return a percentile, in the unit of the values; 0 of nothing."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * percent / 100), len(ordered) - 1)] if ordered else 0.0
