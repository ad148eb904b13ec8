"""Goal: whenever a writer of anchors is killed, no anchor is lost that it had written.

Method: a child writes anchors with a limit so small that it turns its file over at every second
line, and says each one once it is written. It is killed with SIGKILL: by itself just before and
just after each step of turning over, and from outside at seeded instants, again and again in the
same folder. Afterwards everything it said is read back, once and in order, with at most one torn
line for each kill; the newest is what a start would look at.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from trader.core.ids import Seq
from trader.ops import anchors
from trader.ops.anchors import AnchorLog, anchors_in, newest_anchor
from trader.ops.clock import SystemClock
from trader.ops.json_lines import append_line
from trader.ports import ChainHead

ROOT = Path(__file__).resolve().parents[2]
SEED = 20261122
KILLS = 25
STEPS = ("before the new name", "after the new name", "before the line", "after the line")

pytestmark = [pytest.mark.process, pytest.mark.slow]


def child(state: Path, first: int, dies: str) -> None:
    """Write anchors without end, from a number on; die at the third time a step comes."""
    log = AnchorLog(state, SystemClock(), lambda: "abc123", bytes_max=300)
    passed = dict.fromkeys(STEPS, 0)

    def passing(step: str) -> None:
        passed[step] += 1
        if step == dies and passed[step] == 3:
            os.kill(os.getpid(), signal.SIGKILL)

    rename = Path.rename

    def renaming(path: Path, to: Path) -> Path:
        passing("before the new name")
        done = rename(path, to)
        passing("after the new name")
        return done

    def appending(path: Path, row: dict[str, object]) -> int:
        passing("before the line")
        size = append_line(path, row)
        passing("after the line")
        return size

    Path.rename = renaming  # type: ignore[method-assign, assignment]
    anchors.append_line = appending  # type: ignore[assignment, attr-defined]
    for seq in range(first, first + 1_000_000):
        log.write(ChainHead(Seq(seq), f"{seq:064x}"))
        os.write(1, b"%d\n" % seq)


def killed(state: Path, first: int, *, dies: str = "", after_s: float | None = None) -> list[int]:
    """Run a child until it is killed; returns what it had said."""
    words = ["-m", "tests.process.test_anchor_files", str(state), str(first), dies]
    with subprocess.Popen([sys.executable, *words], cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        said = [process.stdout.readline()]
        if after_s is not None:
            time.sleep(after_s)
            process.kill()
        said += process.stdout.readlines()
    assert process.returncode == -signal.SIGKILL
    return [int(line) for line in said if line.endswith(b"\n")]


def must_hold(state: Path, said: list[int], kills: int) -> int:
    """Compare what is there with what was said; returns the number of the last one there."""
    found, problems = anchors_in(state)
    seqs = [anchor.head.seq for anchor in found]
    assert len(problems) <= kills, problems
    assert seqs == sorted(set(seqs))
    assert set(said) <= set(seqs)
    # At most the one that was being written when it was killed had not been said.
    assert len(seqs) - len(said) <= kills
    newest, _ = newest_anchor(state)
    assert newest is not None
    assert newest.head.seq == seqs[-1]
    return seqs[-1]


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_at_a_step_of_turning_over_loses_no_anchor(tmp_path: Path, step: str) -> None:
    said: list[int] = []
    last = 0
    for kill in range(1, 4):
        said += killed(tmp_path, last + 1, dies=step)
        last = must_hold(tmp_path, said, kill)


def test_kills_at_any_instant_lose_no_anchor(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    said: list[int] = []
    last = 0
    for kill in range(1, KILLS + 1):
        said += killed(tmp_path, last + 1, after_s=chance.uniform(0.0, 0.02))
        last = must_hold(tmp_path, said, kill)
    assert len(list((tmp_path / "audit_logs").iterdir())) > KILLS


if __name__ == "__main__":
    child(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
