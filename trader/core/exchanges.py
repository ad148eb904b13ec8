"""What a calendar that comes with the program says of a day, and where the broker differs; pure.

A shipped calendar stands beside the broker's own hours and never in their place: it plans days of
which the broker has not spoken yet, and it doubts what the broker says. Outside the days for which
it was made it knows nothing, which is neither open nor closed. Zones are handed in.

The calendars themselves are tables, in :mod:`trader.core.shipped_calendars`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType

from trader.core.calendar import ContractHours, Span, day_of_session, instant, midnight
from trader.core.holidays import SATURDAY, Holiday, days_of

_DAY = timedelta(days=1)
# Of all calendars, as many years as a plan or a week of the broker's hours may touch, and more.
_YEARS_KEPT = 64

# From so many days before its end a calendar is to be renewed.
RENEW_DAYS = 90

# From when until when, on the wall clock; one whose start is later than its end begins on the
# evening before, as a day of futures does.
Stretch = tuple[time, time]


class Compared(StrEnum):
    """Which of the broker's hours an exchange itself has set."""

    REGULAR = "regular"
    # What is regular of a session around the clock is the broker's idea (its "liquid hours").
    TRADING = "trading"


@dataclass(frozen=True, slots=True)
class WholeDay:
    """The hours of a day that is like any other, from one on and until other hours hold."""

    since: date
    regular: tuple[Stretch, ...]
    trading: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class Early:
    """Days that end early: when the regular session is over, and when all trading is."""

    holidays: tuple[Holiday, ...]
    regular: time
    trading: time


@dataclass(frozen=True, slots=True)
class _Year:
    shut: Mapping[date, str]
    early: Mapping[date, tuple[str, Early]]


