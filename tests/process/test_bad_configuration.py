"""Goal: a daemon that is configured wrongly says so, one clear line per problem, and goes nowhere.

Method: the command is run with one thing wrong at a time. It must end with 5, print exactly one
line for each problem on stderr, each naming what is wrong and what is allowed, and no connection
may ever reach the simulator.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.harness import PATIENCE_S, ROOT, Daemon, Simulator, environment, world

SEED = 20240350

pytestmark = [pytest.mark.process, pytest.mark.slow]


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """One simulator for the whole file: nobody may ever connect to it."""
    with world(tmp_path_factory.mktemp("simulator"), SEED) as (server, _):
        yield server


def refused(simulator: Simulator, folder: Path, *words: str, **changes: object) -> list[str]:
    """Run the daemon; returns its lines on stderr once code and silence are checked."""
    daemon = Daemon(folder, simulator, {key.replace("__", "."): v for key, v in changes.items()})
    return run(simulator, [*words], daemon.write_config())


def run(simulator: Simulator, words: list[str], config: Path) -> list[str]:
    """Run the daemon on a configuration file as it is."""
    before = simulator.truth()["frames"]["in"]
    done = subprocess.run(
        [sys.executable, "-m", "trader", "run", "--config", str(config), *words],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment(),
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 5, done
    assert done.stdout == ""
    # What it logs on the way, as JSON, is no problem.
    lines = [line for line in done.stderr.splitlines() if '"level": "info"' not in line]
    assert all(line.startswith("trader: cannot start: ") for line in lines), done.stderr
    assert simulator.truth()["frames"]["in"] == before, "it talked to the broker"
    return lines


# What a real gateway needs; a simulator is quicker.
PATIENT = {"reconcile__absence_s": 60, "reconcile__cash_lag_s": 200}
# What is wrong, and what its line must name: the setting, the value, and what is allowed.
CASES: dict[str, tuple[dict[str, object], tuple[str, ...]]] = {
    "unknown key": ({"brokr": 1}, ("brokr", "unknown")),
    "unknown key in a section": ({"broker__prot": 1}, ("broker.prot", "unknown")),
    "wrong type": ({"broker__port": "a lot"}, ("broker.port", "'a lot'")),
    "out of range": ({"broker__client_id": 0}, ("broker.client_id", "0", "1")),
    "not a number": ({"intent_deadline_s": ".nan"}, ("intent_deadline_s", "nan")),
    "relation of limits": (
        {"broker__heartbeat_age_s_max": 1},
        ("heartbeat_age_s_max is 1", "allowed is at least"),
    ),
    "drain longer than the stop": (
        {"drain__in_flight_s": 500},
        ("drain", "stop_timeout_s", "allowed is"),
    ),
    "pace above the broker's": ({"broker__messages_per_s": 46}, ("messages_per_s is 46", "45")),
    "symbol that is no asset": (
        {"strategies__momentum__symbols": ["AAPL", "NOPE"]},
        ("symbols", "'NOPE'", "AAPL, GOOG, IBM, MSFT"),
    ),
    "account that is no demo's": ({"account": "DU1234567"}, ("account", "'DU1234567'", "nonce")),
    "no account": (
        {"account": "", "mode": "paper", **PATIENT},
        ("account", "missing", "allowed is"),
    ),
    "a hasty proof of absence": (
        {"account": "DU1234567", "mode": "paper", **PATIENT, "reconcile__absence_s": 0.5},
        ("reconcile.absence_s", "0.5", "at least 30"),
    ),
    "a hasty look at cash": (
        {"account": "DU1234567", "mode": "paper", **PATIENT, "reconcile__cash_lag_s": 0.5},
        ("reconcile.cash_lag_s", "0.5", "above 180"),
    ),
    "no assets": ({"assets_file": "missing.csv"}, ("missing.csv",)),
}


@pytest.mark.parametrize("case", CASES)
def test_one_problem_is_one_line(simulator: Simulator, tmp_path: Path, case: str) -> None:
    changes, words = CASES[case]
    lines = refused(simulator, tmp_path, **changes)
    assert len(lines) == 1, lines
    assert all(word in lines[0] for word in words), lines


def test_each_of_several_problems_is_named(simulator: Simulator, tmp_path: Path) -> None:
    lines = refused(simulator, tmp_path, brokr=1, broker__port=0, log_level="loud")
    assert len(lines) == 3, lines
    for name in ("brokr", "broker.port", "log_level"):
        assert any(name in line for line in lines), lines


def test_contradicting_limits(simulator: Simulator, tmp_path: Path) -> None:
    daemon = Daemon(tmp_path, simulator)
    config = daemon.write_config()
    targets = tmp_path / "targets.yaml"
    text = targets.read_text()
    targets.write_text(
        text.replace("quantity_max: 500", "quantity_max: 5000").replace(
            "notional_max: 100000", "notional_max: 900000"
        )
    )
    lines = run(simulator, [], config)
    assert len(lines) == 2, lines
    assert "order.quantity_max 5000 is above position.quantity_max 1000" in lines[0]
    assert "order.notional_max 900000 is above position.notional_max" in lines[1]


def test_live_without_authority(simulator: Simulator, tmp_path: Path) -> None:
    live = {"mode": "live", "account": "U1234567", **PATIENT}
    lines = refused(simulator, tmp_path, **live)
    assert len(lines) == 3, lines
    assert "nobody has signed this policy" in lines[0]
    assert "AGENT_MODE is ''" in lines[1]
    assert "go-live record" in lines[2]
    assert "missing" in lines[2]


def test_a_missing_configuration(simulator: Simulator, tmp_path: Path) -> None:
    (line,) = run(simulator, [], tmp_path / "nowhere.yaml")
    assert "nowhere.yaml" in line
    assert "No such file" in line


def test_a_configuration_that_is_no_yaml(simulator: Simulator, tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text("mode: [demo\nbroker: }\n")
    (line,) = run(simulator, [], path)
    assert "broken.yaml" in line
    assert "YAML" in line


def test_a_wrong_assignment(simulator: Simulator, tmp_path: Path) -> None:
    (line,) = refused(simulator, tmp_path, "--set", "broker.port")
    assert "allowed is key=value" in line.lower()
    (line,) = refused(simulator, tmp_path, "--set", "broker.port=[1")
    assert "broker.port" in line


def test_a_control_port_that_is_taken(simulator: Simulator, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (line,) = refused(simulator, tmp_path, control__port=port)
    assert str(port) in line
    assert "use" in line


@pytest.mark.parametrize("name", ["state", "state/journal.db", "state/audit_logs", "state/lock"])
def test_a_state_directory_that_cannot_be_used(
    simulator: Simulator, tmp_path: Path, name: str
) -> None:
    # Tests may run as root, for whom nothing is read-only: something else is in the place.
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    if name.endswith(("journal.db", "lock")):
        path.mkdir()
    else:
        path.write_text("in the way")
    (line,) = refused(simulator, tmp_path)
    assert name.partition("/")[2] in line


def test_a_journal_that_is_damaged(simulator: Simulator, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "journal.db").write_bytes(b"not a database, but long enough" * 100)
    (line,) = refused(simulator, tmp_path)
    assert "journal.db" in line


def test_a_second_daemon_on_the_same_state(tmp_path: Path) -> None:
    with world(tmp_path, SEED + 1) as (server, first):
        first.start()
        first.await_armed()
        first.halt()
        assert first.process is not None
        done = subprocess.run(
            [sys.executable, "-m", "trader", "run", "--config", str(first.config)],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env=environment(),
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == 5, done
        (line,) = done.stderr.splitlines()
        assert f"held by another daemon, process {first.process.pid}" in line
        assert server.truth()["clients"] == [7]
        # The first one does not notice: it can still be asked, and still obeys.
        first.resume()
        first.await_orders(1)
