"""Opening: what is not safe to promise on is refused with its reason, and left as it was.

Permission bits do not bind root, and tests may run as root; so a directory that takes no file is
taken from /proc, where nobody can create one.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.unit.store.support import START, read_back, running, shell, strategy_note
from trader.store import connection
from trader.store.connection import closed, fetched, opened
from trader.store.rows import JournalUnusable
from trader.store.schema import LATEST

PAGE = 4096
HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in sys.argv[2:]:
    connection.execute(statement).fetchone()
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def held_by_another_process(path: Path, *statements: str) -> Iterator[None]:
    """Let another process run these statements and hold what they lock."""
    command = [sys.executable, "-c", HOLDER, str(path), *statements]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        yield
        assert holder.stdin is not None
        holder.stdin.close()


def bytes_of(path: Path) -> bytes:
    return path.read_bytes()


def lessen(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] -= 1
    path.write_bytes(content)


def damage_name(path: Path, name: bytes) -> None:
    content = bytearray(path.read_bytes())
    content[content.index(name)] ^= 0x80
    path.write_bytes(content)


def damage(path: Path, page: int) -> None:
    """Spoil the start of a page; counted from the end, as with -1, it holds events."""
    content = bytearray(path.read_bytes())
    page %= len(content) // PAGE
    content[page * PAGE : page * PAGE + 200] = b"\xff" * 200
    path.write_bytes(content)


def copy(source: Path, target: Path) -> None:
    target.write_bytes(source.read_bytes())


async def refusal(path: Path) -> str:
    with pytest.raises(JournalUnusable) as caught:
        await opened(path, 50, START)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
async def journal_path(tmp_path: Path) -> Path:
    """Return a journal with a few events, closed in order."""
    path = tmp_path / "journal.db"
    async with running(path) as journal:
        for seq in range(1, 201):
            journal.append(strategy_note(seq, "x" * 100))
    return path


async def test_a_new_journal_is_for_its_owner_alone_and_so_is_its_log(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with running(path) as journal:
        journal.append(strategy_note(1))
        await journal.durable(strategy_note(1).seq)
        for name in ("journal.db", "journal.db-wal", "journal.db-shm"):
            assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600, name


async def test_every_open_sets_what_makes_a_commit_survive(journal_path: Path) -> None:
    db = await opened(journal_path, 1234, START)
    for name, wanted in (
        ("journal_mode", "wal"),
        ("synchronous", 2),
        ("wal_autocheckpoint", 0),
        ("busy_timeout", 1234),
        ("user_version", LATEST),
    ):
        assert await fetched(db, f"PRAGMA {name}") == [(wanted,)], name
    await db.close()


async def test_a_missing_state_directory_is_named_and_not_created(tmp_path: Path) -> None:
    path = tmp_path / "state" / "journal.db"
    assert "does not exist" in await refusal(path)
    assert not path.parent.exists()


async def test_a_directory_in_which_nobody_can_create_a_file_is_refused() -> None:
    reason = await refusal(Path("/proc/journal.db"))
    assert "cannot be created" in reason or "not writable" in reason


async def test_a_directory_in_place_of_the_journal_is_refused(tmp_path: Path) -> None:
    assert "not a file" in await refusal(tmp_path)


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"x" * 4096])
async def test_a_file_that_is_no_database_is_refused_and_kept(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(content)
    assert "SQLITE_NOTADB" in await refusal(path)
    assert path.read_bytes() == content


async def test_a_database_of_another_program_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    shell(path, "CREATE TABLE recipes (name TEXT)")
    before = path.read_bytes()
    assert "not a journal of this program" in await refusal(path)
    assert path.read_bytes() == before


async def test_a_journal_of_a_newer_program_is_refused_and_kept(journal_path: Path) -> None:
    shell(journal_path, f"PRAGMA user_version = {LATEST + 1}")
    before = bytes_of(journal_path)
    assert "written by a newer program" in await refusal(journal_path)
    assert bytes_of(journal_path) == before


@pytest.mark.parametrize("page", [1, 2, 3, -3, -2, -1])
async def test_a_damaged_page_is_found_at_open(journal_path: Path, page: int) -> None:
    damage(journal_path, page)
    reason = await refusal(journal_path)
    assert "damaged" in reason or "SQLITE_CORRUPT" in reason


async def test_a_file_that_was_cut_off_is_refused(journal_path: Path) -> None:
    os.truncate(journal_path, 5 * PAGE)
    reason = await refusal(journal_path)
    assert "damaged" in reason or "SQLITE_CORRUPT" in reason


async def test_a_journal_too_large_to_check_at_every_start_is_not_read_as_a_whole(
    journal_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "CHECKED_BYTES_MAX", 4096)
    damage(journal_path, -1)
    db = await opened(journal_path, 50, START)
    await db.close()
    with pytest.raises(JournalUnusable):
        await read_back(journal_path)


async def test_a_journal_that_another_process_locks_is_refused(journal_path: Path) -> None:
    with held_by_another_process(journal_path, "BEGIN IMMEDIATE"):
        assert "another process" in await refusal(journal_path)
    db = await opened(journal_path, 50, START)
    await db.close()


async def test_a_log_that_a_reader_pins_is_not_called_synced(journal_path: Path) -> None:
    read = ("BEGIN", "SELECT count(*) FROM events")
    write = "INSERT INTO events VALUES (201, 0, 'OrderSent', 1, '{\"order_id\":1}', x'00')"
    with held_by_another_process(journal_path, *read):
        shell(journal_path, write)
        assert "another process" in await refusal(journal_path)


async def test_a_reader_that_goes_away_again_keeps_nobody_down(journal_path: Path) -> None:
    """A start after a crash must not fail because somebody looks at the journal."""
    read = ("BEGIN", "SELECT count(*) FROM events")
    with (
        closing(sqlite3.connect(journal_path, isolation_level=None)) as writer,
        held_by_another_process(journal_path, *read),
    ):
        writer.execute("CREATE TABLE later (x)")
        task = asyncio.get_running_loop().create_task(opened(journal_path, 300, START))
        await asyncio.sleep(0.5)
        assert not task.done()
    db = await task
    await db.close()


async def test_a_journal_that_cannot_have_a_log_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    exclusive = "PRAGMA locking_mode = EXCLUSIVE"
    with held_by_another_process(path, exclusive, "CREATE TABLE t (x)"):
        assert "SQLITE_BUSY" in await refusal(path)


async def test_opening_folds_what_a_crash_left_in_the_log(
    journal_path: Path, tmp_path: Path
) -> None:
    async with running(journal_path) as journal:
        journal.append(strategy_note(201))
        await journal.durable(strategy_note(201).seq)
        crashed = tmp_path / "crashed.db"
        copy(journal_path, crashed)
        log = tmp_path / "crashed.db-wal"
        copy(journal_path.with_name("journal.db-wal"), log)
    assert log.stat().st_size > 0
    db = await opened(crashed, 50, START)
    assert log.stat().st_size == 0
    assert await fetched(db, "SELECT max(seq) FROM events") == [(201,)]
    await db.close()


async def test_a_wrong_list_of_free_pages_is_damage(journal_path: Path) -> None:
    """The next writer would write on pages in use; SQLite's check must not leave the list out."""
    shell(journal_path, "DELETE FROM checkpoint_parts")
    shell(journal_path, "DROP TRIGGER events_no_delete")
    shell(journal_path, "DELETE FROM events WHERE seq < 120")
    db = await opened(journal_path, 50, START)
    await db.close()
    lessen(journal_path, 39)
    assert "damaged: *** in database main *** Main freelist" in await refusal(journal_path)


