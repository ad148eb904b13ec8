"""History messages: bars 17, from 196 on with 108.

Field counts are exact because clients drop or misread a message with one field more or less.
`sv` is the server version agreed with the client.
"""

from collections.abc import Sequence

from trader.sim.wire.frames import encode

# From this version on the span of a history stands in a message of its own.
END_VERSION = 196


def historical_data(
    sv: int, request_id: int, span: tuple[str, str], bars: Sequence[Sequence[object]]
) -> bytes:
    """Message 17: date, prices, volume, average, count of each bar; before 196 its span too."""
    flat = [value for bar in bars for value in bar]
    if sv >= END_VERSION:
        return encode(17, request_id, len(bars), *flat)
    return encode(17, request_id, *span, len(bars), *flat)


def historical_data_end(request_id: int, span: tuple[str, str]) -> bytes:
    """Message 108, which follows 17 from version 196 on and names the span."""
    return encode(108, request_id, *span)


def historical_update(request_id: int, values: Sequence[object]) -> bytes:
    """Message 90: bar count (-1), then date, open, close, high, low, average, volume."""
    return encode(90, request_id, -1, *values)


def historical_schedule(
    request_id: int, span: tuple[str, str], zone: str, sessions: Sequence[tuple[str, str, str]]
) -> bytes:
    """Message 106: start, end, zone, then start, end and date of each session."""
    flat = [value for session in sessions for value in session]
    return encode(106, request_id, *span, zone, len(sessions), *flat)


def head_timestamp(request_id: int, text: str) -> bytes:
    """Message 88: the moment of the earliest data."""
    return encode(88, request_id, text)


def histogram(request_id: int, rows: Sequence[tuple[str, int]]) -> bytes:
    """Message 89: prices, each with its size."""
    flat = [value for row in rows for value in row]
    return encode(89, request_id, len(rows), *flat)


def historical_ticks(
    message_id: int, request_id: int, rows: Sequence[Sequence[object]], *, is_done: bool
) -> bytes:
    """Message 96 (time, 0, price, size), 97 (time, mask, bid, ask, sizes) or 98 (trades).

    A row of 98 has time, mask, price, size, exchange, conditions.
    """
    flat = [value for row in rows for value in row]
    return encode(message_id, request_id, len(rows), *flat, int(is_done))
