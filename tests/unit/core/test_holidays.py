"""Rules of holidays: each weekday of the year, each way to move from a weekend, Easter.

Goal: no rule gives a day on which nobody trades anyway, and none moves the wrong way. Method: days
known by hand, and properties over all years. Seeds are hypothesis' own.
"""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.core.holidays import (
    BY_TWO_DAYS,
    FALLS_AWAY,
    FRIDAY,
    FROM_SUNDAY,
    MONDAY,
    NEAREST,
    SATURDAY,
    THURSDAY,
    TO_FRIDAY,
    TO_MONDAY,
    Easter,
    Fixed,
    Holiday,
    Nth,
    Once,
    Roll,
    days_of,
    easter,
    nth,
)

YEARS = st.integers(1900, 2200)
# The 25th of December was a Friday, a Saturday, a Sunday and a Monday.
FRIDAY_YEAR, SATURDAY_YEAR, SUNDAY_YEAR, MONDAY_YEAR = 2020, 2021, 2022, 2023


def kept(roll: Roll, year: int) -> int | None:
    """Return the day of December on which a Christmas Day is kept."""
    found = Holiday("Christmas Day", Fixed(12, 25, roll)).in_year(year)
    return None if found is None else found.day


@pytest.mark.parametrize(
    ("roll", "saturday", "sunday"),
    [
        (FALLS_AWAY, None, None),
        (NEAREST, 24, 26),
        (FROM_SUNDAY, None, 26),
        (TO_MONDAY, 27, 26),
        (BY_TWO_DAYS, 27, 27),
        (TO_FRIDAY, 24, 23),
    ],
)
def test_from_a_weekend_each_way_moves_to_its_own_day(
    roll: Roll, saturday: int | None, sunday: int | None
) -> None:
    assert (kept(roll, FRIDAY_YEAR), kept(roll, MONDAY_YEAR)) == (25, 25)
    assert (kept(roll, SATURDAY_YEAR), kept(roll, SUNDAY_YEAR)) == (saturday, sunday)


def test_a_half_day_may_be_one_on_some_weekdays_only() -> None:
    eve = Holiday("eve", Fixed(12, 24, weekdays=range(MONDAY, FRIDAY)))
    found = [eve.in_year(year) for year in range(2018, 2025)]
    # In 2021 the eve was a Friday, and the day off; in 2022 and 2023 it was on a weekend.
    assert [None if day is None else day.year for day in found] == [
        2018, 2019, 2020, None, None, None, 2024,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("year", "month", "weekday", "number", "day"),
    [
        (2026, 1, MONDAY, 3, 19),
        (2026, 5, MONDAY, -1, 25),
        (2027, 5, MONDAY, -1, 31),
        (2026, 11, THURSDAY, 4, 26),
        (2027, 12, FRIDAY, -1, 31),
        (2024, 2, THURSDAY, -1, 29),
        (2024, 2, THURSDAY, -2, 22),
    ],
)
def test_the_weekday_of_a_month_is_counted_from_both_ends(
    year: int, month: int, weekday: int, number: int, day: int
) -> None:
    assert nth(year, month, weekday, number) == date(year, month, day)


@given(YEARS, st.integers(1, 12), st.integers(0, 6), st.integers(1, 4))
def test_counted_from_either_end_it_is_that_weekday_in_that_week(
    year: int, month: int, weekday: int, number: int
) -> None:
    first, last = nth(year, month, weekday, number), nth(year, month, weekday, -number)
    assert {first.weekday(), last.weekday()} == {weekday}
    assert {first.month, last.month} == {month}
    assert (first.day - 1) // 7 == number - 1
    assert ((last + timedelta(days=7 * number)).month == month) is False
    assert (last + timedelta(days=7 * (number - 1))).month == month


@pytest.mark.parametrize(
    "day", [date(2014, 4, 20), date(2019, 4, 21), date(2024, 3, 31), date(2027, 3, 28)]
)
def test_easter_is_on_its_sunday(day: date) -> None:
    assert easter(day.year) == day
    assert Holiday("Good Friday", Easter(-2)).in_year(day.year) == day - timedelta(days=2)


@given(YEARS)
def test_easter_is_a_sunday_between_its_bounds(year: int) -> None:
    assert easter(year).weekday() == 6
    assert date(year, 3, 22) <= easter(year) <= date(year, 4, 25)


def test_years_and_exceptions_bound_a_rule() -> None:
    rule = Holiday("May Day", Nth(5, MONDAY, 1), range(2019, 2023), but=(2020,))
    assert [year for year in range(2015, 2030) if rule.in_year(year)] == [2019, 2021, 2022]
    once = Holiday("a coronation", Once(date(2023, 5, 8)))
    assert [year for year in range(2015, 2030) if once.in_year(year)] == [2023]


WHENS = st.one_of(
    st.builds(
        Fixed,
        st.integers(1, 12),
        st.integers(1, 28),
        st.sampled_from([FALLS_AWAY, NEAREST, FROM_SUNDAY, TO_MONDAY, BY_TWO_DAYS, TO_FRIDAY]),
    ),
    st.builds(Nth, st.integers(1, 12), st.integers(0, 6), st.sampled_from([-1, 1, 2, 3, 4])),
    st.builds(Easter, st.integers(-60, 60)),
    st.builds(Once, st.dates()),
)


@given(WHENS, YEARS)
def test_no_rule_gives_a_weekend(when: Fixed | Nth | Easter | Once, year: int) -> None:
    found = Holiday("any", when).in_year(year)
    assert found is None or found.weekday() < SATURDAY
    in_years = [days_of((Holiday("any", when),), year + ahead) for ahead in (-1, 0, 1)]
    assert sum(found in row for row in in_years) == (found is not None)
    for ahead, row in zip((-1, 0, 1), in_years, strict=True):
        assert all(day.year == year + ahead for day in row)


def test_a_holiday_that_moves_into_the_old_year_is_kept_there() -> None:
    rule = Holiday("New Year's Day", Fixed(1, 1, NEAREST))
    assert days_of((rule,), 2021) == {
        date(2021, 1, 1): rule.name,
        date(2021, 12, 31): rule.name,
    }
    assert days_of((rule,), 2022) == {}
