"""What a program takes from its surroundings without asking: time, chance, descriptors, the host.

All of it is replaced in the forked child that runs one seed, which ends with the seed; nothing is
ever put back.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import random
import secrets
import time
import uuid
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, NoReturn

import structlog

from tests.simulation import database
from tests.simulation.loop import SimulatedLoop
from tests.simulation.processes import CURRENT
from trader.engine.host import HeadroomStatus, TimeServiceStatus
from trader.ops import host_watch, lock_wait

# A Tuesday, 15:00 UTC: any moment does, because the simulated market never closes.
EPOCH_S = 1_789_484_400.0
_EPOCH_US = int(EPOCH_S) * 1_000_000
# What a moment in seconds since 1970 loses as a float.
_ROUNDED_US = 2


class Wall:
    """The clock on the wall of the simulated host: virtual time, and the steps somebody sets it."""

    def __init__(self, loop: SimulatedLoop) -> None:
        self._loop = loop
        # From which virtual moment on it was so far ahead, in order, both in microseconds.
        self._steps = [(0, 0)]

    def time(self) -> float:
        """Return seconds since 1970."""
        return EPOCH_S + self._loop.time() + self._steps[-1][1] / 1e6

    def step(self, seconds: int) -> None:
        """Set it forward or back."""
        self._steps.append((self._now_us(), self._steps[-1][1] + seconds * 1_000_000))

    def first_us(self, shown_us: int) -> int | None:
        """Return when it first showed a moment, by a clock that nobody steps; None if it never did.

        A moment that a step back has it show twice may be of either time: the first is taken.
        """
        untils = [from_us for from_us, _ in self._steps[1:]] + [self._now_us()]
        for (from_us, ahead_us), until_us in zip(self._steps, untils, strict=True):
            at_us = shown_us - ahead_us - _EPOCH_US
            if from_us - _ROUNDED_US <= at_us <= until_us + _ROUNDED_US:
                return _EPOCH_US + at_us
        return None

    def _now_us(self) -> int:
        return self._loop.now_ns // 1000


class DaemonClock:
    """Implements ``trader.ports.Clock``."""

    def __init__(self, loop: SimulatedLoop, wall: Wall) -> None:
        self._loop, self._wall = loop, wall

    def monotonic(self) -> float:
        """Return virtual time."""
        return self._loop.time()

    def utc(self) -> datetime:
        """Return what the wall says."""
        return datetime.fromtimestamp(self._wall.time(), UTC)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


def install(loop: SimulatedLoop, wall: Wall, seed: str) -> None:
    """Replace everything that would differ from run to run."""
    gc.disable()
    logging.disable(logging.CRITICAL)
    structlog.configure(
        processors=[_drop],
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
        cache_logger_on_first_use=True,
    )
    database.install()
    _install_time(loop, wall)
    _install_chance(seed)
    _install_descriptors()
    _install_host()


def _drop(logger: object, name: str, event: object) -> NoReturn:
    raise structlog.DropEvent


def _install_time(loop: SimulatedLoop, wall: Wall) -> None:
    # The gateway's host has a clock of its own, which nobody steps.
    steady: Any = lambda: EPOCH_S + loop.time()  # noqa: E731 - assigned to a module's function
    values: dict[str, Any] = {
        "time": steady,
        "time_ns": lambda: int(steady() * 1_000_000_000),
        "monotonic": loop.time,
        "perf_counter": loop.time,
        "monotonic_ns": lambda: loop.now_ns,
        "perf_counter_ns": lambda: loop.now_ns,
        "sleep": _no_sleep,
    }
    for name, value in values.items():
        setattr(time, name, value)


def _no_sleep(seconds: float) -> NoReturn:
    raise AssertionError(f"time.sleep({seconds}) in the event loop")


def _install_chance(seed: str) -> None:
    random.seed(f"{seed}/global")
    chance = random.Random(f"{seed}/urandom")
    values: tuple[tuple[Any, str, Any], ...] = (
        (os, "urandom", chance.randbytes),
        (random, "_urandom", chance.randbytes),
        (secrets, "token_bytes", lambda count=None: chance.randbytes(count or 32)),
        (uuid, "uuid4", lambda: uuid.UUID(int=chance.getrandbits(128), version=4)),
    )
    for module, name, value in values:
        setattr(module, name, value)


def _install_descriptors() -> None:
    """Have each process own the descriptors that it opens, so that its death closes them."""
    real_open, real_close = os.open, os.close

    def opened(*arguments: Any, **more: Any) -> int:
        number = real_open(*arguments, **more)
        process = CURRENT.get()
        if process is not None:
            process.descriptors.add(number)
        return number

    def closed(number: int) -> None:
        process = CURRENT.get()
        if process is not None:
            process.descriptors.discard(number)
        real_close(number)

    os.open, os.close = opened, closed  # type: ignore[assignment]


def _install_host() -> None:
    """Show every process the same quiet host, however busy the real one is."""
    room = SimpleNamespace(f_bavail=50, f_blocks=100, f_favail=50, f_files=100)
    quiet = HeadroomStatus(*(None,) * len(HeadroomStatus.__dataclass_fields__))
    values: tuple[tuple[Any, str, Any], ...] = (
        (os, "statvfs", lambda path: room),
        (host_watch, "measured", lambda cpu_share, roots: quiet),
        (host_watch, "ask", lambda adjtimex: TimeServiceStatus(True, 0.0, 0.0, "")),
        # There is one real process, and its descriptors are those of all simulated ones.
        (lock_wait, "strays_of", lambda path: []),
    )
    for module, name, value in values:
        setattr(module, name, value)
