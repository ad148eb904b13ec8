"""Times counted in narrow buckets: to measure for hours takes no more room than a second."""

from array import array

_BUCKET_S = 1e-5
_COUNT = 100_000


class Tally:
    """Percentiles of times, to 10 microseconds up to a second; beyond it the longest is known."""

    def __init__(self) -> None:
        self._counts = array("Q", bytes(8 * (_COUNT + 1)))
        self.count = 0
        self.longest_s = 0.0

    def add(self, seconds: float) -> None:
        """Count a time; one below zero counts as none."""
        place = min(int(max(seconds, 0.0) / _BUCKET_S), _COUNT)
        self._counts[place] += 1
        self.count += 1
        self.longest_s = max(self.longest_s, seconds)

    def add_all(self, other: "Tally") -> None:
        """Count what another has counted."""
        for place, count in enumerate(other._counts):
            if count:
                self._counts[place] += count
        self.count += other.count
        self.longest_s = max(self.longest_s, other.longest_s)

    def at(self, percent: float) -> float:
        """Return a percentile in seconds: the end of the bucket that holds it; 0 of nothing."""
        if not self.count:
            return 0.0
        wanted, seen = min(int(self.count * percent / 100), self.count - 1), 0
        for place, count in enumerate(self._counts):
            seen += count
            if seen > wanted:
                is_beyond = place == _COUNT
                return self.longest_s if is_beyond else min((place + 1) * _BUCKET_S, self.longest_s)
        return self.longest_s
