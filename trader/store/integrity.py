"""Looking over the journal's rows while it is written: each against the one before it.

The rules of the chain are those of ``trader verify`` (:mod:`trader.store.verify`), which looks at
everything at once and needs no daemon. This looks at a few rows at a time, on a connection of its
own, so that neither the writer nor the loop waits for it:

- The *tail* begins at the newest checkpoint, whose seal the start has compared, and follows the
  head of the journal, which this process knows from its own memory.
- The *sweep* goes over all of it from the first event on, so many rows a look, and then begins
  anew. How far it has come is in the report, and the next process goes on there if that row is
  still the one that it was.

A row that is not right stays found until the sweep comes by and finds it right. Of names that may
stand in one row only, the newest ``_NAMES_MAX`` are remembered.
"""

import json
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import aiosqlite

from trader.core.book_view import BookView
from trader.core.reports.integrity import FLAW_KINDS, ORDER_KINDS, Coverage, Flaw, keys_of
from trader.ports import ChainHead, Clock
from trader.store.chain import DIGEST_BYTES, GENESIS, link, seam
from trader.store.connection import fetched
from trader.store.onlooker import beside_the_writer, describe
from trader.store.rows import JournalUnusable

# One piece is one short turn of the loop; between two of them everybody else has one.
_PIECE_ROWS = 32
_PAUSE_S = 0.01
SWEEP_ROWS = 20_000
# A busy daemon's hour and a half, a quiet one's weeks: with their rows some four megabytes.
_NAMES_MAX = 20_000
_FLAWS_MAX = 1_000
_HEAD = "head"

