"""An account's figures at one moment: its funds, and each currency's part of them."""

from dataclasses import dataclass
from decimal import Decimal

from trader.sim.broker.money.accounts import Account, Position, is_paid_in_full, unit_value
from trader.sim.broker.money.valuation import Funds, Valuer
from trader.sim.model.orders import ZERO

BASE = "BASE"
_KINDS = {"STK": "stocks", "OPT": "options", "FOP": "future_options", "CRYPTO": "coins"}


@dataclass(slots=True)
class Ledger:
    """What an account has in one currency, in that currency; the base's own is in `BASE`."""

    currency: str
    rate: Decimal
    cash: Decimal = ZERO
    stocks: Decimal = ZERO
    options: Decimal = ZERO
    future_options: Decimal = ZERO
    coins: Decimal = ZERO
    futures_result: Decimal = ZERO
    realized: Decimal = ZERO
    unrealized: Decimal = ZERO

    @property
    def net(self) -> Decimal:
        """Return what all of it is worth."""
        return (
            self.cash + self.stocks + self.options + self.future_options + self.coins
            + self.futures_result
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Result:
    """What a position is worth and has brought, in the instrument's currency."""

    price: Decimal
    value: Decimal
    unrealized: Decimal
    realized: Decimal
    # None until the position has been through the start of a day or has traded.
    daily: Decimal | None


@dataclass(frozen=True, slots=True)
class Statement:
    """All figures of one account at one moment."""

    account: Account
    funds: Funds
    ledgers: tuple[Ledger, ...]
    total: Ledger


def result(valuer: Valuer, entry: Position) -> Result:
    """Return a position's figures at the present price."""
    price = valuer.price(entry.instrument)
    worth = entry.quantity * price * unit_value(entry.instrument)
    is_new = entry.day_value is None and not entry.day_flow
    return Result(
        price, worth, worth - entry.average_cost * entry.quantity, entry.realized,
        None if is_new else worth - (entry.day_value or ZERO) + entry.day_flow,
    )  # fmt: skip


def statement(valuer: Valuer, account: Account, reserved: Decimal) -> Statement:
    """Return an account's figures at the prices of this moment."""
    valuer.forget(account)
    funds = valuer.funds(account, reserved)
    ledgers = {
        currency: Ledger(currency, valuer.rates.rate(currency, account.base), cash=amount)
        for currency, amount in account.balances.items()
    }
    for entry in account.positions.values():
        item = entry.instrument
        if item.sec_type != "CASH":
            if item.currency not in ledgers:
                rate = valuer.rates.rate(item.currency, account.base)
                ledgers[item.currency] = Ledger(item.currency, rate)
            _add(ledgers[item.currency], entry, result(valuer, entry))
    ordered = tuple(ledgers[currency] for currency in sorted(ledgers))
    return Statement(account, funds, ordered, _sum(ordered))


def _add(ledger: Ledger, entry: Position, found: Result) -> None:
    ledger.realized += found.realized
    ledger.unrealized += found.unrealized
    if is_paid_in_full(entry.instrument):
        name = _KINDS.get(entry.instrument.sec_type, "stocks")
        setattr(ledger, name, getattr(ledger, name) + found.value)
    else:
        ledger.futures_result += found.value - entry.open_value


def _sum(ledgers: tuple[Ledger, ...]) -> Ledger:
    total = Ledger(BASE, Decimal(1))
    for one in ledgers:
        for name in (
            "cash", "stocks", "options", "future_options", "coins", "futures_result", "realized",
            "unrealized",
        ):  # fmt: skip
            setattr(total, name, getattr(total, name) + getattr(one, name) * one.rate)
    return total
