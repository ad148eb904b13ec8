"""Rows of two runs as the tests of a comparison make them."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from trader.core.decisions import Row
from trader.core.parity.comparison import Comparison, Parity, merged
from trader.core.parity.spans import Overlap, Span, overlap
from trader.core.parity.verdict import Limits

S = 1_000_000
DAY_S = 86_400
NAMES = {"a": "shadow", "b": "daemon"}
# Judged by little, so that few rows make a verdict.
FEW = Limits(decisions_min=1, fills_min=0)


def _strategy(name: str) -> str:
    return name.partition("-")[0]


def intent(at_s: float, name: str = "alpha-1", **changes: Any) -> Row:
    row: Row = {
        "kind": "intent", "at_us": round(at_s * S), "intent_id": f"shadow-{name}",
        "strategy": _strategy(name), "symbol": "AAPL", "con_id": 1, "side": "BUY",
        "quantity": "10", "order_type": "MKT", "time_in_force": "DAY", "limit_price": "",
        "stop_price": "", "is_reduce_only": "false", "reason": "", "verdict": "approved",
        "code": "", "text": "",
    }  # fmt: skip
    return {**row, **changes}


def refused(at_s: float, name: str, code: str, text: str, **changes: Any) -> Row:
    return intent(at_s, name, verdict="refused", code=code, text=text, **changes)


def fill(at_s: float, name: str, quantity: str, price: str, **changes: Any) -> Row:
    row: Row = {
        "kind": "fill", "at_us": round(at_s * S), "intent_id": f"shadow-{name}",
        "strategy": _strategy(name), "symbol": "AAPL", "side": "BUY", "quantity": quantity,
        "price": price, "exec_id": f"{name}.{at_s:g}.01", "multiplier": "1", "currency": "USD",
    }  # fmt: skip
    return {**row, **changes}


def commission(at_s: float, of: Row, amount: str) -> Row:
    return {
        "kind": "commission", "at_us": round(at_s * S), "exec_id": of["exec_id"],
        "amount": amount, "currency": "USD",
    }  # fmt: skip


def cancel(at_s: float, name: str) -> Row:
    return {
        "kind": "cancel", "at_us": round(at_s * S), "intent_id": f"shadow-{name}",
        "strategy": _strategy(name), "symbol": "AAPL", "reason": "enough",
    }  # fmt: skip


def filled(at_s: float, name: str, price: str = "100", **changes: Any) -> tuple[Row, ...]:
    """Return a decision that fills whole a tenth of a second later, commission and all."""
    done = fill(at_s + 0.1, name, "10", price, **changes)
    return intent(at_s, name, **changes), done, commission(at_s + 0.2, done, "1")


def real(rows: Iterable[Row]) -> list[Row]:
    """Return rows as a journal has them: under its own lineage."""
    return [
        row | {"intent_id": str(row["intent_id"]).replace("shadow-", "abc123-", 1)}
        if "intent_id" in row
        else row
        for row in rows
    ]


def span(first_s: float, last_s: float, **changes: Any) -> Span:
    given: dict[str, Any] = {
        "mode": "paper", "account": "DU1", "strategies": ("alpha", "beta"), "is_shadow": True,
    }  # fmt: skip
    return Span(round(first_s * S), round(last_s * S), **{**given, **changes})


ALWAYS = (span(0, 30 * DAY_S),)
ALWAYS_B = (span(0, 30 * DAY_S, is_shadow=False),)


def compared(
    a: Iterable[Row],
    b: Iterable[Row],
    limits: Limits = FEW,
    spans: Overlap | None = None,
) -> Parity:
    """Hold rows against each other; the second ones are made a journal's."""
    found = overlap(ALWAYS, ALWAYS_B) if spans is None else spans
    comparison = Comparison(found, limits, NAMES)
    for party, row in merged(a, real(b)):
        comparison.put(party, row)
    return comparison.finish()


def D(text: str | int) -> Decimal:  # noqa: N802 - as elsewhere in the tests
    return Decimal(text)
