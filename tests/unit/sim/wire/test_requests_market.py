"""Market data requests are read field by field."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.unit.sim.support import contract
from trader.sim.model.instruments import Leg
from trader.sim.wire import requests_market
from trader.sim.wire.frames import FieldError


def texts(*fields: object) -> list[str]:
    return [str(field) for field in fields]


def test_a_market_data_request_is_read_with_its_generic_ticks_and_flags() -> None:
    found = requests_market.parse_market_data(texts(1, 11, 5, *contract(), 0, "233", 1, 0, ""))
    assert (found.request_id, found.contract.symbol, found.generics) == (5, "AAPL", "233")
    assert (found.is_snapshot, found.is_regulatory) == (True, False)


def test_a_combination_and_a_delta_neutral_contract_are_read_past() -> None:
    bag = [0, "AAPL", "BAG", "", 0.0, "", "", "SMART", "", "USD", "", ""]
    legs = [2, 11, 1, "BUY", "SMART", 12, 2, "SELL", "CBOE"]
    fields = texts(1, 11, 5, *bag, *legs, 1, 265598, 0.5, 100, "", 0, 1, "")
    found = requests_market.parse_market_data(fields)
    assert found.contract.legs == (Leg(11, 1, "BUY", "SMART"), Leg(12, 2, "SELL", "CBOE"))
    assert (found.is_snapshot, found.is_regulatory) == (False, True)


def test_bars_depth_and_single_ticks_are_read() -> None:
    bars = requests_market.parse_realtime_bars(texts(50, 3, 7, *contract(), 5, "MIDPOINT", 1, ""))
    assert (bars.request_id, bars.show, bars.is_regular) == (7, "MIDPOINT", True)
    depth = requests_market.parse_depth(texts(10, 5, 8, *contract(), 12, 1, ""))
    assert (depth.request_id, depth.rows, depth.is_smart) == (8, 12, True)
    ticks = requests_market.parse_tick_by_tick(texts(97, 9, *contract(), "BidAsk", 20, 1))
    assert (ticks.request_id, ticks.kind, ticks.count, ticks.ignore_size) == (9, "BidAsk", 20, True)


def test_option_calculations_and_cancels_are_read() -> None:
    found = requests_market.parse_option_calculation(texts(54, 3, 4, *contract(), 1.5, 100, 0, ""))
    assert (found.request_id, found.value, found.under_price) == (4, Decimal("1.5"), Decimal(100))
    assert requests_market.parse_request_id(texts(2, 2, 33)) == 33
    assert requests_market.parse_request_id(texts(98, 34), 1) == 34


@pytest.mark.parametrize("size", [3, 10, 15])
def test_a_request_that_ends_too_early_cannot_be_read(size: int) -> None:
    fields = texts(1, 11, 5, *contract(), 0, "", 0, 0, "")
    with pytest.raises(FieldError):
        requests_market.parse_market_data(fields[:size])
