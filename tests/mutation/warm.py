"""Run mutants of function bodies: tests are collected once, each mutant is one forked child.

Inside the child the mutated code replaces that of the living function, whoever holds it (a table
of checks, a property, a cache around it), and the tests that execute the mutant's lines run until
one fails. The unchanged tests run first, in a child as well: that tells who executes what.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import resource
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any

import pytest

from tests.mutation.operators import Mutant, mutated

Lines = dict[str, list[int]]
# How the answer of a child begins whose own work failed: that says nothing about a mutant.
BROKEN = "broken\n"
# How much longer than its share of the processor's time a child may take.
_IDLE_TIMES = 40


@dataclass(frozen=True, slots=True)
class Baseline:
    """What the unchanged code showed: seconds by test, and the lines each executes by file."""

    seconds: dict[str, float]
    lines: dict[str, Lines]
    failing: list[str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a mutant: ``killer`` is the test that noticed it, "" when none did."""

    mutant: Mutant
    killer: str
    seconds: float


class Forks:
    """Children at work, a few at a time; each leaves its answer in a file."""

    def __init__(self, folder: Path, jobs: int) -> None:
        self._folder = folder
        self._jobs = jobs
        self._open: dict[int, tuple[float, float, Callable[[str, float], None]]] = {}

    def run(
        self, work: Callable[[], str], timeout_s: float, done: Callable[[str, float], None]
    ) -> None:
        """Start one; ``done`` gets its answer and seconds, or "timeout" (it slept), or "died"."""
        while len(self._open) >= self._jobs:
            self._reap()
        pid = os.fork()
        if pid == 0:
            # Of the processor's time: a machine that is busy with other things kills no mutant.
            seconds = int(timeout_s) + 1
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
            _work_and_leave(work, self._folder)
        now = time.monotonic()
        self._open[pid] = (now, now + _IDLE_TIMES * timeout_s, done)

    def finish(self) -> None:
        """Wait for all that are at work."""
        while self._open:
            self._reap()

    def _reap(self) -> None:
        while True:
            now = time.monotonic()
            for pid, (started, until, done) in list(self._open.items()):
                ended, _ = os.waitpid(pid, os.WNOHANG)
                if not ended and now < until:
                    continue
                if not ended:
                    os.kill(pid, 9)
                    os.waitpid(pid, 0)
                answer = self._folder / str(pid)
                told = answer.read_text("utf-8") if ended and answer.exists() else None
                answer.unlink(missing_ok=True)
                del self._open[pid]
                if told is not None and told.startswith(BROKEN):
                    raise RuntimeError(told)
                done(told if told is not None else ("died" if ended else "timeout"), now - started)
                return
            time.sleep(0.002)


