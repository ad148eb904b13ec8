"""A loop whose time is a feed's: nothing is late, nothing ties, and there is no network in it."""

from __future__ import annotations

import asyncio
from collections import deque

import pytest

from trader.replay.loop import NothingLeft, ReplayLoop


class Moments:
    """A feed of moments; what was delivered is kept with the loop's time."""

    def __init__(self, loop: ReplayLoop, moments: list[float]) -> None:
        self._loop = loop
        self._left = deque(moments)
        self.seen: list[tuple[str, float]] = []
        self.ended = loop.create_future()

    def due_s(self) -> float | None:
        return self._left[0] if self._left else None

    def deliver(self) -> None:
        self._left.popleft()
        self.seen.append(("event", self._loop.time()))
        if not self._left:
            self.ended.set_result(None)


def played(moments: list[float], timers: list[float], waits: list[float] | None = None) -> Moments:
    loop = ReplayLoop(10.0, None if waits is None else waits.append)
    feed = Moments(loop, moments)

    async def work() -> None:
        for after_s in timers:
            loop.call_later(after_s, lambda: feed.seen.append(("timer", loop.time())))
        loop.feed = feed
        await feed.ended

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(work())
    return feed


def test_events_and_timers_come_in_the_order_of_their_time() -> None:
    feed = played([10.5, 12.0, 13.0], [1.0, 2.0])
    assert feed.seen == [
        ("event", 10.5),
        ("timer", 11.0),
        ("event", 12.0),
        ("timer", 12.0),
        ("event", 13.0),
    ]


def test_what_is_recorded_out_of_order_comes_late_and_time_never_steps_back() -> None:
    feed = played([12.0, 11.0, 12.5], [])
    assert [at for _, at in feed.seen] == [12.0, 12.0, 12.5]


def test_all_that_an_event_has_set_off_happens_before_the_next() -> None:
    loop = ReplayLoop(0.0)
    done: list[str] = []

    class Two:
        left = 2

        def due_s(self) -> float | None:
            return 1.0 if self.left else None

        def deliver(self) -> None:
            self.left -= 1
            done.append("event")
            event.set()

    async def work() -> None:
        loop.feed = Two()
        for _ in range(2):
            await event.wait()
            event.clear()
            for _ in range(50):
                await asyncio.sleep(0)
            done.append("done")

    event = asyncio.Event()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(work())
    assert done == ["event", "done", "event", "done"]


def test_a_pace_is_kept_by_waiting_what_is_skipped() -> None:
    waits: list[float] = []
    played([10.5, 12.0], [], waits)
    assert waits == [0.5, 1.5]


def test_where_nothing_can_ever_happen_it_says_so() -> None:
    loop = ReplayLoop(0.0)

    async def work() -> None:
        await loop.create_future()

    with pytest.raises(NothingLeft), asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(work())


def test_there_is_no_network_in_it() -> None:
    """EVT-19: who runs in it cannot connect, whatever he imports."""

    async def work() -> None:
        with pytest.raises(NotImplementedError):
            await asyncio.open_connection("127.0.0.1", 1)
        with pytest.raises(NotImplementedError):
            await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
        with pytest.raises(NotImplementedError):
            await asyncio.to_thread(int)

    with asyncio.Runner(loop_factory=lambda: ReplayLoop(0.0)) as runner:
        runner.run(work())
