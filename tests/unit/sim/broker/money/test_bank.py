"""The broker's money side: refusals, reserves, commissions, previews, several accounts."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.sim.broker.wealth import EURO_STOCK, FUTURE, STOCK, D, Wealth, order
from tests.unit.sim.support import ACCOUNT, Bench, request
from trader.sim.broker.money.accounts import Account, Kind, Position, SavedAccount
from trader.sim.broker.money.bank import Bank
from trader.sim.broker.money.commissions import Schedule
from trader.sim.market.quotes import Quote
from trader.sim.model.instruments import Instrument
from trader.sim.model.orders import Execution, Order, Side


def bench_order(bench: Bench, **changes: object) -> Order:
    bench.pin("AAPL", "100")
    return bench.gateway.preview(7, request(1, **changes))[0]


def test_working_orders_reserve_their_margin_and_a_sale_of_what_is_held_nothing() -> None:
    bench = Bench()
    bank = bench.exchange.bank
    buy = bench_order(bench, order_type="LMT", limit_price=Decimal("90.00"))
    bank.reserve(buy)
    assert bank.reserved(ACCOUNT) == Decimal(2250)
    short = replace(buy, perm_id=9, side=Side.SELL)
    bank.reserve(short)
    assert bank.reserved(ACCOUNT) == Decimal(2250 + 2700)
    bank.main.position(buy.instrument).quantity = Decimal(100)
    bank.reserve(short)
    assert bank.reserved(ACCOUNT) == Decimal(2250)
    bank.release(buy)
    bank.release(short)
    assert bank.reserved(ACCOUNT) == 0


def test_what_cannot_be_paid_for_is_refused_with_the_amounts() -> None:
    bench = Bench(cash=Decimal(100))
    reason = bench.exchange.bank.refusal(bench_order(bench))
    assert "EQUITY WITH LOAN VALUE [99.00 USD]" in reason
    assert "INITIAL MARGIN [5000." in reason


def test_a_minimum_commission_is_charged_once_an_order() -> None:
    bench = Bench()
    order = bench_order(bench)
    first = bench.exchange.bank.commission(order, Decimal(10), Decimal(100))
    order.filled, order.paid = Decimal(10), Decimal(1000)
    second = bench.exchange.bank.commission(order, Decimal(90), Decimal(100))
    assert (first, second) == (Decimal(1), Decimal(0))


def test_accounts_do_not_share_cash_and_the_first_is_the_default() -> None:
    bench = Bench()
    item = bench.market.catalogue.symbol("AAPL")
    assert item is not None
    bank = Bank([Account("DU1", Decimal(1000)), Account("DU2", Decimal(50))], bench.exchange.quote)
    bank.book(execution(item, "DU2"))
    assert (bank.main.cash, bank.account("DU2").cash) == (Decimal(1000), Decimal(39))
    assert bank.account("").name == "DU1"
    assert bank.account("DU2").quantity(item) == 1


def execution(item: Instrument, account: str) -> Execution:
    return Execution(
        "x.1.01", 1, 7, 1, "", item, account, "ARCA", Side.BUY, Decimal(1), Decimal(10),
        Decimal(1), Decimal(10), 0.0, Decimal(1), None,
    )  # fmt: skip


def test_an_execution_taken_back_leaves_cash_as_it_was() -> None:
    bench = Bench()
    item = bench.market.catalogue.symbol("AAPL")
    assert item is not None
    entry = execution(item, ACCOUNT)
    bench.exchange.bank.book(entry)
    bench.exchange.bank.unbook(entry)
    assert bench.exchange.bank.main.cash == Decimal(1_000_000)
    assert bench.exchange.bank.main.quantity(item) == 0


def test_saved_accounts_replace_the_names_of_the_settings() -> None:
    bench = Bench()
    bench.exchange.bank.restore([SavedAccount("DU9", Decimal(5), ())])
    assert bench.exchange.bank.names == ["DU9"]
    with pytest.raises(ValueError, match="zip"):
        bench.exchange.bank.restore([])


# -- money ---------------------------------------------------------------------------------------


def test_a_check_costs_the_same_however_many_orders_work() -> None:
    wealth, checked = Wealth(cash="1000000000"), order(STOCK, "100", limit="90", perm_id=1)

    def lookups() -> int:
        count = 0

        def counted(item: Instrument) -> Quote:
            nonlocal count
            count += 1
            return wealth.quote(item)

        bank = wealth.bank
        bank.valuer._quote = counted
        assert bank.refusal(checked) == ""
        bank.reserve(checked)
        return count

    alone = lookups()
    for number in range(2, 2000):
        wealth.bank.reserve(order(STOCK, "1", limit="90", perm_id=number))
    assert lookups() == alone
    assert wealth.bank.reserved("DU1") == 2250 + 1998 * D("22.5")


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 50)), max_size=40))
def test_the_sum_of_reserves_is_that_of_the_orders_that_work(
    steps: list[tuple[int, int]],
) -> None:
    bank = Wealth().bank
    working: dict[int, Decimal] = {}
    for perm_id, size in steps:
        if size:
            bank.reserve(order(STOCK, str(size), limit="100", perm_id=perm_id))
            working[perm_id] = size * D(25)
        else:
            bank.release(order(STOCK, "1", perm_id=perm_id))
            working.pop(perm_id, None)
        assert bank.reserved("DU1") == sum(working.values(), D(0))


def test_working_orders_count_in_the_check_but_an_order_not_against_itself() -> None:
    bank = Wealth(cash="30000").bank
    first = order(STOCK, "1000", perm_id=1)
    assert bank.refusal(first) == ""
    bank.reserve(first)
    assert "INITIAL MARGIN [50000.00 USD]" in bank.refusal(order(STOCK, "1000", perm_id=2))
    assert bank.refusal(first) == ""


def test_a_cash_account_spends_settled_cash_of_the_currency_only() -> None:
    wealth = Wealth(cash="10000", kind=Kind.CASH)
    assert wealth.bank.refusal(order(STOCK, "99")) == ""
    assert "10000.00 USD" in wealth.bank.refusal(order(STOCK, "100"))
    assert "AVAILABLE SETTLED CASH: 0.00 EUR" in wealth.bank.refusal(order(EURO_STOCK, "1"))


def test_money_of_a_sale_waits_for_the_next_trading_day_in_a_cash_account() -> None:
    wealth = Wealth(cash="10000", kind=Kind.CASH)
    wealth.trade(STOCK, "90", "100")
    wealth.trade(STOCK, "-90", "100")
    assert wealth.account.cash == 10_000
    assert wealth.account.settled("USD") == 1000
    assert "1000.00 USD" in wealth.bank.refusal(order(STOCK, "50"))
    (waiting,) = wealth.account.unsettled
    # The trade is on a Saturday; Monday is the first trading day after it.
    assert waiting.day == "2026-11-23"
    wealth.clock.advance(3 * 86_400)
    wealth.bank.nights.process()
    assert wealth.bank.refusal(order(STOCK, "50")) == ""


def test_a_sale_taken_back_leaves_nothing_to_settle() -> None:
    wealth = Wealth(cash="10000", kind=Kind.CASH)
    wealth.trade(STOCK, "90", "100")
    sold = wealth.trade(STOCK, "-40", "110", "1")
    assert wealth.account.settled("USD") == 1000
    wealth.bank.unbook(sold)
    assert wealth.account.unsettled == []
    assert wealth.account.cash == wealth.account.settled("USD") == 1000


def test_a_cash_account_cannot_sell_what_it_does_not_hold_nor_the_same_shares_twice() -> None:
    wealth = Wealth(kind=Kind.CASH)
    assert "SHORT" in wealth.bank.refusal(order(STOCK, "-1"))
    wealth.trade(STOCK, "100", "100")
    first = order(STOCK, "-100", perm_id=1)
    assert wealth.bank.refusal(first) == ""
    wealth.bank.reserve(first)
    assert wealth.bank.refusal(first) == ""
    assert "SHORT" in wealth.bank.refusal(order(STOCK, "-1", perm_id=2))
    wealth.bank.release(first)
    assert wealth.bank.refusal(order(STOCK, "-1", perm_id=2)) == ""


def test_a_preview_shows_margin_before_and_after_and_changes_nothing() -> None:
    wealth = Wealth()
    before = wealth.account.saved()
    shown = wealth.bank.preview(order(STOCK, "100"))
    assert shown.before == ("0.00", "0.00", "100000.00")
    assert shown.change == ("2500.00", "2500.00", "-1.00")
    assert shown.after == ("2500.00", "2500.00", "99999.00")
    assert (shown.commission, shown.commission_low, shown.currency) == (D(1), None, "USD")
    assert wealth.account.saved() == before
    wealth.account.schedule = Schedule.TIERED
    shown = wealth.bank.preview(order(STOCK, "100"))
    assert (shown.commission_low, shown.commission) == (D("0.37"), D("0.67"))


def test_a_preview_in_another_currency_is_in_the_base_currency() -> None:
    shown = Wealth().bank.preview(order(EURO_STOCK, "1000"))
    assert shown.change[0] == "13750.00"
    assert shown.commission == 5 * D("1.10")


def test_a_combination_books_nothing_itself() -> None:
    wealth = Wealth()
    combo = replace(STOCK, con_id=99, sec_type="BAG")
    made = wealth.trade(combo, "1", "5")
    wealth.bank.unbook(made)
    assert made.realized is None
    assert wealth.account.positions == {}
    assert wealth.bank.commission(order(combo, "1"), D(1), D(5)) == 0


def test_a_month_of_volume_lowers_the_tiered_rate_and_ends_with_the_month() -> None:
    wealth = Wealth(cash="1000000000")
    wealth.account.schedule = Schedule.TIERED
    wealth.trade(STOCK, "300000", "100")
    cheap = wealth.bank.commission(order(STOCK, "1000"), D(1000), D(100))
    assert cheap == 1000 * (D("0.0020") + D("0.0032"))
    wealth.clock.advance(32 * 86_400)
    assert wealth.bank.volume(wealth.account, STOCK) == 0
    dear = wealth.bank.commission(order(STOCK, "1000"), D(1000), D(100))
    assert dear == 1000 * (D("0.0035") + D("0.0032"))


def test_money_paid_in_is_told_and_a_currency_without_a_rate_refused() -> None:
    wealth = Wealth()
    heard: list[str] = []
    wealth.bank.listener = Ear(heard)
    wealth.bank.deposit("DU1", "EUR", D(100))
    assert wealth.account.balance("EUR") == 100
    assert heard == ["funds DU1"]
    with pytest.raises(ValueError, match="XYZ is not allowed"):
        wealth.bank.deposit("DU1", "XYZ", D(100))


def test_what_an_account_begins_with_has_no_result_yet() -> None:
    wealth = Wealth()
    for item in (STOCK, FUTURE):
        entry = wealth.bank.endow("", item, D(3))
        found = wealth.bank.result(entry)
        assert (found.daily, found.unrealized, found.realized) == (D(0), D(0), D(0))
    assert wealth.net() == 100_000 + 300


class Ear:
    """Writes down what the bank says."""

    def __init__(self, heard: list[str]) -> None:
        self._heard = heard

    def position_moved(self, account: str, entry: Position) -> None:
        self._heard.append(f"position {account} {entry.instrument.symbol} {entry.quantity}")

    def funds_moved(self, account: str) -> None:
        self._heard.append(f"funds {account}")
