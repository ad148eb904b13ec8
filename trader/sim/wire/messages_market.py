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


def realtime_bar(request_id: int, epoch_s: int, values: Iterable[object]) -> bytes:
    """Message 50: open, high, low, close, volume, average, count."""
    return encode(50, 3, request_id, epoch_s, *values)


def tick_by_tick_trade(request_id: int, kind: int, values: Iterable[object]) -> bytes:
    """Message 99 of kind 1 (Last) or 2 (AllLast).

    Values: epoch, price, size, mask, exchange, conditions.
    """
    return encode(99, request_id, kind, *values)


def tick_by_tick_quote(request_id: int, values: Iterable[object]) -> bytes:
    """Message 99 of kind 3 (BidAsk): epoch, bid, ask, bid size, ask size, mask."""
    return encode(99, request_id, 3, *values)


def tick_by_tick_midpoint(request_id: int, epoch_s: int, midpoint: str) -> bytes:
    """Message 99 of kind 4 (MidPoint)."""
    return encode(99, request_id, 4, epoch_s, midpoint)


def market_depth(request_id: int, place: tuple[int, int, int], price: str, size: int) -> bytes:
    """Message 12; the place is position, operation (0 insert, 1 update, 2 delete), side."""
    return encode(12, 1, request_id, *place, price, size)


def market_depth_by_maker(
    request_id: int, place: tuple[int, int, int], maker: str, level: tuple[str, int, bool]
) -> bytes:
    """Message 13: as 12 with the market maker after the position; the level is price, size, smart.

    The place is position, operation, side (0 ask, 1 bid).
    """
    position, operation, side = place
    price, size, is_smart = level
    return encode(13, 1, request_id, position, maker, operation, side, price, size, int(is_smart))


def news_providers(providers: Iterable[tuple[str, str]]) -> bytes:
    """Message 85: code and name of each provider the account is subscribed to."""
    rows = list(providers)
    return encode(85, len(rows), *(text for row in rows for text in row))


def scanner_parameters(xml: str) -> bytes:
    """Message 19."""
    return encode(19, 1, xml)
