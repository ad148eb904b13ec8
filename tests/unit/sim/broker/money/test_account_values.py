"""The list of account values has every key in order, in the right currency column."""

from __future__ import annotations

from decimal import Decimal

from tests.unit.sim.broker.wealth import EURO_STOCK, FUTURE, STOCK, D, Wealth
from trader.sim.broker.money.account_values import KEYS, LEDGER_KEYS, rows
from trader.sim.broker.money.accounts import Kind

Table = dict[tuple[str, str], str]


def table(wealth: Wealth) -> Table:
    found = rows(wealth.bank.statement("DU1"))
    values = {(key, currency): value for key, value, currency in found}
    assert len(values) == len(found), "a key came twice"
    return values


def test_keys_come_in_the_order_of_their_characters() -> None:
    names = [key for key, _, _ in rows(Wealth().bank.statement("DU1"))]
    assert names == sorted(names)
    assert names[:3] == ["AccountCode", "AccountOrGroup", "AccountOrGroup"]
    assert names[-1] == "WhatIfPMEnabled"
    assert set(KEYS) <= set(names)


def test_a_ledger_key_has_the_base_and_then_each_currency() -> None:
    wealth = Wealth()
    wealth.bank.deposit("DU1", "EUR", D(1000))
    found = rows(wealth.bank.statement("DU1"))
    for key in LEDGER_KEYS:
        assert [row[2] for row in found if row[0] == key] == ["BASE", "EUR", "USD"]
    values = table(wealth)
    assert values["CashBalance", "BASE"] == "101100.00"
    assert values["CashBalance", "EUR"] == "1000.00"
    assert values["ExchangeRate", "EUR"] == "1.10"
    assert values["RealCurrency", "BASE"] == "USD"


def test_other_amounts_are_in_the_base_currency_and_texts_in_none() -> None:
    values = table(Wealth(base="EUR"))
    assert ("NetLiquidation", "EUR") in values
    assert ("NetLiquidation", "USD") not in values
    assert values["AccountCode", ""] == "DU1"
    assert values["Cushion", ""] == "1"


def test_segments_add_up_to_the_account() -> None:
    wealth = Wealth()
    wealth.trade(STOCK, "100", "100", "1")
    wealth.trade(FUTURE, "1", "5000", "2.25")
    wealth.prices[4] = D(5010)
    values = table(wealth)
    parted = [key for key, shape in KEYS.items() if (f"{key}-C", "USD") in values and shape]
    assert len(parted) > 20
    for key in parted:
        if key != "AccruedCash":
            total = Decimal(values[f"{key}-C", "USD"]) + Decimal(values[f"{key}-S", "USD"])
            assert Decimal(values[key, "USD"]) == total, key
    assert Decimal(values["InitMarginReq-C", "USD"]) > 0
    assert values["FuturesPNL", "BASE"] == "500.00"


def test_the_figures_of_one_account_fit_together() -> None:
    wealth = Wealth()
    wealth.trade(STOCK, "100", "100", "1")
    wealth.prices[1] = D(110)
    values = {key: value for (key, currency), value in table(wealth).items() if currency == "USD"}
    number = {key: Decimal(values[key]) for key in (
        "NetLiquidation", "TotalCashValue", "GrossPositionValue", "EquityWithLoanValue",
        "InitMarginReq", "AvailableFunds", "BuyingPower", "MaintMarginReq", "ExcessLiquidity",
        "UnrealizedPnL", "RegTMargin",
    )}  # fmt: skip
    assert number["NetLiquidation"] == number["TotalCashValue"] + number["GrossPositionValue"]
    assert number["AvailableFunds"] == number["EquityWithLoanValue"] - number["InitMarginReq"]
    assert number["BuyingPower"] == 4 * number["AvailableFunds"]
    assert number["ExcessLiquidity"] == number["EquityWithLoanValue"] - number["MaintMarginReq"]
    assert number["UnrealizedPnL"] == 999
    assert number["RegTMargin"] == 5500


def test_a_small_margin_account_has_day_trades_left_and_a_large_one_no_limit() -> None:
    assert table(Wealth(cash="20000"))["DayTradesRemaining", ""] == "3"
    assert table(Wealth())["DayTradesRemaining", ""] == "-1"
    assert ("DayTradesRemaining", "") not in table(Wealth(kind=Kind.PORTFOLIO))


def test_foreign_shares_are_in_the_ledger_of_their_currency() -> None:
    wealth = Wealth()
    wealth.trade(EURO_STOCK, "10", "50")
    values = table(wealth)
    assert values["StockMarketValue", "EUR"] == "500.00"
    assert values["StockMarketValue", "BASE"] == "550.00"
    assert values["CashBalance", "EUR"] == "-500.00"
