"""Who holds the lock is proven by the kernel, killed for good, and never guessed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.unit.ops.test_instance_lock import read_only
from trader.ops import fence
from trader.ops.fence import (
    FenceFailed,
    Holder,
    LiquidatorAtWork,
    Patience,
    holder_of,
    take_over,
)
from trader.ops.instance_lock import DAEMON, LIQUIDATOR, InstanceLock

ROOT = Path(__file__).resolve().parents[3]
HOLDER = """
import os, sys
from pathlib import Path
from trader.ops.instance_lock import InstanceLock
InstanceLock(Path(sys.argv[1])).take(os.getpid(), sys.argv[2])
print("held", flush=True)
sys.stdin.read()
"""
ME = os.getpid()


@contextmanager
def holder(path: Path, role: str = DAEMON) -> Iterator[subprocess.Popen[str]]:
    """Run a process that holds the lock."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path), role],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def patience(said: list[str] | None = None, liquidator_s: float = 0.3) -> Patience:
    lines = [] if said is None else said
    return Patience(time.monotonic, time.sleep, lines.append, liquidator_s)


@pytest.mark.parametrize("is_stopped", [False, True], ids=["running", "stopped"])
def test_a_daemon_is_killed_and_its_lock_taken(tmp_path: Path, is_stopped: bool) -> None:
    path = tmp_path / "lock"
    said: list[str] = []
    with holder(path) as daemon:
        if is_stopped:
            os.kill(daemon.pid, signal.SIGSTOP)
        lock, killed = take_over(path, ME, patience(said))
        assert killed == daemon.pid
        assert daemon.wait(5) == -signal.SIGKILL
    assert path.read_text() == f"{ME} liquidator\n"
    assert said == [f"Fenced: the daemon, process {daemon.pid}, was killed."]
    lock.release()


def test_without_a_holder_nobody_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    # The number of a process that lives and holds nothing: this very one.
    path.write_text(f"{ME}\n")
    lock, killed = take_over(path, ME, patience())
    assert killed is None
    lock.release()


def test_another_liquidator_is_waited_for_and_never_killed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    said: list[str] = []
    with holder(path, LIQUIDATOR) as other:
        assert holder_of(path) == Holder(other.pid, LIQUIDATOR)
        with pytest.raises(LiquidatorAtWork, match=f"process {other.pid}"):
            take_over(path, ME, patience(said))
        assert other.poll() is None
        assert len(said) == 1
        assert other.stdin is not None
        other.stdin.close()
        lock, killed = take_over(path, ME, patience(liquidator_s=5))
        assert killed is None
        lock.release()


def test_a_number_that_another_process_has_now_is_never_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lock"
    monkeypatch.setattr(fence, "_KILL_S", 0.2)
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        with holder(path) as daemon:
            # As after a reuse: the file names somebody who does not hold the lock.
            path.write_text(f"{bystander.pid}\n")
            assert holder_of(path) is None
            with pytest.raises(FenceFailed, match="nothing is killed on a guess"):
                take_over(path, ME, patience())
            assert daemon.poll() is None
        assert bystander.poll() is None
        assert not fence._kill(bystander.pid, partial(fence._holds, bystander.pid, path)), (
            "a bystander was killed"
        )
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_lock_of_another_file_proves_nothing(tmp_path: Path) -> None:
    with holder(tmp_path / "elsewhere") as daemon:
        path = tmp_path / "lock"
        path.write_text(f"{daemon.pid}\n")
        assert holder_of(path) is None
        lock, killed = take_over(path, ME, patience())
        assert (killed, daemon.poll()) == (None, None)
        lock.release()


def test_a_process_that_has_ended_is_no_holder(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    path.write_text(f"{ended.pid}\n")
    assert not fence._kill(ended.pid, partial(fence._holds, ended.pid, path))


def test_a_state_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FenceFailed, match="No such file"):
        take_over(tmp_path / "missing" / "lock", ME, patience())


def test_the_daemon_is_told_that_a_liquidator_is_at_work(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with (
        holder(path, LIQUIDATOR) as other,
        pytest.raises(Exception, match=f"held by a liquidator, process {other.pid}"),
    ):
        InstanceLock(path).take(ME)


def test_a_daemon_is_not_ended_for_nothing_on_a_disk_that_became_read_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lock"
    with holder(path) as daemon:
        read_only(monkeypatch)
        lock, killed = take_over(path, ME, patience())
        assert killed == daemon.pid
        lock.release()


def test_a_daemon_whose_lock_file_was_removed_is_ended_all_the_same(tmp_path: Path) -> None:
    # Somebody took it for a stale one; beside the daemon there would be a second sender.
    path = tmp_path / "lock"
    said: list[str] = []
    with holder(path) as daemon:
        path.unlink()
        lock, killed = take_over(path, ME, patience(said))
        assert (killed, daemon.wait(5)) == (daemon.pid, -signal.SIGKILL)
        assert "whose lock file was removed" in said[-1]
        lock.release()


def test_a_liquidator_whose_lock_file_was_removed_is_left_to_its_work(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with holder(path, LIQUIDATOR) as other:
        path.unlink()
        with pytest.raises(LiquidatorAtWork):
            take_over(path, ME, patience())
        assert other.poll() is None
    lock, killed = take_over(path, ME, patience())
    assert killed is None
    lock.release()


def test_a_lock_on_another_removed_file_is_nobodys_business(tmp_path: Path) -> None:
    with holder(tmp_path / "other") as other:
        (tmp_path / "other").unlink()
        lock, killed = take_over(tmp_path / "lock", ME, patience())
        assert (killed, other.poll()) == (None, None)
        lock.release()
