"""Reading the journal back: the newest good checkpoint and every event after it, in order.

Events come in small chunks, so that memory does not grow with history, and the sequence is
checked as it is read: a gap is damage, and the daemon does not start on a damaged past.
"""

import sqlite3
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiosqlite

from trader.core.checkpoint import BookState
from trader.core.events import Recorded
from trader.core.ids import Seq
from trader.store.connection import describe, fetched
from trader.store.rows import JournalUnusable, RowUnreadable, recorded_of, state_of_parts

_CHUNK_ROWS = 500
_EVENTS = (
    "SELECT seq, at_us, kind, version, payload FROM events "
    "WHERE seq BETWEEN ? AND ? ORDER BY seq LIMIT ?"
)
_CHECKPOINTS = "SELECT seq, part_count, crc FROM checkpoints ORDER BY seq DESC"
# As bytes: text that is not UTF-8 is one more way to be unreadable, not an error of the database.
_PARTS = (
    "SELECT CAST(payload AS BLOB) FROM checkpoint_parts WHERE seq = ? AND part < ? ORDER BY part"
)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the journal holds: ``state`` and then ``events``, up to ``last_seq``.

    ``skipped`` says of each newer checkpoint why it could not be used; somebody should look.
    """

    state: BookState | None
    events: AsyncIterator[Recorded]
    last_seq: Seq
    skipped: tuple[str, ...]


async def loaded(db: aiosqlite.Connection) -> Loaded:
    """Read the newest good checkpoint and prepare to read what follows; raises JournalUnusable."""
    try:
        last = await last_seq(db)
        state, skipped = await _newest_state(db)
    except sqlite3.Error as error:
        raise JournalUnusable(f"cannot be read: {describe(error)}") from error
    first = Seq(state.seq + 1 if state else 1)
    if state is not None and state.seq > last:
        raise JournalUnusable(
            f"the checkpoint of {state.seq} is ahead of the last event, {last}: events are lost"
        )
    return Loaded(
        state=state, events=events_between(db, first, last), last_seq=last, skipped=skipped
    )


async def last_seq(db: aiosqlite.Connection) -> Seq:
    """Return the number of the last event, 0 when there is none."""
    ((last,),) = await fetched(db, "SELECT max(seq) FROM events")
    return Seq(last or 0)


async def events_between(
    db: aiosqlite.Connection, first: Seq, last: Seq
) -> AsyncIterator[Recorded]:
    """Give the events from ``first`` to ``last``, both included; raises JournalUnusable."""
    expected = int(first)
    while expected <= last:
        try:
            rows = await fetched(db, _EVENTS, expected, last, _CHUNK_ROWS)
        except sqlite3.Error as error:
            raise JournalUnusable(f"event {expected}: {describe(error)}") from error
        if not rows:
            raise JournalUnusable(f"event {expected} is missing")
        for row in rows:
            if row[0] != expected:
                raise JournalUnusable(f"event {expected} is missing: {row[0]} comes next")
            yield recorded_of(row)
            expected += 1


async def _newest_state(db: aiosqlite.Connection) -> tuple[BookState | None, tuple[str, ...]]:
    skipped: list[str] = []
    for seq, part_count, crc in await fetched(db, _CHECKPOINTS):
        parts = await fetched(db, _PARTS, seq, part_count)
        try:
            return state_of_parts(seq, (part for (part,) in parts), crc), tuple(skipped)
        except RowUnreadable as error:
            skipped.append(str(error))
    return None, tuple(skipped)
