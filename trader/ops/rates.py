"""How often things happened of late, made of counts that only grow and are looked at now and then.

Whoever scrapes decides when that is: several at once do not disturb each other.
"""

from collections import deque
from collections.abc import Mapping

# Samples closer together than this say nothing more.
_STEP_S = 1.0


class RecentRates:
    """Keeps what the counts were, a window back; it holds a window of samples and no more."""

    def __init__(self, now_s: float, window_s: float = 60.0) -> None:
        self._window_s = window_s
        self._samples: deque[tuple[float, dict[str, float]]] = deque([(now_s, {})])

    def per_second(self, now_s: float, counts: Mapping[str, float]) -> dict[str, float]:
        """Return the growth of each count by the second, since the last look a window ago.

        Where nobody looked for longer than that, since then; at first since the beginning.
        """
        while len(self._samples) > 1 and self._samples[1][0] <= now_s - self._window_s:
            self._samples.popleft()
        at_s, before = self._samples[0]
        span_s = now_s - at_s
        if now_s - self._samples[-1][0] >= _STEP_S:
            self._samples.append((now_s, dict(counts)))
        if span_s <= 0:
            return dict.fromkeys(counts, 0.0)
        return {name: (count - before.get(name, 0.0)) / span_s for name, count in counts.items()}
