"""The daemon's sign of life on disk: its event loop turns, and how it ended.

One small file, written over in place: that takes no space, so a full disk does not make a living
daemon look dead, and needs no rename, so a beat a second costs the disk nothing. Nothing is
synced: after a power cut the boot id says that the beat is of another life. Whoever watches counts
beats on its own clock; the stamps in the file are for people. Standard library only.
"""

import json
import os
import time
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import structlog

HEARTBEAT_FILE_NAME = "heartbeat"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_BYTES = 512

_log = structlog.get_logger(__name__)


class Phase(StrEnum):
    """How far the process was when it beat last."""

    STARTING = "starting"
    RUNNING = "running"
    # It ended by itself, in order; the exit code says how well.
    ENDED = "ended"


class Beat(NamedTuple):
    """One sign of life."""

    pid: int
    boot_id: str
    # Since boot, as the kernel counts: with the pid it names one process and no later one.
    start_ticks: int
    number: int
    phase: Phase
    exit_code: int | None = None
    # As of since_boot_s.
    boottime_s: float = 0.0

    @property
    def life(self) -> tuple[str, int, int]:
        """Return what names the process, over reused numbers and reboots."""
        return (self.boot_id, self.pid, self.start_ticks)


def since_boot_s() -> float:
    """Return seconds since the boot: they count on in sleep, and nobody can set them."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Heartbeat:
    """The writing end: one process that beats."""

    def __init__(self, path: Path, pid: int) -> None:
        self._path = path
        self._pid = pid
        self._boot_id = boot_id()
        self._start_ticks = (process_of(pid) or Process("", 0)).start_ticks
        self._number = 0
        self._fd: int | None = None
        self._is_reported = False

    def beat(self, phase: Phase = Phase.RUNNING, exit_code: int | None = None) -> None:
        """Write the next beat; a disk that does not take it is logged once and stops nothing."""
        self._number += 1
        told = Beat(
            self._pid, self._boot_id, self._start_ticks, self._number, phase, exit_code,
            round(since_boot_s(), 3),
        )  # fmt: skip
        content = (json.dumps(told._asdict()).ljust(_BYTES - 1) + "\n").encode("ascii")
        try:
            if self._fd is None:
                self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            os.pwrite(self._fd, content, 0)
        except OSError as error:
            if not self._is_reported:
                self._is_reported = True
                _log.error("no heartbeat", path=str(self._path), problem=str(error))

    def close(self) -> None:
        """Let go of the file; it keeps saying what was said last."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def read_beat(path: Path) -> Beat | None:
    """Return the last beat, or None where none can be read; a torn read is none, too."""
    try:
        with path.open("rb") as file:
            record = json.loads(file.read(_BYTES))
        exit_code = record["exit_code"]
        return Beat(
            pid=int(record["pid"]),
            boot_id=str(record["boot_id"]),
            start_ticks=int(record["start_ticks"]),
            number=int(record["number"]),
            phase=Phase(record["phase"]),
            exit_code=None if exit_code is None else int(exit_code),
            boottime_s=float(record["boottime_s"]),
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


class Process(NamedTuple):
    """What the kernel says of a process."""

    # R, S, D, T (stopped), t (traced), Z ...
    state: str
    start_ticks: int


def process_of(pid: int) -> Process | None:
    """Return what the kernel says of a process, or None without one."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        # The name may hold spaces and brackets; what follows its last bracket does not.
        words = text.rpartition(")")[2].split()
        return Process(words[0], int(words[19]))
    except (OSError, ValueError, IndexError):
        return None


def boot_id() -> str:
    """Return what names this boot of the machine; empty where the kernel does not say."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
