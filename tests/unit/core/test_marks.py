"""A holding is valued by the best word there is within its budget, and otherwise by none."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.core.factories import CON, an_instrument
from trader.core.account import Holding
from trader.core.market import Quote
from trader.core.marks import Mark, MarkBudgets, Source, chosen, price_of

D = Decimal
NOW_S = 1_000.0
BUDGETS = MarkBudgets(quote_s=120.0, broker_s=400.0)
QUOTE = Quote(CON, bid=D(99), ask=D(101), last=D(98), received_s=NOW_S - 1, last_s=NOW_S - 2)
TOLD = Holding(CON, "AAA", "STK", "USD", D(10), D(970), since_s=NOW_S - 100, at_s=NOW_S - 100)


def mark(**changes: Any) -> Mark | str:
    given: dict[str, Any] = {
        "quote": QUOTE,
        "told": TOLD,
        "instrument": an_instrument(),
        "is_closed": False,
    } | changes
    positional = (given["quote"], given["told"], given["instrument"])
    return chosen(*positional, now_s=NOW_S, budgets=BUDGETS, is_closed=given["is_closed"])


def quoted_at(at_s: float | None) -> Quote:
    return replace(QUOTE, received_s=at_s)


@pytest.mark.parametrize("age_s", [0.0, 120.0])
def test_our_own_quote_counts_within_its_budget(age_s: float) -> None:
    assert mark(quote=quoted_at(NOW_S - age_s)) == Mark(
        D(100), "USD", "STK", Source.QUOTE, NOW_S - age_s
    )


@pytest.mark.parametrize("at_s", [NOW_S - 120.1, NOW_S + 1, float("nan"), None])
def test_a_quote_out_of_its_budget_gives_way_to_the_broker(at_s: float | None) -> None:
    assert mark(quote=quoted_at(at_s)) == Mark(D(97), "USD", "STK", Source.BROKER, NOW_S - 100)


def test_what_is_no_instrument_of_ours_is_valued_by_the_broker_alone() -> None:
    found = mark(instrument=None)
    assert isinstance(found, Mark)
    assert found.source is Source.BROKER


def test_the_multiplier_is_in_both_words() -> None:
    future = an_instrument(sec_type="FUT", multiplier=D(50))
    found = mark(instrument=future)
    assert isinstance(found, Mark)
    assert (found.unit_value, found.sec_type) == (D(5_000), "FUT")
    told = replace(TOLD, quantity=D(-2), value=D(-9_000), sec_type="FUT")
    found = mark(quote=None, told=told)
    assert isinstance(found, Mark)
    assert (found.unit_value, found.sec_type) == (D(4_500), "FUT")


@pytest.mark.parametrize("age_s", [121.0, 200_000.0])
def test_while_its_exchange_is_closed_the_last_price_counts_and_says_so(age_s: float) -> None:
    found = mark(quote=quoted_at(NOW_S - age_s), is_closed=True)
    assert found == Mark(D(100), "USD", "STK", Source.SESSION, NOW_S - age_s)


@pytest.mark.parametrize("at_s", [None, NOW_S + 1, float("nan")])
def test_a_price_of_no_known_age_is_no_sessions_last(at_s: float | None) -> None:
    found = mark(quote=quoted_at(at_s), is_closed=True)
    assert isinstance(found, Mark)
    assert found.source is Source.BROKER


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"instrument": None, "told": None}, "not a configured instrument; none of the broker's"),
        ({"quote": None, "told": None}, "no mark; none of the broker's"),
        (
            {"quote": quoted_at(NOW_S - 130), "told": replace(TOLD, at_s=NOW_S - 500)},
            "mark 130 s old, allowed 120 s; the broker's 500 s old, allowed 400 s",
        ),
        (
            {"quote": None, "told": replace(TOLD, at_s=NOW_S + 5)},
            "no mark; the broker's -5 s old, allowed 400 s",
        ),
        ({"quote": None, "told": replace(TOLD, quantity=D(0))}, "no mark; none of the broker's"),
    ],
)
def test_without_a_word_within_its_budget_nobody_knows(changes: dict[str, Any], words: str) -> None:
    assert mark(**changes) == words


@pytest.mark.parametrize("bid", [D("NaN"), D("Infinity"), D(-300)])
def test_a_price_that_cannot_be_counted_with_is_none(bid: Decimal) -> None:
    found = mark(quote=replace(QUOTE, bid=bid))
    assert isinstance(found, Mark)
    assert found.source is Source.BROKER


def test_without_two_sides_the_last_trade_is_the_price_with_its_own_age() -> None:
    assert price_of(replace(QUOTE, ask=None)) == (D(98), NOW_S - 2)
    assert price_of(QUOTE) == (D(100), NOW_S - 1)
    assert price_of(None) == (None, None)
