"""A line is added whole, and the size tells when a file is to be turned over."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trader.ops.json_lines import append_line, append_turning, full_files, turn_over


def test_lines_are_added_and_the_folder_is_made(tmp_path: Path) -> None:
    path = tmp_path / "results" / "log.jsonl"
    rows: list[dict[str, object]] = [{"text": 'two\nlines "quoted" é'}, {"count": 2}]
    sizes = [append_line(path, row) for row in rows]
    lines = path.read_text().splitlines()
    assert [json.loads(line) for line in lines] == rows
    assert sizes == [len(lines[0]) + 1, path.stat().st_size]


def test_a_disk_that_does_not_take_it_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="file"):
        append_line(tmp_path / "file" / "log.jsonl", {})


def test_a_line_that_a_crash_cut_off_does_not_take_the_next_one_with_it(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    append_line(path, {"number": 1})
    path.write_bytes(path.read_bytes() + b'{"number": 2, "te')
    append_line(path, {"number": 3})
    append_line(path, {"number": 4})
    assert path.read_text().splitlines() == [
        '{"number": 1}', '{"number": 2, "te', '{"number": 3}', '{"number": 4}',
    ]  # fmt: skip


def test_a_full_file_is_put_away_and_every_line_is_in_one_file(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    for number in range(100):
        append_turning(path, {"number": number}, bytes_max=200)
    full = full_files(path)
    assert sorted(full) == list(range(1, len(full) + 1))
    assert len(full) > 5
    files = [*(full[number] for number in sorted(full)), path]
    assert all(file.stat().st_size < 250 for file in files)
    lines = [line for file in files for line in file.read_text().splitlines()]
    assert [json.loads(line)["number"] for line in lines] == list(range(100))


def test_a_number_is_given_once_and_other_files_are_none_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    for name in ("log-000007.jsonl", "log-1.jsonl", "other-000009.jsonl", "log-000009.jsonl.gz"):
        (tmp_path / name).write_text("{}\n")
    append_line(path, {"number": 1})
    turn_over(path, 1)
    assert {number: file.name for number, file in full_files(path).items()} == {
        7: "log-000007.jsonl",
        8: "log-000008.jsonl",
    }
    turn_over(path, 1)
    assert len(full_files(path)) == 2, "there was nothing to put away"


def test_a_file_that_cannot_be_put_away_goes_on_growing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, target: Path) -> Path:
        raise PermissionError("no new names")

    path = tmp_path / "log.jsonl"
    monkeypatch.setattr(Path, "rename", refuse)
    for number in range(3):
        append_turning(path, {"number": number}, bytes_max=1)
    assert len(path.read_text().splitlines()) == 3
