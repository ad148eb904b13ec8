"""News messages: bulletins 14, articles 83, headlines 84 and 86, the end of a list 87.

None of them has changed its layout between versions 157 and 200.
"""

from trader.sim.wire.frames import encode


def news_bulletin(message_id: int, kind: int, text: str, exchange: str) -> bytes:
    """Message 14; kind 1 is ordinary, 2 an exchange that halts, 3 one that trades again."""
    return encode(14, 1, message_id, kind, text, exchange)


def news_article(request_id: int, kind: int, text: str) -> bytes:
    """Message 83; kind 0 is text or HTML, 1 binary data."""
    return encode(83, request_id, kind, text)


def tick_news(request_id: int, epoch_ms: int, article: tuple[str, str, str, str]) -> bytes:
    """Message 84: provider, article id, headline, extra data of one live headline."""
    return encode(84, request_id, epoch_ms, *article)


def historical_news(request_id: int, time_text: str, article: tuple[str, str, str]) -> bytes:
    """Message 86: provider, article id, headline; the time reads `2024-12-23 19:45:00.0`."""
    return encode(86, request_id, time_text, *article)


def historical_news_end(request_id: int, *, has_more: bool) -> bytes:
    """Message 87."""
    return encode(87, request_id, int(has_more))
