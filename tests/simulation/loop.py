"""An asyncio loop under virtual time: one thread, one seed, the same run each time.

Time is a whole number of nanoseconds. It goes to the next timer when nothing is ready, and each
callback costs a little of it, so that timers do not tie by accident and code that waits for time
to move makes progress. Nothing ready and no timer is a deadlock; callbacks without end while time
stands are a livelock; both are failures with a name.
"""

from __future__ import annotations

import asyncio
import heapq
import random
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from contextvars import Context, copy_context
from hashlib import sha256
from typing import Any, TypeVar, TypeVarTuple

from tests.simulation.network import Network, Server
from tests.simulation.processes import CURRENT, Process, outside

NS = 1_000_000_000
STEP_NS = 10_000
_STANDSTILL_MAX = 200_000
# How many tasks are kept before the ended ones among them are let go.
_BURIED_MIN = 64
# Where the simulated monotonic clock begins.
_START_S = 1_000

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")


class Deadlock(RuntimeError):
    """Nothing is ready and no timer is set: nothing can ever happen again."""


class Livelock(RuntimeError):
    """Callbacks without end, and time does not move to any timer."""


class Trace:
    """A running hash of everything that happens; the lines are kept only for looking at."""

    def __init__(self, *, is_kept: bool) -> None:
        self._hash = sha256()
        self.lines: list[str] | None = [] if is_kept else None

    def add(self, line: str) -> None:
        """Take a line in."""
        self._hash.update(line.encode("utf-8", "backslashreplace"))
        self._hash.update(b"\n")
        if self.lines is not None:
            self.lines.append(line)

    def digest(self) -> str:
        """Return the hash of all lines so far."""
        return self._hash.hexdigest()


class NumberedTask(asyncio.Task[Any]):
    """A task whose hash is its number, so that sets of tasks have the same order in each run."""

    def __init__(self, work: Coroutine[Any, Any, Any], *, loop: SimulatedLoop, **more: Any) -> None:
        loop.tasks_made += 1
        self._number = loop.tasks_made
        more["name"] = more.get("name") or f"task-{self._number}"
        super().__init__(work, loop=loop, **more)

    def __hash__(self) -> int:
        return self._number

    def lie_still(self) -> None:
        """Say nothing when it is freed unfinished."""
        self._log_destroy_pending = False


