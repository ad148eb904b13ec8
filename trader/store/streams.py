"""The journal's streams, read for whoever hands them on, and where each of those has come to.

A cursor is a row beside the events, outside their chain: it is no evidence and promises nothing.
It is written after what it says is safe elsewhere, so after a power cut it is behind or right, and
never ahead: what was handed on since comes again, under the same ids. It lies in the journal's own
file because a copy of the journal that is put back must bring it back too; the numbers behind the
copy's end are given out a second time then, with another lineage in their ids.
"""

import json
from datetime import timedelta

from trader.core.ids import Lineage, Seq
from trader.core.moments import microseconds_of
from trader.core.streams import stream_names
from trader.ports import Clock, Cursor, StreamBatch, StreamEvent
from trader.store import cursors
from trader.store.journal import SqliteJournal
from trader.store.rows import JournalUnusable

# One read is one short turn of the journal's thread, between two commits.
BATCH_ROWS = 200
# So long the moment of each delivery is kept, and then the hour.
MOMENTS_KEPT = timedelta(days=7)
_MERGED_ROWS = 200
_STREAMS = stream_names()
# These name the journal from their place on.
_NAMING = ("JournalOpened", "JournalRestored")
_KINDS = ", ".join(f"'{kind}'" for kind in (*_STREAMS, *_NAMING))
# What is in no stream is passed over unread: a strategy's state may be long.
_ROWS = (
    f"SELECT seq, at_us, kind, version, CASE WHEN kind IN ({_KINDS}) THEN payload END "  # noqa: S608
    "FROM events WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?"
)
# A journal whose older events are archived begins with a link, and the record of that names it.
_BEGIN = (
    "SELECT first, json_extract(payload, '$.lineage') FROM (SELECT min(seq) AS first FROM events) "
    "LEFT JOIN events ON kind = 'JournalArchived' AND json_extract(payload, '$.last') = first "
    "WHERE first > 1"
)
_CURSOR = (
    "SELECT last_seq, lineage FROM outbox_deliveries WHERE consumer = ? "
    "ORDER BY last_seq DESC LIMIT 1"
)
_NOTE = (
    "INSERT OR REPLACE INTO outbox_deliveries (consumer, last_seq, first_seq, at_us, lineage) "
    "VALUES (?, ?, ?, ?, ?)"
)


class JournalStreams:
    """Implements ``ports.StreamSource`` over the journal's one connection and one writer."""

    def __init__(self, journal: SqliteJournal, clock: Clock, batch_rows: int = BATCH_ROWS) -> None:
        self._journal = journal
        self._clock = clock
        self._batch_rows = batch_rows
        # Deliveries up to this one need no merging any more.
        self._merged_to = ("", 0)

    @property
    def durable_seq(self) -> Seq:
        """Return the last event that may be handed on: one that is lost was never told outside."""
        return self._journal.durable_seq

    async def cursor_of(self, consumer: str) -> Cursor:
        """Return where a consumer stopped; raises JournalUnusable.

        A new one begins with the journal's first event: what is archived it finds there.
        """
        for seq, lineage in await self._journal.fetched(_CURSOR, consumer):
            if seq > self._journal.durable_seq:
                raise JournalUnusable(
                    f"the cursor of {consumer} is at event {seq}, and the journal ends with "
                    f"event {self._journal.durable_seq}"
                )
            return Cursor(Seq(seq), Lineage(lineage))
        for first, lineage in await self._journal.fetched(_BEGIN):
            if lineage is None:
                raise JournalUnusable(f"event 1 is missing: {first} comes next")
            return Cursor(Seq(first - 1), Lineage(lineage))
        return Cursor(Seq(0), Lineage(""))

    async def behind(self, cursor: Cursor) -> StreamBatch:
        """Return a bounded part of what follows a cursor; raises JournalUnusable."""
        rows = await self._journal.fetched(_ROWS, cursor.seq, self.durable_seq, self._batch_rows)
        return batch_of(cursor, rows)

    async def note(self, consumer: str, first: Seq, cursor: Cursor) -> None:
        """Move a consumer's cursor over the events from ``first`` on.

        Raises NoteFailed, or JournalFailed where the journal can write nothing any more.
        """
        at_us = microseconds_of(self._clock.utc())
        values = (consumer, cursor.seq, first, at_us, cursor.lineage)
        await self._journal.put_beside(f"the cursor of {consumer}", _NOTE, *values)

    async def merge_old(self) -> bool:
        """Merge a few notes of deliveries that are a week old; tells whether there may be more.

        Raises NoteFailed, or what is wrong with the journal.
        """
        until_us = microseconds_of(self._clock.utc() - MOMENTS_KEPT)
        rows = await self._journal.fetched(cursors.OLD, *self._merged_to, until_us, _MERGED_ROWS)
        stretches = list(cursors.merged(rows))
        for number, stretch in enumerate(stretches):
            if stretch.count > 1:
                what = f"deliveries of {stretch.consumer}"
                await self._journal.put_beside(what, cursors.MERGE, *stretch.values)
            # The last one may go on in what was not read.
            if number < len(stretches) - 1:
                self._merged_to = (stretch.consumer, stretch.last_seq)
        return len(rows) == _MERGED_ROWS


def batch_of(cursor: Cursor, rows: list[tuple[int, int, str, int, str | None]]) -> StreamBatch:
    """Return the events of the streams in rows; raises JournalUnusable where one is missing."""
    events: list[StreamEvent] = []
    last, lineage = cursor.seq, cursor.lineage
    for seq, at_us, kind, version, payload in rows:
        if seq != last + 1:
            raise JournalUnusable(f"event {last + 1} is missing: {seq} comes next")
        last = Seq(seq)
        if kind in _NAMING:
            lineage = _lineage_in(seq, payload)
        stream = _STREAMS.get(kind)
        if stream is not None:
            name = f"{lineage}-{seq}"
            events.append(StreamEvent(name, stream, last, at_us, kind, version, payload or ""))
    return StreamBatch(tuple(events), Cursor(last, lineage))


def _lineage_in(seq: int, payload: str | None) -> Lineage:
    try:
        return Lineage(json.loads(payload or "")["lineage"])
    except (ValueError, KeyError, TypeError) as error:
        raise JournalUnusable(f"event {seq} does not name the journal") from error
