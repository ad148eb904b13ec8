"""The days ahead: sessions, half days, restarts and logins, and when new risk may be taken; pure.

Of a day of which the broker has told its hours, these hold; of another one the shipped calendar
tells what is to be expected; of the rest nothing is known. The windows for new risk are those of
the review: both ask the same standing, and on a day of disagreement the stricter of the two.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from itertools import pairwise

from trader.core.calendar import (
    ContractHours,
    Span,
    Standing,
    day_of_session,
    instant,
    midnight,
    next_daily,
    standing,
    stricter,
)
from trader.core.exchanges import (
    Compared,
    Disagreement,
    ExchangeCalendar,
    disagreements,
    frame_of,
    hours_on,
)
from trader.core.policy import SessionPolicy, TradingHours

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAY = timedelta(days=1)


class Source(StrEnum):
    """Who says what a day is like."""

    BROKER = "broker"
    SHIPPED = "shipped"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class WeeklyLogin:
    """When somebody has to log in anew: Monday is 0."""

    weekday: int
    at: time

    @classmethod
    def of(cls, text: str) -> "WeeklyLogin":
        """Read ``Sun 01:00``; raises ValueError."""
        day, _, at = text.partition(" ")
        if day not in WEEKDAYS:
            raise ValueError(f"weekday {day!r}")
        return cls(WEEKDAYS.index(day), time.fromisoformat(at))


@dataclass(frozen=True, slots=True)
class SessionTerms:
    """What the settings say: the account's zone, restart and login in it, and the risk policy.

    A simulated exchange is open when it likes, and no calendar speaks of it.
    """

    zone: tzinfo = UTC
    restart_at: time | None = None
    restart_s: float = 600.0
    weekly_login: WeeklyLogin | None = None
    policy: SessionPolicy = field(default_factory=SessionPolicy)
    is_simulated: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """What is known of one exchange: what the broker told, what the calendar says, in its zone."""

    zone: tzinfo
    told: ContractHours | None = None
    calendar: ExchangeCalendar | None = None


@dataclass(frozen=True, slots=True)
class PlannedDay:
    """One day of an exchange; both without a span on a day that is closed or not known."""

    day: date
    source: Source
    trading: tuple[Span, ...] = ()
    regular: tuple[Span, ...] = ()
    new_risk: tuple[Span, ...] = ()
    is_half_day: bool = False
    # Why the day is not like any other, and where broker and calendar differ.
    note: str = ""
    disagreement: str = ""


@dataclass(frozen=True, slots=True)
class AccountDay:
    """One day of the account: when it begins, the gateway's restarts and the logins in it."""

    day: date
    begins_utc: datetime
    restarts: tuple[Span, ...]
    login_utc: datetime | None


def planned_days(
    listing: Listing, terms: SessionTerms, first: date, count: int
) -> tuple[PlannedDay, ...]:
    """Return so many days of an exchange, from ``first`` on."""
    calendar = listing.calendar
    rows: tuple[Disagreement, ...] = ()
    if listing.told is not None and calendar is not None:
        rows = disagreements(listing.told, calendar, listing.zone)
    found = {row.day: row for row in rows}
    days = []
    for ahead in range(count):
        day = first + ahead * _DAY
        hours, source = _hours_of(listing, day)
        if hours is None:
            days.append(PlannedDay(day, source))
            continue
        disagreement = found.get(day)
        trading = _of_day(hours.trading, day, listing.zone)
        regular = _of_day(hours.regular, day, listing.zone)
        # As in the review: each of them speaks of the time of its own day alone.
        words = (hours, *(row.shipped for row in rows))
        days.append(
            PlannedDay(
                day=day,
                source=source,
                trading=trading,
                regular=regular,
                new_risk=_new_risk(words, _asked(terms, trading, _frame(listing, day)), terms),
                is_half_day=_is_half_day(listing, hours, day),
                note="" if calendar is None else calendar.note(day),
                disagreement="" if disagreement is None else disagreement.text,
            )
        )
    return tuple(days)


def account_days(terms: SessionTerms, first: date, count: int) -> tuple[AccountDay, ...]:
    """Return so many days of the account, from ``first`` on."""
    days = []
    for ahead in range(count):
        day = first + ahead * _DAY
        begins, ends = midnight(day, terms.zone), midnight(day + _DAY, terms.zone)
        restarts = tuple(
            one for one in _restarts(terms, begins, ends) if begins <= one.start_utc < ends
        )
        login = terms.weekly_login
        is_login = login is not None and day.weekday() == login.weekday
        at_utc = instant(day, login.at, terms.zone) if login is not None and is_login else None
        days.append(AccountDay(day, begins, restarts, at_utc))
    return tuple(days)


