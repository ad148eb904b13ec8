"""Which executions a filter means (message 7): a pure selection."""

from collections.abc import Iterable

from trader.sim.clock import read_stamp, utc
from trader.sim.model.orders import Execution, Side
from trader.sim.wire.frames import FieldError
from trader.sim.wire.requests_orders import ExecutionFilter

DAY_S = 86_400
DAYS_MAX = 7
DATE_LENGTH = len("yyyymmdd")
_SIDES = {"": None, "BUY": Side.BUY, "BOT": Side.BUY, "SELL": Side.SELL, "SLD": Side.SELL}


def matching(
    items: Iterable[Execution], wanted: ExecutionFilter, *, now_s: float
) -> list[Execution]:
    """Return the executions the filter lets through. Raises FieldError on a bad filter.

    A gateway tells of the current day, which begins at midnight UTC; from version 200 on a client
    may ask for the last days, seven at most, or for dates by name.
    """
    if wanted.side.upper() not in _SIDES:
        raise FieldError(f"side {wanted.side[:20]!r}, allowed: BUY, SELL, BOT, SLD or empty")
    side = _SIDES[wanted.side.upper()]
    since_s = read_stamp(wanted.since) if wanted.since else 0.0
    if since_s is None:
        raise FieldError(f"time {wanted.since[:40]!r}, expected yyyymmdd hh:mm:ss")
    midnight_s = now_s - now_s % DAY_S
    days = 1 if wanted.last_days is None else wanted.last_days
    if not 1 <= days <= DAYS_MAX:
        raise FieldError(f"last days {days}, allowed: 1 to {DAYS_MAX}")
    for date in wanted.dates:
        if not (len(date) == DATE_LENGTH and date.isdecimal()):
            raise FieldError(f"date {date[:20]!r}, expected yyyymmdd")
    if not wanted.dates:
        since_s = max(since_s, midnight_s - (days - 1) * DAY_S)
    return [
        item
        for item in items
        if (not wanted.client_id or item.client_id == wanted.client_id)
        and wanted.account in ("", item.account)
        and item.time_s >= since_s
        and (not wanted.dates or f"{utc(item.time_s):%Y%m%d}" in wanted.dates)
        and wanted.symbol in ("", item.instrument.symbol)
        and wanted.sec_type in ("", item.instrument.sec_type)
        and wanted.exchange in ("", "SMART", item.exchange)
        and side in (None, item.side)
    ]
