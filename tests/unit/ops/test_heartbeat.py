"""A beat says which process, which boot and how far, and a full disk does not silence it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from trader.ops.heartbeat import (
    Heartbeat,
    Phase,
    boot_id,
    process_of,
    read_beat,
)

ME = os.getpid()


def test_each_beat_is_the_next_of_the_same_life(tmp_path: Path) -> None:
    path = tmp_path / "heartbeat"
    heart = Heartbeat(path, ME)
    heart.beat(Phase.STARTING)
    first = read_beat(path)
    heart.beat()
    second = read_beat(path)
    assert first is not None
    assert second is not None
    assert (first.phase, second.phase) == (Phase.STARTING, Phase.RUNNING)
    assert (first.number, second.number) == (1, 2)
    assert first.life == second.life == (boot_id(), ME, second.start_ticks)
    assert second.boottime_s >= first.boottime_s > 0
    assert path.stat().st_mode & 0o077 == 0
    heart.close()


def test_the_end_keeps_its_exit_code(tmp_path: Path) -> None:
    path = tmp_path / "heartbeat"
    heart = Heartbeat(path, ME)
    heart.beat(Phase.ENDED, 3)
    heart.close()
    found = read_beat(path)
    assert found is not None
    assert (found.phase, found.exit_code) == (Phase.ENDED, 3)


def test_it_is_written_in_place_and_takes_no_more_space(tmp_path: Path) -> None:
    path = tmp_path / "heartbeat"
    heart = Heartbeat(path, ME)
    heart.beat()
    before = path.stat()
    for _ in range(50):
        heart.beat()
    after = path.stat()
    assert (before.st_ino, before.st_size) == (after.st_ino, after.st_size)
    heart.close()


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'"x"', b'{"pid": 1}', b"\xff\xfe", b'{"pid": "x", "exit_code": null}'],
)
def test_what_is_not_a_beat_is_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "heartbeat"
    path.write_bytes(content)
    assert read_beat(path) is None


def test_a_missing_file_is_no_beat(tmp_path: Path) -> None:
    assert read_beat(tmp_path / "heartbeat") is None


def test_a_disk_that_refuses_is_told_once_and_stops_nothing(tmp_path: Path) -> None:
    heart = Heartbeat(tmp_path / "missing" / "heartbeat", ME)
    with capture_logs() as logs:
        heart.beat()
        heart.beat()
    assert [row["event"] for row in logs] == ["no heartbeat"]


def test_a_process_is_known_by_its_start_and_none_is_none() -> None:
    own = process_of(ME)
    assert own is not None
    assert own.state in ("R", "S", "D")
    assert own.start_ticks > 0
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    assert process_of(done.pid) is None
