"""A backup is one moment of the journal, whole and on the disk, or no file with its name."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.unit.store.support import START, running, strategy_note, tampered
from tests.unit.store.test_upgrade import ROWS, old_journal, told
from trader.core.ids import Seq
from trader.store import backup, upgrade
from trader.store.backup import back_up, backup_name
from trader.store.rows import JournalUnusable
from trader.store.schema import LATEST


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


async def test_it_is_a_moment_of_a_journal_that_is_being_written(tmp_path: Path) -> None:
    path, copy = tmp_path / "journal.db", tmp_path / "copy.db"
    async with running(path) as journal:
        for seq in range(1, 51):
            journal.append(strategy_note(seq))
        await journal.durable(Seq(50))
        verdict = back_up(path, copy)
        assert (verdict.last_seq, verdict.digest) == (50, journal.head.digest)
        journal.append(strategy_note(51))
        await journal.durable(Seq(51))
    rows = "SELECT seq, digest FROM events ORDER BY seq"
    assert told(copy, rows) == told(path, rows)[:50]
    assert copy.stat().st_mode & 0o777 == 0o600
    # One file, whole in itself.
    assert {name for name in files(tmp_path) if name.startswith("copy")} == {"copy.db"}


def test_what_a_killed_daemon_left_in_the_log_is_in_the_backup(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    old_journal(tmp_path / "live.db", LATEST)
    with closing(sqlite3.connect(tmp_path / "live.db", isolation_level=None)) as db:
        db.execute("PRAGMA wal_autocheckpoint = 0")
        db.execute("DELETE FROM checkpoints")
        db.execute(f"PRAGMA user_version = {LATEST}")
        for end in ("", "-wal"):
            source = tmp_path / f"live.db{end}"
            (tmp_path / f"journal.db{end}").write_bytes(source.read_bytes())
        assert back_up(path, tmp_path / "copy.db").event_count == ROWS


def test_a_journal_that_is_not_as_it_was_written_has_no_backup(tmp_path: Path) -> None:
    path = old_journal(tmp_path / "journal.db", LATEST)
    tampered(path, "UPDATE events SET at_us = at_us + 1 WHERE seq = 7")
    with pytest.raises(JournalUnusable, match="not as it was written: altered: event 7 is not"):
        back_up(path, tmp_path / "copy.db")
    with pytest.raises(JournalUnusable, match="its events have no digests yet"):
        back_up(old_journal(tmp_path / "older.db"), tmp_path / "copy.db")
    assert not {name for name in files(tmp_path) if name.startswith("copy")}


def test_a_file_that_appears_meanwhile_is_not_replaced_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, copy = old_journal(tmp_path / "journal.db", LATEST), tmp_path / "copy.db"
    real = upgrade.synced

    def meanwhile(file: Path) -> None:
        copy.write_text("another's")
        real(file)

    monkeypatch.setattr(backup, "synced", meanwhile)
    with pytest.raises(JournalUnusable, match="is there already"):
        back_up(path, copy)
    assert copy.read_text() == "another's"
    assert not (tmp_path / "copy.db.copying").exists()


def test_a_link_that_leads_nowhere_is_a_file_that_is_there(tmp_path: Path) -> None:
    path = old_journal(tmp_path / "journal.db", LATEST)
    (tmp_path / "copy.db").symlink_to(tmp_path / "elsewhere.db")
    with pytest.raises(JournalUnusable, match="is there already"):
        back_up(path, tmp_path / "copy.db")
    assert not (tmp_path / "elsewhere.db").exists()


_CHILD = (
    "import sys\n"
    "from pathlib import Path\n"
    "from trader.store.backup import back_up\n"
    "from trader.store.rows import JournalUnusable\n"
    "print('ready', flush=True)\n"
    "try:\n    back_up(Path(sys.argv[1]), Path(sys.argv[2]))\n"
    "except JournalUnusable as error:\n    print(error)\n    sys.exit(3)\n"
)


def test_a_disk_without_room_leaves_no_backup(tmp_path: Path) -> None:
    path = old_journal(tmp_path / "journal.db", LATEST, text="x" * 5000)
    size = path.stat().st_size // 2

    def bounded() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    words = [sys.executable, "-c", _CHILD, str(path), str(tmp_path / "copy.db")]
    done = subprocess.run(words, preexec_fn=bounded, capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    assert not {name for name in files(tmp_path) if name.startswith("copy")}


@pytest.mark.parametrize("after_s", [0.0, 0.005, 0.02, 0.05, 0.1])
def test_killed_while_it_copies_it_leaves_no_backup_or_a_whole_one(
    tmp_path: Path, after_s: float
) -> None:
    path, copy = old_journal(tmp_path / "journal.db", LATEST, text="x" * 5000), tmp_path / "copy.db"
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(path), str(copy)], stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    child.stdout.readline()
    time.sleep(after_s)
    with suppress(ProcessLookupError):
        os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert not copy.exists() or backup.whole(copy).event_count == ROWS
    # What was cut off is in nobody's way.
    copy.unlink(missing_ok=True)
    assert back_up(path, copy).event_count == ROWS
    assert not (tmp_path / "copy.db.copying").exists()


def test_a_backup_that_nobody_named_has_its_time_in_its_name() -> None:
    name = backup_name(Path("state/journal.db"), START)
    assert name == Path("state/journal.db.backup.20240305T143000Z")


@pytest.mark.parametrize("end", ["-wal", "-shm", "-journal"])
def test_what_sqlite_reads_beside_the_journal_is_no_name_for_a_backup(
    tmp_path: Path, end: str
) -> None:
    path = old_journal(tmp_path / "journal.db", LATEST)
    before = files(tmp_path)
    with pytest.raises(JournalUnusable, match="is the journal's own"):
        back_up(path, tmp_path / f"journal.db{end}")
    assert files(tmp_path) == before


def test_a_journal_that_is_called_like_a_draft_is_not_removed(tmp_path: Path) -> None:
    path = old_journal(tmp_path / "copy.db.copying", LATEST)
    with pytest.raises(JournalUnusable, match="is the journal's own"):
        back_up(path, tmp_path / "copy.db")
    assert told(path, "SELECT count(*) FROM events") == [(ROWS,)]
