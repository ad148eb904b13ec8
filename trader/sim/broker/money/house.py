"""What the parts of a bank that act on accounts by themselves need of it."""

from decimal import Decimal
from typing import Protocol

from trader.sim.broker.money.accounts import Account, Position
from trader.sim.broker.money.rates import Rates
from trader.sim.broker.money.valuation import Valuer
from trader.sim.model.instruments import Instrument


class House(Protocol):
    """Accounts, their prices, and who is told of a change."""

    accounts: dict[str, Account]
    rates: Rates
    valuer: Valuer

    def today(self) -> str:
        """Return the date in New York as ISO text."""

    def expiry_day(self) -> str:
        """Return the day (ISO text) before which contracts are over."""

    def below(self, item: Instrument) -> Instrument | None:
        """Return what an instrument is made from."""

    def move_cash(self, account: Account, currency: str, amount: Decimal) -> None:
        """Change a balance and say so."""

    def tell_position(self, account: Account, entry: Position) -> None:
        """Say that the broker has changed a position."""
