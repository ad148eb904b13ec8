"""Processes that the operator declared: started, signalled and ended, and nothing else is run.

The words of a command come from the command line alone and are run without a shell, each child in
a process group of its own. What a child leaves in its group when it ends is killed, and no child
outlives the simulator. Their time is the host's: an `advance` does not move it.
"""

import asyncio
import contextlib
import ctypes
import logging
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from trader.sim.clock import iso
from trader.sim.host.locks import Locks
from trader.sim.script.inputs import InputError
from trader.sim.script.processes import CHILD_ALLOWED
from trader.sim.settings import Declared, Settings, SettingsError

log = logging.getLogger("trader.sim")
POLL_S = 0.005
# How long a killed process may take to be gone before the simulator goes on without it.
DEATH_S_MAX = 5.0
# How long children have after SIGTERM when the simulator ends.
END_S_MAX = 10.0
_PR_SET_PDEATHSIG = 1


@dataclass(slots=True)
class _End:
    """How and when a process ended; a negative code is the signal that ended it."""

    code: int
    time_s: float
    monotonic_s: float


@dataclass(slots=True)
class _Child:
    """One declared process and what became of it."""

    declared: Declared
    process: subprocess.Popen[bytes] | None = None
    is_frozen: bool = False
    starts: int = 0
    ends: list[_End] = field(default_factory=list)
    # A start or a thaw that is planned.
    start_again: asyncio.TimerHandle | None = None
    start_after_s: float | None = None
    thaw: asyncio.TimerHandle | None = None
    file_limit: int | None = None
    lift: asyncio.TimerHandle | None = None

    @property
    def name(self) -> str:
        """Return its name."""
        return self.declared.name

    @property
    def state(self) -> str:
        """Return one of `CHILD_STATES`."""
        if self.process is not None:
            return "frozen" if self.is_frozen else "running"
        return "ended" if self.ends else "waiting"

    def calm(self) -> None:
        """Drop every timer about the process that runs or ran."""
        for timer in (self.thaw, self.lift):
            if timer is not None:
                timer.cancel()
        self.thaw = self.lift = None

    def report(self) -> dict[str, Any]:
        """Return what the truth tells of it."""
        return {
            "name": self.name,
            "pid": None if self.process is None else self.process.pid,
            "state": self.state,
            "starts": self.starts,
            "file_bytes_max": self.file_limit,
            "ends": [
                {"code": end.code, "at_utc": iso(end.time_s), "monotonic_s": end.monotonic_s}
                for end in self.ends
            ],
        }


