"""What goes wrong with market data on purpose (S15): switches that feeds and desks obey.

A distortion falsifies what clients are shown of an instrument, never what the exchange matches
against. Everything is off at the start.
"""

from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum

from trader.sim.market.quotes import Quote

LINES_MAX = 100
DEPTH_MAX = 3
TICK_BY_TICK_MAX = 5
_NAN = Decimal("NaN")
_NONE = Decimal(-1)


class Permission(StrEnum):
    """What the account may see of an instrument."""

    LIVE = "live"
    # Live but not all of it: notice 10090.
    PARTIAL = "partial"
    # Only the terminal may show it live: 10089.
    NO_API = "no-api"
    # No subscription; delayed data is there: 354, or delayed ticks with 10167.
    DELAYED = "delayed"
    # No subscription and no delayed data: 354 or 10168.
    NONE = "none"


class Distortion(StrEnum):
    """How the shown prices of an instrument are false."""

    NO_DATA = "no-data"
    ZERO = "zero"
    NAN = "nan"
    NO_BID = "no-bid"
    NO_ASK = "no-ask"
    CROSSED = "crossed"
    OFFSET = "offset"


@dataclass(frozen=True, slots=True)
class Falsity:
    """A distortion; the amount is what an offset adds to each price."""

    kind: Distortion
    amount: Decimal = Decimal(0)


def falsified(quote: Quote, falsity: Falsity) -> Quote:
    """Return the quote as a broken feed would show it."""
    match falsity.kind:
        case Distortion.NO_DATA:
            return replace(
                quote, bid=_NONE, ask=_NONE, last=_NONE, bid_size=0, ask_size=0, last_size=0
            )
        case Distortion.ZERO:
            zero = Decimal(0)
            return replace(quote, bid=zero, ask=zero, last=zero, bid_size=0, ask_size=0)
        case Distortion.NAN:
            return replace(quote, bid=_NAN, ask=_NAN, last=_NAN)
        case Distortion.NO_BID:
            return replace(quote, bid=_NONE, bid_size=0)
        case Distortion.NO_ASK:
            return replace(quote, ask=_NONE, ask_size=0)
        case Distortion.CROSSED:
            return replace(
                quote, bid=quote.ask, ask=quote.bid, bid_size=quote.ask_size,
                ask_size=quote.bid_size,
            )  # fmt: skip
        case Distortion.OFFSET:
            by = falsity.amount
            return replace(quote, bid=quote.bid + by, ask=quote.ask + by, last=quote.last + by)


@dataclass(slots=True)
class MarketFaults:
    """The present state of every fault of market data; instruments by contract id."""

    falsities: dict[int, Falsity] = field(default_factory=dict)
    permissions: dict[int, Permission] = field(default_factory=dict)
    # The next first burst of these shows yesterday's close as the last price.
    stale_first: dict[int, bool] = field(default_factory=dict)
    # Instruments whose five-second bars and history updates have stopped.
    stopped_bars: dict[int, bool] = field(default_factory=dict)
    # Farms by name that are not connected; the value is the code they were reported with.
    broken_farms: dict[str, int] = field(default_factory=dict)
    # Another session of the same user takes the data (10197).
    is_competing: bool = False
    lines_max: int = LINES_MAX
    depth_max: int = DEPTH_MAX
    tick_by_tick_max: int = TICK_BY_TICK_MAX

    def permission(self, con_id: int) -> Permission:
        """Return what the account may see of an instrument."""
        return self.permissions.get(con_id, Permission.LIVE)

    def shown(self, quote: Quote) -> Quote:
        """Return the quote as clients are to see it."""
        falsity = self.falsities.get(quote.instrument.con_id)
        return quote if falsity is None else falsified(quote, falsity)
