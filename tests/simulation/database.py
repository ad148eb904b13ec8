"""aiosqlite without its thread.

``aiosqlite.core`` makes a connection from two names, ``Thread`` and ``SimpleQueue``. With these two
replaced, the queued calls run on the loop's own thread, one at a time, each at its own moment;
connection, cursor and everything above stay the real code. A process can so die before a call,
after it and before it is reported, or after the report.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

import aiosqlite.core

from tests.simulation.loop import SimulatedLoop
from tests.simulation.processes import CURRENT

# How long a call takes to reach the thread, and its result to come back.
_HAND_OVER_S = (0.00002, 0.0002)

Call = tuple["asyncio.Future[Any] | None", Callable[[], Any]]


class NoThread:
    """Stands for the worker, which is not there."""

    def __init__(self, target: object = None, args: object = (), **more: object) -> None:
        """Take what a thread takes."""

    def start(self) -> None:
        """Do nothing."""


class InlineQueue:
    """Stands for the queue to the worker: what is put in is run."""

    def __init__(self) -> None:
        self._calls: deque[Call] = deque()
        self._is_busy = False
        self._process = CURRENT.get()

    def put_nowait(self, call: Call) -> None:
        """Run a call in its turn."""
        if self._process is not None and self._process.is_dead:
            return
        loop = _loop()
        self._calls.append(call)
        if not self._is_busy:
            self._is_busy = True
            loop.call_later(loop.chance.uniform(*_HAND_OVER_S), self._run)

    def _run(self) -> None:
        loop = _loop()
        future, function = self._calls.popleft()
        disk = self._process.disk if self._process is not None else None
        if disk is not None:
            disk.busy_s = 0.0
        loop.trace.add(f"database {_words_of(function)}")
        loop.operation()
        result, problem = None, None
        if self._process is not None and self._process.is_dead:
            return
        try:
            result = function()
        except Exception as error:  # noqa: BLE001 - as the thread, which hands over whatever it is
            problem = error
        took_s = disk.busy_s if disk is not None else 0.0
        delay_s = took_s + loop.chance.uniform(*_HAND_OVER_S)
        loop.call_later(delay_s, self._report, future, result, problem)

    def _report(
        self, future: asyncio.Future[Any] | None, result: object, problem: Exception | None
    ) -> None:
        if future is not None and not future.done():
            if problem is None:
                future.set_result(result)
            else:
                future.set_exception(problem)
        if self._calls:
            loop = _loop()
            loop.call_later(loop.chance.uniform(*_HAND_OVER_S), self._run)
        else:
            self._is_busy = False


def install() -> None:
    """Replace the two names; meant for a process that runs one seed and ends."""
    core: Any = aiosqlite.core
    for name, value in (("Thread", NoThread), ("SimpleQueue", InlineQueue)):
        assert hasattr(core, name), f"aiosqlite.core has no {name} any more"
        setattr(core, name, value)


def _loop() -> SimulatedLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SimulatedLoop), "only under virtual time"
    return loop


def _words_of(function: Callable[[], Any]) -> str:
    inner = getattr(function, "func", function)
    arguments = getattr(function, "args", ())
    text = arguments[0][:60] if arguments and isinstance(arguments[0], str) else ""
    return f"{getattr(inner, '__name__', '?')} {text}"
