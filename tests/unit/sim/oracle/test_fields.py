"""A field is what it should be, or the error names field, value and what is allowed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from trader.sim.oracle.fields import Fields
from trader.sim.oracle.records import InputError


def row(**values: Any) -> Fields:
    return Fields("row", values)


def test_good_values_come_back() -> None:
    one = row(t="x", n=3, b=True, zero=0, d="1.50", p=None, at="2024-03-05T14:30:00.000001+00:00")
    assert (one.text("t"), one.whole("n"), one.flag("b"), one.flag("zero")) == ("x", 3, True, False)
    assert str(one.decimal("d")) == "1.50"
    assert one.price("p") is None
    assert one.price("d") == Decimal("1.50")
    assert one.moment_us("at") == 1_709_649_000_000_001
    assert one.choice("t", ("x", "y")) == "x"
    assert one.has("t")
    assert not one.has("p")
    assert not one.has("absent")


@pytest.mark.parametrize(
    ("method", "value"),
    [
        ("text", 3), ("whole", "3"), ("whole", 3.0), ("whole", True), ("flag", 2), ("flag", "no"),
        ("decimal", 1.5), ("decimal", "NaN"), ("decimal", "Infinity"), ("decimal", "1,5"),
        ("decimal", None), ("price", "x"), ("moment_us", "yesterday"), ("moment_us", 5),
        ("moment_us", "2024-03-05T14:30:00"), ("rows", {}), ("amounts", []),
        ("amounts", {"USD": 1.5}),
    ],
)  # fmt: skip
def test_a_bad_value_is_named_with_its_field_and_what_is_allowed(method: str, value: Any) -> None:
    with pytest.raises(InputError) as caught:
        getattr(row(field=value), method)("field")
    assert str(caught.value).startswith("row.field")
    assert "; allowed: " in str(caught.value)


@pytest.mark.parametrize("method", ["text", "whole", "flag", "decimal", "moment_us", "rows"])
def test_a_missing_field_is_named(method: str) -> None:
    with pytest.raises(InputError, match=r"row\.field is missing; allowed: "):
        getattr(row(), method)("field")


def test_a_word_that_is_not_allowed_is_answered_with_those_that_are() -> None:
    with pytest.raises(InputError, match=r"row\.side is 'HOLD'; allowed: BUY, SELL"):
        row(side="HOLD").choice("side", ("BUY", "SELL"))


def test_rows_are_named_by_their_place() -> None:
    first, second = row(orders=[{"n": 1}, {}]).rows("orders")
    assert first.whole("n") == 1
    with pytest.raises(InputError, match=r"row\.orders\[1\]\.n is missing"):
        second.whole("n")
    with pytest.raises(InputError, match=r"row\.orders\[0\] is 5; allowed: an object"):
        row(orders=[5]).rows("orders")


def test_a_long_value_is_cut() -> None:
    with pytest.raises(InputError) as caught:
        row(field="9" * 5000 + "x").decimal("field")
    assert len(str(caught.value)) < 200
