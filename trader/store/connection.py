"""Opening the journal's file: what comes back is safe to promise on, or it is refused.

A journal is refused, unchanged, when it is not one of ours, comes from a newer program, is
damaged, or does not take the settings that make a commit survive a power cut. Every open writes
the write-ahead log anew, copies it into the file and syncs both: after a failed sync the kernel may
call the same pages clean, and what the log holds would be lost with the power although later
commits succeed.
Before a journal of an older version is upgraded, a copy of it is made.
"""

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import aiosqlite

from trader.store import reconstruct
from trader.store.chain import RECONSTRUCT
from trader.store.log_renewal import renew
from trader.store.onlooker import describe
from trader.store.rows import JournalUnusable
from trader.store.schema import APPLICATION_ID, upgrade_from
from trader.store.upgrade import make_copy

# Each batch size is a statement of its own; this many stay prepared.
_PREPARED_MAX = 64
_SYNCHRONOUS_FULL = 2
_CHECK = "PRAGMA quick_check(1)"
# How many names are tried; the first or second does.
_NAMES_MAX = 32
# How often a start tries to empty the log: with a busy timeout of 5 s, half a minute.
_LOG_TRIES = 6
# How often the log is written anew before a journal that has failed is closed all the same.
_RENEWALS_MAX = 10
# Checking reads the whole file, at 60 MB a second when nothing of it is in memory. Beyond this size
# only the pages that boot needs are read before the start, and every event after it, a few rows at
# a time (`trader.proof`): boot must not grow with history.
CHECKED_BYTES_MAX = 64 * 1024 * 1024


async def opened(path: Path, busy_timeout_ms: int, now_utc: datetime) -> aiosqlite.Connection:
    """Open or create the journal at ``path``; raises JournalUnusable.

    ``now_utc`` goes into the name of the copy that an upgrade leaves.
    """
    _prepare_file(path)
    log = path.with_name(f"{path.name}-wal")
    try:
        renew(log)
    except OSError as error:
        raise JournalUnusable(f"{log}: cannot be written anew: {error.strerror}") from error
    db = aiosqlite.connect(
        path,
        # No hidden transactions: each statement commits by itself, in one hop to the thread.
        isolation_level=None,
        timeout=busy_timeout_ms / 1000,
        cached_statements=_PREPARED_MAX,
    )
    is_ready = False
    try:
        await db
        version, steps = await _ready(db, busy_timeout_ms)
        keep_copy = partial(make_copy, path, version, now_utc) if version else None
        await _upgrade(db, steps, now_utc, keep_copy)
        is_ready = True
    except (sqlite3.Error, JournalUnusable) as error:
        reason = describe(error) if isinstance(error, sqlite3.Error) else str(error)
        raise JournalUnusable(f"{path}: {reason}") from error
    finally:
        if not is_ready:
            await db.close()
    return db


async def closed(db: aiosqlite.Connection, *, has_failed: bool) -> None:
    """Close the connection; after a failure the log is written anew before.

    SQLite copies the log into the file as the last connection closes. Were it to trust in the sync
    of a log that has failed to, a power cut in the middle of that would damage the journal.
    """
    try:
        if has_failed:
            await _renewed(db)
    finally:
        await db.close()


async def _renewed(db: aiosqlite.Connection) -> None:
    for _ in range(_RENEWALS_MAX):
        # A sync that failed says nothing of the next one, once the bytes were written again.
        with contextlib.suppress(OSError, sqlite3.Error):
            (_, _, path), *_ = await fetched(db, "PRAGMA database_list")
            renew(Path(f"{path}-wal"))
            return


async def fetched(db: aiosqlite.Connection, sql: str, *values: object) -> list[Any]:
    """Run one statement and return its rows.

    ``execute`` would leave a cursor whose release touches the disk from another thread.
    """
    try:
        return list(await db.execute_fetchall(sql, values))
    except UnicodeDecodeError as error:
        # A name or a text of a damaged file, or SQLite's words about it.
        raise sqlite3.DatabaseError(f"not text: {error}") from error


def _prepare_file(path: Path) -> None:
    """Create the file for its owner alone; the log beside it takes the same mode.

    An existing file is not opened here: closing it would drop the locks that SQLite holds on
    it in this process.
    """
    state_dir = path.parent
    if not state_dir.is_dir():
        raise JournalUnusable(f"{path}: the state directory {state_dir} does not exist")
    if not os.access(state_dir, os.W_OK | os.X_OK):
        raise JournalUnusable(f"{path}: the state directory {state_dir} is not writable")
    if path.exists():
        if not path.is_file():
            raise JournalUnusable(f"{path}: not a file")
        return
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise JournalUnusable(f"{path}: cannot be created: {error.strerror}") from error


