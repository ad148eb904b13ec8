"""The catalogue finds the one instrument that is meant, or none."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from trader.sim.model.instruments import ContractQuery
from trader.sim.reference.catalogue import Catalogue, trading_hours

CATALOGUE = Catalogue(["AAPL", "VIX", "ZZZ"])


@pytest.mark.parametrize(
    "query",
    [
        ContractQuery(con_id=265598),
        ContractQuery(symbol="AAPL"),
        ContractQuery(symbol="AAPL", sec_type="STK", exchange="SMART", currency="USD"),
        ContractQuery(local_symbol="AAPL", exchange="NASDAQ"),
    ],
)
def test_a_stock_is_found_by_id_or_symbol(query: ContractQuery) -> None:
    found = CATALOGUE.find(query)
    assert found is not None
    assert found.con_id == 265598


@pytest.mark.parametrize(
    "query",
    [
        ContractQuery(),
        ContractQuery(con_id=1),
        ContractQuery(symbol="NONE"),
        ContractQuery(symbol="AAPL", sec_type="OPT"),
        ContractQuery(symbol="AAPL", currency="EUR"),
        ContractQuery(symbol="AAPL", exchange="LSE"),
    ],
)
def test_what_is_not_in_the_catalogue_is_not_found(query: ContractQuery) -> None:
    assert CATALOGUE.find(query) is None


def test_an_unknown_symbol_has_the_same_id_in_every_run() -> None:
    first, second = CATALOGUE.symbol("ZZZ"), Catalogue(["ZZZ"]).symbol("ZZZ")
    assert first is not None
    assert first == second
    assert first.con_id >= 900_000_000


def test_symbols_are_matched_by_their_beginning() -> None:
    assert [item.symbol for item in CATALOGUE.matching("app")] == ["AAPL"]
    assert [item.symbol for item in CATALOGUE.matching("cboe")] == ["VIX"]


def test_trading_hours_are_open_now_in_every_zone() -> None:
    now = datetime(2026, 11, 21, 5, tzinfo=UTC)
    trading, liquid = trading_hours(now.timestamp())
    assert trading == liquid
    assert re.fullmatch(r"(\d{8}:0000-\d{8}:0000;?)+", trading)
    assert trading.startswith("20261120:0000-20261121:0000;20261121:0000-20261122:0000")
