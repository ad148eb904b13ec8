"""A note fails alone, and no event is ever committed without a sync because of one.

Everything here is real: the connection, the statements as SQLite saw them, a limit on the size of
files for a full disk, another process that holds the lock, a damaged file.
"""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import aiosqlite
import pytest

from tests.unit.store.support import (
    IMPATIENT,
    CountingClock,
    ended,
    read_back,
    running,
    shell,
    strategy_note,
)
from tests.unit.store.test_connection import held_by_another_process
from tests.unit.store.test_journal import full_disk, make_read_only, seqs, statements_of
from trader.core.ids import Seq
from trader.ports import JournalFailed, NoteFailed
from trader.store.journal import SqliteJournal
from trader.store.notes import Notes, is_of_the_file

PUT = "INSERT INTO outbox_deliveries VALUES ('files', ?, 1, 0, ?)"
DOWN, UP, ASKED = "PRAGMA synchronous = NORMAL", "PRAGMA synchronous = FULL", "PRAGMA synchronous"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


async def write(journal: SqliteJournal, seq: int) -> None:
    journal.append(strategy_note(seq))
    await journal.durable(Seq(seq))


def levels_of(statements: list[str]) -> list[tuple[str, bool]]:
    """Return each statement that writes, and whether its commit was synced."""
    is_synced, found = True, []
    for text in statements:
        if text in (UP, DOWN):
            is_synced = text == UP
        elif text.startswith("INSERT"):
            found.append((text.split()[2], is_synced))
    return found


async def test_a_note_is_written_without_a_sync_and_every_event_with_one(path: Path) -> None:
    async with running(path) as journal:
        statements = await statements_of(journal)
        for seq in range(1, 4):
            await write(journal, seq)
            await journal.put_beside("a note", PUT, seq, "abc")
        await write(journal, 4)
        assert statements.count(DOWN) == statements.count(UP) == 3
        levels = levels_of(statements)
        assert [synced for table, synced in levels if table == "events"] == [True] * 4
        assert [synced for table, synced in levels if table == "outbox_deliveries"] == [False] * 3


@pytest.mark.parametrize("turns", range(12))
async def test_wherever_a_note_is_cut_off_the_events_behind_it_are_synced(
    path: Path, turns: int
) -> None:
    """The writer is cancelled in the middle of it, and writes out what is queued."""
    async with running(path) as journal:
        await write(journal, 1)
    again = await SqliteJournal.open(path, CountingClock())
    writer = asyncio.create_task(again.run())
    await asyncio.sleep(0)
    statements = await statements_of(again)
    note = asyncio.create_task(again.put_beside("a note", PUT, 1, "abc"))
    for _ in range(turns):
        await asyncio.sleep(0.0003)
    again.append(strategy_note(2))
    await ended(writer)
    await asyncio.gather(note, return_exceptions=True)
    await again.close()
    levels = levels_of(statements)
    assert ("events", True) in levels
    assert ("events", False) not in levels
    assert seqs(await read_back(path)) == [1, 2]


async def test_a_full_disk_takes_no_note_and_every_event_once_there_is_room(path: Path) -> None:
    async with running(path) as journal:
        await write(journal, 1)
        with (
            full_disk(path.with_name("journal.db-wal").stat().st_size),
            pytest.raises(NoteFailed, match=r"a note: SQLITE_(FULL|IOERR_WRITE)"),
        ):
            await journal.put_beside("a note", PUT, 1, "x" * 50_000)
        assert journal.failure is None
        await write(journal, 2)
        await journal.put_beside("a note", PUT, 2, "abc")
        # As a process finds it that comes after a kill: the log, not yet copied into the file.
        copy = path.with_name("copy.db")
        for name in ("", "-wal"):
            copy.with_name(copy.name + name).write_bytes(
                path.with_name(path.name + name).read_bytes()
            )
        assert shell(copy, "SELECT max(seq) FROM events") == [(2,)]
        assert shell(copy, "SELECT last_seq FROM outbox_deliveries") == [(2,)]
    assert seqs(await read_back(path)) == [1, 2]


