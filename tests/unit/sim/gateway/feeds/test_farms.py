"""Every farm code has a text and a meaning; every instrument has a farm."""

from __future__ import annotations

from tests.unit.sim.support import Bench
from trader.sim.gateway.feeds import farms
from trader.sim.model.instruments import ContractQuery


def test_every_farm_code_is_known_with_its_text() -> None:
    assert sorted(farms.NOTICES) == [2103, 2104, 2105, 2106, 2107, 2108, 2119, 2157, 2158]
    assert farms.text(2104, "usfarm") == "Market data farm connection is OK:usfarm"
    assert farms.text(2106, "ushmds") == "HMDS data farm connection is OK:ushmds"
    assert farms.text(2119, "usfarm") == "Market data farm is connecting:usfarm"
    inactive = "HMDS data farm connection is inactive but should be available upon demand.ushmds"
    assert farms.text(2107, "ushmds") == inactive
    assert {code for code, notice in farms.NOTICES.items() if not notice.is_up} == {
        2103, 2105, 2119, 2157,
    }  # fmt: skip


def test_each_kind_of_instrument_has_its_farm() -> None:
    catalogue = Bench().market.catalogue
    found = {
        name: farms.farm_of(catalogue.find_all(ContractQuery(symbol=symbol, sec_type=kind))[0])
        for name, symbol, kind in (
            ("stock", "AAPL", "STK"), ("future", "ES", "FUT"), ("pair", "EUR", "CASH"),
            ("option", "AAPL", "OPT"), ("german", "SIMD", "STK"), ("coin", "BTC", "CRYPTO"),
        )
    }  # fmt: skip
    assert found == {
        "stock": "usfarm", "future": "usfuture", "pair": "cashfarm", "option": "usopt",
        "german": "eufarm", "coin": "cryptofarm",
    }  # fmt: skip
