"""How instruments move together: a covariance matrix that is never worse than its data allow.

The sample's matrix is pulled towards one in which every pair has the average correlation, by the
share that minimises the expected error: O. Ledoit and M. Wolf, "Honey, I Shrunk the Sample
Covariance Matrix", The Journal of Portfolio Management 30 (2004), appendix B. That target keeps
each variance as it was seen, where a multiple of the identity (Ledoit and Wolf, "A
well-conditioned estimator for large-dimensional covariance matrices", Journal of Multivariate
Analysis 88, 2004) would trade it for the average of all. Weights that halve with age are an
extension of ours: moments are weighted, and the sample counts as the equal one of the same
variance, 1 / sum(w**2). What is estimated is positive semi-definite by its making; rounding is
taken out by the nearest such matrix (N. Higham, "Computing a nearest symmetric positive
semidefinite matrix", Linear Algebra and its Applications 103, 1988). Floats: nothing here is money.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from trader.core.ids import ConId

Matrix = NDArray[np.float64]

# Of three changes anything can be said.
SAMPLE_MIN = 3
# A variance so small against the square of the largest change is rounding, and no movement.
_CONSTANT_SHARE = 1e-24
# Two matrices whose difference, squared, is so small a share of one of them are the same.
_EQUAL_SHARE = 1e-24
# Eigenvalues so far below zero, against the sum of the variances, are rounding.
_PSD_SHARE = 1e-12


@dataclass(frozen=True)
class Covariance:
    """A matrix in the order of ``con_ids``; ``shrinkage`` is the share of the target in it."""

    con_ids: tuple[ConId, ...]
    matrix: Matrix
    shrinkage: float
    # How many equally weighted changes it is worth.
    sample_count: float

    @cached_property
    def correlations(self) -> Matrix:
        """The same as correlations, -1 to 1, with ones on the diagonal."""
        return correlations_of(self.matrix)

    def volatility(self, exposures: Mapping[ConId, float]) -> float:
        """Return the standard deviation of what is held, in the unit of the exposures.

        Exposures are signed; raises KeyError for one without a row.
        """
        place = {con_id: row for row, con_id in enumerate(self.con_ids)}
        held = np.zeros(len(self.con_ids))
        for con_id, value in exposures.items():
            held[place[con_id]] = value
        return sqrt(max(float(held @ self.matrix @ held), 0.0))

    def average_correlation(self) -> float | None:
        """Return the mean of all pairs' correlations; None where there is no pair."""
        return _mean_beside(self.correlations) if len(self.con_ids) > 1 else None


@dataclass(frozen=True, slots=True)
class Lacking:
    """There is no estimate: of each instrument that fails, why."""

    problems: Mapping[ConId, str]


def estimate(
    changes: Mapping[ConId, Sequence[float] | Matrix],
    *,
    sample_min: int = SAMPLE_MIN,
    half_life: float | None = None,
) -> Covariance | Lacking:
    """Estimate from the changes of each instrument, all of the same moments, the newest last.

    With ``half_life`` a change counts half as much as one that is so many moments newer.
    """
    assert sample_min >= SAMPLE_MIN, f"a sample of {sample_min}"
    assert half_life is None or half_life > 0, f"a half-life of {half_life}"
    problems = faults(changes, sample_min)
    if problems or not changes:
        return Lacking(problems)
    con_ids = tuple(changes)
    series = np.array([changes[con_id] for con_id in con_ids], dtype=np.float64).T
    # In units of the typical change: fourth powers of small numbers would lose their digits.
    unit = float(np.sqrt(np.mean(np.square(series))))
    weights = _weights(len(series), half_life)
    count = 1.0 / float(np.sum(np.square(weights)))
    matrix, shrinkage = _shrunk(series / unit, weights, count)
    matrix = positive_semidefinite(matrix) * unit**2
    matrix.setflags(write=False)
    return Covariance(con_ids, matrix, shrinkage, count)


