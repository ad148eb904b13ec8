"""An event loop without a network, whose time is that of a feed and of timers.

Time moves only while nothing is ready to run: to the next event of the feed or to the next timer,
whichever is earlier. One thread, no clock and no chance: the same feed gives the same run. It has
no selector and no network: who asks it for a connection, a server or a thread is refused.
"""

import asyncio
from collections.abc import Callable
from typing import Any, NoReturn, Protocol

# Two timers within it are due together; far above what a float of seconds can lose.
_RESOLUTION_S = 1e-6


class Feed(Protocol):
    """What comes from outside, in the order of its time."""

    def due_s(self) -> float | None:
        """Return when the next event is due, in the loop's time; None when there is none left."""

    def deliver(self) -> None:
        """Hand the next event over."""


class NothingLeft(RuntimeError):
    """Everybody waits, and nothing is left that could happen."""


class ReplayLoop(asyncio.BaseEventLoop):
    """A loop under the time of a feed; ``wait`` is called with the seconds that it skips."""

    _clock_resolution: float

    def __init__(self, start_s: float, wait: Callable[[float], None] | None = None) -> None:
        super().__init__()
        self._now_s = start_s
        self._wait = wait
        self._clock_resolution = _RESOLUTION_S
        # Asked by asyncio in each turn, with the seconds to the next timer.
        self._selector = self
        self.feed: Feed | None = None

    def time(self) -> float:
        """Return the time of the feed, monotonic."""
        return self._now_s

    def select(self, timeout: float | None) -> list[Any]:
        """Let time go to what is next, and hand it over if it is an event."""
        if timeout is not None and timeout <= 0:
            return []
        timer_s = None if timeout is None else self._now_s + timeout
        event_s = None if self.feed is None else self.feed.due_s()
        if event_s is not None and (timer_s is None or event_s <= timer_s):
            self._go_to(event_s)
            assert self.feed is not None, "an event without its feed"
            self.feed.deliver()
        elif timer_s is not None:
            self._go_to(timer_s)
        else:
            raise NothingLeft("everybody waits, and nothing is left that could happen")
        return []

    def _go_to(self, moment_s: float) -> None:
        # What was recorded out of order comes late; time never steps back.
        skipped_s = moment_s - self._now_s
        if skipped_s > 0:
            if self._wait is not None:
                self._wait(skipped_s)
            self._now_s = moment_s

    async def create_connection(self, *arguments: Any, **more: Any) -> NoReturn:
        """Refuse: there is no network in here."""
        raise NotImplementedError("a replay has no network")

    async def create_server(self, *arguments: Any, **more: Any) -> NoReturn:
        """Refuse: there is no network in here."""
        raise NotImplementedError("a replay has no network")

    def run_in_executor(  # type: ignore[override]  # whatever is asked for, nothing runs
        self, executor: Any, func: Any, *arguments: Any
    ) -> NoReturn:
        """Refuse: what another thread does has no place in the record's time."""
        raise NotImplementedError("a replay has one thread")

    def _process_events(self, event_list: list[Any]) -> None:
        """Do nothing: there are no sockets."""

    def _write_to_self(self) -> None:
        """Do nothing: there is one thread."""
