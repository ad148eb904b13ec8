"""The one step of an upgrade that is no statement: an older journal gets the digests it lacks."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import aiosqlite

from trader.core.moments import microseconds_of
from trader.store.chain import GENESIS, Seal, link, seam
from trader.store.onlooker import CHECKPOINT_PARTS

# One pass over the events in their order: each digest needs the one before it.
_CHAIN_EVENTS = (
    "UPDATE events SET digest = "
    "chain_link(seq, at_us, version, CAST(kind AS BLOB), CAST(payload AS BLOB))"
)
_LAST_EVENT = "SELECT seq, digest FROM events ORDER BY seq DESC LIMIT 1"
_PUT_SEAM = "INSERT INTO journal_seams (seq, at_us, digest) VALUES (?, ?, ?)"
_CHECKPOINTS = (
    "SELECT seq, at_us, part_count, crc, (SELECT digest FROM events "
    "WHERE events.seq = checkpoints.seq) FROM checkpoints"
)
_SEAL = "UPDATE checkpoints SET digest = ? WHERE seq = ?"


async def reconstruct(db: aiosqlite.Connection, now_utc: datetime) -> None:
    """Chain the events of an older journal and say up to where; inside the upgrade's transaction.

    It judges nothing: a gap or a row that cannot be read stays what it is, and is found as before.
    """
    await db.create_function("chain_link", 5, _linker())
    await _run(db, _CHAIN_EVENTS)
    for seq, digest in await _run(db, _LAST_EVENT):
        at_us = microseconds_of(now_utc)
        await _run(db, _PUT_SEAM, seq, at_us, seam(digest, seq, at_us))
    for *numbers, event_digest in await _run(db, _CHECKPOINTS):
        seq, _, part_count, _ = numbers
        seal = Seal()
        for (part,) in await _run(db, CHECKPOINT_PARTS, seq, part_count):
            seal.add(part)
        await _run(db, _SEAL, seal.digest(tuple(numbers), event_digest or GENESIS), seq)


def _linker() -> Callable[[int, object, object, bytes, bytes], bytes]:
    """Return a function that remembers the digest it gave last."""
    last_seq, digest = -1 << 63, GENESIS

    def chain_link(seq: int, at_us: object, version: object, kind: bytes, payload: bytes) -> bytes:
        nonlocal last_seq, digest
        assert seq > last_seq, "the rows come in their order"
        last_seq, digest = seq, link(digest, (seq, at_us, version), kind, payload)
        return digest

    return chain_link


async def _run(db: aiosqlite.Connection, sql: str, *values: object) -> list[Any]:
    return list(await db.execute_fetchall(sql, values))
