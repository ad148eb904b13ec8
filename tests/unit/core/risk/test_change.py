"""The review of a change: what is to be, beside everything but what is."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.core.factories import (
    CON,
    SELL,
    a_book,
    a_quote,
    an_instrument,
    an_intent,
    executed,
    given,
    record,
    work_order,
)
from tests.unit.core.policies import a_policy
from trader.core.book import Book
from trader.core.ids import OrderId
from trader.core.intents import OrderType
from trader.core.orders import Order
from trader.core.policy import WhatIf
from trader.core.risk import Approved, Downgraded, Refused, review
from trader.core.risk.change import (
    Revision,
    is_less,
    refusal_by_now,
    review_change,
    revised,
    wanted_terms,
)

D = Decimal


def working(book: Book | None = None, **changes: Any) -> tuple[Book, Order]:
    book = book or a_book()
    work_order(book, an_intent(**changes))
    return book, book.orders[OrderId(1)]


@pytest.mark.parametrize(
    ("revision", "less_of_a_buy", "less_of_a_sale"),
    [
        (Revision(quantity=D(9)), True, True),
        (Revision(quantity=D(11)), False, False),
        (Revision(limit_price=D(99)), True, False),
        (Revision(limit_price=D(101)), False, True),
        (Revision(quantity=D(9), limit_price=D(101)), False, True),
        (Revision(stop_price=D(90)), False, False),
    ],
)
def test_less_is_neither_larger_nor_bolder_nor_triggered_elsewhere(
    revision: Revision, less_of_a_buy: bool, less_of_a_sale: bool
) -> None:
    assert is_less(working()[1], revision) is less_of_a_buy
    assert is_less(working(a_book(held=20), side=SELL)[1], revision) is less_of_a_sale


def test_what_has_filled_is_not_reviewed_again_and_stays_in_the_whole() -> None:
    book, _ = working()
    record(book, executed(quantity=4))
    order = book.orders[OrderId(1)]
    revision = Revision(quantity=D(12))
    assert revised(order, revision).quantity == 8
    verdict = review_change(order, revision, given(book))
    assert isinstance(verdict, Approved)
    assert wanted_terms(order, verdict).quantity == 12


def test_the_reserve_is_that_of_the_new_price() -> None:
    book, order = working()
    verdict = review_change(
        order, Revision(limit_price=D("99.5")), given(book, instrument=an_instrument())
    )
    assert isinstance(verdict, Approved)
    assert wanted_terms(order, verdict).reserve_per_unit == D("99.5")


def test_the_order_as_it_is_does_not_work_beside_the_order_as_it_is_to_be() -> None:
    book, order = working()
    assert isinstance(review_change(order, Revision(quantity=D(11)), given(book)), Approved)
    assert book.workings.of(CON).buys == 10
    assert order.remaining == 10


def test_less_needs_no_quote_and_more_does() -> None:
    book, order = working()
    less = review_change(order, Revision(quantity=D(9)), given(book, quote=None))
    more = review_change(order, Revision(quantity=D(11)), given(book, quote=None))
    assert isinstance(less, Approved)
    assert isinstance(more, Refused)
    assert more.code == "QUOTE_UNUSABLE"


def test_less_must_still_be_an_order() -> None:
    book, order = working()
    verdict = review_change(order, Revision(quantity=D("9.5")), given(book))
    assert isinstance(verdict, Refused)
    assert verdict.code == "QUANTITY_OFF_INCREMENT"


def test_less_must_still_be_of_a_known_instrument() -> None:
    book, order = working()
    verdict = review_change(order, Revision(quantity=D(9)), given(book, instrument=None))
    assert isinstance(verdict, Refused)
    assert verdict.code == "INSTRUMENT_UNKNOWN"


def test_a_revision_names_nothing_by_itself() -> None:
    assert Revision() == Revision(None, None, None, reason="", request="")


def test_counts_of_orders_do_not_concern_a_change() -> None:
    book, order = working()
    verdict = review_change(order, Revision(quantity=D(11)), given(book))
    codes = {row.code for row in verdict.checks}
    assert {"MESSAGE_RATE", "CASH_RESERVE", "PRICE_COLLAR"} <= codes
    assert not {"ORDER_RATE", "DAILY_TRADES", "DUPLICATE_PATTERN", "CHURN"} & codes


STOP = {"order_type": OrderType.STOP, "limit_price": None, "stop_price": D(100)}
MARKET = {"order_type": OrderType.MARKET, "limit_price": None}


@pytest.mark.parametrize(
    ("changes", "revision", "less"),
    [
        ({}, Revision(quantity=D(10)), True),
        ({}, Revision(limit_price=D(100)), True),
        ({"side": SELL}, Revision(limit_price=D(100)), True),
        (STOP, Revision(quantity=D(9)), True),
        (STOP, Revision(quantity=D(9), stop_price=D(100)), True),
        (STOP, Revision(quantity=D(9), stop_price=D(99)), False),
        (MARKET, Revision(quantity=D(9), limit_price=D(99)), False),
    ],
)
def test_the_same_is_less_and_another_trigger_or_a_new_limit_is_not(
    changes: dict[str, Any], revision: Revision, less: bool
) -> None:
    assert is_less(working(a_book(held=20), **changes)[1], revision) is less


@pytest.mark.parametrize(("quantity", "found"), [(15, []), (16, ["POSITION_MAX"])])
def test_an_order_counts_once_beside_its_change(quantity: int, found: list[str]) -> None:
    """Not its old size and its new one: what it is to be stands in its place."""
    book, order = working()
    asked = given(book, policy=a_policy(position__quantity_max=D(15)))
    verdict = review_change(order, Revision(quantity=D(quantity)), asked)
    assert [row.code for row in verdict.checks if not row.passed] == found


def test_a_change_to_too_large_a_part_of_the_account_is_held_back() -> None:
    book, order = working()
    limits = {"exposure__concentration_hold": D("0.01")}
    more = Revision(quantity=D(11))
    held_back = review_change(order, more, given(book, policy=a_policy(**limits)))
    assert isinstance(held_back, Downgraded)
    assert held_back.code == "CONCENTRATION_HOLD"
    tight = a_policy(**limits, position__quantity_max=D(10))
    refused = review_change(order, more, given(book, policy=tight))
    assert isinstance(refused, Refused)
    assert refused.code == "POSITION_MAX"
    box = replace(tight.exposure.storm, box_max=D("0.01"))
    both = review_change(order, more, given(book, policy=a_policy(**limits, exposure__storm=box)))
    assert isinstance(both, Refused)
    assert both.code == "BOX_LIMIT"


@pytest.mark.parametrize(("stop", "expected"), [(None, D(100)), (D(99), D(99))])
def test_what_is_not_named_stays(stop: Decimal | None, expected: Decimal) -> None:
    _, order = working(a_book(held=20), side=SELL, **STOP)
    revision = Revision(quantity=D(9), stop_price=stop)
    assert revised(order, revision).stop_price == expected


@pytest.mark.parametrize(
    ("changes", "ask", "expected"),
    [
        ({"limit_price": D(100)}, 100, 1_000),
        (MARKET, 100, 1_050),
        (MARKET, 80, 1_000),
        (STOP, 100, 1_050),
    ],
)
def test_the_reserve_of_a_change_is_what_one_unit_may_cost_at_worst(
    changes: dict[str, Any], ask: int, expected: int
) -> None:
    """Multiplier included; of an order without a limit never less than it reserved before."""
    book = a_book(cash=10**6)
    work_order(book, an_intent(**changes))
    order = book.orders[OrderId(1)]
    order = replace(order, terms=replace(order.terms, reserve_per_unit=D(1_000)))
    asked = given(
        book,
        instrument=an_instrument(multiplier=D(10)),
        quote=a_quote(bid=D(ask), ask=D(ask)),
    )
    verdict = review_change(order, Revision(quantity=D(11)), asked)
    assert isinstance(verdict, Approved)
    assert verdict.reserve_per_unit == expected


@pytest.mark.parametrize(
    ("limits", "whole", "code"),
    [
        ({"order__quantity_max": D(20)}, 20, ""),
        ({"order__quantity_max": D(20)}, 21, "QUANTITY_MAX"),
        ({"order__notional_max": D(2_000)}, 20, ""),
        ({"order__notional_max": D(2_000)}, 21, "NOTIONAL_MAX"),
    ],
)
def test_an_order_is_as_large_as_it_is_with_what_has_filled(
    limits: dict[str, Any], whole: int, code: str
) -> None:
    """What had filled made room for more: change by change one order could grow without an end."""
    book, _ = working()
    record(book, executed(quantity=9))
    order, policy = book.orders[OrderId(1)], a_policy(**limits)
    verdict = review_change(order, Revision(quantity=D(whole)), given(book, policy=policy))
    assert (verdict.code if isinstance(verdict, Refused) else "") == code


def test_a_promise_that_still_holds_is_not_refused_by_now() -> None:
    book, order = working()
    assert refusal_by_now(order, an_intent(1), given(book)) is None


def test_a_promise_is_refused_by_what_has_come_since() -> None:
    """It stands beside everything else and not beside itself; the first that fails is told."""
    book, order = working()
    work_order(book, an_intent(2), order_id=2)
    for most, text in (
        (20, None),
        (19, "POSITION_MAX: held 0, then 20, allowed is at most 19 either way"),
    ):
        policy = a_policy(position__quantity_max=D(most))
        assert refusal_by_now(order, an_intent(1), given(book, policy=policy)) == text
    mute = refusal_by_now(order, an_intent(1), given(book, quote=None))
    assert mute is not None
    assert mute.startswith("QUOTE_UNUSABLE: ")


def test_what_a_promise_counts_by_itself_is_not_counted_again() -> None:
    """It is on every tape already, and the broker was asked about it before it was made."""
    book, order = working()
    full = a_policy(rate__orders_per_strategy_max=1, exposure__what_if=WhatIf.REQUIRED)
    asked = given(book, policy=full, is_what_if_asked=True)
    verdict = review(an_intent(2), asked)
    assert {"ORDER_RATE_STRATEGY", "WHAT_IF"} <= {
        row.code for row in verdict.checks if not row.passed
    }
    assert refusal_by_now(order, an_intent(1), asked) is None
