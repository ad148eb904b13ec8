"""A report claims no more than was played, is whole, and says that it is a simulator's."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from trader.chaos_drill import report as rp
from trader.chaos_drill.judgement import Observed, Outcome, Verdict
from trader.chaos_drill.report import Head, Row, as_record, as_table, config_hash, outcome_of, write

T0 = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
HEAD = Head(T0, 11, {"trader": "0.1.0", "commit": "abc"}, "f00d", is_complete=False)


def row(name: str, outcome: Outcome, recovery_s: float | None = None, *reasons: str) -> Row:
    seen = Observed(noticed_s=0.25, recovery_s=recovery_s)
    return Row(name, f"What {name} is.", Verdict(outcome, reasons), seen, 20.5)


PASSED = row("gateway-restart", Outcome.PASSED, 5.4321)
FAILED = row("disk-full", Outcome.FAILED, 31.0, "READY 31.0 s after the fault")
SKIPPED = row("journal-locked", Outcome.SKIPPED, None, "no mount namespace")


@pytest.mark.parametrize(
    ("rows", "outcome"),
    [
        ((PASSED, PASSED), Outcome.PASSED),
        ((PASSED, SKIPPED), Outcome.PASSED),
        ((PASSED, SKIPPED, FAILED), Outcome.FAILED),
        ((SKIPPED,), Outcome.SKIPPED),
        ((), Outcome.SKIPPED),
    ],
)
def test_one_failure_fails_all_and_skips_alone_pass_nothing(
    rows: tuple[Row, ...], outcome: Outcome
) -> None:
    assert outcome_of(rows) is outcome


def test_the_record_has_what_whoever_collects_evidence_needs() -> None:
    record = as_record(HEAD, (PASSED, FAILED, SKIPPED), T0 + timedelta(minutes=2))
    read = json.loads(json.dumps(record, allow_nan=False))
    assert (read["kind"], read["evidence"], read["outcome"]) == (
        "chaos drill",
        "simulator",
        "failed",
    )
    assert read["started_utc"] == "2026-03-02T15:00:00.000Z"
    assert read["finished_utc"] == "2026-03-02T15:02:00.000Z"
    assert read["versions"] == {"trader": "0.1.0", "commit": "abc"}
    assert (read["config_hash"], read["seed"], read["is_complete"]) == ("f00d", 11, False)
    assert (read["recovery_s_max"], read["recovery_s_limit"]) == (31.0, 30.0)
    assert read["counts"] == {"passed": 1, "failed": 1, "skipped": 1}
    first, second, third = read["drills"]
    assert (first["name"], first["outcome"], first["recovery_s"]) == (
        "gateway-restart",
        "passed",
        5.432,
    )
    assert second["reasons"] == ["READY 31.0 s after the fault"]
    assert third["recovery_s"] is None
    assert third["observed"]["differences"] is None


def test_without_a_recovery_there_is_no_largest_one() -> None:
    assert as_record(HEAD, (SKIPPED,), T0)["recovery_s_max"] is None


def test_the_table_has_a_line_for_each_drill_and_every_reason() -> None:
    lines = as_table((PASSED, FAILED, SKIPPED)).splitlines()
    assert lines[1].split() == ["gateway-restart", "passed", "0.2", "s", "5.4", "s", "20.5", "s"]
    assert lines[3] == "    READY 31.0 s after the fault"
    assert lines[4].split()[:5] == ["journal-locked", "skipped", "0.2", "s", "-"]
    assert lines[5] == "    no mount namespace"


def test_a_report_is_kept_under_its_time_and_as_the_latest(tmp_path: Path) -> None:
    folder = tmp_path / "reports" / "chaos"
    record = as_record(HEAD, (PASSED,), T0)
    path = write(folder, record)
    assert path.name == "20260302T150000.000Z.json"
    assert json.loads(path.read_text()) == json.loads((folder / "latest.json").read_text())
    assert json.loads(path.read_text())["outcome"] == "passed"
    later = as_record(Head(T0 + timedelta(1), 11, {}, "", is_complete=True), (FAILED,), T0)
    write(folder, later)
    assert json.loads((folder / "latest.json").read_text())["outcome"] == "failed"
    with pytest.raises(FileExistsError):
        write(folder, record)
    assert json.loads((folder / "latest.json").read_text())["outcome"] == "failed"
    assert len(list(folder.iterdir())) == 3


def test_what_cannot_be_written_leaves_no_half_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match="No space"):
        write(tmp_path, as_record(HEAD, (PASSED,), T0))
    assert list(tmp_path.iterdir()) == []


def test_the_hash_moves_with_every_file_and_setting(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("a")
    two.write_text("b")
    base = config_hash([one, two], {"x": 1})
    assert base == config_hash([one, two], {"x": 1})
    assert base != config_hash([one, two], {"x": 2})
    assert base != config_hash([two, one], {"x": 1})
    two.write_text("c")
    assert base != config_hash([one, two], {"x": 1})
    with pytest.raises(OSError, match="missing"):
        config_hash([tmp_path / "missing"], {})


def test_a_reason_is_told_in_one_line_of_bounded_length() -> None:
    assert rp.shortened("a\n b") == "a b"
    assert len(rp.shortened("x" * 1_000)) == 300
