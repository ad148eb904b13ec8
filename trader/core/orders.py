"""The order machine.

An order is our record of one instruction to the broker. Bytes written are not an order accepted:
until the broker answers, the order is SENT, and when no answer comes it is UNKNOWN, never
"rejected" and never "try again". What the broker says afterwards arrives repeated, late and out
of order, so the table below says for every pair of state and event what holds next; a pair that
is absent is refused and changes nothing. A partial fill is data in WORKING, not a state.

CANCELLED and REJECTED are final, and for a while pending grace: executions may still be told
(INC-024), so what is left of such an order counts as if it worked until it is *settled*, that is
until a complete list of executions has shown that no more have come.

WITHHELD proves that no byte left: the last synchronous check refused after the promise was
durable. A planned order read back from the journal proves JOURNALED; without an OrderSent beside
it, it *may* have left, so boot makes it UNKNOWN.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from trader.core.amounts import ZERO
from trader.core.brackets import Membership
from trader.core.changes import Change, ChangeEvent, ChangeState, ChangeTerms, next_change_state
from trader.core.frozen import replace
from trader.core.ids import (
    AccountId,
    ClientId,
    ConId,
    IntentId,
    OrderId,
    OrderRef,
    PermId,
    StrategyName,
)
from trader.core.intents import OrderType, Side, TimeInForce


class OrderState(StrEnum):
    """Where an order stands, by our own account of it."""

    PLANNED = "PLANNED"
    JOURNALED = "JOURNALED"
    SENT = "SENT"
    WITHHELD = "WITHHELD"
    WORKING = "WORKING"
    CANCELLING = "CANCELLING"
    UNKNOWN = "UNKNOWN"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"


class OrderEvent(StrEnum):
    """What can happen to an order."""

    MADE_DURABLE = "made durable"
    SENT = "sent"
    WITHHELD = "withheld"
    ACKNOWLEDGED = "acknowledged"
    CANCEL_SENT = "cancel sent"
    CANCEL_REFUSED = "cancel refused"
    UNANSWERED = "unanswered"
    FILL_COMPLETED = "fill completed"
    CANCEL_CONFIRMED = "cancel confirmed"
    REJECT_CONFIRMED = "reject confirmed"
    PROVEN_ABSENT = "proven absent"


S, E = OrderState, OrderEvent

TABLE: dict[tuple[OrderState, OrderEvent], OrderState] = {
    (S.PLANNED, E.MADE_DURABLE): S.JOURNALED,
    (S.JOURNALED, E.SENT): S.SENT,
    (S.JOURNALED, E.WITHHELD): S.WITHHELD,
    # Read back at boot without an OrderSent: it may have left.
    (S.JOURNALED, E.UNANSWERED): S.UNKNOWN,
    (S.SENT, E.ACKNOWLEDGED): S.WORKING,
    (S.SENT, E.CANCEL_SENT): S.CANCELLING,
    (S.SENT, E.UNANSWERED): S.UNKNOWN,
    # Some orders fill without any status at all (INC-013).
    (S.SENT, E.FILL_COMPLETED): S.FILLED,
    (S.SENT, E.CANCEL_CONFIRMED): S.CANCELLED,
    (S.SENT, E.REJECT_CONFIRMED): S.REJECTED,
    (S.WORKING, E.ACKNOWLEDGED): S.WORKING,
    (S.WORKING, E.CANCEL_SENT): S.CANCELLING,
    (S.WORKING, E.FILL_COMPLETED): S.FILLED,
    (S.WORKING, E.CANCEL_CONFIRMED): S.CANCELLED,
    # Inactive with 201 after an acknowledgement, or a refused remainder (INC-016, INC-129).
    (S.WORKING, E.REJECT_CONFIRMED): S.REJECTED,
    # Acknowledged once, then in no snapshot any more: the same proof as for UNKNOWN (INC-045).
    (S.WORKING, E.PROVEN_ABSENT): S.CANCELLED,
    # A cancelling order is fully working exposure until the broker says otherwise (INC-044).
    (S.CANCELLING, E.ACKNOWLEDGED): S.CANCELLING,
    (S.CANCELLING, E.CANCEL_SENT): S.CANCELLING,
    # 10147, 10148 and 161 prove nothing; the order counts as working until evidence (INC-036).
    (S.CANCELLING, E.CANCEL_REFUSED): S.WORKING,
    (S.CANCELLING, E.UNANSWERED): S.UNKNOWN,
    (S.CANCELLING, E.FILL_COMPLETED): S.FILLED,
    (S.CANCELLING, E.CANCEL_CONFIRMED): S.CANCELLED,
    (S.CANCELLING, E.REJECT_CONFIRMED): S.REJECTED,
    (S.CANCELLING, E.PROVEN_ABSENT): S.CANCELLED,
    (S.UNKNOWN, E.ACKNOWLEDGED): S.WORKING,
    (S.UNKNOWN, E.CANCEL_SENT): S.UNKNOWN,
    (S.UNKNOWN, E.CANCEL_REFUSED): S.UNKNOWN,
    (S.UNKNOWN, E.UNANSWERED): S.UNKNOWN,
    (S.UNKNOWN, E.FILL_COMPLETED): S.FILLED,
    (S.UNKNOWN, E.CANCEL_CONFIRMED): S.CANCELLED,
    (S.UNKNOWN, E.REJECT_CONFIRMED): S.REJECTED,
    # Two complete snapshots, a quiet period apart; the reconciler alone may say so.
    (S.UNKNOWN, E.PROVEN_ABSENT): S.CANCELLED,
    # Late acknowledgements, statuses and cancels of a finished order change nothing (INC-014).
    (S.FILLED, E.ACKNOWLEDGED): S.FILLED,
    (S.FILLED, E.FILL_COMPLETED): S.FILLED,
    (S.FILLED, E.CANCEL_CONFIRMED): S.FILLED,
    (S.FILLED, E.CANCEL_REFUSED): S.FILLED,
    (S.FILLED, E.REJECT_CONFIRMED): S.FILLED,
    (S.CANCELLED, E.CANCEL_CONFIRMED): S.CANCELLED,
    (S.CANCELLED, E.CANCEL_REFUSED): S.CANCELLED,
    (S.CANCELLED, E.REJECT_CONFIRMED): S.CANCELLED,
    # A stale Submitted after Cancelled must not re-open; a live ghost shows in reconciliation.
    (S.CANCELLED, E.ACKNOWLEDGED): S.CANCELLED,
    # The cancel lost the race: the executions are the truth (INC-024).
    (S.CANCELLED, E.FILL_COMPLETED): S.FILLED,
    (S.REJECTED, E.REJECT_CONFIRMED): S.REJECTED,
    (S.REJECTED, E.CANCEL_CONFIRMED): S.REJECTED,
    (S.REJECTED, E.CANCEL_REFUSED): S.REJECTED,
    (S.REJECTED, E.ACKNOWLEDGED): S.REJECTED,
    # Rejected with 201, and a position of that size appears all the same (INC-121).
    (S.REJECTED, E.FILL_COMPLETED): S.FILLED,
}

FINAL = frozenset({S.WITHHELD, S.FILLED, S.CANCELLED, S.REJECTED})
# Over, and with something left that may have filled before the end and not been told yet.
ENDED = frozenset({S.CANCELLED, S.REJECTED})
# Bytes may have left and no answer has come that would prove the order alive or dead.
UNANSWERED = frozenset({S.JOURNALED, S.SENT, S.UNKNOWN})


def next_state(state: OrderState, event: OrderEvent) -> OrderState | None:
    """Return the state after ``event``, or None when the pair is refused."""
    return TABLE.get((state, event))


# The time in force of an order that the broker lets expire.
GOOD_TILL = "GTD"
# How the note of an order begins that the broker never ended: we concluded that it is gone.
ABSENT_NOTE = "absent from snapshots"


@dataclass(frozen=True, slots=True)
class OrderTerms:
    """What one instruction says: as it was planned, or as a change of it was confirmed."""

    intent_id: IntentId
    strategy: StrategyName
    account: AccountId
    con_id: ConId
    symbol: str
    side: Side
    quantity: Decimal
    order_type: OrderType
    time_in_force: TimeInForce
    limit_price: Decimal | None
    stop_price: Decimal | None
    is_reduce_only: bool
    # What one unit may cost at worst, multiplier included and commission not.
    reserve_per_unit: Decimal
    currency: str = "USD"
    # The middle of bid and ask when it was decided on: what slippage is measured against.
    reference_price: Decimal | None = None
    # When the broker is to let it expire, in whole seconds; None for what has no such bound.
    good_till_utc: datetime | None = None
    # Its place among the three orders of a bracket; None for an order by itself.
    bracket: Membership | None = None

    @property
    def is_leg(self) -> bool:
        """Tell whether it protects what the entry of its bracket brings."""
        return self.bracket is not None and self.bracket.is_leg

    @property
    def told_time_in_force(self) -> str:
        """Return the time in force as the broker is told it, and echoes it."""
        return self.time_in_force if self.good_till_utc is None else GOOD_TILL

    @property
    def changeable(self) -> ChangeTerms:
        """Return those that a change may name."""
        return ChangeTerms(self.quantity, self.limit_price, self.stop_price, self.reserve_per_unit)


@dataclass(frozen=True, slots=True)
class Order:
    """One instruction and what has become of it."""

    order_id: OrderId
    client_id: ClientId
    order_ref: OrderRef
    terms: OrderTerms
    planned_utc: datetime
    state: OrderState = OrderState.PLANNED
    perm_id: PermId = PermId(0)
    filled: Decimal = ZERO
    filled_value: Decimal = ZERO
    # The broker's last words, kept as evidence and never taken for the state.
    broker_status: str = ""
    broker_filled: Decimal = ZERO
    note: str = ""
    changed_utc: datetime | None = None
    # The broker has given it a second permId: two orders may live under its id (INC-085).
    is_doubled: bool = False
    # The last change asked for; ``terms`` stay the confirmed ones until the broker shows it.
    change: Change | None = None
    # What had filled, by executions and by the broker's word, when no more was proven to come.
    settled: tuple[Decimal, Decimal] | None = None
    # What corrections of executions took back; the broker's word may be of before them.
    taken_back: Decimal = ZERO
    # When it last turned out that nobody had answered; None while everything was answered in time.
    unanswered_utc: datetime | None = None
    # Of a bracket's leg: how much its bracket holds and leaves to it (core/bracket_life.py).
    room: Decimal | None = None

    @property
    def is_final(self) -> bool:
        """Tell whether no more work is expected at the broker."""
        return self.state in FINAL

    @property
    def is_proven_absent(self) -> bool:
        """Tell whether it counts as cancelled by our own proof, and not by the broker's word."""
        return self.state is OrderState.CANCELLED and self.note.startswith(ABSENT_NOTE)

    @property
    def fills_told(self) -> tuple[Decimal, Decimal]:
        """Return what has filled, by executions and by the broker's word."""
        return self.filled, self.broker_filled

    @property
    def told_beyond(self) -> Decimal:
        """Return how much more the broker has said that filled than executions have shown."""
        return max(self.broker_filled - self.taken_back - self.filled, ZERO)

    @property
    def is_settled(self) -> bool:
        """Tell whether it is over, and proven that no execution of it is still to come.

        Any word of more that filled takes the proof away.
        """
        if self.state not in ENDED:
            return self.state in FINAL
        if self.settled is None:
            return False
        return self.settled[0] == self.filled and self.broker_filled <= max(self.settled)

    @property
    def is_settling(self) -> bool:
        """Tell whether it is over, and what is left of it counts all the same (INC-024)."""
        return self.state in ENDED and not self.is_settled

    @property
    def remaining(self) -> Decimal:
        """Return what may still fill; zero once the order is settled.

        A bracket's leg fills no more than its entry has brought.
        """
        if self.is_settled:
            return ZERO
        left = max(self.quantity_max - self.filled, ZERO)
        return left if self.room is None else min(left, self.room)

    @property
    def open_change(self) -> ChangeTerms | None:
        """Return the terms that the broker may come to hold, or None."""
        return self.change.terms if self.change is not None and self.change.is_open else None

    def may_be_changed_to(self, quantity: Decimal) -> bool:
        """Tell whether the broker may have taken this for its size: by the last change asked for.

        It makes a bracket's leg smaller by itself, when the other leg or its entry fills in part.
        """
        if self.terms.is_leg and ZERO < quantity <= self.terms.quantity:
            return True
        change = self.change
        if change is None or change.terms.quantity != quantity:
            return False
        return next_change_state(change.state, ChangeEvent.SHOWN) is not None

    def size_shown(self, quantity: Decimal) -> Decimal:
        """Return the size that an echo of this quantity shows.

        A bracket's leg that the broker has made smaller by itself keeps the size it was sent with:
        that is still what the broker counts from.
        """
        is_made_less = self.terms.is_leg and quantity < self.terms.quantity
        return self.terms.quantity if is_made_less else quantity

    @property
    def quantity_max(self) -> Decimal:
        """Return the largest quantity that the broker may hold the order at."""
        wanted = self.open_change
        quantity = self.terms.quantity
        return quantity if wanted is None else max(quantity, wanted.quantity)

    @property
    def reserve_per_unit(self) -> Decimal:
        """Return what one unit may cost at worst, at the confirmed or the desired price."""
        wanted = self.open_change
        reserve = self.terms.reserve_per_unit
        return reserve if wanted is None else max(reserve, wanted.reserve_per_unit)

    @property
    def boldest_limit(self) -> Decimal | None:
        """Return the limit price, confirmed or desired, that trades with more of the others."""
        limit, wanted = self.terms.limit_price, self.open_change
        if limit is None or wanted is None or wanted.limit_price is None:
            return limit
        pick = max if self.terms.side is Side.BUY else min
        return pick(limit, wanted.limit_price)

    @property
    def signed_remaining(self) -> Decimal:
        """Return the remaining quantity, negative for a sell."""
        return self.remaining * self.terms.side.sign

    @property
    def average_price(self) -> Decimal | None:
        """Return the average fill price from executions, or None before the first."""
        return self.filled_value / self.filled if self.filled > ZERO else None


