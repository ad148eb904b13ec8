"""The command as a person types it: one clear line, a meaningful exit code, nothing traded."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.config.support import write_files
from tests.unit.core.factories import T0, an_intent
from tests.unit.store.support import put
from trader import __version__, cli
from trader.core import events as ev
from trader.core.ids import Seq
from trader.ops.control_token import Endpoint, write_endpoint
from trader.ops.halt_record import verdict
from trader.ops.instance_lock import InstanceLock
from trader.ops.roles import Principal, Principals, Role
from trader.store.schema import upgrade_from

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0
_NAMES_OF_OURS = ("EXEC", "AGENT_MODE", "DATABASE_URL", "TRADER_")


@pytest.fixture(autouse=True)
def _without_the_shells_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(_NAMES_OF_OURS):
            monkeypatch.delenv(name)


def trader(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "trader", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        cwd=ROOT,
        env={**os.environ, **environment},
    )


def until(look: Callable[[], Any], what: str) -> Any:
    """Return the first true answer."""
    end_s = time.monotonic() + PATIENCE_S
    while not (answer := look()):
        assert time.monotonic() < end_s, f"not in time: {what}"
        time.sleep(0.05)
    return answer


# ---- could not start


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


def sign_policy(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["policy", "sign", "--file", str(folder / "targets.yaml"), "--by", "Ada"]) == 0
    capsys.readouterr()


def test_a_policy_is_shown_signed_and_shown_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_files(tmp_path)
    words = ["--file", str(tmp_path / "targets.yaml")]
    assert cli.main(["policy", "show", *words]) == 0
    before = capsys.readouterr().out
    assert '"quantity_max": "500"' in before
    assert "not signed: " in before
    assert cli.main(["policy", "sign", *words, "--by", "Ada", "--role", "CTO"]) == 0
    seal, signed = capsys.readouterr().out.splitlines()
    assert seal.startswith("seal ")
    assert seal in before
    assert signed.startswith("signed by Ada, CTO, 20")
    assert cli.main(["policy", "show", *words]) == 0
    assert signed in capsys.readouterr().out


@pytest.mark.parametrize(
    ("limits", "words", "problem"),
    [
        ({"order__quantity_max": 5000}, [], "order.quantity_max 5000 is above position"),
        ({"order__quantity_max": "x"}, [], "order.quantity_max is 'x', allowed is a number"),
        ({}, ["--by", " "], "by is ' ', allowed is"),
    ],
)
def test_a_policy_that_is_none_is_not_signed(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    limits: dict[str, Any],
    words: list[str],
    problem: str,
) -> None:
    write_files(tmp_path, **limits)
    file = tmp_path / "targets.yaml"
    assert cli.main(["policy", "sign", "--file", str(file), *words]) == 1
    assert problem in capsys.readouterr().err
    assert not list(tmp_path.glob("*.sig"))


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


# ---- usage and verbs without a daemon


@pytest.mark.parametrize(
    "words",
    [[], ["dance"], ["run"], ["resume"], ["resume", "--reason", "x", "--timeout", "nan"],
     ["reconcile", "--timeout", "0"], ["baseline", "--timeout", "soon"]],
)  # fmt: skip
def test_wrong_usage_is_code_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert ended.value.code == 2
    assert "usage: trader" in capsys.readouterr().err


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"trader {__version__}\n"


def test_help_warns_of_nothing() -> None:
    done = trader("--help")
    assert (done.returncode, done.stderr) == (0, "")
    for command in ("run", "demo", "sim", "status", "halt", "resume", "baseline", "reconcile",
                    "cancel-orders", "tickets", "why", "token", "breakers", "reset",
                    "override", "review"):  # fmt: skip
        assert re.search(rf"^    {command}( |$)", done.stdout, re.M)


@pytest.mark.parametrize(
    "words",
    [
        ["status"],
        ["breakers"],
        ["reset", "drift", "--reason", "x"],
        ["override", "drift", "--minutes", "5", "--reason", "x"],
        ["review", "12", "--verdict", "false", "--by", "me", "--reason", "x"],
        ["resume", "--reason", "x"],
        ["baseline"],
        ["reconcile"],
        ["tickets", "adopt", "t", "--reason", "x"],
        ["tickets", "book", "t", "--quantity", "-5", "--price", "2", "--reason", "x"],
        ["tickets", "ignore-until", "t", "2026-11-22T12:00Z", "--reason", "x"],
        ["tickets", "flatten", "t", "--reason", "x"],
    ],
)
def test_a_verb_without_a_daemon_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert cli.main([*words, "--state", str(tmp_path)]) == 1
    shown = capsys.readouterr()
    assert shown.err == (f"trader: no daemon is running for {tmp_path} (choose with --state)\n")
    assert shown.out == ""


def test_tokens_are_added_listed_and_revoked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at = ["--state", str(tmp_path)]
    assert cli.main(["token", "list", *at]) == 0
    assert capsys.readouterr().out == "no tokens but the local operator's\n"
    assert cli.main(["token", "add", "alice", "--role", "trader", *at]) == 0
    token = capsys.readouterr().out.strip()
    alice = Principals("c" * 43, tmp_path / "tokens.json").whose(token)
    assert alice == Principal("alice", Role.TRADER)
    assert cli.main(["token", "add", "alice", "--role", "risk", *at]) == 1
    assert "name 'alice' has a token already" in capsys.readouterr().err
    assert cli.main(["token", "list", *at]) == 0
    assert capsys.readouterr().out.split() == ["alice", "trader"]
    assert cli.main(["token", "revoke", "bob", *at]) == 1
    assert "there are: alice" in capsys.readouterr().err
    assert cli.main(["token", "revoke", "alice", *at]) == 0
    assert Principals("c" * 43, tmp_path / "tokens.json").whose(token) is None


@pytest.mark.parametrize("words", [["add"], ["add", "x"], ["revoke"]])
def test_a_token_verb_that_says_too_little_is_told_what_is_allowed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert cli.main(["token", *words, "--state", str(tmp_path)]) == 2
    assert "allowed is add NAME --role ROLE, revoke NAME, or list" in capsys.readouterr().err
    assert not any(tmp_path.iterdir())


def test_why_needs_a_journal_and_no_daemon(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["why", "1", "--state", str(tmp_path)]) == 1
    missing = f"trader: {tmp_path / 'journal.db'}: there is no journal\n"
    assert capsys.readouterr() == ("", missing)
    elsewhere = tmp_path / "moved.db"
    with closing(sqlite3.connect(elsewhere)) as db:
        for statement in upgrade_from(0):
            db.execute(statement)
        halted = ev.IntentReviewed(an_intent(), "d", False, "HALTED", "lunch", ())
        put(db, ev.Recorded(Seq(1), T0, halted))
        db.commit()
    named = ["why", an_intent().intent_id, "--journal", str(elsewhere)]
    assert cli.main(named) == 0
    assert "outcome  refused, HALTED: lunch" in capsys.readouterr().out
    assert cli.main([*named, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["outcome"] == "refused, HALTED: lunch"


@pytest.mark.parametrize("words", [["status"], ["resume", "--reason", "x"], ["reconcile"]])
def test_a_daemon_that_does_not_answer_is_told_from_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    with closing(socket.socket()) as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        (tmp_path / "token").write_text("t" * 40)
        endpoint = Endpoint("127.0.0.1", port, tmp_path / "token", os.getpid())
        write_endpoint(tmp_path / "control.json", endpoint)
        assert cli.main([*words, "--state", str(tmp_path)]) == 1
    assert "Connection refused" in capsys.readouterr().err


def test_halt_without_a_daemon_writes_the_file_that_holds_at_the_next_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["halt", "--state", str(tmp_path), "--reason", "a\n drill"]) == 0
    is_active, reason = verdict((tmp_path / "HALT").read_bytes())
    assert is_active
    assert reason.endswith(": a drill")
    assert "holds at its next start" in capsys.readouterr().out


def test_halt_writes_the_file_that_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXECUTION_HALTED_FILE", str(tmp_path / "stop"))
    assert cli.main(["halt", "--state", str(tmp_path)]) == 0
    assert (tmp_path / "stop").exists()
    assert not (tmp_path / "HALT").exists()


def test_halt_that_cannot_be_written_is_loud(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["halt", "--state", str(tmp_path / "absent")]) == 6
    assert "COULD NOT BE WRITTEN" in capsys.readouterr().err


def test_sim_is_a_program_of_its_own() -> None:
    done = trader("sim", "--port", "99999")
    assert done.returncode == 2
    assert done.stderr == "trader.sim: port: 99999 is not allowed; allowed: 0 to 65535\n"


# ---- the first hour with a paper account


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
