"""The simulator's only source of time: a clock object that is handed in.

Every module takes a `Clock`, so the same code runs under wall time and under virtual time. Both
clocks can be advanced: what was due in between runs in its order, each at its own moment.
"""

import asyncio
import heapq
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

NS = 1_000_000_000


class Timer(Protocol):
    """A scheduled callback that may be cancelled."""

    def cancel(self) -> None:
        """Make sure the callback does not run any more."""


class Clock(Protocol):
    """Time and timers."""

    def monotonic(self) -> float:
        """Return seconds that never go backwards; an advance moves them."""

    def time(self) -> float:
        """Return seconds since the epoch, UTC; an advance moves them."""

    def host_monotonic(self) -> float:
        """Return what other processes on this host can compare; no advance moves it."""

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        """Run the callback once, after the delay."""

    def idle_s(self, besides: Timer) -> float:
        """Return for how long nothing else is due than one timer, and nobody looks.

        0 while time goes by: only what lies ahead within an advance that nobody watches counts.
        """


class _Entry:
    """A timer in the queue: its moment, its number among equals, what it does."""

    __slots__ = ("callback", "due_ns", "number")

    def __init__(self, due_ns: int, number: int, callback: Callable[[], None]) -> None:
        self.due_ns, self.number = due_ns, number
        self.callback: Callable[[], None] | None = callback

    def __lt__(self, other: "_Entry") -> bool:
        return (self.due_ns, self.number) < (other.due_ns, other.number)

    def cancel(self) -> None:
        """Drop what it would do; the entry itself leaves the queue when its moment comes."""
        self.callback = None


class _Queue:
    """Timers by moment; equal moments in the order in which they were set."""

    def __init__(self) -> None:
        self._heap: list[_Entry] = []
        self._count = 0

    def add(self, due_ns: int, callback: Callable[[], None]) -> _Entry:
        """Add a timer."""
        self._count += 1
        entry = _Entry(due_ns, self._count, callback)
        heapq.heappush(self._heap, entry)
        return entry

    def next_due_ns(self) -> int | None:
        """Return the moment of the earliest timer, None without one."""
        while self._heap and self._heap[0].callback is None:
            heapq.heappop(self._heap)
        return self._heap[0].due_ns if self._heap else None

    def due_besides_ns(self, entry: Timer) -> int | None:
        """Return the moment of the earliest other timer, perhaps a cancelled one's."""
        self.next_due_ns()
        rest = self._heap[1:3] if self._heap and self._heap[0] is entry else self._heap[:1]
        return min((other.due_ns for other in rest), default=None)

    def take(self) -> Callable[[], None]:
        """Remove the earliest timer and return what it does."""
        callback = heapq.heappop(self._heap).callback
        assert callback is not None, "next_due_ns has dropped the cancelled ones"
        return callback


class VirtualClock:
    """Time that stands still until it is advanced."""

    def __init__(self, epoch_s: float) -> None:
        self._epoch_ns = round(epoch_s * NS)
        self._now_ns = 0
        self._leap_until_ns = 0
        self._queue = _Queue()

    def monotonic(self) -> float:
        """Return the seconds since the clock was made."""
        return self._now_ns / NS

    def time(self) -> float:
        """Return the seconds since the epoch."""
        return (self._epoch_ns + self._now_ns) / NS

    def host_monotonic(self) -> float:
        """Return the same as monotonic: there is no other process."""
        return self.monotonic()

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        """Run the callback at its moment, once time is advanced so far."""
        return self._queue.add(self._now_ns + max(round(delay_s * NS), 0), callback)

    def idle_s(self, besides: Timer) -> float:
        """Return for how long nothing else is due; 0 unless a leap is under way."""
        return _idle_s(self._queue, besides, self._now_ns, self._leap_until_ns)

    def step(self) -> bool:
        """Go to the next timer and run it; say whether there was one."""
        due_ns = self._queue.next_due_ns()
        if due_ns is None:
            return False
        self._now_ns = max(self._now_ns, due_ns)
        self._queue.take()()
        return True

    def advance(self, seconds: float) -> None:
        """Let the time pass and everything happen that is due in it."""
        until_ns = self._now_ns + round(seconds * NS)
        while (due_ns := self._queue.next_due_ns()) is not None and due_ns <= until_ns:
            self.step()
        # What was due may itself have advanced the clock, and further.
        self._now_ns = max(self._now_ns, until_ns)

    def leap(self, seconds: float) -> None:
        """Advance while nobody looks: what nobody can tell from being left out may be."""
        self._leap_until_ns = self._now_ns + round(seconds * NS)
        self.advance(seconds)
        self._leap_until_ns = 0


