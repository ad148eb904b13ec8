"""What an instrument says of itself."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from tests.unit.sim.support import Bench
from trader.sim.model.instruments import Instrument


def test_an_index_is_quoted_and_not_traded() -> None:
    catalogue = Bench().market.catalogue
    aapl, vix = catalogue.symbol("AAPL"), catalogue.symbol("VIX")
    assert aapl is not None
    assert vix is not None
    assert (aapl.is_tradable, aapl.exchange) == (True, "SMART")
    assert (vix.is_tradable, vix.exchange) == (False, "CBOE")


def test_a_future_is_routed_to_its_exchange_under_its_local_symbol() -> None:
    item = Instrument(
        1, "ES", "FUT", "CME", "USD", "ES", "E-mini", Decimal("0.25"), local_name="ESH6",
        expiry=date(2026, 3, 20), multiplier=Decimal(50),
    )  # fmt: skip
    assert (item.exchange, item.local_symbol, item.is_tradable) == ("CME", "ESH6", True)
