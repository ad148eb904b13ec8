"""What the market shows of one instrument at one moment."""

from dataclasses import dataclass
from decimal import Decimal

from trader.sim.market.chance import draw
from trader.sim.model.instruments import Instrument
from trader.sim.reference import rules

# Size of one lot as quotes show it, and the most lots at the touch, by security type.
_LOTS = {
    "FUT": (1, 60), "OPT": (1, 80), "FOP": (1, 40), "BAG": (1, 20), "CASH": (500_000, 10),
    "CRYPTO": (1, 20), "IND": (0, 1),
}  # fmt: skip
_STOCK_LOTS = (100, 20)
_TOUCH_SHARE = 154  # of 256: how often a side lies one step from the middle and not two


@dataclass(frozen=True, slots=True)
class Quote:
    """Prices and sizes of one instrument at one moment."""

    instrument: Instrument
    bid: Decimal
    ask: Decimal
    last: Decimal
    bid_size: int
    ask_size: int
    last_size: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int
    floor: Decimal
    ceiling: Decimal
    # As tick type 49 says it: 0 trades, 1 halted, 2 halted for volatility.
    halted: int = 0
    # Whether anything trades: false outside the sessions of its calendar.
    is_open: bool = True


@dataclass(frozen=True, slots=True)
class Touch:
    """The two sides of a quote: prices in ticks, sizes in units."""

    bid: int
    ask: int
    bid_size: int
    ask_size: int


def touch(item: Instrument, middle: int, seed: int, slot: int, *, is_thin: bool) -> Touch:
    """Return the sides around a middle, drawn for this instrument and moment."""
    bits = draw(seed, item.con_id, slot)
    step = spread_step(item, middle) * (2 if is_thin else 1)
    below = step if bits & 0xFF < _TOUCH_SHARE else 2 * step
    above = step if bits >> 8 & 0xFF < _TOUCH_SHARE else 2 * step
    lot, most = _LOTS.get(item.sec_type, _STOCK_LOTS)
    if is_thin:
        most = max(most // 4, 1)
    bid = middle - below
    if item.sec_type != "BAG":
        bid = max(bid, bid_floor(item))
    has_bid = bid > 0 or item.sec_type == "BAG"
    return Touch(
        bid, middle + above, lot * (1 + (bits >> 16 & 0xFFFF) % most) if has_bid else 0,
        lot * (1 + (bits >> 32 & 0xFFFF) % most),
    )  # fmt: skip


def bid_floor(item: Instrument) -> int:
    """Return the lowest bid in ticks of what is no combination.

    A worthless option has no bid; everything else that is bought has a positive price.
    """
    return 0 if item.sec_type in ("OPT", "FOP") else 1


def spread_step(item: Instrument, middle: int) -> int:
    """Return half a narrow spread in ticks: options are wider by their price."""
    step = step_ticks(item, middle)
    if item.sec_type not in ("OPT", "FOP"):
        return step
    return max(middle // 60 // step, 1) * step


def step_ticks(item: Instrument, middle: int) -> int:
    """Return by how many ticks a price near the middle moves, as its market rule says."""
    bands = rules.RULES.get(item.market_rule_id, ())
    if len(bands) < 2:
        return 1
    increment = rules.increment(item.market_rule_id, middle * item.tick)
    return max(int(increment / item.tick), 1)


def snapped(item: Instrument, ticks: int) -> int:
    """Return the nearest price in ticks that the market rule allows."""
    step = step_ticks(item, ticks)
    return ticks if step == 1 else round(ticks / step) * step
