"""Fencing: end the process that really holds the lock, so that it never sends again; take it.

A stopped process resumes and a terminated one may be deaf, so only SIGKILL counts. Whom it hits
is proven, not read from a file: the kernel must show the flock on that very file in the process's
own descriptors, looked at while a pidfd pins the process, so that a number that was given to
another process meanwhile is never killed. Another liquidator is never killed: it is waited for.
Linux only; standard library only.
"""

import os
import select
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from trader.ops.instance_lock import LIQUIDATOR, InstanceLock, LockTaken, said_in
from trader.ports import WorldError

_KILL_S = 5.0
_POLL_S = 0.05
_FENCES_MAX = 3


class Holder(NamedTuple):
    """The process that holds the lock, proven by its own descriptors."""

    pid: int
    role: str


class Patience(NamedTuple):
    """The clock, and how long the lock is fought and waited for."""

    monotonic: Callable[[], float]
    pause: Callable[[float], None]
    say: Callable[[str], None]
    # How long another liquidator may take.
    liquidator_s: float


class FenceFailed(WorldError):
    """The holder of the lock could not be proven or not be ended; nothing may be sent."""


class LiquidatorAtWork(FenceFailed):
    """Another kill switch or a sentinel holds the lock and did not finish in time."""


def take_over(path: Path, pid: int, patience: Patience) -> tuple[InstanceLock, int | None]:
    """Take the lock at ``path``, ending a daemon that holds it.

    Returns the lock, and the daemon that was killed, if any. Raises FenceFailed.
    """
    lock = InstanceLock(path)
    killed: int | None = None
    fences = 0
    unproven = 0
    end_s = patience.monotonic() + patience.liquidator_s
    is_told = False
    while True:
        try:
            lock.take(pid, LIQUIDATOR)
        except LockTaken as error:
            if not path.is_file():
                raise FenceFailed(str(error)) from error
        else:
            return lock, _without_strays(lock, path, patience) or killed
        holder = holder_of(path)
        if holder is None:
            # Given up meanwhile, or taken a moment ago and the file says nothing true yet.
            unproven += 1
            if unproven * _POLL_S > _KILL_S:
                raise FenceFailed(_unproven(path))
            patience.pause(_POLL_S)
            continue
        unproven = 0
        if holder.role == LIQUIDATOR:
            if patience.monotonic() >= end_s:
                raise LiquidatorAtWork(f"another liquidator is at work, process {holder.pid}")
            if not is_told:
                patience.say(f"Another liquidator is at work, process {holder.pid}: waiting.")
            is_told = True
            patience.pause(_POLL_S)
            continue
        if fences == _FENCES_MAX:
            raise FenceFailed(f"{fences} daemons were killed and another one holds {path}")
        fences += 1
        if _kill(holder.pid, partial(_holds, holder.pid, path)):
            killed = holder.pid
            patience.say(f"Fenced: the daemon, process {holder.pid}, was killed.")


def holder_of(path: Path) -> Holder | None:
    """Return who holds the lock, or None when nobody can be proven to.

    The file must name the very process that the kernel names: right after the lock has changed
    hands the file still names the one before. Raises FenceFailed where looking is not allowed.
    """
    try:
        pid, role = said_in(path.read_bytes()[:64])
    except OSError as error:
        raise FenceFailed(f"{path}: {error.strerror}") from error
    if pid in _lock_pids() and _holds(pid, path):
        return Holder(pid, role)
    return None


def strays_of(path: Path) -> list[Holder]:
    """Return who holds the lock on a file that was at ``path`` until somebody removed it.

    Without the file anybody could take the lock, and there would be two senders.
    """
    found = []
    for pid in sorted(_lock_pids() - {os.getpid()}):
        number = _stray_descriptor(pid, path)
        if number:
            with suppress(OSError):
                said = said_in(Path(f"/proc/{pid}/fd/{number}").read_bytes()[:64])
                found.append(Holder(pid, said[1]))
    return found


def _without_strays(lock: InstanceLock, path: Path, patience: Patience) -> int | None:
    """End a daemon that holds the lock without its file; returns its process, if any."""
    killed: int | None = None
    try:
        for stray in strays_of(path):
            if stray.role == LIQUIDATOR:
                raise LiquidatorAtWork(f"another liquidator is at work, process {stray.pid}")
            if _kill(stray.pid, partial(_is_stray, stray.pid, path)):
                killed = stray.pid
                patience.say(f"Fenced: the daemon, process {killed}, whose lock file was removed.")
    except FenceFailed:
        lock.release()
        raise
    return killed


def _is_stray(pid: int, path: Path) -> bool:
    return bool(_stray_descriptor(pid, path))


def _stray_descriptor(pid: int, path: Path) -> str:
    """Return a process's descriptor with the lock on the removed file; empty for none."""
    gone = f"{path.resolve()} (deleted)"
    try:
        for number in _descriptors(pid):
            if os.readlink(f"/proc/{pid}/fd/{number}") == gone:
                info = Path(f"/proc/{pid}/fdinfo/{number}").read_text()
                if any("FLOCK" in line for line in info.splitlines() if line.startswith("lock:")):
                    return number
    except OSError:
        return ""  # Of another user, or it has just ended.
    return ""


def _kill(pid: int, holds: Callable[[], bool]) -> bool:
    """Kill a process if it holds the lock, and wait for its end; False when it did not."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        # The process behind the pidfd cannot be reused while it lives, so what /proc says about
        # the number now is about it, if it is still alive afterwards.
        if not holds() or _has_ended(pidfd, 0.0):
            return False
        try:
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        except ProcessLookupError:
            return False
        except PermissionError as error:
            raise FenceFailed(f"process {pid} may not be killed: run as its user") from error
        if not _has_ended(pidfd, _KILL_S):
            raise FenceFailed(f"process {pid} does not end within {_KILL_S:g} s of SIGKILL")
        return True
    finally:
        os.close(pidfd)


def _has_ended(pidfd: int, within_s: float) -> bool:
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(within_s * 1000))


def _lock_pids() -> set[int]:
    """Return the processes that hold any flock, as the kernel lists them."""
    try:
        lines = Path("/proc/locks").read_text().splitlines()
    except OSError as error:
        raise FenceFailed(f"/proc/locks: {error.strerror}") from error
    rows = (line.split() for line in lines)
    return {int(row[4]) for row in rows if row[1] == "FLOCK" and row[4].isdigit()}


def _holds(pid: int, path: Path) -> bool:
    """Tell whether a process holds the flock on this file, by its own descriptors."""
    try:
        wanted = path.stat()
        for number in _descriptors(pid):
            found = os.stat(f"/proc/{pid}/fd/{number}")
            if (found.st_dev, found.st_ino) != (wanted.st_dev, wanted.st_ino):
                continue
            info = Path(f"/proc/{pid}/fdinfo/{number}").read_text()
            if any("FLOCK" in line for line in info.splitlines() if line.startswith("lock:")):
                return True
    except PermissionError as error:
        raise FenceFailed(f"process {pid} may not be looked at: run as its user") from error
    except (FileNotFoundError, ProcessLookupError):
        return False  # It has just ended, or closed a descriptor: looked at again.
    return False


def _descriptors(pid: int) -> Iterator[str]:
    yield from os.listdir(f"/proc/{pid}/fd")


def _unproven(path: Path) -> str:
    said = path.read_bytes()[:64].decode(errors="replace").strip() or "nobody"
    return (
        f"{path} is locked, and the process that it names ({said}) does not hold it: nothing is "
        "killed on a guess"
    )
