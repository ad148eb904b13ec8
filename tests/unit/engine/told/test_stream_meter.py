"""What waits, and since when, whatever comes in between."""

from __future__ import annotations

import random

import pytest

from trader.core.ids import Seq
from trader.engine.told.stream_meter import StreamMeter


def test_what_was_recorded_waits_until_it_was_taken() -> None:
    meter = StreamMeter(100.0)
    assert (meter.pending(0), meter.lag_s(105.0, 0)) == (0, 0.0)
    meter.recorded(Seq(7), 110.0)
    meter.recorded(Seq(9), 112.0)
    assert (meter.pending(0), meter.lag_s(115.0, 0)) == (2, 5.0)
    meter.taken(Seq(7))
    assert (meter.pending(0), meter.lag_s(115.0, 0)) == (1, 3.0)
    meter.taken(Seq(9))
    assert (meter.pending(0), meter.lag_s(115.0, 0), meter.taken_count) == (0, 0.0, 2)


def test_the_past_counts_as_old_as_the_process_until_it_was_passed() -> None:
    meter = StreamMeter(100.0)
    meter.taken(Seq(3))
    assert (meter.pending(40), meter.lag_s(130.0, 40)) == (40, 30.0)
    assert (meter.pending(0), meter.lag_s(130.0, 0), meter.taken_count) == (0, 0.0, 1)


def test_what_is_not_kept_is_counted_and_its_age_never_too_young() -> None:
    meter = StreamMeter(0.0, kept_max=3)
    for seq in range(1, 11):
        meter.recorded(Seq(seq), float(seq))
    assert (meter.pending(0), meter.lag_s(20.0, 0)) == (10, 19.0)
    for seq in range(1, 6):
        meter.taken(Seq(seq))
    assert meter.pending(0) == 5
    assert meter.lag_s(20.0, 0) == 16.0  # of the fourth, the first that was not kept
    for seq in range(6, 11):
        meter.taken(Seq(seq))
    assert (meter.pending(0), meter.lag_s(20.0, 0)) == (0, 0.0)
    meter.recorded(Seq(11), 21.0)
    assert (meter.pending(0), meter.lag_s(22.0, 0)) == (1, 1.0)


@pytest.mark.parametrize("seed", range(20))
def test_it_agrees_with_a_plain_list(seed: int) -> None:
    chance, meter, waiting = random.Random(seed), StreamMeter(0.0, kept_max=5), list[int]()
    for seq in range(1, 200):
        if chance.random() < 0.6:
            meter.recorded(Seq(seq), float(seq))
            waiting.append(seq)
        while waiting and chance.random() < 0.4:
            meter.taken(Seq(waiting.pop(0)))
        assert meter.pending(0) == len(waiting)
        lag_s = meter.lag_s(200.0, 0)
        assert (lag_s == 0.0) == (not waiting)
        assert not waiting or lag_s >= 200.0 - waiting[0]
