"""The intent by itself: each way of being no number, the grid, and the allow-list of forms."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.core.factories import a_book, an_instrument, an_intent, given
from tests.unit.core.risk.cases import EXIT, INTENT, asked_of, failures
from trader.core.instruments import PriceBand
from trader.core.intents import OrderType, TimeInForce
from trader.core.policy import DEFAULT_FORMS
from trader.core.risk import Refused, review
from trader.core.risk.form import CHECKS, problem_of

D = Decimal


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (None, "MISSING"),
        ("", "MISSING"),
        (True, "BOOLEAN"),
        (False, "BOOLEAN"),
        ("10", "NOT_A_NUMBER"),
        (10, "NOT_A_NUMBER"),
        (10.0, "NOT_A_NUMBER"),
        (D("NaN"), "NOT_A_NUMBER"),
        (D("sNaN"), "NOT_A_NUMBER"),
        (D("Infinity"), "INFINITE"),
        (D("-Infinity"), "INFINITE"),
        (D(-1), "NEGATIVE"),
        (D("-0"), "ZERO"),
        (D(0), "ZERO"),
        (D("1e15"), "ABSURD"),
        (D("1e14"), None),
        (D("0.0001"), None),
    ],
)
def test_each_way_of_being_no_number_has_its_name(value: Any, problem: str | None) -> None:
    assert problem_of(value) == problem


@pytest.mark.parametrize(
    ("kind", "limit", "stop", "code"),
    [
        (OrderType.LIMIT, None, None, "PRICE_MISSING"),
        (OrderType.LIMIT, D(100), D(100), "PRICE_UNWANTED"),
        (OrderType.LIMIT, None, D(100), "PRICE_MISSING"),
        (OrderType.STOP, None, None, "PRICE_MISSING"),
        (OrderType.STOP, D(100), D(100), "PRICE_UNWANTED"),
        (OrderType.MARKET, D(100), None, "PRICE_UNWANTED"),
        (OrderType.MARKET, None, D(100), "PRICE_UNWANTED"),
    ],
)
def test_an_order_type_has_its_own_prices_and_no_other(
    kind: OrderType, limit: Decimal | None, stop: Decimal | None, code: str
) -> None:
    intent = an_intent(order_type=kind, limit_price=limit, stop_price=stop)
    verdict = review(intent, given(a_book()))
    assert isinstance(verdict, Refused)
    assert verdict.code == code


@pytest.mark.parametrize("sec_type", ["STK", "OPT", "FUT", "CRYPTO"])
@pytest.mark.parametrize("kind", list(OrderType))
@pytest.mark.parametrize("time", list(TimeInForce))
def test_only_the_forms_of_the_policy_pass(
    sec_type: str, kind: OrderType, time: TimeInForce
) -> None:
    """CAP-18."""
    limit = D(100) if kind is OrderType.LIMIT else None
    stop = D(100) if kind is OrderType.STOP else None
    intent = an_intent(order_type=kind, time_in_force=time, limit_price=limit, stop_price=stop)
    found = failures(intent, given(a_book(), instrument=an_instrument(sec_type=sec_type)))
    assert ("FORM_FORBIDDEN" not in found) is ((sec_type, kind, time) in DEFAULT_FORMS)


BANDS = (PriceBand(D(0), D("0.0001")), PriceBand(D(1), D("0.01")), PriceBand(D(100), D("0.05")))


@pytest.mark.parametrize(
    ("price", "is_on_grid"),
    [("100.05", True), ("100.01", False), ("99.99", True), ("99.995", False), ("100", True)],
)
def test_the_step_of_a_price_is_that_of_its_band(price: str, is_on_grid: bool) -> None:
    intent = replace(INTENT, limit_price=D(price))
    found = failures(intent, given(a_book(), instrument=an_instrument(bands=BANDS)))
    assert found == ([] if is_on_grid else ["PRICE_OFF_TICK"])


@pytest.mark.parametrize(("quantity", "found"), [("0.5", []), ("0.75", ["QUANTITY_OFF_INCREMENT"])])
def test_the_step_of_a_quantity_is_the_instruments(quantity: str, found: list[str]) -> None:
    instrument = an_instrument(size_increment=D("0.5"))
    assert (
        failures(replace(INTENT, quantity=D(quantity)), given(a_book(), instrument=instrument))
        == found
    )


def test_the_operator_closes_what_has_no_market_orders_at_the_market() -> None:
    """A policy that forbids market orders in options must not lock an option position in."""
    book = a_book(held=10)
    exit_intent = replace(EXIT, order_type=OrderType.MARKET, limit_price=None)
    option = an_instrument(sec_type="OPT")
    assert failures(exit_intent, given(book, instrument=option)) == ["FORM_FORBIDDEN"]
    assert failures(exit_intent, given(book, instrument=option, is_operator=True)) == []


def test_a_stop_order_needs_its_stop_and_no_limit_alone() -> None:
    stop = an_intent(order_type=OrderType.STOP, limit_price=D(100), stop_price=None)
    assert "PRICE_UNWANTED" in failures(stop, given(a_book()))


@pytest.mark.parametrize(("price", "found"), [("100", []), ("100.005", ["PRICE_OFF_TICK"])])
def test_a_stop_price_lies_on_the_grid_as_well(price: str, found: list[str]) -> None:
    stop = an_intent(order_type=OrderType.STOP, limit_price=None, stop_price=D(price))
    assert failures(stop, given(a_book())) == found


def test_each_check_is_asked_and_tells_its_own_code() -> None:
    assert asked_of(CHECKS) == [
        "SIDE_UNKNOWN",
        "FORM_FORBIDDEN",
        "QUANTITY_INVALID",
        "QUANTITY_OFF_INCREMENT",
        "PRICE_INVALID",
        "PRICE_OFF_TICK",
    ]


def test_a_form_is_told_as_it_was_asked_for_whatever_equals_it() -> None:
    # The text of an enum equals the enum: one that a strategy wrote as text is shown as text.
    texts = []
    for kind in (OrderType.LIMIT, "LMT", OrderType.LIMIT):
        verdict = review(an_intent(order_type=kind), given(a_book()))
        (row,) = [row for row in verdict.checks if row.code == "FORM_FORBIDDEN"]
        texts.append(row.value)
    assert texts == ["STK LMT DAY", "STK 'LMT' DAY", "STK LMT DAY"]
