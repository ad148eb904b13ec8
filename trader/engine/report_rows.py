"""What is seen of the periodic reports while the daemon runs."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One report. ``age_s`` is that of what it is about; None while it was never written.

    ``status`` is what the newest one says, ``problem`` why no newer one could be written.
    """

    name: str
    path: str
    status: str
    age_s: float | None
    age_s_max: float | None
    is_stale: bool
    problem: str
    reasons: tuple[str, ...]