def faults(changes: Mapping[ConId, Sequence[float] | Matrix], sample_min: int) -> dict[ConId, str]:
    """Say of each instrument that nothing can be estimated from why."""
    longest = max((len(values) for values in changes.values()), default=0)
    found: dict[ConId, str] = {}
    whole: list[ConId] = []
    for con_id, values in changes.items():
        if len(values) < sample_min:
            found[con_id] = f"{len(values)} changes, needed are {sample_min}"
        elif len(values) < longest:
            found[con_id] = f"{len(values)} changes where others have {longest}"
        else:
            whole.append(con_id)
    if not whole:
        return found
    series = np.array([changes[con_id] for con_id in whole], dtype=np.float64)
    are_finite: NDArray[np.bool_] = np.all(np.isfinite(series), axis=1)
    largest = np.max(np.abs(np.where(np.isfinite(series), series, 0.0)), axis=1)
    # Of equal changes the mean differs from each by rounding alone.
    scaled = series[are_finite] / np.where(largest > 0, largest, 1.0)[are_finite, None]
    varies = np.zeros(len(whole), dtype=bool)
    varies[are_finite] = np.var(scaled, axis=1) > _CONSTANT_SHARE
    for con_id, is_finite, does_vary in zip(
        whole, are_finite.tolist(), varies.tolist(), strict=True
    ):
        if not is_finite:
            found[con_id] = "a change that is no number"
        elif not does_vary:
            found[con_id] = f"its price did not vary in {longest} changes"
    return found


def correlations_of(matrix: Matrix) -> Matrix:
    """Return a covariance matrix, all of whose variances are above zero, as correlations."""
    spread = np.sqrt(np.diag(matrix))
    found: Matrix = np.clip(matrix / np.outer(spread, spread), -1.0, 1.0)
    np.fill_diagonal(found, 1.0)
    return found


def sample_correlations(series: Matrix) -> Matrix:
    """Return the plain correlations of changes, a row for each moment; none may be constant."""
    weights = _weights(len(series), None)
    centred = series - weights @ series
    return correlations_of(centred.T @ (weights[:, None] * centred))


def positive_semidefinite(matrix: Matrix) -> Matrix:
    """Return the nearest symmetric matrix without an eigenvalue below zero."""
    symmetric: Matrix = (matrix + matrix.T) / 2
    rounding = _PSD_SHARE * max(float(np.trace(symmetric)), 0.0)
    try:
        # A tenth of the cost of eigenvalues: it exists when none is below minus what is added.
        np.linalg.cholesky(symmetric + rounding * np.eye(len(symmetric)))
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(symmetric)
        kept: Matrix = (vectors * np.maximum(values, 0.0)) @ vectors.T
        return (kept + kept.T) / 2
    return symmetric


def _weights(count: int, half_life: float | None) -> Matrix:
    if half_life is None:
        return np.full(count, 1.0 / count)
    weights = np.exp2(-np.arange(count - 1, -1, -1, dtype=np.float64) / half_life)
    found: Matrix = weights / np.sum(weights)
    return found


def _shrunk(series: Matrix, weights: Matrix, count: float) -> tuple[Matrix, float]:
    """Return the estimate and its share of the target; names are those of the paper's appendix."""
    x = series - weights @ series
    weighted = weights[:, None] * x
    s = x.T @ weighted
    spread = np.sqrt(np.diag(s))
    size = len(spread)
    if size < 3:
        # Of two instruments the average correlation is their own: there is nothing to pull.
        return s, 0.0
    average = _mean_beside(correlations_of(s))
    target = average * np.outer(spread, spread)
    np.fill_diagonal(target, np.diag(s))
    gamma = float(np.sum(np.square(target - s)))
    if gamma <= _EQUAL_SHARE * float(np.sum(np.square(s))):
        return s, 0.0
    pi = np.square(x).T @ (weights[:, None] * np.square(x)) - np.square(s)
    theta = (x * x * x).T @ weighted - np.diag(s)[:, None] * s
    ratio = spread[None, :] / spread[:, None]
    beside = ratio * theta
    rho = float(np.trace(pi)) + average * float(np.sum(beside) - np.trace(beside))
    kappa = (float(np.sum(pi)) - rho) / gamma
    shrinkage = max(0.0, min(kappa / count, 1.0))
    return shrinkage * target + (1 - shrinkage) * s, shrinkage


def _mean_beside(correlations: Matrix) -> float:
    """Return the mean of what is beside the diagonal."""
    size = len(correlations)
    return float((np.sum(correlations) - size) / (size * (size - 1)))
