"""Files of the record: whole after a kill, read to where they are cut, and no trouble to others."""

from __future__ import annotations

import asyncio
import gzip
import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trader.ops import recording_files
from trader.ops.recording_files import NoRecording, RecordingFiles, Tail, lines_of, parts_of
from trader.ports import SinkFailed

NOW = datetime(2026, 3, 2, 23, 59, 59, tzinfo=UTC)
NEXT = datetime(2026, 3, 3, 0, 0, 1, tzinfo=UTC)


def zcat(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes())


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def read(path: Path) -> tuple[list[str], dict[str, int]]:
    tail = Tail({})
    return list(lines_of(path, tail)), tail.cut


async def test_writes_are_members_of_one_file_that_zcat_reads(tmp_path: Path) -> None:
    files = RecordingFiles(tmp_path / "market")
    assert files.place == ""
    await files.write(NOW, b"a\nb\n", is_first=True)
    await files.write(NOW, b"c\n", is_first=False)
    path = tmp_path / "market" / "2026-03-02-001.jsonl.gz"
    assert files.place == str(path)
    assert zcat(path) == b"a\nb\nc\n"
    assert read(path) == (["a", "b", "c"], {})
    assert files.byte_count == path.stat().st_size
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_another_day_a_full_part_and_another_process_begin_a_part(tmp_path: Path) -> None:
    files = RecordingFiles(tmp_path, part_bytes=60)
    await files.write(NOW, b"a\n", is_first=True)
    assert not files.is_full(NOW)
    assert files.is_full(NEXT)
    await files.write(NOW, os.urandom(60).hex().encode() + b"\n", is_first=False)
    assert files.is_full(NOW)
    await files.write(NOW, b"b\n", is_first=True)
    await RecordingFiles(tmp_path).write(NOW, b"c\n", is_first=True)
    await files.write(NEXT, b"d\n", is_first=True)
    names = [f"2026-03-02-00{number}.jsonl.gz" for number in (1, 2, 3)]
    assert [path.name for path in parts_of(tmp_path, "2026-03-02")] == names
    assert [read(path)[0] for path in parts_of(tmp_path, "2026-03-03")] == [["d"]]


@settings(max_examples=200)
@given(cut=st.integers(0, 400))
def test_wherever_a_kill_cuts_the_file_all_before_the_last_member_is_read_and_the_rest_told(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    path = tmp_path_factory.mktemp("cut") / "2026-03-02-001.jsonl.gz"
    members = [recording_files._member(f"m{number}\n".encode() * 9) for number in range(8)]
    whole = b"".join(members)
    path.write_bytes(whole[:cut])
    lines, told = read(path)
    ends = [sum(map(len, members[:count])) for count in range(len(members) + 1)]
    full = max(count for count, end in enumerate(ends) if end <= min(cut, len(whole)))
    assert lines[: full * 9] == [f"m{number}" for number in range(full) for _ in range(9)]
    # What a cut member still gives is whole lines of it, and no more than it had.
    assert set(lines[full * 9 :]) <= {f"m{full}"}
    assert told == ({} if min(cut, len(whole)) in ends else {path.name: cut - ends[full]})


def test_what_is_damaged_in_the_middle_is_refused_and_not_read_past(tmp_path: Path) -> None:
    path = tmp_path / "2026-03-02-001.jsonl.gz"
    members = [recording_files._member(f"m{number}\n".encode() * 50) for number in range(3)]
    data = bytearray(b"".join(members))
    data[len(members[0]) + len(members[1]) // 2] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(NoRecording, match=r"not readable behind byte \d+"):
        read(path)


async def test_an_unwritable_folder_is_named_and_mended_it_goes_on(tmp_path: Path) -> None:
    blocked = tmp_path / "market"
    blocked.write_text("a file where the folder should be")
    files = RecordingFiles(blocked)
    with pytest.raises(SinkFailed, match="market"):
        await files.write(NOW, b"a\n", is_first=True)
    blocked.unlink()
    await files.write(NOW, b"b\n", is_first=True)
    assert read(parts_of(blocked, "2026-03-02")[0]) == (["b"], {})


async def test_a_disk_that_is_nearly_full_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording_files, "_FREE_SHARE_MIN", 1.1)
    with pytest.raises(SinkFailed, match="of the disk is free"):
        await RecordingFiles(tmp_path).write(NOW, b"a\n", is_first=True)
    assert listing(tmp_path) == []


async def test_a_write_that_breaks_off_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = RecordingFiles(tmp_path)
    await files.write(NOW, b"a\n", is_first=True)
    real = os.write
    calls: list[int] = []

    def half(handle: int, data: bytes) -> int:
        calls.append(handle)
        if len(calls) > 1:
            raise OSError(28, "No space left on device")
        return real(handle, bytes(data)[:5])

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(SinkFailed, match="No space left"):
        await files.write(NOW, b"b\n", is_first=False)
    monkeypatch.undo()
    assert read(Path(files.place)) == (["a"], {})
    await files.write(NOW, b"c\n", is_first=True)
    assert [read(path) for path in parts_of(tmp_path, "2026-03-02")] == [(["a"], {}), (["c"], {})]


async def test_a_disk_that_hangs_gets_no_second_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[str] = loop.create_future()
    monkeypatch.setattr(loop, "run_in_executor", lambda *_: answer)
    files = RecordingFiles(tmp_path)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await files.write(NOW, b"a\n", is_first=True)
    with pytest.raises(SinkFailed, match="has not answered yet"):
        await files.write(NOW, b"b\n", is_first=True)
    answer.set_result("")


async def test_what_is_not_recorded_is_said_with_the_days_that_are(tmp_path: Path) -> None:
    with pytest.raises(NoRecording, match=r"is not recorded in .*; there is none|is not recorded"):
        parts_of(tmp_path / "none", "2026-03-02")
    await RecordingFiles(tmp_path).write(NOW, b"a\n", is_first=True)
    with pytest.raises(NoRecording, match="there are 2026-03-02"):
        parts_of(tmp_path, "2026-03-01")
    with pytest.raises(NoRecording, match=r"no day .* and no file"):
        parts_of(tmp_path, "yesterday")
    path = tmp_path / "2026-03-02-001.jsonl.gz"
    assert parts_of(Path("elsewhere"), str(path)) == (path,)
