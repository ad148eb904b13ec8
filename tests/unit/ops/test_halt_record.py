"""What a halt file says, and that it is replaced in one step."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.ops.support import NOW
from trader.ops import halt_record
from trader.ops.halt_record import read_bounded, verdict, write_halt, write_resume

RELEASE = {
    "active": False,
    "reason": "r",
    "activatedAt": "2025-03-14T14:30:05Z",
    "activatedBy": "b",
}


def test_a_halt_carries_the_names_operators_know(tmp_path: Path) -> None:
    path = tmp_path / "HALT"
    write_halt(path, "manual", "ops", NOW)
    assert json.loads(path.read_text()) == {
        "active": True,
        "reason": "manual",
        "activatedAt": "2025-03-14T14:30:05.000Z",
        "activatedBy": "ops",
    }
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["HALT"]


def test_only_a_complete_release_releases(tmp_path: Path) -> None:
    path = tmp_path / "HALT"
    write_resume(path, "checked", "ops", NOW)
    is_active, reason = verdict(path.read_bytes())
    assert not is_active
    assert "released by ops" in reason


@pytest.mark.parametrize("missing", ["active", "reason", "activatedAt", "activatedBy"])
def test_a_release_without_one_of_its_fields_halts(missing: str) -> None:
    record = {key: value for key, value in RELEASE.items() if key != missing}
    is_active, reason = verdict(json.dumps(record).encode())
    assert is_active
    assert f'"{missing}"' in reason


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"0", "not a JSON object"),
        (b"[]", "not a JSON object"),
        (b"active: false", "not a JSON record"),
        (b"\xff\xfe", "not a JSON record"),
        (b"[" * 60_000, "not a JSON record"),
        (b'{"active": "false"}', "not true or false"),
        (b'{"active": 0}', "not true or false"),
        (b'{"active": null}', "not true or false"),
        (b'{"active": true, "active": false}', "stands twice"),
        (json.dumps(RELEASE).encode()[:-1], "not a JSON record"),
        (b" " * 70_000 + json.dumps(RELEASE).encode(), "larger than"),
    ],
)
def test_everything_else_halts_and_says_why(content: bytes, said: str) -> None:
    is_active, reason = verdict(content)
    assert is_active
    assert said in reason


@given(st.binary(max_size=200))
def test_no_accidental_bytes_release(content: bytes) -> None:
    assert verdict(content)[0]


@given(st.integers(min_value=0))
def test_no_prefix_of_a_release_releases(cut: int) -> None:
    content = json.dumps(RELEASE).encode()
    assert verdict(content[: cut % len(content)])[0]


def test_a_replacement_always_shows_a_later_change(tmp_path: Path) -> None:
    path = tmp_path / "HALT"
    times = []
    for _ in range(50):
        write_halt(path, "x", "y", NOW)
        times.append(path.stat().st_mtime_ns)
    assert times == sorted(set(times))


def test_even_a_clock_that_stood_still_or_was_set_back_shows_a_later_change(
    tmp_path: Path,
) -> None:
    path = tmp_path / "HALT"
    write_resume(path, "x", "y", NOW)
    ahead_ns = path.stat().st_mtime_ns + 3_600_000_000_000
    os.utime(path, ns=(ahead_ns, ahead_ns))
    write_halt(path, "x", "y", NOW)
    assert path.stat().st_mtime_ns > ahead_ns


def test_a_failed_replacement_leaves_the_old_file_and_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "HALT"
    write_halt(path, "first", "ops", NOW)
    before = path.read_bytes()

    def no_space(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(OSError, match="No space"):
        write_resume(path, "second", "ops", NOW)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["HALT"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_what_root_writes_belongs_to_the_owner_of_the_directory(tmp_path: Path) -> None:
    os.chown(tmp_path, 1234, 2345)
    write_halt(tmp_path / "HALT", "x", "y", NOW)
    written = (tmp_path / "HALT").stat()
    assert (written.st_uid, written.st_gid) == (1234, 2345)


def test_a_pipe_in_its_place_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "HALT")
    with pytest.raises(OSError, match="not a regular file"):
        read_bounded(tmp_path / "HALT")


def test_reading_stops_just_past_the_limit(tmp_path: Path) -> None:
    (tmp_path / "HALT").write_bytes(b"x" * 1_000_000)
    assert len(read_bounded(tmp_path / "HALT")) == halt_record.HALT_FILE_BYTES_MAX + 1


def test_the_module_needs_the_standard_library_alone() -> None:
    root = Path(__file__).resolve().parents[3]
    script = "import trader.ops.halt_record, sys; assert 'structlog' not in sys.modules"
    subprocess.run([sys.executable, "-S", "-E", "-c", script], cwd=root, check=True)


def test_on_a_full_disk_the_release_that_stands_there_is_emptied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "HALT"
    write_resume(path, "checked", "ops", NOW)

    def full(_fd: int, _data: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    write_halt(path, "x", "y", NOW)
    assert path.read_bytes() == b""
    assert verdict(path.read_bytes()) == (True, "the halt file is empty")
    with pytest.raises(OSError, match="No space"):
        write_resume(path, "not released", "ops", NOW)
    assert verdict(path.read_bytes())[0]
    assert [entry.name for entry in tmp_path.iterdir()] == ["HALT"]


def test_a_reason_that_holds_no_characters_is_told_all_the_same() -> None:
    record = {"active": True, "reason": "Gap \udcfcber", "activatedBy": "ann", "activatedAt": "now"}
    is_active, reason = verdict(json.dumps(record).encode())
    assert (is_active, reason) == (True, "halted by ann at now: Gap \\udcfcber")
    assert reason.encode()
