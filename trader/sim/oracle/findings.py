"""What a comparison can find: one line each, of a kind that a machine can tell apart."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What is different, in the order in which it is told."""

    JOURNAL_GAP = "journal_gap"
    ORDER_UNRECORDED = "order_unrecorded"
    ORDER_RECORDED_LATE = "order_recorded_late"
    ORDER_SENT_TWICE = "order_sent_twice"
    CHANGE_UNRECORDED = "change_unrecorded"
    ORDER_SENT_WHILE_HALTED = "order_sent_while_halted"
    ORDER_UNSEEN = "order_unseen"
    ORDER_TERMS = "order_terms"
    ORDER_STATE = "order_state"
    ORDER_FILLED = "order_filled"
    EXECUTION_MISSING = "execution_missing"
    EXECUTION_UNKNOWN = "execution_unknown"
    EXECUTION_TWICE = "execution_twice"
    EXECUTION_REVISION = "execution_revision"
    EXECUTION_DIFFERS = "execution_differs"
    COMMISSION_MISSING = "commission_missing"
    COMMISSION_UNKNOWN = "commission_unknown"
    COMMISSION_DIFFERS = "commission_differs"
    POSITION = "position"
    CASH = "cash"


class Note(StrEnum):
    """What is worth knowing and no difference."""

    NO_BASELINE = "no_baseline"
    FOREIGN_ORDER = "foreign_order"
    EMERGENCY_ORDER = "emergency_order"
    NEVER_ARRIVED = "never_arrived"
    CASH_ROUNDING = "cash_rounding"
    TICKET_OPEN = "ticket_open"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: of a kind, about one thing, in words."""

    kind: Kind | Note
    subject: str
    text: str

    @property
    def is_difference(self) -> bool:
        """Return whether the two sides disagree here."""
        return isinstance(self.kind, Kind)

    @property
    def line(self) -> str:
        """Return it as a person reads it."""
        return f"{self.kind}  {self.subject}: {self.text}"


_ORDER = {kind: place for place, kind in enumerate((*Kind, *Note))}


def in_order(findings: list[Finding]) -> tuple[Finding, ...]:
    """Sort by kind, then by what it is about (numbers by size), so that input order is nothing."""
    return tuple(
        sorted(
            findings, key=lambda one: (_ORDER[one.kind], len(one.subject), one.subject, one.text)
        )
    )