# Compared and kept by identity: each is there once.
@dataclass(frozen=True, slots=True, eq=False)
class ExchangeCalendar:
    """The days of an exchange on its own wall clock; what it says holds from day to day, both in.

    ``hours`` are in the order of time, the first of them holds from ``valid_from`` on.
    """

    name: str
    version: str
    valid_from: date
    valid_until: date
    zone: str
    hours: tuple[WholeDay, ...]
    shut: tuple[Holiday, ...]
    early: tuple[Early, ...] = ()
    compared: Compared = Compared.REGULAR
    # For so long after its regular hours there is an auction, and trading at its price: the broker
    # may count them in or not, and says nothing else about the day by it.
    closing_s: float = 0.0

    def covers(self, day: date) -> bool:
        """Tell whether the calendar speaks of a day at all."""
        return self.valid_from <= day <= self.valid_until

    def days_left(self, today: date) -> int:
        """Return how many more days it speaks of after today; below zero when it has ended."""
        return (self.valid_until - today).days

    def closings(self, year: int) -> Mapping[date, str]:
        """Return the weekdays of a year on which it is shut, each with its reason."""
        return _year(self, year).shut

    def early_closings(self, year: int) -> Mapping[date, str]:
        """Return the days of a year that end early, each with its reason."""
        return {day: name for day, (name, _) in _year(self, year).early.items()}

    def note(self, day: date) -> str:
        """Say why a day is not like any other; empty where it is, or is not known."""
        if not self.covers(day):
            return ""
        found = _year(self, day.year)
        early = found.early.get(day)
        return found.shut.get(day, "") if early is None else early[0]

    def whole_day(self, day: date) -> WholeDay:
        """Return the hours that hold on a day unless it is shut or ends early."""
        return next((row for row in reversed(self.hours) if row.since <= day), self.hours[0])

    def usual_s(self, day: date) -> float:
        """Return how long a whole day is, of the hours that the exchange sets, in seconds."""
        found = self.whole_day(day)
        rows = found.regular if self.compared is Compared.REGULAR else found.trading
        return sum(_length_s(row) for row in rows)


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A day of which the broker and the shipped calendar say something else."""

    day: date
    # What the calendar says of that day, and of no other.
    shipped: ContractHours
    text: str


def hours_on(calendar: ExchangeCalendar, day: date, zone: tzinfo) -> ContractHours | None:
    """Return what a calendar says of one day; None of one that it does not know."""
    if not calendar.covers(day):
        return None
    known, year = frame_of(calendar, day, zone), _year(calendar, day.year)
    if day.weekday() >= SATURDAY or day in year.shut:
        return ContractHours((), (), known, zone)
    whole = calendar.whole_day(day)
    _, early = year.early.get(day, ("", None))
    trading = _spans(day, whole.trading, None if early is None else early.trading, zone)
    regular = _spans(day, whole.regular, None if early is None else early.regular, zone)
    return ContractHours(tuple(trading), tuple(regular), known, zone)


def frame_of(calendar: ExchangeCalendar, day: date, zone: tzinfo) -> Span:
    """Return the time that belongs to one day, open or not: each moment is of exactly one.

    It is from midnight to midnight, or where sessions begin on the evening before, from evening
    to evening: what is asked on a Sunday night is asked of Monday.
    """
    return Span(_begins(calendar, day, zone), _begins(calendar, day + _DAY, zone))


def disagreements(
    told: ContractHours, calendar: ExchangeCalendar, zone: tzinfo
) -> tuple[Disagreement, ...]:
    """Return the days of which the broker tells other hours than a calendar.

    Compared are those that the exchange sets; on a day that the calendar has shut, any hours at
    all are others. Of a day that the broker has told in part nothing is said: the session of
    an evening before the first of its days is not in its text.
    """
    found = []
    day = told.known.start_utc.astimezone(zone).date()
    last = (told.known.end_utc - timedelta(microseconds=1)).astimezone(zone).date()
    while day <= last:
        shipped = hours_on(calendar, day, zone)
        if shipped is not None and _is_within(shipped.known, told.known):
            said, ours = told.trading, shipped.trading
            if calendar.compared is Compared.REGULAR and shipped.trading:
                said, ours = told.regular, shipped.regular
            of_day = tuple(one for one in said if day_of_session(one, zone) == day)
            if not _says_the_same(of_day, ours, calendar.closing_s):
                text = (
                    f"{day}: the broker says {_words(of_day, day, zone)}, "
                    f"calendar {calendar.version} says {_words(ours, day, zone)}"
                )
                found.append(Disagreement(day, shipped, text))
        day += _DAY
    return tuple(found)


def is_same_clock(told: ContractHours, zone: tzinfo) -> bool:
    """Tell whether hours were told on the wall clock of a zone, whatever its name there."""
    return all(
        at.astimezone(told.zone).utcoffset() == at.astimezone(zone).utcoffset()
        for at in (told.known.start_utc, told.known.end_utc)
    )


@lru_cache(_YEARS_KEPT)
def _year(calendar: ExchangeCalendar, year: int) -> _Year:
    early = {
        day: (name, row)
        for row in calendar.early
        for day, name in days_of(row.holidays, year).items()
    }
    return _Year(MappingProxyType(days_of(calendar.shut, year)), MappingProxyType(early))


def _begins(calendar: ExchangeCalendar, day: date, zone: tzinfo) -> datetime:
    first = calendar.whole_day(day).trading[0]
    return instant(day - _DAY, first[0], zone) if _is_of_eve(first) else midnight(day, zone)


def _spans(
    day: date, stretches: tuple[Stretch, ...], early: time | None, zone: tzinfo
) -> Iterator[Span]:
    """Give the stretches of a day, cut off where it ends early."""
    for start, end in stretches:
        is_of_eve = _is_of_eve((start, end))
        last = end if early is None else min(end, early)
        if start < last or is_of_eve:
            yield Span(instant(day - is_of_eve * _DAY, start, zone), instant(day, last, zone))


def _is_of_eve(stretch: Stretch) -> bool:
    start, end = stretch
    return end < start


def _length_s(stretch: Stretch) -> float:
    starts, ends = (at.hour * 3600.0 + at.minute * 60.0 for at in stretch)
    return ends - starts + 86_400.0 * _is_of_eve(stretch)


def _says_the_same(said: tuple[Span, ...], ours: tuple[Span, ...], closing_s: float) -> bool:
    if not said or not ours:
        return said == ours
    longer_s = (said[-1].end_utc - ours[-1].end_utc).total_seconds()
    end_utc = said[-1].end_utc if 0 <= longer_s <= closing_s else ours[-1].end_utc
    return said == (*ours[:-1], Span(ours[-1].start_utc, end_utc))


def _is_within(one: Span, other: Span) -> bool:
    return other.start_utc <= one.start_utc and one.end_utc <= other.end_utc


def _words(spans: tuple[Span, ...], day: date, zone: tzinfo) -> str:
    return ", ".join(_session_words(one, day, zone) for one in spans) or "closed"


def _session_words(one: Span, day: date, zone: tzinfo) -> str:
    start, end = one.start_utc.astimezone(zone), one.end_utc.astimezone(zone)
    form = "%H:%M" if start.date() == day else "%a %H:%M"
    return f"{start:{form}}-{end:%H:%M}"
