"""Spans and moments as a scenario writes them: `200ms`, `3 m`, `Sun 23:45 America/New_York`.

A moment of the day is found on the zone's own clock: across a change to or from daylight saving
it stays the same time of day, and a time that the change skips is taken as the zone reads it.
"""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from trader.sim.script.inputs import InputError

_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?\Z")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_MOMENT = re.compile(r"(?:(\w{3}) )?(\d{2}):(\d{2})(?: (\S+))?\Z")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
SPAN_ALLOWED = "a number of seconds, or a number with ms, s, m, h or d"
MOMENT_ALLOWED = "HH:MM, before it Mon to Sun if wanted, after it a zone if not UTC"


def span_s(field: str, value: object) -> float:
    """Return a span in seconds. Raises InputError."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise InputError(field, value, SPAN_ALLOWED)
    found = _SPAN.match(str(value).strip())
    if found is None:
        raise InputError(field, value, SPAN_ALLOWED)
    return float(found[1]) * _UNITS[found[2] or "s"]


def next_moment(field: str, text: str, now_s: float) -> float:
    """Return the seconds since the epoch when this time comes next. Raises InputError."""
    found = _MOMENT.match(text.strip())
    if found is None or (found[1] and found[1] not in _DAYS):
        raise InputError(field, text, MOMENT_ALLOWED)
    hour, minute = int(found[2]), int(found[3])
    if hour > 23 or minute > 59:
        raise InputError(field, text, MOMENT_ALLOWED)
    zone = _zone(field, found[4] or "UTC")
    now = datetime.fromtimestamp(now_s, UTC)
    day = now.astimezone(zone).date()
    for ahead in range(9):
        moment = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone) + timedelta(
            days=ahead
        )
        is_day = not found[1] or _DAYS[moment.weekday()] == found[1]
        if is_day and moment.astimezone(UTC) > now:
            return moment.timestamp()
    raise AssertionError("every day of the week comes within nine days")


def _zone(field: str, name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise InputError(field, name, "a zone such as America/New_York") from None