async def test_a_name_that_is_no_text_any_more_is_a_refusal_and_no_crash(
    journal_path: Path,
) -> None:
    damage_name(journal_path, b"v_orders_planned")
    assert "not text" in await refusal(journal_path)


@pytest.mark.parametrize("names", [(), ("a_view", "b_view", "c_view"), ("v1", "v2", "v3", "v4")])
async def test_the_check_is_of_the_whole_file_whatever_the_views_are_called(
    journal_path: Path, names: tuple[str, ...]
) -> None:
    for name in names:
        shell(journal_path, f"CREATE VIEW {name} AS SELECT 1")
    await test_a_wrong_list_of_free_pages_is_damage(journal_path)


async def test_what_is_made_for_the_check_is_not_there_afterwards(journal_path: Path) -> None:
    names = shell(journal_path, "SELECT name FROM sqlite_schema ORDER BY name")
    before = bytes_of(journal_path)
    await (await opened(journal_path, 50, START)).close()
    assert shell(journal_path, "SELECT name FROM sqlite_schema ORDER BY name") == names
    assert bytes_of(journal_path) == before


async def test_a_log_that_cannot_be_written_anew_is_no_start(
    journal_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(log: Path) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(connection, "renew", broken)
    with pytest.raises(JournalUnusable, match=r"journal\.db-wal: cannot be written anew: Input"):
        await opened(journal_path, 5_000, START)


async def test_every_open_writes_the_log_anew_before_it_copies_it(
    journal_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Path] = []
    monkeypatch.setattr(connection, "renew", seen.append)
    db = await opened(journal_path, 5_000, START)
    await closed(db, has_failed=False)
    assert seen == [journal_path.with_name("journal.db-wal")]


@pytest.mark.parametrize("failures", [0, 3, 1_000])
async def test_what_has_failed_is_closed_once_its_log_was_written_anew(
    journal_path: Path, monkeypatch: pytest.MonkeyPatch, failures: int
) -> None:
    db = await opened(journal_path, 5_000, START)
    seen: list[Path] = []

    def failing(log: Path) -> None:
        seen.append(log)
        if len(seen) <= failures:
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(connection, "renew", failing)
    await closed(db, has_failed=True)
    assert set(seen) == {journal_path.with_name("journal.db-wal")}
    assert len(seen) == min(failures + 1, 10)
    with pytest.raises(ValueError, match="Connection closed"):
        await fetched(db, "SELECT 1")
