"""The bucket in front of the socket: bounded waits, and cancels that never wait."""

from __future__ import annotations

import asyncio

import pytest

from tests.unit.engine.world import LoopClock
from trader.core.halts import Lane
from trader.engine.pacer import LanePacer


def empty(rate_per_s: float = 1.0, burst: float = 10.0) -> LanePacer:
    pacer = LanePacer(LoopClock(), rate_per_s, burst)
    while pacer.try_take(Lane.OPERATOR):
        pass
    return pacer


@pytest.mark.parametrize("lane", [lane for lane in Lane if lane is not Lane.CANCEL])
async def test_an_empty_bucket_holds_every_lane_but_cancels(lane: Lane) -> None:
    pacer = empty()
    assert not pacer.try_take(lane)
    assert pacer.try_take(Lane.CANCEL)


async def test_a_storm_of_cancels_overdraws_a_little_and_then_goes_at_the_rate() -> None:
    """INC-061: with rate and burst at their most, 49 in a second, and 50 end the connection."""
    clock = LoopClock()
    pacer = LanePacer(clock, 30.0, 15.0)
    start_s = clock.monotonic()
    times: list[float] = []
    while len(times) < 200:
        if pacer.try_take(Lane.CANCEL):
            times.append(clock.monotonic() - start_s)
        else:
            await clock.sleep(0.01)
    assert max(sum(1 for at in times if since <= at < since + 1) for since in times) <= 49
    assert times[-1] < (200 - 19) / 30 + 0.1
    assert not pacer.try_take(Lane.OPERATOR)


async def test_data_stops_while_orders_and_exits_still_go() -> None:
    pacer = LanePacer(LoopClock(), 1.0, 10.0)
    taken = dict.fromkeys((Lane.DATA, Lane.NEW, Lane.REDUCE, Lane.OPERATOR), 0)
    for lane in taken:
        while pacer.try_take(lane):
            taken[lane] += 1
    assert taken == {Lane.DATA: 5, Lane.NEW: 2, Lane.REDUCE: 1, Lane.OPERATOR: 2}


async def test_a_wait_ends_as_soon_as_there_is_a_token() -> None:
    pacer = empty(rate_per_s=2.0)
    assert await pacer.take(Lane.OPERATOR, deadline_s=2_000.0)
    assert LoopClock().monotonic() == pytest.approx(1_000.5, abs=0.051)


async def test_a_wait_ends_at_its_deadline() -> None:
    pacer = empty(rate_per_s=0.001)
    assert not await pacer.take(Lane.NEW, deadline_s=1_003.0)
    assert LoopClock().monotonic() == pytest.approx(1_003.0, abs=0.01)


async def test_a_deadline_in_the_past_does_not_wait() -> None:
    pacer = empty()
    assert not await pacer.take(Lane.NEW, deadline_s=999.0)
    assert LoopClock().monotonic() == 1_000.0


async def test_an_exit_that_comes_later_goes_before_a_new_order_that_waits() -> None:
    pacer = empty(rate_per_s=1.0)
    order: list[Lane] = []

    async def take(lane: Lane) -> None:
        assert await pacer.take(lane, deadline_s=2_000.0)
        order.append(lane)

    async with asyncio.TaskGroup() as group:
        group.create_task(take(Lane.NEW))
        group.create_task(take(Lane.REDUCE))
    assert order == [Lane.REDUCE, Lane.NEW]


async def test_the_rate_is_kept_over_a_long_run() -> None:
    pacer = LanePacer(LoopClock(), 5.0, 10.0)
    count = 0
    while LoopClock().monotonic() < 1_060.0 and await pacer.take(Lane.NEW, 1_060.0):
        count += 1
    assert 295 <= count <= 5.0 * 60 + 10
