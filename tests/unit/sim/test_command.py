"""The process: what it prints, how it ends, and with which exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.unit.sim.support import write_prices
from trader.sim.command import main, read
from trader.sim.host.memory import MemoryHost
from trader.sim.host.store import Store

ROOT = Path(__file__).resolve().parents[3]
WAIT_S = 20


def start(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "trader.sim", *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=dict(os.environ),
    )  # fmt: skip


@contextmanager
def running(*arguments: object) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    with start(*arguments) as process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


@pytest.mark.process
def test_it_says_where_it_listens_and_stops_on_a_signal(tmp_path: Path) -> None:
    write_prices(tmp_path)
    state = tmp_path / "state.db"
    given = ("--data", tmp_path, "--port", 0, "--seed", 5, "--state", state)
    with running(*given) as (process, line):
        assert set(line) == {
            "event", "host", "port", "control_port", "account", "seed", "server_version", "pid",
        }  # fmt: skip
        assert (line["event"], line["seed"], line["pid"]) == ("listening", 5, process.pid)
        assert line["account"].startswith("DUSIM")
        assert len(line["account"]) == 21
        second = start("--data", tmp_path, "--port", line["port"])
        _, errors = second.communicate(timeout=WAIT_S)
        assert second.returncode == 5
        assert f"port {line['port']}, " in errors
        assert "cannot listen" in errors
        assert "allowed: an address of this machine, ports that are free" in errors
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == 0
    store = Store(state)
    assert [account.cash for account in store.accounts()] == [Decimal(1_000_000)]
    store.close()


@pytest.mark.process
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--speed", "0"), ["speed", "0", "allowed"]),
        (("--host", "0.0.0.0"), ["host", "0.0.0.0", "--allow-remote"]),
        (("--position", "AAPL"), ["--position", "AAPL", "SYMBOL:QUANTITY"]),
        (("--position", "NONE:5"), ["position", "NONE", "allowed"]),
        (("--port", "api"), ["--port", "'api'", "allowed: a whole number"]),
        (("--speed", "fast"), ["--speed", "'fast'", "allowed: a number"]),
        (("--nosuch",), ["--nosuch", "allowed: what trader.sim --help lists"]),
        (("--account", ""), ["account", "an empty text", "allowed: letters and digits"]),
        (("--start-date", "2099-01-01"), ["start-date", "2099-01-01", "days of the price files"]),
        (("--state", "/"), ["state", "/", "allowed: a state file of this program"]),
    ],
)
def test_a_bad_argument_is_one_line_and_exit_code_2(
    tmp_path: Path, arguments: tuple[str, ...], words: list[str]
) -> None:
    write_prices(tmp_path)
    process = start("--data", tmp_path, "--port", 0, *arguments)
    printed, errors = process.communicate(timeout=WAIT_S)
    assert (process.returncode, printed) == (2, "")
    assert len(errors.strip().splitlines()) == 1
    assert all(word in errors for word in words)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--cash", "much"), ("--ack-ms", "a:b"), ("--start-date", "soon"), ("--port", "x"),
        ("--position", ":5"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        read(list(arguments))
    assert caught.value.code == 2
    assert arguments[0] in capsys.readouterr().err


def test_arguments_become_settings(tmp_path: Path) -> None:
    given = [
        "--data", str(tmp_path), "--ack-ms", "1:2", "--fill-ms", "0", "--position", "aapl:100",
        "--read-only", "--start-date", "2020-03-02", "--seed", "7",
    ]  # fmt: skip
    made = read(given).settings
    assert (made.ack_s, made.fill_s) == ((0.001, 0.002), (0.0, 0.0))
    assert made.positions[0][0] == "AAPL"
    assert (made.is_read_only, str(made.start_date), made.seed) == (True, "2020-03-02", 7)
    assert (made.account[:5], made.more_accounts) == ("DUSIM", ())


def test_accounts_are_named_one_by_one(tmp_path: Path) -> None:
    made = read(
        [
            "--data", str(tmp_path), "--account", "DU1", "--account", "DU2",
            "--account-kind", "cash", "--currency", "EUR", "--commissions", "tiered",
        ]
    ).settings  # fmt: skip
    assert (made.account, made.more_accounts) == ("DU1", ("DU2",))
    assert (made.account_kind, made.currency, made.commissions) == ("cash", "EUR", "tiered")


SCENARIO = """
name: two clients
why: a transcript of a run under virtual time
steps:
- {at: 0s, action: client-join, with: {client_id: 1}}
- {wait: 1s, action: client-join, with: {client_id: 2}}
- wait: 1s
  action: client-place
  with: {client_id: 1, order_id: 1, symbol: AAPL, side: BUY, quantity: 300, order_type: MKT}
