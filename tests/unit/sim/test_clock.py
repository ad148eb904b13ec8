"""The clock hands out comparable time, and stamps can be read back."""

from __future__ import annotations

import asyncio
import time

import pytest

from trader.sim.clock import LoopClock, VirtualClock, iso, stamp


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


def test_a_stamp_carries_its_zone() -> None:
    assert stamp(0) == "19700101 00:00:00 UTC"


def test_iso_times_carry_their_zone() -> None:
    assert iso(0.5) == "1970-01-01T00:00:00.500000+00:00"


def test_virtual_time_stands_still_until_it_is_advanced() -> None:
    clock = VirtualClock(100.0)
    heard: list[tuple[str, float]] = []
    clock.call_later(2.0, lambda: heard.append(("second", clock.monotonic())))
    clock.call_later(1.0, lambda: heard.append(("first", clock.monotonic())))
    clock.call_later(1.0, lambda: heard.append(("equal", clock.monotonic())))
    assert (clock.monotonic(), clock.time(), heard) == (0.0, 100.0, [])
    clock.advance(1.5)
    assert heard == [("first", 1.0), ("equal", 1.0)]
    assert (clock.monotonic(), clock.time()) == (1.5, 101.5)
    clock.advance(0.5)
    assert heard[-1] == ("second", 2.0)


def test_what_a_timer_sets_within_an_advance_runs_within_it() -> None:
    clock = VirtualClock(0.0)
    heard: list[float] = []

    def again() -> None:
        heard.append(clock.monotonic())
        clock.call_later(0.25, again)

    clock.call_later(0.25, again)
    clock.advance(1.0)
    assert heard == [0.25, 0.5, 0.75, 1.0]


def test_a_cancelled_timer_is_no_step() -> None:
    clock = VirtualClock(0.0)
    clock.call_later(1.0, lambda: None).cancel()
    assert not clock.step()
    assert clock.monotonic() == 0.0


async def test_an_advance_of_the_loop_clock_runs_what_is_due_at_its_own_moment() -> None:
    clock = LoopClock(asyncio.get_running_loop())
    began, wall, host = clock.monotonic(), clock.time(), clock.host_monotonic()
    heard: list[float] = []
    clock.call_later(3600.0, lambda: heard.append(clock.monotonic() - began))
    clock.call_later(60.0, lambda: heard.append(clock.monotonic() - began))
    never = clock.call_later(7300.0, lambda: heard.append(-1.0))
    clock.advance(7200.0)
    assert [round(moment) for moment in heard] == [60, 3600]
    assert clock.monotonic() - began == pytest.approx(7200.0, abs=1.0)
    assert clock.time() - wall == pytest.approx(7200.0, abs=1.0)
    assert clock.host_monotonic() - host < 1.0
    never.cancel()


async def test_what_happens_at_one_moment_of_an_advance_sees_one_time() -> None:
    # An order that the open releases asks several times: is it past the open, is the market open?
    clock = LoopClock(asyncio.get_running_loop())
    wall = clock.time()
    seen: set[float] = set()
    clock.call_later(60.0, lambda: seen.update(clock.time() for _ in range(2000)))
    clock.advance(120.0)
    assert len(seen) == 1
    assert seen.pop() - wall == pytest.approx(60.0, abs=1.0)


async def test_timers_go_on_by_the_host_s_clock_after_an_advance() -> None:
    clock = LoopClock(asyncio.get_running_loop())
    clock.advance(1000.0)
    done = asyncio.Event()
    clock.call_later(0.01, done.set)
    async with asyncio.timeout(5):
        await done.wait()


def test_an_advance_within_an_advance_never_turns_the_clock_back() -> None:
    clock = VirtualClock(0.0)
    clock.call_later(0.5, lambda: clock.advance(10.0))
    clock.advance(1.0)
    assert clock.monotonic() == 10.5


def test_only_a_leap_says_for_how_long_nothing_else_is_due() -> None:
    clock = VirtualClock(0.0)
    heard: list[float] = []
    clock.call_later(7.0, lambda: None)

    def look() -> None:
        own = clock.call_later(1.0, look)
        heard.append(clock.idle_s(own))

    clock.call_later(1.0, look)
    clock.advance(3.0)
    assert heard == [0.0, 0.0, 0.0]
    clock.leap(6.0)
    # Before the other timer it ends the idle time; after it, the end of the leap does.
    assert heard[3:] == [3.0, 2.0, 1.0, 2.0, 1.0, 0.0]


async def test_what_is_due_at_once_within_an_advance_is_part_of_it() -> None:
    clock = LoopClock(asyncio.get_running_loop())
    began = clock.monotonic()
    heard: list[float] = []
    clock.call_later(10.0, lambda: ignore(clock.call_later(0.0, at_once)))

    def at_once() -> None:
        heard.append(round(clock.monotonic() - began))

    clock.advance(100.0)
    assert heard == [10]


def ignore(_timer: object) -> None:
    """Take a timer that nobody cancels."""


async def test_an_advance_may_be_made_in_slices_of_the_host_s_time() -> None:
    clock = LoopClock(asyncio.get_running_loop())
    heard: list[float] = []

    def again() -> None:
        heard.append(clock.monotonic())
        clock.call_later(0.01, again)

    clock.call_later(0.01, again)
    until = clock.monotonic() + 1000.0
    slices, times = 0, []
    while not clock.advance_towards(until, 0.001):
        slices += 1
        times.append(clock.monotonic())
    assert slices > 5
    assert times == sorted(times)
    assert times[-1] < until <= clock.monotonic()
    assert len(heard) == pytest.approx(100_000, rel=0.01)
    assert clock.advance_towards(until - 1.0, 1.0), "what is past is reached"
