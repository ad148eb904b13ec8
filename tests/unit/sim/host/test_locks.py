"""A lock keeps every other program from writing, ends by itself, and needs a declared file."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.unit.sim.host.test_server import until
from trader.sim.host import locks
from trader.sim.host.locks import Locks
from trader.sim.script.inputs import InputError


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "a journal.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE rows (id INTEGER)")
    return path


def can_write(path: Path) -> bool:
    with closing(sqlite3.connect(path, timeout=0)) as db:
        try:
            with db:
                db.execute("INSERT INTO rows VALUES (1)")
        except sqlite3.OperationalError:
            return False
    return True


@contextmanager
def holding(path: Path) -> Iterator[Locks]:
    found = Locks({"journal": path}, asyncio.get_running_loop())
    try:
        yield found
    finally:
        found.close()


async def test_nobody_writes_while_it_is_locked_and_everybody_reads(journal: Path) -> None:
    with holding(journal) as found:
        assert can_write(journal)
        assert found.lock(None, 60) == {"file": "journal", "locked": True}
        assert found.held() == ["journal"]
        assert not can_write(journal)
        with closing(sqlite3.connect(journal)) as db:
            assert db.execute("SELECT count(*) FROM rows").fetchone() == (1,)
        assert found.unlock("journal") == {"file": "journal", "locked": False}
        assert can_write(journal)
        found.unlock("journal")


async def test_it_ends_by_itself_and_a_second_one_moves_the_end(journal: Path) -> None:
    with holding(journal) as found:
        found.lock("journal", 0.01)
        found.lock("journal", 0.15)
        await asyncio.sleep(0.05)
        assert not can_write(journal)
        await until(lambda: not found.held())
        assert can_write(journal)


async def test_it_is_let_go_when_the_simulator_ends(journal: Path) -> None:
    with holding(journal) as found:
        found.lock(None, 60)
    assert can_write(journal)


@pytest.mark.parametrize(
    ("name", "words"), [("other", "journal"), ("/etc/passwd", "journal"), ("", "journal")]
)
async def test_a_file_that_is_not_declared_is_refused(journal: Path, name: str, words: str) -> None:
    with holding(journal) as found, pytest.raises(InputError, match=words):
        found.lock(name, 1)


async def test_without_declared_files_the_option_is_named() -> None:
    with pytest.raises(InputError, match="--lockable NAME=PATH"):
        Locks({}, asyncio.get_running_loop()).lock(None, 1)


def text(path: Path) -> None:
    path.write_text("no database, and long enough to be read as one" * 100)


@pytest.mark.parametrize("make", [lambda path: None, text], ids=["missing", "text"])
async def test_what_is_no_database_is_refused_and_not_made(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    path = tmp_path / "journal.db"
    make(path)
    before = path.exists()
    with holding(path) as found, pytest.raises(InputError, match="a SQLite file that can be"):
        found.lock(None, 1)
    assert path.exists() == before


async def test_a_file_that_another_holds_is_refused(
    journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "BUSY_S_MAX", 0.05)
    with closing(sqlite3.connect(journal, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with holding(journal) as found, pytest.raises(InputError, match="locked"):
            found.lock(None, 1)
        other.execute("ROLLBACK")
