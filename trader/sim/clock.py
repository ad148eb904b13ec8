"""The simulator's only source of time: a clock object that is handed in.

Every module takes a `Clock`, so the same code runs under wall time and under virtual time.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol


class Timer(Protocol):
    """A scheduled callback that may be cancelled."""

    def cancel(self) -> None:
        """Make sure the callback does not run any more."""


class Clock(Protocol):
    """Time and timers."""

    def monotonic(self) -> float:
        """Return seconds that never go backwards (CLOCK_MONOTONIC on a real host)."""

    def time(self) -> float:
        """Return seconds since the epoch, UTC."""

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        """Run the callback once, after the delay."""


class LoopClock:
    """Wall time, with timers on an asyncio event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def monotonic(self) -> float:
        """Return CLOCK_MONOTONIC, which other processes on this host can compare with theirs."""
        return time.monotonic()

    def time(self) -> float:
        """Return the wall time in seconds since the epoch."""
        return time.time()

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        """Run the callback on the loop after the delay; zero means on its next turn."""
        if delay_s <= 0:
            return self._loop.call_soon(callback)
        return self._loop.call_later(delay_s, callback)


def utc(epoch_s: float) -> datetime:
    """Return the moment as an aware datetime."""
    return datetime.fromtimestamp(epoch_s, UTC)


def iso(epoch_s: float) -> str:
    """Return the moment in ISO 8601 with microseconds and a zone."""
    return utc(epoch_s).isoformat(timespec="microseconds")


def stamp(epoch_s: float) -> str:
    """Write a moment as the gateway does, with its zone."""
    return utc(epoch_s).strftime("%Y%m%d %H:%M:%S UTC")


def read_stamp(text: str) -> float | None:
    """Read `yyyymmdd hh:mm:ss` or `yyyymmdd-hh:mm:ss`, zone ignored; None if it is neither.

    The simulated gateway's zone is UTC.
    """
    parts = text.replace("-", " ").split()
    try:
        moment = datetime.strptime(" ".join(parts[:2]) + " +0000", "%Y%m%d %H:%M:%S %z")
    except ValueError:
        return None
    return moment.timestamp()
