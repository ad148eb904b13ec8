"""The touch around a middle lies on the grid of the market rule, wider and smaller when thin."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.sim.support import Bench
from trader.sim.market.quotes import snapped, spread_step, step_ticks, touch
from trader.sim.model.instruments import ContractQuery, Instrument
from trader.sim.reference import rules

CATALOGUE = Bench().market.catalogue


def find(**wanted: str) -> Instrument:
    found = CATALOGUE.find_all(ContractQuery(**wanted))  # type: ignore[arg-type]
    return found[len(found) // 2]


STOCK, OPTION = find(symbol="AAPL", sec_type="STK"), find(symbol="AAPL", sec_type="OPT")
FOREIGN = find(symbol="SIMD")


@given(st.integers(10, 10**6), st.integers(0, 2**40), st.booleans())
def test_bid_and_ask_straddle_the_middle(middle: int, slot: int, is_thin: bool) -> None:
    sides = touch(STOCK, middle, 1, slot, is_thin=is_thin)
    assert sides.bid < middle < sides.ask
    assert sides.ask - sides.bid <= (8 if is_thin else 4)
    assert sides.bid_size % 100 == sides.ask_size % 100 == 0
    assert 100 <= sides.bid_size <= (500 if is_thin else 2000)
    assert sides == touch(STOCK, middle, 1, slot, is_thin=is_thin)


@given(st.integers(1, 20_000), st.integers(0, 2**40))
def test_quotes_of_banded_instruments_lie_on_their_rule(ticks: int, slot: int) -> None:
    for item in (OPTION, FOREIGN):
        middle = snapped(item, ticks)
        # Within one band: at an edge the finer side is allowed on both.
        sides = touch(item, middle, 1, slot, is_thin=False)
        for price in (middle, sides.bid, sides.ask):
            value = price * item.tick
            near = min(
                rules.increment(item.market_rule_id, value), step_ticks(item, middle) * item.tick
            )
            assert value % near == 0


def test_a_worthless_option_has_no_bid() -> None:
    sides = touch(OPTION, 1, 1, 5, is_thin=False)
    assert (sides.bid, sides.bid_size) == (0, 0)
    assert sides.ask > 0


def test_an_expensive_option_has_a_wide_spread() -> None:
    assert spread_step(OPTION, 6000) == 100
    assert spread_step(STOCK, 6000) == 1
    assert step_ticks(FOREIGN, int(Decimal(60) / FOREIGN.tick)) == 50
