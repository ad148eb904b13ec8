"""Looking at a journal from outside, unable to change it, and saying what SQLite says."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

import aiosqlite

from trader.store.rows import JournalUnusable
from trader.store.schema import APPLICATION_ID

# What `recorded_of` reads; what follows says which of them.
EVENT_ROWS = "SELECT seq, at_us, kind, version, payload FROM events "
# As bytes: text that is not UTF-8 is one more way to be unreadable, not an error of the database.
CHECKPOINT_PARTS = (
    "SELECT CAST(payload AS BLOB) FROM checkpoint_parts WHERE seq = ? AND part < ? ORDER BY part"
)
# As long as SQLite's own module waits for a lock.
_BUSY_S = 5.0


def read_only(path: Path, busy_s: float = _BUSY_S) -> sqlite3.Connection:
    """Open a journal without being able to change it."""
    return sqlite3.connect(_unchangeable(path), uri=True, timeout=busy_s)


def _unchangeable(path: Path) -> str:
    return f"{path.absolute().as_uri()}?mode=ro"


def _require(path: Path) -> None:
    if not path.is_file():
        raise JournalUnusable(f"{path}: there is no journal")


@contextmanager
def one_moment(path: Path, busy_s: float = _BUSY_S) -> Iterator[sqlite3.Connection]:
    """Open a journal for reading, at one instant of it; raises JournalUnusable."""
    _require(path)
    try:
        with closing(read_only(path, busy_s)) as db:
            ((application_id,),) = db.execute("PRAGMA application_id")
            if application_id != APPLICATION_ID:
                raise JournalUnusable(f"{path}: not a journal of this program")
            # However long the reading takes.
            db.execute("BEGIN")
            yield db
    except sqlite3.Error as error:
        raise JournalUnusable(f"{path}: {describe(error)}") from error


@asynccontextmanager
async def beside_the_writer(path: Path) -> AsyncIterator[aiosqlite.Connection]:
    """Open a journal on a thread of its own, to read while the writer writes.

    Each statement sees its own moment, so that no reading keeps the log from being folded. Text
    comes as the bytes that it is. Raises sqlite3.Error, or JournalUnusable when there is no file.
    """
    # The thread of a connection that comes to nothing ends when it likes, after its loop even.
    _require(path)
    uri = _unchangeable(path)
    async with aiosqlite.connect(uri, uri=True, isolation_level=None, timeout=_BUSY_S) as db:
        db.text_factory = bytes
        yield db


def describe(error: Exception) -> str:
    """Say in one line what SQLite says."""
    code = getattr(error, "sqlite_errorname", type(error).__name__)
    return " ".join(f"{code}: {error}".split())
