"""Who looks at a journal sees one moment of it, changes nothing, and is told what is wrong."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.unit.store.support import running, strategy_note
from trader.store.connection import fetched
from trader.store.onlooker import beside_the_writer, describe, one_moment, read_only
from trader.store.rows import JournalUnusable


def test_an_error_is_described_in_one_line() -> None:
    assert describe(sqlite3.OperationalError("disk\n  full")) == "OperationalError: disk full"


async def test_what_is_written_meanwhile_is_not_seen_and_nothing_can_be_changed(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.db"
    async with running(path) as journal:
        journal.append(strategy_note(1))
        await journal.durable(strategy_note(1).seq)
        with one_moment(path) as db:
            assert db.execute("SELECT count(*) FROM events").fetchall() == [(1,)]
            journal.append(strategy_note(2))
            await journal.durable(strategy_note(2).seq)
            assert db.execute("SELECT count(*) FROM events").fetchall() == [(1,)]
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            read_only(path).execute("DELETE FROM checkpoints")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "there is no journal"),
        (b"", "not a journal of this program"),
        (b"x" * 5000, "SQLITE_NOTADB"),
    ],
)
def test_what_is_no_journal_is_refused_by_name(
    tmp_path: Path, content: bytes | None, problem: str
) -> None:
    path = tmp_path / "journal.db"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(JournalUnusable, match=problem), one_moment(path):
        pass


async def test_beside_the_writer_text_comes_as_bytes_and_nothing_can_be_changed(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.db"
    async with running(path) as journal:
        journal.append(strategy_note(1))
        await journal.durable(strategy_note(1).seq)
        async with beside_the_writer(path) as db:
            assert await fetched(db, "SELECT kind FROM events") == [(b"StrategyCheckpointed",)]
            # Each statement sees its own moment.
            journal.append(strategy_note(2))
            await journal.durable(strategy_note(2).seq)
            assert await fetched(db, "SELECT count(*) FROM events") == [(2,)]
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                await fetched(db, "CREATE TABLE other (x)")
