"""What a play makes of a world that does not come up, is not ours, or answers nonsense."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from trader.chaos_drill import play as pl
from trader.chaos_drill import small_disk
from trader.chaos_drill.drills import DRILLS, ChaosDrill
from trader.chaos_drill.isolation import Live
from trader.chaos_drill.judgement import Observed, Outcome, judged
from trader.drill_stage import ROOT, DrillStopped, Stage

DRILL = next(one for one in DRILLS if one.name == "gateway-restart")
ON_SMALL_DISK = next(one for one in DRILLS if one.needs_small_disk)


def a_stage(folder: Path) -> Stage:
    return pl.stage_of(folder / "drill", {"PATH": "/usr/bin"}, 1, ROOT / "config/demo.yaml", {})


def announcing(stage: Stage, **changes: object) -> None:
    """Stand a process in the simulator's place that says something else of itself."""
    stage.simulator = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    said = {
        "host": "127.0.0.1",
        "port": 40_001,
        "control_port": 40_002,
        "account": "DUSIM1",
        "pid": stage.simulator.pid,
    }
    stage.announced = said | changes


def played(
    stage: Stage, drill: ChaosDrill = DRILL, live: Live | None = None
) -> tuple[Observed, list[str]]:
    lines: list[str] = []
    return pl.play(drill, stage, live or Live(), lines.append), lines


def test_the_stage_of_a_drill_has_a_new_folder_and_a_journal_that_can_be_locked(
    tmp_path: Path,
) -> None:
    stage = a_stage(tmp_path)
    assert stage.folder.is_dir()
    assert f"journal={stage.state}/journal.db" in stage.market
    with pytest.raises(FileExistsError):
        a_stage(tmp_path)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"account": "DU1234567"}, "allowed is a simulator's"),
        ({"port": 7497}, "port is 7497"),
        ({"host": "tws.example"}, "host is 'tws.example'"),
        ({"pid": 1}, "the target is process 1"),
    ],
)
def test_no_daemon_is_started_at_a_target_that_is_not_the_simulator(
    changes: dict[str, object],
    problem: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = a_stage(tmp_path)
    monkeypatch.setattr(Stage, "start_simulator", lambda self: announcing(self, **changes))
    seen, lines = played(stage)
    assert problem in seen.problem
    assert judged(seen, 15.0).outcome is Outcome.FAILED
    assert (stage.daemon, lines) == (None, [])
    assert stage.simulator is not None
    assert stage.simulator.returncode is not None, "the process is left"


@pytest.mark.parametrize("error", [DrillStopped("not up"), OSError("not up"), ValueError("not up")])
def test_a_world_that_does_not_come_up_is_a_failed_drill(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: Stage) -> None:
        raise error

    monkeypatch.setattr(Stage, "start_simulator", fails)
    seen, _ = played(a_stage(tmp_path))
    assert "not up" in seen.problem
    assert judged(seen, 15.0).outcome is Outcome.FAILED


def test_an_announcement_that_cannot_be_read_is_a_failed_drill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Stage, "start_simulator", lambda self: announcing(self, port="many"))
    seen, _ = played(a_stage(tmp_path))
    assert "what was told could not be read: ValueError" in seen.problem


def test_a_drill_without_its_small_disk_is_skipped_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(_: Path) -> None:
        raise small_disk.NoSmallDisk("no small file system: Operation not permitted")

    monkeypatch.setattr(small_disk, "mount", refuses)
    stage = a_stage(tmp_path)
    seen, _ = played(stage, ON_SMALL_DISK)
    assert stage.simulator is None
    assert judged(seen, 15.0).outcome is Outcome.SKIPPED
    assert judged(seen, 15.0).reasons == ("no small file system: Operation not permitted",)


def test_an_interruption_ends_every_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: Stage) -> None:
        announcing(self)
        raise KeyboardInterrupt

    monkeypatch.setattr(Stage, "start_simulator", interrupted)
    stage = a_stage(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        played(stage)
    assert stage.simulator is not None
    assert stage.simulator.returncode is not None


@pytest.mark.parametrize(
    ("code", "stdout", "stderr", "findings"),
    [
        (0, json.dumps({"is_whole": True}), "", ()),
        (0, json.dumps({"is_whole": False}), "", ('{"is_whole": false}',)),
        (1, "altered 7\n\n  cut 9 ", "", ("altered 7", "cut 9")),
        (2, "", "not verified: no file", ("not verified: no file",)),
        (1, "", "", ("exit code 1",)),
        (1, "x\n" * 100, "", ("x",) * 5),
    ],
)
def test_only_a_whole_journal_has_no_finding(
    code: int, stdout: str, stderr: str, findings: tuple[str, ...]
) -> None:
    assert pl._findings(code, stdout, stderr) == findings
