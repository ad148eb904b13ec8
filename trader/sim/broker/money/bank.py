"""The broker's money side: whose account it is, what it may take on, what a trade does to it.

The exchange asks before it takes an order (`refusal`), reserves what a working order may cost,
and books each execution here. It keeps no order and matches nothing. What it costs to ask does not
depend on how many orders work.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Protocol

from trader.sim.broker.money import commissions, corporate, refusals
from trader.sim.broker.money.account_values import Row, rows
from trader.sim.broker.money.accounts import (
    Account,
    Kind,
    Position,
    SavedAccount,
    Unsettled,
    is_paid_in_full,
)
from trader.sim.broker.money.commissions import Traded
from trader.sim.broker.money.impact import Assessor, Hold, Part, may_be_short
from trader.sim.broker.money.liquidation import Closing, Holding, needs_liquidation, to_close
from trader.sim.broker.money.money import money
from trader.sim.broker.money.nights import Nights
from trader.sim.broker.money.rates import Rates
from trader.sim.broker.money.statement import Result, Statement, result, statement
from trader.sim.broker.money.valuation import Funds, Valuer
from trader.sim.clock import Clock
from trader.sim.market.market import Market
from trader.sim.market.quotes import Quote
from trader.sim.model.instruments import Instrument
from trader.sim.model.orders import ZERO, Execution, Margin, Order, Side
from trader.sim.reference import calendar

SETTLING = ("STK", "OPT")
DERIVED = ("OPT", "FOP", "FUT")
SETTLEMENT_CALENDAR = "US-REGULAR"
_QUARTER_S = 900
# A day's contracts are settled from 17:00 on.
_AFTER_CLOSE_S = 7 * 3600


class Listener(Protocol):
    """Who hears what the broker did to an account apart from executions."""

    def position_moved(self, account: str, entry: Position) -> None:
        """A position is another one, without any execution."""

    def funds_moved(self, account: str) -> None:
        """Cash was paid in or out."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where a bank takes prices, instruments and time from."""

    quote: Callable[[Instrument], Quote]
    by_name: Callable[[str], Instrument | None] = lambda _name: None
    by_id: Callable[[int], Instrument | None] = lambda _con_id: None
    legs: Callable[[Instrument], Sequence[Part]] = lambda _item: ()
    monotonic: Callable[[], float] = lambda: 0.0
    time: Callable[[], float] = lambda: 0.0


def market_sources(market: Market, clock: Clock, quote: Callable[[Instrument], Quote]) -> Sources:
    """Return the sources of a bank beside a market."""

    def legs(item: Instrument) -> Sequence[Part]:
        return [(leg, Decimal(ratio)) for leg, ratio in market.legs(item)]

    return Sources(
        quote, market.catalogue.symbol, market.catalogue.by_id, legs, clock.monotonic, clock.time,
    )  # fmt: skip


