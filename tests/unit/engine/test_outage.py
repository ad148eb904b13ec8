"""An outage lasts until what was lost has held, and is told once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trader.engine.outage import Outage


def an_outage() -> Outage:
    return Outage(told_after_s=120.0, steady_s=60.0)


def test_what_was_never_lost_is_no_outage() -> None:
    outage = an_outage()
    outage.back(5.0)
    assert outage.lasts_s(1_000.0) == 0.0
    assert not outage.take_due(1_000.0)


def test_it_is_told_once_when_it_has_lasted() -> None:
    outage = an_outage()
    outage.lost(10.0)
    outage.lost(100.0)
    assert not outage.take_due(129.9)
    assert outage.take_due(130.0)
    assert not outage.take_due(10_000.0)


def test_what_comes_back_for_a_moment_never_came_back() -> None:
    outage = an_outage()
    for at_s in range(0, 120, 30):
        outage.lost(at_s)
        outage.back(at_s + 1.0)
    assert outage.take_due(120.0)
    assert outage.lasts_s(120.0) == 120.0


def test_after_it_was_steady_the_next_one_is_told_again() -> None:
    outage = an_outage()
    outage.lost(0.0)
    assert outage.take_due(120.0)
    outage.back(130.0)
    outage.back(189.0)
    assert outage.lasts_s(190.0) == 0.0
    outage.lost(190.0)
    assert not outage.take_due(309.0)
    assert outage.take_due(310.0)


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 200)), max_size=30))
def test_between_two_pages_it_was_steady_once(steps: list[tuple[bool, int]]) -> None:
    outage, now_s, up_s, was_steady = an_outage(), 0.0, 0.0, True
    for is_up, seconds in steps:
        if is_up:
            outage.back(now_s)
        else:
            outage.lost(now_s)
            up_s = 0.0
        now_s += seconds
        up_s += seconds * is_up
        was_steady = was_steady or up_s >= 60.0
        if outage.take_due(now_s):
            assert was_steady
            was_steady = False
