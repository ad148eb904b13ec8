"""The migration by hand: copy and upgrade as at a start, and a look that changes nothing."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.unit.config.support import write_files
from tests.unit.store.test_upgrade import old_journal, told
from trader import cli
from trader.ops.instance_lock import InstanceLock, journal_lock
from trader.store.schema import LATEST
from trader.store.upgrade import copies_of


@pytest.fixture(autouse=True)
def _without_the_shells_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    return write_files(tmp_path)


def test_a_dry_run_says_what_would_be_done_and_does_nothing(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = old_journal(config.parent / "state" / "journal.db", 2)
    before = journal.read_bytes()
    assert cli.main(["migrate", "--config", str(config), "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert f"version 2 would become version {LATEST}" in shown
    assert "nothing was changed" in shown
    assert journal.read_bytes() == before
    assert copies_of(journal) == ()
    assert not (config.parent / "state" / "lock").exists()


def test_it_copies_upgrades_and_then_has_nothing_to_do(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = old_journal(config.parent / "state" / "journal.db", 1)
    assert cli.main(["migrate", "--config", str(config)]) == 0
    (copy,) = copies_of(journal)
    shown = capsys.readouterr().out
    assert f"version 1 is now version {LATEST}" in shown
    assert str(copy) in shown
    assert told(copy, "PRAGMA user_version") == [(1,)]
    assert told(journal, "PRAGMA user_version") == [(LATEST,)]
    assert cli.main(["migrate", "--config", str(config)]) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert copies_of(journal) == (copy,)


def test_under_a_daemon_nothing_is_upgraded(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = old_journal(config.parent / "state" / "journal.db", 1)
    for lock in (InstanceLock(config.parent / "state" / "lock"), journal_lock(journal)):
        lock.take(os.getpid())
        try:
            assert cli.main(["migrate", "--config", str(config)]) == 1
        finally:
            lock.release()
        assert f"{lock.path}: held by another daemon" in capsys.readouterr().err
    assert told(journal, "PRAGMA user_version") == [(1,)]


@pytest.mark.parametrize("words", [[], ["--dry-run"]])
def test_what_cannot_be_upgraded_is_one_line_and_stays(
    config: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    journal = config.parent / "state" / "journal.db"
    command = ["migrate", "--config", str(config), *words]
    assert cli.main(command) == 1
    assert "there is no journal" in capsys.readouterr().err
    assert not journal.exists()
    old_journal(journal)
    with closing(sqlite3.connect(journal, isolation_level=None)) as db:
        db.execute(f"PRAGMA user_version = {LATEST + 1}")
    assert cli.main(command) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("trader: not migrated: ")
    assert "newer program" in line
    assert told(journal, "PRAGMA user_version") == [(LATEST + 1,)]
