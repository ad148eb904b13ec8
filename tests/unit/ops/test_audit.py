"""The audit file: one line a request, and no error of a disk that gets in an operator's way."""

from __future__ import annotations

import json
from pathlib import Path

from tests.unit.ops.support import FakeClock
from trader.ops.audit import AuditLog


def write(log: AuditLog, **changes: str) -> None:
    line = {"who": "alice", "role": "trader", "verb": "halt", "asked": "lunch", "outcome": "done"}
    log.write(**line | changes)


def test_each_request_is_a_line_with_its_time(tmp_path: Path) -> None:
    path = tmp_path / "audit_logs" / "operators.jsonl"
    log = AuditLog(path, FakeClock())
    write(log)
    write(log, who="bob", outcome="403 no\nway")
    first, second = [json.loads(line) for line in path.read_text().splitlines()]
    assert first == {
        "at_utc": "2025-03-14T14:30:05.000Z",
        "who": "alice",
        "role": "trader",
        "verb": "halt",
        "asked": "lunch",
        "outcome": "done",
    }
    assert (second["who"], second["outcome"]) == ("bob", "403 no\nway")


def test_a_long_text_is_cut(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "a.jsonl", FakeClock())
    write(log, asked="x" * 10_000)
    assert len(json.loads((tmp_path / "a.jsonl").read_text())["asked"]) == 500


def test_a_disk_that_does_not_take_it_raises_nothing(tmp_path: Path) -> None:
    write(AuditLog(tmp_path, FakeClock()))
