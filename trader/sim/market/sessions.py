"""Which trading days a request for history spans: the same for bars of every size and schedules.

Days are counted as trading days; weeks, months and years go by the calendar on the wall of the
instrument's place.
"""

import calendar as months
from collections.abc import Iterator
from datetime import date, timedelta

from trader.sim.market.spans import DAY_S, Duration
from trader.sim.reference import calendar as calendars
from trader.sim.reference.calendar import TradingDay

_DAYS_BACK_MAX = 366 * 90
_MONTHS_A_YEAR = 12


def days_back(
    calendar: str, end_s: float, duration: Duration, *, regular: bool
) -> Iterator[TradingDay]:
    """Return the trading days of a span that had begun before its end, newest first."""
    today = calendars.local_date(calendar, end_s)
    # The day of an evening may already be that of the next date.
    latest, first = today + timedelta(days=1), first_date(today, duration)
    left = duration.days
    for back in range(_DAYS_BACK_MAX):
        day = latest - timedelta(days=back)
        if left <= 0 or (first is not None and day < first):
            return
        found = calendars.trading_day(calendar, day)
        if found is not None and ends(found, regular=regular)[0] < end_s:
            left -= first is None
            yield found


def first_date(today: date, duration: Duration) -> date | None:
    """Return the first date of weeks, months or years up to a date; None where days count."""
    match duration.unit:
        case "W":
            return today - timedelta(days=7 * duration.count - 1)
        case "M":
            return _months_before(today, duration.count) + timedelta(days=1)
        case "Y":
            return _months_before(today, _MONTHS_A_YEAR * duration.count) + timedelta(days=1)
        case _:
            return None


def ends(day: TradingDay, *, regular: bool) -> tuple[float, float]:
    """Return when the regular session of a day, or all its trading, begins and ends."""
    return (day.open_s, day.close_s) if regular else (day.start_s, day.end_s)


def cuts(
    days: list[TradingDay], size_s: int, span: tuple[float, float], *, regular: bool
) -> Iterator[tuple[float, float]]:
    """Cut the sessions of a span into bars on round times; a session's first may be a short one."""
    first_s, end_s = span
    for day in days:
        opened, closed = ends(day, regular=regular)
        start, closed = max(opened, first_s // size_s * size_s), min(closed, end_s)
        while start < closed:
            following = min(_round_after(start, size_s), closed)
            yield start, following
            start = following


def _round_after(start_s: float, size_s: int) -> float:
    return start_s // size_s * size_s + size_s


def _months_before(day: date, count: int) -> date:
    whole = day.year * _MONTHS_A_YEAR + day.month - 1 - count
    year, month = max(whole // _MONTHS_A_YEAR, 1), whole % _MONTHS_A_YEAR + 1
    return date(year, month, min(day.day, months.monthrange(year, month)[1]))


def is_of_days(size_s: int) -> bool:
    """Return whether bars of this size are whole days, weeks or months."""
    return size_s >= DAY_S
