"""Generated days: without end, each opening where the last one closed, the same for a seed."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.sim.support import Bench
from trader.sim.market.generated import day_bar, grid
from trader.sim.model.instruments import Instrument

DAY = date(2026, 1, 5)


def instrument(name: str) -> Instrument:
    item = Bench().market.catalogue.symbol(name)
    assert item is not None
    return item


EURO, COIN = instrument("EUR.USD"), instrument("BTC")


@given(st.integers(0, 2**32), st.integers(-2000, 2000))
def test_a_day_is_a_proper_bar_and_joins_the_day_before(seed: int, day: int) -> None:
    for item in (EURO, COIN):
        bar = day_bar(seed, item, day, DAY)
        assert bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
        assert bar.open == day_bar(seed, item, day - 1, DAY).close
        assert all(price % item.tick == 0 for price in (bar.open, bar.high, bar.low, bar.close))


@given(st.integers(0, 2**32), st.integers(-1300, 1300))
def test_a_currency_stays_near_its_level_and_moves_little_in_a_day(seed: int, day: int) -> None:
    bar = day_bar(seed, EURO, day, DAY)
    assert Decimal("0.9") < bar.close < Decimal("1.35")
    assert abs(bar.close - bar.open) / bar.open < Decimal("0.05")
    assert bar.volume == 0


def test_seeds_make_different_worlds_and_crosses_fit_together() -> None:
    assert day_bar(1, EURO, 5, DAY) == day_bar(1, EURO, 5, DAY)
    assert day_bar(1, EURO, 5, DAY) != day_bar(2, EURO, 5, DAY)
    assert day_bar(1, COIN, 5, DAY).volume > 0


def test_a_price_is_put_on_the_grid_and_never_below_a_tick() -> None:
    assert grid(1.00007, Decimal("0.00005")) == Decimal("1.00005")
    assert grid(0.0, Decimal("0.25")) == Decimal("0.25")