_STATUS_EVENTS = {
    "PreSubmitted": OrderEvent.ACKNOWLEDGED,
    "Submitted": OrderEvent.ACKNOWLEDGED,
    "PendingCancel": OrderEvent.ACKNOWLEDGED,
    # Held, not dead: it may still fill (INC-016). A 201 beside it makes the rejection.
    "Inactive": OrderEvent.ACKNOWLEDGED,
    # The executions say what filled; the status only proves that the order is known.
    "Filled": OrderEvent.ACKNOWLEDGED,
    "Cancelled": OrderEvent.CANCEL_CONFIRMED,
    "ApiCancelled": OrderEvent.CANCEL_CONFIRMED,
}


def event_of_status(status: str) -> OrderEvent | None:
    """Return what a broker status proves; None for PendingSubmit and for words we do not know."""
    return _STATUS_EVENTS.get(status)


def moved(order: Order, event: OrderEvent, at_utc: datetime, note: str = "") -> Order:
    """Return the order after ``event``; unchanged when the table refuses the pair."""
    after = next_state(order.state, event)
    if after is None or after is order.state:
        return order
    since = at_utc if after is OrderState.UNKNOWN else order.unanswered_utc
    return replace(
        order, state=after, changed_utc=at_utc, note=note or order.note, unanswered_utc=since
    )


