"""The scanner's results: message 20, one row per instrument that was found."""

from collections.abc import Sequence

from trader.sim.model.instruments import Instrument
from trader.sim.wire.contract_blocks import expiry
from trader.sim.wire.frames import encode, plain


def scanner_data(request_id: int, found: Sequence[Instrument]) -> bytes:
    """Message 20: rank, contract, market name, class; distance to legs stay empty as recorded."""
    rows: list[object] = []
    for rank, item in enumerate(found):
        strike = "0" if item.strike is None else plain(item.strike)
        rows += [
            rank, item.con_id, item.symbol, item.sec_type, expiry(item), strike, item.right,
            item.exchange, item.currency, item.local_symbol, item.trading_class,
            item.trading_class, "", "", "", "",
        ]  # fmt: skip
    return encode(20, 3, request_id, len(found), *rows)
