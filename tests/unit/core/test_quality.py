"""What no market explains is a fault of the feed; what is only missing or wide is none."""

from __future__ import annotations

from decimal import Decimal

import pytest

from trader.core.ids import ConId
from trader.core.market import Quote
from trader.core.quality import feed_fault

NOW_S = 100.0


def a_quote(bid: str | None, ask: str | None, received_s: float | None = 99.0) -> Quote:
    return Quote(
        ConId(1),
        bid=None if bid is None else Decimal(bid),
        ask=None if ask is None else Decimal(ask),
        received_s=received_s,
    )


@pytest.mark.parametrize(
    ("quote", "fault"),
    [
        (a_quote("100", "101"), None),
        (a_quote("100", "100"), None),
        (a_quote("1", "1000"), None),
        (a_quote(None, "101"), None),
        (a_quote(None, None, None), None),
        (a_quote("100", "101", 0.0), None),
        (a_quote("101", "100"), "crossed: bid 101 above ask 100"),
        (a_quote("NaN", "100"), "bid NaN is not a number"),
        (a_quote("100", "Infinity"), "ask Infinity is not a number"),
        (a_quote("0", "100"), "bid 0 is not above zero"),
        (a_quote("-1", None), "bid -1 is not above zero"),
        (a_quote("100", "101", 103.0), "from the future: 3.0 s ahead"),
        (a_quote("100", "101", float("nan")), "from the future: nan s ahead"),
    ],
)
def test_a_fault_is_named(quote: Quote, fault: str | None) -> None:
    assert feed_fault(quote, NOW_S) == fault
