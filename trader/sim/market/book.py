"""The order book behind a quote: seeded levels of several market makers or exchanges.

The first level of each side is the quote itself, so whoever matches against the book and
whoever watches the touch see the same market. Deterministic by seed, instrument and slot.
"""

from dataclasses import dataclass
from decimal import Decimal

from trader.sim.market.chance import draw
from trader.sim.market.quotes import Quote

LEVELS = 10
_STOCK_VENUES = ("NASDAQ", "ARCA", "BATS", "IEX", "NYSE", "EDGX", "DRCTEDGE", "MEMX", "BYX", "BEX")


@dataclass(frozen=True, slots=True)
class Level:
    """One row of a book."""

    price: Decimal
    size: int
    venue: str


@dataclass(frozen=True, slots=True)
class Book:
    """Both sides, best first."""

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


EMPTY = Book((), ())


def merged(levels: tuple[Level, ...]) -> tuple[Level, ...]:
    """Return the levels as one venue shows them: each price once, with all that is there."""
    sizes: dict[Decimal, int] = {}
    for level in levels:
        sizes[level.price] = sizes.get(level.price, 0) + level.size
    return tuple(Level(price, size, levels[0].venue) for price, size in sizes.items())


def make_book(quote: Quote, seed: int, slot: int) -> Book:
    """Return the book behind a quote; empty while nothing trades and for what never does."""
    item = quote.instrument
    if not item.is_tradable or not quote.is_open or quote.halted:
        return EMPTY
    bids = _side(quote, seed, slot, quote.bid, quote.bid_size, -1)
    return Book(bids, _side(quote, seed, slot + (1 << 40), quote.ask, quote.ask_size, 1))


def _side(
    quote: Quote, seed: int, moment: int, best: Decimal, size: int, sign: int
) -> tuple[Level, ...]:
    item = quote.instrument
    if size <= 0:
        return ()
    levels, price = [Level(best, size, _venue(quote, seed, moment))], best
    for depth in range(1, LEVELS):
        bits = draw(seed + depth, item.con_id, moment)
        # Makers may stand at the same price; gaps widen now and then.
        price += item.tick * sign * ((0, 1, 1, 2)[bits & 3] if depth > 1 else 1)
        if price <= 0 and item.sec_type != "BAG":
            break
        lots = 1 + (bits >> 8 & 0xFF) % (4 + 2 * depth)
        levels.append(Level(price, lots * _lot(quote), _venue(quote, seed + depth, moment)))
    return tuple(levels)


def _lot(quote: Quote) -> int:
    kind = quote.instrument.sec_type
    return 100 if kind in ("STK", "ETF") else 500_000 if kind == "CASH" else 1


def _venue(quote: Quote, seed: int, moment: int) -> str:
    item = quote.instrument
    if item.sec_type not in ("STK", "ETF") or _STOCK_VENUES[0] not in item.exchanges:
        return item.primary_exchange
    return _STOCK_VENUES[draw(seed, item.con_id + 1, moment) % len(_STOCK_VENUES)]
