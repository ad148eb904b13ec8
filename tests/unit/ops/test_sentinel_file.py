"""What a sentinel wrote is read back whole, and only a living process counts as one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from trader.ops.heartbeat import Heartbeat, boot_id, read_beat
from trader.ops.sentinel_file import (
    SENTINEL_BEAT_FILE_NAME,
    SENTINEL_FILE_NAME,
    SentinelRecord,
    is_alive,
    read_record,
    sign_of,
    write_record,
)

RECORD = SentinelRecord("done", "dead", "gone", 12.5, "open: x", "all of it", "now", "b/1/2/3")


def test_a_record_comes_back(tmp_path: Path) -> None:
    path = tmp_path / SENTINEL_FILE_NAME
    write_record(path, RECORD)
    assert read_record(path) == RECORD


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"state": "done"}', b"\xff"])
def test_what_is_no_record_is_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / SENTINEL_FILE_NAME
    path.write_bytes(content)
    assert read_record(path) is None
    assert read_record(tmp_path / "missing") is None


def test_each_beat_is_a_sign_of_its_own(tmp_path: Path) -> None:
    heart = Heartbeat(tmp_path / "heartbeat", os.getpid())
    signs = []
    for _ in range(2):
        heart.beat()
        signs.append(sign_of(read_beat(tmp_path / "heartbeat")))
    heart.close()
    assert len(set(signs)) == 2
    assert sign_of(None) == ""


def test_it_lives_as_long_as_its_process_and_in_this_boot(tmp_path: Path) -> None:
    assert not is_alive(tmp_path, boot_id())
    heart = Heartbeat(tmp_path / SENTINEL_BEAT_FILE_NAME, os.getpid())
    heart.beat()
    assert is_alive(tmp_path, boot_id())
    assert not is_alive(tmp_path, "another boot")
    heart.close()
    # A process number that does not exist.
    heart = Heartbeat(tmp_path / SENTINEL_BEAT_FILE_NAME, 2**22 + 1)
    heart.beat()
    heart.close()
    assert not is_alive(tmp_path, boot_id())
