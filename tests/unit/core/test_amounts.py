"""A float from the wire becomes an exact number, or nothing."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.core.amounts import decimal_from, is_multiple


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "nan",
        "abc",
        float("nan"),
        float("inf"),
        float("-inf"),
        1.7976931348623157e308,
        "1.7976931348623157E308",
        2**63 - 1,
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        10**15,
        -(10**15),
    ],
)
def test_what_is_no_number_is_nothing(value: float | int | str | Decimal | None) -> None:
    """INC-019, INC-105: the broker has many ways to say that there is no value."""
    assert decimal_from(value) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.1, "0.1"), ("0.10", "0.1"), (-1, "-1"), (0, "0"), (Decimal("2.50"), "2.5"), (1e14, "1e14")],
)
def test_a_number_keeps_the_value_that_was_written(
    value: float | int | str | Decimal, expected: str
) -> None:
    assert decimal_from(value) == Decimal(expected)


@given(st.floats())
def test_a_float_becomes_a_finite_number_or_nothing(value: float) -> None:
    number = decimal_from(value)
    assert number is None or (number.is_finite() and abs(number) < 10**15)


@pytest.mark.parametrize("value", ["NaN", "sNaN", "Infinity", "-Infinity", "1e30", "9e999999"])
def test_what_cannot_be_divided_lies_on_no_grid(value: str) -> None:
    assert not is_multiple(Decimal(value), Decimal("0.01"))


def test_a_grid_without_a_step_is_a_mistake_of_ours() -> None:
    with pytest.raises(AssertionError):
        is_multiple(Decimal(1), Decimal(0))


def test_a_whole_float_becomes_a_whole_number_without_a_trailing_zero() -> None:
    assert str(decimal_from(50.0)) == "50"
    assert str(decimal_from(-3.0)) == "-3"
    assert str(decimal_from(50.5)) == "50.5"
