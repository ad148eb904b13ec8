"""What becomes of a contract at its end: pure decisions, for the night after its last day.

An option in the money by a cent is exercised, or assigned to who wrote it: shares change hands at
the strike, an index pays the difference. Any other option is worthless. A future pays the
difference to the price of what it is made from.
"""

from dataclasses import dataclass
from decimal import Decimal

from trader.sim.broker.money.accounts import unit_value
from trader.sim.model.instruments import Instrument
from trader.sim.model.orders import ZERO, Side

IN_THE_MONEY_BY = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Delivery:
    """Units of the underlying that change hands at the strike."""

    side: Side
    quantity: Decimal
    price: Decimal


@dataclass(frozen=True, slots=True)
class Ending:
    """How contracts end: each is closed at a price; perhaps the underlying is delivered."""

    close_price: Decimal
    delivery: Delivery | None = None


def is_over(item: Instrument, today: str) -> bool:
    """Return whether the contract's last day lies before a date (ISO text)."""
    return item.expiry is not None and item.expiry.isoformat() < today


def inner_value(item: Instrument, spot: Decimal) -> Decimal:
    """Return what an option is worth if exercised, per unit of the underlying."""
    strike = item.strike or ZERO
    return max(spot - strike if item.right.startswith("C") else strike - spot, ZERO)


def ending(item: Instrument, quantity: Decimal, spot: Decimal) -> Ending:
    """Return how an expired position ends, given the underlying's price."""
    if item.sec_type not in ("OPT", "FOP"):
        return Ending(spot)
    if inner_value(item, spot) < IN_THE_MONEY_BY:
        return Ending(ZERO)
    return exercised(item, quantity, spot)


def exercised(item: Instrument, quantity: Decimal, spot: Decimal) -> Ending:
    """Return how exercised options (assigned ones: a negative quantity) end."""
    if item.under_sec_type == "IND":
        return Ending(inner_value(item, spot))
    buys = item.right.startswith("C") is (quantity > 0)
    units = abs(quantity) * unit_value(item)
    side = Side.BUY if buys else Side.SELL
    return Ending(ZERO, Delivery(side, units, item.strike or ZERO))
