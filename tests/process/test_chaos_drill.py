"""Goal: the chaos drills can be run by anybody, and their report can be believed.

Method: the script is run as a process, in a shell that is set up for a live daemon whose state must
not be touched. Two fast drills must pass and leave a whole report and nothing else; one that is
interrupted leaves neither report nor process. A daemon with a planted defect, which sends orders
to a gateway that is too slow, must fail its drill for just that (OPS-10, OPS-12, OPS-13, QUA-06).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.process.harness import ROOT, destroy, die_with_parent, environment, until
from tests.process.test_kill_drill import left_behind
from trader.chaos_drill.__main__ import SETTINGS
from trader.chaos_drill.drills import DRILLS
from trader.chaos_drill.isolation import Live
from trader.chaos_drill.judgement import Outcome, judged
from trader.chaos_drill.play import play, stage_of

FAST = ("journal-locked", "halt-file-corrupt")

pytestmark = [pytest.mark.process, pytest.mark.slow, pytest.mark.timeout(300)]


def begun(folder: Path, *words: str) -> subprocess.Popen[str]:
    """Start the script as an operator does whose shell belongs to a live daemon."""
    live = folder / "live"
    live.mkdir(exist_ok=True)
    own = {
        "EXECUTION_HALTED": "1",
        "EXECUTION_HALTED_FILE": str(live / "HALT"),
        "DATABASE_URL": f"sqlite:///{live}/journal.db",
        "KILL_PNL": "-0.0001",
        "EXEC_MAX_POSITION_QTY": "1",
        "TMPDIR": str(folder),
    }
    script = str(ROOT / "scripts" / "chaos_drill.py")
    return subprocess.Popen(
        [sys.executable, script, "--out", str(folder / "out"), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        env=environment(own),
        start_new_session=True,
        preexec_fn=_from_a_terminal,  # noqa: PLW1509 - the tests have one thread
    )


def _from_a_terminal() -> None:
    # A shell has its background jobs ignore Ctrl-C, and these tests may be one.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    die_with_parent()


def test_fast_drills_pass_beside_a_live_daemon_and_leave_a_report_and_nothing_else(
    tmp_path: Path,
) -> None:
    process = begun(tmp_path, *(word for name in FAST for word in ("--only", name)))
    try:
        said, _ = process.communicate(timeout=280)
    finally:
        destroy(process)
    assert process.returncode == 0, said
    assert not list((tmp_path / "live").iterdir()), "a live state was touched"
    latest = tmp_path / "out" / "latest.json"
    record = json.loads(latest.read_text())
    assert (record["evidence"], record["outcome"], record["is_complete"]) == (
        "simulator",
        "passed",
        False,
    )
    assert {row["name"]: row["outcome"] for row in record["drills"]} == dict.fromkeys(
        FAST, "passed"
    )
    for row in record["drills"]:
        assert 0 < row["recovery_s"] <= record["recovery_s_limit"] == 30.0
        assert row["observed"]["looks"] > 5
    assert record["recovery_s_max"] == max(row["recovery_s"] for row in record["drills"])
    assert {"trader", "commit", "python", "system"} == set(record["versions"])
    stamped, _ = sorted((tmp_path / "out").iterdir())
    assert stamped.read_text() == latest.read_text()
    for name in FAST:
        assert f"\n{name:<22}passed" in said
    # The folder it was played in is gone, and so is everything that ran there.
    assert sorted(path.name for path in tmp_path.iterdir()) == ["live", "out"]
    assert not left_behind(str(tmp_path / "chaos-drill-"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_script_that_ends_in_the_middle_leaves_no_process_and_no_report(
    number: signal.Signals, tmp_path: Path
) -> None:
    process = begun(tmp_path, "--only", "half-open-link")
    try:
        # Simulator and daemon both name the folder, and nobody else does.
        until("two children", lambda: len(left_behind(str(tmp_path / "chaos-drill-"))) == 2)
        os.kill(process.pid, number)
        said, _ = process.communicate(timeout=60)
    finally:
        destroy(process)
    assert process.returncode == (2 if number is signal.SIGINT else -signal.SIGKILL), said
    until("no child", lambda: not left_behind(str(tmp_path / "chaos-drill-")))
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.skipif(os.environ.get("DRILLS") != "all", reason="over a minute: DRILLS=all")
def test_a_daemon_that_sends_while_it_is_impaired_fails_its_drill(tmp_path: Path) -> None:
    drill = next(one for one in DRILLS if one.name == "slow-gateway")
    stage = stage_of(
        tmp_path / "drill", dict(os.environ), 11, ROOT / "config" / "demo.yaml", SETTINGS
    )
    stage.program = "tests.process.reckless_daemon"
    seen = play(drill, stage, Live(), print)
    verdict = judged(seen, drill.noticed_s_max)
    assert verdict.outcome is Outcome.FAILED
    assert seen.noticed_s is not None, verdict.reasons
    # For nothing else: it came back, and its books are right.
    assert seen.risk_added
    assert all("left while impaired: order" in reason for reason in verdict.reasons), verdict
