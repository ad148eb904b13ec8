"""One sender of orders for one state directory: two would double every order.

The daemon holds the lock for its life. A kill switch or a sentinel that acts alone takes it
first and says in the file that it is a liquidator, so that no other one takes it for a daemon
that has to be fenced.

A journal has a lock of its own beside it: ``DATABASE_URL`` can lead from two state directories to
one journal, and whoever writes in it or puts another in its place must be alone there as well.
"""

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from trader.ops.halt_record import give_to_owner
from trader.ports import WorldError

DAEMON = "daemon"
LIQUIDATOR = "liquidator"


class LockTaken(WorldError):
    """Another process holds the lock, or it cannot be taken."""


class LiquidatorHolds(LockTaken):
    """A kill switch or a sentinel acts alone; it gives the lock back when it is done."""


class InstanceLock:
    """An advisory lock that dies with its process, whatever ends it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None

    @property
    def path(self) -> Path:
        """Return where its file lies."""
        return self._path

    def take(self, pid: int, role: str = DAEMON) -> None:
        """Take the lock and write the process id and its role into it; raises LockTaken."""
        try:
            fd = _opened(self._path)
        except OSError as error:
            raise LockTaken(f"{self._path}: {error.strerror}") from error
        # A kill switch run as root must not leave a file that keeps the daemon from starting.
        give_to_owner(fd, self._path.parent)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder, role_of_holder = said_in(os.read(fd, 64))
            os.close(fd)
            is_daemon = role_of_holder == DAEMON
            who = "another daemon" if is_daemon else "a liquidator"
            text = f"{self._path}: held by {who}, process {holder or 'unknown'}"
            raise (LockTaken if is_daemon else LiquidatorHolds)(text) from error
        said = f"{pid}\n".encode() if role == DAEMON else f"{pid} {role}\n".encode()
        with contextlib.suppress(OSError):
            # Over what stands there, and shortened last: on a full disk a file that was emptied
            # first takes nothing any more, and nobody would know whose lock it is.
            os.pwrite(fd, said + b"\n" * (os.fstat(fd).st_size - len(said)), 0)
            os.ftruncate(fd, len(said))
        self._fd = fd

    def release(self) -> None:
        """Give the lock back; the file stays."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def journal_lock(journal: Path) -> InstanceLock:
    """Return the lock of a journal, wherever links lead to it; to be taken after the state's."""
    file = journal.resolve()
    return InstanceLock(file.with_name(f"{file.name}.lock"))


@contextlib.contextmanager
def alone_with(state: Path, journal: Path, pid: int) -> Iterator[None]:
    """Hold the locks of a state and of its journal, or neither; raises LockTaken.

    For commands that write where a daemon would; the daemon itself takes the first in turn.
    """
    with contextlib.ExitStack() as held:
        for lock in (InstanceLock(state / "lock"), journal_lock(journal)):
            lock.take(pid)
            held.callback(lock.release)
        yield


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno != errno.EROFS:
            raise
    # A disk that has become read-only takes no word, and the lock needs none: a daemon that was
    # just ended for a liquidation must not have been ended for nothing.
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def said_in(content: bytes) -> tuple[int, str]:
    """Return the process id and the role in a lock file; 0 where none can be read."""
    words = content.decode(errors="replace").split()
    pid = int(words[0]) if words and words[0].isascii() and words[0].isdigit() else 0
    return pid, words[1] if len(words) > 1 else DAEMON
