"""An instrument fits a request when every given field agrees."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from trader.sim.model.instruments import ContractQuery
from trader.sim.reference import matching, options, underlyings

APPLE = underlyings.listed()["AAPL"]
(CHAIN,) = options.chains({APPLE: Decimal(40)})
CALL = options.contract(CHAIN, date(2026, 4, 17), Decimal(40), "C")
EXACT = ContractQuery(
    symbol="AAPL", sec_type="OPT", exchange="SMART", currency="USD", trading_class="AAPL",
    local_symbol="AAPL  260417C00040000", expiry="20260417", strike=Decimal("40.0"), right="CALL",
    multiplier="100",
)  # fmt: skip


def test_the_whole_description_fits() -> None:
    assert matching.fits(EXACT, CALL)
    assert matching.fits(ContractQuery(con_id=CALL.con_id, exchange="CBOE"), CALL)
    assert matching.fits(ContractQuery(symbol="AAPL"), APPLE)


@pytest.mark.parametrize(
    "change",
    [
        {"symbol": "IBM"}, {"sec_type": "STK"}, {"exchange": "LSE"}, {"currency": "EUR"},
        {"trading_class": "2AAPL"}, {"local_symbol": "AAPL"}, {"expiry": "20260424"},
        {"expiry": "202605"}, {"expiry": "2026"}, {"expiry": "soon"}, {"strike": Decimal(41)},
        {"right": "P"}, {"multiplier": "10"}, {"multiplier": "many"}, {"primary_exchange": "LSE"},
        {"sec_id": "US0378331005", "sec_id_type": "ISIN"},
    ],
)  # fmt: skip
def test_one_field_that_differs_is_enough_to_miss(change: dict[str, Any]) -> None:
    assert not matching.fits(replace(EXACT, **change), CALL)


@pytest.mark.parametrize("change", [{"expiry": "202604"}, {"right": "C"}, {"right": "?"},
                                    {"strike": Decimal(0)}, {"multiplier": "100.0"}])  # fmt: skip
def test_spellings_of_the_same_fit(change: dict[str, Any]) -> None:
    assert matching.fits(replace(EXACT, **change), CALL)


def test_an_id_is_found_where_it_trades_only() -> None:
    assert not matching.fits(ContractQuery(con_id=CALL.con_id, exchange="IDEALPRO"), CALL)
    assert matching.trades_at(APPLE, "ISLAND")


@pytest.mark.parametrize(("kind", "value", "fits"), [
    ("ISIN", "US0378331005", True), ("CUSIP", "037833100", True), ("CUSIP", "US0378331005", False),
    ("SEDOL", "037833100", False), ("", "US0378331005", False),
])  # fmt: skip
def test_security_ids_are_compared_by_their_kind(kind: str, value: str, fits: bool) -> None:
    assert matching.fits(ContractQuery(sec_id_type=kind, sec_id=value), APPLE) is fits
