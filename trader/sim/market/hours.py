"""From wall time to the place in a replayed day: the market's two ways of keeping hours.

`AlwaysOpen` plays one session after the other, day and night; what lies before the start is a
day of the files for each date, stretched from midnight to midnight. `ExchangeHours` follows the
instrument's own calendar: before the regular session the price walks from yesterday's close to
the open, after it it rests at the close, and between sessions nothing moves.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Protocol

from trader.sim.clock import utc
from trader.sim.reference import calendar as calendars
from trader.sim.reference.calendar import TradingDay

SESSION_S = 23_400
# These have a session every day of the week.
_WEEKEND = 5
_DAYS_BACK_MAX = 20_000
# A moment within so little of a boundary lies on it: sums of seconds are not exact.
_NEAR_S = 1e-6


@dataclass(frozen=True, slots=True)
class Moment:
    """A place in the replay: the day counted from the start and how far it has come."""

    day: int
    fraction: float
    # How much of the pre-market is over; 1 from the open on.
    pre_share: float = 1.0
    is_open: bool = True
    is_thin: bool = False
    # While closed: the last moment at which anything moved, in epoch seconds.
    active_s: float = 0.0
    # How long the day's regular session lasts on the wall.
    length_s: float = float(SESSION_S)

    def counts(self, *, regular: bool) -> bool:
        """Return whether anything trades, in the regular session where only that is asked for."""
        return self.is_open and not (regular and self.is_thin)


class Course(StrEnum):
    """What the price of a stretch of time does."""

    WALK = "walk"
    PRE = "pre"
    REST = "rest"


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of wall time within one day of the replay, in epoch seconds."""

    start_s: float
    end_s: float
    day: int
    course: Course = Course.WALK


class Hours(Protocol):
    """How wall time becomes a place in the replay."""

    def begun(self, start_s: float, day_s: float) -> "Hours":
        """Return these hours for a replay that began at a moment, with days of this length."""

    def moment(self, calendar: str, epoch_s: float) -> Moment:
        """Return the place of a moment of wall time."""

    def date_of(self, calendar: str, day: int) -> date:
        """Return the date on the wall on which a day of the replay begins."""

    def day_before(self, calendar: str, day: int) -> int:
        """Return the day of the replay whose close comes before a day."""

    def stretches(self, calendar: str, first_s: float, last_s: float) -> list[Stretch]:
        """Return all stretches that two moments and what is between them lie in, in order."""

    def spans(
        self, calendar: str, first_s: float, last_s: float, *, regular: bool
    ) -> list[tuple[float, float]]:
        """Return the stretches of trading between two moments, oldest first."""


