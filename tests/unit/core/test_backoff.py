"""Waits double up to a ceiling, and chance takes at most half of one away."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.core.backoff import Backoff

WAITS = Backoff(first_s=1.0, ceiling_s=30.0)


def test_without_chance_the_waits_double_up_to_the_ceiling() -> None:
    """RUN-15."""
    waits = [WAITS.wait_s(failures, 1.0) for failures in range(1, 9)]
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]


def test_chance_takes_nothing_to_half_of_a_wait_away() -> None:
    assert [WAITS.wait_s(3, drawn) for drawn in (0.0, 0.5, 1.0)] == [2.0, 3.0, 4.0]


FACTS = st.tuples(
    st.floats(0.001, 1_000),
    st.floats(1, 1_000),
    st.integers(1, 10**9),
    st.integers(0, 2**32),
)


@given(FACTS)
def test_a_wait_is_never_below_half_of_the_first_nor_above_the_ceiling(
    facts: tuple[float, float, int, int],
) -> None:
    """RUN-15: however often it failed and whatever chance says, it neither runs hot nor stops."""
    first_s, factor, failures, seed = facts
    waits = Backoff(first_s, first_s * factor)
    wait_s = waits.wait_s(failures, random.Random(seed).random())
    assert first_s / 2 <= wait_s <= waits.ceiling_s
    whole_s = waits.wait_s(failures, 1.0)
    assert whole_s / 2 <= wait_s <= whole_s
    assert whole_s <= waits.wait_s(failures + 1, 1.0)


def test_two_that_failed_together_come_back_apart() -> None:
    one, two = random.Random(1), random.Random(2)
    ones = [WAITS.wait_s(n, one.random()) for n in range(1, 20)]
    twos = [WAITS.wait_s(n, two.random()) for n in range(1, 20)]
    assert not set(ones) & set(twos)


@pytest.mark.parametrize(
    ("first_s", "ceiling_s"),
    [(0.0, 1.0), (-1.0, 1.0), (2.0, 1.0), (1.0, float("inf")), (float("nan"), 1.0)],
)
def test_a_wait_that_is_none_or_endless_is_refused(first_s: float, ceiling_s: float) -> None:
    with pytest.raises(AssertionError):
        Backoff(first_s, ceiling_s)


@pytest.mark.parametrize(("failures", "drawn"), [(0, 0.5), (1, -0.1), (1, 1.1), (1, float("nan"))])
def test_what_is_no_failure_or_no_chance_is_refused(failures: int, drawn: float) -> None:
    with pytest.raises(AssertionError):
        WAITS.wait_s(failures, drawn)
