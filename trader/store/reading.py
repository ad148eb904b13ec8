"""Reading the journal back: the newest good checkpoint and every event after it, in order.

Events come in small chunks, so that memory does not grow with history, and the sequence is
checked as it is read: a gap is damage, and so is an event whose digest does not follow from the one
before it. The daemon does not start on a damaged past. What lies before the checkpoint is not read
for that; :func:`followed` goes through it later, and ``trader verify`` looks at all of it.
"""

import sqlite3
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiosqlite

from trader.core.checkpoint import BookState
from trader.core.events import Recorded
from trader.core.ids import Seq
from trader.core.journal_events import JournalArchived
from trader.store.chain import GENESIS, Seal, chained, seam
from trader.store.connection import fetched
from trader.store.onlooker import CHECKPOINT_PARTS, EVENT_ROWS, describe
from trader.store.rows import JournalUnusable, Row, RowUnreadable, recorded_of, state_of_parts

_CHUNK_ROWS = 500
_EVENTS = (
    "SELECT seq, at_us, kind, version, payload, digest FROM events "
    "WHERE seq BETWEEN ? AND ? ORDER BY seq LIMIT ?"
)
_DIGEST = "SELECT digest FROM events WHERE seq = ?"
_SEAMS = "SELECT seq, at_us, digest FROM journal_seams"
_SEAL = "SELECT CAST(digest AS BLOB) FROM checkpoints WHERE seq = ?"
_CHECKPOINTS = "SELECT seq, at_us, part_count, crc, digest FROM checkpoints ORDER BY seq DESC"


@dataclass(frozen=True, slots=True)
class End:
    """The last event of something, and what the next one is chained to."""

    seq: Seq
    digest: bytes


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
        state, skipped = await _newest_state(db, last)
    except sqlite3.Error as error:
        raise JournalUnusable(f"cannot be read: {describe(error)}") from error
    first = Seq(state.seq + 1 if state else 1)
    return Loaded(
        state=state, events=events_between(db, first, last), last_seq=last, skipped=skipped
    )


async def last_seq(db: aiosqlite.Connection) -> Seq:
    """Return the number of the last event, 0 when there is none."""
    ((last,),) = await fetched(db, "SELECT max(seq) FROM events")
    return Seq(last or 0)


async def end_of(db: aiosqlite.Connection) -> End:
    """Return the last event and what the next one will be chained to."""
    last = await last_seq(db)
    return End(last, await _digest_behind(db, last, await _seams(db)))


async def digest_behind(db: aiosqlite.Connection, seq: Seq) -> bytes:
    """Return what the event after ``seq`` is chained to; raises JournalUnusable."""
    try:
        return await _digest_behind(db, seq, await _seams(db))
    except sqlite3.Error as error:
        raise JournalUnusable(f"event {seq}: {describe(error)}") from error


async def seal_of(db: aiosqlite.Connection, seq: Seq) -> bytes:
    """Return the digest of the checkpoint at ``seq``, or nothing; raises JournalUnusable."""
    try:
        rows = await fetched(db, _SEAL, seq)
    except sqlite3.Error as error:
        raise JournalUnusable(f"the checkpoint of {seq}: {describe(error)}") from error
    seal: bytes = rows[0][0] if rows else b""
    return seal


async def events_between(
    db: aiosqlite.Connection, first: Seq, last: Seq
) -> AsyncIterator[Recorded]:
    """Give the events from ``first`` to ``last``, both included; raises JournalUnusable."""
    expected = int(first)
    try:
        seams = await _seams(db)
        digest = await _digest_behind(db, expected - 1, seams) if first <= last else GENESIS
    except sqlite3.Error as error:
        raise JournalUnusable(f"event {expected - 1}: {describe(error)}") from error
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
            recorded = recorded_of(row[:5])
            _must_follow(digest, row[:5], row[5])
            yield recorded
            digest = _behind(row[5], expected, seams)
            expected += 1


