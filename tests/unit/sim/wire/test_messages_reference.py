"""Reference data messages have exact field counts at every version."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.unit.sim.support import Bench, split
from trader.sim.model.instruments import Instrument
from trader.sim.wire import messages_reference as messages


def find(symbol: str) -> Instrument:
    item = Bench().market.catalogue.symbol(symbol)
    assert item is not None
    return item


@pytest.mark.parametrize(
    ("version", "count"),
    [(157, 41), (163, 42), (164, 42), (173, 42), (178, 42), (182, 43), (186, 44), (200, 44)],
)
def test_contract_details_have_the_fields_of_their_version(version: int, count: int) -> None:
    (fields,) = split(messages.contract_details(version, 9, find("AAPL"), "SMART", ("t", "l")))
    # A stock with one security id: 42 fields at 173 and 44 at 200, as recorded.
    assert len(fields) == count
    shift = 1 if version < 164 else 0
    assert fields[1 + shift : 4 + shift] == ["9", "AAPL", "STK"]
    assert "265598" in fields
    assert "US0378331005" in fields


@pytest.mark.parametrize(("version", "count"), [(163, 40), (176, 40), (182, 41), (200, 42)])
def test_a_future_has_the_recorded_number_of_fields(version: int, count: int) -> None:
    (fields,) = split(messages.contract_details(version, 9, find("ESZ6"), "CME", ("t", "l")))
    assert len(fields) == count
    shift = 1 if version < 164 else 0
    assert fields[4 + shift] == "20261218 08:30 US/Central"
    assert (fields[5] == "20261218") is (version >= 182)


def test_each_exchange_has_its_market_rule() -> None:
    item = find("AAPL")
    (fields,) = split(messages.contract_details(178, 9, item, "SMART", ("t", "l")))
    exchanges, rules = fields[16].split(","), fields[36].split(",")
    assert exchanges == list(item.exchanges)
    assert rules == ["26"] * len(exchanges)


def test_a_market_rule_lists_its_bands() -> None:
    (fields,) = split(messages.market_rule(26, [(Decimal(0), Decimal("0.01"))]))
    assert fields == ["93", "26", "1", "0", "0.01"]


@pytest.mark.parametrize(("version", "tail"), [(175, []), (176, ["APPLE INC", ""])])
def test_symbol_samples_have_a_description_from_176_on(version: int, tail: list[str]) -> None:
    (fields,) = split(messages.symbol_samples(version, 5, [(find("AAPL"), ["OPT", "BAG"])]))
    row = ["265598", "AAPL", "STK", "NASDAQ", "USD", "2", "OPT", "BAG"]
    assert fields == ["79", "5", "1", *row, *tail]


def test_an_option_chain_is_two_lists() -> None:
    sets = (["20261218"], [Decimal("37.50"), Decimal(40)])
    (fields,) = split(messages.option_chain(5, "CBOE", find("AAPL"), Decimal(100), sets))
    head = ["75", "5", "CBOE", "265598", "AAPL", "100"]
    assert fields == [*head, "1", "20261218", "2", "37.5", "40"]
    assert split(messages.option_chain_end(5)) == [["76", "5"]]


def test_lists_of_the_account_and_of_exchanges_begin_with_their_length() -> None:
    rows = [("CME", "FUT", "", "Deep", None), ("IEX", "STK", "", "Deep", 1)]
    assert split(
        messages.soft_dollar_tiers(5)
        + messages.family_codes([("*", "")])
        + messages.depth_exchanges(rows)
        + messages.smart_components(5, [(0, "NYSE", "N")])
        + messages.user_info(6)
    ) == [
        ["77", "5", "0"],
        ["78", "1", "*", ""],
        ["80", "2", "CME", "FUT", "", "Deep", "2147483647", "IEX", "STK", "", "Deep", "1"],
        ["82", "5", "1", "0", "NYSE", "N"],
        ["107", "6", ""],
    ]
