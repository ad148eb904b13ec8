"""Losses are measured against the day's start and the highest value, whatever flows in or out."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.core.baselines import (
    RETURNS_KEPT,
    Baseline,
    change_of_day,
    drawdown,
    flowed,
    marked,
    opening,
)

MONDAY, TUESDAY = "2026-03-02", "2026-03-03"


def opened(value: int = 1000) -> Baseline:
    return marked(None, MONDAY, Decimal(value))


def test_the_first_value_of_a_day_is_what_it_is_measured_against() -> None:
    baseline = marked(opened(), MONDAY, Decimal(980))
    assert change_of_day(baseline) == Decimal("-0.02")
    assert change_of_day(baseline, Decimal(1010)) == Decimal("0.01")
    assert drawdown(baseline) == Decimal("0.02")


def test_a_restart_on_the_same_day_keeps_the_days_start() -> None:
    lost = marked(opened(), MONDAY, Decimal(800))
    assert change_of_day(marked(lost, MONDAY, Decimal(800))) == Decimal("-0.2")


def test_the_next_day_is_measured_afresh_and_the_highest_value_stays() -> None:
    tuesday = marked(marked(opened(), MONDAY, Decimal(900)), TUESDAY, Decimal(900))
    assert change_of_day(tuesday) == 0
    assert drawdown(tuesday) == Decimal("0.1")
    assert tuesday.returns == (Decimal("-0.1"),)


def test_a_day_that_steps_back_does_not_open_anything() -> None:
    tuesday = marked(opened(), TUESDAY, Decimal(900))
    again = marked(tuesday, MONDAY, Decimal(500))
    assert (again.day, again.opened, again.last) == (TUESDAY, Decimal(900), Decimal(500))


@pytest.mark.parametrize("amount", [-400, 0, 250])
def test_a_flow_is_neither_gain_nor_loss(amount: int) -> None:
    baseline = marked(opened(), MONDAY, Decimal(950))
    after = flowed(baseline, Decimal(amount))
    assert after.last == 950 + amount
    assert change_of_day(after) == Decimal("-0.05")
    assert after.high - after.last == 50


def test_a_withdrawal_does_not_look_like_a_fall() -> None:
    after = marked(flowed(opened(), Decimal(-500)), MONDAY, Decimal(500))
    assert drawdown(after) == 0
    assert change_of_day(after) == 0


@pytest.mark.parametrize("amount", [None, Decimal("NaN")])
def test_a_flow_of_unknown_value_leaves_nothing_to_measure_until_the_next_day(
    amount: Decimal | None,
) -> None:
    doubtful = flowed(opened(), amount)
    assert change_of_day(doubtful) is None
    assert drawdown(doubtful) is None
    tuesday = marked(doubtful, TUESDAY, Decimal(1500))
    assert change_of_day(tuesday, Decimal(1485)) == Decimal("-0.01")
    assert tuesday.returns == ()


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e300"])
def test_a_value_that_is_none_measures_nothing(value: str) -> None:
    assert change_of_day(opened(), Decimal(value)) is None
    assert drawdown(opened(), Decimal(value)) is None
    with pytest.raises(AssertionError):
        marked(opened(), MONDAY, Decimal(value))


@pytest.mark.parametrize("value", [0, -10])
def test_an_account_worth_nothing_has_no_fraction(value: int) -> None:
    assert change_of_day(opened(value)) is None
    assert drawdown(opened(value)) is None


def test_returns_are_those_of_the_last_year() -> None:
    baseline = opened()
    for number in range(RETURNS_KEPT + 40):
        baseline = marked(baseline, f"2027-{number:04}", Decimal(1000 + number))
    assert len(baseline.returns) == RETURNS_KEPT


VALUES = st.decimals(1, 10**6, places=2)


@given(VALUES, st.lists(VALUES, max_size=8), st.lists(VALUES, max_size=8))
def test_the_fall_is_that_from_the_highest_value_seen(
    first: Decimal, monday: list[Decimal], tuesday: list[Decimal]
) -> None:
    baseline = marked(None, MONDAY, first)
    for value in monday:
        baseline = marked(baseline, MONDAY, value)
    for value in tuesday:
        baseline = marked(baseline, TUESDAY, value)
    seen = [first, *monday, *tuesday]
    assert drawdown(baseline) == (max(seen) - seen[-1]) / max(seen)
    start = tuesday[0] if tuesday else first
    assert change_of_day(baseline) == (seen[-1] - start) / start


@given(VALUES, VALUES, st.decimals(-1000, 1000, places=2))
def test_a_flow_never_changes_what_was_lost(
    first: Decimal, value: Decimal, amount: Decimal
) -> None:
    before = marked(marked(None, MONDAY, first), MONDAY, value)
    after = flowed(before, amount)
    assert change_of_day(after) == change_of_day(before)


def test_losses_of_a_day_count_from_its_first_value_with_the_flows_in_it() -> None:
    baseline = flowed(marked(opened(1000), MONDAY, Decimal(900)), Decimal(250))
    assert opening(baseline, MONDAY) == 1250
    assert opening(flowed(baseline, Decimal(-50)), MONDAY) == 1200


@pytest.mark.parametrize(
    "baseline", [None, marked(None, TUESDAY, Decimal(1000)), flowed(opened(), None)]
)
def test_where_the_days_first_value_is_not_known_nothing_is_counted_from(
    baseline: Baseline | None,
) -> None:
    assert opening(baseline, MONDAY) is None
