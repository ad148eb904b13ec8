"""The log as it is, written again: the same bytes, synced, and nobody's where there is none."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from trader.store.log_renewal import renew


@pytest.mark.parametrize("size", [0, 1, 4_096, (1 << 20) - 1, 1 << 20, (1 << 20) + 7, 3 << 20])
def test_every_byte_is_written_again_and_none_is_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    log = tmp_path / "journal.db-wal"
    content = os.urandom(size)
    log.write_bytes(content)
    written: list[tuple[int, int]] = []
    pwrite, synced = os.pwrite, []

    def noted(fd: int, chunk: bytes, offset: int) -> int:
        # Half of it at a time: a write may take less than it was given.
        count = pwrite(fd, chunk[: max(1, len(chunk) // 2)], offset)
        written.append((offset, count))
        return count

    monkeypatch.setattr(os, "pwrite", noted)
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(len(written)))
    renew(log)
    assert log.read_bytes() == content
    assert sum(count for _, count in written) == size
    assert [offset for offset, _ in written] == [
        sum(count for _, count in written[:number]) for number in range(len(written))
    ]
    assert synced == [len(written)], "once, and behind the last write"


def test_where_there_is_no_log_none_is_made(tmp_path: Path) -> None:
    renew(tmp_path / "journal.db-wal")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_is_said_and_leaves_no_file_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "journal.db-wal"
    log.write_bytes(b"something")
    opened = len(os.listdir("/proc/self/fd"))

    def broken(fd: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="Input/output error"):
        renew(log)
    assert len(os.listdir("/proc/self/fd")) == opened


def test_a_log_that_is_in_use_is_read_as_before(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA journal_mode = wal")
        db.execute("CREATE TABLE rows (x)")
        db.execute("INSERT INTO rows VALUES (1)")
        db.commit()
        renew(Path(f"{path}-wal"))
        db.execute("INSERT INTO rows VALUES (2)")
        db.commit()
        assert db.execute("SELECT x FROM rows").fetchall() == [(1,), (2,)]
    db.close()
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("SELECT x FROM rows").fetchall() == [(1,), (2,)]
    db.close()
