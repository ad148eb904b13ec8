"""The broker's money side: whose account it is, what it may take on, what a trade does to it.

The exchange asks before it takes an order (`refusal`), reserves what a working order may cost,
and books each execution here. It keeps no order and matches nothing.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal

from trader.sim.broker.accounts import Account, SavedAccount, money, order_commission
from trader.sim.market.quotes import Quote
from trader.sim.model.instruments import Instrument
from trader.sim.model.orders import ZERO, Execution, Margin, Order, Side


class Bank:
    """All accounts of one simulated broker."""

    def __init__(self, accounts: Sequence[Account], quote: Callable[[Instrument], Quote]) -> None:
        assert accounts, "a broker has at least one account"
        self.accounts = {account.name: account for account in accounts}
        self._quote = quote
        self._reserved: dict[int, tuple[str, Decimal]] = {}

    @property
    def names(self) -> list[str]:
        """Return the account names, the first one being the default."""
        return list(self.accounts)

    @property
    def main(self) -> Account:
        """Return the first account: the one an order without an account is for."""
        return next(iter(self.accounts.values()))

    def account(self, name: str) -> Account:
        """Return an account by its name, the first one for an empty name."""
        return self.accounts[name] if name else self.main

    def restore(self, saved: Sequence[SavedAccount]) -> None:
        """Put saved accounts back, in their order; their names replace those of the settings."""
        for account, values in zip(list(self.accounts.values()), saved, strict=True):
            account.restore(values)
        self.accounts = {account.name: account for account in self.accounts.values()}

    # -- before the trade -----------------------------------------------------------------------

    def refusal(self, order: Order) -> str:
        """Say why the order cannot be paid for (error 201); empty when it can."""
        account = self.account(order.account)
        held = account.quantity(order.instrument)
        if order.side is Side.BUY:
            cost, free = self._cost(order), account.cash - self.reserved(account.name)
            if held < 0 and order.quantity <= -held:
                return ""
        else:
            short = max(order.quantity - max(held, ZERO), ZERO)
            cost = short * self._quote(order.instrument).ask
            free = account.cash + account.market_value(self.prices(account))
        if cost <= free:
            return ""
        return (
            "Your account has insufficient funds for this order. "
            f"Available: {free:.2f} USD, needed: {cost:.2f} USD."
        )

    def _cost(self, order: Order) -> Decimal:
        """Return what the rest of a buy may take out of cash."""
        if order.side is Side.SELL:
            return ZERO
        ask = self._quote(order.instrument).ask
        price = order.limit_price or max(ask, order.aux_price or ZERO)
        return order.remaining * price

    def reserve(self, order: Order) -> None:
        """Set aside what the rest of a working order may cost; again after each change or fill."""
        self._reserved[order.perm_id] = (order.account, self._cost(order))

    def release(self, order: Order) -> None:
        """Set nothing aside for the order any more."""
        self._reserved.pop(order.perm_id, None)

    def reserved(self, name: str) -> Decimal:
        """Return what is set aside in an account."""
        return sum((cost for owner, cost in self._reserved.values() if owner == name), ZERO)

    def preview(self, order: Order) -> Margin:
        """Return what an order would change if it filled at once; nothing is changed."""
        account = self.account(order.account)
        price = order.limit_price or order.aux_price or self._quote(order.instrument).ask
        charge = order_commission(order.quantity, order.quantity * price)
        prices = self.prices(account)
        gross, held = account.gross_value(prices), account.quantity(order.instrument)
        change = (abs(held + order.quantity * order.side.sign) - abs(held)) * price
        equity = account.cash + account.market_value(prices)
        return Margin(
            before=(money(gross), money(gross), money(equity)),
            change=(money(change), money(change), money(-charge)),
            after=(money(gross + change), money(gross + change), money(equity - charge)),
            commission=charge,
        )

    # -- the trade --------------------------------------------------------------------------------

    def commission(self, order: Order, quantity: Decimal, price: Decimal) -> Decimal:
        """Return what the next fill of an order costs, given what it has traded before."""
        before = order_commission(order.filled, order.paid) if order.filled else ZERO
        paid = order.paid + quantity * price
        return order_commission(order.filled + quantity, paid) - before

    def book(self, item: Execution) -> Decimal | None:
        """Move cash and position; return the realized result, None when it only opened."""
        return self.account(item.account).apply(
            item.instrument, item.side, item.quantity, item.price, item.commission
        )

    def unbook(self, item: Execution) -> None:
        """Take an execution back, before its correction is booked."""
        self.account(item.account).apply(
            item.instrument, item.side.opposite, item.quantity, item.price, -item.commission
        )

    # -- views ------------------------------------------------------------------------------------

    def prices(self, account: Account) -> dict[int, Decimal]:
        """Return the last price of everything the account has a record of."""
        return {
            con_id: self._quote(entry.instrument).last
            for con_id, entry in account.positions.items()
        }

    def rows(self, name: str) -> list[tuple[str, str, str]]:
        """Return an account's values as (key, value, currency) in the gateway's order."""
        account = self.account(name)
        return account.rows(self.prices(account), self.reserved(account.name))