async def _ready(db: aiosqlite.Connection, busy_timeout_ms: int) -> tuple[int, tuple[str, ...]]:
    """Return the journal's version and what would bring it up to date."""
    # What is not ours is refused before anything is set, because some settings are written.
    version, steps = await _known(db)
    await _set(db, busy_timeout_ms)
    await _empty_log(db)
    await _check(db)
    return version, steps


async def _upgrade(
    db: aiosqlite.Connection,
    steps: tuple[str, ...],
    now_utc: datetime,
    keep_copy: Callable[[], object] | None,
) -> None:
    """Run an upgrade, one transaction; between its begin and its first change the copy is made."""
    for number, step in enumerate(steps):
        if number == 1 and keep_copy is not None:
            # The lock is held: what is copied is what is upgraded.
            await asyncio.to_thread(keep_copy)
        if step == RECONSTRUCT:
            await reconstruct.reconstruct(db, now_utc)
        else:
            await fetched(db, step)
    if steps:
        # An upgrade may have rewritten every row: that shall not stay in the log.
        await fetched(db, "PRAGMA wal_checkpoint(TRUNCATE)")


async def _known(db: aiosqlite.Connection) -> tuple[int, tuple[str, ...]]:
    ((version,),) = await fetched(db, "PRAGMA user_version")
    ((application_id,),) = await fetched(db, "PRAGMA application_id")
    ((things,),) = await fetched(db, "SELECT count(*) FROM sqlite_schema")
    is_empty = (version, application_id, things) == (0, 0, 0)
    if application_id != APPLICATION_ID and not is_empty:
        raise JournalUnusable("a database, but not a journal of this program")
    return version, upgrade_from(version)


async def _set(db: aiosqlite.Connection, busy_timeout_ms: int) -> None:
    settings = (
        ("busy_timeout", busy_timeout_ms),
        ("journal_mode", "wal"),
        ("synchronous", _SYNCHRONOUS_FULL),
        # SQLite swallows the errors of its own automatic copying of the log; the journal does
        # it by a statement of its own, whose error it sees.
        ("wal_autocheckpoint", 0),
        ("cell_size_check", 1),
        ("trusted_schema", 0),
    )
    for name, wanted in settings:
        await fetched(db, f"PRAGMA {name} = {wanted}")
        ((found,),) = await fetched(db, f"PRAGMA {name}")
        if found != wanted:
            raise JournalUnusable(f"{name} is {found!r} and does not become {wanted!r}")


async def _empty_log(db: aiosqlite.Connection) -> None:
    # Whoever looked at it after a crash, as `trader verify` does, goes away again by itself; each
    # try waits as long as the connection does for a lock.
    for _ in range(_LOG_TRIES):
        ((is_busy, _, _),) = await fetched(db, "PRAGMA wal_checkpoint(TRUNCATE)")
        if not is_busy:
            return
    raise JournalUnusable("another process is reading or writing it; close that first")


async def _check(db: aiosqlite.Connection) -> None:
    ((page_count,),) = await fetched(db, "PRAGMA page_count")
    ((page_bytes,),) = await fetched(db, "PRAGMA page_size")
    if page_count * page_bytes > CHECKED_BYTES_MAX:
        return
    verdict = await _verdict(db)
    if verdict != "ok":
        raise JournalUnusable("damaged: " + " ".join(verdict.split()))


async def _verdict(db: aiosqlite.Connection) -> str:
    """Return what SQLite's check says of the whole file, its list of free pages included.

    With a view first in its hash table of names SQLite takes the check for that of one table, and
    leaves the list out (seen with 3.40). A table that is made for the moment of the check, and
    never committed, comes first under one name or another.
    """
    if not await _is_partial(db):
        return await _checked(db)
    await fetched(db, "BEGIN IMMEDIATE")
    try:
        for number in range(_NAMES_MAX):
            await fetched(db, f"CREATE TABLE checked_first_{number} (x)")
            if not await _is_partial(db):
                break
        return await _checked(db)
    finally:
        await fetched(db, "ROLLBACK")


async def _checked(db: aiosqlite.Connection) -> str:
    ((verdict,), *_) = await fetched(db, _CHECK)
    return str(verdict)


async def _is_partial(db: aiosqlite.Connection) -> bool:
    """Tell whether the check would leave the list out: the first root that it asks for is none."""
    steps = await fetched(db, f"EXPLAIN {_CHECK}")
    return any(step[1] == "IntegrityCk" and str(step[5]).startswith("[0,") for step in steps)
