"""One daemon for one state directory, whatever became of the one before."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from trader.ops.instance_lock import (
    DAEMON,
    LIQUIDATOR,
    InstanceLock,
    LiquidatorHolds,
    LockTaken,
    alone_with,
    journal_lock,
    said_in,
)

ROOT = Path(__file__).resolve().parents[3]
HOLDER = """
import os, sys
from pathlib import Path
from trader.ops.instance_lock import InstanceLock
InstanceLock(Path(sys.argv[1])).take(os.getpid())
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_lock_is_refused_and_names_the_holder(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    first = InstanceLock(path)
    first.take(4711)
    with pytest.raises(LockTaken, match="held by another daemon, process 4711"):
        InstanceLock(path).take(4712)
    assert path.read_text() == "4711\n"
    first.release()


def test_a_liquidator_in_the_way_is_an_error_of_its_own(tmp_path: Path) -> None:
    first = InstanceLock(tmp_path / "lock")
    first.take(4711, LIQUIDATOR)
    with pytest.raises(LiquidatorHolds, match="held by a liquidator, process 4711"):
        InstanceLock(tmp_path / "lock").take(4712)
    first.release()


def test_a_released_lock_can_be_taken_again_and_names_the_new_holder(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    first, second = InstanceLock(path), InstanceLock(path)
    first.take(471100)
    first.release()
    second.take(7)
    assert path.read_text() == "7\n"
    second.release()
    second.release()  # twice is nothing


def test_a_lock_dies_with_its_process_even_under_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(LockTaken, match=f"process {holder.pid}"):
            InstanceLock(path).take(1)
        holder.kill()
    lock = InstanceLock(path)
    lock.take(2)
    lock.release()


def test_a_lock_where_no_file_can_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LockTaken, match="Not a directory"):
        InstanceLock(tmp_path / "file" / "lock").take(1)


def test_a_lock_file_is_private(tmp_path: Path) -> None:
    lock = InstanceLock(tmp_path / "lock")
    lock.take(1)
    assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o600
    lock.release()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"4711\n", (4711, DAEMON)),
        (b"4711 liquidator\n", (4711, LIQUIDATOR)),
        (b"", (0, DAEMON)),
        (b"\xff x", (0, "x")),
    ],
)
def test_the_file_says_who_and_as_what(content: bytes, said: tuple[int, str]) -> None:
    assert said_in(content) == said


def test_a_disk_that_takes_nothing_does_not_cost_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_fd: int, _content: bytes, _at: int) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("trader.ops.instance_lock.os.pwrite", full)
    lock = InstanceLock(tmp_path / "lock")
    lock.take(1)
    with pytest.raises(LockTaken):
        InstanceLock(tmp_path / "lock").take(2)
    lock.release()


def test_on_a_full_disk_it_is_still_said_whose_lock_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What was written once has its place; a file that was emptied gets none any more.
    path = tmp_path / "lock"
    path.write_text("4711234 liquidator\n")
    pwrite = os.pwrite

    def full(fd: int, content: bytes, at: int) -> int:
        if os.fstat(fd).st_size < at + len(content):
            raise OSError(28, "No space left on device")
        return pwrite(fd, content, at)

    monkeypatch.setattr("trader.ops.instance_lock.os.pwrite", full)
    lock = InstanceLock(path)
    lock.take(12)
    assert path.read_bytes() == b"12\n"
    lock.release()


def read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every file be on a disk that takes nothing any more."""
    opened = os.open

    def refused(path: Path, flags: int, mode: int = 0o777) -> int:
        if flags & (os.O_RDWR | os.O_WRONLY | os.O_CREAT):
            raise OSError(30, "Read-only file system")
        return opened(path, flags, mode)

    monkeypatch.setattr("trader.ops.instance_lock.os.open", refused)


def test_a_disk_that_is_read_only_does_not_cost_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lock"
    path.write_text("4711\n")
    read_only(monkeypatch)
    lock = InstanceLock(path)
    lock.take(12)
    with pytest.raises(LockTaken):
        InstanceLock(path).take(13)
    lock.release()
    with pytest.raises(LockTaken, match="No such file"):
        InstanceLock(tmp_path / "none").take(12)


def test_a_journal_has_one_lock_by_whatever_name_it_is_reached(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    (tmp_path / "state.db").symlink_to(tmp_path / "disk" / "journal.db")
    first = journal_lock(tmp_path / "disk" / "journal.db")
    assert first.path == tmp_path / "disk" / "journal.db.lock"
    first.take(4711)
    for name in ("link/journal.db", "state.db"):
        with pytest.raises(LockTaken, match="held by another daemon, process 4711"):
            journal_lock(tmp_path / name).take(4712)
    journal_lock(tmp_path / "disk" / "another.db").take(4712)
    first.release()


@pytest.mark.parametrize("held", ["lock", "journal.db.lock"])
def test_who_is_not_alone_with_both_holds_neither(tmp_path: Path, held: str) -> None:
    other = InstanceLock(tmp_path / held)
    other.take(4711)
    refused = pytest.raises(LockTaken, match=f"{held}: held by another daemon, process 4711")
    with refused, alone_with(tmp_path, tmp_path / "journal.db", 7):
        pytest.fail("it is not alone")
    other.release()
    with alone_with(tmp_path, tmp_path / "journal.db", 8):
        for name in ("lock", "journal.db.lock"):
            with pytest.raises(LockTaken, match=f"{name}: held by another daemon, process 8"):
                InstanceLock(tmp_path / name).take(9)
    with alone_with(tmp_path, tmp_path / "journal.db", 10):
        assert (tmp_path / "lock").read_text() == "10\n"


def test_the_locks_are_given_back_whatever_happens_between(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), alone_with(tmp_path, tmp_path / "journal.db", 7):
        raise ZeroDivisionError
    with alone_with(tmp_path, tmp_path / "journal.db", 8):
        pass
