"""The token bucket bounds every window and keeps room for cancels (INC-061, INC-094)."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.core.halts import Lane
from trader.core.pacing import Bucket, full, refilled, taken, wait_s

RATES = st.floats(1.0, 45.0)
SIZES = st.floats(2.0, 40.0)
LANES = st.sampled_from([Lane.OPERATOR, Lane.REDUCE, Lane.NEW, Lane.DATA])
ASKED = st.lists(st.tuples(st.floats(0.0, 0.5), LANES), max_size=150)
ROUNDING = 1e-6


def sent_at(bucket: Bucket, asked: list[tuple[float, Lane]]) -> list[float]:
    now_s, times = bucket.at_s, []
    for pause_s, lane in asked:
        now_s += pause_s
        if wait_s(bucket, lane, now_s) == 0.0:
            bucket = taken(bucket, now_s)
            times.append(now_s)
    return times


@given(RATES, SIZES, ASKED)
def test_no_window_holds_more_than_the_bucket_and_what_flows_into_it(
    rate: float, size: float, asked: list[tuple[float, Lane]]
) -> None:
    times = sent_at(full(rate, size, 0.0), asked)
    for first, start_s in enumerate(times):
        for last in range(first, len(times)):
            window_s = times[last] - start_s
            assert last - first + 1 <= size + rate * window_s + ROUNDING


@given(RATES, SIZES, ASKED, st.lists(st.floats(0.0, 5.0), max_size=40))
def test_cancels_may_overdraw_by_at_most_one_bucket(
    rate: float, size: float, asked: list[tuple[float, Lane]], cancels: list[float]
) -> None:
    """The debt is paid by the lanes below: after a storm of cancels they wait, and no longer."""
    bucket = full(rate, size, 0.0)
    for now_s in sorted(cancels):
        bucket = taken(bucket, now_s)
        assert -size <= bucket.tokens <= size
    assert wait_s(bucket, Lane.DATA, bucket.at_s) <= 2 * size / rate + ROUNDING
    debt = size - bucket.tokens
    times = sent_at(bucket, asked)
    if times:
        window_s = times[-1] - bucket.at_s
        assert debt + len(times) <= size + rate * window_s + ROUNDING


@given(RATES, SIZES, LANES)
def test_waiting_as_long_as_told_is_enough_for_every_lane(
    rate: float, size: float, lane: Lane
) -> None:
    bucket = full(rate, size, 0.0)
    for _ in range(60):
        bucket = taken(bucket, 0.0)
    told_s = wait_s(bucket, lane, 0.0)
    assert told_s > 0.0
    assert wait_s(bucket, lane, told_s + 1e-9) == 0.0
    assert wait_s(bucket, lane, told_s * 0.9) > 0.0


def messages_of(lane: Lane, bucket: Bucket) -> tuple[int, Bucket]:
    count = 0
    while wait_s(bucket, lane, 0.0) == 0.0:
        bucket = taken(bucket, 0.0)
        count += 1
    return count, bucket


def test_each_lane_leaves_the_tokens_of_the_lanes_above_it() -> None:
    bucket = full(30.0, 20.0, 0.0)
    counts = []
    for lane in (Lane.DATA, Lane.NEW, Lane.REDUCE, Lane.OPERATOR):
        count, bucket = messages_of(lane, bucket)
        counts.append(count)
    assert counts == [10, 4, 3, 3]


def test_the_lanes_wait_longer_the_lower_they_are() -> None:
    bucket = full(30.0, 20.0, 0.0)
    for _ in range(20):
        bucket = taken(bucket, 0.0)
    order = (Lane.CANCEL, Lane.OPERATOR, Lane.REDUCE, Lane.NEW, Lane.DATA)
    waits = [wait_s(bucket, lane, 0.0) for lane in order]
    # It may overdraw a little, and then waits like all others.
    assert waits[0] == 0.0 < waits[1]
    assert all(before < after for before, after in pairwise(waits[1:]))


@given(RATES, SIZES, st.lists(st.floats(-100.0, 100.0), max_size=30))
def test_a_clock_that_steps_back_adds_nothing(
    rate: float, size: float, readings: list[float]
) -> None:
    bucket = full(rate, size, 0.0)
    for _ in range(10):
        bucket = taken(bucket, 0.0)
    start = bucket.tokens
    for now_s in readings:
        bucket = refilled(bucket, now_s)
    gained = max(0.0, *readings) if readings else 0.0
    assert bucket.tokens <= min(start + gained * rate, size) + ROUNDING


@given(RATES, SIZES, st.floats(0.0, 1e9))
def test_a_long_silence_fills_the_bucket_and_no_more(
    rate: float, size: float, idle_s: float
) -> None:
    assert refilled(full(rate, size, 0.0), idle_s).tokens == size


@pytest.mark.parametrize(("rate", "size"), [(0.0, 10.0), (-1.0, 10.0), (30.0, 1.9)])
def test_a_bucket_that_would_starve_a_lane_is_not_made(rate: float, size: float) -> None:
    with pytest.raises(AssertionError):
        full(rate, size, 0.0)


@pytest.mark.parametrize("lane", list(Lane))
def test_the_smallest_bucket_serves_every_lane(lane: Lane) -> None:
    assert wait_s(full(1.0, 2.0, 0.0), lane, 0.0) == 0.0
