"""History messages: bars 17, from 196 on with 108.

Field counts are exact because clients drop or misread a message with one field more or less.
`sv` is the server version agreed with the client.
"""

from collections.abc import Sequence

from trader.sim.wire.frames import encode


def historical_data(
    sv: int, request_id: int, span: tuple[str, str], bars: Sequence[Sequence[object]]
) -> bytes:
    """Message 17 (from 196 on followed by 108): date, prices, volume, average, count."""
    flat = [value for bar in bars for value in bar]
    if sv >= 196:
        return encode(17, request_id, len(bars), *flat) + encode(108, request_id, *span)
    return encode(17, request_id, *span, len(bars), *flat)
