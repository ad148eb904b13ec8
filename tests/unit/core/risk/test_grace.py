"""A refusal says what settles and when, and nothing where nothing does."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.unit.core.factories import (
    BUY,
    SELL,
    a_book,
    a_status,
    an_intent,
    at,
    given,
    record,
    work_order,
)
from trader.core.book import Book
from trader.core.intents import Side
from trader.core.risk.case import Case
from trader.core.risk.grace import told

WORDS = "5 left; 10 of it belongs to order 1, which is over and settling: it is free in about 4 s"


def a_cancelled_buy() -> Book:
    book = a_book()
    work_order(book)
    record(book, a_status(status="Cancelled"), 1)
    return book


@pytest.mark.parametrize(
    ("passed", "side", "expected"),
    [
        (False, BUY, WORDS),
        (False, None, WORDS),
        (False, SELL, "5 left"),
        (True, BUY, "5 left"),
    ],
)
def test_what_settles_on_the_side_that_is_asked_about_is_told(
    passed: bool, side: Side | None, expected: str
) -> None:
    case = Case(an_intent(2), given(a_cancelled_buy(), now_utc=at(3.0)))
    assert told(case, "5 left", passed=passed, side=side) == expected


def test_what_works_is_not_said_to_settle() -> None:
    book = a_book()
    work_order(book)
    case = Case(an_intent(2, quantity=Decimal(5)), given(book))
    assert told(case, "5 left", passed=False, side=BUY) == "5 left"
