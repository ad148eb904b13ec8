"""When the broker closes positions by itself, and which: pure decisions.

Below zero excess liquidity it sells what frees the most margin for what is lacking, until the
account would stand on its own again. The exchange carries it out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal

from trader.sim.broker.money.valuation import Funds
from trader.sim.model.instruments import Instrument
from trader.sim.model.orders import Side

# The account shall have a little more than nothing left afterwards.
MARGIN_OF_SAFETY = Decimal("1.05")


@dataclass(frozen=True, slots=True)
class Holding:
    """A position and the maintenance margin that closing all of it would free."""

    instrument: Instrument
    quantity: Decimal
    freed: Decimal


@dataclass(frozen=True, slots=True)
class Closing:
    """What the broker does: so much of an instrument, at the market."""

    instrument: Instrument
    side: Side
    quantity: Decimal


def needs_liquidation(funds: Funds) -> bool:
    """Return whether the account has less than its maintenance margin."""
    return funds.excess < 0


def to_close(excess: Decimal, holdings: Sequence[Holding]) -> list[Closing]:
    """Return what to close, in order, so that the excess liquidity is no longer negative."""
    lacking = -excess * MARGIN_OF_SAFETY
    found = []
    for held in sorted(holdings, key=lambda one: (-one.freed, one.instrument.con_id)):
        if lacking <= 0 or held.freed <= 0:
            break
        step = held.instrument.size_step
        share = min(lacking / held.freed, Decimal(1))
        units = (abs(held.quantity) * share / step).to_integral_value(ROUND_UP) * step
        units = min(units, abs(held.quantity))
        side = Side.SELL if held.quantity > 0 else Side.BUY
        found.append(Closing(held.instrument, side, units))
        lacking -= held.freed * units / abs(held.quantity)
    return found
