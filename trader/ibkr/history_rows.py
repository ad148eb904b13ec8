"""Bars of the past as the wire has them (message 17), to values of ``trader.core``; pure.

The whole answer is one message, and the count of rows in it is its end marker: an answer that has
not exactly so many is no answer. What the broker writes for "no data" (-1, 0, NaN) is no price,
and an interval without prices has no bar (INC-019).
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from trader.core.amounts import ZERO, decimal_from
from trader.core.bars import Bar, BarSource, start_of
from trader.core.ids import ConId
from trader.ibkr.translate import Unreadable

Row = Sequence[str]
# Message, request id, first and last moment, count of rows.
_HEAD_FIELDS = 5
# Moment, open, high, low, close, volume, average price, count of trades.
_ROW_FIELDS = 8
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Of the years 2001 to 2286: a day written as 20260406 would be one in 1970.
_STAMP_DIGITS = 10


def rows_in(fields: Sequence[str]) -> list[Row]:
    """Return the rows of an answer; raises Unreadable unless all that it counts are there."""
    if len(fields) < _HEAD_FIELDS or not fields[4].isdecimal():
        raise Unreadable(f"history of {len(fields)} fields without a count of rows")
    rest, count = fields[_HEAD_FIELDS:], int(fields[4])
    if len(rest) != count * _ROW_FIELDS:
        raise Unreadable(f"history of {len(rest)} fields for {count} rows of {_ROW_FIELDS}")
    return [rest[at : at + _ROW_FIELDS] for at in range(0, len(rest), _ROW_FIELDS)]


def bar_in(row: Row, con_id: ConId, size_s: int, magnifier: int) -> Bar | None:
    """Read one row, in the currency; None where it has no price. Raises Unreadable.

    One that does not begin with its interval is the first of a session: it is put where it
    belongs, and is not whole.
    """
    begins = _moment(row[0])
    start_utc = start_of(begins, size_s)
    prices = [_price(text, magnifier) for text in row[1:5]]
    opened, high, low, close = prices
    if opened is None or high is None or low is None or close is None:
        return None
    if not low <= min(opened, close) <= max(opened, close) <= high:
        return None
    return Bar(
        con_id=con_id,
        start_utc=start_utc,
        size_s=size_s,
        open=opened,
        high=high,
        low=low,
        close=close,
        source=BarSource.HISTORY,
        is_whole=begins == start_utc,
    )


def _moment(text: str) -> datetime:
    # Asked for with formatDate 2: seconds of the epoch, so no zone can be misread (INC-084).
    if not (text.isascii() and text.isdecimal() and len(text) == _STAMP_DIGITS):
        raise Unreadable(f"moment {text[:40]!r} of a bar is not in seconds of the epoch")
    return _EPOCH + timedelta(seconds=int(text))


def _price(text: str, magnifier: int) -> Decimal | None:
    price = decimal_from(text)
    return None if price is None or price <= ZERO else price / magnifier
