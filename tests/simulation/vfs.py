"""SQLite's files on the simulated disk: a VFS in ctypes, put into the library that Python uses.

It becomes the default of the libsqlite3 that the standard module is linked to, so the production
driver and the production SQLite run unchanged on top of it. An interpreter with a SQLite of its
own would write to the real disk instead: `check` writes through the standard module and looks
whether the bytes came here.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import errno
import os
import sqlite3
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.simulation.disk import SECTOR_BYTES, Disk, File
from trader.store import connection

_OK, _BUSY, _FULL, _NOT_FOUND, _CANT_OPEN = 0, 5, 13, 12, 14
_IO_ERROR, _SHORT_READ, _SYNC_ERROR = 10, 522, 1034
_CREATE, _DELETE_ON_CLOSE = 0x4, 0x8
_SHARED, _RESERVED, _PENDING, _EXCLUSIVE = 1, 2, 3, 4
_SINGLE_THREAD = 1
_SHM_UNLOCK, _SHM_EXCLUSIVE = 1, 8
_JULIAN_MS = 210_866_760_000_000

_P, _I, _I64 = ctypes.c_void_p, ctypes.c_int, ctypes.c_int64
_F, _OUT, _OUT64 = ctypes.CFUNCTYPE, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int64)


class _Methods(ctypes.Structure):
    _fields_ = (
        ("iVersion", _I), ("xClose", _F(_I, _P)), ("xRead", _F(_I, _P, _P, _I, _I64)),
        ("xWrite", _F(_I, _P, _P, _I, _I64)), ("xTruncate", _F(_I, _P, _I64)),
        ("xSync", _F(_I, _P, _I)), ("xFileSize", _F(_I, _P, _OUT64)),
        ("xLock", _F(_I, _P, _I)), ("xUnlock", _F(_I, _P, _I)),
        ("xCheckReservedLock", _F(_I, _P, _OUT)), ("xFileControl", _F(_I, _P, _I, _P)),
        ("xSectorSize", _F(_I, _P)), ("xDeviceCharacteristics", _F(_I, _P)),
        ("xShmMap", _F(_I, _P, _I, _I, _I, ctypes.POINTER(_P))),
        ("xShmLock", _F(_I, _P, _I, _I, _I)), ("xShmBarrier", _F(None, _P)),
        ("xShmUnmap", _F(_I, _P, _I)),
    )  # fmt: skip


class _Handle(ctypes.Structure):
    _fields_ = (("methods", ctypes.POINTER(_Methods)), ("number", _I64))


class _Vfs(ctypes.Structure):
    _fields_ = (
        ("iVersion", _I), ("szOsFile", _I), ("mxPathname", _I), ("pNext", _P),
        ("zName", ctypes.c_char_p), ("pAppData", _P),
        ("xOpen", _F(_I, _P, ctypes.c_char_p, _P, _I, _OUT)),
        ("xDelete", _F(_I, _P, ctypes.c_char_p, _I)),
        ("xAccess", _F(_I, _P, ctypes.c_char_p, _I, _OUT)),
        ("xFullPathname", _F(_I, _P, ctypes.c_char_p, _I, _P)),
        ("xDlOpen", _P), ("xDlError", _P), ("xDlSym", _P), ("xDlClose", _P),
        ("xRandomness", _F(_I, _P, _I, _P)), ("xSleep", _F(_I, _P, _I)),
        ("xCurrentTime", _F(_I, _P, ctypes.POINTER(ctypes.c_double))),
        ("xGetLastError", _F(_I, _P, _I, _P)), ("xCurrentTimeInt64", _F(_I, _P, _OUT64)),
    )  # fmt: skip


_REGISTERED: list[SimulatedVfs] = []


class NotOurs(RuntimeError):
    """The standard module does not use the library that the VFS is in."""


class SimulatedVfs:
    """The callbacks; ``disk`` says whose disk a path means, ``now_ms`` and ``trace`` are given."""

    def __init__(
        self, disk: Callable[[], Disk], now_ms: Callable[[], int], trace: Callable[[str], None]
    ) -> None:
        self._disk, self._now_ms, self._trace = disk, now_ms, trace
        self._open: dict[int, tuple[File, Disk, bool]] = {}
        self._numbers = 0
        self._library = ctypes.CDLL(ctypes.util.find_library("sqlite3") or "libsqlite3.so.0")
        self._methods = _Methods(2, *_typed(_Methods, 1, self._file_calls()))
        none = None
        self._vfs = _Vfs(
            2, ctypes.sizeof(_Handle), 512, none, b"simulated", none,
            *_typed(_Vfs, 6, self._path_calls()), none, none, none, none,
            *_typed(_Vfs, 14, self._world_calls()),
        )  # fmt: skip

    def install(self) -> None:
        """Make it the default of every connection from now on."""
        # Without locks of its own: there is one thread, and a child that is forked off within a
        # call would wait for ever for what the thread of its parent holds.
        self._library.sqlite3_shutdown()
        if self._library.sqlite3_config(_SINGLE_THREAD):
            raise NotOurs("SQLite is in use already")
        if self._library.sqlite3_vfs_register(ctypes.byref(self._vfs), 1):
            raise NotOurs("the VFS is not taken")
        # SQLite calls it for as long as the process lives.
        _REGISTERED.append(self)
        # What goes around SQLite has to come here as well.
        vars(connection)["renew"] = lambda log: self.renew(log)
        # Forget the state of SQLite's own chance: it is drawn anew, from here.
        self._library.sqlite3_randomness(0, None)
        self._check()

    def renew(self, log: Path) -> None:
        """Do as :func:`trader.store.log_renewal.renew`, on the simulated disk."""
        disk = self._disk()
        file = disk.files.get(log.name)
        if file is None:
            return
        disk.step()
        file.write(0, bytes(file.data))
        disk.step()
        if not disk.sync(file):
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    def _check(self) -> None:
        """Raise NotOurs unless the standard module's bytes come here."""
        name = "a-check-that-must-not-be-on-the-real-disk.db"
        db = sqlite3.connect(name)
        db.execute("CREATE TABLE checked (x)")
        db.close()
        found = self._disk().files.pop(name, None)
        if found is None or os.path.exists(name):
            raise NotOurs("Python's sqlite3 has a SQLite of its own; its files are on a real disk")

    # ---- files

    def _file_calls(self) -> tuple[Callable[..., Any], ...]:
        return (
            self._close, self._read, self._write, self._truncate, self._sync, self._size,
            self._lock, self._unlock, self._is_reserved, lambda *_: _NOT_FOUND,
            lambda *_: SECTOR_BYTES, lambda *_: 0,
            self._map_shared, self._lock_shared, lambda *_: None, self._unmap_shared,
        )  # fmt: skip

    def _number(self, handle: int) -> int:
        return int(ctypes.cast(handle, ctypes.POINTER(_Handle)).contents.number)

    def _of(self, handle: int) -> tuple[File, Disk, bool]:
        return self._open[self._number(handle)]

    def _close(self, handle: int) -> int:
        number = self._number(handle)
        file, disk, is_temporary = self._open.pop(number)
        file.locks.pop(number, None)
        for holders in file.shared_locks.values():
            holders.pop(number, None)
        if is_temporary:
            disk.files.pop(file.name, None)
        return _OK

    def _read(self, handle: int, buffer: int, count: int, offset: int) -> int:
        content = bytes(self._of(handle)[0].data[offset : offset + count])
        if len(content) < count:
            ctypes.memmove(buffer, content + bytes(count - len(content)), count)
            return _SHORT_READ
        ctypes.memmove(buffer, content, count)
        return _OK

    def _write(self, handle: int, buffer: int, count: int, offset: int) -> int:
        file, disk, _ = self._of(handle)
        disk.step()
        if not disk.has_room(offset + count - len(file.data)):
            self._trace(f"disk full {file.name}")
            return _FULL
        file.write(offset, ctypes.string_at(buffer, count))
        self._trace(f"disk write {file.name} {offset} {count}")
        return _OK

    def _truncate(self, handle: int, size: int) -> int:
        file, disk, _ = self._of(handle)
        disk.step()
        file.truncate(size)
        return _OK

    def _sync(self, handle: int, flags: int) -> int:
        file, disk, _ = self._of(handle)
        disk.step()
        is_synced = disk.sync(file)
        self._trace(f"disk sync {file.name} {is_synced}")
        return _OK if is_synced else _SYNC_ERROR

    def _size(self, handle: int, out: Any) -> int:
        out[0] = len(self._of(handle)[0].data)
        return _OK

    def _lock(self, handle: int, level: int) -> int:
        locks, own = self._of(handle)[0].locks, self._number(handle)
        if locks.get(own, 0) >= level:
            return _OK
        others = [held for number, held in locks.items() if number != own]
        highest = max(others, default=0)
        if highest >= (_PENDING if level == _SHARED else _RESERVED):
            return _BUSY
        if level == _EXCLUSIVE and highest >= _SHARED:
            locks[own] = _PENDING
            return _BUSY
        locks[own] = level
        return _OK

    def _unlock(self, handle: int, level: int) -> int:
        self._of(handle)[0].locks[self._number(handle)] = level
        return _OK

    def _is_reserved(self, handle: int, out: Any) -> int:
        out[0] = int(any(held >= _RESERVED for held in self._of(handle)[0].locks.values()))
        return _OK

    def _map_shared(self, handle: int, region: int, size: int, extend: int, out: Any) -> int:
        shared = self._of(handle)[0].shared
        if region not in shared:
            if not extend:
                out[0] = None
                return _OK
            shared[region] = ctypes.create_string_buffer(size)
        buffer: Any = shared[region]
        out[0] = ctypes.addressof(buffer)
        return _OK

    def _lock_shared(self, handle: int, offset: int, count: int, flags: int) -> int:
        file, own = self._of(handle)[0], self._number(handle)
        slots = [file.shared_locks.setdefault(one, {}) for one in range(offset, offset + count)]
        if flags & _SHM_UNLOCK:
            for slot in slots:
                slot.pop(own, None)
            return _OK
        wants_all = bool(flags & _SHM_EXCLUSIVE)
        for slot in slots:
            if any(wants_all or has_all for number, has_all in slot.items() if number != own):
                return _BUSY
        for slot in slots:
            slot[own] = wants_all
        return _OK

    def _unmap_shared(self, handle: int, delete: int) -> int:
        if delete:
            self._of(handle)[0].shared.clear()
        return _OK

    # ---- paths

    def _path_calls(self) -> tuple[Callable[..., Any], ...]:
        return self._open_file, self._delete, self._exists, self._full_path

    def _open_file(self, _vfs: int, path: bytes | None, handle: int, flags: int, out: Any) -> int:
        disk = self._disk()
        self._numbers += 1
        found = ctypes.cast(handle, ctypes.POINTER(_Handle)).contents
        name = os.path.basename(path.decode()) if path else f"temporary-{self._numbers}"
        file = disk.files.get(name)
        if file is None:
            if not flags & _CREATE:
                found.methods = None
                return _CANT_OPEN
            file = disk.files[name] = File(name)
        self._open[self._numbers] = (file, disk, bool(flags & _DELETE_ON_CLOSE))
        found.number = self._numbers
        found.methods = ctypes.pointer(self._methods)
        if out:
            out[0] = flags
        return _OK

    def _delete(self, _vfs: int, path: bytes, sync: int) -> int:
        disk = self._disk()
        disk.step()
        disk.files.pop(os.path.basename(path.decode()), None)
        return _OK

    def _exists(self, _vfs: int, path: bytes, flags: int, out: Any) -> int:
        out[0] = int(os.path.basename(path.decode()) in self._disk().files)
        return _OK

    def _full_path(self, _vfs: int, path: bytes, size: int, out: int) -> int:
        ctypes.memmove(out, path + b"\0", len(path) + 1)
        return _OK

    # ---- the world

    def _world_calls(self) -> tuple[Callable[..., Any], ...]:
        return self._randomness, self._sleep, self._day, lambda *_: 0, self._milliseconds

    def _randomness(self, _vfs: int, count: int, out: int) -> int:
        ctypes.memmove(out, self._disk().chance.randbytes(count), count)
        return count

    def _sleep(self, _vfs: int, microseconds: int) -> int:
        self._disk().busy_s += microseconds / 1e6
        return microseconds

    def _day(self, _vfs: int, out: Any) -> int:
        out[0] = (self._now_ms() + _JULIAN_MS) / 86_400_000
        return _OK

    def _milliseconds(self, _vfs: int, out: Any) -> int:
        out[0] = self._now_ms() + _JULIAN_MS
        return _OK


def _typed(kind: Any, first: int, calls: tuple[Callable[..., Any], ...]) -> list[Any]:
    """Make C functions of the calls, as the fields of the structure from the first on want them."""
    fields = kind._fields_[first : first + len(calls)]
    return [made(_guarded(call)) for (_, made), call in zip(fields, calls, strict=True)]


def _guarded(call: Callable[..., Any]) -> Callable[..., Any]:
    """Let no exception get into C, where it would vanish: it is shown, and the call fails."""

    def guarded(*arguments: Any) -> Any:
        try:
            return call(*arguments)
        except Exception:  # noqa: BLE001 - there is nobody above but C
            traceback.print_exc()
            return _IO_ERROR

    return guarded
