"""On which dates exchanges are shut or close early: computed by rule, for any year.

Each function takes a year and returns the dates of that year. Closings that follow no rule (storms,
mourning) are not here. Rules as the exchanges have applied them since 2022.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from functools import lru_cache
from types import MappingProxyType

_MONDAY, _THURSDAY, _SATURDAY, _SUNDAY = 0, 3, 5, 6
_JUNETEENTH_SINCE = 2022
_YEARS_KEPT = 128

# Close of the regular session and end of trading, local time, as (hour, minute).
Closing = tuple[tuple[int, int], tuple[int, int]]
NO_CLOSINGS: Mapping[date, Closing] = MappingProxyType({})
_US_EARLY: Closing = ((13, 0), (17, 0))
_CME_HOLIDAY: Closing = ((12, 0), (12, 0))
_CME_EARLY: Closing = ((12, 15), (12, 15))
_LONDON_EARLY: Closing = ((12, 30), (12, 30))


@lru_cache(_YEARS_KEPT)
def us(year: int) -> frozenset[date]:
    """Return the dates on which US stock exchanges are shut."""
    found = [
        _nth(year, 1, _MONDAY, 3),
        _nth(year, 2, _MONDAY, 3),
        easter(year) - timedelta(days=2),
        _last(year, 5, _MONDAY),
        _observed(date(year, 7, 4)),
        _nth(year, 9, _MONDAY, 1),
        _thanksgiving(year),
    ]
    if year >= _JUNETEENTH_SINCE:
        found.append(_observed(date(year, 6, 19)))
    return frozenset(found) | _new_year_and_christmas(year)


@lru_cache(_YEARS_KEPT)
def us_early(year: int) -> Mapping[date, Closing]:
    """Return the dates on which US stock exchanges close at 13:00 New York time."""
    days = (date(year, 7, 3), _thanksgiving(year) + timedelta(days=1), date(year, 12, 24))
    shut = us(year)
    # When the holiday itself falls on a weekend, the Friday before is shut or a day like any other.
    holidays = {days[0]: date(year, 7, 4), days[2]: date(year, 12, 25)}
    return MappingProxyType(
        {
            day: _US_EARLY
            for day in days
            if day.weekday() < _SATURDAY
            and day not in shut
            and holidays.get(day, day).weekday() < _SATURDAY
        }
    )


@lru_cache(_YEARS_KEPT)
def cme(year: int) -> frozenset[date]:
    """Return the trading dates that equity index futures do not have."""
    return _new_year_and_christmas(year) | {easter(year) - timedelta(days=2)}


@lru_cache(_YEARS_KEPT)
def cme_early(year: int) -> Mapping[date, Closing]:
    """Return the dates on which equity index futures stop about noon, Chicago time."""
    holidays = sorted(us(year) - cme(year))
    early = dict.fromkeys(holidays, _CME_HOLIDAY)
    early.update(dict.fromkeys(us_early(year), _CME_EARLY))
    return MappingProxyType(early)


@lru_cache(_YEARS_KEPT)
def currency(year: int) -> frozenset[date]:
    """Return the weekdays without a currency market."""
    return frozenset({date(year, 1, 1), date(year, 12, 25)})


@lru_cache(_YEARS_KEPT)
def germany(year: int) -> frozenset[date]:
    """Return the dates on which the German electronic exchange is shut."""
    sunday = easter(year)
    fixed = ((1, 1), (5, 1), (12, 24), (12, 25), (12, 26), (12, 31))
    movable = {sunday - timedelta(days=2), sunday + timedelta(days=1)}
    return frozenset(movable | {date(year, month, day) for month, day in fixed})


@lru_cache(_YEARS_KEPT)
def london(year: int) -> frozenset[date]:
    """Return the dates on which the London exchange is shut; substitutes included."""
    sunday = easter(year)
    christmas, boxing = date(year, 12, 25), date(year, 12, 26)
    found = {
        _next_monday(date(year, 1, 1)),
        sunday - timedelta(days=2),
        sunday + timedelta(days=1),
        _nth(year, 5, _MONDAY, 1),
        _last(year, 5, _MONDAY),
        _last(year, 8, _MONDAY),
        christmas,
        boxing,
    }
    # Two holidays in a row: each that falls on a weekend moves past the other.
    weekend = [day for day in (christmas, boxing) if day.weekday() >= _SATURDAY]
    found |= {day + timedelta(days=2) for day in weekend}
    return frozenset(found)


@lru_cache(_YEARS_KEPT)
def london_early(year: int) -> Mapping[date, Closing]:
    """Return the dates on which the London exchange closes at 12:30."""
    days = (date(year, 12, 24), date(year, 12, 31))
    return MappingProxyType({day: _LONDON_EARLY for day in days if day.weekday() < _SATURDAY})


def easter(year: int) -> date:
    """Return Easter Sunday of the Gregorian calendar (the anonymous algorithm)."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)


def third_friday(year: int, month: int) -> date:
    """Return the third Friday of a month, a holiday or not."""
    return _nth(year, month, 4, 3)


def _nth(year: int, month: int, weekday: int, count: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (count - 1))


def _last(year: int, month: int, weekday: int) -> date:
    fifth = _nth(year, month, weekday, 5)
    return fifth if fifth.month == month else fifth - timedelta(days=7)


def _thanksgiving(year: int) -> date:
    return _nth(year, 11, _THURSDAY, 4)


def _observed(day: date) -> date:
    """Return the weekday on which the US observes a fixed holiday."""
    return day + timedelta(days={_SATURDAY: -1, _SUNDAY: 1}.get(day.weekday(), 0))


def _next_monday(day: date) -> date:
    return day + timedelta(days=max(7 - day.weekday(), 0)) if day.weekday() >= _SATURDAY else day


def _new_year_and_christmas(year: int) -> frozenset[date]:
    # A New Year's Day on a Saturday is not made up for: the Friday belongs to the old year's books.
    new_year = date(year, 1, 1)
    if new_year.weekday() == _SUNDAY:
        new_year += timedelta(days=1)
    return frozenset({new_year, _observed(date(year, 12, 25))})