def _work_and_leave(work: Callable[[], str], folder: Path) -> None:
    """Do the work of a child and end it, whatever happens in it."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    try:
        told = work()
    except BaseException:  # noqa: BLE001 - the parent raises it
        told = BROKEN + traceback.format_exc()
    (folder / str(os.getpid())).write_text(told, "utf-8")
    os._exit(0)


class Warm:
    """A plugin of pytest that runs mutants in place of the tests it has collected."""

    def __init__(
        self,
        root: Path,
        mutants: list[Mutant],
        forks: Forks,
        timeouts: tuple[float, float],
        kept: Path,
    ) -> None:
        self._root = root
        # Where the baseline lies, or is put.
        self.kept = kept
        self._mutants = mutants
        self._forks = forks
        self._timeouts = timeouts
        self._targets = {str(root / row.path) for row in mutants}
        self.baseline: Baseline | None = None
        self.on_outcome: Callable[[Outcome], None] = lambda outcome: None
        # Given the mutant and the tests that may notice it; empty means it need not run.
        self.choose: Callable[[Mutant, Baseline], list[str]] = lambda mutant, baseline: []

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run the tests once unchanged, then each mutant."""
        items = {item.nodeid: item for item in session.items}
        gc.collect()
        gc.freeze()
        self.baseline = baseline = self._baseline(session)
        functions = _functions(self._targets)
        for mutant in self._mutants:
            names = self.choose(mutant, baseline)
            if not names:
                continue
            chosen = [items[name] for name in names if name in items]
            floor_s, factor = self._timeouts
            limit_s = floor_s + factor * sum(baseline.seconds[name] for name in names)
            self._forks.run(
                lambda m=mutant, c=chosen: self._tried(m, functions, c),  # type: ignore[misc]
                limit_s,
                lambda text, s, m=mutant: self.on_outcome(Outcome(m, text, s)),  # type: ignore[misc]
            )
        self._forks.finish()
        return True

    def _baseline(self, session: pytest.Session) -> Baseline:
        """Return what the unchanged code shows; kept, because nothing here changes it."""
        if not self.kept.exists():
            told: list[str] = []
            self._forks.run(lambda: self._watched(session), 3_600, lambda s, _: told.append(s))
            self._forks.finish()
            self.kept.parent.mkdir(parents=True, exist_ok=True)
            self.kept.write_text(told[0], "utf-8")
        return Baseline(**json.loads(self.kept.read_text("utf-8")))

    def _watched(self, session: pytest.Session) -> str:
        """Run every test unchanged; tells its seconds and the lines it executes."""
        seconds: dict[str, float] = {}
        lines: dict[str, Lines] = {}
        failing: list[str] = []
        for item, following in _pairs(session.items):
            seen: dict[str, set[int]] = {}
            started = time.monotonic()
            with _traced(self._targets, seen):
                passed = _passes(item, following)
            seconds[item.nodeid] = time.monotonic() - started
            lines[item.nodeid] = {
                Path(name).relative_to(self._root).as_posix(): sorted(found)
                for name, found in seen.items()
            }
            if not passed:
                failing.append(item.nodeid)
        return json.dumps({"seconds": seconds, "lines": lines, "failing": failing})

    def _tried(
        self,
        mutant: Mutant,
        functions: dict[tuple[str, str, int], list[FunctionType]],
        items: list[pytest.Item],
    ) -> str:
        """Run tests on a mutant; tells the first that fails, or "" when all pass."""
        path = self._root / mutant.path
        tree = mutated(mutant, path.read_text("utf-8"))
        module = compile(tree, str(path), "exec", dont_inherit=True)
        is_placed = False
        for code in _codes(module):
            for function in functions.get((str(path), code.co_qualname, code.co_firstlineno), []):
                if code.co_qualname == mutant.function:
                    function.__code__ = code
                    is_placed = True
        if not is_placed:
            return "not placed"
        for item, following in _pairs(items):
            if not _passes(item, following):
                return item.nodeid
        return ""


def _pairs(items: list[pytest.Item]) -> Iterator[tuple[pytest.Item, pytest.Item | None]]:
    return zip(items, [*items[1:], None], strict=True)


def _passes(item: pytest.Item, following: pytest.Item | None) -> bool:
    before = item.session.testsfailed
    item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
    return item.session.testsfailed == before


@contextlib.contextmanager
def _traced(targets: set[str], seen: dict[str, set[int]]) -> Iterator[None]:
    """Note every line of the targets that is executed."""

    def local(frame: FrameType, event: str, arg: Any) -> Any:
        if event == "line":
            seen[frame.f_code.co_filename].add(frame.f_lineno)
        return local

    def entered(frame: FrameType, event: str, arg: Any) -> Any:
        name = frame.f_code.co_filename
        if name not in targets:
            return None
        seen.setdefault(name, set()).add(frame.f_lineno)
        return local

    sys.settrace(entered)
    try:
        yield
    finally:
        sys.settrace(None)


def _functions(targets: set[str]) -> dict[tuple[str, str, int], list[FunctionType]]:
    """Return the living functions of the targets, by file, name and line."""
    found: dict[tuple[str, str, int], list[FunctionType]] = {}
    gc.unfreeze()
    for thing in gc.get_objects():
        if type(thing) is FunctionType and thing.__code__.co_filename in targets:
            code = thing.__code__
            key = code.co_filename, code.co_qualname, code.co_firstlineno
            found.setdefault(key, []).append(thing)
    gc.freeze()
    return found


def _codes(code: CodeType) -> Iterable[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)
