"""What the report of a reconciliation says, and when the same warning has come too often.

A warning is what a run found otherwise than it should be: a drift of some kind, what it could not
look at, or a run that did not end. One is normal. The same kind in so many runs in a row is a
fault that hides behind its own repairs. A second look comes a few seconds after the first on
purpose, at the same difference, so it does not count as one more; it ends a row as any run does.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from trader.core.comparison import RunRecord
from trader.core.ids import TicketId
from trader.core.reports.content import Alarm, Content, ReportStatus

SECOND_LOOK = "second look"
INCOMPLETE = "incomplete"
UNSEEN = "not_looked_at"


@dataclass(frozen=True, slots=True)
class Repeats:
    """In how many runs in a row each kind of warning was seen."""

    counts: tuple[tuple[str, int], ...] = ()

    def after(self, record: RunRecord) -> "Repeats":
        """Return the counts with one more run."""
        step = 0 if record.finished.trigger == SECOND_LOOK else 1
        before = dict(self.counts)
        return Repeats(
            tuple((kind, max(before.get(kind, 0) + step, 1)) for kind in warnings_of(record))
        )


@dataclass(frozen=True, slots=True)
class ReconciliationReport:
    """One run: what it found by kind, what it did, and in how many runs in a row."""

    run_id: str
    trigger: str
    is_complete: bool
    problem: str
    duration_s: float
    counts: dict[str, int]
    actions: dict[str, int]
    pending: tuple[str, ...]
    tickets_opened: tuple[str, ...]
    tickets_open: tuple[str, ...]
    tickets_ignored: tuple[str, ...]
    warnings: dict[str, int]
    recurrent: tuple[str, ...]
    runs_in_a_row_max: int


def warnings_of(record: RunRecord) -> tuple[str, ...]:
    """Return the kinds of warnings of a run, each once."""
    decision = record.decision
    if record.finished.problem or decision is None:
        return (INCOMPLETE,)
    kinds = [str(drift.kind) for drift in decision.answer.drifts]
    if decision.plan.unseen:
        kinds.append(UNSEEN)
    return tuple(dict.fromkeys(kinds))


def reconciliation_content(
    record: RunRecord,
    repeats: Repeats,
    *,
    tickets: Iterable[TicketId],
    ignored: Iterable[TicketId],
    runs_max: int,
) -> Content:
    """Return what the report says of a run; ``repeats`` are those after it."""
    waiting = tuple(ignored)
    opened = tuple(ticket for ticket in tickets if ticket not in waiting)
    recurrent = tuple(kind for kind, count in repeats.counts if count >= runs_max)
    reasons = [f"{kind} in {count} runs in a row" for kind, count in repeats.counts]
    reasons += [f"ticket {ticket} waits for a person" for ticket in opened]
    reasons += [f"ticket {ticket} is ignored" for ticket in waiting]
    if record.finished.problem:
        reasons.append(record.finished.problem)
    status = ReportStatus.OK
    if recurrent or opened:
        status = ReportStatus.FAIL
    elif reasons:
        status = ReportStatus.WARNING
    body = _body(record, repeats, recurrent, runs_max, (opened, waiting))
    text = f"the last {runs_max} runs or more; the newest is {record.finished.run_id}"
    alarms = tuple(Alarm(f"reconciliation: {kind} in every run", text) for kind in recurrent)
    return Content(status, tuple(reasons), body, alarms)


def _body(
    record: RunRecord,
    repeats: Repeats,
    recurrent: tuple[str, ...],
    runs_max: int,
    tickets: tuple[tuple[TicketId, ...], tuple[TicketId, ...]],
) -> ReconciliationReport:
    finished, decision = record.finished, record.decision
    counts: Counter[str] = Counter()
    actions: Counter[str] = Counter()
    pending: tuple[str, ...] = ()
    opened: tuple[str, ...] = ()
    if decision is not None:
        counts.update(str(drift.kind) for drift in decision.answer.drifts)
        actions.update(type(event).__name__ for event in decision.answer.records)
        pending = tuple(f"{drift.kind} {drift.key}" for drift in decision.plan.open)
        opened = tuple(ticket.ticket_id for ticket in decision.answer.plan.tickets)
    return ReconciliationReport(
        run_id=finished.run_id,
        trigger=finished.trigger,
        is_complete=not finished.problem and decision is not None,
        problem=finished.problem,
        duration_s=finished.duration_s,
        counts=dict(counts),
        actions=dict(actions),
        pending=pending,
        tickets_opened=opened,
        tickets_open=tickets[0],
        tickets_ignored=tickets[1],
        warnings=dict(repeats.counts),
        recurrent=recurrent,
        runs_in_a_row_max=runs_max,
    )
