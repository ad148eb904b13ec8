"""From wall time to the place in a replayed day: the market's two ways of keeping hours.

`AlwaysOpen` plays one session after the other, day and night. `ExchangeHours` follows the
instrument's own calendar: before the regular session the price walks from yesterday's close to
the open, after it it rests at the close, and between sessions nothing moves.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol

from trader.sim.clock import utc
from trader.sim.reference import calendar as calendars
from trader.sim.reference.calendar import TradingDay

SESSION_S = 23_400
# These have a session every day of the week.
_EVERY_DAY = ("ALWAYS", "CRYPTO")
_WEEKEND = 5
_DAYS_BACK_MAX = 20_000


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

    def counts(self, *, regular: bool) -> bool:
        """Return whether anything trades, in the regular session where only that is asked for."""
        return self.is_open and not (regular and self.is_thin)


class Hours(Protocol):
    """How wall time becomes a place in the replay."""

    def moment(self, calendar: str, elapsed_s: float, epoch_s: float) -> Moment:
        """Return the place of a moment given as replay seconds and as wall time."""

    def days_back(self, calendar: str, epoch_s: float, day_now: int) -> Iterator[tuple[date, int]]:
        """Return wall dates with the days replayed on them, from today backwards, endless."""

    def spans(
        self, calendar: str, first_s: float, last_s: float, *, regular: bool
    ) -> list[tuple[float, float]]:
        """Return the stretches of trading between two moments, oldest first."""

    def start_of(self, calendar: str, end_s: float, days: int, *, regular: bool) -> float:
        """Return where the last so many days of trading before a moment began."""


class AlwaysOpen:
    """Days follow one another without a pause, at the speed of the replay."""

    def moment(self, calendar: str, elapsed_s: float, epoch_s: float) -> Moment:
        """Return the place of a moment; calendars do not matter."""
        day, rest = divmod(elapsed_s, SESSION_S)
        return Moment(int(day), rest / SESSION_S)

    def days_back(self, calendar: str, epoch_s: float, day_now: int) -> Iterator[tuple[date, int]]:
        """Return today's date for the present day and the weekdays before it for those before."""
        day, number = utc(epoch_s).date(), day_now
        while True:
            yield day, number
            day, number = day - timedelta(days=1), number - 1
            while day.weekday() >= _WEEKEND:
                day -= timedelta(days=1)

    def spans(
        self, calendar: str, first_s: float, last_s: float, *, regular: bool
    ) -> list[tuple[float, float]]:
        """Return the whole stretch: it is always open."""
        return [(first_s, last_s)]

    def start_of(self, calendar: str, end_s: float, days: int, *, regular: bool) -> float:
        """Return the moment whole days before."""
        return end_s - days * 86_400


class ExchangeHours:
    """Real sessions by the calendar; one historical day for each date of trading."""

    def __init__(self, start_s: float) -> None:
        self._anchor = utc(start_s).date()
        # The trading day under way, or the next one, and the one before it, by calendar.
        self._near: dict[str, tuple[TradingDay, TradingDay]] = {}

    def number(self, calendar: str, day: date) -> int:
        """Return the day of the replay that belongs to a date; the start's date has 0."""
        if calendar in _EVERY_DAY:
            return (day - self._anchor).days
        return _weekdays(day) - _weekdays(self._anchor)

    def moment(self, calendar: str, elapsed_s: float, epoch_s: float) -> Moment:
        """Return the place of a moment by the calendar; the speed of the replay is the clock's."""
        day, before = self._days(calendar, epoch_s)
        if epoch_s < day.start_s:
            return Moment(
                self.number(calendar, before.day), 1.0, is_open=False, active_s=before.end_s
            )
        number = self.number(calendar, day.day)
        if epoch_s < day.open_s:
            share = (epoch_s - day.start_s) / (day.open_s - day.start_s)
            return Moment(number, 0.0, pre_share=share, is_thin=True)
        if epoch_s < day.close_s:
            return Moment(number, (epoch_s - day.open_s) / (day.close_s - day.open_s))
        return Moment(number, 1.0, is_thin=True)

    def _days(self, calendar: str, epoch_s: float) -> tuple[TradingDay, TradingDay]:
        near = self._near.get(calendar)
        if near is not None and near[1].boundaries()[-1] <= epoch_s < near[0].end_s:
            return near
        day = calendars.next_day(calendar, epoch_s)
        before = next(_days_before(calendar, day.day))
        self._near[calendar] = day, before
        return day, before

    def days_back(self, calendar: str, epoch_s: float, day_now: int) -> Iterator[tuple[date, int]]:
        """Return the dates of trading up to the present one with the days replayed on them."""
        day, _ = self._days(calendar, epoch_s)
        if day.start_s <= epoch_s:
            yield day.day, self.number(calendar, day.day)
        for earlier in _days_before(calendar, day.day):
            yield earlier.day, self.number(calendar, earlier.day)

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

    def start_of(self, calendar: str, end_s: float, days: int, *, regular: bool) -> float:
        """Return the start of the session so many days of trading back."""
        day = calendars.next_day(calendar, end_s)
        start, left = _ends(day, regular)[0], days
        if start < end_s:
            left -= 1
        for earlier in _days_before(calendar, day.day):
            if left <= 0:
                break
            start, left = _ends(earlier, regular)[0], left - 1
        return start


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