class Bank:
    """All accounts of one simulated broker."""

    def __init__(
        self,
        accounts: Sequence[Account],
        quote: Callable[[Instrument], Quote] | Sources,
    ) -> None:
        assert accounts, "a broker has at least one account"
        sources = quote if isinstance(quote, Sources) else Sources(quote)
        self.accounts = {account.name: account for account in accounts}
        self.listener: Listener | None = None
        self.sources = sources
        self.rates = Rates(sources.quote, sources.by_name)
        self.valuer = Valuer(sources.quote, self.below, self.rates, sources.monotonic)
        self._assessor = Assessor(sources.quote, sources.legs, self.valuer)
        self._holds: dict[int, Hold] = {}
        # Sums of the holds: by account and currency, and units by account and contract id.
        self._tied: dict[tuple[str, str], Decimal] = {}
        self._selling: dict[tuple[str, int], Decimal] = {}
        self._day = (-1, date.min)
        self.nights = Nights(self)

    def below(self, item: Instrument) -> Instrument | None:
        """Return what an instrument is made from, None if it stands for itself."""
        if item.sec_type not in DERIVED:
            return None
        if item.under_con_id:
            return self.sources.by_id(item.under_con_id)
        return self.sources.by_name(item.under_symbol or item.symbol)

    # -- accounts ---------------------------------------------------------------------------------

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
            self.valuer.forget(account)
        self.accounts = {account.name: account for account in self.accounts.values()}

    def funds(self, name: str) -> Funds:
        """Return what an account can do now, in its base currency."""
        account = self.account(name)
        return self.valuer.funds(account, self.reserved(account.name))

    # -- before the trade -----------------------------------------------------------------------

    def refusal(self, order: Order) -> str:
        """Say why the account cannot take the order on (error 201); empty when it can."""
        account, item = self.account(order.account), order.instrument
        hold = self._assessor.hold(account, order)
        own = self._holds.get(order.perm_id)
        if order.side is Side.SELL and not may_be_short(account, item):
            spoken = self._selling.get((account.name, item.con_id), ZERO)
            spoken -= own.selling if own else ZERO
            if account.quantity(item) - spoken < order.remaining:
                return refusals.no_short_sale(account.kind)
        if hold.amount <= 0:
            return ""
        charge = self._charge(account, order, order.remaining)
        mine = own.amount if own and own.currency == hold.currency else ZERO
        if account.kind is Kind.CASH and item.sec_type not in ("FUT", "BAG"):
            tied = self._tied.get((account.name, hold.currency), ZERO) - mine
            free = account.settled(hold.currency) - tied
            # A currency pair's charge is in its second currency, which a sale brings in.
            cost = hold.amount + (charge if hold.currency == item.currency else ZERO)
            return "" if cost <= free else refusals.short_of_cash(free, cost, hold.currency)
        funds = self.funds(account.name)
        charge *= self.rates.rate(item.currency, account.base)
        if hold.amount + charge <= funds.available + mine:
            return ""
        needed = funds.initial + funds.reserved - mine + hold.amount
        return refusals.short_of_margin(funds.equity - charge, needed, account.base)

    def reserve(self, order: Order) -> None:
        """Set aside what the rest of a working order may cost; again after each change or fill."""
        hold = self._assessor.hold(self.account(order.account), order)
        self._replace(order.perm_id, hold)

    def release(self, order: Order) -> None:
        """Set nothing aside for the order any more."""
        self._replace(order.perm_id, None)

    def _replace(self, perm_id: int, hold: Hold | None) -> None:
        old = self._holds.pop(perm_id, None)
        for sign, one in ((-1, old), (1, hold)):
            if one is None:
                continue
            if one.amount:
                key = (one.account, one.currency)
                self._tied[key] = self._tied.get(key, ZERO) + sign * one.amount
            if one.selling:
                place = (one.account, one.con_id)
                self._selling[place] = self._selling.get(place, ZERO) + sign * one.selling
        if hold is not None:
            self._holds[perm_id] = hold

    def reserved(self, name: str) -> Decimal:
        """Return what is set aside in an account, in its base currency."""
        account = self.account(name)
        total = ZERO
        for currency in account.balances:
            tied = self._tied.get((account.name, currency), ZERO)
            total += tied * self.rates.rate(currency, account.base) if tied else ZERO
        return total

    def preview(self, order: Order) -> Margin:
        """Return what an order would change if it filled at once; nothing is changed."""
        account, item = self.account(order.account), order.instrument
        funds = self.funds(account.name)
        change = self._assessor.impact(account, order, order.quantity)
        low, high = self._charges(account, order)
        rate = self.rates.rate(item.currency, account.base)
        equity = change.equity - high * rate
        before = (funds.initial, funds.maintenance, funds.equity)
        moved = (change.initial, change.maintenance, equity)
        after = [old + more for old, more in zip(before, moved, strict=True)]
        return Margin(
            before=(money(before[0]), money(before[1]), money(before[2])),
            change=(money(moved[0]), money(moved[1]), money(moved[2])),
            after=(money(after[0]), money(after[1]), money(after[2])),
            commission=high * rate, currency=account.base,
            commission_low=None if low == high else low * rate,
        )  # fmt: skip

    # -- commissions ------------------------------------------------------------------------------

    def commission(self, order: Order, quantity: Decimal, price: Decimal) -> Decimal:
        """Return what the next fill of an order costs, given what it has traded before.

        A combination itself costs nothing: each leg is charged as an order of its own.
        """
        account, item = self.account(order.account), order.instrument
        if item.sec_type == "BAG":
            return ZERO
        unit = self._unit(item)
        before = Traded(order.filled, order.paid * unit)
        after = Traded(order.filled + quantity, before.value + quantity * price * unit)
        # The month's volume has this order's earlier fills in it.
        month = max(self.volume(account, item) - order.filled, ZERO)
        charge = commissions.order_charge
        return charge(account.schedule, item, after, month) - charge(
            account.schedule, item, before, month
        )

    def _unit(self, item: Instrument) -> Decimal:
        return item.multiplier / item.price_magnifier

    def _charge(self, account: Account, order: Order, quantity: Decimal) -> Decimal:
        """Return what a quantity of an order would cost in commissions at most."""
        item = order.instrument
        if item.sec_type != "BAG":
            traded = Traded(quantity, quantity * self._assessor.price(order) * self._unit(item))
            return commissions.order_charge(account.schedule, item, traded)
        total = ZERO
        for leg, signed in self._assessor.parts(order, quantity):
            value = abs(signed) * self.sources.quote(leg).ask * self._unit(leg)
            total += commissions.order_charge(account.schedule, leg, Traded(abs(signed), value))
        return total

    def _charges(self, account: Account, order: Order) -> tuple[Decimal, Decimal]:
        """Return the least and the most that the whole order would cost in commissions."""
        item = order.instrument
        if item.sec_type == "BAG":
            most = self._charge(account, order, order.quantity)
            return most, most
        value = order.quantity * self._assessor.price(order) * self._unit(item)
        month = self.volume(account, item)
        return commissions.charge_range(
            account.schedule, item, Traded(order.quantity, value), month
        )

    def volume(self, account: Account, item: Instrument) -> Decimal:
        """Return how much of an instrument's kind the account has traded this month."""
        if account.month != self._month():
            return ZERO
        return account.volumes.get(item.sec_type, ZERO)

    def _month(self) -> str:
        return self.today()[:7]

    def today(self) -> str:
        """Return the date in New York as ISO text."""
        return self._date().isoformat()

    def expiry_day(self) -> str:
        """Return the day before which contracts are over: after New York's close the next one."""
        later = self.sources.time() + _AFTER_CLOSE_S
        return calendar.local_date(SETTLEMENT_CALENDAR, later).isoformat()

    def _date(self) -> date:
        now = self.sources.time()
        quarter = int(now // _QUARTER_S)
        if self._day[0] != quarter:
            # Days begin on a quarter of an hour in every zone.
            self._day = (quarter, calendar.local_date(SETTLEMENT_CALENDAR, now))
        return self._day[1]

    # -- the trade --------------------------------------------------------------------------------

    def book(self, item: Execution) -> Decimal | None:
        """Move cash and position; return the realized result, None when it only opened.

        A combination's own execution moves nothing: those of its legs do.
        """
        if item.instrument.sec_type == "BAG":
            return None
        account = self.account(item.account)
        realized = account.apply(
            item.instrument, item.side, item.quantity, item.price, item.commission
        )
        self._count(account, item.instrument, item.quantity)
        if account.kind is Kind.CASH and item.side is Side.SELL:
            self._wait(account, item)
        self.valuer.renew(account, account.positions[item.instrument.con_id])
        return realized

    def unbook(self, item: Execution) -> None:
        """Take an execution back, before its correction is booked."""
        if item.instrument.sec_type == "BAG":
            return
        account = self.account(item.account)
        account.take_back(
            item.instrument, item.side, item.quantity, item.price,
            commission=item.commission, realized=item.realized,
        )  # fmt: skip
        self._count(account, item.instrument, -item.quantity)
        if account.kind is Kind.CASH and item.side is Side.SELL:
            self._stop_waiting(account, item)
        self.valuer.renew(account, account.positions[item.instrument.con_id])

    def _count(self, account: Account, item: Instrument, quantity: Decimal) -> None:
        month = self._month()
        if account.month != month:
            account.month, account.volumes = month, {}
        traded = account.volumes.get(item.sec_type, ZERO) + quantity
        account.volumes[item.sec_type] = max(traded, ZERO)

    def _wait(self, account: Account, item: Execution) -> None:
        """Keep the proceeds of a sale until the next trading day."""
        if item.instrument.sec_type not in SETTLING:
            return
        amount = self._proceeds(item)
        day = self._date() + timedelta(days=1)
        while calendar.trading_day(SETTLEMENT_CALENDAR, day) is None:
            day += timedelta(days=1)
        account.unsettled.append(Unsettled(day.isoformat(), item.instrument.currency, amount))

    def _stop_waiting(self, account: Account, item: Execution) -> None:
        """Forget the proceeds of a sale that is taken back, unless they have settled."""
        amount, currency = self._proceeds(item), item.instrument.currency
        for entry in account.unsettled:
            if (entry.currency, entry.amount) == (currency, amount):
                account.unsettled.remove(entry)
                return

    def _proceeds(self, item: Execution) -> Decimal:
        return item.quantity * item.price * self._unit(item.instrument) - item.commission

    # -- views ------------------------------------------------------------------------------------

    def statement(self, name: str) -> Statement:
        """Return an account's figures at the prices of this moment."""
        account = self.account(name)
        return statement(self.valuer, account, self.reserved(account.name))

    def next_change_s(self) -> int:
        """Return when margin requirements next change: the market's next opening or close."""
        return int(calendar.next_change(SETTLEMENT_CALENDAR, self.sources.time()))

    def rows(self, name: str) -> list[Row]:
        """Return an account's values as (key, value, currency) in the gateway's order."""
        return rows(self.statement(name), self.next_change_s())

    def result(self, entry: Position) -> Result:
        """Return a position's figures at the price of this moment."""
        return result(self.valuer, entry)

    # -- apart from trades ------------------------------------------------------------------------

    def deposit(self, name: str, currency: str, amount: Decimal) -> None:
        """Pay money in, or out if negative. Raises ValueError for a currency without a rate."""
        account = self.account(name)
        if not self.rates.knows(currency, account.base):
            raise ValueError(f"currency: {currency} is not allowed; allowed: one with a rate")
        self.move_cash(account, currency, amount)

    def endow(self, name: str, item: Instrument, quantity: Decimal) -> Position:
        """Let an account hold something since before the day began, at its present price."""
        account = self.account(name)
        entry = account.position(item)
        worth = quantity * self.valuer.price(item) * self._unit(item)
        entry.quantity, entry.day_value = quantity, worth
        entry.average_cost = self.valuer.price(item) * self._unit(item)
        if not is_paid_in_full(item):
            entry.open_value = worth
        self.tell_position(account, entry)
        return entry

    def split(self, item: Instrument, terms: corporate.Split) -> list[Position]:
        """Split an instrument's shares in every account; return the positions."""
        return corporate.split(self, item, terms)

    def dividend(self, item: Instrument, amount: Decimal) -> list[Account]:
        """Pay a cash dividend a share to every account. Raises ValueError for none."""
        return corporate.dividend(self, item, amount)

    def rename(self, item: Instrument, becomes: Instrument) -> list[Position]:
        """Turn every position in an instrument into one of another."""
        return corporate.rename(self, item, becomes)

    def to_liquidate(self, name: str) -> list[Closing]:
        """Return what the broker would close now by force; nothing while the margin suffices."""
        account, funds = self.account(name), self.funds(name)
        if not needs_liquidation(funds):
            return []
        terms = self.valuer.terms(account)
        holdings = []
        for entry in account.held():
            mark = self.valuer.mark(account, entry, terms)
            freed = mark.maintenance + mark.futures_maintenance
            holdings.append(Holding(entry.instrument, entry.quantity, freed))
        return to_close(funds.excess, holdings)

    def move_cash(self, account: Account, currency: str, amount: Decimal) -> None:
        """Change a balance and say so."""
        account.move(currency, amount)
        if self.listener is not None:
            self.listener.funds_moved(account.name)

    def tell_position(self, account: Account, entry: Position) -> None:
        """Say that the broker has changed a position."""
        self.valuer.renew(account, entry)
        if self.listener is not None:
            self.listener.position_moved(account.name, entry)
