"""Market data messages have exact field counts."""

from __future__ import annotations

from tests.unit.sim.support import Bench, split
from trader.sim.model.instruments import Instrument
from trader.sim.wire import messages_market


def aapl() -> Instrument:
    item = Bench().market.catalogue.symbol("AAPL")
    assert item is not None
    return item


def test_a_request_for_ticks_is_answered_with_their_kind_and_parameters() -> None:
    assert split(messages_market.market_data_type(1, 1)) == [["58", "1", "1", "1"]]
    assert split(messages_market.tick_request_parameters(1, aapl())) == [
        ["81", "1", "0.01", "9c0001", "3"]
    ]


def test_a_realtime_bar_has_eleven_fields() -> None:
    (fields,) = split(messages_market.realtime_bar(1, 5, (1, 2, 3, 4, 5, 6, 7)))
    assert len(fields) == 11


def test_single_ticks_have_a_layout_by_kind() -> None:
    trade = messages_market.tick_by_tick_trade(5, 1, (1678740829, "3895.25", 7, 2, "", ""))
    assert split(trade) == [["99", "5", "1", "1678740829", "3895.25", "7", "2", "", ""]]
    quote = messages_market.tick_by_tick_quote(5, (1678745793, "1.5", "1.75", 9, 11, 1))
    assert split(quote) == [["99", "5", "3", "1678745793", "1.5", "1.75", "9", "11", "1"]]
    middle = messages_market.tick_by_tick_midpoint(5, 1678746113, "1.625")
    assert split(middle) == [["99", "5", "4", "1678746113", "1.625"]]


def test_depth_names_its_maker_in_message_13_only() -> None:
    assert split(messages_market.market_depth(5, (2, 1, 0), "1.5", 300)) == [
        ["12", "1", "5", "2", "1", "0", "1.5", "300"]
    ]
    by_maker = messages_market.market_depth_by_maker(5, (2, 0, 1), "ARCA", ("1.5", 300, True))
    assert split(by_maker) == [["13", "1", "5", "2", "ARCA", "0", "1", "1.5", "300", "1"]]


def test_lists_that_need_a_subscription_are_empty() -> None:
    assert split(messages_market.news_providers(())) == [["85", "0"]]
    assert split(messages_market.news_providers([("A", "b")])) == [["85", "1", "A", "b"]]
    assert split(messages_market.scanner_parameters("<x/>")) == [["19", "1", "<x/>"]]
