"""Market data messages: ticks, their parameters and five-second bars.

Field counts are exact because clients drop or misread a message with one field more or less.
`sv` is the server version agreed with the client.
"""

from collections.abc import Iterable

from trader.sim.model.instruments import Instrument
from trader.sim.wire.frames import encode, plain


def market_data_type(request_id: int, kind: int) -> bytes:
    """Message 58."""
    return encode(58, 1, request_id, kind)


def tick_request_parameters(request_id: int, item: Instrument) -> bytes:
    """Message 81."""
    exchange = "9c0001" if item.is_tradable else ""
    return encode(81, request_id, plain(item.tick), exchange, 3)


def tick_price(request_id: int, kind: int, price: str, size: int) -> bytes:
    """Message 1, with the size inside."""
    return encode(1, 6, request_id, kind, price, size, 0)


def tick_size(request_id: int, kind: int, size: int) -> bytes:
    """Message 2."""
    return encode(2, 6, request_id, kind, size)


def tick_string(request_id: int, kind: int, text: str) -> bytes:
    """Message 46."""
    return encode(46, 6, request_id, kind, text)


def realtime_bar(request_id: int, epoch_s: int, values: Iterable[object]) -> bytes:
    """Message 50: open, high, low, close, volume, average, count."""
    return encode(50, 3, request_id, epoch_s, *values)
