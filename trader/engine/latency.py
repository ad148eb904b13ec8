"""How long prices take from the socket to a strategy, counted in a fixed number of buckets."""

from bisect import bisect_left

# Upper bounds in seconds; what takes longer falls into one more.
BOUNDS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)


class Latencies:
    """A histogram; it never grows."""

    __slots__ = ("counts", "sum_s")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_S) + 1)
        self.sum_s = 0.0

    @property
    def count(self) -> int:
        """Return how many there were."""
        return sum(self.counts)

    def add(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(BOUNDS_S, seconds)] += 1
        self.sum_s += seconds

    def at_most_s(self, share: float) -> float | None:
        """Return the bound under which a share of all lies; None without any, inf beyond all."""
        wanted, seen = share * self.count, 0
        if not wanted:
            return None
        for bound_s, count in zip(BOUNDS_S, self.counts, strict=False):
            seen += count
            if seen >= wanted:
                return bound_s
        return float("inf")
