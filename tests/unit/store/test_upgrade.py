"""The copy before an upgrade: the same as the journal and on the disk, or the journal stays."""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.unit.store.support import START, CountingClock, strategy_note
from trader.store.chain import GENESIS, chained
from trader.store.journal import SqliteJournal
from trader.store.rows import JournalUnusable, row_of
from trader.store.schema import CHAINED, LATEST, MIGRATIONS
from trader.store.upgrade import copies_of, make_copy, standing, verify

ROWS = 300


def old_journal(path: Path, version: int = 1, text: str = "x" * 100) -> Path:
    """Write a journal as the program of that version left it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        for number, statements in MIGRATIONS[:version]:
            for statement in (*statements, f"PRAGMA user_version = {number}"):
                db.execute(statement)
        rows = [row_of(strategy_note(seq, text)) for seq in range(1, ROWS + 1)]
        db.execute("BEGIN")
        if version < CHAINED:
            db.executemany("INSERT INTO events VALUES (?,?,?,?,?)", rows)
        else:
            digest = GENESIS
            for row in rows:
                whole = chained(digest, row)
                digest = whole[-1]
                db.execute("INSERT INTO events VALUES (?,?,?,?,?,?)", whole)
        db.execute("COMMIT")
    return path


def told(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
        return db.execute(sql).fetchall()


async def upgraded(path: Path) -> None:
    journal = await SqliteJournal.open(path, CountingClock())
    await journal.close()


@pytest.mark.parametrize("version", range(1, LATEST))
async def test_an_upgrade_leaves_a_verified_copy_of_what_was_there(
    tmp_path: Path, version: int
) -> None:
    path = old_journal(tmp_path / "journal.db", version)
    await upgraded(path)
    assert told(path, "PRAGMA user_version") == [(LATEST,)]
    (copy,) = copies_of(path)
    assert copy.name == f"journal.db.v{version}.{START:%Y%m%dT%H%M%SZ}"
    assert told(copy, "PRAGMA user_version") == [(version,)]
    rows = "SELECT seq, at_us, kind, version, payload FROM events ORDER BY seq"
    assert told(copy, rows) == told(path, rows)
    assert len(told(copy, rows)) == ROWS
    assert copy.stat().st_mode & 0o777 == 0o600
    # Whole in itself, and nothing half done beside it.
    beside = [name for name in os.listdir(tmp_path) if name.startswith("journal.db.")]
    assert beside == [copy.name]


async def test_a_journal_that_is_new_or_current_is_not_copied(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    await upgraded(path)
    await upgraded(path)
    assert copies_of(path) == ()
    assert standing(path).is_current


def test_the_two_newest_copies_are_kept_and_always_the_one_just_made(tmp_path: Path) -> None:
    path = old_journal(tmp_path / "journal.db")
    stranger = tmp_path / "journal.db.v1.mine"
    stranger.write_text("a person's own")
    made = [make_copy(path, 1, START + timedelta(days=day)) for day in (5, 6, 7)]
    assert copies_of(path) == (made[2], made[1])
    # A clock that was set back does not cost the copy that was asked for.
    early = make_copy(path, 1, START)
    assert copies_of(path) == (made[2], early)
    assert stranger.exists()


async def test_without_a_copy_there_is_no_upgrade(tmp_path: Path) -> None:
    path = old_journal(tmp_path / "journal.db")
    in_the_way = tmp_path / "journal.db.copying"
    in_the_way.mkdir()
    (in_the_way / "file").write_text("")
    with pytest.raises(JournalUnusable, match="not upgraded from version 1, because no copy"):
        await upgraded(path)
    assert told(path, "PRAGMA user_version") == [(1,)]
    assert len(told(path, "SELECT seq FROM events")) == ROWS
    (in_the_way / "file").unlink()
    in_the_way.rmdir()
    await upgraded(path)
    assert told(path, "PRAGMA user_version") == [(LATEST,)]


def test_a_disk_without_room_for_the_copy_leaves_the_journal_as_it_was(tmp_path: Path) -> None:
    path = old_journal(tmp_path / "journal.db", text="x" * 5000)
    before = path.read_bytes()
    size = len(before) // 2
    code = (
        "import sys, asyncio\n"
        "from pathlib import Path\n"
        "from tests.unit.store.test_upgrade import upgraded\n"
        "from trader.store.rows import JournalUnusable\n"
        "try:\n    asyncio.run(upgraded(Path(sys.argv[1])))\n"
        "except JournalUnusable as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=Path(__file__).resolve().parents[3],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
    )
    assert "no copy of it could be made: SQLITE_" in done.stdout, done
    assert path.read_bytes() == before
    assert copies_of(path) == ()
    assert not (tmp_path / "journal.db.copying").exists()


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM events WHERE seq = 7",
        "UPDATE events SET payload = replace(payload, 'x', 'y') WHERE seq = 7",
        "UPDATE events SET at_us = at_us + 1 WHERE seq = 7",
        "INSERT INTO checkpoints VALUES (1, 1, 1, 1)",
        "PRAGMA user_version = 2",
        "DROP VIEW v_executions",
    ],
)
def test_a_copy_that_is_not_the_same_is_none(tmp_path: Path, change: str) -> None:
    path = old_journal(tmp_path / "journal.db")
    copy = make_copy(path, 1, START)
    verify(path, copy)
    with closing(sqlite3.connect(copy, isolation_level=None)) as db:
        db.execute(change)
    with pytest.raises(JournalUnusable, match="differs from the journal"):
        verify(path, copy)


def test_a_damaged_copy_is_none(tmp_path: Path) -> None:
    path = old_journal(tmp_path / "journal.db")
    copy = make_copy(path, 1, START)
    content = bytearray(copy.read_bytes())
    content[-4096:-3896] = b"\xff" * 200
    copy.write_bytes(content)
    with pytest.raises((JournalUnusable, sqlite3.DatabaseError), match=r"damaged|malformed"):
        verify(path, copy)


def test_a_look_tells_what_an_upgrade_would_do_and_changes_nothing(tmp_path: Path) -> None:
    path = old_journal(tmp_path / "journal.db", 2)
    before = path.read_bytes()
    seen = standing(path)
    assert (seen.version, seen.latest, seen.is_current) == (2, LATEST, False)
    assert seen.statement_count > 2
    assert seen.size_bytes == len(before)
    assert path.read_bytes() == before
    assert copies_of(path) == ()


def test_a_look_refuses_what_is_no_journal_or_newer(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with pytest.raises(JournalUnusable, match="there is no journal"):
        standing(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE other (x)")
    with pytest.raises(JournalUnusable, match="not a journal of this program"):
        standing(path)
    os.unlink(path)
    old_journal(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(f"PRAGMA user_version = {LATEST + 1}")
    with pytest.raises(JournalUnusable, match="written by a newer program"):
        standing(path)
    path.write_bytes(b"nothing of the kind" * 500)
    with pytest.raises(JournalUnusable, match="SQLITE_NOTADB"):
        standing(path)


def test_the_copy_carries_the_time_in_utc(tmp_path: Path) -> None:
    path = old_journal(tmp_path / "journal.db")
    local = datetime.fromisoformat("2026-11-21T18:15:00+02:00")
    assert make_copy(path, 1, local).name == "journal.db.v1.20261121T161500Z"


@pytest.mark.parametrize("version", range(1, CHAINED))
async def test_a_wrong_list_of_free_pages_is_not_written_on(tmp_path: Path, version: int) -> None:
    """An upgrade writes on free pages; SQLite's own check of an old journal leaves the list out."""
    path = old_journal(tmp_path / "journal.db", version)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("INSERT INTO checkpoint_parts VALUES (1, 0, ?)", ("y" * 100_000,))
        db.execute("DELETE FROM checkpoint_parts")
    content = bytearray(path.read_bytes())
    trunk = (int.from_bytes(content[32:36], "big") - 1) * 4096
    content[trunk + 8 : trunk + 12] = (2).to_bytes(4, "big")  # page 2 holds a table
    path.write_bytes(content)
    with pytest.raises(JournalUnusable, match="damaged"):
        await upgraded(path)
    assert path.read_bytes()[4096:] == bytes(content[4096:])
    assert copies_of(path) == ()
