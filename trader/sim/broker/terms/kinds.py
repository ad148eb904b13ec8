"""What each order type needs, waits for and becomes: one table, and pure questions about orders.

A type is a way to wait (for a trigger above or below the market, for a trailing trigger, for an
auction) followed by a way to trade (at the market, at a limit, or pegged to the quote).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

from trader.sim.market.quotes import Quote
from trader.sim.model.orders import ZERO, Order, Side, Terms


class Trigger(StrEnum):
    """What an order waits for before it trades."""

    NONE = "none"
    # The market moves against the order: a buy stop lies above the market.
    STOP = "stop"
    # The market moves in its favour: a buy touch price lies below the market.
    TOUCH = "touch"
    # A stop that follows the market.
    TRAIL = "trail"


class Auction(StrEnum):
    """In which auction an order trades, if not in continuous trading."""

    NONE = "none"
    OPENING = "opening"
    CLOSING = "closing"


class Peg(StrEnum):
    """What a pegged order's price follows."""

    NONE = "none"
    # The best price of its own side, improved by the offset.
    PRIMARY = "primary"
    # The best price of the other side, kept away from by the offset.
    MARKET = "market"
    MIDPOINT = "midpoint"


@dataclass(frozen=True, slots=True)
class Kind:
    """One order type."""

    has_limit: bool = False
    trigger: Trigger = Trigger.NONE
    at_close: bool = False
    peg: Peg = Peg.NONE


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "MKT": Kind(),
        "LMT": Kind(has_limit=True),
        "STP": Kind(trigger=Trigger.STOP),
        "STP LMT": Kind(has_limit=True, trigger=Trigger.STOP),
        # Protected types of futures exchanges: the protection points are the exchange's.
        "MKT PRT": Kind(),
        "STP PRT": Kind(trigger=Trigger.STOP),
        "TRAIL": Kind(trigger=Trigger.TRAIL),
        "TRAIL LIMIT": Kind(trigger=Trigger.TRAIL),
        "MIT": Kind(trigger=Trigger.TOUCH),
        "LIT": Kind(has_limit=True, trigger=Trigger.TOUCH),
        "MOC": Kind(at_close=True),
        "LOC": Kind(has_limit=True, at_close=True),
        "MTL": Kind(),
        "REL": Kind(peg=Peg.PRIMARY),
        "PEG MKT": Kind(peg=Peg.MARKET),
        "PEG MID": Kind(peg=Peg.MIDPOINT),
        "MIDPRICE": Kind(peg=Peg.MIDPOINT),
    }
)


def kind_of(terms: Terms) -> Kind:
    """Return what the order type means; the gateway has checked that it is known."""
    return KINDS[terms.order_type]


def auction_of(terms: Terms) -> Auction:
    """Return the auction an order is for."""
    if terms.tif == "OPG":
        return Auction.OPENING
    return Auction.CLOSING if kind_of(terms).at_close else Auction.NONE


def awaits_trigger(order: Order) -> bool:
    """Return whether the order still waits for a price."""
    return not order.triggered and kind_of(order.terms).trigger is not Trigger.NONE


def trigger_level(order: Order) -> Decimal | None:
    """Return the price whose touch triggers the order, None where it has yet to be set."""
    trail = kind_of(order.terms).trigger is Trigger.TRAIL
    return order.stop_now if trail else order.aux_price


def rises(order: Order) -> bool:
    """Return whether the trigger lies above the market: a buy stop, or a sell to be touched."""
    is_touch = kind_of(order.terms).trigger is Trigger.TOUCH
    return (order.side is Side.BUY) is not is_touch


def trigger_price(order: Order, quote: Quote) -> tuple[Decimal, Decimal]:
    """Return the lowest and the highest price that counts for the trigger, by its method."""
    near = quote.ask if order.side is Side.BUY else quote.bid
    match order.terms.trigger_method:
        case 1 | 4:
            return near, near
        case 7:
            return min(near, quote.last), max(near, quote.last)
        case 8:
            middle = (quote.bid + quote.ask) / 2
            return middle, middle
        case _:
            return quote.last, quote.last


def is_triggered(order: Order, quote: Quote) -> bool:
    """Return whether the quote triggers the order."""
    level = trigger_level(order)
    if level is None:
        return False
    low, high = trigger_price(order, quote)
    return high >= level if rises(order) else low <= level


def trailed(order: Order, quote: Quote) -> Decimal:
    """Return where the stop of a trailing order stands after a quote; it never moves back."""
    return _trailed_at(order, quote.last)


def may_move(order: Order, low: Decimal, high: Decimal) -> bool:
    """Return whether an order that looks at every quote could act while prices stay within two.

    Known of a trailing stop on last prices: it neither follows nor triggers. Others always may.
    """
    stop = order.stop_now
    is_trailing = awaits_trigger(order) and kind_of(order.terms).trigger is Trigger.TRAIL
    if not is_trailing or stop is None or order.terms.trigger_method not in (0, 2):
        return True
    if order.side is Side.BUY:
        return _trailed_at(order, low) != stop or high >= stop
    return _trailed_at(order, high) != stop or low <= stop


def _trailed_at(order: Order, price: Decimal) -> Decimal:
    terms = order.terms
    if terms.trailing_percent is not None:
        distance = price * terms.trailing_percent / 100
    else:
        distance = terms.aux_price or ZERO
    tick = order.instrument.tick
    fresh = (price + order.side.sign * distance) // tick * tick
    first = terms.trail_stop_price if order.stop_now is None else order.stop_now
    if first is None:
        return fresh
    return min(first, fresh) if order.side is Side.BUY else max(first, fresh)


def trailing_limit(order: Order) -> Decimal | None:
    """Return the limit that belongs to the stop of a trailing limit order."""
    if order.terms.order_type != "TRAIL LIMIT" or order.stop_now is None:
        return None
    if order.terms.limit_offset is not None:
        return order.stop_now + order.side.sign * order.terms.limit_offset
    return order.limit_price


def limit_of(order: Order, quote: Quote) -> Decimal | None:
    """Return the price the order must not trade beyond, None for one at the market."""
    kind = kind_of(order.terms)
    if order.limit_now is not None:
        return order.limit_now
    if kind.peg is not Peg.NONE:
        return _pegged(order, quote, kind.peg)
    return order.limit_price if kind.has_limit else None


def _pegged(order: Order, quote: Quote, peg: Peg) -> Decimal:
    sign, offset = order.side.sign, order.aux_price or ZERO
    buys = order.side is Side.BUY
    own, other = (quote.bid, quote.ask) if buys else (quote.ask, quote.bid)
    match peg:
        case Peg.PRIMARY:
            # It improves its own side, yet never by so much that it would trade at once.
            price = own + sign * offset
            inside = other - sign * order.instrument.tick
            price = min(price, inside) if buys else max(price, inside)
        case Peg.MARKET:
            price = other - sign * offset
        case _:
            price = (quote.bid + quote.ask) / 2
    cap = order.limit_price
    if not cap:
        return price
    return min(price, cap) if buys else max(price, cap)


def why_held(order: Order) -> str:
    """Return the reason a held order shows (message 3): its parent, its trigger, both, or none."""
    reasons = ("child", order.awaits_parent), ("trigger", awaits_trigger(order))
    return ",".join(reason for reason, holds in reasons if holds)
