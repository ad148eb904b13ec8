"""Account summaries have the tags asked for, by name, and the ledgers last."""

from __future__ import annotations

from tests.unit.sim.broker.wealth import D, Wealth
from trader.sim.broker.money.account_values import LEDGER_KEYS
from trader.sim.broker.money.accounts import Kind, Unsettled
from trader.sim.broker.money.summary import TAGS, summary_rows, unsupported


def wealth() -> Wealth:
    found = Wealth(kind=Kind.CASH)
    found.bank.deposit("DU1", "EUR", D(1000))
    return found


def test_tags_come_by_name_whatever_the_order_asked_for() -> None:
    said = wealth().bank.statement("DU1")
    found = summary_rows(said, ["NetLiquidation", "TotalCashValue", "GrossPositionValue"])
    assert found == [
        ("GrossPositionValue", "0.00", "USD"), ("NetLiquidation", "101100.00", "USD"),
        ("TotalCashValue", "101100.00", "USD"),
    ]  # fmt: skip


def test_every_supported_tag_has_a_row() -> None:
    said = Wealth().bank.statement("DU1")
    assert {row[0] for row in summary_rows(said, TAGS)} == TAGS


def test_the_ledger_of_the_base_one_currency_or_all() -> None:
    said = wealth().bank.statement("DU1")
    assert {row[2] for row in summary_rows(said, ["$LEDGER"])} == {"BASE"}
    assert {row[2] for row in summary_rows(said, ["$LEDGER:EUR"])} == {"EUR"}
    every = summary_rows(said, ["$LEDGER:ALL", "AccountType"])
    assert every[0][0] == "AccountType"
    assert [row[2] for row in every if row[0] == "CashBalance"] == ["BASE", "EUR", "USD"]
    assert len(every) == 1 + 3 * len(LEDGER_KEYS)


def test_settled_cash_leaves_out_what_has_not_settled() -> None:
    found = wealth()
    found.account.unsettled.append(Unsettled("2026-11-24", "EUR", D(100)))
    rows = summary_rows(found.bank.statement("DU1"), ["SettledCash"])
    assert rows == [("SettledCash", "100990.00", "USD")]


def test_unknown_tags_are_named() -> None:
    assert unsupported(["NetLiquidation", "$LEDGER:ALL", "$LEDGER"]) == []
    assert unsupported(["Wealth", "$LEDGER:1", "$ledger"]) == ["Wealth", "$LEDGER:1", "$ledger"]


def test_the_tags_that_clients_ask_for_by_default_are_known() -> None:
    usual = [
        "AccountType",
        "NetLiquidation",
        "TotalCashValue",
        "SettledCash",
        "AccruedCash",
        "BuyingPower",
        "SMA",
        "EquityWithLoanValue",
        "PreviousEquityWithLoanValue",
        "PreviousDayEquityWithLoanValue",
        "GrossPositionValue",
        "ReqTEquity",
        "ReqTMargin",
        "RegTEquity",
        "RegTMargin",
        "InitMarginReq",
        "MaintMarginReq",
        "AvailableFunds",
        "ExcessLiquidity",
        "Cushion",
        "FullInitMarginReq",
        "FullMaintMarginReq",
        "FullAvailableFunds",
        "FullExcessLiquidity",
        "LookAheadNextChange",
        "LookAheadInitMarginReq",
        "LookAheadMaintMarginReq",
        "LookAheadAvailableFunds",
        "LookAheadExcessLiquidity",
        "HighestSeverity",
        "DayTradesRemaining",
        "DayTradesRemainingT+1",
        "DayTradesRemainingT+2",
        "DayTradesRemainingT+3",
        "DayTradesRemainingT+4",
        "Leverage",
        "$LEDGER:ALL",
    ]
    assert unsupported(usual) == []
    # A portfolio account counts no day trades: the tag is known and has no row.
    said = Wealth(kind=Kind.PORTFOLIO).bank.statement("DU1")
    assert summary_rows(said, ["DayTradesRemaining"]) == []
