"""The clock hands out comparable time, and stamps can be read back."""

from __future__ import annotations

import asyncio
import time

import pytest

from trader.sim.clock import LoopClock, iso, read_stamp, stamp


async def test_the_loop_clock_is_the_monotonic_clock_of_the_host() -> None:
    before = time.clock_gettime(time.CLOCK_MONOTONIC)
    now = LoopClock(asyncio.get_running_loop()).monotonic()
    assert before <= now <= time.clock_gettime(time.CLOCK_MONOTONIC)


async def test_a_timer_runs_once_and_a_cancelled_one_never() -> None:
    clock = LoopClock(asyncio.get_running_loop())
    done, heard = asyncio.Event(), []
    clock.call_later(0.001, lambda: heard.append("cancelled")).cancel()
    clock.call_later(0, lambda: heard.append("soon"))
    clock.call_later(0.005, done.set)
    await done.wait()
    assert heard == ["soon"]


def test_a_stamp_is_read_back_to_the_second() -> None:
    assert stamp(0) == "19700101 00:00:00 UTC"
    assert read_stamp(stamp(1_795_240_000.4)) == 1_795_240_000.0
    assert read_stamp("19700101-00:00:05") == 5.0


@pytest.mark.parametrize("text", ["yesterday", "1970-01-01", "19700101 25:00:00"])
def test_what_is_no_stamp_is_none(text: str) -> None:
    assert read_stamp(text) is None


def test_iso_times_carry_their_zone() -> None:
    assert iso(0.5) == "1970-01-01T00:00:00.500000+00:00"
