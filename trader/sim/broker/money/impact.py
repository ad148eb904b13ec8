"""What a trade would do to an account: margin tied up, equity lost, money owed. Changes nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from trader.sim.broker.money import margin
from trader.sim.broker.money.accounts import Account, Kind, unit_value
from trader.sim.broker.money.valuation import Valuer
from trader.sim.market.quotes import Quote
from trader.sim.model.instruments import Instrument
from trader.sim.model.orders import ZERO, Order, Side

# An instrument of an order and how many of it the order's rest would buy (sell: negative).
Part = tuple[Instrument, Decimal]
_SHORTABLE = ("FUT", "CASH", "BAG")


@dataclass(frozen=True, slots=True)
class Hold:
    """What a working order ties up: an amount of a currency, and units that it sells."""

    account: str
    currency: str
    amount: Decimal = ZERO
    con_id: int = 0
    selling: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Impact:
    """What a trade changes, in the base currency; commissions apart."""

    initial: Decimal = ZERO
    maintenance: Decimal = ZERO
    equity: Decimal = ZERO

    def plus(self, other: "Impact") -> "Impact":
        """Return the sum."""
        return Impact(
            self.initial + other.initial, self.maintenance + other.maintenance,
            self.equity + other.equity,
        )  # fmt: skip


NO_IMPACT = Impact()


class Assessor:
    """Holds and impacts of orders, at the prices of the market."""

    def __init__(
        self,
        quote: Callable[[Instrument], Quote],
        legs: Callable[[Instrument], Sequence[Part]],
        valuer: Valuer,
    ) -> None:
        """Take `legs`, which returns a combination's instruments with their signed ratios."""
        self._quote, self._legs, self._valuer = quote, legs, valuer

    def price(self, order: Order) -> Decimal:
        """Return what a unit of the order is expected to trade at."""
        if order.limit_price is not None:
            return order.limit_price
        quote = self._quote(order.instrument)
        touch = quote.ask if order.side is Side.BUY else quote.bid
        stop = order.aux_price if order.order_type in ("STP", "MIT", "LIT") else None
        if stop is None:
            return touch
        return max(touch, stop) if order.side is Side.BUY else touch

    def parts(self, order: Order, quantity: Decimal) -> list[Part]:
        """Return the instruments that an order would trade, with signed quantities."""
        signed = quantity * order.side.sign
        if order.instrument.sec_type == "BAG":
            return [(item, signed * ratio) for item, ratio in self._legs(order.instrument)]
        return [(order.instrument, signed)]

    def impact(self, account: Account, order: Order, quantity: Decimal) -> Impact:
        """Return what a quantity of an order would change."""
        if order.instrument.sec_type != "BAG":
            signed = quantity * order.side.sign
            return self._of(account, order.instrument, signed, self.price(order))
        total = NO_IMPACT
        for item, signed in self.parts(order, quantity):
            quote = self._quote(item)
            price = quote.ask if signed > 0 else quote.bid
            total = total.plus(self._of(account, item, signed, price))
        return total

    def _of(self, account: Account, item: Instrument, signed: Decimal, price: Decimal) -> Impact:
        valuer = self._valuer
        if item.sec_type == "CASH":
            owed = self._owed(account, item, signed, price)
            return Impact(owed, owed)
        terms, spot = valuer.terms(account), valuer.spot_price(item)
        held = account.quantity(item)
        before = margin.need(terms, item, held, price, spot)
        after = margin.need(terms, item, held + signed, price, spot)
        rate = valuer.rates.rate(item.currency, account.base)
        lost = ZERO if margin.lends_on(item) else signed * price * unit_value(item)
        return Impact(
            (after.initial - before.initial) * rate,
            (after.maintenance - before.maintenance) * rate, -lost * rate,
        )  # fmt: skip

    def _owed(self, account: Account, item: Instrument, signed: Decimal, price: Decimal) -> Decimal:
        """Return the margin for what a currency trade would leave owed in other currencies."""
        total = ZERO
        for currency, moved in ((item.symbol, signed), (item.currency, -signed * price)):
            if currency != account.base:
                before = account.balance(currency)
                more = min(before + moved, ZERO) - min(before, ZERO)
                total -= more * self._valuer.rates.rate(currency, account.base)
        return total * margin.CURRENCY_SHARE

    def hold(self, account: Account, order: Order) -> Hold:
        """Return what the rest of an order ties up."""
        item, rest = order.instrument, order.remaining
        if account.kind is Kind.CASH and item.sec_type not in ("FUT", "BAG"):
            return self._cash_hold(account, order)
        if item.sec_type not in ("BAG", "CASH") and self._only_closes(account, item, order):
            return Hold(account.name, account.base)
        found = self.impact(account, order, rest)
        return Hold(account.name, account.base, max(found.initial - found.equity, ZERO))

    def _only_closes(self, account: Account, item: Instrument, order: Order) -> bool:
        held, signed = account.quantity(item), order.remaining * order.side.sign
        return held * signed < 0 and abs(signed) <= abs(held)

    def _cash_hold(self, account: Account, order: Order) -> Hold:
        item, rest = order.instrument, order.remaining
        if order.side is Side.BUY:
            amount = rest * self.price(order) * unit_value(item)
            return Hold(account.name, item.currency, amount)
        if item.sec_type == "CASH":
            return Hold(account.name, item.symbol, rest)
        return Hold(account.name, item.currency, ZERO, item.con_id, rest)


def may_be_short(account: Account, item: Instrument) -> bool:
    """Return whether the account may owe units of an instrument."""
    if item.sec_type == "CRYPTO":
        return False
    return account.kind is not Kind.CASH or item.sec_type in _SHORTABLE
