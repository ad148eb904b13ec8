"""What the broker says when it refuses an order (error 201 puts `Order rejected - reason:` first).

The wording is modelled on what live accounts have shown; amounts are those of the check.
"""

from decimal import Decimal

from trader.sim.broker.money.accounts import Kind
from trader.sim.broker.money.money import money

# An account beside a group, or a group where nobody is an advisor.
INVALID_ACCOUNT = "Invalid account number."
COIN_AT_ONCE = "The crypto MKT order must be IOC"


def short_of_margin(equity: Decimal, needed: Decimal, currency: str) -> str:
    """Say that the equity does not cover the initial margin."""
    return (
        "YOUR ORDER IS NOT ACCEPTED. IN ORDER TO OBTAIN THE DESIRED POSITION YOUR EQUITY WITH LOAN "
        f"VALUE [{money(equity)} {currency}] MUST EXCEED THE INITIAL MARGIN "
        f"[{money(needed)} {currency}]"
    )


def short_of_cash(free: Decimal, cost: Decimal, currency: str) -> str:
    """Say that the settled cash does not pay for the order."""
    return (
        "YOUR ORDER IS NOT ACCEPTED. AVAILABLE SETTLED CASH: "
        f"{money(free)} {currency}, CASH NEEDED FOR THIS ORDER: {money(cost)} {currency}"
    )


def no_short_sale(kind: Kind) -> str:
    """Say that the account cannot sell what it does not hold."""
    if kind is Kind.CASH:
        return "YOUR ORDER IS NOT ACCEPTED. A CASH ACCOUNT CANNOT HOLD A SHORT POSITION"
    return "YOUR ORDER IS NOT ACCEPTED. THIS PRODUCT CANNOT BE SOLD SHORT"
