"""The broker's money side: refusals, reserves, commissions, previews, several accounts."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.unit.sim.support import ACCOUNT, Bench, request
from trader.sim.broker.accounts import Account, SavedAccount
from trader.sim.broker.bank import Bank
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
