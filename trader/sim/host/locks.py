"""Write locks on SQLite files that the operator declared, held for a while.

The lock is SQLite's own (BEGIN IMMEDIATE), taken by a connection that writes nothing: to every
other program the file is locked as by a backup, a browser or a second instance that hangs.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from trader.sim.script.inputs import InputError
from trader.sim.script.processes import FILE_ALLOWED

log = logging.getLogger("trader.sim")
# How long a writer that has the lock now is waited for, with the whole simulator standing still.
BUSY_S_MAX = 1.0


class Locks:
    """The declared files and the locks that are held on them."""

    def __init__(self, files: Mapping[str, Path], loop: asyncio.AbstractEventLoop) -> None:
        self._files, self._loop = dict(files), loop
        self._held: dict[str, sqlite3.Connection] = {}
        self._ends: dict[str, asyncio.TimerHandle] = {}

    def lock(self, name: str | None, seconds: float) -> dict[str, Any]:
        """Take the lock, or hold on to it, for so long. Raises InputError."""
        name = self._find(name)
        if name not in self._held:
            self._held[name] = self._locked(name)
            log.info("file %s locked for %g s", name, seconds)
        else:
            self._ends.pop(name).cancel()
        self._ends[name] = self._loop.call_later(seconds, self._let_go, name)
        return {"file": name, "locked": True}

    def unlock(self, name: str | None) -> dict[str, Any]:
        """Let the lock go if it is held. Raises InputError."""
        name = self._find(name)
        self._let_go(name)
        return {"file": name, "locked": False}

    def held(self) -> list[str]:
        """Return the names of the files that are locked."""
        return sorted(self._held)

    def close(self) -> None:
        """Let every lock go."""
        for name in list(self._held):
            self._let_go(name)

    def _find(self, name: str | None) -> str:
        if not self._files:
            raise InputError("file", name, FILE_ALLOWED)
        found = next(iter(self._files)) if name is None else name
        if found not in self._files:
            raise InputError("file", name, ", ".join(self._files))
        return found

    def _locked(self, name: str) -> sqlite3.Connection:
        path = self._files[name]
        # Not made when it is missing: mode=rw.
        uri = f"file:{quote(str(path.absolute()))}?mode=rw"
        db: sqlite3.Connection | None = None
        try:
            db = sqlite3.connect(uri, uri=True, timeout=BUSY_S_MAX, isolation_level=None)
            db.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            if db is not None:
                db.close()
            allowed = f"a SQLite file that can be locked now ({error})"
            raise InputError("file", str(path), allowed) from None
        return db

    def _let_go(self, name: str) -> None:
        end, db = self._ends.pop(name, None), self._held.pop(name, None)
        if end is not None:
            end.cancel()
        if db is not None:
            db.execute("ROLLBACK")
            db.close()
            log.info("file %s let go", name)
