"""Moments at which orders have to be looked at again: one timer for each distinct moment.

Ten thousand orders that end with the day share one timer. An order that ends first is taken off
its moments, so that nothing of it stays behind.
"""

from collections.abc import Callable

from trader.sim.clock import Clock

# A timer may run this much before its moment because of rounding.
_EARLY_S = 0.001


class Alarms:
    """Orders by the moments at which they are due."""

    def __init__(self, clock: Clock, ring: Callable[[int], None]) -> None:
        self._clock, self._ring = clock, ring
        self._waiting: dict[float, dict[int, None]] = {}
        self._moments: dict[int, dict[float, None]] = {}

    def __len__(self) -> int:
        """Return how many moments are waited for."""
        return len(self._waiting)

    def set(self, perm_id: int, moment_s: float) -> None:
        """Look at an order at a moment in epoch seconds; infinity means never."""
        if moment_s == float("inf"):
            return
        row = self._waiting.get(moment_s)
        if row is None:
            row = self._waiting[moment_s] = {}
            delay_s = max(moment_s - self._clock.time(), 0.0)
            self._clock.call_later(delay_s, lambda: self._due(moment_s))
        row[perm_id] = None
        self._moments.setdefault(perm_id, {})[moment_s] = None

    def forget(self, perm_id: int) -> None:
        """Take an order off all its moments."""
        for moment_s in self._moments.pop(perm_id, ()):
            self._waiting[moment_s].pop(perm_id, None)

    def _due(self, moment_s: float) -> None:
        left_s = moment_s - self._clock.time()
        if left_s > _EARLY_S:
            self._clock.call_later(left_s, lambda: self._due(moment_s))
            return
        row = self._waiting.pop(moment_s)
        for perm_id in row:
            moments = self._moments.get(perm_id, {})
            moments.pop(moment_s, None)
            if not moments:
                self._moments.pop(perm_id, None)
        for perm_id in row:
            self._ring(perm_id)