- {wait: 2s, action: client-send, with: {client_id: 2, fields: ["7", "3", "1", "0", "", "", "", "", "", ""]}}
- {wait: 600s, end: true}
"""  # noqa: E501


def played(directory: Path, seed: int, hash_seed: str) -> tuple[str, str]:
    """Play the scenario in a process of its own; return what it printed and its transcript."""
    directory.mkdir()
    (directory / "s.yaml").write_text(SCENARIO)
    words = ["--virtual", "--scenario", "s.yaml", "--transcript", "t.txt", "--seed", str(seed)]
    done = subprocess.run(
        [sys.executable, "-m", "trader.sim", *words],
        cwd=directory, capture_output=True, text=True, check=True,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": hash_seed},
    )  # fmt: skip
    return done.stdout, (directory / "t.txt").read_text()


@pytest.mark.process
def test_the_same_seed_and_scenario_give_the_same_transcript(tmp_path: Path) -> None:
    first, second = played(tmp_path / "a", 5, "1"), played(tmp_path / "b", 5, "2")
    assert first == second
    assert played(tmp_path / "c", 6, "1")[1] != first[1]
    truth = json.loads(first[0].splitlines()[-1])
    assert (truth["event"], truth["truth"]["orders"][0]["status"]) == ("truth", "Filled")
    assert "#2 < 55|1|1" in first[1]


@pytest.mark.parametrize("name", ["port", "control-port"])
def test_virtual_time_has_no_ports(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--virtual", "--scenario", "s", f"--{name}", "7499"]) == 2
    assert f"{name}: 7499 is not allowed; allowed: none with --virtual" in capsys.readouterr().err


def test_a_state_goes_on_with_its_seed_unless_another_is_asked_for(tmp_path: Path) -> None:
    state = tmp_path / "state.db"
    host = MemoryHost(read(["--state", str(state), "--seed", "7"]).settings, epoch_s=0.0)
    host.start()
    host.close()
    assert read(["--state", str(state)]).settings.seed == 7
    assert read(["--state", str(state), "--seed", "8"]).settings.seed == 8
    made = read([]).settings
    assert (made.port, made.control_port) == (7497, 0)


def test_virtual_time_needs_a_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--virtual"]) == 2
    assert "virtual: needs a scenario" in capsys.readouterr().err


@pytest.mark.process
def test_a_scenario_on_tcp_says_its_seed_and_at_its_end_the_truth(tmp_path: Path) -> None:
    write_prices(tmp_path)
    path = tmp_path / "short.yaml"
    path.write_text(
        "name: short\nwhy: a play on a real socket\nsettings: {cash: 777}\nsteps:\n"
        "- {at: 200ms, action: manual-trade, with: {symbol: AAPL, side: BUY, quantity: 1}}\n"
        "- {wait: 100ms, end: true}\n"
    )
    with running("--data", tmp_path, "--port", 0, "--seed", 9, "--scenario", path) as (
        process,
        line,
    ):
        assert (line["seed"], line["scenario"]) == (9, "short")
        out, _ = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0
    told = json.loads(out)
    assert (told["event"], told["scenario"], told["seed"]) == ("truth", "short", 9)
    assert len(told["truth"]["executions"]) == 1


@pytest.mark.process
def test_a_wrong_scenario_is_refused_before_anything_starts(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text("name: x\nwhy: y\nsteps:\n- action: explode\n")
    process = start("--scenario", path, "--port", 0)
    out, errors = process.communicate(timeout=WAIT_S)
    assert (process.returncode, out) == (2, "")
    assert "wrong.yaml, line 4: action: 'explode' is not allowed" in errors


CHILD = "name: c\nwhy: x\nsteps:\n- {wait: 100ms, action: child-signal, with: {signal: KILL}}\n"


@pytest.mark.process
def test_a_child_is_started_with_the_address_and_its_end_is_in_the_truth(tmp_path: Path) -> None:
    write_prices(tmp_path)
    path = tmp_path / "kill.yaml"
    path.write_text(CHILD + "- {when: {child_state: ended}, end: true}\n")
    source = "import os, time; print(os.environ['SIM_PORT'], flush=True); time.sleep(60)"
    given = ("--child", f'bot={sys.executable} -c "{source}"', "--child-logs", tmp_path)
    with running("--data", tmp_path, "--port", 0, "--scenario", path, *given) as (process, line):
        out, errors = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0
    assert "child bot started, pid" in errors
    (child,) = json.loads(out)["truth"]["children"]
    assert (child["name"], child["state"], child["starts"]) == ("bot", "ended", 1)
    assert [end["code"] for end in child["ends"]] == [-9]
    assert line["port"] > 0


@pytest.mark.process
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--child", "bot"), ["--child", "'bot' is not allowed", "NAME='COMMAND ...'"]),
        (("--child", "bot='"), ["--child", "NAME='COMMAND ...'"]),
        (("--child", "Bot=true"), ["child: Bot", "small letters"]),
        (("--child", "bot=/no/program"), ["child: bot=/no/program", "a program that can be run"]),
        (("--lockable", "=x"), ["--lockable", "NAME=PATH"]),
        (("--child-logs", "/no/folder"), ["child-logs", "an existing directory"]),
        (("--scenario", "{c}"), ["acts on a child, which is not declared", "--child NAME="]),
        (("--scenario", "{c}", "--virtual"), ["acts on a child", "no --virtual"]),
        (("--scenario", "{s}", "--virtual", "--child", "bot=true"), ["child: bot", "no sockets"]),
    ],
)
def test_children_that_cannot_be_are_refused_in_one_line(
    tmp_path: Path, arguments: tuple[str, ...], words: list[str]
) -> None:
    write_prices(tmp_path)
    for name, text in (("c", CHILD), ("s", SCENARIO)):
        (tmp_path / f"{name}.yaml").write_text(text)
    files = {"{c}": str(tmp_path / "c.yaml"), "{s}": str(tmp_path / "s.yaml")}
    given = [files.get(word, word) for word in arguments]
    port = () if "--virtual" in given else ("--port", 0)
    process = start("--data", tmp_path, *port, *given)
    printed, errors = process.communicate(timeout=WAIT_S)
    assert (process.returncode, printed) == (2, "")
    assert len(errors.strip().splitlines()) == 1
    assert all(word in errors for word in words), errors
