"""Minutes that are not the same for all: what is missing is unknown, named, and never filled in."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trader.core.ids import ConId
from trader.core.minutes import aligned, logarithms

A, B, C = ConId(1), ConId(2), ConId(3)


def prices(*columns: list[float | None]) -> list[dict[ConId, float]]:
    """Return minutes from a list of prices for each of A, B and C."""
    return [
        {ConId(place + 1): price for place, price in enumerate(row) if price is not None}
        for row in zip(*columns, strict=True)
    ]


def test_whole_minutes_give_the_change_of_every_minute() -> None:
    minutes = prices([100, 110, 121], [50, 50, 25])
    found = aligned(logarithms(minutes, (A, B)), (A, B), 2)
    assert found.con_ids == (A, B)
    assert not found.lacking
    expected = [[math.log(1.1), 0], [math.log(1.1), math.log(0.5)]]
    assert np.allclose(found.matrix, expected)
    assert np.allclose(found.of([B])[:, 0], [0, math.log(0.5)])
    assert list(found.series()) == [A, B]


def test_a_missing_minute_takes_the_two_changes_beside_it_with_it_for_all() -> None:
    minutes = prices([1, 2, 4, 8, 16, 32], [1, 2, None, 8, 16, 32])
    found = aligned(logarithms(minutes, (A, B)), (A, B), 3)
    assert len(found.matrix) == 3, "of five changes those around the third minute are unknown"
    assert np.allclose(found.matrix, math.log(2)), "and nothing jumps over the gap"


def test_what_has_too_few_is_left_out_and_takes_nothing_from_the_others() -> None:
    minutes = prices([1, 2, 3, 4, 5], [1, None, 3, None, 5])
    found = aligned(logarithms(minutes, (A, B)), (A, B), 4)
    assert found.con_ids == (A,)
    assert found.lacking == {B: "0 changes in 4 minutes, needed are 4"}
    assert len(found.matrix) == 4


def test_where_minutes_do_not_overlap_who_has_fewest_gives_way() -> None:
    minutes = prices(
        [1, 2, 3, 4, None, None, None], [None, None, 3, 4, 5, 6, 7], [1, 2, 3, 4, 5, 6, 7]
    )
    found = aligned(logarithms(minutes, (A, B, C)), (A, B, C), 3)
    assert found.con_ids == (B, C)
    assert found.lacking == {A: "its minutes and those of the others are not the same"}
    assert len(found.matrix) == 4


def test_of_equals_the_last_gives_way() -> None:
    minutes = prices([1, 2, 3, None, None], [None, None, 3, 4, 5])
    assert aligned(logarithms(minutes, (A, B)), (A, B), 2).con_ids == (A,)


def test_a_price_that_is_none_is_missing() -> None:
    minutes = prices([1, 0, 3, -4, 5, math.nan, math.inf])
    assert np.isfinite(logarithms(minutes, (A,))).tolist() == [
        [True], [False], [True], [False], [True], [False], [False]
    ]  # fmt: skip


def test_who_has_fallen_silent_does_not_count_however_much_was_heard_before() -> None:
    minutes = prices([1, 2, 3, 4, 5, 6], [1, 2, 3, 4, None, None])
    found = aligned(logarithms(minutes, (A, B)), (A, B), 3, latest=2)
    assert found.con_ids == (A,)
    assert found.lacking == {B: "no price for 2 minutes"}
    assert aligned(logarithms(minutes, (A, B)), (A, B), 3, latest=3).con_ids == (A, B)
    assert aligned(logarithms(minutes, (A, B)), (A, B), 3).con_ids == (A, B)


def test_without_minutes_or_without_instruments_there_is_nothing() -> None:
    for count in range(3):
        minutes: list[dict[ConId, float]] = [{A: 1.0}] * count
        found = aligned(logarithms(minutes, (A,)), (A,), 3, latest=2)
        assert found.con_ids == ()
        assert set(found.lacking) == {A}
    empty = aligned(logarithms([{}, {}, {}, {}], ()), (), 3)
    assert (empty.con_ids, empty.lacking) == ((), {})


ROWS = st.lists(
    st.tuples(*[st.one_of(st.none(), st.floats(1, 1000)) for _ in range(3)]), max_size=30
)


@given(ROWS, st.integers(1, 8))
def test_what_is_returned_has_enough_and_no_gap_and_every_instrument_is_told_of(
    rows: list[tuple[float | None, ...]], sample_min: int
) -> None:
    minutes = [
        {ConId(place + 1): price for place, price in enumerate(row) if price is not None}
        for row in rows
    ]
    con_ids = (A, B, C)
    found = aligned(logarithms(minutes, con_ids), con_ids, sample_min)
    assert sorted((*found.con_ids, *found.lacking)) == [A, B, C]
    assert np.all(np.isfinite(found.matrix))
    if found.con_ids:
        assert len(found.matrix) >= sample_min
