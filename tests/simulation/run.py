"""Runs seeds, each in a forked child that ends with it, so that nothing leaks between them."""

from __future__ import annotations

import json
import os
import random
import shlex
import shutil
import signal
import sys
import tempfile
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from tests.simulation import planted
from tests.simulation.disk import Disk
from tests.simulation.faults import WEATHER, chosen_in
from tests.simulation.play import Play, Result
from tests.simulation.settings import configuration
from tests.simulation.vfs import NotOurs, SimulatedVfs
from trader.config import Configuration

# The fastest disk there is: nothing on it is worth more than a seed.
_MEMORY = Path("/dev/shm")


def load_configuration(
    changes: Sequence[str] = (), targets: dict[str, Any] | None = None
) -> Configuration:
    """Return the configuration of every seed, with changes as the command line takes them."""
    with tempfile.TemporaryDirectory() as folder:
        return configuration(Path(folder), changes, targets=targets)


@dataclass(frozen=True, slots=True)
class Wish:
    """How seeds are to be played."""

    config: Configuration
    without: frozenset[str] = frozenset()
    plant: str = ""
    trace_to: Path | None = None


class Ends(Protocol):
    """What runs and can be ended."""

    def end(self) -> None:
        """End it now."""


K = TypeVar("K")
R = TypeVar("R")
C = TypeVar("C", bound=Ends)


class Child:
    """A forked process that says one text and ends; nothing of it stays behind."""

    def __init__(self, say: Callable[[], str]) -> None:
        self._folder = tempfile.mkdtemp(
            dir=_MEMORY if _MEMORY.is_dir() else None, prefix="simulated-"
        )
        reading, writing = os.pipe()
        self._child = os.fork()
        if self._child == 0:
            os.close(reading)
            _say_and_leave(writing, say, self._folder)
        os.close(writing)
        self._reading = reading

    def said(self) -> tuple[str, int]:
        """Wait for its end; return what it said, and its status."""
        with os.fdopen(self._reading) as answers:
            text = answers.read()
        return text, self._buried()

    def end(self) -> None:
        """End it now, whatever it does."""
        os.kill(self._child, signal.SIGKILL)
        with suppress(OSError):
            os.close(self._reading)
        self._buried()

    def _buried(self) -> int:
        _, status = os.waitpid(self._child, 0)
        shutil.rmtree(self._folder, ignore_errors=True)
        return status


class _Running:
    """One seed that plays in a child of its own."""

    def __init__(self, wish: Wish, seed: int) -> None:
        self._seed = seed
        self._child = Child(lambda: json.dumps(asdict(_played(wish, seed))))

    def end(self) -> None:
        """End it now; nobody asks for its result."""
        self._child.end()

    def result(self) -> Result:
        """Wait for its end."""
        said, status = self._child.said()
        if not said:
            text = f"the child ended without a word, status {status}"
            return Result(str(self._seed), problem=text)
        return Result(**json.loads(said))


def unfit() -> str:
    """Say why this interpreter cannot be simulated on; empty when it can."""

    def tried() -> str:
        disk = Disk(random.Random(0))
        try:
            SimulatedVfs(lambda: disk, lambda: 0, lambda line: None).install()
        except NotOurs as error:
            return str(error)
        return "fit"

    said, status = Child(tried).said()
    return "" if said == "fit" else said or f"the check ended with status {status}"


def side_by_side(
    begun: Iterable[tuple[K, C]], take: Callable[[C], R], jobs: int
) -> Iterator[tuple[K, R]]:
    """Let children run, some at a time, and give what ``take`` gets of each, in their order.

    ``begun`` begins each child when it is asked for it.
    """
    running: deque[tuple[K, C]] = deque()
    try:
        for row in begun:
            running.append(row)
            if len(running) >= jobs:
                yield _taken(running, take)
        while running:
            yield _taken(running, take)
    finally:
        for _, left in running:
            left.end()


def _taken(running: deque[tuple[K, C]], take: Callable[[C], R]) -> tuple[K, R]:
    key, oldest = running[0]
    result = take(oldest)
    # Only now: whoever is interrupted while it waits leaves no child behind.
    running.popleft()
    return key, result


def played(wish: Wish, seeds: Iterable[int], jobs: int = 1) -> Iterator[tuple[int, Result]]:
    """Play seeds, some at a time, and give their results in their order."""
    return side_by_side(((seed, _Running(wish, seed)) for seed in seeds), _Running.result, jobs)


def replay(seed: int, wish: Wish) -> str:
    """Return the shortest command that plays a seed again."""
    words = f"scripts/simulate --seeds 1 --first-seed {seed}"
    on = (WEATHER, *chosen_in(str(seed)))
    only = [name for name in on if name not in wish.without]
    without = [name for name in on if name in wish.without]
    if without and len(only) < len(without):
        words += "".join(f" --only {shlex.quote(name)}" for name in only or ["nothing"])
    else:
        words += "".join(f" --without {shlex.quote(name)}" for name in without)
    return words + (f" --plant {wish.plant}" if wish.plant else "")


def _say_and_leave(writing: int, say: Callable[[], str], folder: str) -> None:
    """Say the text from a folder of its own; the child never returns."""
    # Whoever measures the parent's coverage would slow the child down many times over.
    sys.settrace(None)
    # Ctrl-C is for the parent, which ends its children.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    leave = os._exit
    code = 1
    try:
        os.chdir(folder)
        text = say()
        with os.fdopen(writing, "w") as out:
            out.write(text)
        code = 0
    except BaseException:  # noqa: BLE001 - the parent hears of it by the missing answer
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        leave(code)


def _played(wish: Wish, seed: int) -> Result:
    if wish.plant:
        planted.PLANTS[wish.plant].put()
    is_kept = wish.trace_to is not None
    play = Play(str(seed), wish.config, without=wish.without, keeps_trace=is_kept)
    result = play.run()
    lines = play.world.loop.trace.lines
    if wish.trace_to is not None and lines is not None:
        wish.trace_to.write_text("\n".join(lines))
    return result
