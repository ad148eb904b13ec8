"""Layouts of the plain messages: exact field counts at the versions where they change."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.unit.sim.support import Bench, split
from trader.sim.model.instruments import Instrument
from trader.sim.wire import messages


def aapl() -> Instrument:
    item = Bench().market.catalogue.symbol("AAPL")
    assert item is not None
    return item


@pytest.mark.parametrize(("version", "count"), [(157, 5), (163, 5), (166, 6), (178, 6), (194, 6)])
def test_an_error_has_the_fields_of_its_version(version: int, count: int) -> None:
    (fields,) = split(messages.error(version, -1, 2104, "text"))
    assert len(fields) == count
    assert fields[1] == ("2" if version < 194 else "-1")


@pytest.mark.parametrize(
    ("version", "count"), [(157, 41), (163, 42), (164, 42), (173, 42), (178, 42)]
)
def test_contract_details_have_the_fields_of_their_version(version: int, count: int) -> None:
    (fields,) = split(messages.contract_details(version, 9, aapl(), "SMART", ("t", "l")))
    # A stock with one security id: 42 fields at 173, as recorded.
    assert len(fields) == count
    shift = 1 if version < 164 else 0
    assert fields[1 + shift : 4 + shift] == ["9", "AAPL", "STK"]
    assert "265598" in fields
    assert "US0378331005" in fields


def test_end_markers_have_two_or_three_fields() -> None:
    assert split(messages.end(62)) == [["62", "1"]]
    assert split(messages.end(52, 9)) == [["52", "1", "9"]]
    assert split(messages.completed_orders_end()) == [["102"]]


def test_session_messages_have_exactly_three_fields() -> None:
    assert split(messages.next_valid_id(5)) == [["9", "1", "5"]]
    assert split(messages.managed_accounts("DU1")) == [["15", "1", "DU1"]]
    assert split(messages.current_time(7)) == [["49", "1", "7"]]
    assert split(messages.server_hello(178, "now")) == [["178", "now"]]


def test_ticks_carry_price_and_size() -> None:
    assert split(messages.tick_price(1, 4, "172.1", 100)) == [
        ["1", "6", "1", "4", "172.1", "100", "0"]
    ]
    assert split(messages.tick_size(1, 5, 100)) == [["2", "6", "1", "5", "100"]]
    assert split(messages.tick_string(1, 45, "9")) == [["46", "6", "1", "45", "9"]]
    assert split(messages.market_data_type(1, 1)) == [["58", "1", "1", "1"]]
    assert split(messages.tick_request_parameters(1, aapl())) == [
        ["81", "1", "0.01", "9c0001", "3"]
    ]


def test_a_realtime_bar_has_eleven_fields() -> None:
    (fields,) = split(messages.realtime_bar(1, 5, (1, 2, 3, 4, 5, 6, 7)))
    assert len(fields) == 11


def test_history_moves_its_end_to_a_message_of_its_own_at_196() -> None:
    bar = ("20260101", 1, 2, 0, 1, 10, 1, 3)
    (fields,) = split(messages.historical_data(178, 5, ("a", "b"), [bar, bar]))
    assert fields[:5] == ["17", "5", "a", "b", "2"]
    assert len(fields) == 5 + 16
    first, last = split(messages.historical_data(196, 5, ("a", "b"), [bar]))
    assert (first[:3], last) == (["17", "5", "1"], ["108", "5", "a", "b"])


def test_account_messages_have_their_counts() -> None:
    item, row = aapl(), ("NetLiquidation", "1.00", "USD")
    assert len(split(messages.account_value(*row, "DU1"))[0]) == 6
    assert split(messages.account_time("12:30")) == [["8", "1", "12:30"]]
    assert split(messages.account_download_end("DU1")) == [["54", "1", "DU1"]]
    assert len(split(messages.portfolio(item, ["1"] * 6, "DU1"))[0]) == 20
    assert len(split(messages.position("DU1", item, "5", "1"))[0]) == 16
    assert len(split(messages.position_multi(1, "DU1", item, "5", "1"))[0]) == 18
    assert len(split(messages.account_summary(1, "DU1", row))[0]) == 7
    assert len(split(messages.account_update_multi(1, "DU1", row))[0]) == 8
    assert len(split(messages.pnl(1, ["1"] * 3))[0]) == 5
    assert len(split(messages.pnl_single(1, ["1"] * 5))[0]) == 7


def test_a_market_rule_lists_its_bands() -> None:
    (fields,) = split(messages.market_rule(26, [(Decimal(0), Decimal("0.01"))]))
    assert fields == ["93", "26", "1", "0", "0.01"]
