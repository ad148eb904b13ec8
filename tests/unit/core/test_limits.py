"""A policy that contradicts itself is named before it is loaded."""

from __future__ import annotations

from dataclasses import fields
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.core.factories import limits
from trader.core.limits import RiskLimits, contradictions

ABOVE_ZERO = [
    "order_quantity_max",
    "order_notional_max",
    "position_quantity_max",
    "position_notional_max",
    "collar_fraction_max",
    "quote_age_s_max",
    "orders_per_window_max",
    "order_window_s",
    "orders_per_day_max",
]
ZERO_OR_MORE = ["cash_reserve_min", "commission_per_unit_max", "commission_per_order_min"]


def test_a_sound_policy_has_no_contradiction() -> None:
    assert contradictions(limits()) == ()


@pytest.mark.parametrize("name", ABOVE_ZERO)
@pytest.mark.parametrize("value", [0, -1])
def test_a_limit_that_must_be_above_zero_is_named(name: str, value: int) -> None:
    number: Any = value if name.startswith(("orders", "quote", "order_w")) else Decimal(value)
    found = contradictions(limits(**{name: number}))
    assert any(line.startswith(f"{name} is {value}") for line in found), found


@pytest.mark.parametrize("name", ZERO_OR_MORE)
def test_a_limit_below_zero_is_named(name: str) -> None:
    assert contradictions(limits(**{name: Decimal(0)})) == ()
    (line,) = contradictions(limits(**{name: Decimal(-1)}))
    assert line.startswith(f"{name} is -1")


@pytest.mark.parametrize("name", [field.name for field in fields(RiskLimits)][:-1])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), Decimal("NaN"), Decimal("Infinity")])
def test_a_limit_that_limits_nothing_is_named(name: str, value: Any) -> None:
    (line,) = contradictions(limits(**{name: value}))
    assert line.startswith(f"{name} is ")


@pytest.mark.parametrize("kind", ["quantity", "notional"])
def test_an_order_larger_than_any_position_is_named(kind: str) -> None:
    changes = {f"order_{kind}_max": Decimal(500), f"position_{kind}_max": Decimal(499)}
    (line,) = contradictions(limits(**changes))
    assert line.startswith(f"order_{kind}_max 500 is above position_{kind}_max 499")


def test_a_collar_that_is_no_fraction_is_named() -> None:
    (line,) = contradictions(limits(collar_fraction_max=Decimal(1)))
    assert line.startswith("collar_fraction_max is 1")


@pytest.mark.parametrize(("quantity", "expected"), [(10, "1"), (100, "1"), (101, "1.01")])
def test_the_worst_commission_is_the_larger_of_minimum_and_rate(
    quantity: int, expected: str
) -> None:
    assert limits().worst_commission(Decimal(quantity)) == Decimal(expected)
