"""Simulated operating-system processes: what can be killed at any callback.

Every callback of the loop belongs to one process, found in the context that asyncio itself copies
into each handle. A killed process runs none of its handles any more: no ``finally``, no
cancellation, no callback, as after SIGKILL.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from tests.simulation.disk import Disk
    from tests.simulation.network import Pipe

T = TypeVar("T")
StrayHandler = Callable[[asyncio.AbstractEventLoop, dict[str, Any]], object]


@dataclass(eq=False, slots=True)
class Process:
    """One process: its handles, sockets, descriptors, signal handlers and disk."""

    name: str
    disk: Disk | None = None
    is_dead: bool = False
    # Callbacks run so far: where a crash is planned, it is counted in these.
    steps: int = 0
    crash_at_step: int = -1
    on_crash: Callable[[str], None] = lambda where: None
    pipes: list[Pipe] = field(default_factory=list)
    descriptors: set[int] = field(default_factory=set)
    signals: dict[int, tuple[Callable[..., object], tuple[Any, ...], Context]] = field(
        default_factory=dict
    )
    on_stray: StrayHandler | None = None
    # Stopped until then (SIGSTOP, a machine that swaps), and what waits for it to go on.
    stopped_until_ns: int = 0
    backlog: list[object] = field(default_factory=list)
    # What is suspended in a dead process stays alive here: freed, it would run its ``finally``.
    graveyard: list[object] = field(default_factory=list)
    # So many before it is looked through again.
    graveyard_max: int = 0

    def run(self, call: Callable[..., T], *arguments: Any) -> T:
        """Call something in this process; everything that it schedules belongs to it."""
        context = copy_context()
        context.run(CURRENT.set, self)
        return context.run(call, *arguments)

    def die(self) -> None:
        """Let the kernel close what the dead process had open; its pipes are the network's."""
        self.is_dead = True
        for number in sorted(self.descriptors):
            os.close(number)
        self.descriptors.clear()


CURRENT: ContextVar[Process | None] = ContextVar("simulated_process", default=None)


def outside(call: Callable[..., T], *arguments: Any) -> T:
    """Call something as the world around the processes: it outlives each of them."""
    return Context().run(call, *arguments)
