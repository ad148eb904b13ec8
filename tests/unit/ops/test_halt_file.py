"""The kill switch as the daemon reads it."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from tests.unit.ops.support import NOW, FakeClock
from trader.engine.acts.desk import HaltControl
from trader.ops import halt_file
from trader.ops.halt_file import (
    HaltFile,
    HaltFileControl,
    HaltFileFailed,
    write_halt,
    write_resume,
)
from trader.ports import KillSwitch


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "HALT"


def test_a_release_releases_and_a_halt_halts(path: Path) -> None:
    switch: KillSwitch = HaltFile(path)
    write_resume(path, "checked", "ops", NOW)
    assert not switch.reading().is_active
    write_halt(path, "enough", "ops", NOW)
    reading = switch.reading()
    assert reading.is_active
    assert "enough" in reading.reason
    write_resume(path, "checked", "ops", NOW)
    assert not switch.reading().is_active


def test_a_missing_file_halts_again_after_a_release(path: Path) -> None:
    switch = HaltFile(path)
    write_resume(path, "checked", "ops", NOW)
    assert not switch.reading().is_active
    path.unlink()
    assert "missing" in switch.reading().reason
    assert switch.reading().is_active


def test_a_directory_a_pipe_and_a_loop_of_links_halt(path: Path) -> None:
    path.mkdir()
    assert "not a regular file" in HaltFile(path).reading().reason
    path.rmdir()
    os.mkfifo(path)
    assert "not a regular file" in HaltFile(path).reading().reason
    path.unlink()
    path.symlink_to(path)
    reading = HaltFile(path).reading()
    assert reading.is_active
    assert "cannot be read" in reading.reason


def test_a_file_that_cannot_be_opened_halts(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_resume(path, "checked", "ops", NOW)

    def denied(_path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(halt_file, "read_bounded", denied)
    reading = HaltFile(path).reading()
    assert reading.is_active
    assert "Permission denied" in reading.reason


def test_an_unchanged_file_costs_one_stat(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_resume(path, "checked", "ops", NOW)
    switch = HaltFile(path)
    first = switch.reading()
    stats = 0
    real = os.stat

    def counted(target: Path) -> os.stat_result:
        nonlocal stats
        stats += 1
        return real(target)

    def never(_path: Path) -> bytes:
        raise AssertionError("read again")

    monkeypatch.setattr(os, "stat", counted)
    monkeypatch.setattr(halt_file, "read_bounded", never)
    assert switch.reading() is first
    assert stats == 1


def test_an_edit_in_place_is_seen(path: Path) -> None:
    write_resume(path, "checked", "ops", NOW)
    switch = HaltFile(path)
    assert not switch.reading().is_active
    with path.open("a") as file:
        file.write("x")
    assert switch.reading().is_active


def test_a_reader_never_sees_half_a_file(path: Path) -> None:
    """Goal: no torn read. A thread replaces halts by halts, of all lengths; we always see one."""
    write_halt(path, "start", "ops", NOW)
    stop = threading.Event()

    def write() -> None:
        length = 0
        while not stop.is_set():
            length = (length + 97) % 1900
            write_halt(path, "w" * length, "ops", NOW)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        switch = HaltFile(path)
        # However slow the disk is: read until the writer has had many turns.
        reasons: set[str] = set()
        for _ in range(2_000_000):
            reasons.add(switch.reading().reason)
            if len(reasons) >= 20:
                break
    finally:
        stop.set()
        writer.join()
    assert len(reasons) > 1, "the writer never got a turn"
    assert all(reason.startswith("halted by ops at 2025-03-14T") for reason in reasons)


def test_a_halt_right_after_a_release_is_never_missed(path: Path) -> None:
    """Both records have one length and may share an inode and a clock tick of the file system."""
    switch = HaltFile(path)
    for _ in range(200):
        write_resume(path, "aa", "ops", NOW)
        assert not switch.reading().is_active
        write_halt(path, "aaa", "ops", NOW)
        assert switch.reading().is_active


def test_the_daemon_halts_and_releases_by_the_same_file(path: Path) -> None:
    switch, control = HaltFile(path), HaltFileControl(path, FakeClock())
    hand: HaltControl = control
    hand.release("checked", "ops", switch.reading().reason)
    assert not switch.reading().is_active
    hand.release("checked again", "ops", "")
    assert not switch.reading().is_active
    hand.engage("enough", "ops")
    assert switch.reading().is_active


@pytest.mark.parametrize("is_halted_before", [True, False])
def test_a_kill_switch_pressed_while_the_disk_takes_the_release_stands(
    path: Path, monkeypatch: pytest.MonkeyPatch, is_halted_before: bool
) -> None:
    """It was replaced by the release that had been decided before it."""
    if is_halted_before:
        write_halt(path, "first", "ops", NOW)
    else:
        write_resume(path, "released", "ops", NOW)
    before = HaltFile(path).reading()
    sync, pressed = os.fsync, False

    def slow(fd: int) -> None:
        nonlocal pressed
        sync(fd)
        if not pressed:
            pressed = True
            # Another process: its draft has another name.
            monkeypatch.setattr(os, "getpid", lambda: 1)
            write_halt(path, "pressed now", "me", NOW)

    monkeypatch.setattr(os, "fsync", slow)
    with pytest.raises(HaltFileFailed, match="pressed now"):
        HaltFileControl(path, FakeClock()).release(
            "checked", "ops", before.reason if before.is_active else ""
        )
    assert "pressed now" in HaltFile(path).reading().reason
    assert HaltFile(path).reading().is_active
    assert os.listdir(path.parent) == ["HALT"]


def test_a_file_that_cannot_be_replaced_is_a_world_error(path: Path) -> None:
    control = HaltFileControl(path / "missing" / "HALT", FakeClock())
    with pytest.raises(HaltFileFailed, match="No such file"):
        control.release("checked", "ops", "")
    with pytest.raises(HaltFileFailed, match="No such file"):
        control.engage("enough", "ops")
