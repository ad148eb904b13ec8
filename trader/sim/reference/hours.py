"""Trading hours as texts: of contract details (message 10) and of schedules (message 106).

Times are wall times of the market's place; the zone stands beside them.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from trader.sim.reference import calendar as calendars
from trader.sim.reference.calendar import TradingDay

# Contract details show the present trading day and the next five.
DAYS_SHOWN = 6
_DAYS_MAX = 366 * 10
_COINS = "CRYPTO"


@dataclass(frozen=True, slots=True)
class Hours:
    """Zone, trading hours and liquid hours of message 10."""

    zone: str
    trading: str
    liquid: str


@dataclass(frozen=True, slots=True)
class Session:
    """One session of message 106, as texts."""

    start: str
    end: str
    day: str


def hours(calendar: str, epoch_s: float, days: int = DAYS_SHOWN, *, zone: str = "") -> Hours:
    """Return the hours of the coming days, from the one that the moment belongs to.

    What never closes is open from midnight to midnight wherever it stands: `zone` says in which
    zone the day is today.
    """
    first = calendars.local_date(calendar, epoch_s)
    if calendars.never_closes(calendar) and calendar != _COINS:
        first = datetime.fromtimestamp(epoch_s, ZoneInfo(zone)).date() if zone else first
    else:
        first = min(first, calendars.day_of(calendar, epoch_s))
    trading: list[str] = []
    liquid: list[str] = []
    for ahead in range(days * 2):
        day = first + timedelta(days=ahead)
        found = calendars.trading_day(calendar, day)
        if found is not None:
            trading.append(_span(calendar, found.start_s, found.end_s))
            liquid.append(_span(calendar, found.open_s, found.close_s))
        elif not _evening_belongs_to_next(calendar, day):
            trading.append(f"{day:%Y%m%d}:CLOSED")
            liquid.append(trading[-1])
        if len(trading) == days:
            break
    return Hours(calendars.zone_name(calendar), ";".join(trading), ";".join(liquid))


def _evening_belongs_to_next(calendar: str, day: date) -> bool:
    """Return whether the next trading day starts on this one, as on a futures Sunday."""
    following = calendars.trading_day(calendar, day + timedelta(days=1))
    return following is not None and calendars.local_date(calendar, following.start_s) == day


def _span(calendar: str, start_s: float, end_s: float) -> str:
    start, end = (calendars.local_time(calendar, moment) for moment in (start_s, end_s))
    return f"{start:%Y%m%d:%H%M}-{end:%Y%m%d:%H%M}"


def last_days(calendar: str, epoch_s: float, count: int) -> list[TradingDay]:
    """Return so many trading days that had opened by a moment, oldest first."""
    day = calendars.day_of(calendar, epoch_s)
    found: list[TradingDay] = []
    for back in range(count * 2 + 14):
        one = calendars.trading_day(calendar, day - timedelta(days=back))
        if one is not None and one.open_s <= epoch_s:
            found.append(one)
        if len(found) == count:
            break
    return found[::-1]


def schedule(calendar: str, days: list[TradingDay], *, regular: bool) -> list[Session]:
    """Return the sessions of message 106: the regular ones, or with pre and post."""

    def text(epoch_s: float) -> str:
        return f"{calendars.local_time(calendar, epoch_s):%Y%m%d-%H:%M:%S}"

    return [
        Session(
            text(day.open_s if regular else day.start_s),
            text(day.close_s if regular else day.end_s),
            f"{day.day:%Y%m%d}",
        )
        for day in days
    ]
