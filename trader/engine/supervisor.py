"""Named, guarded tasks; the first root task to end ends the daemon.

The guard is the one place in the daemon that catches everything: a strategy that raises stops
alone, a root task that raises takes the process down in order, and nothing is ever swallowed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import structlog

from trader.ports import Clock

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Ended:
    """A task that ended: by itself, or with the error in ``problem``."""

    name: str
    problem: str


class Supervisor:
    """Owner of every task; a task lives here under a name or not at all."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._beats: dict[str, float] = {}
        self._root_ended: asyncio.Future[Ended] | None = None

    def start(
        self,
        name: str,
        work: Callable[[], Awaitable[None]],
        on_failure: Callable[[Ended], None] | None = None,
    ) -> None:
        """Start a task; without ``on_failure`` it is a root task, whose end ends the daemon."""
        assert name not in self._tasks, f"task {name} runs already"
        self._tasks[name] = asyncio.get_running_loop().create_task(
            self._guard(name, work, on_failure or self._end_daemon), name=name
        )

    @property
    def root_ended(self) -> "asyncio.Future[Ended]":
        """Return the future of the first root task to end."""
        if self._root_ended is None:
            self._root_ended = asyncio.get_running_loop().create_future()
        return self._root_ended

    async def stop(self, *names: str) -> None:
        """Cancel tasks by name, or all of them, and wait until they have ended."""
        chosen = [self._tasks.pop(name) for name in names or tuple(self._tasks)]
        for task in chosen:
            task.cancel()
        for task in chosen:
            await asyncio.gather(task, return_exceptions=True)

    def beat(self, name: str) -> None:
        """Note that a task is alive; called once in every round of its loop."""
        self._beats[name] = self._clock.monotonic()

    def ages_s(self) -> tuple[tuple[str, float], ...]:
        """Return how long ago each task that beats was last alive."""
        now_s = self._clock.monotonic()
        return tuple((name, now_s - at) for name, at in self._beats.items() if name in self._tasks)

    def stalled(self, budgets_s: Mapping[str, float]) -> str:
        """Say of the first of these tasks that does not move within its budget; empty when none.

        One that does not run, or has never moved, does not move either.
        """
        now_s = self._clock.monotonic()
        for name, budget_s in budgets_s.items():
            task, at_s = self._tasks.get(name), self._beats.get(name)
            if task is None or task.done() or at_s is None:
                return f"task {name} does not run"
            # Written so that an age that is not a number is too much.
            if not now_s - at_s <= budget_s:
                return f"task {name} last moved {now_s - at_s:.1f} s ago, allowed {budget_s:g} s"
        return ""

    async def every(self, name: str, interval_s: float, work: Callable[[], None]) -> None:
        """Call ``work`` every ``interval_s`` seconds, for ever."""
        while True:
            self.beat(name)
            work()
            await self._clock.sleep(interval_s)

    async def _guard(
        self,
        name: str,
        work: Callable[[], Awaitable[None]],
        on_end: Callable[[Ended], None],
    ) -> None:
        problem = "ended by itself"
        try:
            await work()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            assert task is not None
            if task.cancelling():
                return
            # Nobody cancelled the task: something that it waited for was cancelled under it.
            problem = "CancelledError: what it waited for was cancelled"
            log.error("task failed", task=name, problem=problem)
        except Exception as error:
            log.exception("task failed", task=name)
            problem = f"{type(error).__name__}: {error}"
        try:
            on_end(Ended(name, problem))
        except Exception as error:
            log.exception("failure of a task not handled", task=name)
            self._end_daemon(Ended(name, f"{problem}; then {type(error).__name__}: {error}"))

    def end_daemon(self, name: str, problem: str) -> None:
        """End the daemon for a reason that is no task's."""
        self._end_daemon(Ended(name, problem))

    def _end_daemon(self, ended: Ended) -> None:
        if not self.root_ended.done():
            self.root_ended.set_result(ended)
