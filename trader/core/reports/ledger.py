"""What the reports of the journal's writer say: does it write, and are the day's fills in it.

The broker's list of executions is complete since the start of its day, so each of them is in the
journal or was there before the baseline. A day without executions proves nothing about fills.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from trader.core.entries import Tally
from trader.core.ids import ExecFamily, ExecId, exec_family
from trader.core.reports.content import Alarm, Content, ReportStatus

_SHOWN_MAX = 50


@dataclass(frozen=True, slots=True)
class Day:
    """The broker's day, as both sides have it."""

    since_utc: datetime
    # What the broker lists of our account.
    executions: tuple[ExecId, ...]
    # What the journal's rows hold: since about then by kind, and the executions among them.
    rows: Mapping[str, int]
    recorded: frozenset[ExecFamily]
    row_count: int
    # Executions that were there before the baseline are counted in it, and have no row.
    baselined: frozenset[ExecFamily]


@dataclass(frozen=True, slots=True)
class SanityReport:
    """Row counts, and the day's fills against the broker's executions."""

    since_utc: datetime | None
    row_count: int
    rows_since: Mapping[str, int]
    broker_executions: int
    fill_rows: int
    baselined: int
    missing_count: int
    missing: tuple[str, ...]


def sanity_content(day: Day | None, problem: str = "", age_s: float = 0.0) -> Content:
    """Return what the report says; ``problem`` is why the rows could not be read."""
    if problem or day is None:
        body = SanityReport(None, 0, {}, 0, 0, 0, 0, ())
        status = ReportStatus.FAIL if problem else ReportStatus.INSUFFICIENT
        alarms = (Alarm("the journal's rows cannot be read", problem),) if problem else ()
        return Content(status, (problem or "the broker has told no list yet",), body, alarms)
    # A correction stands for the execution that it replaces, and may be the only one recorded.
    listed = dict.fromkeys(exec_family(name)[0] for name in day.executions)
    expected = [name for name in listed if name not in day.baselined]
    missing = [name for name in expected if name not in day.recorded]
    body = SanityReport(
        since_utc=day.since_utc,
        row_count=day.row_count,
        rows_since=day.rows,
        broker_executions=len(listed),
        fill_rows=len(day.recorded),
        baselined=len(listed) - len(expected),
        missing_count=len(missing),
        missing=tuple(missing[:_SHOWN_MAX]),
    )
    if missing:
        text = f"{len(missing)} of the broker's {len(expected)} executions have no row"
        if not day.recorded:
            text = f"no fill rows on a day with {len(expected)} executions"
        alarm = Alarm("fills are missing in the journal", f"{text}: {', '.join(missing[:3])}")
        return Content(ReportStatus.FAIL, (text,), body, (alarm,), age_s=age_s)
    if not expected:
        reasons = ("no executions since the broker's day began",)
        return Content(ReportStatus.INSUFFICIENT, reasons, body, age_s=age_s)
    return Content(ReportStatus.PASS, (), body, age_s=age_s)


@dataclass(frozen=True, slots=True)
class Writing:
    """How the journal's writer does; ``stuck_s`` is how long its oldest event has waited."""

    seq: int
    durable_seq: int
    failure: str
    stuck_s: float
    tally: Tally
    order_count: int
    fill_count: int
    position_count: int


@dataclass(frozen=True, slots=True)
class WriterReport:
    """Row counts as the writer knows them, and how far it is."""

    recorded_seq: int
    durable_seq: int
    lag_events: int
    stuck_s: float
    failure: str
    orders: int
    fills: int
    positions: int
    intents: int
    refusals: int
    orders_sent: int
    executions: int
    reconciliations: int
    # Of the day's fills against the broker, as the sanity report last found them.
    fills_status: str


def writer_content(
    writing: Writing, sanity: ReportStatus | None, *, stuck_s_max: float = 60.0
) -> Content:
    """Return what the report says: ``pass`` while all that is recorded comes to the disk."""
    tally = writing.tally
    body = WriterReport(
        recorded_seq=writing.seq,
        durable_seq=writing.durable_seq,
        lag_events=writing.seq - writing.durable_seq,
        stuck_s=writing.stuck_s,
        failure=writing.failure,
        orders=writing.order_count,
        fills=writing.fill_count,
        positions=writing.position_count,
        intents=tally.intents,
        refusals=tally.refusals,
        orders_sent=tally.orders_sent,
        executions=tally.executions,
        reconciliations=tally.reconciliations,
        fills_status="" if sanity is None else sanity.value,
    )
    reasons: list[str] = []
    if writing.failure:
        reasons.append(f"the journal has failed: {writing.failure}")
    # Written so that a time that is not a number counts as too long.
    if not writing.stuck_s <= stuck_s_max:
        reasons.append(f"an event has waited {writing.stuck_s:.0f} s for the disk")
    alarms = tuple(Alarm("the journal is not written", text) for text in reasons[:1])
    if sanity is ReportStatus.FAIL:
        reasons.append("fills are missing in the journal")
    status = ReportStatus.FAIL if reasons else ReportStatus.PASS
    return Content(status, tuple(reasons), body, alarms)
