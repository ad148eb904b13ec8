"""What keeps the daemon from starting is told in one line; what starts trades only when it may."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.commands.support import PATIENCE_S, ROOT, sign_policy, trader, until
from tests.unit.config.support import write_files
from trader import cli
from trader.ops.instance_lock import InstanceLock


@pytest.mark.parametrize(
    ("settings", "policy", "environment", "words"),
    [
        ({"brokr": 1}, {}, {}, "brokr is unknown (value 1); did you mean broker?"),
        ({"broker": {"port": "x"}}, {}, {}, "broker.port is 'x', allowed is a whole number"),
        ({}, {"order__quantity_max": 5000}, {}, "order.quantity_max 5000 is above"),
        ({"account": ""}, {}, {}, "account is missing"),
        ({"mode": "live", "account": "U1"}, {}, {"AGENT_MODE": "LIVE"}, "go-live record"),
        ({"mode": "paper"}, {}, {"AGENT_MODE": "LIVE"}, "they contradict each other"),
        ({}, {}, {"EXEC_DRY_RUN": "x"}, "EXEC_DRY_RUN is 'x', allowed is 1, 0, or not set"),
        ({"mode": "demo"}, {}, {}, "only the name with a nonce"),
    ],
)
def test_a_bad_configuration_is_one_line_and_code_5_and_touches_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    settings: dict[str, Any],
    policy: dict[str, Any],
    environment: dict[str, str],
    words: str,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    path = write_files(tmp_path, settings, **policy)
    if settings.get("mode") == "live":
        sign_policy(tmp_path, capsys)
    assert cli.main(["run", "--config", str(path)]) == 5
    shown = capsys.readouterr()
    assert shown.out == ""
    (line,) = shown.err.splitlines()
    assert line.startswith("trader: cannot start: ")
    assert words in line
    assert not (tmp_path / "state" / "journal.db").exists()


def test_live_does_not_start_with_a_policy_that_nobody_signed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """CAP-22: nor with one that was changed afterwards."""
    monkeypatch.setenv("AGENT_MODE", "LIVE")
    path = write_files(tmp_path, {"mode": "live", "account": "U1"})
    assert cli.main(["run", "--config", str(path)]) == 5
    unsigned, record = capsys.readouterr().err.splitlines()
    assert "targets.yaml.sig: is missing: nobody has signed this policy" in unsigned
    assert "go-live record" in record
    sign_policy(tmp_path, capsys)
    assert cli.main(["run", "--config", str(path)]) == 5
    assert len(capsys.readouterr().err.splitlines()) == 1
    targets = tmp_path / "targets.yaml"
    targets.write_text(targets.read_text().replace("quantity_max: 500", "quantity_max: 501"))
    assert cli.main(["run", "--config", str(path)]) == 5
    changed, _ = capsys.readouterr().err.splitlines()
    assert "it was changed after it was signed" in changed


def test_live_without_any_authority_says_everything_that_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_files(tmp_path, {"mode": "live", "account": "U1"})
    sign_policy(tmp_path, capsys)
    assert cli.main(["run", "--config", str(path)]) == 5
    word, record = capsys.readouterr().err.splitlines()
    assert "AGENT_MODE is ''" in word
    assert "go-live record" in record


def test_a_state_directory_that_cannot_be_is_one_line_and_code_5(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    path = write_files(tmp_path, {"state_dir": "file/state"})
    assert cli.main(["run", "--config", str(path)]) == 5
    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        f"trader: cannot start: state_dir: {tmp_path}/file/state is not writable: Not a directory"
    )


def started_and_refused(path: Path, *options: str, python: tuple[str, ...] = ()) -> str:
    """Start a daemon that gets as far as a process must, and return its one line."""
    done = subprocess.run(
        [sys.executable, *python, "-m", "trader", "run", "--config", str(path), *options],
        capture_output=True, text=True, timeout=PATIENCE_S, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 5, done.stderr
    assert "Traceback" not in done.stderr
    (line,) = [row for row in done.stderr.splitlines() if row.startswith("trader: ")]
    return line


def test_a_port_that_is_taken_is_one_line_and_code_5(tmp_path: Path) -> None:
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        path = write_files(tmp_path, {"control": {"port": port}})
        line = started_and_refused(path)
    assert f"cannot listen on 127.0.0.1:{port}" in line
    assert not (tmp_path / "state" / "control.json").exists()


def test_a_second_daemon_on_one_state_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    lock = InstanceLock(tmp_path / "state" / "lock")
    lock.take(4711)
    line = started_and_refused(write_files(tmp_path, {"control": {"port": 0}}))
    lock.release()
    assert "held by another daemon, process 4711" in line


def test_a_state_whose_folder_for_pages_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "audit_logs").write_text("")
    line = started_and_refused(write_files(tmp_path, {"control": {"port": 0}}))
    assert "state_dir: " in line
    assert "audit_logs" in line


def test_a_journal_that_is_none_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    journal = tmp_path / "state" / "journal.db"
    journal.write_text("not a database, and somebody may need it")
    line = started_and_refused(write_files(tmp_path, {"control": {"port": 0}}))
    assert "journal.db" in line
    assert journal.read_text() == "not a database, and somebody may need it"


def test_a_daemon_without_its_assertions_does_not_start(tmp_path: Path) -> None:
    line = started_and_refused(write_files(tmp_path), python=("-O",))
    assert "assertions are switched off (-O)" in line


@contextmanager
def running(words: list[str], log: Path) -> Iterator[subprocess.Popen[str]]:
    with log.open("w") as stderr, subprocess.Popen(
        [sys.executable, "-m", "trader", *words],
        stdout=subprocess.PIPE, stderr=stderr, text=True, cwd=ROOT,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


@pytest.mark.process
@pytest.mark.timeout(400)
def test_a_paper_account_is_traded_only_after_baseline_and_resume(tmp_path: Path) -> None:
    """Goal: the README's walk, against the simulator, with every verb a process of its own."""
    state = tmp_path / "state"
    holdings = ["--position", "AAPL:30", "--seed", "3", "--account", "DU7654321"]
    simulator_words = ["sim", "--port", "0", "--speed", "600", *holdings]
    with running(simulator_words, tmp_path / "sim.log") as simulator:
        assert simulator.stdout is not None
        said = json.loads(simulator.stdout.readline())
        path = write_files(
            tmp_path,
            {"account": "DU7654321", "control": {"port": 0}, "broker": {"port": said["port"]}},
        )
        with running(["run", "--config", str(path)], tmp_path / "daemon.log") as daemon:
            until((state / "control.json").exists, "the control port")
            until(lambda: "no baseline yet" in trader("status", "--state", state).stdout, "status")
            fresh = json.loads(trader("status", "--state", state, "--json").stdout)
            assert fresh["posture"] == "halted"
            assert {"fresh_install", "halt_file", "baseline_missing"} <= dict(
                fresh["causes"]
            ).keys()

            early = trader("resume", "--state", state, "--reason", "too early")
            assert early.returncode == 1
            assert "baseline_missing" in early.stderr
            baseline = trader("baseline", "--state", state)
            assert (baseline.returncode, baseline.stderr) == (0, "")
            assert "1 positions accepted" in baseline.stdout
            assert "AAPL 30" in baseline.stdout
            assert trader("baseline", "--state", state).returncode == 1

            resumed = trader("resume", "--state", state, "--reason", "first day")
            assert (resumed.returncode, resumed.stderr) == (0, "")
            status = trader("status", "--state", state)
            assert status.returncode == 0
            assert "posture     ARMED (paper)" in status.stdout
            reconciled = trader("reconcile", "--state", state)
            assert (reconciled.returncode, reconciled.stderr) == (0, "")
            assert ": 0 drifts" in reconciled.stdout
            assert trader("cancel-orders", "--state", state).returncode == 0
            unknown = trader("tickets", "adopt", "x", "--state", state, "--reason", "drill")
            assert (unknown.returncode, unknown.stdout) == (1, "")
            assert "no open ticket 'x'" in unknown.stderr

            halted = trader("halt", "--state", state, "--reason", "lunch")
            assert halted.returncode == 0
            assert "Confirmed by the daemon" in halted.stdout
            assert "HALTED (paper)" in trader("status", "--state", state).stdout
            daemon.send_signal(signal.SIGTERM)
            assert daemon.wait(PATIENCE_S) == 0
        assert not (state / "control.json").exists()
        simulator.send_signal(signal.SIGTERM)
        assert simulator.wait(PATIENCE_S) == 0


