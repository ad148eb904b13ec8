"""From quotes to ticks: the first burst of a subscription, and then only what changed.

The burst follows the order a real gateway was recorded with. A price comes with a size inside
message 1 and the same size again as message 2. Delayed data has tick types of its own.
"""

from dataclasses import dataclass
from decimal import Decimal

from trader.sim.gateway.feeds.lines import Part, generic_part, price_part, size_part, text_part
from trader.sim.market.quotes import Quote

NO_PRICE = Decimal(-1)


@dataclass(frozen=True, slots=True)
class TickIds:
    """The tick types of one kind of data."""

    bid: int = 1
    ask: int = 2
    last: int = 4
    bid_size: int = 0
    ask_size: int = 3
    last_size: int = 5
    high: int = 6
    low: int = 7
    volume: int = 8
    close: int = 9
    open: int = 14
    last_time: int = 45
    halted: int = 49
    # The first of four option computations: bid, ask, last, model.
    computations: int = 10


LIVE = TickIds()
DELAYED = TickIds(66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 88, 90, 80)
_BID_EXCHANGE, _ASK_EXCHANGE = 32, 33


def shut(quote: Quote) -> Quote:
    """Return the quote as a live line shows it outside the sessions: nobody bids or offers."""
    return Quote(
        quote.instrument, NO_PRICE, NO_PRICE, quote.last, 0, 0, quote.last_size, quote.open,
        quote.high, quote.low, quote.close, quote.volume, quote.floor, quote.ceiling,
        quote.halted, quote.is_open,
    )  # fmt: skip


def burst(quote: Quote, epoch_s: float, ids: TickIds = LIVE) -> list[Part]:
    """Return the first values of a subscription in the recorded order."""
    item, parts = quote.instrument, list[Part]()
    if _has_last(quote):
        parts += [text_part(ids.last_time, str(int(epoch_s)))]
        parts += [price_part(ids.last, quote.last, quote.last_size)]
    if item.is_tradable and _has_last(quote):
        parts += [size_part(ids.last_size, quote.last_size), size_part(ids.volume, quote.volume)]
    levels = ((ids.high, quote.high), (ids.low, quote.low), (ids.close, quote.close))
    parts += [price_part(kind, price, 0) for kind, price in levels]
    if _has_last(quote):
        parts.append(price_part(ids.open, quote.open, 0))
    if item.is_tradable:
        parts += [
            price_part(ids.bid, quote.bid, quote.bid_size),
            price_part(ids.ask, quote.ask, quote.ask_size),
            size_part(ids.bid_size, quote.bid_size), size_part(ids.ask_size, quote.ask_size),
        ]  # fmt: skip
        if ids is LIVE and item.sec_type == "STK":
            parts += [text_part(_BID_EXCHANGE, "Q"), text_part(_ASK_EXCHANGE, "Q")]
    if quote.halted:
        parts.append(generic_part(ids.halted, f"{quote.halted}.0"))
    return parts


def difference(old: Quote, new: Quote, epoch_s: float, ids: TickIds = LIVE) -> list[Part]:
    """Return what changed from one quote to the next; a price repeats its size as message 2."""
    parts: list[Part] = []
    if new.halted != old.halted:
        parts.append(generic_part(ids.halted, f"{new.halted}.0"))
    if new.last != old.last and _has_last(new):
        parts += [text_part(ids.last_time, str(int(epoch_s)))]
        parts += [price_part(ids.last, new.last, new.last_size)]
        if new.instrument.is_tradable:
            parts += [size_part(ids.last_size, new.last_size), size_part(ids.volume, new.volume)]
    if (old.high, old.low, old.close, old.open) != (new.high, new.low, new.close, new.open):
        parts += _levels(old, new, ids)
    if new.instrument.is_tradable:
        parts += _side(ids.bid, ids.bid_size, (old.bid, old.bid_size), (new.bid, new.bid_size))
        parts += _side(ids.ask, ids.ask_size, (old.ask, old.ask_size), (new.ask, new.ask_size))
    return parts


def _levels(old: Quote, new: Quote, ids: TickIds) -> list[Part]:
    levels = (
        (ids.high, old.high, new.high), (ids.low, old.low, new.low),
        (ids.close, old.close, new.close), (ids.open, old.open, new.open),
    )  # fmt: skip
    return [price_part(kind, after, 0) for kind, before, after in levels if before != after]


def _side(
    price_kind: int, size_kind: int, old: tuple[Decimal, int], new: tuple[Decimal, int]
) -> list[Part]:
    if new == old:
        return []
    size = size_part(size_kind, new[1])
    return [size] if new[0] == old[0] else [price_part(price_kind, *new), size]


def _has_last(quote: Quote) -> bool:
    # Currencies and combinations are only quoted: they have no last price and no volume.
    return quote.instrument.sec_type not in ("CASH", "BAG")
