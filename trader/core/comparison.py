"""One reconciliation as a question and its answer: pure, so that anybody can ask it again.

A run decides in two steps: what to record, with the book as it stood when the broker's word was
whole, and what stays in doubt, with the book as the records have left it. Whoever folds the same
journal to the same two events and asks the same question gets the same answer.
"""

from dataclasses import dataclass, replace

from trader.core import events as ev
from trader.core.book import Book
from trader.core.drifts import Drift, DriftKind, Plan, RunContext, plan
from trader.core.ids import ConId, Seq
from trader.core.reconcile import commissions_to_record, diff, not_compared, passed_over
from trader.core.snapshots import BrokerSnapshot

# What so many runs in a row could not look at is in doubt, however busy the account is.
_PASSED_MAX = 3


@dataclass(frozen=True, slots=True)
class Passed:
    """What differs and moved during so many runs in a row that none could look at it."""

    kind: DriftKind
    key: str
    run_count: int


@dataclass(frozen=True, slots=True)
class Question:
    """All that a run decides by, beside the book."""

    run: RunContext
    snapshot: BrokerSnapshot
    # What the last complete run left open.
    left: tuple[Drift, ...]
    # The sightings of those that are old enough for this look to be a second one.
    seen_before: frozenset[str]
    passed: tuple[Passed, ...]
    # Whether all was looked at once, since the start or since the link was lost.
    was_compared: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What differs, and what a run does about it."""

    drifts: tuple[Drift, ...]
    # Late ones are normal, not a drift.
    commissions: tuple[ev.CommissionSeen, ...]
    plan: Plan

    @property
    def records(self) -> tuple[ev.Event, ...]:
        """Return what is to be recorded, in this order."""
        return (*self.plan.repairs, *self.commissions, *self.plan.tickets)


@dataclass(frozen=True, slots=True)
class Doubt:
    """What stays in doubt once an answer was recorded."""

    plan: Plan
    passed: tuple[Passed, ...]
    # Instruments whose position this run could not look at.
    unlooked: frozenset[ConId]


@dataclass(frozen=True, slots=True)
class Decision:
    """What one run was asked and what it decided, with the book between two events."""

    question: Question
    answer: Answer
    # The plan with what stays in doubt.
    plan: Plan
    # The last event of the book that the answer was given with, and of the one after its records.
    asked_seq: Seq
    decided_seq: Seq


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run, for its archive; without a decision where it was incomplete."""

    finished: ev.ReconcileFinished
    decision: Decision | None = None


def answered(book: Book, question: Question) -> Answer:
    """Decide what to record; the book is the one of before."""
    run, snapshot = question.run, question.snapshot
    drifts = diff(book, snapshot, run)
    unseen = not_compared(question.left, book, snapshot, run)
    decided = plan(drifts, question.seen_before, run, unseen=unseen)
    return Answer(drifts, commissions_to_record(book, snapshot), decided)


def doubted(book: Book, question: Question, answer: Answer) -> Doubt:
    """Add to the plan what differs all the same, and that this run could not look at.

    ``book`` is the one of after the records. Since the start, or since the link was lost, all is
    in doubt until it was looked at once; later on only what several runs in a row could not look
    at.
    """
    known = {(row.kind, row.key) for row in answer.plan.open}
    rows = tuple(
        row
        for row in passed_over(book, question.snapshot, question.run)
        if (row.kind, row.key) not in known
    )
    before = {(row.kind, row.key): row.run_count for row in question.passed}
    counts = {(row.kind, row.key): before.get((row.kind, row.key), 0) + 1 for row in rows}
    in_doubt = rows
    if question.was_compared:
        in_doubt = tuple(row for row in rows if counts[row.kind, row.key] >= _PASSED_MAX)
    return Doubt(
        plan=replace(answer.plan, unseen=(*answer.plan.unseen, *in_doubt)),
        passed=tuple(Passed(*key, count) for key, count in counts.items()),
        unlooked=frozenset(row.con_id for row in rows if row.con_id is not None),
    )


def differences(decision: Decision, answer: Answer, plan: Plan) -> tuple[str, ...]:
    """Name what another answer to the same question has otherwise, each in one sentence."""
    pairs = (
        ("drifts", decision.answer.drifts, answer.drifts),
        ("commissions", decision.answer.commissions, answer.commissions),
        ("repairs", decision.answer.plan.repairs, answer.plan.repairs),
        ("tickets", decision.answer.plan.tickets, answer.plan.tickets),
        ("pending", decision.plan.pending, plan.pending),
        ("unseen", decision.plan.unseen, plan.unseen),
    )
    return tuple(
        f"{name}: recorded {_words(was)}, replayed {_words(now)}"
        for name, was, now in pairs
        if was != now
    )


def _words(rows: tuple[object, ...]) -> str:
    return "; ".join(str(row) for row in rows) or "none"
