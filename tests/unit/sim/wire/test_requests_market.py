"""Market data requests are read field by field."""

from __future__ import annotations

from tests.unit.sim.support import contract
from trader.sim.wire.requests_market import parse_market_data, parse_realtime_bars


def texts(*fields: object) -> list[str]:
    return [str(field) for field in fields]


def test_market_data_and_bars_are_read() -> None:
    found = parse_market_data(texts(1, 11, 5, *contract(), 0, "233", 1, 0, ""))
    assert (found[0], found[1].symbol, found[2]) == (5, "AAPL", True)
    bars = parse_realtime_bars(texts(50, 3, 7, *contract(), 5, "MIDPOINT", 1, ""))
    assert (bars[0], bars[2]) == (7, "MIDPOINT")
