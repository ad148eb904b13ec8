"""What can be asked for at the API's door, and what is answered."""

import hashlib
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from trader.core.halts import Mode
from trader.core.ids import IntentId, OrderId
from trader.core.intents import OrderType, Side, TimeInForce


@dataclass(frozen=True, slots=True)
class Wish:
    """One order as it was asked for; ``symbol`` is looked up among the configured assets."""

    symbol: str
    side: Side
    quantity: Decimal
    order_type: OrderType
    time_in_force: TimeInForce
    limit_price: Decimal | None
    stop_price: Decimal | None
    is_reduce_only: bool
    mode: Mode
    reason: str

    def digest(self) -> str:
        """Return 32 hex characters that seal everything that was asked for."""
        return _sealed(
            self.symbol, self.side, self.quantity.normalize(), self.order_type,
            self.time_in_force, _plain(self.limit_price), _plain(self.stop_price),
            self.is_reduce_only, self.mode, self.reason,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class ChangeWish:
    """Other terms of an order, which is named by its id; None leaves a term as it is."""

    order_id: OrderId
    quantity: Decimal | None
    limit_price: Decimal | None
    stop_price: Decimal | None
    mode: Mode
    reason: str

    def digest(self) -> str:
        """Return 32 hex characters that seal everything that was asked for."""
        return _sealed(
            "change", self.order_id, _plain(self.quantity), _plain(self.limit_price),
            _plain(self.stop_price), self.mode, self.reason,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class CancelWish:
    """The end of an order, which is named by its id."""

    order_id: OrderId
    mode: Mode
    reason: str

    def digest(self) -> str:
        """Return 32 hex characters that seal everything that was asked for."""
        return _sealed("cancel", self.order_id, self.mode, self.reason)


class Turn(StrEnum):
    """What became of knocking at the door."""

    DECIDED = "decided"
    CONFLICT = "conflict"  # the key was used for something else, or the mode is another
    UNAVAILABLE = "unavailable"  # nothing could be made durable


@dataclass(frozen=True, slots=True)
class Verdict:
    """The durable answer; asked again with the same key, only the two states may be others."""

    turn: Turn
    code: str
    text: str
    intent_id: IntentId | None = None
    is_approved: bool = False
    order_id: OrderId | None = None
    # The order's state at the time of asking; empty without an order.
    state: str = ""
    # Of a change: its number, and where it stands; empty once a later one was asked for.
    change_number: int | None = None
    change_state: str = ""


def _sealed(*told: object) -> str:
    return hashlib.sha256(repr([str(part) for part in told]).encode()).hexdigest()[:32]


def _plain(number: Decimal | None) -> str:
    return "" if number is None else str(number.normalize())