class AlwaysOpen:
    """Days follow one another without a pause, at the speed of the replay."""

    def __init__(self, start_s: float = 0.0, day_s: float = SESSION_S) -> None:
        self._start_s, self._day_s = start_s, day_s

    def begun(self, start_s: float, day_s: float) -> Hours:
        """Return the same for another start."""
        return AlwaysOpen(start_s, day_s)

    def moment(self, calendar: str, epoch_s: float) -> Moment:
        """Return the place of a moment; of calendars only the zone matters, before the start."""
        elapsed_s = epoch_s - self._start_s
        if elapsed_s > -_NEAR_S:
            day = int((elapsed_s + _NEAR_S) // self._day_s)
            rest_s = max(elapsed_s - day * self._day_s, 0.0)
            return Moment(day, rest_s / self._day_s, length_s=self._day_s)
        one = self._past(calendar, calendars.local_date(calendar, epoch_s))
        length_s = one.end_s - one.start_s
        share = min(max((epoch_s - one.start_s) / length_s, 0.0), 1.0)
        return Moment(one.day, share, length_s=length_s)

    def _past(self, calendar: str, day: date) -> Stretch:
        """Return the stretch of a date up to the start; the date of the start has day -1."""
        found = calendars.trading_day(calendar, day)
        assert found is not None, "a calendar that never closes has every day"
        number = (day - calendars.local_date(calendar, self._start_s)).days - 1
        return Stretch(found.start_s, min(found.end_s, self._start_s), number)

    def date_of(self, calendar: str, day: int) -> date:
        """Return the date of a day before the start, or that on which a later one begins."""
        if day >= 0:
            return calendars.local_date(calendar, self._start_s + day * self._day_s + _NEAR_S)
        return calendars.local_date(calendar, self._start_s) + timedelta(days=day + 1)

    def day_before(self, calendar: str, day: int) -> int:
        """Return the number before: no day is left out."""
        return day - 1

    def stretches(self, calendar: str, first_s: float, last_s: float) -> list[Stretch]:
        """Return the days between two moments."""
        found: list[Stretch] = []
        day, today = calendars.local_date(calendar, first_s), self.date_of(calendar, -1)
        while first_s < self._start_s and day <= min(today, calendars.local_date(calendar, last_s)):
            found.append(self._past(calendar, day))
            day += timedelta(days=1)
        first, last = (int((s - self._start_s) // self._day_s) for s in (first_s, last_s))
        for number in range(max(first, 0), last + 1):
            start_s = self._start_s + number * self._day_s
            found.append(Stretch(start_s, start_s + self._day_s, number))
        return found

    def spans(
        self, calendar: str, first_s: float, last_s: float, *, regular: bool
    ) -> list[tuple[float, float]]:
        """Return the whole stretch: it is always open."""
        return [(first_s, last_s)]


class ExchangeHours:
    """Real sessions by the calendar; one historical day for each date of trading."""

    def __init__(self, start_s: float) -> None:
        self._anchor = utc(start_s).date()
        # The trading day under way, or the next one, and the one before it, by calendar.
        self._near: dict[str, tuple[TradingDay, TradingDay]] = {}

    def begun(self, start_s: float, day_s: float) -> Hours:
        """Return the same: days go by the calendar, whenever the replay began."""
        return self

    def number(self, calendar: str, day: date) -> int:
        """Return the day of the replay that belongs to a date; the start's date has 0."""
        if calendars.never_closes(calendar):
            return (day - self._anchor).days
        return _weekdays(day) - _weekdays(self._anchor)

    def date_of(self, calendar: str, day: int) -> date:
        """Return the date that a day of the replay belongs to."""
        if calendars.never_closes(calendar):
            return self._anchor + timedelta(days=day)
        weeks, rest = divmod(_weekdays(self._anchor) + day, _WEEKEND)
        return date.fromordinal(weeks * 7 + rest + 1)

    def day_before(self, calendar: str, day: int) -> int:
        """Return the day of the trading day before: holidays have days that are not played."""
        return self.number(calendar, next(_days_before(calendar, self.date_of(calendar, day))).day)

    def moment(self, calendar: str, epoch_s: float) -> Moment:
        """Return the place of a moment by the calendar; the speed of the replay is the clock's."""
        day, before = self._days(calendar, epoch_s)
        if epoch_s < day.start_s:
            return Moment(
                self.number(calendar, before.day), 1.0, is_open=False, active_s=before.end_s
            )
        number, length_s = self.number(calendar, day.day), day.close_s - day.open_s
        if epoch_s < day.open_s:
            share = (epoch_s - day.start_s) / (day.open_s - day.start_s)
            return Moment(number, 0.0, pre_share=share, is_thin=True, length_s=length_s)
        if epoch_s < day.close_s:
            return Moment(number, (epoch_s - day.open_s) / length_s, length_s=length_s)
        return Moment(number, 1.0, is_thin=True, length_s=length_s)

    def _days(self, calendar: str, epoch_s: float) -> tuple[TradingDay, TradingDay]:
        near = self._near.get(calendar)
        if near is not None and near[1].boundaries()[-1] <= epoch_s < near[0].end_s:
            return near
        day = calendars.next_day(calendar, epoch_s)
        before = next(_days_before(calendar, day.day))
        self._near[calendar] = day, before
        return day, before

    def stretches(self, calendar: str, first_s: float, last_s: float) -> list[Stretch]:
        """Return what lies between two moments: before the open, the session, and the rest."""
        found: list[Stretch] = []
        day, before = self._days(calendar, first_s)
        end_s = before.end_s
        while end_s <= last_s:
            number, last = self.number(calendar, day.day), self.number(calendar, before.day)
            cuts = (
                (end_s, day.start_s, last, Course.REST),
                (day.start_s, day.open_s, number, Course.PRE),
                (day.open_s, day.close_s, number, Course.WALK),
                (day.close_s, day.end_s, number, Course.REST),
            )
            found += [Stretch(*cut) for cut in cuts if cut[0] < cut[1]]
            end_s, before = day.end_s, day
            day = calendars.next_day(calendar, day.boundaries()[-1])
        return [one for one in found if one.start_s <= last_s and one.end_s > first_s]

    def spans(
        self, calendar: str, first_s: float, last_s: float, *, regular: bool
    ) -> list[tuple[float, float]]:
        """Return the sessions between two moments, cut to them, oldest first."""
        found: list[tuple[float, float]] = []
        day = calendars.local_date(calendar, first_s) - timedelta(days=1)
        while day <= calendars.local_date(calendar, last_s) + timedelta(days=1):
            one = calendars.trading_day(calendar, day)
            if one is not None:
                start, end = _ends(one, regular)
                if start < last_s and end > first_s:
                    found.append((max(start, first_s), min(end, last_s)))
            day += timedelta(days=1)
        return found


def _ends(day: TradingDay, regular: bool) -> tuple[float, float]:
    return (day.open_s, day.close_s) if regular else (day.start_s, day.end_s)


def _weekdays(day: date) -> int:
    weeks, rest = divmod(day.toordinal() - 1, 7)
    return weeks * _WEEKEND + min(rest, _WEEKEND - 1)


def _days_before(calendar: str, day: date) -> Iterator[TradingDay]:
    for back in range(1, _DAYS_BACK_MAX):
        found = calendars.trading_day(calendar, day - timedelta(days=back))
        if found is not None:
            yield found
