"""Whether a report that was found counts: there, readable, of now and good, or a failure."""

from dataclasses import dataclass
from datetime import datetime

from trader.core.reports.content import BAD, GOOD, ReportStatus
from trader.core.reports.table import Terms

# A report of the future was written by a clock that was wrong: how old it is nobody knows.
AHEAD_S_MAX = 60.0


@dataclass(frozen=True, slots=True)
class Found:
    """What a file says at its head; ``problem`` says why it says nothing."""

    status: ReportStatus | None
    as_of_utc: datetime | None
    evidence: str = ""
    problem: str = ""
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Judged:
    """One report as a gate sees it; ``problem`` is empty where it passes."""

    name: str
    path: str
    status: str
    age_s: float | None
    age_s_max: float | None
    problem: str
    evidence: str = ""
    reasons: tuple[str, ...] = ()

    @property
    def has_passed(self) -> bool:
        """Tell whether a gate may go by it."""
        return not self.problem


def is_stale(age_s: float, age_s_max: float | None) -> bool:
    """Tell whether an age is too much; one that is not a number always is."""
    return age_s_max is not None and not age_s <= age_s_max


def judged(terms: Terms, found: Found, now_utc: datetime, *, is_strict: bool) -> Judged:
    """Judge one report; strictly, only ``ok`` and ``pass`` are good."""
    age_s = None if found.as_of_utc is None else (now_utc - found.as_of_utc).total_seconds()
    return Judged(
        name=terms.name,
        path=terms.path,
        status="" if found.status is None else found.status.value,
        age_s=age_s,
        age_s_max=terms.age_s_max,
        problem=_problem(terms, found, age_s, is_strict=is_strict),
        evidence=found.evidence,
        reasons=found.reasons,
    )


def _problem(terms: Terms, found: Found, age_s: float | None, *, is_strict: bool) -> str:
    if found.problem:
        return found.problem
    if found.status is None or age_s is None:
        return "not a report"
    if age_s < -AHEAD_S_MAX:
        return f"written {-age_s:.0f} s in the future"
    if is_stale(age_s, terms.age_s_max):
        return f"stale: {age_s:.0f} s old, allowed {terms.age_s_max:g} s"
    if found.status in BAD or (is_strict and found.status not in GOOD):
        return f"its status is {found.status}"
    return ""
