"""Which executions a filter means (message 7): a pure selection."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo

from trader.sim.broker.terms.moments import read_moment
from trader.sim.model.orders import Execution, Side
from trader.sim.reference.venues import official
from trader.sim.wire.frames import FieldError
from trader.sim.wire.requests_orders import ExecutionFilter

DAY_S = 86_400
DAYS_MAX = 7
DATE_LENGTH = len("yyyymmdd")
_SIDES = {"": None, "BUY": Side.BUY, "BOT": Side.BUY, "SELL": Side.SELL, "SLD": Side.SELL}


def matching(
    items: Iterable[Execution], wanted: ExecutionFilter, *, now_s: float, zone: tzinfo = UTC
) -> list[Execution]:
    """Return the executions the filter lets through. Raises FieldError on a bad filter.

    A gateway tells of the current day, which begins at midnight in its own zone; from version 200
    on a client may ask for the last days, seven at most, or for dates by name. A time without a
    zone is the gateway's own; with a dash between date and time it is UTC.
    """
    if wanted.side.upper() not in _SIDES:
        raise FieldError(f"side {wanted.side[:20]!r}, allowed: BUY, SELL, BOT, SLD or empty")
    side = _SIDES[wanted.side.upper()]
    since_s = read_moment(wanted.since, now_s=now_s, zone=zone) if wanted.since else 0.0
    if since_s is None:
        raise FieldError(f"time {wanted.since[:40]!r}, expected yyyymmdd hh:mm:ss")
    days = 1 if wanted.last_days is None else wanted.last_days
    if not 1 <= days <= DAYS_MAX:
        raise FieldError(f"last days {days}, allowed: 1 to {DAYS_MAX}")
    for date in wanted.dates:
        if not (len(date) == DATE_LENGTH and date.isdecimal()):
            raise FieldError(f"date {date[:20]!r}, expected yyyymmdd")
    if not wanted.dates:
        since_s = max(since_s, day_start_s(now_s, zone, days_back=days - 1))
    return [
        item
        for item in items
        if (not wanted.client_id or item.client_id == wanted.client_id)
        and wanted.account in ("", item.account)
        and item.time_s >= since_s
        and (not wanted.dates or _date(item, zone) in wanted.dates)
        and wanted.symbol in ("", item.instrument.symbol)
        and wanted.sec_type in ("", item.instrument.sec_type)
        and official(wanted.exchange) in ("", "SMART", official(item.exchange))
        and side in (None, item.side)
    ]


def day_start_s(now_s: float, zone: tzinfo, *, days_back: int = 0) -> float:
    """Return the midnight at which the day of a moment began, or one some days before it."""
    local = datetime.fromtimestamp(now_s, zone) - timedelta(days=days_back)
    return local.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()


def _date(item: Execution, zone: tzinfo) -> str:
    return f"{datetime.fromtimestamp(item.time_s, zone):%Y%m%d}"
