"""No balance has a number of ours for a default: what the broker has not said is None (CAP-29).

The book's own cash may begin a currency at zero, for that is what it holds of one that nothing
ever moved; so ``cash.get(currency, ZERO)`` of the book is the one form that may stand.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# What money there is, by whichever name it goes.
BALANCES = frozenset(
    {
        "net_liquidation",
        "available_funds",
        "buying_power",
        "initial_margin",
        "maintenance_margin",
        "settled_cash",
        "unsettled_cash",
        "equity",
        "cash",
        "nav",
        "balance",
        "NetLiquidation",
        "AvailableFunds",
        "BuyingPower",
        "InitMarginReq",
        "MaintMarginReq",
        "SettledCash",
        "CashBalance",
    }
)
_NUMBERS = ("ZERO", "ONE")
# By file: what is one trip through the market and no balance.
_NO_BALANCE = {"trader/core/round_trips.py": "cash.get(con_id, ZERO)"}
_OF_THE_BOOK = ("self.cash", "book.cash", "self._ledger.book.cash")


def is_number(node: ast.expr | None) -> bool:
    """Tell whether an expression is a number that stands in the code."""
    match node:
        case ast.Constant(value=value):
            return isinstance(value, int | float) and not isinstance(value, bool)
        case ast.UnaryOp(operand=operand):
            return is_number(operand)
        case ast.Name(id=name):
            return name.lstrip("_") in _NUMBERS
        case ast.Call(func=ast.Name(id="Decimal"), args=[given]):
            return is_number(given) or isinstance(given, ast.Constant)
        case _:
            return False


def name_of(node: ast.AST | None) -> str:
    """Return the last part of a name, or of what a value is looked up in."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
            return name.lstrip("_")
        case ast.keyword(arg=str(name)):
            return name
        case ast.Call(func=ast.Attribute(attr="get", value=value)) | ast.Subscript(value=value):
            return name_of(value)
        case ast.Constant(value=str(name)):
            return name
        case _:
            return ""


def is_balance(node: ast.AST | None) -> bool:
    return name_of(node) in BALANCES


def _defaults(node: ast.arguments) -> Iterator[tuple[ast.arg, ast.expr | None]]:
    named = [*node.posonlyargs, *node.args]
    yield from zip(named[len(named) - len(node.defaults) :], node.defaults, strict=True)
    yield from zip(node.kwonlyargs, node.kw_defaults, strict=True)


def is_default(node: ast.AST) -> bool:
    """Tell whether a balance is given a number of ours here."""
    match node:
        case ast.Assign(targets=targets, value=value):
            return is_number(value) and any(map(is_balance, targets))
        case ast.AnnAssign(target=target, value=given):
            return is_number(given) and is_balance(target)
        case ast.keyword(value=value):
            return is_number(value) and is_balance(node)
        case ast.arguments():
            return any(is_number(value) and is_balance(arg) for arg, value in _defaults(node))
        case ast.BoolOp(op=ast.Or(), values=[*some, last]):
            return is_number(last) and any(map(is_balance, some))
        case ast.IfExp(body=body, orelse=other):
            return (is_number(body) and is_balance(other)) or (
                is_number(other) and is_balance(body)
            )
        case ast.Call(func=ast.Attribute(attr="get", value=value), args=[key, default]):
            is_ours = ast.unparse(value) in _OF_THE_BOOK
            return is_number(default) and not is_ours and (is_balance(value) or is_balance(key))
        case ast.Call(func=ast.Name(id="getattr"), args=[_, key, default]):
            return is_number(default) and is_balance(key)
        case _:
            return False


def defaults_in(source: str) -> list[str]:
    """Return every place of a text where a balance is given a number of ours."""
    return [ast.unparse(node) for node in ast.walk(ast.parse(source)) if is_default(node)]


def modules() -> list[str]:
    return sorted(
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "trader").rglob("*.py")
        if not path.is_relative_to(ROOT / "trader/sim")
    )


def test_no_balance_has_a_number_for_a_default() -> None:
    """CAP-29: neither a constant nor a zero where the broker has not said."""
    found = {
        path: places
        for path in modules()
        if (
            places := [
                place
                for place in defaults_in((ROOT / path).read_text("utf-8"))
                if place != _NO_BALANCE.get(path)
            ]
        )
    }
    assert found == {}


@pytest.mark.parametrize(
    "source",
    [
        "net_liquidation = 100_000",
        "self._cash = Decimal(0)",
        "class A:\n    equity: Decimal = ZERO",
        "def f(buying_power=0): ...",
        "def f(*, settled_cash=Decimal('0')): ...",
        "AccountReading(net_liquidation=Decimal(-1))",
        "told.available_funds or ZERO",
        "told.available_funds if told else 0",
        "0 if told.nav is None else told.nav",
        "told.settled_cash.get(currency, ZERO)",
        "values.get('NetLiquidation', 0.0)",
        "getattr(told, 'buying_power', 0)",
    ],
)
def test_each_way_to_give_one_is_seen(source: str) -> None:
    assert defaults_in(source)


@pytest.mark.parametrize(
    "source",
    [
        "net_liquidation = None",
        "cash = book.cash[currency]",
        "book.cash.get(currency, ZERO)",
        "told.available_funds or None",
        "policy.cash.worst_commission(quantity)",
        "AccountReading(net_liquidation=amounts.get('NetLiquidation'))",
    ],
)
def test_what_is_none_is_not_taken_for_one(source: str) -> None:
    assert defaults_in(source) == []
