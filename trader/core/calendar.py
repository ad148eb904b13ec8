"""When an exchange is open, when the gateway restarts, and when the account's day begins; pure.

An exchange's hours come as text in its own zone, for a few days only; what lies beyond them is
not known, which is not the same as closed. A day is a day of the wall clock: it has 23 or 25 hours
when the clocks are changed. Zones are handed in.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from itertools import pairwise

_DAY = timedelta(days=1)
_CLOSED = "CLOSED"


class UnreadableHours(ValueError):
    """A text of trading hours that cannot be read; nothing is guessed."""


@dataclass(frozen=True, slots=True)
class Span:
    """From ``start_utc`` on, and no more at ``end_utc``."""

    start_utc: datetime
    end_utc: datetime

    def holds(self, now_utc: datetime) -> bool:
        """Tell whether a moment lies in it."""
        return self.start_utc <= now_utc < self.end_utc


@dataclass(frozen=True, slots=True)
class ContractHours:
    """The hours of a contract: all of them, the regular ones, and from when until when they say."""

    trading: tuple[Span, ...]
    regular: tuple[Span, ...]
    known: Span
    # The exchange's own, in which its days begin.
    zone: tzinfo = UTC


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an exchange's day stands; seconds to the edges of the session that is on."""

    is_regular: bool
    is_extended: bool
    since_open_s: float | None = None
    until_close_s: float | None = None


class SessionStage(StrEnum):
    """Where an exchange stands, for who trades there."""

    UNKNOWN = "unknown"  # the broker has told no hours for now
    CLOSED = "closed"
    EXTENDED = "extended"  # before or after the regular session
    OPEN = "open"
    CLOSING = "closing"  # open, and soon no more


def stage_of(now: Standing | None, closing_s: float) -> SessionStage:
    """Return the stage that a standing is; it is closing for so many seconds before its end."""
    if now is None:
        return SessionStage.UNKNOWN
    if not now.is_regular:
        return SessionStage.EXTENDED if now.is_extended else SessionStage.CLOSED
    is_closing = now.until_close_s is None or now.until_close_s <= closing_s
    return SessionStage.CLOSING if is_closing else SessionStage.OPEN


@dataclass(frozen=True, slots=True)
class SessionNow:
    """The session that is on at a moment, and until when this answer holds.

    ``begun_utc`` is None while it is closed, and while the hours are not known.
    """

    begun_utc: datetime | None
    is_regular: bool
    is_closed: bool
    until_utc: datetime | None


def contract_hours(trading: str, regular: str, zone: tzinfo) -> ContractHours:
    """Read tradingHours and liquidHours (message 10); raises UnreadableHours.

    Both forms are known: ``20260406:0930-20260406:1600`` and the older ``20260406:0930-1200``,
    several sessions of a day separated by commas, days by semicolons, or ``20260407:CLOSED``.
    """
    spans, days = _read(trading, zone)
    if not days:
        raise UnreadableHours(f"no day in {trading!r}")
    regular_spans, _ = _read(regular, zone)
    for one in regular_spans:
        if not any(row.start_utc <= one.start_utc and one.end_utc <= row.end_utc for row in spans):
            raise UnreadableHours(f"regular hours {one} outside the trading hours")
    known = Span(midnight(min(days), zone), midnight(max(days) + _DAY, zone))
    return ContractHours(spans, regular_spans, known, zone)


def standing(hours: ContractHours, now_utc: datetime) -> Standing | None:
    """Return where the day stands at a moment, or None when the hours do not reach so far."""
    if not hours.known.holds(now_utc):
        return None
    for spans, is_regular in ((hours.regular, True), (hours.trading, False)):
        for one in spans:
            if one.holds(now_utc):
                return Standing(
                    is_regular=is_regular,
                    is_extended=True,
                    since_open_s=(now_utc - one.start_utc).total_seconds(),
                    until_close_s=(one.end_utc - now_utc).total_seconds(),
                )
    return Standing(is_regular=False, is_extended=False)


def session_now(hours: ContractHours | None, now_utc: datetime) -> SessionNow:
    """Return which session is on; the regular one is another than the extended one around it."""
    if hours is None or not hours.known.holds(now_utc):
        return SessionNow(None, is_regular=False, is_closed=False, until_utc=None)
    spans = (*hours.regular, *hours.trading)
    edges = (hours.known.end_utc, *(at for one in spans for at in (one.start_utc, one.end_utc)))
    until_utc = min(at for at in edges if at > now_utc)
    for one in spans:
        if one.holds(now_utc):
            return SessionNow(one.start_utc, one in hours.regular, False, until_utc)
    return SessionNow(None, is_regular=False, is_closed=True, until_utc=until_utc)


def stricter(one: Standing, other: Standing) -> Standing:
    """Return what holds where two disagree about a moment: never more than either allows."""
    if not (one.is_extended and other.is_extended):
        return Standing(is_regular=False, is_extended=False)
    return Standing(
        is_regular=one.is_regular and other.is_regular,
        is_extended=True,
        since_open_s=_smaller(one.since_open_s, other.since_open_s),
        until_close_s=_smaller(one.until_close_s, other.until_close_s),
    )


