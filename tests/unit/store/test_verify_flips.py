"""Every flipped bit of a journal's file is found, or lies where nobody reads.

Goal: no byte that the journal guards can change unseen. Method: one bit is turned over, at the
beginning of each page and at steps through the rest, in a file that has everything in it: rows,
rows too long for a page, checkpoints, a seam, free pages, the schema. Then what anybody could read
of it (each value of each table with its type, the schema, the file's own marks) is compared with
what was there. If that is the same the bit lies in unused room; if not, ``verify`` has to say so,
by the chain, by a seal, by SQLite's own check of the file or by refusing the file.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.unit.store.support import running, shell, state_at, strategy_note
from tests.unit.store.test_upgrade import ROWS, old_journal, upgraded
from trader.core.ids import Seq, StrategyName
from trader.core.strategy_events import StrategyCheckpointed
from trader.store.rows import JournalUnusable
from trader.store.verify import verified

PAGE_BYTES = 4096
# Where a page says what it is and begins to say where its rows are; then every so many bytes.
HEAD_BYTES = 24
STEP = 97
LAST = ROWS + 40
TABLES = {
    "events": ("seq", "at_us", "kind", "version", "payload", "digest"),
    "checkpoints": ("seq", "at_us", "part_count", "crc", "digest"),
    "checkpoint_parts": ("seq", "part", "payload"),
    "journal_seams": ("seq", "at_us", "digest"),
}


async def written(path: Path) -> None:
    old_journal(path, text="x" * 20)
    await upgraded(path)
    async with running(path) as journal:
        for seq in range(ROWS + 1, LAST + 1):
            size = 9_000 if seq % 20 == 0 else 50
            journal.append(strategy_note(seq, "y" * size))
        long = StrategyCheckpointed(StrategyName("s"), 1, "z" * 20_000)
        for seq in range(LAST - 5, LAST + 1):  # the older ones are dropped: free pages
            await journal.save_checkpoint(state_at(seq, [long]))
        await journal.durable(Seq(LAST))


def content(path: Path) -> Any:
    """Read everything that the file says, with its types; raises sqlite3.Error."""
    uri = f"{path.as_uri()}?mode=ro&immutable=1"
    with closing(sqlite3.connect(uri, uri=True)) as db:
        db.text_factory = bytes
        told: list[Any] = [
            db.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema").fetchall()
        ]
        told += [
            db.execute(f"PRAGMA {name}").fetchall() for name in ("application_id", "user_version")
        ]
        for table, columns in TABLES.items():
            wanted = ", ".join(f"typeof({name}), {name}" for name in columns)
            told.append(db.execute(f"SELECT {wanted} FROM {table}").fetchall())
        return told


def outcome(path: Path, before: Any) -> str:
    """Say how a flip shows; ``MISSED`` is what must not be."""
    try:
        verdict = verified(path)
    except JournalUnusable:
        return "refused"
    kinds = {finding.kind for finding in verdict.findings}
    if kinds:
        return "by SQLite's check" if kinds == {"damage"} else "by the chain or a seal"
    try:
        return "unread" if content(path) == before else "MISSED"
    except sqlite3.Error:
        return "MISSED"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_each_flipped_bit_is_found_or_lies_where_nobody_reads(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    asyncio.run(written(path))
    ((free,),) = shell(path, "PRAGMA freelist_count")
    assert free > 0
    before, raw = content(path), path.read_bytes()
    assert verified(path).is_whole
    counts: Counter[str] = Counter()
    missed = []
    with path.open("r+b", buffering=0) as file:
        for page in range(len(raw) // PAGE_BYTES):
            for offset in (*range(HEAD_BYTES), *range(HEAD_BYTES + page % STEP, PAGE_BYTES, STEP)):
                at = page * PAGE_BYTES + offset
                file.seek(at)
                file.write(bytes([raw[at] ^ 1 << (at * 7 + page) % 8]))
                how = outcome(path, before)
                counts[how] += 1
                if how == "MISSED":
                    missed.append((page, offset))
                file.seek(at)
                file.write(raw[at : at + 1])
    print(dict(counts))
    assert missed == []
    assert set(counts) == {"refused", "by SQLite's check", "by the chain or a seal", "unread"}
    assert counts["by the chain or a seal"] > counts["unread"] / 4
    assert verified(path).is_whole
