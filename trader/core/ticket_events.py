"""What is recorded of a person's word about a ticket: what was booked, and what may wait."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trader.core.ids import ConId, TicketId


@dataclass(frozen=True, slots=True)
class TradeBooked:
    """A person stated the trade that explains a difference; no execution of it will come.

    ``quantity`` is signed; ``price`` is per unit and ``commission`` what it cost beside, both in
    ``currency``.
    """

    ticket_id: TicketId
    con_id: ConId
    symbol: str
    quantity: Decimal
    price: Decimal
    multiplier: Decimal
    commission: Decimal
    currency: str
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class CashBooked:
    """A person stated the payment that explains a difference; ``amount`` is signed."""

    ticket_id: TicketId
    currency: str
    amount: Decimal
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class TicketIgnored:
    """A person let a ticket restrict to exits in place of halting, for a while."""

    ticket_id: TicketId
    until_utc: datetime
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class TicketCounted:
    """That while is over, for good: the ticket halts again."""

    ticket_id: TicketId
    reason: str


TicketEvent = TradeBooked | CashBooked | TicketIgnored | TicketCounted
