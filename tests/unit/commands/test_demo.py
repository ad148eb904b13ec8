"""The demo as a newcomer meets it: it trades, it ends in order, and it leaves nothing running."""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from trader.commands import demo

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 60.0

pytestmark = pytest.mark.timeout(180)


@contextmanager
def a_demo(state: Path, *words: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Start the demo as a terminal would, its own process group included."""
    with subprocess.Popen(
        [sys.executable, "-m", "trader", "demo", "--state", str(state), *words],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT,
        env={**os.environ, **environment}, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def read_until(process: subprocess.Popen[str], words: str) -> str:
    """Read the output up to the first line with these words."""
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        seen += line
        if words in line:
            return seen
    raise AssertionError(f"the demo ended without {words!r}:\n{seen}")


def rest_of(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Return the exit code and everything that was still said."""
    out, _ = process.communicate(timeout=PATIENCE_S)
    return process.returncode, out


def children_of(process: subprocess.Popen[str]) -> dict[str, int]:
    """Return the demo's children by name."""
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    found = {}
    for pid in map(int, listed):
        words = Path(f"/proc/{pid}/cmdline").read_text()
        found["simulator" if "trader.sim" in words else "daemon"] = pid
    return found


def assert_gone(pids: dict[str, int]) -> None:
    assert pids.keys() == {"simulator", "daemon"}
    end_s = time.monotonic() + 5
    while any(Path(f"/proc/{pid}").exists() for pid in pids.values()):
        assert time.monotonic() < end_s, f"still there: {pids}"
        time.sleep(0.05)


@pytest.mark.process
def test_the_demo_trades_and_its_book_is_the_simulators_truth(tmp_path: Path) -> None:
    # What a shell may hold for a real daemon must not reach this one.
    foreign = {
        "DATABASE_URL": f"sqlite:///{tmp_path / 'foreign.db'}",
        "AGENT_MODE": "LIVE",
        "EXECUTION_HALTED": "1",
        "EXEC_DRY_RUN": "1",
        "TRADER_ACCOUNT": "U1",
    }
    with a_demo(tmp_path / "run", "--for", "15", **foreign) as process:
        said = read_until(process, "the operator's page is http://127.0.0.1:")
        assert re.search(r"the simulator's control port is \d+", said)
        children = children_of(process)
        code, out = rest_of(process)
    assert code == 0, out
    assert int(re.search(r"^  fills +(\d+)", out, re.M)[1]) >= 1  # type: ignore[index]
    assert int(re.search(r"^  orders +(\d+)", out, re.M)[1]) >= 1  # type: ignore[index]
    assert re.search(r"first fill after [\d.]+ s", out)
    for name in ("intents", "refusals", "P&L", "drifts", "records"):
        assert re.search(rf"^  {name} +", out, re.M), out
    assert "verdict     book equals the simulator's truth; daemon exit code 0" in out
    assert not (tmp_path / "foreign.db").exists()
    assert_gone(children)


@pytest.mark.process
def test_ctrl_c_drains_however_often_it_is_pressed(tmp_path: Path) -> None:
    with a_demo(tmp_path / "run") as process:
        read_until(process, "armed")
        children = children_of(process)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the whole group
        read_until(process, "draining")
        for _ in range(3):
            os.killpg(process.pid, signal.SIGINT)
        code, out = rest_of(process)
    assert code == 0, out
    assert "verdict     book equals the simulator's truth; daemon exit code 0" in out
    assert "Traceback" not in out
    assert_gone(children)


@pytest.mark.process
def test_ctrl_c_before_the_first_status_drains_too(tmp_path: Path) -> None:
    with a_demo(tmp_path / "run") as process:
        read_until(process, "simulator and daemon start")
        process.send_signal(signal.SIGINT)
        code, out = rest_of(process)
    assert code == 0, out
    assert "  fills       0 (no fill)" in out


@pytest.mark.process
@pytest.mark.parametrize("victim", ["daemon", "simulator"])
def test_a_child_that_is_killed_is_named_and_the_other_one_ended(
    tmp_path: Path, victim: str
) -> None:
    with a_demo(tmp_path / "run") as process:
        read_until(process, "the operator's page")
        children = children_of(process)
        os.kill(children[victim], signal.SIGKILL)
        code, out = rest_of(process)
    assert code == 1, out
    assert f"demo: the {victim} was killed by SIGKILL; " in out
    assert "Traceback" not in out
    assert_gone(children)


@pytest.mark.process
def test_children_end_with_a_demo_that_is_killed(tmp_path: Path) -> None:
    with a_demo(tmp_path / "run") as process:
        read_until(process, "the operator's page")
        children = children_of(process)
        process.kill()
        process.wait(PATIENCE_S)
        end_s = time.monotonic() + PATIENCE_S
        while any(is_running(pid) for pid in children.values()):
            assert time.monotonic() < end_s, children
            time.sleep(0.1)


def is_running(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


@pytest.mark.process
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--port", "99999"], "control.port is 99999, allowed is at most 65535"),
        (["--speed", "-1"], "speed: -1.0 is not allowed; allowed: above 0"),
    ],
)
def test_an_argument_that_a_child_refuses_is_told_in_its_words(
    tmp_path: Path, words: list[str], said: str
) -> None:
    with a_demo(tmp_path / "run", *words) as process:
        code, out = rest_of(process)
    assert code == 1
    assert said in out
    assert "Traceback" not in out


