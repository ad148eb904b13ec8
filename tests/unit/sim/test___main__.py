"""The process: what it prints, how it ends, and with which exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.unit.sim.support import write_prices
from trader.sim.__main__ import read_settings

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
    state = tmp_path / "state.json"
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
        assert "cannot listen" in errors
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == 0
    assert json.loads(state.read_text())["accounts"][0]["cash"] == "1000000"


@pytest.mark.process
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--speed", "0"), ["speed", "0", "allowed"]),
        (("--host", "0.0.0.0"), ["host", "0.0.0.0", "--allow-remote"]),
        (("--position", "AAPL"), ["--position", "AAPL", "SYMBOL:QUANTITY"]),
        (("--position", "NONE:5"), ["position", "NONE", "allowed"]),
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
        read_settings(list(arguments))
    assert caught.value.code == 2
    assert arguments[0] in capsys.readouterr().err


def test_arguments_become_settings(tmp_path: Path) -> None:
    given = [
        "--data", str(tmp_path), "--ack-ms", "1:2", "--fill-ms", "0", "--position", "aapl:100",
        "--read-only", "--start-date", "2020-03-02", "--seed", "7",
    ]  # fmt: skip
    made = read_settings(given)
    assert (made.ack_s, made.fill_s) == ((0.001, 0.002), (0.0, 0.0))
    assert made.positions[0][0] == "AAPL"
    assert (made.is_read_only, str(made.start_date), made.seed) == (True, "2020-03-02", 7)
