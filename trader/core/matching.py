"""Fills of orders against quotes alone, where nothing is sent: pure, never kinder than a market.

The rules, in which every doubt is decided against the order:

- An order meets the quote that stands when it arrives, and each one after it. A quote that must not
  be traded on (:func:`trader.core.market.fault`), a closed market and a trading halt fill nothing.
- A market order pays the other side: a buy the ask, a sale the bid.
- A limit that the other side has reached when it arrives is filled at the other side's price. One
  that has to wait is filled once the other side comes to it, at its own limit and no better. That
  others trade at its price is not enough: nobody knows its place in the queue.
- A stop is elected once the other side has reached it, and then is a market order.
- No more is filled than the other side shows, and what was taken of it is gone until the broker
  tells its size anew, for all orders together. Without a size nothing is filled.
- IOC is over after its first look, at whatever has filled of it.
"""

from dataclasses import dataclass
from decimal import Decimal

from trader.core.amounts import ZERO
from trader.core.frozen import replace
from trader.core.ids import ConId, OrderId
from trader.core.intents import OrderType, Side, TimeInForce
from trader.core.market import Quote, fault

MATCHED_TYPES = (OrderType.MARKET, OrderType.LIMIT, OrderType.STOP)


@dataclass(frozen=True, slots=True)
class Resting:
    """One order on the local market, and what has become of it there."""

    order_id: OrderId
    con_id: ConId
    side: Side
    quantity: Decimal
    order_type: OrderType
    time_in_force: TimeInForce
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    filled: Decimal = ZERO
    # It has met a quote that could be traded on, and was not filled whole.
    has_waited: bool = False
    is_elected: bool = False

    @property
    def remaining(self) -> Decimal:
        """Return what may still fill."""
        return self.quantity - self.filled


@dataclass(frozen=True, slots=True)
class Look:
    """The market of one instrument at one instant; ``is_open`` is None where nobody knows."""

    quote: Quote | None
    now_s: float
    age_s_max: float
    is_open: bool | None = None


@dataclass(frozen=True, slots=True)
class LocalFill:
    """So much of an order, at one price."""

    order_id: OrderId
    quantity: Decimal
    price: Decimal


@dataclass(frozen=True, slots=True)
class Matched:
    """What a look made of an order; ``is_over`` tells that nothing of it works any more."""

    order: Resting
    fill: LocalFill | None
    is_over: bool


@dataclass(slots=True)
class Room:
    """What the sides of one instrument still show, after what was taken of them."""

    bid_taken: Decimal = ZERO
    ask_taken: Decimal = ZERO

    def told(self, field: str) -> None:
        """Note a tick: a side whose size the broker has told is whole again."""
        if field == "bid_size":
            self.bid_taken = ZERO
        elif field == "ask_size":
            self.ask_taken = ZERO

    def left(self, quote: Quote, side: Side) -> Decimal:
        """Return what an order of this side can still take."""
        is_buy = side is Side.BUY
        shown = quote.ask_size if is_buy else quote.bid_size
        taken = self.ask_taken if is_buy else self.bid_taken
        return ZERO if shown is None else max(shown - taken, ZERO)

    def take(self, side: Side, quantity: Decimal) -> None:
        """Note that an order of this side has taken so much."""
        if side is Side.BUY:
            self.ask_taken += quantity
        else:
            self.bid_taken += quantity


def is_matchable(order_type: OrderType) -> bool:
    """Tell whether there are rules for this type of order."""
    return order_type in MATCHED_TYPES


def match(order: Resting, look: Look, room: Room) -> Matched:
    """Hold an order against the market as it is, and take what it fills out of ``room``."""
    assert is_matchable(order.order_type), f"no rules for {order.order_type}"
    assert order.remaining > ZERO, f"order {order.order_id} has nothing left"
    price, met = _price(order, look)
    order = replace(order, is_elected=order.is_elected or _is_elected(order, met))
    fill = None
    if price is not None and look.quote is not None:
        quantity = min(order.remaining, room.left(look.quote, order.side))
        if quantity > ZERO:
            room.take(order.side, quantity)
            fill = LocalFill(order.order_id, quantity, price)
            order = replace(order, filled=order.filled + quantity)
    if met is not None:
        order = replace(order, has_waited=True)
    is_over = order.remaining == ZERO or order.time_in_force is TimeInForce.IOC
    return Matched(order, fill, is_over)


def _price(order: Resting, look: Look) -> tuple[Decimal | None, Decimal | None]:
    """Return at what an order fills now, and the other side's price; None where there is none."""
    quote = look.quote
    if look.is_open is False or fault(quote, look.now_s, look.age_s_max) is not None:
        return None, None
    assert quote is not None, "a quote without a fault"
    met = quote.ask if order.side is Side.BUY else quote.bid
    assert met is not None, "a good quote without a side"
    match order.order_type:
        case OrderType.MARKET:
            return met, met
        case OrderType.LIMIT:
            limit = order.limit_price
            assert limit is not None, "a limit order without its limit"
            if (limit - met) * order.side.sign < ZERO:
                return None, met
            return (limit if order.has_waited else met), met
        case _:
            return (met if order.is_elected or _is_elected(order, met) else None), met


def _is_elected(order: Resting, met: Decimal | None) -> bool:
    stop = order.stop_price
    if order.order_type is not OrderType.STOP or met is None:
        return False
    assert stop is not None, "a stop order without its stop"
    return (met - stop) * order.side.sign >= ZERO
