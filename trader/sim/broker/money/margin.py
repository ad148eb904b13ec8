"""What a position ties up: margin by kind of account and kind of instrument, as pure functions.

The rules are those of a US broker, simplified and put down as constants. Regulation T: shares at a
quarter of their value from 25,000 of equity up (buying power four times the funds) and at half
below; portfolio margin: at 15%. Options that are held carry no loan; options that are written need
their premium plus a share of the underlying. Futures need a share of their notional value by
contract. Nothing here knows of accounts or orders.
"""

from dataclasses import dataclass
from decimal import Decimal

from trader.sim.broker.money.accounts import Kind, unit_value
from trader.sim.model.instruments import Instrument
from trader.sim.model.orders import ZERO

ONE = Decimal(1)
# From this equity (in the base currency) a margin account has day-trading buying power.
PATTERN_EQUITY = Decimal(25_000)
STOCK_LONG_INITIAL_SMALL = Decimal("0.50")
STOCK_LONG, STOCK_SHORT = Decimal("0.25"), Decimal("0.30")
PORTFOLIO_STOCK = Decimal("0.15")
# Regulation T proper, at the end of the day.
REG_T = Decimal("0.50")
# A written option: premium + the larger of a share of the underlying less what it is out of the
# money by, and a smaller share of the underlying (call) or the strike (put).
WRITTEN_SHARE, WRITTEN_FLOOR = Decimal("0.20"), Decimal("0.10")
PORTFOLIO_WRITTEN = Decimal("0.15")
# Futures: maintenance as a share of the notional value, by trading class; initial is a tenth more.
FUTURE_SHARES = {
    "ES": Decimal("0.06"), "MES": Decimal("0.06"), "NQ": Decimal("0.07"), "MNQ": Decimal("0.07"),
    "RTY": Decimal("0.07"), "M2K": Decimal("0.07"), "YM": Decimal("0.06"), "MYM": Decimal("0.06"),
    "CL": Decimal("0.09"), "GC": Decimal("0.06"), "ZN": Decimal("0.02"), "VX": Decimal("0.40"),
}  # fmt: skip
FUTURE_SHARE = Decimal("0.10")
FUTURE_INITIAL = Decimal("1.10")
# A balance that is owed in a currency other than the base.
CURRENCY_SHARE = Decimal("0.03")


@dataclass(frozen=True, slots=True)
class Need:
    """Initial and maintenance margin, in the currency of the instrument."""

    initial: Decimal = ZERO
    maintenance: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Terms:
    """What the margin of an account depends on."""

    kind: Kind
    # Equity below which half of a share's price is needed.
    is_small: bool = False

    @property
    def leverage(self) -> Decimal:
        """Return how many times the available funds can be bought."""
        if self.kind is Kind.CASH:
            return ONE
        return ONE / stock_initial(self)


NOTHING = Need()


def stock_initial(terms: Terms) -> Decimal:
    """Return the initial margin of shares that are held, as a share of their value."""
    match terms.kind:
        case Kind.CASH:
            return ONE
        case Kind.PORTFOLIO:
            return PORTFOLIO_STOCK
    return STOCK_LONG_INITIAL_SMALL if terms.is_small else STOCK_LONG


def need(
    terms: Terms, item: Instrument, quantity: Decimal, price: Decimal, spot: Decimal | None = None
) -> Need:
    """Return the margin of a position at a price; `spot` is the underlying's, for options."""
    if not quantity:
        return NOTHING
    value = abs(quantity) * abs(price) * unit_value(item)
    match item.sec_type:
        case "FUT":
            return _future(item, value)
        case "OPT" | "FOP":
            return _option(terms, item, quantity, value, price if spot is None else spot)
        case "CRYPTO":
            return Need(value, value)
        case "CASH" | "IND" | "BAG":
            # The balances of a pair are margined, the legs of a combination, never the name itself.
            return NOTHING
    return _stock(terms, quantity, value)


def _stock(terms: Terms, quantity: Decimal, value: Decimal) -> Need:
    match terms.kind:
        case Kind.CASH:
            return Need(value, value)
        case Kind.PORTFOLIO:
            return Need(value * PORTFOLIO_STOCK, value * PORTFOLIO_STOCK)
    if quantity < 0:
        initial = max(STOCK_SHORT, stock_initial(terms))
        return Need(value * initial, value * STOCK_SHORT)
    return Need(value * stock_initial(terms), value * STOCK_LONG)


def _future(item: Instrument, value: Decimal) -> Need:
    kept = value * FUTURE_SHARES.get(item.trading_class, FUTURE_SHARE)
    return Need(kept * FUTURE_INITIAL, kept)


def _option(
    terms: Terms, item: Instrument, quantity: Decimal, value: Decimal, spot: Decimal
) -> Need:
    if quantity > 0:
        # Paid in full: its value is no equity that could be borrowed against.
        return NOTHING
    units = -quantity * unit_value(item)
    strike = item.strike or ZERO
    is_call = item.right.startswith("C")
    if terms.kind is Kind.PORTFOLIO:
        total = value + units * spot * PORTFOLIO_WRITTEN
        return Need(total, total)
    outside = max(strike - spot if is_call else spot - strike, ZERO)
    floor = WRITTEN_FLOOR * (spot if is_call else strike)
    total = value + units * max(WRITTEN_SHARE * spot - outside, floor)
    return Need(total, total)


def lends_on(item: Instrument) -> bool:
    """Return whether what is held counts as equity with loan value: options do not."""
    return item.sec_type not in ("OPT", "FOP")
