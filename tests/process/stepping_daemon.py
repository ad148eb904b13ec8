"""The daemon, killed at one step of its own text, or in the middle of a write of its journal.

``STEP`` names the step (see tests/crash_steps.py), ``STEP_SIDE`` whether it dies before or after
it; nothing happens before the file ``STEP_FLAG`` is there, ``STEP_AT`` counts from then on, and of
a step that passes many kinds of events only those of ``STEP_KIND``. One call is wrapped as its
module is loaded; everything else is the program as it ships. The steps ``journal.db write`` and
``journal.db-wal write`` are system calls of SQLite itself, and can die in their ``middle``, with
half of the bytes written.
"""

from __future__ import annotations

import _sqlite3
import builtins
import ctypes
import importlib.abc
import importlib.machinery
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from tests.crash_steps import HOOK, PACKAGE, stopping

WRITES = ("journal.db write", "journal.db-wal write")


class Fuse:
    """Kills the process at the n-th passing once the flag is there."""

    def __init__(self, flag: Path, at: int, kind: str = "") -> None:
        self._flag = flag
        self._left = at
        self._kind = kind

    def is_next(self, about: object = None) -> bool:
        """Count a passing; tell whether it is the one."""
        if self._kind and self._kind not in (type(about).__name__, _event_of(about)):
            return False
        if self._left > 0 and self._flag.exists():
            self._left -= 1
            return self._left == 0
        return False

    def __call__(self, about: object, value: Any = None) -> Any:
        """Pass, or die; returns what the step returned."""
        if self.is_next(about):
            die()
        return value


def _event_of(about: object) -> str:
    """Return the kind of event that a record holds; empty without one."""
    return type(getattr(about, "event", None)).__name__


def die() -> None:
    """End as by a crash."""
    os.kill(os.getpid(), signal.SIGKILL)


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, name: str, path: str, step: tuple[str, str, str]) -> None:
        super().__init__(name, path)
        self._step = step

    def get_code(self, fullname: str) -> CodeType:
        source = Path(self.path).read_text("utf-8")
        return compile(stopping(source, *self._step), self.path, "exec")


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, step: tuple[str, str, str]) -> None:
        self._step = step
        self._name = "trader." + step[0].removesuffix(".py").replace("/", ".")

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        loader = _Loader(fullname, str(PACKAGE / self._step[0]), self._step)
        return importlib.machinery.ModuleSpec(fullname, loader, origin=loader.path)


class _Vfs(ctypes.Structure):
    """The head of sqlite3_vfs, up to the system calls that may be replaced."""

    _fields_ = [
        ("iVersion", ctypes.c_int),
        ("szOsFile", ctypes.c_int),
        ("mxPathname", ctypes.c_int),
        *[(name, ctypes.c_void_p) for name in ("pNext", "zName", "pAppData")],
        *[
            (name, ctypes.c_void_p)
            for name in (
                "xOpen", "xDelete", "xAccess", "xFullPathname", "xDlOpen", "xDlError", "xDlSym",
                "xDlClose", "xRandomness", "xSleep", "xCurrentTime", "xGetLastError",
                "xCurrentTimeInt64", "xSetSystemCall", "xGetSystemCall",
            )
        ],
    ]  # fmt: skip


_WRITE = ctypes.CFUNCTYPE(
    ctypes.c_ssize_t, ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_long
)
_SET = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
_GET = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p)


def stop_in_sqlite(name: str, side: str, fuse: Fuse) -> list[object]:
    """Have SQLite's writes of one file die; returns what must stay referenced."""
    library = ctypes.CDLL(_sqlite3.__file__)
    library.sqlite3_vfs_find.restype = ctypes.c_void_p
    library.sqlite3_initialize()
    address = library.sqlite3_vfs_find(None)
    vfs = _Vfs.from_address(address)
    kept: list[object] = [library]
    for call in (b"pwrite", b"pwrite64"):
        real = _GET(vfs.xGetSystemCall)(address, call)
        if real:
            replacement = _WRITE(_dying(_WRITE(real), name, side, fuse))
            pointer = ctypes.cast(replacement, ctypes.c_void_p)
            assert _SET(vfs.xSetSystemCall)(address, call, pointer) == 0, call
            kept.append(replacement)
    assert len(kept) > 1, "this SQLite writes by another call"
    return kept


def _dying(real: Any, name: str, side: str, fuse: Fuse) -> Any:
    def write(fd: int, data: int, size: int, offset: int) -> int:
        is_ours = os.path.basename(os.readlink(f"/proc/self/fd/{fd}")) == name
        is_now = is_ours and fuse.is_next()
        if is_now and side == "before":
            die()
        written: int = real(fd, data, size // 2 if is_now and side == "middle" else size, offset)
        if is_now:
            die()
        return written

    return write


def main() -> int:
    """Put the fuse in and run the daemon."""
    key, side = os.environ["STEP"], os.environ["STEP_SIDE"]
    fuse = Fuse(Path(os.environ["STEP_FLAG"]), int(os.environ["STEP_AT"]), os.environ["STEP_KIND"])
    kept: list[object] = []
    if key in WRITES:
        kept = stop_in_sqlite(key.partition(" ")[0], side, fuse)
    else:
        setattr(builtins, HOOK, fuse)
        sys.meta_path.insert(0, _Finder((key.partition(" ")[0], key, side)))
    from trader.cli import main as daemon  # noqa: PLC0415 - its modules are loaded through ours

    code = daemon()
    del kept
    return code


if __name__ == "__main__":
    sys.exit(main())
