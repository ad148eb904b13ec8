"""Price increments by band."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trader.sim.reference import rules


@pytest.mark.parametrize(
    ("rule", "price", "step"),
    [
        (rules.STOCK, "39.47", "0.01"),
        (rules.EQUITY_FUTURE, "5000", "0.25"),
        (rules.OPTION, "2.99", "0.01"),
        (rules.OPTION, "3", "0.05"),
        (rules.OPTION, "-3", "0.05"),
        (rules.OPTION, "0", "0.01"),
        (rules.EUROPE, "9.999", "0.001"),
        (rules.EUROPE, "50", "0.05"),
        (rules.PENCE, "500", "0.5"),
        (rules.CURRENCY, "1.10005", "0.00005"),
    ],
)
def test_the_increment_is_that_of_the_band(rule: int, price: str, step: str) -> None:
    assert rules.increment(rule, Decimal(price)) == Decimal(step)


def test_a_price_between_two_steps_does_not_conform() -> None:
    assert rules.conforms(rules.OPTION, Decimal("2.97"))
    assert rules.conforms(rules.OPTION, Decimal("3.05"))
    assert not rules.conforms(rules.OPTION, Decimal("3.07"))
    assert not rules.conforms(rules.CURRENCY, Decimal("1.10003"))


@pytest.mark.parametrize("text", ["1e30", "-1e400", "1e15"])
def test_an_astronomic_price_conforms_to_nothing(text: str) -> None:
    assert not rules.conforms(rules.STOCK, Decimal(text))
    assert not rules.is_multiple(Decimal(text), Decimal(1))


def test_an_unknown_rule_has_no_increments() -> None:
    assert rules.increments(3) is None
    assert rules.increments(rules.STOCK) == [(Decimal(0), Decimal("0.01"))]


@pytest.mark.parametrize("rule", rules.RULES)
def test_bands_ascend_from_zero_and_their_edges_conform(rule: int) -> None:
    bands = rules.RULES[rule]
    assert bands[0].low_edge == 0
    assert list(bands) == sorted(bands, key=lambda band: band.low_edge)
    assert rules.finest(rule) == bands[0].increment
    for band in bands[1:]:
        assert rules.conforms(rule, band.low_edge)


@settings(max_examples=200, derandomize=True)
@given(st.sampled_from(sorted(rules.RULES)), st.decimals(0, 10_000, places=5))
def test_a_conforming_price_is_a_multiple_of_the_finest_step(rule: int, price: Decimal) -> None:
    step = rules.increment(rule, price)
    rounded = price // step * step
    assert rounded % rules.finest(rule) == 0
    assert rules.conforms(rule, price) == (rounded == price)
