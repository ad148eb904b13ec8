"""Since when something that has to hold does not, and whether somebody was told: counted time.

What comes back and falls again before it was steady never came back: the outage goes on, and is
told once (INC-033, INC-117).
"""


class Outage:
    """One of them; all times are monotonic seconds."""

    def __init__(self, *, told_after_s: float, steady_s: float) -> None:
        self._told_after_s = told_after_s
        self._steady_s = steady_s
        # Both None while it holds and was never lost.
        self._since_s: float | None = None
        self._back_s: float | None = None
        self._is_told = False

    def lost(self, now_s: float) -> None:
        """Note that it does not hold; told again while it is lost, nothing changes."""
        if self._since_s is None or self._was_steady(now_s):
            self._since_s, self._is_told = now_s, False
        self._back_s = None

    def back(self, now_s: float) -> None:
        """Note that it holds."""
        if self._back_s is None:
            self._back_s = now_s

    def lasts_s(self, now_s: float) -> float:
        """Return for how long it has not held steadily; 0 while it does."""
        if self._since_s is None or self._was_steady(now_s):
            return 0.0
        return now_s - self._since_s

    def take_due(self, now_s: float) -> bool:
        """Tell whether somebody must be told now; true once for an outage."""
        is_due = not self._is_told and self.lasts_s(now_s) >= self._told_after_s
        self._is_told = self._is_told or is_due
        return is_due

    def _was_steady(self, now_s: float) -> bool:
        return self._back_s is not None and now_s - self._back_s >= self._steady_s
