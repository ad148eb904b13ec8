"""Holidays by rule agree with the dates that exchanges have published."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from trader.sim.reference import holidays

YEARS = range(1998, 2060)


@pytest.mark.parametrize(
    ("year", "days"),
    [
        (2021, "0101 0118 0215 0402 0531 0705 0906 1125 1224"),
        (2022, "0117 0221 0415 0530 0620 0704 0905 1124 1226"),
        (2023, "0102 0116 0220 0407 0529 0619 0704 0904 1123 1225"),
        (2024, "0101 0115 0219 0329 0527 0619 0704 0902 1128 1225"),
        (2026, "0101 0119 0216 0403 0525 0619 0703 0907 1126 1225"),
    ],
)
def test_us_stock_exchanges_are_shut_on_the_published_dates(year: int, days: str) -> None:
    assert [f"{day:%m%d}" for day in sorted(holidays.us(year)) if day.weekday() < 5] == days.split()


@pytest.mark.parametrize(
    ("year", "days"),
    [
        (2021, "1126"),
        (2022, "1125"),
        (2023, "0703 1124"),
        (2024, "0703 1129 1224"),
        (2025, "0703 1128 1224"),
        (2026, "1127 1224"),
    ],
)
def test_us_stock_exchanges_close_early_on_the_published_dates(year: int, days: str) -> None:
    assert [f"{day:%m%d}" for day in sorted(holidays.us_early(year))] == days.split()


def test_easter_is_the_published_sunday() -> None:
    known = {
        2008: (3, 23),
        2011: (4, 24),
        2019: (4, 21),
        2024: (3, 31),
        2025: (4, 20),
        2038: (4, 25),
    }
    for year, (month, day) in known.items():
        assert holidays.easter(year) == date(year, month, day)
    assert all(holidays.easter(year).weekday() == 6 for year in YEARS)


@pytest.mark.parametrize("year", YEARS)
def test_an_early_close_is_never_on_a_day_without_a_session(year: int) -> None:
    for shut, early in (
        (holidays.us(year), holidays.us_early(year)),
        (holidays.cme(year), holidays.cme_early(year)),
        (holidays.london(year), holidays.london_early(year)),
    ):
        assert not shut & set(early)
        assert all(day.weekday() < 5 and day.year == year for day in early)
    # Futures know every date on which the stock exchange is shut.
    assert holidays.us(year) <= holidays.cme(year) | set(holidays.cme_early(year))


def test_london_makes_up_for_holidays_on_a_weekend() -> None:
    shut = {day for day in holidays.london(2021) | holidays.london(2022) if day.weekday() < 5}
    assert {date(2021, 12, 27), date(2021, 12, 28), date(2022, 1, 3), date(2022, 12, 26)} <= shut
    assert {date(2022, 12, 27), date(2023, 1, 2)} <= holidays.london(2022) | holidays.london(2023)
    assert date(2022, 12, 28) not in shut


def test_germany_is_shut_at_easter_and_may_day() -> None:
    shut = holidays.germany(2024)
    assert {date(2024, 3, 29), date(2024, 4, 1), date(2024, 5, 1), date(2024, 12, 24)} <= shut
    assert date(2024, 10, 3) not in shut


def test_the_third_friday_is_between_the_15th_and_the_21st() -> None:
    day = date(2019, 1, 1)
    while day.year < 2030:
        found = holidays.third_friday(day.year, day.month)
        assert (found.weekday(), 15 <= found.day <= 21) == (4, True)
        day = (day + timedelta(days=31)).replace(day=1)
