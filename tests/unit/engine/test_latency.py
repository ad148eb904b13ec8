"""Delays are counted in buckets that never grow, and a share of them lies under a bound."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trader.engine.latency import BOUNDS_S, Latencies


def test_without_any_there_is_no_bound() -> None:
    assert Latencies().at_most_s(0.99) is None


def test_a_share_lies_under_its_bound() -> None:
    delays = Latencies()
    for _ in range(99):
        delays.add(0.001)
    delays.add(7.0)
    assert delays.count == 100
    assert delays.at_most_s(0.99) == 0.001
    assert delays.at_most_s(1.0) == float("inf")
    assert delays.sum_s == 99 * 0.001 + 7.0


@given(st.lists(st.floats(0, 10), min_size=1), st.floats(0.01, 1))
def test_at_least_that_share_of_all_is_no_longer_than_the_bound(
    seconds: list[float], share: float
) -> None:
    delays = Latencies()
    for one in seconds:
        delays.add(one)
    bound_s = delays.at_most_s(share)
    assert bound_s is not None
    assert bound_s in (*BOUNDS_S, float("inf"))
    assert sum(one <= bound_s for one in seconds) >= share * len(seconds) - 1e-9
    assert len(delays.counts) == len(BOUNDS_S) + 1
