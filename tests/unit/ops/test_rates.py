"""Rates of counts that are looked at when somebody scrapes."""

from __future__ import annotations

import pytest

from trader.ops.rates import RecentRates


def test_at_first_it_is_the_growth_since_the_beginning() -> None:
    rates = RecentRates(100.0)
    assert rates.per_second(110.0, {"a": 20.0, "b": 0.0}) == {"a": 2.0, "b": 0.0}


def test_what_is_older_than_the_window_counts_no_more() -> None:
    rates = RecentRates(0.0, window_s=60.0)
    rates.per_second(10.0, {"a": 600.0})
    for at_s in (30.0, 50.0, 70.0):
        rates.per_second(at_s, {"a": 600.0})
    assert rates.per_second(71.0, {"a": 600.0}) == {"a": 0.0}


def test_a_steady_rate_is_itself_whoever_looks_and_however_often() -> None:
    rates = RecentRates(0.0)
    for tenth in range(1, 3_000):
        found = rates.per_second(tenth / 10, {"a": tenth * 0.7})
        assert found["a"] == pytest.approx(7.0)


def test_after_a_long_silence_it_is_the_rate_since_the_last_look() -> None:
    rates = RecentRates(0.0)
    rates.per_second(5.0, {"a": 10.0})
    assert rates.per_second(1_005.0, {"a": 2_010.0}) == {"a": 2.0}


def test_no_time_has_no_rate() -> None:
    assert RecentRates(7.0).per_second(7.0, {"a": 3.0}) == {"a": 0.0}


def test_it_holds_a_window_and_no_more() -> None:
    rates = RecentRates(0.0, window_s=10.0)
    for at_s in range(1, 1_000):
        rates.per_second(float(at_s), {"a": 1.0})
    assert len(rates._samples) <= 12
