"""Account summaries: the tags a client may ask for (message 62), and their rows (message 63)."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from trader.sim.broker.money.account_values import LEDGER_KEYS, Row, leverage, rows
from trader.sim.broker.money.money import money
from trader.sim.broker.money.statement import BASE, Statement
from trader.sim.model.orders import ZERO

LEDGER_TAG = "$LEDGER"
# Tags that are account values of another name.
_RENAMED = {
    "PreviousEquityWithLoanValue": "PreviousDayEquityWithLoanValue", "ReqTEquity": "RegTEquity",
    "ReqTMargin": "RegTMargin",
}  # fmt: skip
_PLAIN = (
    "AccountType", "NetLiquidation", "TotalCashValue", "AccruedCash", "BuyingPower",
    "EquityWithLoanValue", "PreviousDayEquityWithLoanValue", "GrossPositionValue", "RegTEquity",
    "RegTMargin", "SMA", "InitMarginReq", "MaintMarginReq", "AvailableFunds", "ExcessLiquidity",
    "Cushion", "FullInitMarginReq", "FullMaintMarginReq", "FullAvailableFunds",
    "FullExcessLiquidity", "LookAheadNextChange", "LookAheadInitMarginReq",
    "LookAheadMaintMarginReq", "LookAheadAvailableFunds", "LookAheadExcessLiquidity",
    "DayTradesRemaining", "DayTradesRemainingT+1", "DayTradesRemainingT+2",
    "DayTradesRemainingT+3", "DayTradesRemainingT+4", "AccruedDividend",
)  # fmt: skip
_MADE = ("SettledCash", "HighestSeverity", "Leverage")
TAGS = frozenset((*_PLAIN, *_RENAMED, *_MADE))


def unsupported(tags: Iterable[str]) -> list[str]:
    """Return the tags that no account has."""
    return [tag for tag in tags if tag not in TAGS and not _is_ledger(tag)]


def _is_ledger(tag: str) -> bool:
    head, _, currency = tag.partition(":")
    return head == LEDGER_TAG and (not currency or currency.isalpha())


def summary_rows(said: Statement, tags: Iterable[str], next_change_s: int = 0) -> list[Row]:
    """Return the rows of the tags, in the order of their names, the ledger's last."""
    wanted = sorted(set(tags))
    values = _values(said, next_change_s)
    found = [
        (tag, *values[_RENAMED.get(tag, tag)]) for tag in wanted if _RENAMED.get(tag, tag) in values
    ]
    currencies = _currencies(said, wanted)
    if not currencies:
        return found
    listed = rows(said)
    for currency in currencies:
        found += [row for row in listed if row[0] in LEDGER_KEYS and row[2] == currency]
    return found


def _values(said: Statement, next_change_s: int) -> Mapping[str, tuple[str, str]]:
    base = said.account.base
    known = {
        key: (value, currency)
        for key, value, currency in rows(said, next_change_s)
        if key in _PLAIN and currency in ("", base)
    }
    settled = sum((said.account.settled(one.currency) * one.rate for one in said.ledgers), ZERO)
    known["SettledCash"] = (money(Decimal(settled)), base)
    known["HighestSeverity"] = ("0", "")
    known["Leverage"] = (leverage(said), "")
    return known


def _currencies(said: Statement, tags: Iterable[str]) -> list[str]:
    """Return whose ledgers are asked for; `$LEDGER` alone means the base's sum."""
    every = [BASE, *(one.currency for one in said.ledgers)]
    asked = {tag.partition(":")[2] or BASE for tag in tags if _is_ledger(tag)}
    return every if "ALL" in asked else [currency for currency in every if currency in asked]
