"""On which days holidays are kept: rules as values, and what they say of a year; pure.

A rule gives at most one day of a year, and never one on a weekend: what falls there is moved as the
rule says, or is not kept at all. Rules are shared between exchanges; what follows no rule is
:class:`Once`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import assert_never

MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY = range(7)
_WEEK = range(MONDAY, SATURDAY)
_YEARS = range(1, 10_000)


@dataclass(frozen=True, slots=True)
class Roll:
    """By how many days a holiday moves from a Saturday or a Sunday; None: it is not made up for."""

    saturday: int | None
    sunday: int | None


FALLS_AWAY = Roll(None, None)
# As the United States observe a holiday, and as they observe the New Year: one on a Saturday is
# not made up for, because the Friday ends the books of the old year (NYSE rule 7.2).
NEAREST, FROM_SUNDAY = Roll(-1, 1), Roll(None, 1)
# As England does; two holidays in a row move by two days each.
TO_MONDAY, BY_TWO_DAYS = Roll(2, 1), Roll(2, 2)
TO_FRIDAY = Roll(-1, -2)


@dataclass(frozen=True, slots=True)
class Fixed:
    """A date of the year; ``weekdays`` are those on which it counts."""

    month: int
    day: int
    roll: Roll = FALLS_AWAY
    weekdays: range = _WEEK


@dataclass(frozen=True, slots=True)
class Nth:
    """A weekday of a month by its number, counted from the end below zero; and days after it."""

    month: int
    weekday: int
    number: int
    plus: int = 0


@dataclass(frozen=True, slots=True)
class Easter:
    """So many days after Easter Sunday, before it below zero."""

    plus: int


@dataclass(frozen=True, slots=True)
class Once:
    """One day that follows no rule."""

    day: date


@dataclass(frozen=True, slots=True)
class Holiday:
    """A holiday: when it is, in which years it is kept, and in which of these it was not."""

    name: str
    when: Fixed | Nth | Easter | Once
    years: range = _YEARS
    but: tuple[int, ...] = ()

    def in_year(self, year: int) -> date | None:
        """Return the weekday on which that of a year is kept, None where it is not."""
        if year not in self.years or year in self.but:
            return None
        found = _day(self.when, year)
        return found if found is not None and found.weekday() in _WEEK else None


def days_of(holidays: Iterable[Holiday], year: int) -> dict[date, str]:
    """Return the days of a year on which any of these is kept, each with its name.

    A New Year's Day on a Saturday may be kept in the old year: each rule is asked of the years
    around this one as well.
    """
    found = {}
    for holiday in holidays:
        for ahead in (-1, 0, 1):
            day = holiday.in_year(year + ahead)
            if day is not None and day.year == year:
                found[day] = holiday.name
    return found


def nth(year: int, month: int, weekday: int, number: int) -> date:
    """Return the n-th weekday of a month; -1 is its last."""
    if number > 0:
        first = date(year, month, 1)
        return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (number - 1))
    last = date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
    return last - timedelta(days=(last.weekday() - weekday) % 7 - 7 * (number + 1))


def easter(year: int) -> date:
    """Return Easter Sunday (Meeus/Jones/Butcher, "Astronomical Algorithms", chapter 8)."""
    century, rest = divmod(year, 100)
    golden = year % 19
    moon = century - century // 4 - (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + moon + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (rest // 4) - epact - rest % 4) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)


def _day(when: Fixed | Nth | Easter | Once, year: int) -> date | None:
    match when:
        case Fixed():
            return _fixed(when, year)
        case Nth(month, weekday, number, plus):
            return nth(year, month, weekday, number) + timedelta(days=plus)
        case Easter(plus):
            return easter(year) + timedelta(days=plus)
        case Once(day):
            return day if day.year == year else None
        case _:
            assert_never(when)


def _fixed(when: Fixed, year: int) -> date | None:
    day = date(year, when.month, when.day)
    moves = {SATURDAY: when.roll.saturday, SUNDAY: when.roll.sunday}
    by_days = moves.get(day.weekday(), 0)
    if by_days is None:
        return None
    day += timedelta(days=by_days)
    return day if day.weekday() in when.weekdays else None