def corrected(order: Order, quantity: Decimal) -> Order:
    """Return an order of which a correction changed an execution's size by so much."""
    return replace(order, taken_back=max(order.taken_back - quantity, ZERO))


def settled(order: Order) -> Order:
    """Return an order that is over as proven: no more executions of it are to come."""
    return replace(order, settled=order.fills_told) if order.state in ENDED else order


def kept(known: Order | None, order: Order) -> Order:
    """Return an order as it is to be kept: doubled once it has another permId than before."""
    is_other = known is not None and known.perm_id and order.perm_id not in (known.perm_id, 0)
    return replace(order, is_doubled=True) if is_other else order


def change_moved(order: Order, event: ChangeEvent, at_utc: datetime, note: str = "") -> Order:
    """Return the order after ``event`` on its change; unchanged when the table refuses it."""
    change = order.change
    state = None if change is None else next_change_state(change.state, event)
    if change is None or state is None:
        return order
    terms = order.terms
    if state is ChangeState.APPLIED:
        terms = changed_terms(terms, change.terms)
    elif event is ChangeEvent.REVERTED:
        terms = changed_terms(terms, change.was)
    change = replace(change, state=state, note=note)
    return completed(replace(order, terms=terms, change=change, changed_utc=at_utc), at_utc)


def changed_terms(terms: OrderTerms, held: ChangeTerms) -> OrderTerms:
    """Return an order's terms with those of a change in place."""
    return replace(
        terms,
        quantity=held.quantity,
        limit_price=held.limit_price,
        stop_price=held.stop_price,
        reserve_per_unit=held.reserve_per_unit,
    )


def completed(order: Order, at_utc: datetime) -> Order:
    """Return the order FILLED if its executions amount to all that the broker may hold it at.

    A broker that says Filled, and of just what we have, has not made it larger; where that is what
    a change asked for, it has made it smaller.
    """
    is_said = order.broker_status == "Filled" and order.broker_filled == order.filled > ZERO
    if is_said and order.filled < order.terms.quantity and order.may_be_changed_to(order.filled):
        if order.terms.is_leg:
            return moved(order, OrderEvent.FILL_COMPLETED, at_utc)
        return change_moved(order, ChangeEvent.SHOWN, at_utc)
    whole = order.terms.quantity if is_said else order.quantity_max
    if order.filled < whole or order.filled == ZERO:
        return order
    return moved(order, OrderEvent.FILL_COMPLETED, at_utc)
