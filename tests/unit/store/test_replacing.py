"""One journal in another one's place: nothing is removed, and never a file beside a strange log."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.unit.store.support import START, running
from tests.unit.store.test_upgrade import ROWS, old_journal, told
from trader.core import events as ev
from trader.core.ids import Lineage, OrderId, Seq
from trader.core.journal_events import JournalRestored
from trader.core.restoring import Past
from trader.store.replacing import aside_name, asides_of, fold_log, past_of, put_in_place
from trader.store.rows import JournalUnusable
from trader.store.schema import LATEST


def left_with_a_log(path: Path) -> None:
    """Leave a journal as a killed daemon does: its last word is in the log alone."""
    live = old_journal(path.with_name("live.db"), LATEST)
    with closing(sqlite3.connect(live, isolation_level=None)) as db:
        db.execute("PRAGMA wal_autocheckpoint = 0")
        db.execute("CREATE TABLE last_word (x)")
        for end in ("", "-wal"):
            shutil.copy(live.with_name(live.name + end), path.with_name(path.name + end))
    for end in ("", "-wal", "-shm"):
        live.with_name(live.name + end).unlink(missing_ok=True)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_the_log_is_folded_into_the_file_and_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    left_with_a_log(path)
    assert fold_log(path)
    assert names(tmp_path) == {"journal.db"}
    assert told(path, "SELECT name FROM sqlite_schema WHERE name = 'last_word'")


def test_what_is_no_journal_is_not_folded_and_keeps_its_log(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    assert not fold_log(path)
    path.write_bytes(b"not a database at all" * 100)
    (tmp_path / "journal.db-wal").write_bytes(b"a log")
    assert not fold_log(path)
    assert (tmp_path / "journal.db-wal").read_bytes() == b"a log"


def test_a_journal_in_use_is_not_folded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "journal.db"
    old_journal(path, LATEST)
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM events").fetchall()
        with closing(sqlite3.connect(path, isolation_level=None)) as writer:
            writer.execute("CREATE TABLE more (x)")
        real = sqlite3.connect
        monkeypatch.setattr(
            sqlite3, "connect", lambda *words, **more: real(*words, **{"timeout": 0.05} | more)
        )
        with pytest.raises(JournalUnusable, match="another process is reading or writing it"):
            fold_log(path)


def test_a_draft_whose_log_is_not_in_it_takes_nobodys_place(tmp_path: Path) -> None:
    path, draft = old_journal(tmp_path / "journal.db", LATEST), tmp_path / "draft.db"
    left_with_a_log(draft)
    with pytest.raises(JournalUnusable, match="its log was not folded into it"):
        put_in_place(draft, path, aside_name(path, START), is_folded=fold_log(path))
    assert asides_of(path) == ()


def test_what_was_there_keeps_its_bytes_under_another_name(tmp_path: Path) -> None:
    path, draft = old_journal(tmp_path / "journal.db", LATEST), tmp_path / "draft.db"
    is_folded = fold_log(path)
    before = path.read_bytes()
    draft.write_bytes(b"the new one")
    aside = aside_name(path, START)
    assert aside.name == "journal.db.replaced.20240305T143000.000000Z"
    put_in_place(draft, path, aside, is_folded=is_folded)
    assert path.read_bytes() == b"the new one"
    assert asides_of(path) == (aside,)
    assert aside.read_bytes() == before
    assert names(tmp_path) == {path.name, aside.name}


def test_the_second_name_of_a_try_that_was_cut_off_is_taken_away(tmp_path: Path) -> None:
    path, draft = old_journal(tmp_path / "journal.db", LATEST), tmp_path / "draft.db"
    is_folded = fold_log(path)
    earlier = aside_name(path, START)
    other = path.with_name("journal.db.replaced.20230101T000000.000000Z")
    os.link(path, earlier)
    other.write_bytes(b"of another restore")
    draft.write_bytes(b"the new one")
    aside = aside_name(path, START.replace(year=2025))
    put_in_place(draft, path, aside, is_folded=is_folded)
    assert asides_of(path) == (other, aside)
    assert told(aside, "SELECT count(*) FROM events") == [(ROWS,)]


async def test_a_journal_tells_what_it_has_used(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    again = JournalRestored(
        Lineage("new001"), (Lineage("old000"), Lineage("abc123")), OrderId(500), "", "", "", "", ""
    )
    async with running(path) as journal:
        events: tuple[ev.Event, ...] = (ev.JournalOpened(Lineage("abc123")), again)
        for seq, event in enumerate(events, start=1):
            journal.append(ev.Recorded(Seq(seq), START, event))
        await journal.durable(Seq(2))
    assert past_of(path) == Past(
        (Lineage("old000"), Lineage("abc123"), Lineage("new001")), OrderId(500)
    )
    assert past_of(old_journal(tmp_path / "other.db", LATEST)) == Past()
    (tmp_path / "none.db").write_bytes(b"nothing that can be read" * 50)
    assert past_of(tmp_path / "none.db") is None
