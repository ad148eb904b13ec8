"""What a journal amounts to now, and its newest events, read from outside while the daemon runs.

The book is the newest good checkpoint and all that follows, as a start of the daemon has it: years
of history cost no more than a day's. Nothing in the journal is changed.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from trader.core.book import Book
from trader.core.events import Recorded
from trader.core.ids import Seq
from trader.store.onlooker import EVENT_ROWS, one_moment
from trader.store.replay import book_near, events_from
from trader.store.rows import recorded_of

_LAST = f"{EVENT_ROWS}ORDER BY seq DESC LIMIT 1"
# More than any number of rows that somebody reads.
ROWS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Known:
    """A book, and the event up to which it tells; before the first event there is no time."""

    book: Book
    seq: Seq
    at_utc: datetime | None


def book_in(path: Path) -> Known:
    """Return the book of a journal as it is now; raises JournalUnusable."""
    with one_moment(path) as db:
        last = _last(db)
        if last is None:
            return Known(Book(), Seq(0), None)
        book = book_near(db, last.seq)
        for recorded in events_from(db, Seq(book.seq + 1), last.seq):
            book.apply(recorded)
        return Known(book, last.seq, last.at_utc)


def newest(path: Path, count: int, kinds: Sequence[str] = ()) -> tuple[Recorded, ...]:
    """Return the last ``count`` events, of these kinds or of all, oldest first."""
    words, values = _chosen(kinds)
    sql = f"{EVENT_ROWS}WHERE 1 {words}ORDER BY seq DESC LIMIT ?"
    with one_moment(path) as db:
        found = db.execute(sql, (*values, count)).fetchall()
        return tuple(recorded_of(row) for row in reversed(found))


def behind(path: Path, seq: Seq, kinds: Sequence[str] = ()) -> tuple[Recorded, ...]:
    """Return events that come after ``seq``, oldest first, at most ROWS_MAX of them."""
    words, values = _chosen(kinds)
    sql = f"{EVENT_ROWS}WHERE seq > ? {words}ORDER BY seq LIMIT {ROWS_MAX}"
    with one_moment(path) as db:
        return tuple(recorded_of(row) for row in db.execute(sql, (seq, *values)).fetchall())


def end_of(path: Path) -> Seq:
    """Return the number of the last event, which need not be readable; 0 before the first."""
    with one_moment(path) as db:
        ((seq,),) = db.execute("SELECT coalesce(max(seq), 0) FROM events")
        return Seq(seq)


def _last(db: sqlite3.Connection) -> Recorded | None:
    row = db.execute(_LAST).fetchone()
    return recorded_of(row) if row is not None else None


def _chosen(kinds: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """Return the condition that an event is of one of these kinds, and its values."""
    if not kinds:
        return "", ()
    return f"AND kind IN ({', '.join('?' for _ in kinds)}) ", tuple(kinds)