async def test_a_lock_that_is_held_too_long_fails_the_note_alone(path: Path) -> None:
    async with running(path, IMPATIENT) as journal:
        await write(journal, 1)
        with (
            held_by_another_process(path, "BEGIN IMMEDIATE"),
            pytest.raises(NoteFailed, match="SQLITE_BUSY"),
        ):
            await journal.put_beside("a note", PUT, 1, "abc")
        await write(journal, 2)
        assert journal.failure is None


async def test_a_table_that_somebody_has_dropped_fails_the_note_alone(path: Path) -> None:
    async with running(path) as journal:
        with pytest.raises(NoteFailed, match="a note: SQLITE_ERROR: no such table"):
            await journal.put_beside("a note", "INSERT INTO elsewhere VALUES (1)")
        await write(journal, 1)
        assert journal.failure is None


async def test_a_journal_that_is_read_only_fails_with_its_next_event_and_not_before(
    path: Path,
) -> None:
    async with running(path) as journal:
        await write(journal, 1)
        await make_read_only(journal)
        with pytest.raises(NoteFailed, match="SQLITE_READONLY"):
            await journal.put_beside("a note", PUT, 1, "abc")
        assert journal.failure is None
        with pytest.raises(JournalFailed, match="SQLITE_READONLY"):
            await write(journal, 2)


@pytest.mark.parametrize(
    ("name", "is_the_files"),
    [
        ("SQLITE_CORRUPT", True), ("SQLITE_CORRUPT_INDEX", True), ("SQLITE_NOTADB", True),
        ("SQLITE_IOERR_FSYNC", True), ("SQLITE_IOERR_DIR_FSYNC", True), ("SQLITE_FULL", False),
        ("SQLITE_IOERR_WRITE", False), ("SQLITE_BUSY", False), ("SQLITE_ERROR", False),
    ],
)  # fmt: skip
def test_what_the_file_says_is_told_from_what_a_note_says(name: str, is_the_files: bool) -> None:
    error = sqlite3.OperationalError("a test")
    error.sqlite_errorname = name
    assert is_of_the_file(error) is is_the_files


def test_an_error_without_a_name_is_not_the_files() -> None:
    assert not is_of_the_file(sqlite3.ProgrammingError("closed"))


async def test_damage_of_the_file_ends_the_journal(path: Path) -> None:
    async with running(path) as journal:
        await write(journal, 1)
    ((page,),) = shell(path, "SELECT rootpage FROM sqlite_schema WHERE name = 'outbox_deliveries'")
    ((size,),) = shell(path, "PRAGMA page_size")
    again = await SqliteJournal.open(path, CountingClock())
    writer = asyncio.create_task(again.run())
    # The check at the start has left the page in memory.
    await again._db.execute_fetchall("PRAGMA shrink_memory")
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    with pytest.raises(JournalFailed, match="SQLITE_CORRUPT"):
        await again.put_beside("a note", PUT, 1, "abc")
    assert again.failure is not None
    await ended(writer)
    await again.close()


async def test_a_level_that_does_not_come_back_is_an_error(path: Path) -> None:
    """In a transaction SQLite does not change it; nobody is in one here, and it is asked for."""
    async with aiosqlite.connect(path, isolation_level=None) as db:
        notes = Notes(db)
        await db.execute("CREATE TABLE t (x)")
        await notes.put("BEGIN", ())
        with pytest.raises(sqlite3.OperationalError):
            await notes.settle()
        await db.execute("ROLLBACK")
        await notes.settle()
        cursor = await db.execute(ASKED)
        assert await cursor.fetchone() == (2,)
        await cursor.close()


async def test_a_note_that_is_cut_off_at_its_first_statement_is_settled_all_the_same(
    path: Path,
) -> None:
    """The statement runs on although nobody waits for it any more."""
    async with aiosqlite.connect(path, isolation_level=None) as db:
        notes = Notes(db)
        cut_off: asyncio.Task[Any] = asyncio.create_task(notes.put("SELECT 1", ()))
        await asyncio.sleep(0)
        await ended(cut_off)
        cursor = await db.execute(ASKED)
        assert await cursor.fetchone() == (1,)
        await cursor.close()
        await notes.settle()
        cursor = await db.execute(ASKED)
        assert await cursor.fetchone() == (2,)
        await cursor.close()
