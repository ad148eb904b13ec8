"""The machine of a change: what we asked the broker to make of a working order.

An order holds its confirmed terms until the broker shows the new ones; a failed change leaves it
working as it was (INC-015). A change that left and was not answered is UNCERTAIN: the broker may
hold either, so both count, until an echo shows which (INC-085, INC-098). A pair of state and
event that is absent from the table is refused and changes nothing.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class ChangeState(StrEnum):
    """Where a change stands, by our own account of it."""

    PLANNED = "PLANNED"
    SENT = "SENT"
    UNCERTAIN = "UNCERTAIN"
    APPLIED = "APPLIED"
    DROPPED = "DROPPED"


class ChangeEvent(StrEnum):
    """What can happen to a change."""

    SENT = "sent"
    WITHHELD = "withheld"
    UNANSWERED = "unanswered"
    SHOWN = "shown"
    REVERTED = "reverted"
    REFUSED = "refused"
    REFUTED = "refuted"


S, E = ChangeState, ChangeEvent

CHANGES: dict[tuple[ChangeState, ChangeEvent], ChangeState] = {
    (S.PLANNED, E.SENT): S.SENT,
    (S.PLANNED, E.WITHHELD): S.DROPPED,
    # Read back at boot without a ModifySent: it may have left.
    (S.PLANNED, E.UNANSWERED): S.UNCERTAIN,
    (S.SENT, E.UNANSWERED): S.UNCERTAIN,
    (S.SENT, E.SHOWN): S.APPLIED,
    (S.SENT, E.REFUSED): S.DROPPED,
    (S.UNCERTAIN, E.SHOWN): S.APPLIED,
    (S.UNCERTAIN, E.REFUSED): S.DROPPED,
    # Snapshots begun long after it left show the old terms; the reconciler alone may say so.
    (S.UNCERTAIN, E.REFUTED): S.DROPPED,
    # What the broker shows is what it holds, whatever it or we said before.
    (S.APPLIED, E.REVERTED): S.UNCERTAIN,
    (S.DROPPED, E.SHOWN): S.APPLIED,
}

OPEN = frozenset({S.PLANNED, S.SENT, S.UNCERTAIN})


def next_change_state(state: ChangeState, event: ChangeEvent) -> ChangeState | None:
    """Return the state after ``event``, or None when the pair is refused."""
    return CHANGES.get((state, event))


@dataclass(frozen=True, slots=True)
class ChangeTerms:
    """The terms of an order that may change, as they are or as they are to be."""

    quantity: Decimal
    limit_price: Decimal | None
    stop_price: Decimal | None
    # What one unit may cost at worst at these prices, multiplier included and commission not.
    reserve_per_unit: Decimal

    def is_shown(
        self, quantity: Decimal, limit_price: Decimal | None, stop_price: Decimal | None
    ) -> bool:
        """Tell whether an echo shows exactly these; a price that is not told shows nothing."""
        shown = (quantity, limit_price, stop_price)
        return shown == (self.quantity, self.limit_price, self.stop_price)


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one order; they are numbered from 1 for each order."""

    number: int
    terms: ChangeTerms
    # What the order was confirmed at when it was asked for.
    was: ChangeTerms
    state: ChangeState = ChangeState.PLANNED
    # Why it was dropped or is not known to hold.
    note: str = ""

    @property
    def is_open(self) -> bool:
        """Tell whether the broker may yet come to hold it."""
        return self.state in OPEN

    @property
    def may_hold(self) -> bool:
        """Tell whether the broker may hold it by now: it left, or may have."""
        return self.state in (ChangeState.SENT, ChangeState.UNCERTAIN)
