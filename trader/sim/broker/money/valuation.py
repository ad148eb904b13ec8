"""What an account is worth: marks of its positions, kept as running sums, and the funds they leave.

A broker does not price a whole account for each order. Each position has a mark; a trade renews the
mark of its own instrument, and all are renewed when they are older than a second. So a check costs
the same however many positions there are and however many orders work.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

from trader.sim.broker.money import margin
from trader.sim.broker.money.accounts import Account, Kind, Position, is_paid_in_full, unit_value
from trader.sim.broker.money.rates import Rates
from trader.sim.market.quotes import Quote
from trader.sim.model.instruments import Instrument
from trader.sim.model.orders import ZERO


@dataclass(frozen=True, slots=True)
class Mark:
    """One position, or a sum of them, in the base currency."""

    # Securities at their price, signed; of these what may be borrowed against; without sign.
    value: Decimal = ZERO
    lendable: Decimal = ZERO
    gross: Decimal = ZERO
    futures_result: Decimal = ZERO
    initial: Decimal = ZERO
    maintenance: Decimal = ZERO
    futures_initial: Decimal = ZERO
    futures_maintenance: Decimal = ZERO
    # Shares at their price without sign, which is what Regulation T looks at.
    shares: Decimal = ZERO

    def plus(self, other: "Mark", sign: int = 1) -> "Mark":
        """Return the sum, or the difference."""
        return Mark(
            self.value + sign * other.value, self.lendable + sign * other.lendable,
            self.gross + sign * other.gross, self.futures_result + sign * other.futures_result,
            self.initial + sign * other.initial, self.maintenance + sign * other.maintenance,
            self.futures_initial + sign * other.futures_initial,
            self.futures_maintenance + sign * other.futures_maintenance,
            self.shares + sign * other.shares,
        )  # fmt: skip


NO_MARK = Mark()


@dataclass(frozen=True, slots=True)
class Funds:
    """What an account can do, in its base currency."""

    cash: Decimal
    marks: Mark
    # Margin for balances that are owed in other currencies.
    currency_margin: Decimal
    unsettled: Decimal
    reserved: Decimal
    terms: margin.Terms

    @property
    def net(self) -> Decimal:
        """Return the net liquidation value."""
        return self.cash + self.marks.futures_result + self.marks.value

    @property
    def equity(self) -> Decimal:
        """Return the equity with loan value."""
        return self.cash + self.marks.futures_result + self.marks.lendable

    @property
    def initial(self) -> Decimal:
        """Return the initial margin of all that is held."""
        return self.marks.initial + self.marks.futures_initial + self.currency_margin

    @property
    def maintenance(self) -> Decimal:
        """Return the maintenance margin of all that is held."""
        return self.marks.maintenance + self.marks.futures_maintenance + self.currency_margin

    @property
    def available(self) -> Decimal:
        """Return what new orders may still tie up."""
        waiting = self.unsettled if self.terms.kind is Kind.CASH else ZERO
        return self.equity - self.initial - waiting - self.reserved

    @property
    def excess(self) -> Decimal:
        """Return the excess liquidity: below zero the broker liquidates."""
        return self.equity - self.maintenance

    @property
    def buying_power(self) -> Decimal:
        """Return what shares could be bought for."""
        return max(self.available, ZERO) * self.terms.leverage


@dataclass(slots=True)
class _Book:
    """The marks of one account."""

    marks: dict[int, Mark]
    total: Mark
    is_small: bool = False
    made_s: float = float("-inf")


MARK_AGE_S_MAX = 1.0


class Valuer:
    """Marks and funds of all accounts of one broker."""

    def __init__(
        self,
        quote: Callable[[Instrument], Quote],
        spot: Callable[[Instrument], Instrument | None],
        rates: Rates,
        now: Callable[[], float],
    ) -> None:
        """Take `spot`, which finds an option's underlying, and `now` in monotonic seconds."""
        self._quote, self._spot, self.rates, self._now = quote, spot, rates, now
        self._books: dict[str, _Book] = {}

    def price(self, item: Instrument) -> Decimal:
        """Return the price at which a position is marked."""
        quote = self._quote(item)
        # Currencies and new options have no trades: the middle stands for them.
        return quote.last if quote.last or not quote.ask else (quote.bid + quote.ask) / 2

    def terms(self, account: Account) -> margin.Terms:
        """Return what the account's margin depends on now."""
        return margin.Terms(account.kind, self._book(account).is_small)

    def forget(self, account: Account) -> None:
        """Price everything anew at the next look: something changed beside a trade."""
        self._books.pop(account.name, None)

    def renew(self, account: Account, entry: Position) -> None:
        """Give one position a new mark, after a trade in it."""
        book = self._books.get(account.name)
        if book is None:
            return
        con_id = entry.instrument.con_id
        new = self.mark(account, entry, margin.Terms(account.kind, book.is_small))
        book.total = book.total.plus(book.marks.get(con_id, NO_MARK), -1).plus(new)
        book.marks[con_id] = new

    def mark(self, account: Account, entry: Position, terms: margin.Terms) -> Mark:
        """Price one position."""
        item, quantity = entry.instrument, entry.quantity
        if not quantity or item.sec_type == "CASH":
            return NO_MARK
        price = self.price(item)
        rate = self.rates.rate(item.currency, account.base)
        needs = margin.need(terms, item, quantity, price, self.spot_price(item))
        initial, maintenance = needs.initial * rate, needs.maintenance * rate
        worth = quantity * price * unit_value(item)
        if not is_paid_in_full(item):
            return Mark(
                futures_result=(worth - entry.open_value) * rate, futures_initial=initial,
                futures_maintenance=maintenance,
            )  # fmt: skip
        value = worth * rate
        return Mark(
            value, value if margin.lends_on(item) else ZERO, abs(value), ZERO, initial, maintenance,
            shares=abs(value) if item.sec_type == "STK" else ZERO,
        )  # fmt: skip

    def spot_price(self, item: Instrument) -> Decimal | None:
        """Return the price of an option's underlying, None for anything else."""
        if item.sec_type not in ("OPT", "FOP"):
            return None
        below = self._spot(item)
        return None if below is None else self.price(below)

    def funds(self, account: Account, reserved: Decimal) -> Funds:
        """Return what an account can do, at marks that are a second old at most."""
        book = self._book(account)
        cash, owed = ZERO, ZERO
        for currency, amount in account.balances.items():
            if currency == account.base:
                cash += amount
            elif amount:
                value = amount * self.rates.rate(currency, account.base)
                cash += value
                owed -= min(value, ZERO)
        waiting = sum(
            (u.amount * self.rates.rate(u.currency, account.base) for u in account.unsettled), ZERO
        )
        return Funds(
            cash, book.total, owed * margin.CURRENCY_SHARE, waiting, reserved,
            margin.Terms(account.kind, book.is_small),
        )  # fmt: skip

    def _book(self, account: Account) -> _Book:
        book = self._books.get(account.name)
        now = self._now()
        if book is None or now - book.made_s > MARK_AGE_S_MAX:
            book = self._books[account.name] = self._made(account, now)
        return book

    def _made(self, account: Account, now: float) -> _Book:
        book = _Book({}, NO_MARK, made_s=now)
        large = margin.Terms(account.kind)
        self._fill(account, book, large)
        # Equity does not depend on margin, so which rate applies is known after the first pass.
        self._books[account.name] = book
        is_small = self.funds(account, ZERO).equity < margin.PATTERN_EQUITY
        if is_small and account.kind is Kind.MARGIN:
            book.is_small = True
            self._fill(account, book, replace(large, is_small=True))
        return book

    def _fill(self, account: Account, book: _Book, terms: margin.Terms) -> None:
        book.marks = {
            con_id: self.mark(account, entry, terms) for con_id, entry in account.positions.items()
        }
        total = NO_MARK
        for mark in book.marks.values():
            total = total.plus(mark)
        book.total = total
