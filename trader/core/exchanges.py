"""The calendars that come with the program: when an exchange is open, by rule and by table; pure.

A shipped calendar stands beside the broker's own hours and never in their place: it plans days of
which the broker has not spoken yet, and it doubts what the broker says. Outside the days for which
it was made it knows nothing, which is neither open nor closed. Zones are handed in.

There is none for futures: their holiday hours are set anew for each holiday and product, by no
rule that could be checked. Of them the broker's hours are all that is known.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta, tzinfo
from functools import lru_cache
from types import MappingProxyType

from trader.core.calendar import ContractHours, Span, day_of_session, instant, midnight

_DAY = timedelta(days=1)
_MONDAY, _THURSDAY, _SATURDAY, _SUNDAY = 0, 3, 5, 6
_JUNETEENTH_SINCE = 2022
_YEARS_KEPT = 32

# From so many days before its end a calendar is to be renewed.
RENEW_DAYS = 90

# Closings that follow no rule. A new one is a new version of the calendar.
_EXTRAORDINARY: Mapping[date, str] = MappingProxyType(
    {
        date(2018, 12, 5): "mourning for President G. H. W. Bush",
        date(2025, 1, 9): "mourning for President Carter",
    }
)


@dataclass(frozen=True, slots=True)
class ExchangeCalendar:
    """The days of an exchange on its own wall clock; what it says holds from day to day, both in.

    ``extended`` is from when until when there is trading at all; ``early`` and ``extended_early``
    are the ends of a half day.
    """

    name: str
    version: str
    valid_from: date
    valid_until: date
    zone: str
    regular: tuple[time, time]
    early: time
    extended: tuple[time, time]
    extended_early: time
    closings: Callable[[int], Mapping[date, str]]
    early_closings: Callable[[int], Mapping[date, str]]

    def covers(self, day: date) -> bool:
        """Tell whether the calendar speaks of a day at all."""
        return self.valid_from <= day <= self.valid_until

    def days_left(self, today: date) -> int:
        """Return how many more days it speaks of after today; below zero when it has ended."""
        return (self.valid_until - today).days

    def note(self, day: date) -> str:
        """Say why a day is not like any other; empty where it is, or is not known."""
        if not self.covers(day):
            return ""
        closing = self.closings(day.year).get(day)
        return closing or self.early_closings(day.year).get(day, "")

    @property
    def usual_s(self) -> float:
        """Return how long the regular session of a whole day is, in seconds."""
        opens, closes = (at.hour * 3600.0 + at.minute * 60.0 for at in self.regular)
        return closes - opens


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
    known = Span(midnight(day, zone), midnight(day + _DAY, zone))
    if day.weekday() >= _SATURDAY or day in calendar.closings(day.year):
        return ContractHours((), (), known, zone)
    is_early = day in calendar.early_closings(day.year)
    opens, closes = calendar.regular
    starts, ends = calendar.extended
    regular = _span(day, opens, calendar.early if is_early else closes, zone)
    trading = _span(day, starts, calendar.extended_early if is_early else ends, zone)
    return ContractHours((trading,), (regular,), known, zone)


def disagreements(
    told: ContractHours, calendar: ExchangeCalendar, zone: tzinfo
) -> tuple[Disagreement, ...]:
    """Return the days of which the broker tells other regular hours than a calendar.

    On a day that the calendar has shut, any hours at all are others; how long there is trading
    before and after the regular session is the broker's to say.
    """
    found = []
    day = told.known.start_utc.astimezone(zone).date()
    last = (told.known.end_utc - timedelta(microseconds=1)).astimezone(zone).date()
    while day <= last:
        shipped = hours_on(calendar, day, zone)
        if shipped is not None:
            spans = told.regular if shipped.trading else told.trading
            said = tuple(one for one in spans if day_of_session(one, zone) == day)
            if said != shipped.regular:
                text = (
                    f"{day}: the broker says {_words(said, zone)}, "
                    f"calendar {calendar.version} says {_words(shipped.regular, zone)}"
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


def calendar_for(
    sec_type: str, exchange: str, currency: str, primary_exchange: str = ""
) -> ExchangeCalendar | None:
    """Return the calendar of what trades there; None where none is shipped.

    A stock in dollars may trade elsewhere, and SMART does not say where: who has the broker's
    hours asks :func:`is_same_clock` as well.
    """
    if sec_type == "IND":
        return CBOE_INDICES if exchange == "CBOE" else None
    if sec_type != "STK" or currency != "USD":
        return None
    place = primary_exchange if exchange == "SMART" else exchange
    return US_STOCKS if place in _US_PLACES else None


def _span(day: date, start: time, end: time, zone: tzinfo) -> Span:
    return Span(instant(day, start, zone), instant(day, end, zone))


def _words(spans: tuple[Span, ...], zone: tzinfo) -> str:
    return (
        ", ".join(
            f"{one.start_utc.astimezone(zone):%H:%M}-{one.end_utc.astimezone(zone):%H:%M}"
            for one in spans
        )
        or "closed"
    )


# ---- the rules of the United States


@lru_cache(_YEARS_KEPT)
def _us_closings(year: int) -> Mapping[date, str]:
    """Return the weekdays of a year on which the exchanges are shut, each with its reason."""
    found = {
        _nth(year, 1, _MONDAY, 3): "Martin Luther King Day",
        _nth(year, 2, _MONDAY, 3): "Washington's Birthday",
        _easter(year) - timedelta(days=2): "Good Friday",
        _last_monday_of_may(year): "Memorial Day",
        _observed(date(year, 7, 4)): "Independence Day",
        _nth(year, 9, _MONDAY, 1): "Labor Day",
        _thanksgiving(year): "Thanksgiving Day",
        _observed(date(year, 12, 25)): "Christmas Day",
    }
    # One on a Saturday is not made up for: the Friday ends the books of the old year (rule 7.2).
    new_year = date(year, 1, 1)
    if new_year.weekday() != _SATURDAY:
        found[_observed(new_year)] = "New Year's Day"
    if year >= _JUNETEENTH_SINCE:
        found[_observed(date(year, 6, 19))] = "Juneteenth"
    found.update({day: text for day, text in _EXTRAORDINARY.items() if day.year == year})
    return MappingProxyType(found)


@lru_cache(_YEARS_KEPT)
def _us_early_closings(year: int) -> Mapping[date, str]:
    """Return the half days of a year: the eves of two holidays, and the day after a third.

    Where a holiday falls on a weekend, its eve is the day off, or a day like any other.
    """
    found = {_thanksgiving(year) + _DAY: "day after Thanksgiving"}
    eves = ((date(year, 7, 4), "Independence Day"), (date(year, 12, 25), "Christmas Day"))
    for holiday, name in eves:
        eve = holiday - _DAY
        if holiday.weekday() < _SATURDAY and eve.weekday() < _SATURDAY:
            found[eve] = f"eve of {name}"
    return MappingProxyType(found)


def _nth(year: int, month: int, weekday: int, count: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (count - 1))


def _last_monday_of_may(year: int) -> date:
    last = date(year, 5, 31)
    return last - timedelta(days=last.weekday())


def _thanksgiving(year: int) -> date:
    return _nth(year, 11, _THURSDAY, 4)


def _observed(day: date) -> date:
    """Return the weekday on which a holiday of a fixed date is kept."""
    return day + timedelta(days={_SATURDAY: -1, _SUNDAY: 1}.get(day.weekday(), 0))


def _easter(year: int) -> date:
    """Return Easter Sunday (Meeus/Jones/Butcher, "Astronomical Algorithms", chapter 8)."""
    century, rest = divmod(year, 100)
    golden = year % 19
    moon = century - century // 4 - (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + moon + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (rest // 4) - epact - rest % 4) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)


# Where stocks in dollars trade in the United States; of SMART the primary exchange says it, and
# without one the wall clock of the hours does.
_US_PLACES = frozenset({"", "NYSE", "NASDAQ", "ISLAND", "ARCA", "AMEX", "BATS", "IEX", "PINK"})
_VERSION = "2026.11"
_FROM, _UNTIL = date(2014, 1, 1), date(2027, 12, 31)

# NYSE, NASDAQ, ARCA and the smaller ones keep the same days and regular hours.
US_STOCKS = ExchangeCalendar(
    name="US stocks",
    version=_VERSION,
    valid_from=_FROM,
    valid_until=_UNTIL,
    zone="America/New_York",
    regular=(time(9, 30), time(16)),
    early=time(13),
    extended=(time(4), time(20)),
    extended_early=time(17),
    closings=_us_closings,
    early_closings=_us_early_closings,
)

# VIX and its like: a quarter of an hour longer than stocks. Its night hours have changed several
# times and are left out: an index takes no orders.
CBOE_INDICES = ExchangeCalendar(
    name="Cboe indices",
    version=_VERSION,
    valid_from=_FROM,
    valid_until=_UNTIL,
    zone="America/Chicago",
    regular=(time(8, 30), time(15, 15)),
    early=time(12, 15),
    extended=(time(8, 30), time(15, 15)),
    extended_early=time(12, 15),
    closings=_us_closings,
    early_closings=_us_early_closings,
)

SHIPPED = (US_STOCKS, CBOE_INDICES)
