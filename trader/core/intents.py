"""An intent: a strategy's wish. Its id survives restarts; its digest seals its content."""

import hashlib
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from trader.core.amounts import ZERO
from trader.core.ids import ConId, IntentId, StrategyName


class Side(StrEnum):
    """The direction of an order; the values are those of the wire."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def sign(self) -> int:
        """Return +1 for a buy and -1 for a sell."""
        return 1 if self is Side.BUY else -1

    @property
    def opposite(self) -> "Side":
        """Return the side that closes this one."""
        return Side.SELL if self is Side.BUY else Side.BUY


class OrderType(StrEnum):
    """The order types of the first cut; the values are those of the wire."""

    MARKET = "MKT"
    LIMIT = "LMT"
    STOP = "STP"


class TimeInForce(StrEnum):
    """Always sent: an order without one draws 10349 and a preset of the broker's (INC-001)."""

    DAY = "DAY"
    GTC = "GTC"
    IOC = "IOC"


@dataclass(frozen=True, slots=True)
class BracketTerms:
    """What an entry brings is closed at ``take_profit`` or at ``stop_loss``, whichever is first.

    Both work for the whole of it, as long as ``time_in_force`` says: a stop that expired with the
    day would leave a position alone over night.
    """

    take_profit: Decimal
    stop_loss: Decimal
    time_in_force: TimeInForce = TimeInForce.GTC


@dataclass(frozen=True, slots=True)
class Intent:
    """One wish to trade; ``limit_price`` and ``stop_price`` as the order type demands."""

    intent_id: IntentId
    strategy: StrategyName
    con_id: ConId
    side: Side
    quantity: Decimal
    order_type: OrderType
    time_in_force: TimeInForce
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    # A reduce-only intent may shrink a position and never cross zero.
    is_reduce_only: bool = False
    reason: str = ""
    # It leaves together with the two orders that protect what it brings, or not at all.
    bracket: BracketTerms | None = None

    @property
    def signed_quantity(self) -> Decimal:
        """Return the quantity, negative for a sell."""
        return self.quantity * self.side.sign


def digest(intent: Intent) -> str:
    """Return 32 hex characters that seal everything the broker would be told.

    The same id with another digest is a bug in a strategy and is refused loudly.
    """
    told: tuple[str, ...] = (
        intent.intent_id,
        intent.strategy,
        str(intent.con_id),
        intent.side,
        str(intent.quantity.normalize()),
        intent.order_type,
        intent.time_in_force,
        _plain(intent.limit_price),
        _plain(intent.stop_price),
        str(intent.is_reduce_only),
    )
    if (bracket := intent.bracket) is not None:
        # Behind the rest, so that what has none is sealed as it always was.
        prices = _plain(bracket.take_profit), _plain(bracket.stop_loss)
        told = (*told, *prices, bracket.time_in_force)
    return hashlib.sha256("|".join(told).encode()).hexdigest()[:32]


def is_writable(intent: Intent) -> bool:
    """Tell whether every value of an intent is of its type, so that it can be written down.

    A strategy's arithmetic can put NaN where a number belongs, and no checker sees it.
    """
    # For the type checker every value is of its type.
    wish: Any = intent
    limit, stop = wish.limit_price, wish.stop_price
    return (
        _is_number(wish.quantity)
        and (limit is None or _is_number(limit))
        and (stop is None or _is_number(stop))
        and isinstance(wish.intent_id, str)
        and isinstance(wish.strategy, str)
        and isinstance(wish.reason, str)
        and isinstance(wish.side, Side)
        and isinstance(wish.order_type, OrderType)
        and isinstance(wish.time_in_force, TimeInForce)
        and isinstance(wish.is_reduce_only, bool)
        and type(wish.con_id) is int
        and (wish.bracket is None or _is_bracket(wish.bracket))
    )


def reduces(position: Decimal, signed_quantity: Decimal) -> bool:
    """Tell whether a trade shrinks a position without crossing zero."""
    if ZERO in (position, signed_quantity) or (position > ZERO) == (signed_quantity > ZERO):
        return False
    return abs(signed_quantity) <= abs(position)


def closes(position: Decimal, signed_quantity: Decimal, *, is_reduce_only: bool) -> bool:
    """Tell whether an order of what is left is an exit: by its own word, or by what it would do."""
    return is_reduce_only or reduces(position, signed_quantity)


def _is_bracket(value: Any) -> bool:
    return (
        isinstance(value, BracketTerms)
        and _is_number(value.take_profit)
        and _is_number(value.stop_loss)
        and isinstance(value.time_in_force, TimeInForce)
    )


def _is_number(value: object) -> bool:
    return type(value) is Decimal and value.is_finite()


def _plain(price: Decimal | None) -> str:
    return "" if price is None else str(price.normalize())