def _hours_of(listing: Listing, day: date) -> tuple[ContractHours | None, Source]:
    """Return who speaks of a day, and what is said."""
    told, frame = listing.told, _frame(listing, day)
    if (
        told is not None
        and told.known.start_utc <= frame.start_utc
        and frame.end_utc <= told.known.end_utc
    ):
        return told, Source.BROKER
    shipped = None if listing.calendar is None else hours_on(listing.calendar, day, listing.zone)
    return (None, Source.UNKNOWN) if shipped is None else (shipped, Source.SHIPPED)


def _frame(listing: Listing, day: date) -> Span:
    """Return the time that a plan of one day is about."""
    if listing.calendar is not None:
        return frame_of(listing.calendar, day, listing.zone)
    return Span(midnight(day, listing.zone), midnight(day + _DAY, listing.zone))


def _of_day(spans: Iterable[Span], day: date, zone: tzinfo) -> tuple[Span, ...]:
    return tuple(one for one in spans if day_of_session(one, zone) == day)


def _length_s(spans: Iterable[Span]) -> float:
    return sum((one.end_utc - one.start_utc).total_seconds() for one in spans)


def _is_half_day(listing: Listing, hours: ContractHours, day: date) -> bool:
    """Tell whether a day is shorter than a whole one, by the hours that the exchange sets."""
    calendar = listing.calendar
    is_by_trading = calendar is not None and calendar.compared is Compared.TRADING
    spans = hours.trading if is_by_trading else hours.regular
    length_s = _length_s(_of_day(spans, day, listing.zone))
    if calendar is not None:
        return 0 < length_s < calendar.usual_s(day)
    # Else the longest that was told is a whole one.
    days: dict[date, float] = {}
    for one in spans:
        its_day = day_of_session(one, listing.zone)
        days[its_day] = days.get(its_day, 0.0) + _length_s((one,))
    return 0 < length_s < max(days.values())


def _asked(terms: SessionTerms, trading: tuple[Span, ...], frame: Span) -> tuple[Span, ...]:
    """Return when new risk comes into question at all."""
    return (frame,) if terms.policy.hours is TradingHours.ALWAYS else trading


def _new_risk(
    words: tuple[ContractHours, ...], asked: tuple[Span, ...], terms: SessionTerms
) -> tuple[Span, ...]:
    """Return the windows in which the review's checks of the session let new risk pass.

    Between two edges nothing changes but the seconds to the next one, so that the middle answers
    for all of it.
    """
    found: list[Span] = []
    for span in asked:
        edges = sorted(
            {span.start_utc, span.end_utc, *filter(span.holds, _edges(words, span, terms))}
        )
        for start, end in pairwise(edges):
            if _passes(words, start + (end - start) / 2, terms):
                is_next = bool(found) and found[-1].end_utc == start
                found.append(Span(found.pop().start_utc if is_next else start, end))
    return tuple(found)


def _edges(words: tuple[ContractHours, ...], span: Span, terms: SessionTerms) -> Iterator[datetime]:
    opened, closing = (
        timedelta(seconds=guard_s)
        for guard_s in (terms.policy.open_guard_s, terms.policy.close_guard_s)
    )
    for hours in words:
        for one in (*hours.regular, *hours.trading):
            yield from (one.start_utc, one.start_utc + opened, one.end_utc - closing, one.end_utc)
    guard = timedelta(seconds=terms.policy.restart_guard_s)
    for window in _restarts(terms, span.start_utc, span.end_utc + guard):
        yield from (window.start_utc - guard, window.start_utc, window.end_utc)


def _passes(words: tuple[ContractHours, ...], at_utc: datetime, terms: SessionTerms) -> bool:
    first, *others = words
    found = standing(first, at_utc)
    for hours in others:
        said = standing(hours, at_utc)
        if found is not None and said is not None:
            found = stricter(found, said)
    policy = terms.policy
    if policy.hours is not TradingHours.ALWAYS and not _is_open(found, policy.hours):
        return False
    since_s = None if found is None else found.since_open_s
    until_s = None if found is None else found.until_close_s
    # As in the review: with one guard both must be known as far as they are asked for.
    if policy.open_guard_s and (since_s is None or since_s < policy.open_guard_s):
        return False
    if policy.close_guard_s and (until_s is None or until_s < policy.close_guard_s):
        return False
    if terms.restart_at is None:
        return True
    window = next_daily(at_utc, terms.restart_at, terms.zone, terms.restart_s)
    until_restart_s = (window.start_utc - at_utc).total_seconds()
    return until_restart_s > 0 and until_restart_s >= policy.restart_guard_s


def _is_open(found: Standing | None, hours: TradingHours) -> bool:
    if found is None:
        return False
    return found.is_regular or (hours is TradingHours.EXTENDED and found.is_extended)


def _restarts(terms: SessionTerms, first_utc: datetime, last_utc: datetime) -> Iterator[Span]:
    """Give every planned restart that is on within a time."""
    if terms.restart_at is None:
        return
    at_utc = first_utc
    while True:
        window = next_daily(at_utc, terms.restart_at, terms.zone, terms.restart_s)
        if window.start_utc > last_utc:
            return
        yield window
        at_utc = window.end_utc
