"""The readable copy of each reconciliation, and the last status of a daemon that went down."""

from __future__ import annotations

import json
from pathlib import Path

from structlog.testing import capture_logs

from tests.unit.core.factories import a_position_row, a_snapshot
from tests.unit.ops.support import READY
from trader.core.drifts import Drift, DriftKind, Plan
from trader.core.events import ReconcileFinished
from trader.core.ids import RunId
from trader.engine.reconciler import RunRecord
from trader.ops.run_archive import RunArchive, write_status


def a_record(name: str = "20260102T030405Z-1", **changes: object) -> RunRecord:
    values: dict[str, object] = {
        "snapshot": a_snapshot(positions=(a_position_row(7),)),
        "drifts": (Drift(DriftKind.POSITION, "AAPL", "5", "7"),),
        "plan": Plan(repairs=(), tickets=(), pending=()),
    }
    finished = ReconcileFinished(RunId(name), "timer", "", 1, 0, 0, 0.25)
    return RunRecord(finished=finished, **(values | changes))  # type: ignore[arg-type]


def test_a_run_is_written_with_what_it_saw_and_what_it_decided(tmp_path: Path) -> None:
    RunArchive(tmp_path / "runs").write(a_record())
    written = json.loads((tmp_path / "runs" / "20260102T030405Z-1" / "run.json").read_text())
    assert written["finished"]["drift_count"] == 1
    assert written["drifts"] == [
        {"kind": "position", "key": "AAPL", "expected": "5", "observed": "7", "repairs": []}
    ]
    assert written["snapshot"]["positions"][0]["quantity"] == "7"
    assert written["tickets"] == []


def test_a_run_without_a_snapshot_says_so(tmp_path: Path) -> None:
    RunArchive(tmp_path).write(a_record(snapshot=None, plan=None, drifts=()))
    written = json.loads((tmp_path / "20260102T030405Z-1" / "run.json").read_text())
    assert written["snapshot"] is None
    assert written["tickets"] == []


def test_only_the_newest_runs_are_kept(tmp_path: Path) -> None:
    archive = RunArchive(tmp_path, keep_max=3)
    for number in range(1, 6):
        archive.write(a_record(f"2026010{number}T000000Z-1"))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"2026010{number}T000000Z-1" for number in (3, 4, 5)
    ]


def test_an_archive_that_cannot_be_written_is_logged_and_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file where the folder should be")
    with capture_logs() as logs:
        RunArchive(tmp_path / "runs").write(a_record())
    (line,) = logs
    assert line["event"] == "run record not written"
    assert line["run"] == "20260102T030405Z-1"


def test_the_last_status_is_what_the_control_port_served(tmp_path: Path) -> None:
    path = tmp_path / "last_status.json"
    write_status(path, READY)
    written = json.loads(path.read_text())
    assert written["posture"] == "armed"
    assert written["money"]["pnl"] == "249.75"


def test_a_last_status_that_cannot_be_written_is_logged_and_stops_nothing(tmp_path: Path) -> None:
    with capture_logs() as logs:
        write_status(tmp_path / "absent" / "last_status.json", READY)
    assert [line["event"] for line in logs] == ["last status not written"]