@pytest.mark.process
def test_paper_mode_never_trades_an_account_that_is_not_a_paper_account(tmp_path: Path) -> None:
    with running(
        ["sim", "--port", "0", "--account", "U7654321"], tmp_path / "sim.log"
    ) as simulator:
        assert simulator.stdout is not None
        said = json.loads(simulator.stdout.readline())
        settings = {"account": "U7654321", "control": {"port": 0}, "broker": {"port": said["port"]}}
        path = write_files(tmp_path, settings)
        state = tmp_path / "state"
        with running(["run", "--config", str(path)], tmp_path / "daemon.log") as daemon:
            until(
                lambda: "allows paper accounts only" in trader("status", "--state", state).stdout,
                "the refusal",
            )
            resumed = trader("resume", "--state", state, "--reason", "please")
            assert resumed.returncode == 1
            assert "account: mode paper allows paper accounts only" in resumed.stderr
            daemon.send_signal(signal.SIGTERM)
            assert daemon.wait(PATIENCE_S) == 0


def test_the_shipped_paper_configuration_asks_for_nothing_but_an_account(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert "account" not in yaml.safe_load((ROOT / "config" / "paper.yaml").read_text())
    assert cli.main(["run", "--config", str(ROOT / "config" / "paper.yaml")]) == 5
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("the account's name: here, as TRADER_ACCOUNT or with --account")
