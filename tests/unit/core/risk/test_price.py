"""Prices against the quote: collar, slippage, spread and liquidity, and exits that get out."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.core.factories import (
    BUY,
    CON,
    LINEAGE,
    NOW_S,
    OTHER_CON,
    SELL,
    a_book,
    a_market_intent,
    a_quote,
    an_instrument,
    an_intent,
    baselined,
    given,
    plan_order,
    record,
)
from tests.unit.core.policies import a_policy
from tests.unit.core.risk.cases import EXIT, INTENT, asked_of, failures
from trader.core import events as ev
from trader.core.book import Book
from trader.core.intents import Intent, OrderType
from trader.core.market import QuoteFault, QuoteRule
from trader.core.risk import Approved, review
from trader.core.risk.price import CHECKS

D = Decimal
WIDE = a_quote(bid=D(90), ask=D(110))
NAMED = a_policy(price__illiquid_symbols=frozenset({"AAA"}))
MARKET_EXIT = replace(EXIT, order_type=OrderType.MARKET, limit_price=None)


def test_a_market_order_is_refused_when_half_the_spread_is_wider_than_the_collar() -> None:
    found = failures(a_market_intent(), given(a_book(), quote=WIDE))
    assert found[:2] == ["PRICE_COLLAR", "SLIPPAGE"]


@pytest.mark.parametrize(
    ("limit", "found"), [("102.5", []), ("102.51", ["PRICE_COLLAR", "SLIPPAGE"])]
)
def test_an_illiquid_instrument_has_a_narrower_collar(limit: str, found: list[str]) -> None:
    """CAP-19: half of 5 %."""
    intent = replace(INTENT, limit_price=D(limit))
    assert failures(intent, given(a_book(), policy=NAMED)) == found
    assert failures(intent, given(a_book())) == []


DOUBTED = a_quote(doubt=QuoteFault(QuoteRule.OUTSIDE_BAND, "from nowhere"))


def test_a_quote_in_doubt_takes_no_new_risk_and_lets_an_exit_out() -> None:
    """DAT-01: in a crash a price would never be believed in time."""
    assert "QUOTE_UNUSABLE" in failures(INTENT, given(a_book(), quote=DOUBTED))
    held = given(a_book(held=10), quote=DOUBTED)
    assert failures(MARKET_EXIT, held) == []
    outcome = review(MARKET_EXIT, held)
    said = {row.code: row.value for row in outcome.checks}
    assert said["QUOTE_UNUSABLE"] == "not believed yet: from nowhere"


def test_the_rule_that_holds_is_named_in_the_review() -> None:
    outcome = review(INTENT, given(a_book(), quote=a_quote(is_halted=True)))
    said = {row.code: row.value for row in outcome.checks}
    assert said["QUOTE_UNUSABLE"] == "halted: trading halted"


def test_an_illiquid_instrument_is_entered_with_a_limit_only() -> None:
    assert failures(a_market_intent(), given(a_book(), policy=NAMED)) == ["ILLIQUID"]
    stop = an_intent(order_type=OrderType.STOP, limit_price=None, stop_price=D(101))
    assert failures(stop, given(a_book(), policy=NAMED)) == ["ILLIQUID"]
    assert failures(INTENT, given(a_book(), policy=NAMED)) == []


def test_an_exit_leaves_an_illiquid_instrument_at_the_market() -> None:
    narrow = a_policy(
        price__illiquid_symbols=frozenset({"AAA"}),
        price__spread_fraction_max=D("0.001"),
        price__slippage_fraction_max=D("0.001"),
    )
    thin = given(a_book(held=10), policy=narrow, quote=a_quote(bid=D(97), ask=D(103)))
    assert failures(MARKET_EXIT, thin) == []
    assert "SPREAD" in failures(a_market_intent(), thin)


@pytest.mark.parametrize("price", [90, 110])
def test_an_exit_is_held_within_the_collar_all_the_same(price: int) -> None:
    found = failures(replace(EXIT, limit_price=D(price)), given(a_book(held=10), is_operator=True))
    assert "PRICE_COLLAR" in found


def test_slippage_is_measured_from_the_other_sides_best_price() -> None:
    quote = a_quote(bid=D(99), ask=D(101))
    narrow = a_policy(price__slippage_fraction_max=D("0.01"))
    buy = given(a_book(), policy=narrow, quote=quote)
    assert failures(replace(INTENT, limit_price=D(102)), buy) == []
    assert failures(replace(INTENT, limit_price=D("102.01")), buy) == ["SLIPPAGE"]
    shorts = a_policy(
        price__slippage_fraction_max=D("0.01"),
        position__is_short_allowed=True,
        exposure__is_enforced=False,
    )
    sell = given(a_book(), policy=shorts, quote=quote)
    assert failures(replace(INTENT, side=SELL, limit_price=D(98)), sell) == []
    assert failures(replace(INTENT, side=SELL, limit_price=D("97.99")), sell) == ["SLIPPAGE"]


def test_a_stop_is_judged_by_its_own_price() -> None:
    stop = an_intent(order_type=OrderType.STOP, limit_price=None, stop_price=D(105))
    assert failures(stop, given(a_book())) == []
    assert failures(replace(stop, stop_price=D("105.01")), given(a_book())) == ["PRICE_COLLAR"]


BID_ONLY, ASK_ONLY = a_quote(ask=None), a_quote(bid=None)


@pytest.mark.parametrize("exit_intent", [EXIT, MARKET_EXIT])
@pytest.mark.parametrize("is_operator", [False, True])
def test_an_exit_needs_the_side_that_it_meets_and_no_other(
    exit_intent: Intent, is_operator: bool
) -> None:
    there = given(a_book(held=10), quote=BID_ONLY, is_operator=is_operator)
    verdict = review(exit_intent, there)
    assert isinstance(verdict, Approved)
    told = {row.code: row for row in verdict.checks}
    assert told["QUOTE_UNUSABLE"].value == f"only the bid {BID_ONLY.bid}"
    # An entry needs both, and so does an exit from the other side.
    assert "QUOTE_UNUSABLE" in failures(INTENT, given(a_book(held=10), quote=ASK_ONLY))
    assert "QUOTE_UNUSABLE" in failures(exit_intent, given(a_book(held=10), quote=ASK_ONLY))
    cover = replace(MARKET_EXIT, side=BUY)
    assert failures(cover, given(a_book(held=-10), quote=ASK_ONLY)) == []
    assert "QUOTE_UNUSABLE" in failures(cover, given(a_book(held=-10), quote=BID_ONLY))


def test_an_exit_in_a_market_of_one_side_keeps_its_collar() -> None:
    there = given(a_book(held=10), quote=BID_ONLY)
    assert BID_ONLY.bid is not None
    deep = replace(EXIT, limit_price=BID_ONLY.bid * D("0.5"))
    assert failures(deep, there) == ["PRICE_COLLAR"]


def test_a_purchase_without_any_known_price_is_refused_and_a_sale_is_not() -> None:
    book = a_book(held=-10)
    book.positions[CON] = replace(book.positions[CON], average_price=D(0))
    cover = replace(MARKET_EXIT, side=BUY)
    there = given(book, quote=None, valuation=None, is_operator=True)
    assert failures(cover, there)[:1] == ["QUOTE_UNUSABLE"]
    book = a_book(held=10)
    book.positions[CON] = replace(book.positions[CON], average_price=D(0))
    there = given(book, quote=None, valuation=None, is_operator=True)
    assert isinstance(review(MARKET_EXIT, there), Approved)


def test_the_reserve_without_a_quote_is_above_the_brokers_mark_too() -> None:
    there = given(a_book(held=-10), quote=None, is_operator=True)
    assert there.valuation is not None
    marks = {CON: replace(there.valuation.marks[CON], unit_value=D(400))}
    there = replace(there, valuation=replace(there.valuation, marks=marks))
    verdict = review(replace(MARKET_EXIT, side=BUY), there)
    assert isinstance(verdict, Approved)
    assert verdict.reserve_per_unit == 500


@pytest.mark.parametrize(("most", "found"), [("0.02", []), ("0.0199", ["SLIPPAGE"])])
def test_a_market_order_gives_half_the_spread_away(most: str, found: list[str]) -> None:
    policy = a_policy(price__slippage_fraction_max=D(most))
    asked = given(a_book(), policy=policy, quote=a_quote(bid=D(98), ask=D(102)))
    assert failures(a_market_intent(90), asked) == found


def test_a_good_quote_is_called_usable_and_a_bad_one_by_its_fault() -> None:
    def told(quote: Any) -> str:
        rows = review(INTENT, given(a_book(), quote=quote)).checks
        return next(row.value for row in rows if row.code == "QUOTE_UNUSABLE")

    assert told(a_quote()) == "usable"
    assert told(None) not in ("", "usable")


def test_one_side_of_another_instruments_market_is_no_price() -> None:
    stray = a_quote(ask=None, con_id=OTHER_CON)
    assert "QUOTE_UNUSABLE" in failures(EXIT, given(a_book(held=10), quote=stray))


def test_an_operator_closes_without_a_quote_only_what_no_other_order_closes() -> None:
    book = a_book(held=10)
    plan_order(book, an_intent(1, side=SELL, quantity=D(5), is_reduce_only=True))
    asked = given(book, quote=None, is_operator=True)
    assert "QUOTE_UNUSABLE" in failures(EXIT, asked)
    assert "QUOTE_UNUSABLE" not in failures(replace(EXIT, quantity=D(5)), asked)


OLD = NOW_S - 10_000


@pytest.mark.parametrize(
    ("quote", "mark", "average", "highest"),
    [
        (a_quote(bid=D(30), ask=D(20), last=D(10), received_s=OLD), 50, 4, 30),
        (a_quote(bid=D(10), ask=D(30), last=D(20), received_s=OLD), 50, 4, 30),
        (a_quote(bid=D(10), ask=D(20), last=D(30), received_s=OLD), 50, 4, 30),
        (a_quote(bid=D(30), ask=None, last=None, con_id=OTHER_CON), 50, 4, 5),
        (None, 50, 4, 5),
        (None, 50, 7, 7),
        (a_quote(bid=D("NaN"), ask=D(-1), last=None), None, 7, 7),
    ],
)
def test_an_exit_without_a_quote_reserves_the_highest_price_that_anybody_knew(
    quote: Any, mark: int | None, average: int, highest: int
) -> None:
    """And some more: a price of the market's past, the mark of one unit, or what was paid."""
    book = Book()
    record(book, ev.JournalOpened(LINEAGE))
    holding = ev.Holding(CON, "AAA", D(-10), D(average), D(10))
    record(book, replace(baselined(), holdings=(holding,)))
    asked = given(book, quote=quote, is_operator=True, instrument=an_instrument(multiplier=D(10)))
    worth = asked.valuation
    assert worth is not None
    marks = {} if mark is None else {CON: replace(worth.marks[CON], unit_value=D(mark))}
    asked = replace(asked, valuation=replace(worth, marks=marks))
    verdict = review(replace(MARKET_EXIT, side=BUY), asked)
    assert isinstance(verdict, Approved)
    assert verdict.reserve_per_unit == highest * D("1.25") * 10


def test_each_check_is_asked_and_tells_its_own_code() -> None:
    assert asked_of(CHECKS) == ["QUOTE_UNUSABLE", "PRICE_COLLAR", "SLIPPAGE", "SPREAD", "ILLIQUID"]
