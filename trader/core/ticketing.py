"""What a person may do about a ticket, and what stating a trade or a payment records.

Nothing here sends anything. What is booked has to explain the whole difference to what the broker
says now, in a complete snapshot: half an explanation would be a new difference.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from trader.core import events as ev
from trader.core.amounts import ZERO, is_sound
from trader.core.book_view import BookView
from trader.core.drifts import DriftKind
from trader.core.ids import ConId
from trader.core.snapshots import BrokerSnapshot
from trader.core.ticket_events import CashBooked, TradeBooked


class TicketVerb(StrEnum):
    """What a person may do about an open ticket."""

    ADOPT = "adopt"
    BOOK = "book"
    IGNORE = "ignore-until"
    FLATTEN = "flatten"


@dataclass(frozen=True, slots=True)
class Stated:
    """What a person says has happened: a trade, or a payment."""

    quantity: Decimal | None = None
    price: Decimal | None = None
    commission: Decimal | None = None
    amount: Decimal | None = None
    currency: str = ""

    @property
    def words(self) -> str:
        """Say it as it was asked for; empty when nothing was stated."""
        told = {
            "quantity": self.quantity,
            "price": self.price,
            "commission": self.commission,
            "amount": self.amount,
            "currency": self.currency or None,
        }
        return " ".join(f"{name} {value}" for name, value in told.items() if value is not None)


NOTHING_STATED = Stated()


@dataclass(frozen=True, slots=True)
class Word:
    """Why, and who says so."""

    reason: str
    by: str


_OF_ORDER = "the order is over for the book, unless the broker lists it as open"
_ADOPT = {
    DriftKind.POSITION: "the broker's position replaces the book's, without a result",
    DriftKind.CASH: "the broker's cash replaces the book's, in every currency that it tells",
    DriftKind.ORDER_ABSENT: _OF_ORDER,
    DriftKind.EXECUTION_OWED: "no execution of the order is waited for any more",
    DriftKind.ORDER_GHOST: "closes it; cancel the order in TWS first, or the ticket comes back",
    DriftKind.DUPLICATED: "closes it; cancel the order in TWS first, or the ticket comes back",
    DriftKind.RESULT: "closes it; the comparison of the results begins anew",
}
_BOOK = {
    DriftKind.POSITION: "you state the trade (--quantity, --price): position, result and cash move "
    "by it",
    DriftKind.CASH: "you state the payment (--amount, --currency): cash moves by it",
}
_IGNORE = "until a time it only lets no new risk in; the instrument stays out of trade"
_FLATTEN = "adopts it, halts, and closes what the broker holds of the instrument"


def verbs_for(kind: str, con_id: ConId | None) -> dict[TicketVerb, str]:
    """Return the verbs that fit a ticket, each with what it would do."""
    close = "closes it; nothing in the book changes"
    known = DriftKind(kind) if kind in list(DriftKind) else None
    found = {TicketVerb.ADOPT: close if known is None else _ADOPT.get(known, close)}
    if known is not None and known in _BOOK:
        found[TicketVerb.BOOK] = _BOOK[known]
    if con_id is not None:
        found[TicketVerb.IGNORE] = _IGNORE
    if known is DriftKind.POSITION and con_id is not None:
        found[TicketVerb.FLATTEN] = _FLATTEN
    return found


def misfit(ticket: ev.TicketOpened, verb: TicketVerb) -> str:
    """Say why a verb does not fit a ticket, and which do; empty when it fits."""
    fitting = verbs_for(ticket.kind, ticket.con_id)
    if verb in fitting:
        return ""
    why = f"{verb} does not fit a ticket of the kind {ticket.kind}"
    if verb is TicketVerb.IGNORE:
        # No check keeps orders away from what it is about: the halt is all there is.
        why = "it is about no one instrument, so nothing but the halt guards against it"
    return f"{why}; allowed: {', '.join(fitting)}"


def trade_booked(
    book: BookView,
    ticket: ev.TicketOpened,
    snapshot: BrokerSnapshot,
    stated: Stated,
    currency: str,
    word: Word,
) -> TradeBooked | str:
    """Return the trade to record, or why what was stated does not explain the difference."""
    assert ticket.con_id is not None, "a position ticket names its instrument"
    if stated.amount is not None or stated.currency:
        return "--amount and --currency are of a cash ticket; allowed: --quantity, --price"
    quantity, price = stated.quantity, stated.price
    if quantity is None or price is None:
        return "a position ticket needs --quantity and --price"
    costs = {"price": price, "commission": stated.commission or ZERO}
    for name, value in costs.items():
        if not is_sound(value) or value < ZERO:
            return f"{name} is {value}, allowed is 0 or more"
    held, told = book.position_of(ticket.con_id), snapshot.position_of(ticket.con_id)
    missing = told - held
    if missing == ZERO:
        return f"book and broker both hold {told} now: adopt closes the ticket"
    if quantity != missing:
        return (
            f"the book holds {held} and the broker {told}: {held} {quantity:+} is "
            f"{held + quantity}; allowed is --quantity {missing}"
        )
    known = book.positions.get(ticket.con_id)
    row = next((row for row in snapshot.positions if row.con_id == ticket.con_id), None)
    currency = currency or (row.currency if row is not None else "")
    if not currency:
        return f"nobody knows the currency of {ticket.con_id}; allowed: adopt"
    multiplier = known.multiplier if known else row.multiplier if row else Decimal(1)
    return TradeBooked(
        ticket_id=ticket.ticket_id,
        con_id=ticket.con_id,
        symbol=known.symbol if known else row.symbol if row else str(ticket.con_id),
        quantity=quantity,
        price=price,
        multiplier=multiplier,
        commission=costs["commission"],
        currency=currency,
        reason=word.reason,
        by=word.by,
    )


def cash_booked(
    book: BookView,
    ticket: ev.TicketOpened,
    snapshot: BrokerSnapshot,
    stated: Stated,
    slack: Decimal,
    word: Word,
) -> CashBooked | str:
    """Return the payment to record, or why what was stated does not explain the difference.

    ``slack`` is how far apart book and broker may be without a drift.
    """
    if stated.quantity is not None or stated.price is not None or stated.commission is not None:
        return (
            "--quantity, --price and --commission are of a position ticket; "
            "allowed: --amount, --currency"
        )
    if stated.amount is None or not stated.currency:
        return "a cash ticket needs --amount and --currency"
    if not is_sound(stated.amount):
        return f"amount is {stated.amount}, allowed is a number"
    own = ticket.ticket_id.rpartition("-")[2]
    if stated.currency != own:
        return f"the ticket is about {own}, not {stated.currency!r}"
    told = snapshot.cash.get(own)
    if told is None:
        return f"the broker does not tell its {own}: nothing to hold it against"
    held = book.cash.get(own, ZERO)
    left = told - held - stated.amount
    if abs(left) > slack:
        return (
            f"the book has {held} {own} and the broker {told}: with {stated.amount:+} they are "
            f"{left} apart, allowed {slack}; --amount {told - held} explains all of it"
        )
    if stated.amount == ZERO:
        return f"book and broker agree about {own} now: adopt closes the ticket"
    return CashBooked(ticket.ticket_id, own, stated.amount, word.reason, word.by)
