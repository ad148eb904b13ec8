"""Until when an auction order may still come: the exchanges' own times, and IBKR's at the edges.

The times are those of the exchanges' published rules, put down here by listing exchange. What comes
after its time is refused (201); so is an order for the next opening that comes in the seconds after
the close, when the order desk turns over to the next day (INC-106).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from trader.sim.broker.terms.kinds import Auction
from trader.sim.reference.calendar import AUCTION_S, TradingDay

# For so long after the close no order for the next opening is taken.
TURNOVER_S = 10.0
CLOSED = "Exchange is closed."
LATE = "The order has missed the cut-off time of the exchange's auction."


@dataclass(frozen=True, slots=True)
class Cutoff:
    """How long before its auction an exchange takes the last order, in seconds."""

    opening_s: float
    closing_s: float


CUTOFFS: Mapping[str, Cutoff] = MappingProxyType(
    {
        "NASDAQ": Cutoff(120.0, 300.0),
        "NYSE": Cutoff(0.0, 600.0),
        "AMEX": Cutoff(0.0, 600.0),
        "ARCA": Cutoff(60.0, 60.0),
        "BATS": Cutoff(120.0, 300.0),
    }
)
# Elsewhere the auction's own call phase takes orders to its end.
NO_CUTOFF = Cutoff(0.0, 0.0)


def refusal(auction: Auction, exchange: str, day: TradingDay, now_s: float) -> str:
    """Return why an auction order is refused now, on this day; empty when it is not.

    `day` is the trading day that is under way or has ended last.
    """
    cutoff = CUTOFFS.get(exchange, NO_CUTOFF)
    match auction:
        case Auction.OPENING if day.close_s <= now_s <= day.close_s + TURNOVER_S:
            return CLOSED
        case Auction.OPENING if -cutoff.opening_s <= now_s - day.open_s < AUCTION_S:
            return LATE
        case Auction.CLOSING if -cutoff.closing_s <= now_s - day.close_s < AUCTION_S:
            return LATE
        case _:
            return ""
