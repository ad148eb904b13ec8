"""Goal: the drill of the kill switch can be practised by anybody, and its record can be believed.

Method: the command is run as a process, in a shell that is set up for a live daemon: its halt file
and its database must not be touched. The report must hold every step with what was expected and
seen, and no process may be left behind (OPS-05).
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.process.harness import ROOT, environment
from trader.kill_drill.steps import PLAYS

pytestmark = [pytest.mark.process, pytest.mark.slow, pytest.mark.timeout(400)]


def drill(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the drill as an operator does whose shell belongs to a live daemon."""
    live = tmp_path / "live"
    own = {
        "EXECUTION_HALTED_FILE": str(live / "HALT"),
        "DATABASE_URL": f"sqlite:///{live}/journal.db",
        "TMPDIR": str(tmp_path),
    }
    return subprocess.run(
        [sys.executable, "-m", "trader.kill_drill", "--out", str(tmp_path / "out"), *words],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment(own),
        timeout=380,
        check=False,
    )


def left_behind(folder: str) -> list[str]:
    """Return the command lines of processes that name the folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = path.read_bytes().decode(errors="replace")
            if folder in words:
                found.append(words)
    return found


def test_the_drill_passes_and_leaves_a_record_and_nothing_else(tmp_path: Path) -> None:
    live = tmp_path / "live"
    live.mkdir()
    done = drill(tmp_path, "--by", "process test")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "NOT MET" not in done.stdout
    assert not list(live.iterdir()), "a live state was touched"
    record = json.loads(next((tmp_path / "out").glob("*.json")).read_text())
    assert (record["against"], record["by"], record["verdict"]) == (
        "simulator",
        "process test",
        "passed",
    )
    assert record["checks"] == record["checks_met"] > 100
    names = [(step["play"], step["name"]) for step in record["steps"]]
    assert names == [(name, step.name) for name, play in PLAYS for step in play]
    assert all(step["verdict"] == "passed" for step in record["steps"])
    assert {"trader", "commit", "python"} <= set(record["versions"])
    text = next((tmp_path / "out").glob("*.txt")).read_text()
    assert text.startswith("KILL SWITCH DRILL, against the SIMULATOR: PASSED")
    # The folder it was played in is gone, and so is everything that ran there.
    folder = next(word for word in done.stdout.split() if "kill-drill-" in word)
    assert not Path(folder).exists()
    assert not left_behind(folder)


def test_the_plan_can_be_read_beforehand(tmp_path: Path) -> None:
    done = drill(tmp_path, "--list")
    assert done.returncode == 0
    assert "daemon dead" in done.stdout
    assert not (tmp_path / "out").exists()
