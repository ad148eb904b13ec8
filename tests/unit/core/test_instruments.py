"""The price grid of an instrument depends on the price."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.unit.core.factories import an_instrument
from trader.core.instruments import InstrumentSpec, PriceBand, mismatch_of

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


TICK = Decimal("0.01")
SPEC = InstrumentSpec("AAA", multiplier=Decimal(1), min_tick=TICK)


@pytest.mark.parametrize(
    ("change", "mismatch"),
    [
        ({}, ""),
        ({"multiplier": Decimal(100)}, "multiplier is 100, the assets file says 1"),
        ({"currency": "EUR"}, "currency is EUR, the assets file says USD"),
        (
            {
                "bands": (
                    PriceBand(Decimal(0), Decimal("0.0001")),
                    PriceBand(Decimal(1), Decimal(1)),
                )
            },
            "min_tick is 0.0001, the assets file says 0.01",
        ),
    ],
)
def test_what_the_broker_describes_otherwise_is_named(
    change: dict[str, Any], mismatch: str
) -> None:
    """CAP-17."""
    assert mismatch_of(SPEC, an_instrument(**change)) == mismatch


def test_what_the_assets_file_leaves_open_is_not_compared() -> None:
    assert mismatch_of(InstrumentSpec("AAA"), an_instrument(multiplier=Decimal(100))) == ""
