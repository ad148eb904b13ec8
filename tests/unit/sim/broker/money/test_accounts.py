"""Cash and positions are conserved, whatever is traded, taken back, saved or restored."""

from __future__ import annotations

import json
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.sim.broker.wealth import (
    CALL,
    COIN,
    EURO_STOCK,
    FUTURE,
    PAIR,
    PENCE,
    STOCK,
)
from tests.unit.sim.support import Bench
from trader.sim.broker.money.accounts import Account, Kind, SavedAccount, Unsettled
from trader.sim.broker.money.commissions import Schedule
from trader.sim.broker.money.money import CENT
from trader.sim.host.encoding import from_json, to_json
from trader.sim.model.instruments import Instrument
from trader.sim.model.orders import Side


def aapl() -> Instrument:
    item = Bench().market.catalogue.symbol("AAPL")
    assert item is not None
    return item


TRADES = st.lists(
    st.tuples(st.sampled_from(Side), st.integers(1, 500), st.decimals("0.01", "900", places=2)),
    max_size=30,
)


@given(TRADES)
def test_cash_and_position_are_the_sums_of_the_trades(
    trades: list[tuple[Side, int, Decimal]],
) -> None:
    item, account = aapl(), Account("DU1", Decimal(10**6))
    cash, quantity = account.cash, Decimal(0)
    for side, size, price in trades:
        account.apply(item, side, Decimal(size), price, Decimal(1))
        cash -= size * side.sign * price + 1
        quantity += size * side.sign
    assert account.cash == cash
    assert account.quantity(item) == quantity


@given(TRADES)
def test_equity_is_the_start_plus_open_and_closed_results(
    trades: list[tuple[Side, int, Decimal]],
) -> None:
    item, account = aapl(), Account("DU1", Decimal(10**6))
    for side, size, price in trades:
        account.apply(item, side, Decimal(size), price, Decimal(1))
    entry = account.position(item)
    worth = entry.quantity * 100
    equity = account.cash + worth
    results = entry.realized + worth - entry.average_cost * entry.quantity
    assert abs(equity - 10**6 - results) < Decimal("0.000001")


def test_only_a_closing_trade_has_a_realized_result() -> None:
    item, account = aapl(), Account("DU1", Decimal(10_000))
    assert account.apply(item, Side.BUY, Decimal(10), Decimal(100), Decimal(1)) is None
    # The average cost includes the commission, as the broker shows it.
    assert account.position(item).average_cost == Decimal("100.1")
    realized = account.apply(item, Side.SELL, Decimal(10), Decimal(110), Decimal(1))
    assert realized == Decimal(98)
    assert account.held() == []
    assert account.position(item).average_cost == 0


def test_a_trade_through_zero_starts_a_new_cost() -> None:
    item, account = aapl(), Account("DU1", Decimal(10_000))
    account.apply(item, Side.BUY, Decimal(10), Decimal(100), Decimal(0))
    account.apply(item, Side.SELL, Decimal(15), Decimal(90), Decimal(0))
    entry = account.position(item)
    assert (entry.quantity, entry.average_cost) == (Decimal(-5), Decimal(90))
    assert entry.realized == Decimal(-100)


# -- every kind of instrument, against a recomputation that shares no code ----------------------

KINDS = (STOCK, EURO_STOCK, PENCE, FUTURE, CALL, COIN, PAIR)
PRICE = st.decimals("0.50", "900", places=2)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(KINDS), st.sampled_from(Side), st.integers(1, 50), PRICE,
        st.decimals("0", "5", places=2),
    ),
    min_size=1,
    max_size=40,
)  # fmt: skip


class Recount:
    """What an account must come to: plain sums over its trades."""

    def __init__(self, cash: Decimal) -> None:
        self.paid: dict[str, Decimal] = {"USD": cash}
        self.units: dict[int, Decimal] = {}

    def add(self, item: Instrument, signed: Decimal, price: Decimal, charge: Decimal) -> None:
        worth = signed * price * item.multiplier / item.price_magnifier
        self.paid[item.currency] = self.paid.get(item.currency, Decimal(0)) - worth - charge
        self.units[item.con_id] = self.units.get(item.con_id, Decimal(0)) + signed
        if item.sec_type == "CASH":
            self.paid[item.symbol] = self.paid.get(item.symbol, Decimal(0)) + signed

    def worth(self, currency: str, prices: dict[int, Decimal]) -> Decimal:
        """Return cash and positions of a currency, futures at their full value."""
        total = self.paid.get(currency, Decimal(0))
        for item in KINDS:
            if item.currency == currency and item.sec_type != "CASH":
                each = prices[item.con_id] * item.multiplier / item.price_magnifier
                total += self.units.get(item.con_id, Decimal(0)) * each
        return total


def balance(account: Account, currency: str, prices: dict[int, Decimal]) -> Decimal:
    """Return what an account itself says it has in a currency."""
    total = account.balance(currency)
    for entry in account.positions.values():
        item = entry.instrument
        if item.currency == currency and item.sec_type != "CASH":
            each = prices[item.con_id] * item.multiplier / item.price_magnifier
            total += entry.quantity * each - entry.open_value
    return total