async def followed(db: aiosqlite.Connection, last: Seq, rows_at_once: int) -> AsyncIterator[Seq]:
    """Hold every event up to ``last`` against the one before it; raises JournalUnusable.

    Gives how far it is after each read. Nothing is decoded: what follows is what was written.
    """
    expected, digest = 1, GENESIS
    try:
        seams = await _seams(db)
        for (first,) in await fetched(db, "SELECT min(seq) FROM events"):
            if first is not None and first > 1:
                expected, digest = first, await _archived_before(db, first)
        while expected <= last:
            rows = await fetched(db, _EVENTS, expected, last, rows_at_once)
            if not rows:
                raise JournalUnusable(f"event {expected} is missing")
            for row in rows:
                if row[0] != expected:
                    raise JournalUnusable(f"event {expected} is missing: {row[0]} comes next")
                _must_follow(digest, row[:5], row[5])
                digest = _behind(row[5], expected, seams)
                expected += 1
            yield Seq(expected - 1)
    except sqlite3.Error as error:
        raise JournalUnusable(f"event {expected}: {describe(error)}") from error


async def _archived_before(db: aiosqlite.Connection, first: int) -> bytes:
    """Return what the first event follows when those before it are archived."""
    for row in await fetched(db, f"{EVENT_ROWS}WHERE kind = 'JournalArchived'"):
        event = recorded_of(row).event
        if isinstance(event, JournalArchived) and event.last == first:
            return bytes.fromhex(event.before)
    raise JournalUnusable(f"event 1 is missing: {first} comes next")


def _must_follow(previous: bytes, row: Row, digest: object) -> None:
    """Raise JournalUnusable unless a row is the one that was written behind ``previous``."""
    seq = row[0]
    # Another type of a column that reads the same is not what was written.
    if not _is_text(row) or digest != chained(previous, row)[5]:
        raise JournalUnusable(
            f"event {seq} is not the one that was written there: its digest does not follow from "
            f"event {seq - 1}; `trader verify` says what else was changed"
        )


def _is_text(row: Row) -> bool:
    return type(row[2]) is str and type(row[4]) is str


async def _seams(db: aiosqlite.Connection) -> dict[int, tuple[object, object]]:
    return {seq: (at_us, digest) for seq, at_us, digest in await fetched(db, _SEAMS)}


async def _digest_behind(
    db: aiosqlite.Connection, seq: int, seams: dict[int, tuple[object, object]]
) -> bytes:
    """Return what the event after ``seq`` is chained to."""
    if seq == 0:
        return GENESIS
    rows = await fetched(db, _DIGEST, seq)
    if not rows:
        raise JournalUnusable(f"event {seq} is missing")
    ((digest,),) = rows
    if type(digest) is not bytes:
        raise JournalUnusable(f"event {seq} has no digest")
    return _behind(digest, seq, seams)


def _behind(digest: bytes, seq: int, seams: dict[int, tuple[object, object]]) -> bytes:
    if seq not in seams:
        return digest
    at_us, found = seams[seq]
    made = seam(digest, seq, at_us)
    if found != made:
        raise JournalUnusable(f"the seam of the chain behind event {seq} is not the one made there")
    return made


async def _newest_state(
    db: aiosqlite.Connection, last: Seq
) -> tuple[BookState | None, tuple[str, ...]]:
    skipped: list[str] = []
    for *numbers, digest in await fetched(db, _CHECKPOINTS):
        seq, _, part_count, crc = numbers
        if seq > last:
            raise JournalUnusable(
                f"the checkpoint of {seq} is ahead of the last event, {last}: events are lost"
            )
        parts = [part for (part,) in await fetched(db, CHECKPOINT_PARTS, seq, part_count)]
        try:
            state = state_of_parts(seq, parts, crc)
            _must_be_sealed(tuple(numbers), parts, digest, await fetched(db, _DIGEST, seq))
            return state, tuple(skipped)
        except RowUnreadable as error:
            skipped.append(str(error))
    return None, tuple(skipped)


def _must_be_sealed(
    numbers: tuple[int, ...], parts: list[bytes], digest: object, event: list[tuple[bytes]]
) -> None:
    """Raise RowUnreadable unless a checkpoint is the one that was saved behind its event."""
    seal = Seal()
    for part in parts:
        seal.add(part)
    event_digest = event[0][0] if event else GENESIS
    if digest != seal.digest(numbers, event_digest):
        raise RowUnreadable(
            seq=numbers[0],
            kind=BookState.__name__,
            problem="the sealed digest fails",
            field="",
            value=digest,
        )
