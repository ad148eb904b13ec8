"""What a case works out once: numbers that can be counted with, and what an intent closes."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.core.factories import SELL, a_book, an_intent, given, plan_order
from tests.unit.core.risk.cases import EXIT, INTENT
from trader.core.events import Check
from trader.core.intents import OrderType
from trader.core.risk.case import Case, Unavailable, check, needed, plain, text_of

D = Decimal


def test_a_check_made_fast_is_the_check_made_slowly() -> None:
    made = check("CODE", "1", "2", passed=False)
    assert made == Check("CODE", "1", "2", passed=False)
    assert hash(made) == hash(Check("CODE", "1", "2", passed=False))
    assert repr(made) == repr(Check("CODE", "1", "2", passed=False))


@pytest.mark.parametrize("value", [None, "", "5", 5, 5.0, True, D(0), D(-5), D("NaN"), D("1e15")])
def test_what_cannot_be_counted_with_is_nothing(value: Any) -> None:
    assert plain(value) is None
    assert plain(D(5)) == 5


def test_what_must_be_known_and_is_not_is_unavailable() -> None:
    assert needed(0) == 0
    with pytest.raises(Unavailable):
        needed(None)


@pytest.mark.parametrize(
    ("held", "working", "quantity", "shrinks"),
    [(10, 0, 10, True), (10, 0, 11, False), (10, 4, 6, True), (10, 4, 7, False), (0, 0, 1, False)],
)
def test_an_intent_shrinks_what_working_exits_leave(
    held: int, working: int, quantity: int, shrinks: bool
) -> None:
    book = a_book(held)
    if working:
        plan_order(book, an_intent(1, side=SELL, quantity=D(working)))
    case = Case(replace(EXIT, quantity=D(quantity)), given(book))
    assert case.shrinks is shrinks
    assert case.room == held - working


def test_a_pure_exit_of_the_operator_is_freed_and_nothing_else() -> None:
    assert Case(EXIT, given(a_book(held=10), is_operator=True)).is_freed
    assert not Case(EXIT, given(a_book(held=10))).is_freed
    assert not Case(INTENT, given(a_book(held=10), is_operator=True)).is_freed


def test_words_are_told_as_they_are_written() -> None:
    assert text_of(OrderType.LIMIT) == "LMT"
    assert text_of(None) == "None"


def test_a_position_that_only_the_broker_has_leaves_no_room_and_breaks_nothing() -> None:
    case = Case(INTENT, given(a_book(), broker_position=D(5)))
    assert (case.room, case.shrinks) == (D(0), False)


def test_a_short_position_is_closed_as_far_as_book_and_broker_agree() -> None:
    cover = an_intent(90, quantity=D(4), is_reduce_only=True)
    for broker, room in ((-10, 10), (-4, 4), (4, 0)):
        case = Case(cover, given(a_book(held=-10), broker_position=D(broker)))
        assert (case.room, case.shrinks) == (D(room), room >= 4)


def test_an_operators_order_for_more_than_is_held_is_not_freed() -> None:
    more = replace(EXIT, quantity=D(11))
    assert not Case(more, given(a_book(held=10), is_operator=True)).is_freed
