"""Prices of the same minutes, as the changes of all instruments from each minute to the next.

A minute in which an instrument had no price is unknown, and so are the two changes beside it:
nothing is filled in, for an old price carried on would pass a dead feed for a calm one and hide
that two instruments move together. What has too few changes is left out and named; of the rest
only minutes count in which none is missing, and while those are too few the instrument with the
fewest changes gives way.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trader.core.ids import ConId

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Changes:
    """Logarithmic changes: a row for each minute that counts, a column for each instrument."""

    con_ids: tuple[ConId, ...]
    matrix: Matrix
    # Why an instrument has no column.
    lacking: Mapping[ConId, str]

    def of(self, con_ids: Sequence[ConId]) -> Matrix:
        """Return the columns of some instruments, in their order."""
        place = {con_id: column for column, con_id in enumerate(self.con_ids)}
        found: Matrix = self.matrix[:, [place[con_id] for con_id in con_ids]]
        return found

    def series(self) -> dict[ConId, Matrix]:
        """Return the changes of each instrument."""
        return {con_id: self.matrix[:, row] for row, con_id in enumerate(self.con_ids)}


def logarithms(minutes: Sequence[Mapping[ConId, float]], con_ids: Sequence[ConId]) -> Matrix:
    """Return a row of logarithms for each minute; NaN where there is no price above zero."""
    prices = np.array(
        [[minute.get(con_id, np.nan) for con_id in con_ids] for minute in minutes],
        dtype=np.float64,
    ).reshape(len(minutes), len(con_ids))
    is_price = np.isfinite(prices) & (prices > 0)
    found: Matrix = np.log(np.where(is_price, prices, np.nan))
    return found


def aligned(prices: Matrix, con_ids: Sequence[ConId], sample_min: int, latest: int = 0) -> Changes:
    """Return the changes that all instruments with enough of them have in common.

    With ``latest``, who has had no price in so many of the last minutes has none that counts.
    """
    every = np.diff(prices, axis=0)
    is_known = np.isfinite(every)
    own = np.count_nonzero(is_known, axis=0)
    lacking = {
        con_id: f"{count} changes in {len(every)} minutes, needed are {sample_min}"
        for con_id, count in zip(con_ids, own, strict=True)
        if count < sample_min
    }
    if latest:
        is_alive: NDArray[np.bool_] = np.any(np.isfinite(prices[-latest:]), axis=0)
        for con_id, has_prices in zip(con_ids, is_alive.tolist(), strict=True):
            if not has_prices:
                lacking[con_id] = f"no price for {latest} minutes"
    left = [column for column, con_id in enumerate(con_ids) if con_id not in lacking]
    # Whoever has the fewest goes first; of equals the last.
    leaving = sorted(left, key=lambda column: (own[column], -column))
    rows = is_known[:, left].all(axis=1)
    for column in leaving:
        if np.count_nonzero(rows) >= sample_min:
            break
        left.remove(column)
        lacking[con_ids[column]] = "its minutes and those of the others are not the same"
        rows = is_known[:, left].all(axis=1)
    return Changes(tuple(con_ids[column] for column in left), every[rows][:, left], lacking)
