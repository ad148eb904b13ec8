"""History requests are read field by field."""

from __future__ import annotations

from tests.unit.sim.support import contract
from trader.sim.model.instruments import Leg
from trader.sim.wire import requests_history


def texts(*fields: object) -> list[str]:
    return [str(field) for field in fields]


def test_a_history_request_is_read() -> None:
    fields = texts(20, 8, *contract(), 1, "", "1 min", "1 D", 1, "TRADES", 2, 1, "")
    read = requests_history.parse_history(fields)
    assert (read.bar_size, read.duration, read.format_date) == ("1 min", "1 D", 2)
    assert read.keep_up_to_date
    assert read.is_regular
    assert read.contract.include_expired


def test_the_legs_of_a_combination_are_read() -> None:
    bag = [0, "AAPL", "BAG", "", 0.0, "", "", "SMART", "", "USD", "", ""]
    tail = [0, "", "1 day", "1 D", 0, "MIDPOINT", 1, 1, 11, 1, "BUY", "SMART", 0, ""]
    read = requests_history.parse_history(texts(20, 8, *bag, *tail))
    assert read.contract.legs == (Leg(11, 1, "BUY", "SMART"),)
    assert not read.keep_up_to_date


def test_dates_histograms_and_past_ticks_are_read() -> None:
    head = requests_history.parse_head(texts(87, 1, *contract(), 0, 1, "BID", 2))
    assert (head.request_id, head.is_regular, head.show, head.format_date) == (1, True, "BID", 2)
    found = requests_history.parse_histogram(texts(88, 2, *contract(), 0, 0, "3 days"))
    assert (found.request_id, found.is_regular, found.period) == (2, False, "3 days")
    fields = texts(96, 3, *contract(), 0, "", "20260101-00:00:00", 50, "TRADES", 1, 1, "")
    ticks = requests_history.parse_ticks(fields)
    assert (ticks.start, ticks.end, ticks.count) == ("", "20260101-00:00:00", 50)
    assert (ticks.show, ticks.is_regular, ticks.ignore_size) == ("TRADES", True, True)
