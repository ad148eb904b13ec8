"""What one report says, and what is said of every report: whose, of when, up to which event."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from trader.core.halts import Mode

SCHEMA = 1


class ReportStatus(StrEnum):
    """How a report finds its subject. ``insufficient_data`` is never a pass."""

    OK = "ok"
    PASS = "pass"  # noqa: S105 - a verdict
    WARNING = "warning"
    INSUFFICIENT = "insufficient_data"
    CRITICAL = "critical"
    FAIL = "fail"


GOOD = (ReportStatus.OK, ReportStatus.PASS)
BAD = (ReportStatus.CRITICAL, ReportStatus.FAIL)


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something to call a person for, once for as long as it stands; known by its title."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Content:
    """What a report says; ``body`` is a frozen dataclass of plain values.

    ``copies`` are further files with the same text, below the state directory. ``age_s`` is how
    old its subject was when it was decided.
    """

    status: ReportStatus
    reasons: tuple[str, ...]
    body: object
    alarms: tuple[Alarm, ...] = ()
    copies: tuple[str, ...] = ()
    age_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Stamp:
    """What stands at the head of every report."""

    report: str
    status: ReportStatus
    reasons: tuple[str, ...]
    # Of when its subject is, and when it was written.
    as_of_utc: datetime
    written_utc: datetime
    age_s_max: float | None
    account: str
    mode: Mode
    # Whose account it is evidence about: simulator, paper or live.
    evidence: str
    # The journal, and the last event when it was written.
    lineage: str
    seq: int
    version: str
    git_sha: str
    schema: int = SCHEMA


def evidence_of(mode: Mode, account: str) -> str:
    """Say what a report is evidence about: an account's name tells it, whatever the mode says.

    The simulator's accounts begin with DUSIM, the broker's own paper accounts with D.
    """
    if mode is Mode.DEMO or account.startswith("DUSIM"):
        return "simulator"
    if not account:
        return "unknown"
    return "paper" if account.startswith("D") else "live"