def _smaller(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else min(one, other)


def trading_day(hours: ContractHours, now_utc: datetime) -> Span | None:
    """Return the exchange's trading day at a moment, or None when the hours do not reach so far.

    A session belongs to the day on which it ends, as futures exchanges count it: one that opens
    on Sunday evening is Monday's. So a day begins with its first session or at the exchange's
    midnight, whichever is earlier; it ends with its midnight or where the next day's begins.
    """
    if not hours.known.holds(now_utc):
        return None
    now_day = now_utc.astimezone(hours.zone).date()
    # Of an evening between two sessions the next one is not on yet: it is still today.
    on = next((one for one in hours.trading if one.holds(now_utc)), None)
    today = now_day if on is None else max(now_day, day_of_session(on, hours.zone))
    starts: dict[date, datetime] = {}
    for one in hours.trading:
        day = day_of_session(one, hours.zone)
        starts[day] = min(one.start_utc, starts.get(day, one.start_utc))
    start = min(midnight(today, hours.zone), starts.get(today, hours.known.end_utc))
    tomorrow = today + _DAY
    end = min(midnight(tomorrow, hours.zone), starts.get(tomorrow, hours.known.end_utc))
    return Span(start, end)


def day_of_session(one: Span, zone: tzinfo) -> date:
    """Return the day on which a session ends; midnight itself ends the day before."""
    return (one.end_utc - timedelta(microseconds=1)).astimezone(zone).date()


def next_daily(now_utc: datetime, at: time, zone: tzinfo, length_s: float) -> Span:
    """Return the window of ``length_s`` seconds after ``at`` that is on, or the next one.

    ``at`` is a time of the wall clock; one that the change of clocks skips is taken an hour later.
    """
    today = now_utc.astimezone(zone).date()
    for ahead in range(-1, 3):
        start = instant(today + ahead * _DAY, at, zone)
        window = Span(start, start + timedelta(seconds=length_s))
        if now_utc < window.end_utc:
            return window
    raise AssertionError(f"no window after {now_utc}")


def day_of(now_utc: datetime, zone: tzinfo) -> str:
    """Return the day that a moment belongs to, as YYYY-MM-DD."""
    return now_utc.astimezone(zone).date().isoformat()


def day_span(now_utc: datetime, zone: tzinfo) -> Span:
    """Return the day that a moment belongs to, from midnight to midnight of the wall clock."""
    today = now_utc.astimezone(zone).date()
    return Span(midnight(today, zone), midnight(today + _DAY, zone))


def _read(text: str, zone: tzinfo) -> tuple[tuple[Span, ...], list[date]]:
    """Return the sessions of a text in their order, and every day that it speaks of."""
    spans: list[Span] = []
    days: list[date] = []
    for entry in filter(None, (part.strip() for part in text.split(";"))):
        first, colon, rest = entry.partition(":")
        day = _date(first)
        days.append(day)
        if not colon:
            raise UnreadableHours(f"{entry!r} has no hours")
        if rest == _CLOSED:
            continue
        for session in rest.split(","):
            span, last = _session(session.removeprefix(f"{first}:"), day, zone)
            spans.append(span)
            days.append(last)
    spans.sort(key=lambda one: one.start_utc)
    return _without_repeats(spans), days


def _without_repeats(spans: Iterable[Span]) -> tuple[Span, ...]:
    kept = tuple(dict.fromkeys(spans))
    for before, after in pairwise(kept):
        if after.start_utc < before.end_utc:
            raise UnreadableHours(f"sessions {before} and {after} overlap")
    return kept


def _session(text: str, day: date, zone: tzinfo) -> tuple[Span, date]:
    """Read ``0930-1600``, each side with a day before it or without; and the day it belongs to."""
    start_text, dash, end_text = text.partition("-")
    if not dash:
        raise UnreadableHours(f"session {text!r}")
    start, end = _moment(start_text, day, zone), _moment(end_text, day, zone)
    if not start < end:
        raise UnreadableHours(f"session {text!r} of {day} ends before it starts")
    span = Span(start, end)
    # One that ends at midnight says nothing of the day that begins there.
    return span, day_of_session(span, zone)


def _moment(text: str, day: date, zone: tzinfo) -> datetime:
    head, colon, clock = text.strip().rpartition(":")
    if colon:
        day = _date(head)
    if len(clock) != 4 or not clock.isdecimal() or not clock.isascii():
        raise UnreadableHours(f"time {text!r}")
    if clock == "2400":
        return midnight(day + _DAY, zone)
    try:
        at = time(int(clock[:2]), int(clock[2:]))
    except ValueError as error:
        raise UnreadableHours(f"time {text!r}: {error}") from error
    return instant(day, at, zone)


def _date(text: str) -> date:
    if len(text) != 8 or not text.isdecimal() or not text.isascii():
        raise UnreadableHours(f"day {text!r}")
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError as error:
        raise UnreadableHours(f"day {text!r}: {error}") from error


def midnight(day: date, zone: tzinfo) -> datetime:
    """Return the moment at which a day of the wall clock begins."""
    return instant(day, time(), zone)


def instant(day: date, at: time, zone: tzinfo) -> datetime:
    """Return a moment of the wall clock; of a repeated hour the first, a skipped one later."""
    return datetime.combine(day, at, zone).astimezone(UTC)
