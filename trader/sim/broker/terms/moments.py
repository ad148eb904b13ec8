"""Moments as clients write them into orders and filters, with or without a date or a zone."""

import re
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_FORM = re.compile(r"(?:(\d{8})([ -]))?\s*(\d{1,2}:\d{2}(?::\d{2})?)(?:\s+(\S.*))?")
# What gateways and clients write for places whose zone has another name in the database.
_OTHER_NAMES = {
    "EST": "US/Eastern", "EDT": "US/Eastern", "EST5EDT": "US/Eastern", "CST": "US/Central",
    "CDT": "US/Central", "PST": "US/Pacific", "GMT": "UTC", "Z": "UTC", "JST": "Asia/Tokyo",
    "BST": "Europe/London", "CET": "Europe/Berlin", "CEST": "Europe/Berlin",
}  # fmt: skip


def read_zone(name: str) -> tzinfo | None:
    """Return the zone of a name, None for one that is not known."""
    known = _OTHER_NAMES.get(name, name)
    if known == "UTC":
        return UTC
    try:
        return ZoneInfo(known)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def read_moment(text: str, *, now_s: float, zone: tzinfo = UTC) -> float | None:
    """Return the epoch second of a moment, None for a text that is none.

    `yyyymmdd-hh:mm:ss` is UTC; `[yyyymmdd ]hh:mm:ss [zone]` is of the named zone or of `zone`, the
    gateway's own, and of today's date there when it has none.
    """
    found = _FORM.fullmatch(text.strip())
    if found is None:
        return None
    date, divider, clock, name = found.groups()
    place = UTC if divider == "-" else read_zone(name) if name else zone
    if place is None or (divider == "-" and name not in (None, "UTC")):
        return None
    day = date or datetime.fromtimestamp(now_s, place).strftime("%Y%m%d")
    form = "%Y%m%d %H:%M:%S" if clock.count(":") == 2 else "%Y%m%d %H:%M"
    try:
        moment = datetime.strptime(f"{day} {clock}", form).replace(tzinfo=place)
    except ValueError:
        return None
    return moment.timestamp()
