"""Only full files of ours go, a few at a time; killed in the middle, the next look goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from trader.core.retention import Term
from trader.ops import retention
from trader.ops.json_lines import append_turning, full_files
from trader.ops.retention import REMOVED_MAX, RUN_NAMES, Place, Swept, full_names, sweep

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
OLD = timedelta(days=500)


def put(path: Path, age: timedelta = OLD, text: str = "{}\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    at_s = (NOW - age).timestamp()
    os.utime(path, (at_s, at_s))
    return path


def pages(folder: Path, days: int = 400) -> Place:
    return Place("pages", folder, full_names("pages"), Term(days, 1_000))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_names_that_are_not_full_files_of_the_class_are_left_alone(tmp_path: Path) -> None:
    others = [
        "pages.jsonl", "chain-000001.jsonl", "operators-000001.jsonl", "pages-1.jsonl",
        "pages-000001.jsonl.bak", "my-pages-000001.jsonl", "journal.db", "breakers.1.jsonl",
    ]  # fmt: skip
    for name in [*others, "pages-000001.jsonl", "pages-000002.jsonl"]:
        put(tmp_path / name)
    (tmp_path / "pages-000000.jsonl").symlink_to(tmp_path / "journal.db")
    assert sweep(pages(tmp_path), NOW, None) == Swept(1, 0, "")
    assert names(tmp_path) == sorted([*others, "pages-000000.jsonl", "pages-000002.jsonl"])


def test_numbers_count_on_behind_what_has_gone(tmp_path: Path) -> None:
    for number in range(1, 4):
        put(tmp_path / f"pages-{number:06}.jsonl")
    put(tmp_path / "pages.jsonl", text="x" * 10)
    sweep(pages(tmp_path), NOW, None)
    append_turning(tmp_path / "pages.jsonl", {"a": 1}, bytes_max=5)
    assert sorted(full_files(tmp_path / "pages.jsonl")) == [3, 4]


def test_runs_go_by_the_moment_in_their_names(tmp_path: Path) -> None:
    for stamp in ("20261114T110000Z-1", "20261115T130000Z-2", "20261122T110000Z-3", "notes"):
        put(tmp_path / stamp / "run.json", timedelta(0))
    # What a kill has left of a removal.
    (tmp_path / "20261113T110000Z-0").mkdir()
    assert sweep(Place("runs", tmp_path, RUN_NAMES, Term(7, 100)), NOW, None) == Swept(2, 0, "")
    assert names(tmp_path) == ["20261115T130000Z-2", "20261122T110000Z-3", "notes"]


def test_a_stream_is_kept_for_whoever_has_not_come_so_far(tmp_path: Path) -> None:
    form = full_names("exec_reports")
    place = Place("streams", tmp_path, form, Term(7, 1_000, holds_events=True))
    for number, text in enumerate(
        ['{"seq":5}\n{"seq":90}\n', '{"seq":200}\n{"se', "no line", '{"seq":400}\n'], start=1
    ):
        put(tmp_path / f"exec_reports-{number:06}.jsonl", text=text)
    assert sweep(place, NOW, 89).removed_count == 0
    assert sweep(place, NOW, 250).removed_count == 2
    assert names(tmp_path) == ["exec_reports-000003.jsonl", "exec_reports-000004.jsonl"]


def test_a_look_removes_no_more_than_a_few(tmp_path: Path) -> None:
    for number in range(1, REMOVED_MAX + 32):
        put(tmp_path / f"pages-{number:06}.jsonl")
    assert sweep(pages(tmp_path), NOW, None) == Swept(REMOVED_MAX, 30, "")
    assert sweep(pages(tmp_path), NOW, None) == Swept(30, 0, "")


def test_a_place_that_is_not_there_is_no_problem(tmp_path: Path) -> None:
    assert sweep(pages(tmp_path / "none"), NOW, None) == Swept()


def test_what_cannot_be_removed_is_said_and_the_others_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 4):
        put(tmp_path / f"pages-{number:06}.jsonl")
    remove = retention._remove

    def refusing(path: Path) -> None:
        if path.name == "pages-000001.jsonl":
            raise PermissionError(1, "Operation not permitted")
        remove(path)

    monkeypatch.setattr(retention, "_remove", refusing)
    swept = sweep(pages(tmp_path), NOW, None)
    assert (swept.removed_count, swept.due_count) == (1, 1)
    assert "pages-000001.jsonl: Operation not permitted" in swept.problem


@pytest.mark.parametrize("dies_at", [0, 1, 3])
def test_killed_in_the_middle_the_next_look_goes_on(tmp_path: Path, dies_at: int) -> None:
    for day in range(1, 8):
        put(tmp_path / f"2026010{day}T110000Z-{day}" / "run.json")
    child = f"""
import os, signal
from datetime import datetime, timezone
from pathlib import Path
from trader.core.retention import Term
from trader.ops import retention
count = 0
remove = os.rmdir
def dying(*given, **more):
    global count
    count += 1
    if count > {dies_at}:
        os.kill(os.getpid(), signal.SIGKILL)
    remove(*given, **more)
os.rmdir = dying
place = retention.Place("runs", Path({str(tmp_path)!r}), retention.RUN_NAMES, Term(7, 100))
retention.sweep(place, datetime(2026, 11, 22, tzinfo=timezone.utc), None)
"""
    died = subprocess.run([sys.executable, "-c", child], check=False)
    assert died.returncode == -signal.SIGKILL
    assert len(names(tmp_path)) == 7 - dies_at
    assert sweep(Place("runs", tmp_path, RUN_NAMES, Term(7, 100)), NOW, None).problem == ""
    assert names(tmp_path) == ["20260107T110000Z-7"]
    assert (tmp_path / "20260107T110000Z-7" / "run.json").exists()
