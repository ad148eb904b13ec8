"""No order may meet an own one on the other side; exits and stops are let through."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.unit.core.factories import (
    BUY,
    OTHER_CON,
    SELL,
    a_book,
    a_market_intent,
    a_status,
    an_intent,
    given,
    plan_order,
    record,
)
from tests.unit.core.policies import a_policy
from tests.unit.core.risk.cases import (
    EXIT,
    INTENT,
    READING,
    SALE,
    asked_of,
    failures,
    under,
    with_own_sale,
)
from trader.core import events as ev
from trader.core.book import Book
from trader.core.ids import OrderId
from trader.core.intents import OrderType
from trader.core.risk import review
from trader.core.risk.wash import CHECKS

D = Decimal


def with_own_purchase(price: int, held: int = 0) -> Book:
    book = a_book(held)
    plan_order(book, an_intent(1, side=BUY, limit_price=D(price)))
    return book


@pytest.mark.parametrize(("own", "found"), [(100, ["WASH_TRADE"]), (101, []), (99, ["WASH_TRADE"])])
def test_a_purchase_does_not_reach_an_own_sale(own: int, found: list[str]) -> None:
    assert failures(INTENT, given(with_own_sale(D(own)))) == found


@pytest.mark.parametrize(("own", "found"), [(100, ["WASH_TRADE"]), (99, []), (101, ["WASH_TRADE"])])
def test_a_sale_does_not_reach_an_own_purchase(own: int, found: list[str]) -> None:
    policy = a_policy(position__is_short_allowed=True)
    assert failures(SALE, given(with_own_purchase(own), policy=policy, account=READING)) == found


@pytest.mark.parametrize(("own", "found"), [("105", ["WASH_TRADE"]), ("105.01", [])])
def test_a_market_order_reaches_as_far_as_the_collar(own: str, found: list[str]) -> None:
    assert failures(a_market_intent(90), given(with_own_sale(D(own)))) == found


def test_an_own_market_order_meets_every_price() -> None:
    book = a_book()
    plan_order(book, a_market_intent(1, side=SELL))
    assert failures(replace(INTENT, limit_price=D(95)), given(book)) == ["WASH_TRADE"]


def test_a_cancel_on_its_way_makes_no_room_and_its_answer_does() -> None:
    book = with_own_sale(D(100))
    record(book, ev.OrderSent(OrderId(1)))
    record(book, ev.CancelSent(OrderId(1), "x"))
    assert failures(INTENT, given(book)) == ["WASH_TRADE"]
    record(book, a_status(status="Cancelled"))
    assert failures(INTENT, given(book)) == []


def test_stops_rest_unseen_and_other_instruments_are_others() -> None:
    book = a_book(held=10)
    stop = an_intent(1, side=SELL, order_type=OrderType.STOP, limit_price=None, stop_price=D(99))
    plan_order(book, stop)
    plan_order(book, an_intent(2, side=SELL, con_id=OTHER_CON), 2)
    assert failures(INTENT, given(book)) == []
    entry = an_intent(90, order_type=OrderType.STOP, limit_price=None, stop_price=D(101))
    assert failures(entry, given(with_own_sale(D(100)))) == []


def test_nothing_keeps_an_exit_in_and_a_policy_may_allow_it_all() -> None:
    assert failures(EXIT, given(with_own_purchase(100, held=10))) == []
    lax = a_policy(position__is_wash_prevented=False)
    assert failures(INTENT, given(with_own_sale(D(100)), policy=lax)) == []


@pytest.mark.parametrize(("price", "found"), [("95", ["WASH_TRADE"]), ("94.99", [])])
def test_a_market_sale_reaches_down_to_the_collar_and_says_what_it_meets(
    price: str, found: list[str]
) -> None:
    book = a_book(held=5)
    plan_order(book, an_intent(1, quantity=D(1), limit_price=D(price)))
    sale = a_market_intent(90, side=SELL)
    asked = under(book, position__is_short_allowed=True, exposure__is_enforced=False)
    assert [code for code in failures(sale, asked) if code == "WASH_TRADE"] == found
    row = next(row for row in review(sale, asked).checks if row.code == "WASH_TRADE")
    assert row.value == f"95.00 against an own purchase at {price}"


def test_each_check_is_asked_and_tells_its_own_code() -> None:
    assert asked_of(CHECKS) == ["WASH_TRADE"]
