"""A line is added whole, and the size tells when a file is to be turned over."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trader.ops.json_lines import append_line


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
