"""What the models of risk cannot see, each as one number: see docs/blind-spots.md.

What is meant by a blind spot is our own definition. Exposures are signed and in the account's
currency; every measure is of what is held.
"""

from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from math import isfinite, sqrt

import numpy as np
from numpy.typing import NDArray

from trader.core.amounts import ZERO
from trader.core.ids import ConId

Matrix = NDArray[np.float64]

# More times than this are told as this: a market that does not move at all is no number.
RATIO_MOST = 1_000.0


def unpriced_share(values: Iterable[Decimal | None], equity: Decimal) -> Decimal | None:
    """Return the exposure without a price, at what it was last known to be, over the account.

    None where it cannot be said: a value was never known, or the account is worth nothing.
    """
    total = ZERO
    for value in values:
        if value is None:
            return None
        total += abs(value)
    if total == ZERO:
        return ZERO
    return total / equity if equity > ZERO else None


def uncovered_share(
    exposures: Mapping[ConId, Decimal],
    *,
    covered: Collection[ConId],
    waiting: Collection[ConId],
) -> Decimal | None:
    """Return the share of gross exposure that has had the time to get a row, and has none.

    None while all that has none still waits for it.
    """
    gross = sum((abs(value) for value in exposures.values()), start=ZERO)
    if gross == ZERO:
        return ZERO
    without = {key: abs(value) for key, value in exposures.items() if key not in covered}
    blind = sum((value for key, value in without.items() if key not in waiting), start=ZERO)
    waits = sum((value for key, value in without.items() if key in waiting), start=ZERO)
    return None if waits > ZERO and blind == ZERO else blind / gross


def realised_volatility(changes: Matrix, exposures: Matrix) -> float | None:
    """Return what the exposures would have moved by from minute to minute; None of fewer than two.

    Not around its own mean: that of a short while is noise, and a market that goes one way is no
    calm one.
    """
    if len(changes) < 2:
        return None
    return sqrt(float(np.mean(np.square(changes @ exposures))))


def times_apart(realised: float | None, predicted: float | None) -> float | None:
    """Return how many times the smaller of both the larger is, either way; None when unknown."""
    if realised is None or predicted is None or not isfinite(realised) or not isfinite(predicted):
        return None
    if predicted <= 0 or realised < 0:
        return None
    if realised * RATIO_MOST <= predicted:
        return RATIO_MOST
    return min(max(realised / predicted, predicted / realised), RATIO_MOST)


def largest_cluster(
    exposures: Mapping[ConId, float],
    con_ids: tuple[ConId, ...],
    correlations: Matrix,
    correlation_max: float,
) -> tuple[tuple[ConId, ...], float]:
    """Return the largest group that loses together, and its gross exposure; empty without one.

    Two are of one group when they are long the same or short the same, or long and short what
    moves the other way, with a correlation of ``correlation_max`` or more; and so is whoever is
    of one group with either. A hedge is no group.
    """
    held = np.array([exposures.get(con_id, 0.0) for con_id in con_ids])
    sides = np.sign(held)
    is_linked = np.outer(sides, sides) * correlations >= correlation_max
    best: tuple[tuple[ConId, ...], float] = ((), 0.0)
    seen: set[int] = set()
    for first in range(len(con_ids)):
        if first in seen or held[first] == 0:
            continue
        group, ahead = {first}, [first]
        while ahead:
            for other in np.flatnonzero(is_linked[ahead.pop()]).tolist():
                if other not in group:
                    group.add(other)
                    ahead.append(other)
        seen |= group
        gross = float(np.sum(np.abs(held[sorted(group)])))
        if len(group) > 1 and gross > best[1]:
            best = (tuple(con_ids[place] for place in sorted(group)), gross)
    return best


def correlation_break(before: Matrix, now: Matrix, exposures: Matrix) -> float:
    """Return how far correlations have moved, 0 to 2: the mean of the pairs, by their exposure.

    Each pair weighs as much as the product of what is held of both; without a pair it is 0.
    """
    weights = np.outer(np.abs(exposures), np.abs(exposures))
    np.fill_diagonal(weights, 0.0)
    total = float(np.sum(weights))
    return float(np.sum(weights * np.abs(now - before))) / total if total > 0 else 0.0
