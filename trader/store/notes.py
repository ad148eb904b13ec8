"""Notes beside the events, in the journal's own file and on its connection, without a sync.

An event is promised on, a note is not: where readers outside have come to may be told anew. So a
note is committed in SQLite's next lower level of safety, in which a commit is written and not
synced. It outlives the process, the commit of the next event syncs its pages together with its own,
and until then a power cut takes it back. One that fails is taken back by SQLite as a whole, and the
next commit writes over it: nothing that is promised afterwards rests on it. With a sync of its own
that would not hold, since after a failed sync the kernel calls the same pages clean.

The order is what makes it safe: the level is full again before any other statement runs, and
whatever is cut off in between, the next statement looks first.
"""

import sqlite3
from collections.abc import Iterable
from typing import Any

import aiosqlite

from trader.store.connection import fetched

_UNSYNCED = "PRAGMA synchronous = NORMAL"
_SYNCED = "PRAGMA synchronous = FULL"
_ASKED = "PRAGMA synchronous"
_FULL = 2
# What the file itself or a sync says: the next event would meet the same.
_OF_THE_FILE = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_IOERR_FSYNC", "SQLITE_IOERR_DIR_FSYNC")


class Notes:
    """Writes notes over a connection; the one user of it runs its statements one by one."""

    def __init__(self, db: aiosqlite.Connection) -> None:
        self._db = db
        # False as long as it is not certain that the next commit is synced.
        self._is_synced = True

    async def put(self, sql: str, values: Iterable[object]) -> list[Any]:
        """Write a note; raises sqlite3.Error. Then ``settle`` is to be awaited."""
        self._is_synced = False
        await fetched(self._db, _UNSYNCED)
        return await fetched(self._db, sql, *values)

    async def settle(self) -> None:
        """Return once every later commit is synced for certain; raises sqlite3.Error."""
        if self._is_synced:
            return
        await fetched(self._db, _SYNCED)
        ((found,),) = await fetched(self._db, _ASKED)
        if found != _FULL:
            raise sqlite3.OperationalError(f"synchronous is {found!r} and does not become {_FULL}")
        self._is_synced = True


def is_of_the_file(error: sqlite3.Error) -> bool:
    """Tell whether an error of a note says that the journal's file is not to be written on."""
    return getattr(error, "sqlite_errorname", "").startswith(_OF_THE_FILE)
