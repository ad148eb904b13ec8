"""Every report in one table: where its file is, how often it is written, how old it may be.

A report is made for a person and for a gate. Nothing of it is ever read back as state.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

REPORTS_FOLDER = "reports"
# Names of dated files: 20260222 alone, with a time behind it, or with a word before it.
_DATED = re.compile(r"(?:[a-z_]*_)?(\d{8})(?:T\d{6}Z)?\.json", re.ASCII)


class ReportName(StrEnum):
    """The reports, by the names of their folders."""

    RECONCILIATION = "reconciliation"
    SNAPSHOT = "exchange_snapshots"
    PARITY = "parity"
    RISK = "portfolio_risk"
    WRITER = "ops_db_writer"
    SANITY = "ops_db"
    INTEGRITY = "event_store"
    RUNTIME = "runtime_state"


@dataclass(frozen=True, slots=True)
class Keep:
    """Dated files of a folder, and for how many days they are kept."""

    folder: str
    days: int


@dataclass(frozen=True, slots=True)
class Terms:
    """One report. ``path`` and folders are below the state directory; times are seconds.

    ``interval_s`` is None for what is written when its subject happens, ``age_s_max`` for what may
    be as old as that.
    """

    name: ReportName
    path: str
    interval_s: float | None
    age_s_max: float | None
    keeps: tuple[Keep, ...] = ()


SNAPSHOTS_FULL = "reports/exchange_snapshots/full"
SNAPSHOTS_DAILY = "reports/exchange_snapshots/daily"
INTEGRITY_FOLDER = "reports/event_store"

REPORTS: tuple[Terms, ...] = (
    Terms(ReportName.RECONCILIATION, "reports/reconciliation/latest.json", None, 600.0),
    Terms(
        ReportName.SNAPSHOT,
        "reports/exchange_snapshots/latest.json",
        300.0,
        900.0,
        (Keep(SNAPSHOTS_FULL, 7), Keep(SNAPSHOTS_DAILY, 400)),
    ),
    Terms(ReportName.PARITY, "reports/parity/latest.json", 240.0, 600.0),
    Terms(ReportName.RISK, "reports/portfolio_risk/latest.json", 60.0, 300.0),
    Terms(ReportName.WRITER, "reports/ops_db_writer/latest.json", 120.0, 600.0),
    Terms(ReportName.SANITY, "reports/ops_db/sqlite_sanity_latest.json", 600.0, 1800.0),
    Terms(
        ReportName.INTEGRITY,
        "reports/event_store/integrity_latest.json",
        300.0,
        900.0,
        (Keep(INTEGRITY_FOLDER, 400),),
    ),
    Terms(ReportName.RUNTIME, "data/runtime_state.json", None, None),
)
TERMS: dict[ReportName, Terms] = {terms.name: terms for terms in REPORTS}


def day_name(at_utc: datetime) -> str:
    """Return a day as it stands in the names of files."""
    return f"{at_utc.astimezone(UTC):%Y%m%d}"


def moment_name(at_utc: datetime) -> str:
    """Return a moment as it stands in the names of files, to the second."""
    return f"{at_utc.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def expired(names: Iterable[str], days: int, today: date) -> tuple[str, ...]:
    """Return which dated files are older than ``days``; what has no date of ours is left alone.

    A file of the future stays too: a clock that was wrong for a moment removes nothing.
    """
    oldest = today - timedelta(days=days)
    return tuple(sorted(name for name in names if (day := _day_of(name)) and day < oldest))


def _day_of(name: str) -> date | None:
    found = _DATED.fullmatch(name)
    if found is None:
        return None
    try:
        return datetime.strptime(found[1], "%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError:
        return None