_ORDERS = ", ".join(f"'{kind}'" for kind in ORDER_KINDS)
# What a row is called and what it belongs to, taken out beside the loop.
_KEYS = f"""
CASE WHEN typeof(payload) <> 'text' OR NOT json_valid(payload) THEN NULL
     WHEN kind = 'IntentReviewed' THEN json_array(json_extract(payload, '$.intent.intent_id'))
     WHEN kind = 'OrderPlanned'
       THEN json_extract(payload, '$.order_id', '$.order_ref', '$.terms.intent_id')
     WHEN kind = 'ExecutionSeen'
       THEN json_extract(payload, '$.execution.exec_id', '$.execution.order_ref')
     WHEN kind IN ({_ORDERS}) THEN json_array(json_extract(payload, '$.order_id')) END
"""
_ROWS = (
    "SELECT seq, at_us, version, CAST(kind AS BLOB), CAST(payload AS BLOB), digest, "  # noqa: S608
    f"typeof(kind) = 'text' AND typeof(payload) = 'text' AND typeof(digest) = 'blob', {_KEYS} "
    "FROM events WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?"
)
_KEYED = ("IntentReviewed", "OrderPlanned", "ExecutionSeen", *ORDER_KINDS)
_SEAMS = "SELECT seq, at_us, digest FROM journal_seams"
_DIGEST = "SELECT digest FROM events WHERE seq = ?"
_CHECKPOINT = "SELECT max(seq) FROM checkpoints WHERE seq <= ?"


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere in the journal: an event, and what the next one follows."""

    seq: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Resumed:
    """Where the sweep of an earlier process had come to, and what it had found by then."""

    sweep: Place
    began_utc: datetime | None
    swept_utc: datetime | None
    flaws: tuple[Flaw, ...] = ()


def resumed_from(body: Mapping[str, Any], lineage: str) -> Resumed | None:
    """Read out of an earlier report where to go on; None where it says nothing of this journal."""
    try:
        seen = body["coverage"]
        if body["lineage"] != lineage:
            return None
        return Resumed(
            Place(int(seen["sweep_to"]), bytes.fromhex(seen["sweep_digest"])),
            _time(seen["sweep_began_utc"]),
            _time(seen["swept_utc"]),
            tuple(Flaw(**_flaw(row)) for row in body["findings"]),
        )
    except (KeyError, TypeError, ValueError):
        return None


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _flaw(row: Mapping[str, Any]) -> dict[str, Any]:
    if row["kind"] not in FLAW_KINDS:
        raise ValueError(f"no finding is {row['kind']!r}")
    return {"kind": row["kind"], "seq": int(row["seq"]), "text": str(row["text"])}


class Walker:
    """Goes over the rows of one journal, look by look; keeps what it found."""

    def __init__(
        self, path: Path, clock: Clock, book: BookView, resumed: Resumed | None = None
    ) -> None:
        self._path = path
        self._clock = clock
        self._book = book
        self._pause: Callable[[], Awaitable[None]] = partial(clock.sleep, _PAUSE_S)
        self.flaws: dict[int, Flaw] = {}
        self._tail: Place | None = None
        self._tail_from = 0
        self._sweep = Place(0, GENESIS)
        self._began_utc: datetime | None = None
        self._swept_utc: datetime | None = None
        self._is_swept = False
        self._rows = 0
        self._duration_s = 0.0
        # Which row has a name; the oldest are forgotten first.
        self._named: dict[str, int] = {}
        self._seams: dict[int, tuple[object, object]] = {}
        if resumed is not None:
            self._sweep, self._began_utc = resumed.sweep, resumed.began_utc
            self._swept_utc = resumed.swept_utc
            # What the last process knew of its own head, the start has compared with its anchors.
            self.flaws = {flaw.seq: flaw for flaw in resumed.flaws if flaw.kind != _HEAD}

    def coverage(self) -> Coverage | None:
        """Return how far the looks have come; None before the first."""
        if self._tail is None:
            return None
        return Coverage(
            tail_from=self._tail_from,
            tail_to=self._tail.seq,
            sweep_to=self._sweep.seq,
            sweep_digest=self._sweep.digest.hex(),
            sweep_began_utc=self._began_utc,
            swept_utc=self._swept_utc,
            rows_looked_at=self._rows,
            duration_s=self._duration_s,
        )

    async def look(self, head: ChainHead, sweep_rows: int = SWEEP_ROWS) -> None:
        """Follow the tail to a durable head, and sweep on; raises JournalUnusable."""
        began_s = self._clock.monotonic()
        try:
            async with beside_the_writer(self._path) as db:
                rows = await fetched(db, _SEAMS)
                self._seams = {seq: (at_us, digest) for seq, at_us, digest in rows}
                if self._tail is None:
                    await self._begin(db, head)
                assert self._tail is not None
                while self._tail.seq < head.seq:
                    self._tail = await self._piece(db, self._tail, head.seq)
                    await self._pause()
                self._hold_against(head)
                await self._sweep_on(db, sweep_rows)
        except (sqlite3.Error, ValueError) as error:
            raise JournalUnusable(f"{self._path}: {describe(error)}") from error
        finally:
            self._duration_s = self._clock.monotonic() - began_s

    async def _begin(self, db: aiosqlite.Connection, head: ChainHead) -> None:
        """Begin the tail at the newest checkpoint, and the sweep where the last process was."""
        ((seq,),) = await fetched(db, _CHECKPOINT, head.seq)
        self._tail_from = seq or 0
        self._tail = await self._place(db, self._tail_from)
        is_there = self._sweep.seq <= head.seq
        if not is_there or await self._place(db, self._sweep.seq) != self._sweep:
            # Another row than it was, or none: all is looked at anew, and finds out why.
            self._sweep, self._began_utc = Place(0, GENESIS), None

    async def _place(self, db: aiosqlite.Connection, seq: int) -> Place:
        rows = await fetched(db, _DIGEST, seq) if seq else []
        if not seq:
            return Place(0, GENESIS)
        found = rows[0][0] if rows else b""
        return Place(seq, self._behind(seq, found if isinstance(found, bytes) else b""))

    async def _sweep_on(self, db: aiosqlite.Connection, row_count: int) -> None:
        """Sweep so many rows more, up to where the tail has come; then begin anew."""
        assert self._tail is not None
        if self._is_swept:
            self._sweep, self._began_utc, self._is_swept = Place(0, GENESIS), None, False
        self._began_utc = self._began_utc or self._clock.utc()
        end = min(self._sweep.seq + row_count, self._tail.seq)
        while self._sweep.seq < end:
            self._sweep = await self._piece(db, self._sweep, end)
            await self._pause()
        if self._sweep.seq >= self._tail.seq:
            self._is_swept, self._swept_utc = True, self._clock.utc()

    async def _piece(self, db: aiosqlite.Connection, place: Place, last: int) -> Place:
        """Look at the next rows behind a place, none behind ``last``; returns the place after."""
        rows = await fetched(db, _ROWS, place.seq, last, _PIECE_ROWS)
        for row in rows:
            place = self._row(place, row)
        if len(rows) < _PIECE_ROWS and place.seq < last:
            self._gap(place.seq, last)
            # What follows these is not known; nothing is compared with it.
            return Place(last, b"")
        return place

    def _row(self, place: Place, row: tuple[Any, ...]) -> Place:
        seq, at_us, version, kind, payload, digest, is_typed, keys = row
        self._rows += 1
        self._forget(seq)
        previous = place.digest
        if seq != place.seq + 1:
            self._gap(place.seq, seq - 1)
            previous = b""
        content = (kind, payload) if is_typed else (b"", b"")
        is_whole = bool(is_typed) and (
            not previous
            or link(previous, (seq, at_us, version), kind=content[0], payload=content[1]) == digest
        )
        if not is_whole:
            text = f"event {seq} is not the one that was written there"
            self._find(Flaw("altered", seq, text))
        else:
            self._correlate(seq, kind.decode(), keys)
        own = digest if isinstance(digest, bytes) and len(digest) == DIGEST_BYTES else b""
        return Place(seq, self._behind(seq, own))

    def _behind(self, seq: int, digest: bytes) -> bytes:
        """Return what the next event follows: where an upgrade was made, its seam."""
        if seq not in self._seams or not digest:
            return digest
        at_us, found = self._seams[seq]
        made = seam(digest, seq, at_us)
        if found != made:
            text = f"the seam behind event {seq} is not the one made there"
            self._find(Flaw("seam", seq, text))
        return found if isinstance(found, bytes) else b""

    def _correlate(self, seq: int, kind: str, keys: bytes | None) -> None:
        if kind not in _KEYED:
            return
        values = tuple(json.loads(keys)) if keys is not None else ()
        found = keys_of(kind, values, self._book)
        if found.problem:
            self._find(Flaw("uncorrelated", seq, f"event {seq}: {found.problem}"))
        elif found.own:
            first = self._named.setdefault(found.own, seq)
            if first != seq:
                text = f"event {seq}: {found.own} stands in event {first} already"
                self._find(Flaw("duplicate", seq, text))
            if len(self._named) > _NAMES_MAX:
                del self._named[next(iter(self._named))]

    def _gap(self, before: int, last: int) -> None:
        for seq in range(before + 1, min(last, before + _FLAWS_MAX) + 1):
            self._forget(seq)
        first = before + 1
        what = f"event {first} is" if first == last else f"events {first} to {last} are"
        self._find(Flaw("missing", first, f"{what} missing"))

    def _hold_against(self, head: ChainHead) -> None:
        """Compare the end of the rows with what this process knows that it wrote."""
        assert self._tail is not None
        if self._tail.seq != head.seq or self._tail.digest.hex() == head.digest:
            return
        if self._tail.digest:
            text = f"event {head.seq}, the last, is not the one that this process wrote"
            self._find(Flaw(_HEAD, head.seq, text))
        # Whatever is there, what comes next follows what was written.
        self._tail = replace(self._tail, digest=bytes.fromhex(head.digest))

    def _forget(self, seq: int) -> None:
        """Take back what was found of a row; not that it is another than this process wrote."""
        found = self.flaws.get(seq)
        if found is not None and found.kind != _HEAD:
            del self.flaws[seq]

    def _find(self, flaw: Flaw) -> None:
        if flaw.seq in self.flaws or len(self.flaws) < _FLAWS_MAX:
            self.flaws[flaw.seq] = flaw
