"""The last look before the socket: what holds with the order already among the working ones."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.unit.core.factories import (
    BUY,
    CLIENT,
    CON,
    SELL,
    a_book,
    a_foreign_execution,
    an_intent,
    executed,
    plan_order,
    record,
    work_order,
)
from tests.unit.core.policies import a_policy
from trader.core import events as ev
from trader.core.book import Book
from trader.core.ids import OrderId, PermId
from trader.core.intents import Side
from trader.core.policy import AccountType, ExposurePolicy
from trader.core.risk.standing import standing_refusal

POLICY = a_policy(position__quantity_max=Decimal(50), cash__reserve_min=Decimal(0))


def refusal(book: Book, order_id: int, **policy: Any) -> str | None:
    limits = a_policy(**{"position__quantity_max": Decimal(50), **policy}) if policy else POLICY
    order = book.orders[OrderId(order_id)]
    return standing_refusal(order.terms, order.remaining, book, limits)


def sold_by_hand(book: Book, quantity: int) -> None:
    row = a_foreign_execution(side=SELL, quantity=Decimal(quantity))
    record(book, ev.ExecutionSeen(row))


def test_an_order_that_was_fine_and_still_is_may_leave() -> None:
    book = a_book(held=10)
    plan_order(book, an_intent(1))
    assert refusal(book, 1) is None


@pytest.mark.parametrize(("quantity", "may"), [(50, True), (51, False)])
def test_the_position_it_could_make_is_judged_anew(quantity: int, may: bool) -> None:
    book = a_book()
    plan_order(book, an_intent(1, quantity=Decimal(quantity)))
    assert (refusal(book, 1) is None) is may


def test_orders_beside_it_and_fills_meanwhile_count() -> None:
    book = a_book()
    work_order(book, an_intent(1, quantity=Decimal(30)))
    plan_order(book, an_intent(2, quantity=Decimal(20)), 2)
    assert refusal(book, 2) is None
    record(book, ev.ExecutionSeen(a_foreign_execution(quantity=Decimal(1))))
    assert refusal(book, 2) == ("position is 1 by now and could become 51, allowed is at most 50")


def test_a_sale_of_what_was_sold_by_hand_meanwhile_stays() -> None:
    book = a_book(held=20)
    plan_order(book, an_intent(1, side=SELL, quantity=Decimal(20)))
    assert refusal(book, 1) is None
    sold_by_hand(book, 17)
    assert refusal(book, 1) == "position is 3 by now and could become -17, allowed is 0 or more"


@pytest.mark.parametrize(
    ("account_type", "may"), [(AccountType.REG_T, True), (AccountType.CASH, False)]
)
def test_a_short_position_needs_the_policy_and_an_account_that_carries_it(
    account_type: AccountType, may: bool
) -> None:
    book = a_book(held=5)
    plan_order(book, an_intent(1, side=SELL, quantity=Decimal(10)))
    limits = a_policy(position__is_short_allowed=True, exposure__account_type=account_type)
    terms = book.orders[OrderId(1)].terms
    assert (standing_refusal(terms, terms.quantity, book, limits) is None) is may
    assert isinstance(limits.exposure, ExposurePolicy)


def test_an_exit_beside_other_exits_must_not_cross_zero() -> None:
    book = a_book(held=10)
    work_order(book, an_intent(1, side=SELL, quantity=Decimal(6)))
    exit_intent = an_intent(2, side=SELL, quantity=Decimal(5), is_reduce_only=True)
    plan_order(book, exit_intent, 2)
    assert refusal(book, 2) == ("position is 10 by now, exits 11: the order would not only reduce")
    record(book, executed(1, quantity=5, side=SELL))
    record(book, ev.OrderErrorSeen(OrderId(1), 202, "gone", ev.Evidence.CONFIRMS_CANCEL))
    # What is left of it may have filled before the cancel (INC-024).
    assert refusal(book, 2) == ("position is 5 by now, exits 6: the order would not only reduce")
    record(book, ev.OrderSettled(OrderId(1), Decimal(5), "test"))
    assert refusal(book, 2) is None


def test_what_an_exit_has_filled_is_not_to_be_sold_again() -> None:
    book = a_book(held=10)
    work_order(book, an_intent(1, side=SELL, quantity=Decimal(10), is_reduce_only=True))
    record(book, executed(1, quantity=6, side=SELL))
    assert refusal(book, 1) is None
    sold_by_hand(book, 1)
    assert refusal(book, 1) == "position is 3 by now, exits 4: the order would not only reduce"


def test_an_exit_from_an_oversized_position_is_not_locked_in() -> None:
    book = a_book(held=500)
    plan_order(book, an_intent(1, side=SELL, quantity=Decimal(100)))
    assert refusal(book, 1) is None


def test_cash_that_went_elsewhere_meanwhile_is_missed() -> None:
    book = a_book(cash=2_100)
    plan_order(book, an_intent(1, side=BUY, quantity=Decimal(20), limit_price=Decimal(100)))
    assert refusal(book, 1) is None
    record(book, ev.CashAdjusted("USD", Decimal(2_100), Decimal(1_900), "fee"))
    assert str(refusal(book, 1)).startswith("cash could fall to -1")


def test_a_currency_without_cash_is_unknown_and_not_zero() -> None:
    book = a_book()
    plan_order(book, an_intent(1))
    book.cash.clear()
    assert refusal(book, 1) == "cash in USD is not known by now"
    assert book.position_of(CON) == 0


def with_foreign(book: Book, side: Side, quantity: int) -> None:
    order = ev.ForeignOrderSeen(PermId(5), CLIENT, CON, "AAA", side, Decimal(quantity), "LMT", "x")
    record(book, order)


def test_what_others_have_working_pushes_as_well() -> None:
    book = a_book()
    plan_order(book, an_intent(1, quantity=Decimal(45)))
    with_foreign(book, BUY, 5)
    assert refusal(book, 1) is None
    with_foreign(book, BUY, 6)
    assert refusal(book, 1) == "position is 0 by now and could become 51, allowed is at most 50"


def test_an_exit_leaves_others_theirs() -> None:
    book = a_book(held=10)
    plan_order(book, an_intent(1, side=SELL, quantity=Decimal(4), is_reduce_only=True))
    with_foreign(book, SELL, 6)
    assert refusal(book, 1) is None
    with_foreign(book, SELL, 7)
    assert refusal(book, 1) == "position is 10 by now, exits 11: the order would not only reduce"


def test_what_adds_is_no_exit_however_small_it_is_beside_what_is_held() -> None:
    book = a_book(held=40)
    plan_order(book, an_intent(1, quantity=Decimal(11)))
    assert refusal(book, 1) == "position is 40 by now and could become 51, allowed is at most 50"


def test_short_positions_are_bounded_and_closed_like_long_ones() -> None:
    book = a_book(held=-40)
    plan_order(book, an_intent(1, side=SELL, quantity=Decimal(11)))
    shorts: dict[str, Any] = {"position__is_short_allowed": True}
    assert refusal(book, 1, **shorts) == (
        "position is -40 by now and could become -51, allowed is at most 50"
    )
    plan_order(book, an_intent(2, quantity=Decimal(40), is_reduce_only=True), 2)
    assert refusal(book, 2) is None


def test_commissions_not_reported_yet_are_still_to_be_paid() -> None:
    """Two executions of the order are unreported: their minima and their units count."""
    book = a_book(cash=3_000)
    work_order(book, an_intent(1, quantity=Decimal(20)))
    record(book, executed(1, "e.01.01", 5))
    record(book, executed(1, "f.01.01", 5))
    # Paid 1000, 1000 to pay; 3 commissions of 1 and 20 units of 0.01.
    assert refusal(book, 1, cash__reserve_min=Decimal("996.80")) is None
    told = refusal(book, 1, cash__reserve_min=Decimal("996.81"))
    assert told == "cash could fall to 996.80 by now, allowed is 996.81 or more"


@pytest.mark.parametrize(
    ("told", "may"), [(None, True), (10, True), (12, True), (9, False), (0, False), (-10, False)]
)
@pytest.mark.parametrize("is_reduce_only", [True, False])
def test_where_the_broker_says_that_less_is_there_that_counts(
    told: int | None, may: bool, is_reduce_only: bool
) -> None:
    book = a_book(held=10)
    plan_order(book, an_intent(1, side=SELL, quantity=Decimal(10), is_reduce_only=is_reduce_only))
    terms = book.orders[OrderId(1)].terms
    held = None if told is None else Decimal(told)
    found = standing_refusal(terms, terms.quantity, book, POLICY, told_held=held)
    assert (found is None) is may, found
