"""One daemon for one state directory: two would share a journal, and double every order."""

import fcntl
import os
from pathlib import Path

from trader.ports import WorldError


class LockTaken(WorldError):
    """Another process holds the lock, or it cannot be taken."""


class InstanceLock:
    """An advisory lock that dies with its process, whatever ends it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None

    def take(self, pid: int) -> None:
        """Take the lock and write the process id into it; raises LockTaken."""
        try:
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise LockTaken(f"{self._path}: {error.strerror}") from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(fd, 32).decode(errors="replace").strip() or "unknown"
            os.close(fd)
            raise LockTaken(f"{self._path}: held by another daemon, process {holder}") from error
        os.ftruncate(fd, 0)
        os.write(fd, f"{pid}\n".encode())
        self._fd = fd

    def release(self) -> None:
        """Give the lock back; the file stays."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
