"""How long to wait before something outside is tried again: the one rule for all of it (RUN-15).

Each wait is twice the one before, up to a ceiling, and chance takes up to half of it away, so that
those who failed together do not come back together. Chance is drawn by the caller, from the
generator that was handed to it. An order is never tried again, by this rule or any other.
"""

from dataclasses import dataclass

# Beyond so many doublings every ceiling is reached.
_DOUBLINGS_MAX = 64


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits from ``first_s`` up to ``ceiling_s``, both before chance has taken its part."""

    first_s: float
    ceiling_s: float

    def __post_init__(self) -> None:
        """Refuse waits that would be none, or endless."""
        assert 0 < self.first_s <= self.ceiling_s < float("inf"), f"waits {self}"

    def wait_s(self, failures: int, drawn: float) -> float:
        """Return the wait after so many failures in a row.

        ``drawn`` is a number of chance from 0 up to 1.
        """
        assert failures >= 1, f"{failures} failures"
        assert 0 <= drawn <= 1, f"drawn {drawn}"
        whole_s = min(self.first_s * 2.0 ** min(failures - 1, _DOUBLINGS_MAX), self.ceiling_s)
        return whole_s * (0.5 + drawn / 2)
