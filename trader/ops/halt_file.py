"""The kill switch as a file: one ``stat`` per question, and anything but a clear release halts.

A file works when the network, the daemon's HTTP server and the database do not, and it is
looked at before every submission (BRK-15, BRK-17).
"""

import os
import stat
from pathlib import Path

from trader.ops.halt_record import (
    HALT_FILE_NAME,
    read_bounded,
    verdict,
    write_halt,
    write_resume,
)
from trader.ports import Clock, HaltReading, WorldError

__all__ = [
    "HALT_FILE_NAME",
    "HaltFile",
    "HaltFileControl",
    "HaltFileFailed",
    "write_halt",
    "write_resume",
]

_Signature = tuple[int, int, int, int]


class HaltFile:
    """The halt file at one path: implements ``trader.ports.KillSwitch``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: _Signature | None = None
        self._reading = HaltReading(is_active=True, reason="the halt file was not read yet")

    @property
    def path(self) -> Path:
        """Return where the file is expected."""
        return self._path

    def reading(self) -> HaltReading:
        """Look at the halt file now; its content is read again only when the file changed."""
        try:
            status = os.stat(self._path)
        except OSError as error:
            return self._halted(error)
        signature = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
        if signature != self._seen:
            self._reading = self._read(status)
            # Taken before the content was read: a replacement in between differs from it, and
            # is read at the next question.
            self._seen = signature
        return self._reading

    def _read(self, status: os.stat_result) -> HaltReading:
        if not stat.S_ISREG(status.st_mode):
            return HaltReading(True, f"the halt file {self._path} is not a regular file")
        try:
            content = read_bounded(self._path)
        except OSError as error:
            return self._halted(error)
        is_active, reason = verdict(content)
        return HaltReading(is_active, reason)

    def _halted(self, error: OSError) -> HaltReading:
        if isinstance(error, FileNotFoundError):
            return HaltReading(True, f"the halt file {self._path} is missing", is_missing=True)
        return HaltReading(
            True, f"the halt file {self._path} cannot be read ({error.strerror or error})"
        )


class HaltFileFailed(WorldError):
    """The halt file could not be replaced; what it said before still holds."""


class HaltFileControl:
    """The daemon's own hand on the halt file: the ``HaltControl`` of trader.engine.acts.desk."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock

    def engage(self, reason: str, by: str) -> None:
        """Write an active halt; raises HaltFileFailed."""
        try:
            write_halt(self._path, reason, by, self._clock.utc())
        except OSError as error:
            raise HaltFileFailed(f"{self._path}: {error.strerror or error}") from error

    def release(self, reason: str, by: str, seen: str) -> None:
        """Write that no halt is active; raises HaltFileFailed.

        ``seen`` is the halt's reason as it was looked at, empty without one: another is left.
        """

        def objection() -> str:
            now = HaltFile(self._path).reading()
            is_same = (now.reason if now.is_active else "") == seen
            return "" if is_same else f"it was written meanwhile: {now.reason}"

        try:
            write_resume(self._path, reason, by, self._clock.utc(), objection=objection)
        except OSError as error:
            raise HaltFileFailed(f"{self._path}: {error.strerror or error}") from error
