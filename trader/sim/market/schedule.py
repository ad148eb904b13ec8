"""Dates of the market: sessions as message 106 lists them, the first day, volume by price."""

import re

from trader.sim.clock import utc
from trader.sim.market.bars import Wanted, days_of
from trader.sim.market.market import Market
from trader.sim.market.spans import DAY_S, invalid
from trader.sim.model.instruments import Instrument
from trader.sim.reference import calendar as calendars
from trader.sim.reference import hours
from trader.sim.wire.frames import plain

_PERIOD = re.compile(r"(\d{1,4})\s*(s|min|hour|day|week|month|year|S|D|W|M|Y)[a-z]*\Z")
_UNITS_S = {
    "s": 1, "S": 1, "min": 60, "hour": 3600, "day": DAY_S, "D": DAY_S, "week": 7 * DAY_S,
    "W": 7 * DAY_S, "month": 30 * DAY_S, "M": 30 * DAY_S, "year": 365 * DAY_S, "Y": 365 * DAY_S,
}  # fmt: skip
_HISTOGRAM_STEPS = 390


def sessions(item: Instrument, wanted: Wanted) -> list[tuple[str, str, str]]:
    """Return start, end and date of each session of a span, oldest first: those of its bars."""
    rows = hours.schedule(item.calendar, days_of(item, wanted), regular=wanted.is_regular)
    return [(row.start, row.end, row.day) for row in rows]


def first_moment(market: Market, item: Instrument, *, regular: bool = True) -> float:
    """Return when the earliest data of an instrument begins, in epoch seconds."""
    first_s = market.first_s(item)
    day = calendars.next_day(item.calendar, first_s)
    return day.open_s if regular else day.start_s


def utc_stamp(epoch_s: float) -> str:
    """Write a moment as `yyyymmdd-hh:mm:ss` in UTC."""
    return f"{utc(epoch_s):%Y%m%d-%H:%M:%S}"


def read_period(text: str) -> int:
    """Return a period such as `3 days` in seconds. Raises BarsError."""
    found = _PERIOD.match(text.strip())
    if found is None or not int(found[1]):
        raise invalid(f"Time period {text[:40]!r} is invalid. Format is 'integer{{SPACE}}unit'")
    return int(found[1]) * _UNITS_S[found[2]]


def histogram(
    market: Market, item: Instrument, period_s: int, now_s: float
) -> list[tuple[str, int]]:
    """Return prices with what traded at each in a period up to now, ascending."""
    step_s = max(period_s / _HISTOGRAM_STEPS, market.quantum_s)
    found: dict[int, int] = {}
    first = market.slot_from(market.first_s(item))
    for n in range(int(period_s / step_s)):
        slot = market.slot_at(now_s - n * step_s)
        if slot < first:
            break
        moment = market.moment(item, slot)
        if moment.is_open:
            size = market.traded(item, slot) * max(int(step_s / market.quantum_s), 1)
            price = market.middle(item, slot)
            found[price] = found.get(price, 0) + size
    return [(plain(price * item.tick), size) for price, size in sorted(found.items()) if size]
