"""A value made or copied fast is the one made slowly, and as frozen."""

from __future__ import annotations

import copy
import dataclasses
from dataclasses import dataclass, field
from decimal import Decimal

import pytest

from tests.unit.core.factories import a_book, plan_order
from trader.core.events import Check
from trader.core.frozen import maker, replace
from trader.core.orders import Order, OrderState
from trader.core.pacing import full
from trader.core.working import Totals, Working

D = Decimal


@dataclass(frozen=True, slots=True)
class Outlying:
    number: int
    others: dict[str, int] = field(default_factory=dict)


BOOK = a_book()
ORDER = BOOK.orders[plan_order(BOOK)]


def test_a_value_is_the_one_that_its_class_makes() -> None:
    given = (ORDER.order_id, ORDER.client_id, ORDER.order_ref)
    slow = Order(*given, terms=ORDER.terms, planned_utc=ORDER.planned_utc)
    fast = maker(Order)(*given, terms=ORDER.terms, planned_utc=ORDER.planned_utc)
    assert type(fast) is Order
    assert fast == slow
    assert repr(fast) == repr(slow)
    assert hash(fast) == hash(slow)
    with pytest.raises(dataclasses.FrozenInstanceError):
        fast.note = "y"  # type: ignore[misc]


def test_defaults_are_made_anew_for_each_value() -> None:
    one, other = maker(Outlying)(1), maker(Outlying)(1)
    assert one == Outlying(1)
    assert one.others is not other.others


def test_a_value_that_lacks_a_field_is_not_made() -> None:
    with pytest.raises(TypeError, match="limit"):
        maker(Check)("CODE", "1", passed=True)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("value", "changes"),
    [
        (ORDER, {}),
        (ORDER, {"state": OrderState.SENT, "note": "x"}),
        (ORDER.terms, {"quantity": D(3)}),
        (Working("USD"), {"buys": D(1), "bids": (D(5),)}),
        (Totals(), {"order_count": 2}),
        (full(10, 20, 0.0), {"tokens": 1.0}),
    ],
)
def test_a_copy_is_the_one_that_dataclasses_make(value: object, changes: dict[str, object]) -> None:
    slow = dataclasses.replace(value, **changes)  # type: ignore[type-var]
    fast = replace(value, **changes)  # type: ignore[type-var]
    assert type(fast) is type(value)
    assert fast == slow
    assert repr(fast) == repr(slow)
    assert hash(fast) == hash(slow)
    assert copy.copy(fast) == slow


def test_a_copy_is_frozen_and_its_original_is_as_it_was() -> None:
    before = dataclasses.replace(ORDER)
    other = replace(ORDER, note="x")
    with pytest.raises(dataclasses.FrozenInstanceError):
        other.note = "y"  # type: ignore[misc]
    assert before == ORDER
    assert other.note == "x"


def test_a_field_that_is_not_there_cannot_be_changed() -> None:
    with pytest.raises(AttributeError, match="quantities"):
        replace(ORDER.terms, quantities=D(1))  # type: ignore[call-arg]


def test_a_class_that_looks_at_its_own_fields_is_not_copied_past_that() -> None:
    @dataclass(frozen=True, slots=True)
    class Checked:
        low: int
        high: int

        def __post_init__(self) -> None:
            assert self.low <= self.high

    with pytest.raises(AssertionError, match="looks at its own fields"):
        replace(Checked(1, 2), low=3)
