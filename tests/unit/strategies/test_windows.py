"""Which bars may be decided on: whole, one behind the other, and of now."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.core.bars import Bar
from trader.core.ids import ConId
from trader.strategies.windows import aligned, since_s, unbroken

T0 = datetime(2026, 3, 2, 15, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def bar(number: int, price: str = "100") -> Bar:
    at = Decimal(price)
    return Bar(ConId(1), T0 + number * MINUTE, 60, at, at, at, at)


ROW = [bar(number) for number in range(6)]
NOW = ROW[-1].end_utc


def test_bars_one_behind_the_other_are_all_there() -> None:
    assert unbroken(ROW, NOW) == ROW
    assert list(unbroken([], NOW)) == []


@pytest.mark.parametrize("late_s", [0.0, 0.5, 60.0])
def test_the_newest_is_of_now_for_as_long_as_the_next_one_lasts(late_s: float) -> None:
    assert len(unbroken(ROW, NOW + timedelta(seconds=late_s))) == 6


@pytest.mark.parametrize("late_s", [-0.001, 60.001, 86_400])
def test_a_newest_that_is_old_or_of_the_future_leaves_nothing(late_s: float) -> None:
    assert unbroken(ROW, NOW + timedelta(seconds=late_s)) == ()


@given(st.integers(0, 4))
def test_only_what_is_behind_a_gap_counts(lost: int) -> None:
    assert unbroken(ROW[:lost] + ROW[lost + 1 :], NOW) == ROW[lost + 1 :]


@pytest.mark.parametrize(
    "change",
    [
        {"is_whole": False},
        {"close": Decimal("NaN")},
        {"high": Decimal("Infinity")},
        {"low": Decimal(0)},
        {"open": Decimal(-1)},
        {"size_s": 30},
        {"start_utc": T0 + 9 * MINUTE},
    ],
)
@pytest.mark.parametrize("at", [2, 5])
def test_a_bar_in_doubt_is_a_gap(change: dict[str, object], at: int) -> None:
    row = [*ROW]
    row[at] = replace(row[at], **change)  # type: ignore[arg-type]
    found = unbroken(row, NOW)
    # One whose own time is wrong takes the time of its neighbour with it.
    assert list(found) == ([row[5]] if change == {"size_s": 30} and at == 5 else row[at + 1 :])


def test_the_same_bar_twice_is_a_gap() -> None:
    assert unbroken([*ROW, ROW[-1]], NOW) == [ROW[-1]]


def test_two_instruments_count_as_far_back_as_both_are_unbroken() -> None:
    other = [replace(one, con_id=ConId(2)) for one in ROW]
    first, second = aligned(ROW, other[:2] + other[3:], NOW)
    assert [one.start_utc for one in first] == [one.start_utc for one in second]
    assert len(first) == 3
    assert {one.con_id for one in second} == {2}


def test_two_instruments_whose_newest_differ_have_nothing_in_common() -> None:
    assert aligned(ROW, ROW[:-1], NOW) == ((), ())
    assert aligned(ROW, [], NOW) == ((), ())


def test_what_never_was_is_endlessly_long_ago() -> None:
    assert since_s(None, T0) == float("inf")
    assert since_s(T0, T0 + MINUTE) == 60.0
    assert since_s(T0, T0 - MINUTE) == -60.0