# ---- parts


def arguments(**changes: Any) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    demo.add_arguments(parser)
    return argparse.Namespace(**{**vars(parser.parse_args([])), **changes})


@pytest.mark.parametrize("seconds", [0.0, -5.0, float("nan"), float("inf"), 86_401.0])
def test_a_time_that_is_none_is_wrong_usage(
    seconds: float, capsys: pytest.CaptureFixture[str]
) -> None:
    assert demo.run(arguments(seconds=seconds), {}) == 2
    assert "allowed is above 0, up to 86400" in capsys.readouterr().err


def test_the_folder_of_an_earlier_run_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "journal.db").write_text("another account's")
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        assert demo.run(arguments(state=tmp_path), {}) == 1
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert "allowed is an empty or a new folder" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["journal.db"]


STATUS = {
    "posture": "armed",
    "mode": "demo",
    "causes": [],
    "link": {"is_connected": False, "problem": "x" * 300},
    "money": {"currency": "USD", "cash": "100.00", "pnl": "1", "commission_paid": "1",
              "equity": "2"},
    "positions": [{"con_id": 1, "symbol": "AAPL", "quantity": "20"}],
    "orders": [],
    "tickets": [],
    "tally": {"executions": 3, "intents": 1, "refusals": 0, "orders_sent": 1, "drifts": 0},
    "reconcile": None,
}  # fmt: skip
TRUTH = {
    "positions": [{"con_id": 1, "quantity": "20"}],
    "executions": [1, 2, 3],
    "cash": {"USD": "100.00"},
}


def test_a_book_that_equals_the_truth_has_no_differences() -> None:
    assert demo._differences(STATUS, TRUTH) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"positions": []}, "position 1: book 20, simulator 0"),
        ({"positions": [{"con_id": 2, "quantity": "5"}, *TRUTH["positions"]]},  # type: ignore[misc]
         "position 2: book 0, simulator 5"),
        ({"executions": [1, 2]}, "executions: book 3, simulator 2"),
        ({"cash": {"USD": "100.01"}}, "cash: book 100.00, simulator 100.01"),
    ],
)  # fmt: skip
def test_each_difference_from_the_truth_is_told(change: dict[str, Any], said: str) -> None:
    assert demo._differences(STATUS, {**TRUTH, **change}) == [said]


class Terminal(io.StringIO):
    """An output that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


def test_on_a_terminal_the_status_stays_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    run, out = demo._Run(state=tmp_path), Terminal()
    demo._show(run, STATUS, 1.0, out)
    first = out.getvalue()
    # A longer line would wrap and the next status would be written one line too low.
    assert max(len(line) for line in first.splitlines()) < 80
    demo._show(run, STATUS, 2.0, out)
    rewound = out.getvalue().removeprefix(first)
    assert rewound.startswith(f"\x1b[{len(first.splitlines())}F\x1b[J-- demo, 2 s")


def test_without_a_terminal_a_line_comes_every_few_seconds_and_at_the_first_fill(
    tmp_path: Path,
) -> None:
    run, out = demo._Run(state=tmp_path), io.StringIO()
    quiet = {**STATUS, "tally": {**STATUS["tally"], "executions": 0}}  # type: ignore[dict-item]
    for second in range(7):
        demo._show(run, quiet, float(second), out)
    assert len(out.getvalue().splitlines()) == 2
    assert run.first_fill_s is None
    demo._show(run, STATUS, 7.0, out)
    assert len(out.getvalue().splitlines()) == 3
    assert run.first_fill_s == 7.0


def test_a_file_of_strategies_may_bring_its_policy(tmp_path: Path) -> None:
    """Paths are relative to the file that names them."""
    path = tmp_path / "some.yaml"
    path.write_text("targets_file: ../policy.yaml\nstrategies:\n  folder: mine\n  own: []\n")
    found = demo.strategies_in(path)
    assert found["targets_file"] == str(tmp_path.parent / "policy.yaml")
    assert json.loads(found["strategies"]) == {"folder": str(tmp_path / "mine"), "own": []}
    path.write_text("strategies: {}\n")
    assert set(demo.strategies_in(path)) == {"strategies"}
