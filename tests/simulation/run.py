"""Runs seeds, each in a forked child that ends with it, so that nothing leaks between them."""

from __future__ import annotations

import json
import os
import random
import shlex
import shutil
import sys
import tempfile
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.simulation import planted
from tests.simulation.disk import Disk
from tests.simulation.play import Play, Result
from tests.simulation.settings import configuration
from tests.simulation.vfs import NotOurs, SimulatedVfs
from trader.config import Configuration

# The fastest disk there is: nothing on it is worth more than a seed.
_MEMORY = Path("/dev/shm")


def load_configuration() -> Configuration:
    """Return the configuration of every seed."""
    with tempfile.TemporaryDirectory() as folder:
        return configuration(Path(folder))


@dataclass(frozen=True, slots=True)
class Wish:
    """How seeds are to be played."""

    config: Configuration
    without: frozenset[str] = frozenset()
    plant: str = ""
    trace_to: Path | None = None


class Child:
    """A forked process that says one text and ends; nothing of it stays behind."""

    def __init__(self, say: Callable[[], str]) -> None:
        reading, writing = os.pipe()
        self._child = os.fork()
        if self._child == 0:
            os.close(reading)
            _say_and_leave(writing, say)
        os.close(writing)
        self._reading = reading

    def said(self) -> tuple[str, int]:
        """Wait for its end; return what it said, and its status."""
        with os.fdopen(self._reading) as answers:
            text = answers.read()
        _, status = os.waitpid(self._child, 0)
        return text, status


class _Running:
    """One seed that plays in a child of its own."""

    def __init__(self, wish: Wish, seed: int) -> None:
        self._seed = seed
        self._child = Child(lambda: json.dumps(asdict(_played(wish, seed))))

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


def played(wish: Wish, seeds: Iterable[int], jobs: int = 1) -> Iterator[tuple[int, Result]]:
    """Play seeds, some at a time, and give their results in their order."""
    running: deque[tuple[int, _Running]] = deque()
    try:
        for seed in seeds:
            running.append((seed, _Running(wish, seed)))
            if len(running) >= jobs:
                number, oldest = running.popleft()
                yield number, oldest.result()
        while running:
            number, oldest = running.popleft()
            yield number, oldest.result()
    finally:
        for _, left in running:
            left.result()


def replay(seed: int, wish: Wish) -> str:
    """Return the command that plays a seed again."""
    words = f"scripts/simulate --seeds 1 --first-seed {seed}"
    for name in sorted(wish.without):
        words += f" --without {shlex.quote(name)}"
    return words + (f" --plant {wish.plant}" if wish.plant else "")


def _say_and_leave(writing: int, say: Callable[[], str]) -> None:
    """Say the text from a folder of its own; the child never returns."""
    # Whoever measures the parent's coverage would slow the child down many times over.
    sys.settrace(None)
    folder = tempfile.mkdtemp(dir=_MEMORY if _MEMORY.is_dir() else None, prefix="simulated-")
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
        shutil.rmtree(folder, ignore_errors=True)
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
