"""Chance as a function: the same numbers give the same draw, others give others."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trader.sim.market.chance import draw, name_key, unit, wave

NUMBERS = st.integers(0, 2**64 - 1)


@given(NUMBERS, NUMBERS, st.integers(-(2**40), 2**40))
def test_a_draw_has_64_bits_and_is_the_same_each_time(seed: int, key: int, moment: int) -> None:
    found = draw(seed, key, moment)
    assert 0 <= found < 2**64
    assert found == draw(seed, key, moment)


def test_draws_of_neighbouring_moments_are_spread_evenly() -> None:
    units = [unit(1, 265598, moment) for moment in range(4000)]
    assert all(0 <= value < 1 for value in units)
    tenths = [sum(n / 10 <= value < (n + 1) / 10 for value in units) for n in range(10)]
    assert min(tenths) > 320
    assert max(tenths) < 480
    assert len({draw(seed, 1, 1) for seed in range(1000)}) == 1000


@given(st.floats(-1000, 1000))
def test_a_wave_is_bounded_and_has_no_jumps(where: float) -> None:
    assert -1 <= wave(3, 4, where) <= 1
    assert abs(wave(3, 4, where) - wave(3, 4, where + 0.001)) < 0.01


def test_a_name_has_the_same_number_in_every_process() -> None:
    assert name_key("AAPL") == 3060094812
