"""The price grid of an instrument depends on the price."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.unit.core.factories import an_instrument
from trader.core.instruments import PriceBand

BANDED = an_instrument(
    bands=(
        PriceBand(Decimal(0), Decimal("0.0001")),
        PriceBand(Decimal(1), Decimal("0.01")),
        PriceBand(Decimal(100), Decimal("0.05")),
    )
)


@pytest.mark.parametrize(
    ("price", "tick"),
    [
        ("0.5", "0.0001"),
        ("0.9999", "0.0001"),
        ("1", "0.01"),
        ("99.99", "0.01"),
        ("100", "0.05"),
        ("5000", "0.05"),
        # Below every band: a spread may cost less than nothing.
        ("-3", "0.0001"),
    ],
)
def test_the_tick_is_that_of_the_band_a_price_lies_in(price: str, tick: str) -> None:
    assert BANDED.tick_at(Decimal(price)) == Decimal(tick)
