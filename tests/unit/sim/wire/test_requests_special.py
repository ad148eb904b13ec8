"""Rare requests are read as the real client writes them."""

from __future__ import annotations

import pytest
from ib_async import Stock, WshEventData

from tests.unit.sim.wire.client import written
from trader.sim.wire import requests_special as requests
from trader.sim.wire.frames import FieldError


def test_advisor_requests_are_read() -> None:
    assert requests.parse_advisor_request(written(178, "requestFA", 3)) == 3
    read = requests.parse_advisor_replacement(written(178, "replaceFA", 9, 1, "<x/>"))
    assert read == requests.AdvisorReplacement(9, 1, "<x/>")


def test_fundamentals_name_a_stock() -> None:
    asked = written(
        178, "reqFundamentalData", 9, Stock("IBM", "SMART", "USD"), "ReportSnapshot", []
    )
    read = requests.parse_fundamentals(asked)
    assert (read.request_id, read.contract.symbol, read.contract.exchange) == (9, "IBM", "SMART")
    assert read.report == "ReportSnapshot"


def test_display_group_requests_are_read() -> None:
    read = requests.parse_group_request(written(178, "subscribeToGroupEvents", 9, 2))
    assert read == (9, "2")
    read = requests.parse_group_request(written(178, "updateDisplayGroup", 9, "8314@SMART"))
    assert read == (9, "8314@SMART")


@pytest.mark.parametrize("version", [161, 170, 171, 172, 173, 178])
def test_events_have_the_fields_of_their_version(version: int) -> None:
    wanted = WshEventData(8314, "f", True, False, True, "20260101", "20260201", 5)
    asked = written(version, "reqWshEventData", 9, wanted)
    read = requests.parse_events(asked, version)
    assert (read.request_id, read.con_id) == (9, 8314)
    if version >= 171:
        assert (read.filter, read.fills) == ("f", (True, False, True))
    if version >= 173:
        assert (read.start, read.end, read.count) == ("20260101", "20260201", 5)
    with pytest.raises(FieldError):
        requests.parse_events(asked[:-1], version)


def test_events_of_no_contract_leave_it_unset() -> None:
    asked = written(178, "reqWshEventData", 9, WshEventData())
    assert requests.parse_events(asked, 178).con_id is None
    assert requests.parse_events(asked, 178).count is None
