"""Putting another journal in the journal's place: at every instant one of the two is there, whole.

A journal is a file and SQLite's log beside it, and two files cannot be replaced at once: a new file
beside an old log would be read as a mixture. So first the log is folded into the old file, as every
start does, and the one file is the whole journal. Then it gets a second name, and the new file
takes over the first one: that is one step for the kernel. What stood there is never removed.

A file that SQLite cannot read has no whole state to keep. It and its log get their second names
first, then the log leaves, then the file is replaced; in between it is as unreadable as before.
"""

import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from trader.core.book_view import BookView
from trader.core.ids import Lineage, OrderId, Seq
from trader.core.request_events import OrderRequestReceived, RequestReceived
from trader.core.restoring import Past
from trader.store.archives import first_seq
from trader.store.onlooker import EVENT_ROWS, read_only
from trader.store.replay import book_near
from trader.store.rows import JournalUnusable, RowUnreadable, recorded_of
from trader.store.upgrade import SIDES, said, synced

_REPLACED, _STAMP = ".replaced.", "%Y%m%dT%H%M%S.%fZ"
_ARCHIVED = "archived"
# What SQLite would read into whatever file has the journal's name.
_LOGS = ("-wal", "-journal")
_UNREADABLE = ("SQLITE_NOTADB", "SQLITE_CORRUPT")
_LINEAGES = (
    "SELECT json_extract(payload, '$.lineage') FROM events "
    "WHERE kind IN ('JournalOpened', 'JournalRestored') ORDER BY seq"
)
_FORMER = (
    "SELECT item.value FROM events, json_each(events.payload, '$.former') AS item "
    "WHERE events.kind = 'JournalRestored' ORDER BY events.seq"
)
_ORDER_ID_HIGH = (
    "SELECT max(coalesce(json_extract(payload, '$.order_id'), 0), "
    "coalesce(json_extract(payload, '$.order_id_floor'), 0)) FROM events "
    "WHERE kind IN ('OrderPlanned', 'JournalRestored')"
)
_REQUESTS = f"{EVENT_ROWS}WHERE kind IN ('RequestReceived', 'OrderRequestReceived') ORDER BY seq"


def aside_name(journal: Path, now_utc: datetime) -> Path:
    """Return what a journal that is replaced is called from then on."""
    # To the microsecond: two tries in one second shall not meet.
    return journal.with_name(f"{journal.name}{_REPLACED}{now_utc.astimezone(UTC):{_STAMP}}")


def asides_of(journal: Path) -> tuple[Path, ...]:
    """Return the journals that were set aside, the oldest first."""
    return tuple(sorted(journal.parent.glob(f"{journal.name}{_REPLACED}*Z")))


def past_of(journal: Path) -> Past | None:
    """Return what a journal that is or was replaced has used, or None if it cannot be read."""
    try:
        with closing(read_only(journal)) as db:
            names = [name for (name,) in (*db.execute(_FORMER), *db.execute(_LINEAGES))]
            highs = [high for (high,) in db.execute(_ORDER_ID_HIGH)]
            asked = [recorded_of(row).event for row in db.execute(_REQUESTS)]
            if first_seq(db) > 1:
                # What named these is archived; the book at the first event has it all.
                book = book_near(db, Seq(first_seq(db)))
                names = [*book.lineages, *names]
                highs.append(book.order_id_high)
                asked = [*_asked_before(book), *asked]
    except (sqlite3.Error, UnicodeDecodeError, RowUnreadable):
        return None
    lineages = tuple(dict.fromkeys(Lineage(str(name)) for name in names))
    requests = tuple(
        event for event in asked if isinstance(event, RequestReceived | OrderRequestReceived)
    )
    return Past(lineages, OrderId(max(highs, default=0)), requests)


def _asked_before(book: BookView) -> list[RequestReceived | OrderRequestReceived]:
    """Return what a book knows to have been asked for; by whom stands in the archive alone."""
    found: list[RequestReceived | OrderRequestReceived] = []
    for key, row in book.requests.items():
        if row.intent_id is not None:
            found.append(RequestReceived(key, row.digest, row.intent_id, _ARCHIVED))
        elif row.order_id is not None:
            found.append(OrderRequestReceived(key, row.digest, row.order_id, _ARCHIVED))
    return found


def fold_log(journal: Path) -> bool:
    """Bring a journal's log into its file; tells whether the file is now the whole journal.

    It is not when SQLite cannot read it. Raises JournalUnusable when it could and did not.
    """
    if not (journal.exists() and _is_readable(journal)):
        return False
    try:
        with closing(sqlite3.connect(journal, isolation_level=None)) as db:
            db.execute("PRAGMA synchronous = FULL")
            ((is_busy, _, _),) = db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        raise JournalUnusable(f"{journal}: {said(error)}") from error
    if is_busy or any(_size(_beside(journal, end)) for end in _LOGS):
        raise JournalUnusable(f"{journal}: another process is reading or writing it; close that")
    return True


def _is_readable(journal: Path) -> bool:
    """Look without writing: who closes a file that he may write removes a log that he cannot read.

    Raises JournalUnusable when it is not the file that is to blame.
    """
    try:
        with closing(read_only(journal)) as db:
            db.execute("SELECT count(*) FROM sqlite_schema").fetchall()
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorname", "") in _UNREADABLE:
            return False
        raise JournalUnusable(f"{journal}: {said(error)}") from error
    return True


def put_in_place(draft: Path, journal: Path, aside: Path, *, is_folded: bool) -> None:
    """Give the journal's place to a finished file, and what was there its other name.

    ``is_folded`` says that the journal's file is all of it. Raises OSError and JournalUnusable.
    """
    if any(_size(_beside(draft, end)) for end in _LOGS):
        raise JournalUnusable(f"{draft}: its log was not folded into it")
    sides = [end for end in SIDES if _beside(journal, end).exists()]
    for end in sides:
        _forget_tries(_beside(journal, end), journal)
        os.link(_beside(journal, end), _beside(aside, end))
    synced(journal.parent)
    # Empty after the fold; else of a file that cannot be read. Neither may stay beside the new one.
    for end in sides:
        if end:
            assert is_folded is False or end == "-shm" or not _size(_beside(journal, end)), end
            _beside(journal, end).unlink()
    synced(journal.parent)
    os.replace(draft, journal)
    synced(journal.parent)


def _forget_tries(path: Path, journal: Path) -> None:
    """Take away the second names that tries gave which were cut off: the file itself stays."""
    for other in journal.parent.glob(f"{journal.name}{_REPLACED}*"):
        if os.path.samefile(path, other):
            other.unlink()


def _beside(path: Path, end: str) -> Path:
    return path.with_name(path.name + end)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
