"""The crash sweep: one short day without faults, and a crash at every boundary of it.

The day is played in one process. At each boundary (before each callback of the daemon, before each
write or sync of its disk, at each database call and each write to the broker) a child is forked
off, in which the daemon dies right there, by SIGKILL or with the power of its host; the child plays
on to its verdict, and the day goes on undisturbed. So no boundary costs a replay of what lies
before it. The day has two lives of the daemon, with a drain between them, so that a start from
nothing, the way down and a start from a journal are swept as well.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.simulation import planted
from tests.simulation.play import Play
from tests.simulation.run import Child, Wish
from tests.simulation.soak import commit, keep_lines

TOTALS = Path(__file__).with_name("sweeps.jsonl")
SEED = "canonical"
_DAY_S = 9.0
# When the first life is told to end.
_DRAIN_S = 5.0
# How long the day goes on behind a crash: after 5 s the daemon is up again, after 6.5 s it trades.
_AFTER_S = 9.0
_REST_S = 3.0
# How often the strategy wants something.
_PACE = 0.5
CALLBACK, DISK, OPERATION = "callback", "disk", "operation"
# More would not go into the pipe at once.
_TEXT_MAX = 2_000
# How a child ends that finds nobody to tell what it found.
_UNHEARD = 3


@dataclass(frozen=True, slots=True)
class Point:
    """One boundary of the day and how the daemon dies there."""

    kind: str
    # Of callbacks the life is told as well: they are counted from its start.
    life: int
    number: int
    has_power: bool

    def __str__(self) -> str:
        how = "SIGKILL" if self.has_power else "power loss"
        return f"{self.kind} {self.number} of life {self.life}, {how}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of the crash at a point."""

    point: Point
    rule: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep has come to with one version of the code."""

    code: str
    commit: str
    points: int
    # By the kind of boundary and of death.
    crashed: dict[str, int]
    violations: list[str]


Wanted = Callable[[Point], bool]


class CanonicalDay(Play):
    """The day that is swept; ``wanted`` says where a child is to be forked off."""

    def __init__(self, wish: Wish, out: int, wanted: Wanted) -> None:
        if wish.plant:
            planted.PLANTS[wish.plant].put()
        super().__init__(SEED, wish.config)
        self._out, self._wanted = out, wanted
        self._end_s = 0.0
        self.points: list[Point] = []
        # Where this process is the child that crashes; None in the one that plays the day.
        self.crashed_at: Point | None = None
        self.world.pace = _PACE
        self.world.strategy_count = 1
        self.world.on_boot = self._watch_life

    async def play(self) -> None:
        """Play the day, or in a child what comes behind its crash."""
        world = self.world
        start_s = world.loop.time()
        await world.open()
        world.loop.at_operation(1, self._at_operation)
        self._end_s = start_s + _DAY_S
        is_drained = False
        while world.loop.time() < self._end_s:
            await asyncio.sleep(0.5)
            if self.crashed_at is not None:
                await self._mend()
            elif world.loop.time() >= start_s + _DRAIN_S and not is_drained:
                is_drained = True
                world.terminate()
            if world.failure is not None:
                raise world.failure
            self.oracle.check_now()
        self._disarm()
        await self.converge(_REST_S)

    # ---- boundaries

    def _watch_life(self) -> None:
        if self.crashed_at is None:
            process, disk = self.world.process, self.world.disk
            process.on_crash = disk.on_crash = self._at_boundary
            process.crash_at_step, disk.crash_at_step = 0, disk.steps

    def _disarm(self) -> None:
        self.world.process.crash_at_step = self.world.disk.crash_at_step = -1
        self._wanted = lambda point: False

    def _at_boundary(self, where: str) -> None:
        process, disk = self.world.process, self.world.disk
        number = process.steps if where == CALLBACK else disk.steps
        self._crash_in_children(where, number)
        if self.crashed_at is None and where == CALLBACK:
            process.crash_at_step = number + 1
        elif self.crashed_at is None:
            disk.crash_at_step = number + 1

    def _at_operation(self) -> None:
        if self.crashed_at is None:
            self._crash_in_children(OPERATION, self.world.loop.operations)
            if self.crashed_at is None:
                self.world.loop.at_operation(1, self._at_operation)

    def _crash_in_children(self, kind: str, number: int) -> None:
        if self.world.process.is_dead:
            return
        for has_power in (True, False):
            point = Point(kind, self.world.starts, number, has_power)
            self.points.append(point)
            if self._wanted(point) and self._is_child(point):
                self.crashed_at = point
                self._disarm()
                self._end_s = self.world.loop.time() + _AFTER_S
                self.world.crash(kind, has_power=has_power)
                return

    def _is_child(self, point: Point) -> bool:
        """Fork; return True in the child, and in the parent False once the child has ended."""
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            # Files of its own: those that the day goes on with must not change.
            folder = Path.cwd() / "crashed"
            shutil.copytree("state", folder / "state")
            os.chdir(folder)
            # asyncio remembers which loop runs by the number of the process.
            set_running: Any = getattr(asyncio, "_set_running_loop")  # noqa: B009
            set_running(self.world.loop)
            return True
        _, status = os.waitpid(child, 0)
        shutil.rmtree("crashed", ignore_errors=True)
        if os.waitstatus_to_exitcode(status) == _UNHEARD:
            os._exit(0)
        if status:
            self.tell(Verdict(point, "broke", f"the child ended with status {status}"))
        return False

    def tell(self, verdict: Verdict) -> None:
        """Say what became of a point; nobody listens any more once the sweep is stopped."""
        try:
            os.write(self._out, json.dumps(asdict(verdict)).encode() + b"\n")
        except BrokenPipeError:
            os._exit(_UNHEARD)


def boundaries(wish: Wish) -> tuple[Point, ...]:
    """Return every point of the day, in its order. Raises RuntimeError if the day itself fails."""

    def counted() -> str:
        day = CanonicalDay(wish, -1, lambda point: False)
        problem = day.run().problem
        return json.dumps([problem, [asdict(point) for point in day.points]])

    said, status = Child(counted).said()
    problem, rows = json.loads(said) if said else (f"it ended with status {status}", [])
    if problem:
        raise RuntimeError(f"the day that is to be swept fails without a crash: {problem}")
    return tuple(Point(**row) for row in rows)


def swept(wish: Wish, points: frozenset[Point], jobs: int = 1) -> Generator[Verdict, None, None]:
    """Crash at each of the points, in the day's order; whoever stops listening ends the day.

    Each job plays the whole day and crashes at its share of the points.
    """
    reading, writing = os.pipe()

    def play(part: frozenset[Point]) -> str:
        os.close(reading)
        day = CanonicalDay(wish, writing, part.__contains__)
        result = day.run()
        if day.crashed_at is not None:
            day.tell(Verdict(day.crashed_at, result.rule, result.problem[:_TEXT_MAX]))
            # What is left of this process is its parent's.
            os._exit(0)
        return result.problem

    ordered = sorted(points, key=lambda point: (point.life, point.number, point.kind))
    parts = [frozenset(ordered[first::jobs]) for first in range(jobs)]
    children = [Child(partial(play, part)) for part in parts]
    os.close(writing)
    try:
        with os.fdopen(reading) as lines:
            for line in lines:
                row = json.loads(line)
                yield Verdict(Point(**row["point"]), row["rule"], row["problem"])
    finally:
        for child in children:
            child.said()


def spread(points: tuple[Point, ...], passes: int) -> Iterator[frozenset[Point]]:
    """Give all points in so many parts, each spread evenly over the day."""
    for first in sorted(range(passes), key=lambda number: f"{number:b}"[::-1]):
        yield frozenset(points[first::passes])


def summary(points: tuple[Point, ...]) -> str:
    """Say of what kinds points are."""
    kinds = Counter(point.kind for point in points)
    return ", ".join(f"{count} at a {kind}" for kind, count in sorted(kinds.items()))


@dataclass(frozen=True, slots=True)
class Sweeping:
    """How a sweep is to be done: where it is written down, by how many, and for how long."""

    ledger: Path
    code: str
    jobs: int = 1
    seconds: float = float("inf")


def sweep(wish: Wish, how: Sweeping, say: Callable[[str], None]) -> Swept:
    """Sweep what the ledger does not have yet, and return all that was swept by then."""
    ledger, code, seconds = how.ledger, how.code, how.seconds
    end_s = time.monotonic() + seconds
    points = boundaries(wish)
    done = {key for key, _ in _known(ledger, code)}
    left = tuple(point for point in points if str(point) not in done)
    say(f"the day has {len(points)} points: {summary(points)}; {len(left)} are left")
    found = [line for _, line in _known(ledger, code) if line]
    passes = max(len(left) // 40, 1) if seconds < float("inf") else 1
    ledger.parent.mkdir(parents=True, exist_ok=True)
    with ledger.open("a") as out:
        for part in spread(left, passes):
            verdicts = swept(wish, part, how.jobs)
            for verdict in verdicts:
                row = {"code": code, "point": str(verdict.point), "problem": verdict.problem}
                print(json.dumps(row), file=out, flush=True)
                done.add(str(verdict.point))
                if verdict.problem:
                    found.append(verdict.problem)
                    say(f"{verdict.point}: {verdict.problem}")
                if time.monotonic() >= end_s:
                    break
            verdicts.close()
            if time.monotonic() >= end_s:
                break
    say(f"{len(done)} of {len(points)} points crashed at, {len(found)} with a violation")
    crashed = Counter(
        f"{point.kind}, {'SIGKILL' if point.has_power else 'power loss'}"
        for point in points
        if str(point) in done
    )
    return Swept(code, commit(), len(points), dict(sorted(crashed.items())), found)


def _known(ledger: Path, code: str) -> list[tuple[str, str]]:
    """Return the points that this code was crashed at, and what was found there."""
    if not ledger.exists():
        return []
    rows = [json.loads(line) for line in ledger.read_text().splitlines() if line.endswith("}")]
    return [(row["point"], row["problem"]) for row in rows if row["code"] == code]


def totals(path: Path = TOTALS) -> list[Swept]:
    """Return what was swept, the newest code first."""
    lines = path.read_text().splitlines() if path.exists() else []
    return [Swept(**json.loads(line)) for line in reversed(lines)]


def keep(swept: Swept, path: Path = TOTALS) -> None:
    """Write down what was swept, in the place of what was known of the same code."""
    others = [one for one in reversed(totals(path)) if one.code != swept.code]
    keep_lines(path, map(asdict, (*others, swept)))


def figures(rows: Sequence[Swept]) -> str:
    """Return a table of sweeps for the document."""
    if not rows:
        return "No day was swept yet."
    lines = [
        "| code | commit | points of the day | crashed at | violations |",
        "|---|---|---:|---|---:|",
    ]
    for row in rows:
        crashed = "; ".join(f"{count} {name}" for name, count in row.crashed.items())
        whole = f"{sum(row.crashed.values())}: {crashed}"
        lines.append(
            f"| `{row.code}` | {row.commit} | {row.points} | {whole} | {len(row.violations)} |"
        )
    return "\n".join(lines)