class SimulatedLoop(asyncio.BaseEventLoop):
    """The loop of one simulated world."""

    # Of asyncio, where they have no published types.
    _ready: deque[Any]
    _scheduled: list[Any]
    _stopping: bool
    _timer_cancelled_count: int

    def __init__(self, seed: str, *, keeps_trace: bool = False) -> None:
        super().__init__()
        self.now_ns = _START_S * NS
        self.trace = Trace(is_kept=keeps_trace)
        self.chance = random.Random(f"{seed}/loop")
        self.network = Network(self, random.Random(f"{seed}/network"))
        self.tasks_made = 0
        self.steps = 0
        self.current: Process | None = None
        # Database calls and writes to the broker so far, and what is to happen at one of them.
        self.operations = 0
        self._traps: dict[int, list[Callable[[], None]]] = {}
        self._standstill = 0
        self.strays: list[str] = []

    def time(self) -> float:
        """Return the monotonic clock of every simulated process."""
        return self.now_ns / NS

    # ---- turning

    def _process_events(self, event_list: object) -> None:
        pass

    def _write_to_self(self) -> None:
        pass

    def _run_once(self) -> None:
        scheduled, ready = self._scheduled, self._ready
        while scheduled and scheduled[0]._cancelled:
            self._timer_cancelled_count -= 1
            heapq.heappop(scheduled)._scheduled = False
        if not ready and not self._stopping:
            if not scheduled:
                raise Deadlock("nothing is ready and no timer is set")
            due_ns = round(scheduled[0]._when * NS)
            if due_ns > self.now_ns:
                self.now_ns = due_ns
                self._standstill = 0
        until_s = (self.now_ns + 1) / NS
        while scheduled and scheduled[0]._when <= until_s:
            handle = heapq.heappop(scheduled)
            handle._scheduled = False
            ready.append(handle)
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle._cancelled:
                self._run_handle(handle)
            handle = None

    def _run_handle(self, handle: Any) -> None:
        process: Process | None = handle._context.get(CURRENT)
        if process is not None:
            if process.crash_at_step == process.steps:
                process.crash_at_step = -1
                process.on_crash("callback")
            if process.is_dead:
                process.graveyard.append(handle)
                return
            if process.stopped_until_ns > self.now_ns:
                process.backlog.append(handle)
                return
            process.steps += 1
        self.steps += 1
        self._standstill += 1
        if self._standstill > _STANDSTILL_MAX:
            raise Livelock(f"{self._standstill} callbacks at {self.time():.6f}: {handle!r}")
        name = process.name if process is not None else "-"
        self.trace.add(f"{self.now_ns} {name} {_name_of(handle._callback)}")
        self.current = process
        handle._run()
        # A crash within the callback: what it left suspended must not be unwound.
        if process is not None and process.is_dead:
            process.graveyard.append(handle)
        self.current = None
        self.now_ns += STEP_NS

    def create_task(self, coro: Any, *, name: Any = None, context: Any = None) -> Any:
        """Make a task that belongs to the process that makes it."""
        self._check_closed()  # type: ignore[attr-defined]  # asyncio publishes no type of it
        task = NumberedTask(coro, loop=self, name=name, context=context)
        process = CURRENT.get()
        if process is not None:
            process.graveyard.append(task)
            # An ended task keeps its result: thousands of them were most of a long day's memory.
            if len(process.graveyard) > process.graveyard_max and not process.is_dead:
                process.graveyard = [one for one in process.graveyard if not _has_ended(one)]
                process.graveyard_max = 2 * len(process.graveyard) + _BURIED_MIN
        return task

    # ---- what goes wrong

    def set_exception_handler(self, handler: Any) -> None:
        """Set the handler of the process that calls."""
        process = CURRENT.get()
        assert process is not None, "only processes set one"
        process.on_stray = handler

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Tell the process whose callback runs; what has none is kept as a finding."""
        process = self.current
        self.trace.add(f"stray {context.get('message')} {context.get('exception')!r}")
        if process is None or process.on_stray is None:
            self.strays.append(f"{context.get('message')}: {context.get('exception')!r}")
        elif not process.is_dead:
            process.on_stray(self, context)

    # ---- faults at the n-th operation

    def operation(self) -> None:
        """Count a database call or a write to the broker, and spring what waits for it."""
        self.operations += 1
        for spring in self._traps.pop(self.operations, ()):
            outside(spring)

    def at_operation(self, ahead: int, spring: Callable[[], None]) -> None:
        """Have something happen right at the n-th operation from now."""
        self._traps.setdefault(self.operations + ahead, []).append(spring)

    # ---- threads and signals

    def call_soon_threadsafe(
        self,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: Context | None = None,
    ) -> asyncio.Handle:
        """Do as ``call_soon``: there is one thread."""
        return self.call_soon(callback, *args, context=context)

    def run_in_executor(
        self,
        executor: Executor | None,
        func: Callable[[*Arguments], T],
        *args: *Arguments,
    ) -> asyncio.Future[T]:
        """Run what is meant for a thread on this one, after a moment."""
        future: asyncio.Future[T] = self.create_future()

        def work() -> None:
            if future.done():
                return
            try:
                future.set_result(func(*args))
            except Exception as error:  # noqa: BLE001 - a thread would hand over whatever it is
                future.set_exception(error)

        self.call_later(self.chance.uniform(0.0002, 0.002), work)
        return future

    async def shutdown_default_executor(self) -> None:
        """Do nothing: there is none."""

    def add_signal_handler(
        self,
        sig: int,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
    ) -> None:
        """Set a handler of the process that calls."""
        process = CURRENT.get()
        assert process is not None, "only processes have signals"
        process.signals[int(sig)] = (callback, args, copy_context())

    def remove_signal_handler(self, sig: int) -> bool:
        """Take a handler of the process that calls away."""
        process = CURRENT.get()
        assert process is not None, "only processes have signals"
        return process.signals.pop(int(sig), None) is not None

    def send_signal(self, process: Process, number: int) -> bool:
        """Have a process get a signal; say whether it listens to it."""
        found = process.signals.get(int(number))
        if process.is_dead or found is None:
            return False
        callback, arguments, context = found
        self.call_soon(callback, *arguments, context=context)
        return True

    def stop_for(self, process: Process, seconds: float) -> None:
        """Let a process do nothing for a while; the world goes on."""
        process.stopped_until_ns = self.now_ns + round(seconds * NS)

        def go_on() -> None:
            if process.stopped_until_ns <= self.now_ns + STEP_NS:
                process.stopped_until_ns = 0
                self._ready.extend(process.backlog)
                process.backlog.clear()

        outside(self.call_later, seconds, go_on)

    def kill(self, process: Process, *, sends_fin: bool) -> None:
        """End a process without its help; a host that loses power does not even say FIN."""
        if process.is_dead:
            return
        self.trace.add(f"{self.now_ns} killed {process.name} at step {process.steps}")
        process.die()
        for one in process.graveyard:
            if isinstance(one, NumberedTask):
                one.lie_still()
        for pipe in tuple(process.pipes):
            pipe.owner_died(sends_fin=sends_fin)

    # ---- the network

    async def create_server(self, protocol_factory: Any, host: Any = None, port: Any = None,
                            **more: Any) -> Any:  # fmt: skip
        """Listen on the simulated network."""
        return self.network.listen(protocol_factory, port or 0)

    async def create_connection(self, protocol_factory: Any, host: Any = None, port: Any = None,
                                **more: Any) -> Any:  # fmt: skip
        """Connect over the simulated network."""
        return await self.network.connect(protocol_factory, port)

    def listening(self, port: int) -> Server | None:
        """Return who listens on a port."""
        return self.network.servers.get(port)


def _has_ended(one: object) -> bool:
    return isinstance(one, asyncio.Task) and one.done()


def _name_of(callback: Any) -> str:
    owner = getattr(callback, "__self__", None)
    if isinstance(owner, asyncio.Task):
        return f"{owner.get_name()} {owner.get_coro().__qualname__}"  # type: ignore[union-attr]
    name = getattr(callback, "__qualname__", None)
    return name if isinstance(name, str) else type(callback).__name__