class LoopClock:
    """Wall time with timers on an asyncio event loop, and jumps ahead on request."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._queue = _Queue()
        self._ahead_ns = 0
        # While an advance runs, time is what it says; otherwise the host's clock plus the jumps.
        self._held_ns: int | None = None
        # What the host's wall clock was ahead of its monotonic one when the advance began: two
        # clocks that are read one after the other would tell two times of one moment.
        self._wall_ns = 0
        self._until_ns = 0
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_ns = 0

    def _now_ns(self) -> int:
        return time.monotonic_ns() + self._ahead_ns if self._held_ns is None else self._held_ns

    def monotonic(self) -> float:
        """Return CLOCK_MONOTONIC plus what was jumped."""
        return self._now_ns() / NS

    def time(self) -> float:
        """Return the wall time in seconds since the epoch, plus what was jumped."""
        if self._held_ns is None:
            return time.time() + self._ahead_ns / NS
        return (self._wall_ns + self._held_ns) / NS

    def host_monotonic(self) -> float:
        """Return CLOCK_MONOTONIC."""
        return time.monotonic()

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        """Run the callback on the loop after the delay; zero means on its next turn.

        Within an advance the next turn is part of it: an order that enters then is not late.
        """
        if delay_s <= 0 and self._held_ns is None:
            return self._loop.call_soon(callback)
        entry = self._queue.add(self._now_ns() + max(round(delay_s * NS), 0), callback)
        self._set_alarm()
        return entry

    def idle_s(self, besides: Timer) -> float:
        """Return for how long nothing else is due; 0 unless an advance is under way."""
        if self._held_ns is None:
            return 0.0
        return _idle_s(self._queue, besides, self._held_ns, self._until_ns)

    def advance(self, seconds: float) -> None:
        """Jump ahead: run what is due on the way, each at its moment."""
        self._jump(self._now_ns() + round(seconds * NS), None)

    def advance_towards(self, until_s: float, host_s: float) -> bool:
        """Jump towards a monotonic moment for so long of the host's time; say if it is reached."""
        return self._jump(round(until_s * NS), time.monotonic_ns() + round(host_s * NS))

    def _jump(self, until_ns: int, stop_ns: int | None) -> bool:
        outer_ns, self._until_ns = self._until_ns, until_ns
        self._wall_ns = time.time_ns() - time.monotonic_ns()
        is_reached = True
        while (due_ns := self._queue.next_due_ns()) is not None and due_ns <= until_ns:
            if stop_ns is not None and time.monotonic_ns() >= stop_ns:
                is_reached = False
                break
            self._held_ns = max(due_ns, self._now_ns())
            self._queue.take()()
        end_ns = until_ns if is_reached else self._now_ns()
        self._held_ns, self._until_ns = None, outer_ns
        self._ahead_ns = max(self._ahead_ns, end_ns - time.monotonic_ns())
        self._set_alarm()
        return is_reached

    def _set_alarm(self) -> None:
        due_ns = self._queue.next_due_ns()
        if due_ns is None or self._held_ns is not None:
            return
        if self._alarm is not None:
            if self._alarm_ns <= due_ns:
                return
            self._alarm.cancel()
        self._alarm_ns = due_ns
        self._alarm = self._loop.call_later(max(due_ns - self._now_ns(), 0) / NS, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        now_ns = self._now_ns()
        while (due_ns := self._queue.next_due_ns()) is not None and due_ns <= now_ns:
            self._queue.take()()
        self._set_alarm()


def _idle_s(queue: _Queue, besides: Timer, now_ns: int, until_ns: int) -> float:
    due_ns = queue.due_besides_ns(besides)
    end_ns = until_ns if due_ns is None else min(due_ns, until_ns)
    return max(end_ns - now_ns, 0) / NS


def utc(epoch_s: float) -> datetime:
    """Return the moment as an aware datetime."""
    return datetime.fromtimestamp(epoch_s, UTC)


def iso(epoch_s: float) -> str:
    """Return the moment in ISO 8601 with microseconds and a zone."""
    return utc(epoch_s).isoformat(timespec="microseconds")


def stamp(epoch_s: float) -> str:
    """Write a moment as the gateway does, with its zone."""
    return utc(epoch_s).strftime("%Y%m%d %H:%M:%S UTC")