class Children:
    """All declared processes and files of one simulator (`trader.sim.script.processes`)."""

    def __init__(self, settings: Settings, loop: asyncio.AbstractEventLoop) -> None:
        self._settings, self._loop = settings, loop
        self._children = {one.name: _Child(one) for one in settings.children}
        self._locks = Locks(dict(settings.lockables), loop)
        self._environment: dict[str, str] = {}
        self._poll: asyncio.TimerHandle | None = None
        self._is_ending = False
        self.on_change: Callable[[], None] = lambda: None

    def check(self) -> None:
        """Refuse commands that are no programs. Raises SettingsError."""
        for child in self._children.values():
            program = child.declared.words[0]
            if shutil.which(program) is None:
                raise SettingsError(
                    f"child: {child.name}={program} is not allowed; "
                    "allowed: a program that can be run"
                )

    def begin(self, environment: Mapping[str, str]) -> None:
        """Start what is to run from the beginning. Raises InputError."""
        self._environment = {**os.environ, **environment}
        for child in self._children.values():
            if not child.declared.is_later:
                self._start(child)

    async def end(self) -> None:
        """End all of them: TERM, and KILL when that takes too long."""
        self._is_ending = True
        self._locks.close()
        for child in self._running():
            self._thaw(child)
            self._send(child, signal.SIGTERM)
        until_s = time.monotonic() + END_S_MAX
        while self._running() and time.monotonic() < until_s:
            self._look()
            await asyncio.sleep(POLL_S)
        for child in self._running():
            log.warning("child %s did not end within %g s", child.name, END_S_MAX)
            self._kill(child)
        for child in self._children.values():
            if child.start_again is not None:
                child.start_again.cancel()
        if self._poll is not None:
            self._poll.cancel()

    # -- what actions ask for (script.processes.Processes) ------------------------------------

    def start(self, child: str | None) -> dict[str, Any]:
        """Start a child that does not run. Raises InputError."""
        found = self._find(child)
        if found.process is not None:
            raise InputError("child", found.name, f"a child that does not run ({_shown(found)})")
        self._start(found)
        return self._answer(found)

    def restart(self, child: str | None, signal: str, after_s: float) -> dict[str, Any]:
        """End a child if it runs, and start it so long after its end. Raises InputError."""
        found = self._find(child)
        found.start_after_s = after_s
        if found.process is None:
            self._start_later(found)
        else:
            self._deliver(found, signal)
        return self._answer(found)

    def send(self, child: str | None, name: str) -> dict[str, Any]:
        """Send a signal to a child and its group; KILL returns when it is dead."""
        found = self._find(child)
        self._demand_running(found)
        self._deliver(found, name)
        return self._answer(found)

    def freeze(self, child: str | None, seconds: float) -> dict[str, Any]:
        """Stop a child for so long. Raises InputError."""
        found = self._find(child)
        self._demand_running(found)
        self._deliver(found, "STOP")
        found.thaw = self._loop.call_later(seconds, self._thaw, found)
        return self._answer(found)

    def limit_files(self, child: str | None, size: int | None, seconds: float) -> dict[str, Any]:
        """Let no file of a child be written beyond so many bytes. Raises InputError."""
        found = self._find(child)
        self._demand_running(found)
        if found.lift is not None:
            found.lift.cancel()
            found.lift = None
        self._limit(found, size)
        if size is not None and seconds:
            found.lift = self._loop.call_later(seconds, self._limit, found, None)
        return {**self._answer(found), "bytes": size}

    def lock(self, file: str | None, seconds: float) -> dict[str, Any]:
        """Hold the write lock of a SQLite file for so long. Raises InputError."""
        return self._locks.lock(file, seconds)

    def unlock(self, file: str | None) -> dict[str, Any]:
        """Let a lock go. Raises InputError."""
        return self._locks.unlock(file)

    def state(self, child: str | None) -> str | None:
        """Return how a child is, None for one that is not declared."""
        if child is None:
            return next((one.state for one in self._children.values()), None)
        return self._children[child].state if child in self._children else None

    def report(self) -> dict[str, Any]:
        """Return what the truth tells of them."""
        children = [child.report() for child in self._children.values()]
        return {"children": children, "locked": self._locks.held()}

    # -- one child --------------------------------------------------------------------------------

    def _find(self, name: str | None) -> _Child:
        if not self._children:
            raise InputError("child", name, CHILD_ALLOWED)
        found = next(iter(self._children.values())) if name is None else self._children.get(name)
        if found is None:
            raise InputError("child", name, ", ".join(self._children))
        return found

    def _running(self) -> list[_Child]:
        return [child for child in self._children.values() if child.process is not None]

    def _demand_running(self, child: _Child) -> None:
        self._look()
        if child.process is None:
            raise InputError("child", child.name, f"a child that runs ({_shown(child)})")

    def _answer(self, child: _Child) -> dict[str, Any]:
        shown = child.report()
        return {"child": child.name, "pid": shown["pid"], "state": shown["state"]}

    def _start(self, child: _Child) -> None:
        if child.start_again is not None:
            child.start_again.cancel()
        child.start_again = child.start_after_s = None
        try:
            with contextlib.ExitStack() as stack:
                out = self._output(child, stack)
                child.process = subprocess.Popen(
                    child.declared.words, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                    env=self._environment, start_new_session=True,
                    preexec_fn=_dying_with_parent(),  # noqa: PLW1509 - it calls one C function
                )  # fmt: skip
        except OSError as error:
            allowed = f"a command that can be started ({error.strerror or error})"
            raise InputError("child", child.name, allowed) from None
        child.starts += 1
        child.is_frozen, child.file_limit = False, None
        log.info("child %s started, pid %d", child.name, child.process.pid)
        self._watch()
        self.on_change()

    def _output(self, child: _Child, stack: contextlib.ExitStack) -> IO[bytes] | int:
        """Return where a child writes: its own log, or what this program writes its log to."""
        folder = self._settings.child_logs
        if folder is None:
            return sys.stderr.fileno()
        return stack.enter_context(Path(folder, f"{child.name}.log").open("ab"))

    def _deliver(self, child: _Child, name: str) -> None:
        if name == "KILL":
            self._kill(child)
            return
        child.calm()
        self._send(child, signal.Signals[f"SIG{name}"])
        if name in ("TERM", "INT") and child.is_frozen:
            # Neither is felt by a process that stands still.
            self._thaw(child)
        if name in ("STOP", "CONT"):
            child.is_frozen = name == "STOP"
            self.on_change()

    def _send(self, child: _Child, number: signal.Signals) -> None:
        assert child.process is not None, "asked by the callers"
        log.info("child %s gets %s", child.name, number.name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.process.pid, number)

    def _kill(self, child: _Child) -> None:
        """Kill a child and stand still until it is dead, so that nothing it is told comes after."""
        assert child.process is not None, "asked by the callers"
        self._send(child, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.process.wait(DEATH_S_MAX)
        self._look()

    def _thaw(self, child: _Child) -> None:
        if child.process is not None and child.is_frozen:
            self._send(child, signal.SIGCONT)
            child.is_frozen = False
            self.on_change()

    def _limit(self, child: _Child, size: int | None) -> None:
        if sys.platform != "linux":
            raise InputError("bytes", size, "nothing on this system: it needs Linux")
        if child.process is None:
            return
        _, hard = resource.prlimit(child.process.pid, resource.RLIMIT_FSIZE)
        soft = hard if size is None else size
        if hard != resource.RLIM_INFINITY:
            soft = min(soft, hard)
        resource.prlimit(child.process.pid, resource.RLIMIT_FSIZE, (soft, hard))
        child.file_limit = size
        log.info("child %s: files up to %s", child.name, "any size" if size is None else size)

    def _start_later(self, child: _Child) -> None:
        """Plan the start that a restart has asked for."""
        after_s = child.start_after_s
        if after_s is None or self._is_ending:
            return
        if child.start_again is not None:
            child.start_again.cancel()
        child.start_again = self._loop.call_later(after_s, self._start_planned, child)

    def _start_planned(self, child: _Child) -> None:
        child.start_again = None
        if child.process is not None or self._is_ending:
            return
        try:
            self._start(child)
        except InputError as error:
            log.error("child %s: %s", child.name, error)

    # -- ends -------------------------------------------------------------------------------------

    def _watch(self) -> None:
        if self._poll is None and self._running():
            self._poll = self._loop.call_later(POLL_S, self._ring)

    def _ring(self) -> None:
        self._poll = None
        self._look()
        self._watch()

    def _look(self) -> None:
        """Take the ends of those that have ended."""
        for child in self._running():
            assert child.process is not None, "it runs"
            code = child.process.poll()
            if code is None:
                continue
            with contextlib.suppress(ProcessLookupError, PermissionError):
                # What it left behind in its group; nobody else can have that number so soon.
                os.killpg(child.process.pid, signal.SIGKILL)
            log.info("child %s ended, pid %d, exit code %d", child.name, child.process.pid, code)
            child.ends.append(_End(code, time.time(), time.monotonic()))
            child.process, child.is_frozen, child.file_limit = None, False, None
            child.calm()
            self._start_later(child)
            self.on_change()


def _shown(child: _Child) -> str:
    return f"it has ended with {child.ends[-1].code}" if child.state == "ended" else child.state


def _dying_with_parent() -> Callable[[], object] | None:
    """Return what a new process calls so that the kernel kills it when this program is killed."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
