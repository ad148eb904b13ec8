"""Who was told what, and how often."""

from __future__ import annotations

import json
import os
from pathlib import Path

from structlog.testing import capture_logs

from tests.unit.ops.support import FakeClock
from trader.ops.json_lines import BYTES_MAX
from trader.ops.pager import DEDUP_WINDOW_S, LogPager


def test_a_page_is_a_critical_line_and_a_line_in_the_audit_file(tmp_path: Path) -> None:
    path = tmp_path / "audit_logs" / "pages.jsonl"
    pager = LogPager(FakeClock(), path)
    with capture_logs() as lines:
        pager.page("critical", "halted", "halt file: enough")
    assert [(line["log_level"], line["title"]) for line in lines] == [("critical", "halted")]
    assert pager.counts == {"warning": 0, "critical": 1}
    assert json.loads(path.read_text()) == {
        "at_utc": "2025-03-14T14:30:05.000Z",
        "severity": "critical",
        "title": "halted",
        "text": "halt file: enough",
        "repeats": 0,
    }


def test_the_same_title_is_counted_for_a_minute_and_then_paged_again(tmp_path: Path) -> None:
    path = tmp_path / "pages.jsonl"
    clock = FakeClock()
    pager = LogPager(clock, path)
    for _ in range(5):
        pager.page("warning", "link down", "again")
    pager.page("warning", "another", "its own")
    clock.now_s += DEDUP_WINDOW_S
    pager.page("warning", "link down", "still")
    pages = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(page["title"], page["repeats"]) for page in pages] == [
        ("link down", 0),
        ("another", 0),
        ("link down", 4),
    ]


def test_a_flood_of_titles_does_not_grow_without_end(tmp_path: Path) -> None:
    pager = LogPager(FakeClock(), tmp_path / "pages.jsonl")
    for number in range(400):
        pager.page("warning", f"title {number}", "")
    assert len(pager._told) == 256


def test_a_full_disk_does_not_stop_the_page(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    pager = LogPager(FakeClock(), tmp_path / "file" / "pages.jsonl")
    with capture_logs() as lines:
        pager.page("critical", "halted", "text")
    assert [line["event"] for line in lines] == ["page", "the page is not in the audit file"]


def test_the_daemon_alone_puts_a_full_file_away(tmp_path: Path) -> None:
    path = tmp_path / "pages.jsonl"
    path.touch()
    os.truncate(path, BYTES_MAX)
    LogPager(FakeClock(), path).page("warning", "of the sentinel", "")
    assert os.listdir(tmp_path) == ["pages.jsonl"]
    LogPager(FakeClock(), path, may_turn_over=True).page("warning", "of the daemon", "")
    assert sorted(os.listdir(tmp_path)) == ["pages-000001.jsonl", "pages.jsonl"]
    assert json.loads(path.read_text())["title"] == "of the daemon"
