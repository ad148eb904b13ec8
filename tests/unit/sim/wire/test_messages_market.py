"""Market data messages have exact field counts."""

from __future__ import annotations

from tests.unit.sim.support import Bench, split
from trader.sim.model.instruments import Instrument
from trader.sim.wire import messages_market


def aapl() -> Instrument:
    item = Bench().market.catalogue.symbol("AAPL")
    assert item is not None
    return item


def test_ticks_carry_price_and_size() -> None:
    assert split(messages_market.tick_price(1, 4, "172.1", 100)) == [
        ["1", "6", "1", "4", "172.1", "100", "0"]
    ]
    assert split(messages_market.tick_size(1, 5, 100)) == [["2", "6", "1", "5", "100"]]
    assert split(messages_market.tick_string(1, 45, "9")) == [["46", "6", "1", "45", "9"]]
    assert split(messages_market.market_data_type(1, 1)) == [["58", "1", "1", "1"]]
    assert split(messages_market.tick_request_parameters(1, aapl())) == [
        ["81", "1", "0.01", "9c0001", "3"]
    ]


def test_a_realtime_bar_has_eleven_fields() -> None:
    (fields,) = split(messages_market.realtime_bar(1, 5, (1, 2, 3, 4, 5, 6, 7)))
    assert len(fields) == 11
