"""The files hold every line whole, on the disk before anybody is told, whatever breaks."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from trader.core.ids import Seq
from trader.core.streams import Stream
from trader.ops.stream_files import FileLimits, StreamFiles, full_files, line_of
from trader.ports import SinkFailed, StreamEvent

LIMITS = FileLimits(rotate_bytes=65_536, kept_files=3)
REPORTS = Stream.EXEC_REPORTS


def event(seq: int, stream: Stream = REPORTS, payload: str = '{"order_id":41}') -> StreamEvent:
    at_us = 1_709_649_000_000_000 + seq
    return StreamEvent(f"abc123-{seq}", stream, Seq(seq), at_us, "OrderSent", 1, payload)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def seqs(path: Path) -> list[int]:
    return [row["seq"] for row in lines(path)]


async def test_each_stream_has_its_file_and_each_event_a_line(tmp_path: Path) -> None:
    files = StreamFiles(tmp_path / "outbox", LIMITS)
    await files.take((event(1), event(2, Stream.ORDER_INTENTS), event(3)))
    await files.take((event(4),))
    folder = tmp_path / "outbox"
    assert seqs(folder / "exec_reports.jsonl") == [1, 3, 4]
    assert lines(folder / "order_intents.jsonl") == [
        {
            "id": "abc123-2", "stream": "order_intents", "seq": 2,
            "at": "2024-03-05T14:30:00.000002Z", "kind": "OrderSent", "version": 1,
            "event": {"order_id": 41},
        }
    ]  # fmt: skip
    assert not (folder / "market_events.jsonl").exists()
    assert (folder / "exec_reports.jsonl").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_payload_of_several_lines_is_one_line() -> None:
    line = line_of(event(1, payload='{\n"a":\r\n"x\\ny"}'))
    assert line.count(b"\n") == 1
    assert json.loads(line)["event"] == {"a": "x\ny"}


@pytest.mark.parametrize("torn", ['{"id":"abc123-2","str', "x" * 200_000])
async def test_a_line_that_a_crash_cut_off_goes_before_the_next_comes(
    tmp_path: Path, torn: str
) -> None:
    files = StreamFiles(tmp_path, FileLimits(10**6, 3))
    await files.take((event(1),))
    with (tmp_path / "exec_reports.jsonl").open("a") as file:
        file.write(torn)
    await files.take((event(2),))
    assert seqs(tmp_path / "exec_reports.jsonl") == [1, 2]


async def test_a_file_of_nothing_but_a_torn_line_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "exec_reports.jsonl").write_text("{")
    await StreamFiles(tmp_path, LIMITS).take((event(1),))
    assert seqs(tmp_path / "exec_reports.jsonl") == [1]


async def test_a_full_file_gets_another_name_and_the_newest_are_kept(tmp_path: Path) -> None:
    files = StreamFiles(tmp_path, LIMITS)
    path = tmp_path / "exec_reports.jsonl"
    await files.take((event(0, Stream.ORDER_INTENTS),))
    for seq in range(1, 101):
        await files.take((event(seq, payload=json.dumps({"x": "y" * 5_000})),))
        assert path.stat().st_size <= LIMITS.rotate_bytes
    full = full_files(path)
    assert len(full) == LIMITS.kept_files
    assert [full[number].name for number in sorted(full)][
        -1
    ] == f"exec_reports-{max(full):06}.jsonl"
    kept = [seq for number in sorted(full) for seq in seqs(full[number])] + seqs(path)
    assert kept == list(range(kept[0], 101))
    assert len(kept) > 3 * LIMITS.rotate_bytes // 5_200
    assert seqs(tmp_path / "order_intents.jsonl") == [0]


async def test_none_is_kept_where_none_is_wanted(tmp_path: Path) -> None:
    files = StreamFiles(tmp_path, FileLimits(65_536, 0))
    for seq in range(1, 31):
        await files.take((event(seq, payload=json.dumps({"x": "y" * 5_000})),))
    assert os.listdir(tmp_path) == ["exec_reports.jsonl"]
    assert seqs(tmp_path / "exec_reports.jsonl")[-1] == 30


async def test_everything_is_synced_before_anybody_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cursor that moved over lines which a power cut takes would be a gap."""
    synced: list[str] = []
    fsync = os.fsync

    def noting(handle: int) -> None:
        synced.append(Path(os.readlink(f"/proc/self/fd/{handle}")).name)
        fsync(handle)

    monkeypatch.setattr(os, "fsync", noting)
    files = StreamFiles(tmp_path / "outbox", LIMITS)
    await files.take((event(1), event(2, Stream.MARKET_EVENTS)))
    # The folder too, where a name came into it.
    assert synced == ["market_events.jsonl", "outbox", "exec_reports.jsonl", "outbox"]
    await files.take((event(3),))
    assert synced[4:] == ["exec_reports.jsonl"]


async def test_a_disk_that_takes_a_part_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = StreamFiles(tmp_path, LIMITS)
    await files.take((event(1),))
    write, room = os.write, [30]

    def short(handle: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        count = write(handle, data[: room[0]])
        room[0] = 0
        return count

    monkeypatch.setattr(os, "write", short)
    with pytest.raises(SinkFailed, match="No space left"):
        await files.take((event(2),))
    monkeypatch.undo()
    assert seqs(tmp_path / "exec_reports.jsonl") == [1]
    await files.take((event(2), event(3)))
    assert seqs(tmp_path / "exec_reports.jsonl") == [1, 2, 3]


async def test_it_stands_still_before_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is left is the journal's."""
    room = SimpleNamespace(f_bavail=1, f_blocks=100)
    monkeypatch.setattr(os, "statvfs", lambda path: room)
    files = StreamFiles(tmp_path, LIMITS)
    with pytest.raises(SinkFailed, match="less than 2% of the disk is free"):
        await files.take((event(1),))
    assert os.listdir(tmp_path) == []
    room.f_bavail = 2
    await files.take((event(1),))
    assert seqs(tmp_path / "exec_reports.jsonl") == [1]


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("a file")
    with pytest.raises(SinkFailed, match="outbox"):
        await StreamFiles(tmp_path / "outbox", LIMITS).take((event(1),))


async def test_a_disk_that_hangs_gets_no_second_write_and_the_first_one_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given up by its caller, it is still at work: two at a time would mix their lines."""
    gate, began, fsync = threading.Event(), threading.Event(), os.fsync

    def hanging(handle: int) -> None:
        began.set()
        assert gate.wait(30)
        fsync(handle)

    monkeypatch.setattr(os, "fsync", hanging)
    files = StreamFiles(tmp_path, LIMITS)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await files.take((event(1),))
    assert began.is_set()
    with pytest.raises(SinkFailed, match="has not answered yet"):
        await files.take((event(1),))
    gate.set()
    assert files._writing is not None
    await files._writing
    await files.take((event(1), event(2)))
    assert seqs(tmp_path / "exec_reports.jsonl") == [1, 1, 2]
