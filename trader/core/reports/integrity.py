"""Whether the journal's rows are what was written, one row at a time, and what the report says.

Two looks go over the rows. The *tail* follows what is written from the newest sealed checkpoint of
the start on. The *sweep* goes from the first event to there in small portions, again and again, so
that what is altered in old rows shows too, some time later and never all at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from trader.core.book_view import BookView
from trader.core.ids import IntentId, OrderId, OrderRef, intent_id_in
from trader.core.reports.content import Alarm, Content, ReportStatus
from trader.core.reports.table import INTEGRITY_FOLDER, day_name

# What belongs to an order of ours and names it.
ORDER_KINDS = (
    "OrderSent",
    "OrderWithheld",
    "ModifyPlanned",
    "ModifyRefused",
    "ModifySent",
    "ModifyWithheld",
    "ModifyUnanswered",
    "ModifyRefuted",
    "OrderUnanswered",
    "OrderAbsentSeen",
    "OrderProvenAbsent",
    "OrderSettled",
)
FLAW_KINDS = ("missing", "altered", "seam", "head", "duplicate", "uncorrelated")
_SHOWN_MAX = 50


@dataclass(frozen=True, slots=True)
class Flaw:
    """One row that is not right: missing, altered, seam, head, duplicate or uncorrelated."""

    kind: str
    seq: int
    text: str


@dataclass(frozen=True, slots=True)
class Keys:
    """The names in a row: its own, which no other row may have, and why it belongs to nothing."""

    own: str = ""
    problem: str = ""


def keys_of(kind: str, values: tuple[object, ...], book: BookView) -> Keys:
    """Return what a row is called and whether what it belongs to is known to the book.

    ``values`` are: of an IntentReviewed its intent, of an OrderPlanned its order, reference and
    intent, of an ExecutionSeen its execution and reference, of the others their order.
    """
    match kind, values:
        case "IntentReviewed", (str(intent),) if _is_known(IntentId(intent), book):
            return Keys()
        case "OrderPlanned", (int(number), str(ref), str(intent)):
            return Keys(f"order {number}", _unplanned(number, ref, IntentId(intent), book))
        case "ExecutionSeen", (str(exec_id), str(ref)) if exec_id:
            return Keys(f"execution {exec_id}", _stray(ref, book))
        case _, (int(number),) if kind in ORDER_KINDS and book.has_had(OrderId(number)):
            return Keys()
    shown = ", ".join(str(value)[:60] for value in values)
    return Keys(problem=f"{kind} names nothing that is known: {shown}")


def _unplanned(number: int, ref: str, intent: IntentId, book: BookView) -> str:
    order = book.orders.get(OrderId(number))
    if order is None and book.has_had(OrderId(number)):
        return ""  # it left the book long ago, and its terms with it
    if order is None:
        return f"OrderPlanned of order {number}, which the book does not know"
    if (order.order_ref, order.terms.intent_id) != (ref, intent):
        return f"OrderPlanned of order {number} names {ref} and {intent}, the book another"
    return "" if _is_known(intent, book) else f"order {number} was planned for no known intent"


def _stray(ref: str, book: BookView) -> str:
    """Say why an execution with a reference of ours belongs to no order; empty for all others."""
    intent = intent_id_in(OrderRef(ref))
    # What a restored copy has lost is of an earlier lineage, and is booked as a stranger's.
    if intent is None or not intent.startswith(f"{book.lineage}-"):
        return ""
    return "" if _is_known(intent, book) else f"an execution of {intent}, which is not known"


def _is_known(intent: IntentId, book: BookView) -> bool:
    return intent in book.intents or book.is_retired(intent)


@dataclass(frozen=True, slots=True)
class Coverage:
    """How far the two looks have come; times are None where that was never."""

    tail_from: int
    tail_to: int
    sweep_to: int
    # The chain at ``sweep_to``: the next process goes on there, if the row is still that one.
    sweep_digest: str
    sweep_began_utc: datetime | None
    swept_utc: datetime | None
    rows_looked_at: int
    duration_s: float


@dataclass(frozen=True, slots=True)
class IntegrityReport:
    """Counts by kind, the first findings, and what was looked at."""

    last_seq: int
    digest: str
    sequence_gaps: int
    chain_breaks: int
    duplicate_ids: int
    missing_correlation: int
    finding_count: int
    findings: tuple[Flaw, ...]
    coverage: Coverage | None


def integrity_content(
    flaws: Mapping[int, Flaw],
    coverage: Coverage | None,
    *,
    head: tuple[int, str],
    problem: str,
    now_utc: datetime,
) -> Content:
    """Return what the report says; ``problem`` is why the rows could not be read."""
    counts = dict.fromkeys(FLAW_KINDS, 0)
    for flaw in flaws.values():
        counts[flaw.kind] += 1
    rows = tuple(flaws[seq] for seq in sorted(flaws))
    body = IntegrityReport(
        last_seq=head[0],
        digest=head[1],
        sequence_gaps=counts["missing"],
        chain_breaks=counts["altered"] + counts["seam"] + counts["head"],
        duplicate_ids=counts["duplicate"],
        missing_correlation=counts["uncorrelated"],
        finding_count=len(rows),
        findings=rows[:_SHOWN_MAX],
        coverage=coverage,
    )
    copies = (f"{INTEGRITY_FOLDER}/integrity_{day_name(now_utc)}.json",)
    reasons = [flaw.text for flaw in rows[:_SHOWN_MAX]]
    alarms = []
    if rows:
        text = f"{len(rows)} findings, the first: {rows[0].text}; `trader verify` looks at all"
        alarms.append(Alarm("the journal is not what was written", text))
    if problem:
        reasons.insert(0, problem)
        alarms.append(Alarm("the journal's rows cannot be read", problem))
    status = ReportStatus.FAIL if reasons else ReportStatus.OK
    if not reasons and (coverage is None or not coverage.rows_looked_at):
        status = ReportStatus.INSUFFICIENT
        reasons = ["no row was looked at yet"]
    return Content(status, tuple(reasons), body, tuple(alarms), copies)
