"""Account values as a gateway lists them: every key, in its order, in its currency column.

The keys come in the order of their characters. A key of the ledger has one row for `BASE` and one
for each currency; a key with segments has the account's own row, then commodities (`-C`) and
securities (`-S`); the rest has one row, in the base currency or without any.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal

from trader.sim.broker.money import margin
from trader.sim.broker.money.accounts import Kind
from trader.sim.broker.money.money import ledger, money, rate, share
from trader.sim.broker.money.statement import Ledger, Statement
from trader.sim.model.orders import ZERO

Row = tuple[str, str, str]

# Shapes of a key: text without currency, one amount, an amount with its segments, a ledger key.
TEXT, AMOUNT, SEGMENTS, SECURITIES, LEDGER = "text", "amount", "segments", "securities", "ledger"
KEYS = {
    "AccountCode": TEXT, "AccountOrGroup": LEDGER, "AccountReady": TEXT, "AccountType": TEXT,
    "AccruedCash": LEDGER, "AccruedCash-C": AMOUNT, "AccruedCash-S": AMOUNT,
    "AccruedDividend": SEGMENTS, "AvailableFunds": SEGMENTS, "Billable": SEGMENTS,
    "BuyingPower": AMOUNT, "CashBalance": LEDGER, "ColumnPrio-C": TEXT, "ColumnPrio-S": TEXT,
    "CorporateBondValue": LEDGER, "Cryptocurrency": LEDGER, "Currency": LEDGER, "Cushion": TEXT,
    "DayTradesRemaining": TEXT, "DayTradesRemainingT+1": TEXT, "DayTradesRemainingT+2": TEXT,
    "DayTradesRemainingT+3": TEXT, "DayTradesRemainingT+4": TEXT,
    "EquityWithLoanValue": SEGMENTS, "ExcessLiquidity": SEGMENTS, "ExchangeRate": LEDGER,
    "FullAvailableFunds": SEGMENTS, "FullExcessLiquidity": SEGMENTS,
    "FullInitMarginReq": SEGMENTS, "FullMaintMarginReq": SEGMENTS, "FundValue": LEDGER,
    "FutureOptionValue": LEDGER, "FuturesPNL": LEDGER, "FxCashBalance": LEDGER,
    "GrossPositionValue": SECURITIES, "Guarantee": SEGMENTS, "IncentiveCoupons": SEGMENTS,
    "IndianStockHaircut": SEGMENTS, "InitMarginReq": SEGMENTS, "IssuerOptionValue": LEDGER,
    "Leverage-S": TEXT, "LookAheadAvailableFunds": SEGMENTS, "LookAheadExcessLiquidity": SEGMENTS,
    "LookAheadInitMarginReq": SEGMENTS, "LookAheadMaintMarginReq": SEGMENTS,
    "LookAheadNextChange": TEXT, "MaintMarginReq": SEGMENTS, "MoneyMarketFundValue": LEDGER,
    "MutualFundValue": LEDGER, "NLVAndMarginInReview": TEXT, "NetDividend": LEDGER,
    "NetLiquidation": SEGMENTS, "NetLiquidationByCurrency": LEDGER,
    "NetLiquidationUncertainty": AMOUNT, "OptionMarketValue": LEDGER, "PASharesValue": SEGMENTS,
    "PhysicalCertificateValue": SEGMENTS, "PostExpirationExcess": SEGMENTS,
    "PostExpirationMargin": SEGMENTS, "PreviousDayEquityWithLoanValue": SECURITIES,
    "RealCurrency": LEDGER, "RealizedPnL": LEDGER, "RegTEquity": SECURITIES,
    "RegTMargin": SECURITIES, "SMA": SECURITIES, "SegmentTitle-C": TEXT, "SegmentTitle-S": TEXT,
    "StockMarketValue": LEDGER, "TBillValue": LEDGER, "TBondValue": LEDGER,
    "TotalCashBalance": LEDGER, "TotalCashValue": SEGMENTS,
    "TotalDebitCardPendingCharges": SEGMENTS, "TradingType-S": TEXT, "UnrealizedPnL": LEDGER,
    "WarrantValue": LEDGER, "WhatIfPMEnabled": TEXT,
}  # fmt: skip
LEDGER_KEYS = tuple(key for key, shape in KEYS.items() if shape is LEDGER)


def rows(said: Statement, next_change_s: int = 0) -> list[Row]:
    """Return (key, value, currency) of every value; `next_change_s` is the next margin change."""
    found: list[Row] = []
    texts, amounts = _texts(said, next_change_s), _amounts(said)
    base = said.account.base
    for key, shape in KEYS.items():
        if shape is TEXT:
            if key in texts:
                found.append((key, texts[key], ""))
        elif shape is LEDGER:
            found += ledger_rows(said, key)
        else:
            total, commodities = amounts.get(key, (ZERO, ZERO))
            found.append((key, money(total), base))
            if shape is SEGMENTS:
                found.append((f"{key}-C", money(commodities), base))
            if shape is not AMOUNT:
                found.append((f"{key}-S", money(total - commodities), base))
    return found


def ledger_rows(said: Statement, key: str) -> Iterator[Row]:
    """Go through a ledger key's rows: the base's sum, then the currencies."""
    for one in (said.total, *said.ledgers):
        yield key, _ledger_value(said, key, one), one.currency


def _ledger_value(said: Statement, key: str, one: Ledger) -> str:
    match key:
        case "AccountOrGroup":
            return said.account.name
        case "Currency":
            return one.currency
        case "RealCurrency":
            return said.account.base if one is said.total else one.currency
        case "ExchangeRate":
            return rate(one.rate)
        case "CashBalance" | "TotalCashBalance":
            return ledger(one.cash)
        case "NetLiquidationByCurrency":
            return ledger(one.net)
    return money(_ledger_amount(key, one))


def _ledger_amount(key: str, one: Ledger) -> Decimal:
    match key:
        case "StockMarketValue":
            return one.stocks
        case "OptionMarketValue":
            return one.options
        case "FutureOptionValue":
            return one.future_options
        case "FuturesPNL":
            return one.futures_result
        case "Cryptocurrency":
            return one.coins
        case "RealizedPnL":
            return one.realized
        case "UnrealizedPnL":
            return one.unrealized
    # Bonds, funds, bills, warrants, accruals: kinds of wealth no account here has.
    return ZERO


def _texts(said: Statement, next_change_s: int) -> Mapping[str, str]:
    account, funds = said.account, said.funds
    small = funds.terms.is_small and account.kind is Kind.MARGIN
    days = "3" if small else "-1"
    known = {
        "AccountCode": account.name, "AccountReady": "true", "AccountType": "INDIVIDUAL",
        "ColumnPrio-C": "2", "ColumnPrio-S": "1", "Cushion": cushion(said),
        "Leverage-S": leverage(said), "LookAheadNextChange": str(next_change_s),
        "NLVAndMarginInReview": "false", "SegmentTitle-C": "US Commodities",
        "SegmentTitle-S": "US Securities", "TradingType-S": "STKNOPT", "WhatIfPMEnabled": "true",
    }  # fmt: skip
    if account.kind is not Kind.PORTFOLIO:
        known |= {key: days for key in KEYS if key.startswith("DayTradesRemaining")}
    return known


def cushion(said: Statement) -> str:
    """Return the excess liquidity as a share of the net liquidation value."""
    funds = said.funds
    return share(funds.excess / funds.net if funds.net > 0 else ZERO, 6)


def leverage(said: Statement) -> str:
    """Return the gross position value as a share of the net liquidation value."""
    funds = said.funds
    return f"{funds.marks.gross / funds.net if funds.net > 0 else ZERO:.2f}"


def _amounts(said: Statement) -> Mapping[str, tuple[Decimal, Decimal]]:
    """Return each amount of the whole account and its part in commodities.

    The broker keeps as much in the commodities segment as the futures there need.
    """
    funds = said.funds
    kept, kept_maintenance = funds.marks.futures_initial, funds.marks.futures_maintenance
    available, excess = (funds.available, ZERO), (funds.excess, kept - kept_maintenance)
    initial, maintenance = (funds.initial, kept), (funds.maintenance, kept_maintenance)
    reg_t = margin.REG_T * funds.marks.shares
    before = said.account.day_equity
    return {
        "AvailableFunds": available, "FullAvailableFunds": available,
        "LookAheadAvailableFunds": available,
        "ExcessLiquidity": excess, "FullExcessLiquidity": excess,
        "LookAheadExcessLiquidity": excess,
        "InitMarginReq": initial, "FullInitMarginReq": initial, "LookAheadInitMarginReq": initial,
        "MaintMarginReq": maintenance, "FullMaintMarginReq": maintenance,
        "LookAheadMaintMarginReq": maintenance,
        "BuyingPower": (funds.buying_power, ZERO),
        "EquityWithLoanValue": (funds.equity, kept),
        "NetLiquidation": (funds.net, kept),
        "TotalCashValue": (funds.cash + funds.marks.futures_result, kept),
        "GrossPositionValue": (funds.marks.gross, ZERO),
        "PreviousDayEquityWithLoanValue": (funds.equity if before is None else before, ZERO),
        "RegTEquity": (funds.equity - kept, ZERO), "RegTMargin": (reg_t, ZERO),
        "SMA": (max(funds.equity - kept - reg_t, ZERO), ZERO),
    }  # fmt: skip