@given(STEPS, st.lists(PRICE, min_size=len(KINDS), max_size=len(KINDS)))
def test_cash_positions_and_commissions_balance_to_the_cent_in_every_currency(
    steps: list[tuple[Instrument, Side, int, Decimal, Decimal]], ends: list[Decimal]
) -> None:
    account, recount = Account("DU1", Decimal(10**6)), Recount(Decimal(10**6))
    for item, side, size, price, charge in steps:
        account.apply(item, side, Decimal(size), price, charge)
        recount.add(item, Decimal(size) * side.sign, price, charge)
    prices = {item.con_id: price for item, price in zip(KINDS, ends, strict=True)}
    for currency in ("USD", "EUR", "GBP"):
        assert abs(balance(account, currency, prices) - recount.worth(currency, prices)) < CENT
    for con_id, units in recount.units.items():
        assert account.positions[con_id].quantity == units


@given(STEPS)
def test_results_explain_what_the_account_has_gained(
    steps: list[tuple[Instrument, Side, int, Decimal, Decimal]],
) -> None:
    account = Account("DU1", Decimal(10**6))
    for item, side, size, price, charge in steps:
        account.apply(item, side, Decimal(size), price, charge)
    prices = {item.con_id: Decimal(100) for item in KINDS}
    gained = balance(account, "USD", prices) - 10**6
    for entry in account.positions.values():
        item = entry.instrument
        if item.currency == "USD" and item.sec_type != "CASH":
            each = prices[item.con_id] * item.multiplier / item.price_magnifier
            gained -= entry.realized + entry.quantity * (each - entry.average_cost)
    # What a currency trade cost is in no position's result.
    spent = sum(
        (-Decimal(size) * side.sign * price - charge
         for item, side, size, price, charge in steps if item is PAIR), Decimal(0)
    )  # fmt: skip
    assert abs(gained - spent) < CENT


@given(STEPS)
def test_a_trade_taken_back_leaves_every_balance_as_it_was(
    steps: list[tuple[Instrument, Side, int, Decimal, Decimal]],
) -> None:
    account = Account("DU1", Decimal(10**6))
    for item, side, size, price, charge in steps[:-1]:
        account.apply(item, side, Decimal(size), price, charge)
    prices = {item.con_id: Decimal(100) for item in KINDS}
    before = [balance(account, currency, prices) for currency in ("USD", "EUR", "GBP")]
    held = {c: (e.quantity, e.realized) for c, e in account.positions.items()}
    item, side, size, price, charge = steps[-1]
    cost = account.position(item).average_cost
    realized = account.apply(item, side, Decimal(size), price, charge)
    account.take_back(item, side, Decimal(size), price, commission=charge, realized=realized)
    after = [balance(account, currency, prices) for currency in ("USD", "EUR", "GBP")]
    assert all(abs(a - b) < CENT for a, b in zip(after, before, strict=True))
    assert abs(account.position(item).average_cost - cost) < CENT
    for con_id, (quantity, result) in held.items():
        assert account.positions[con_id].quantity == quantity
        assert abs(account.positions[con_id].realized - result) < CENT


@given(STEPS)
def test_a_saved_account_comes_back_equal(
    steps: list[tuple[Instrument, Side, int, Decimal, Decimal]],
) -> None:
    account = Account("DU1", Decimal(500), kind=Kind.CASH, base="EUR", schedule=Schedule.TIERED)
    for item, side, size, price, charge in steps:
        account.apply(item, side, Decimal(size), price, charge)
    account.unsettled.append(Unsettled("2026-11-24", "EUR", Decimal(7)))
    account.exercises[5], account.day_equity = Decimal(1), Decimal(9)
    saved = json.loads(json.dumps(to_json(account.saved())))
    other = Account("DU9", Decimal(0))
    other.restore(from_json(SavedAccount, saved))
    assert other.saved() == account.saved()
    assert (other.base, other.kind, other.schedule) == ("EUR", Kind.CASH, Schedule.TIERED)


def test_a_futures_average_cost_has_its_multiplier_and_opening_it_moves_no_price() -> None:
    account = Account("DU1", Decimal(1000))
    account.apply(FUTURE, Side.BUY, Decimal(1), Decimal(5000), Decimal("2.25"))
    assert account.position(FUTURE).average_cost == Decimal("250002.25")
    assert account.cash == Decimal("997.75")
    account.apply(FUTURE, Side.SELL, Decimal(1), Decimal(5010), Decimal("2.25"))
    assert account.cash == Decimal("1495.50")


def test_a_currency_trade_moves_two_balances_and_shows_a_virtual_position() -> None:
    account = Account("DU1", Decimal(30_000))
    account.apply(PAIR, Side.BUY, Decimal(20_000), Decimal("1.1"), Decimal(2))
    assert account.balances == {"USD": Decimal(7998), "EUR": Decimal(20_000)}
    assert account.position(PAIR).quantity == 20_000


def test_a_short_sale_brings_in_its_price_less_the_commission() -> None:
    account = Account("DU1", Decimal(0))
    account.apply(STOCK, Side.SELL, Decimal(10), Decimal(100), Decimal(1))
    assert account.position(STOCK).average_cost == Decimal("99.9")


def test_money_of_a_sale_is_not_settled_before_its_day() -> None:
    account = Account("DU1", Decimal(100))
    account.unsettled.append(Unsettled("2026-11-24", "USD", Decimal(30)))
    assert account.settled("USD") == 70
    account.settle("2026-11-23")
    assert account.settled("USD") == 70
    account.settle("2026-11-24")
    assert account.settled("USD") == 100
