"""Which executions a filter means (message 7): a pure selection."""

from collections.abc import Iterable

from trader.sim.clock import read_stamp
from trader.sim.model.orders import Execution, Side
from trader.sim.wire.frames import FieldError
from trader.sim.wire.requests_orders import ExecutionFilter

DAY_S = 86_400
_SIDES = {"": None, "BUY": Side.BUY, "BOT": Side.BUY, "SELL": Side.SELL, "SLD": Side.SELL}


def matching(
    items: Iterable[Execution], wanted: ExecutionFilter, *, now_s: float
) -> list[Execution]:
    """Return the executions the filter lets through. Raises FieldError on a bad filter.

    Only the current day's are known to a gateway; its day begins at midnight UTC.
    """
    if wanted.side.upper() not in _SIDES:
        raise FieldError(f"side {wanted.side[:20]!r}, allowed: BUY, SELL, BOT, SLD or empty")
    side = _SIDES[wanted.side.upper()]
    since_s = read_stamp(wanted.since) if wanted.since else 0.0
    if since_s is None:
        raise FieldError(f"time {wanted.since[:40]!r}, expected yyyymmdd hh:mm:ss")
    since_s = max(since_s, now_s - now_s % DAY_S)
    return [
        item
        for item in items
        if (not wanted.client_id or item.client_id == wanted.client_id)
        and wanted.account in ("", item.account)
        and item.time_s >= since_s
        and wanted.symbol in ("", item.instrument.symbol)
        and wanted.sec_type in ("", item.instrument.sec_type)
        and wanted.exchange in ("", "SMART", item.exchange)
        and side in (None, item.side)
    ]
