"""The script as an operator runs it, against a real server and without the virtual environment."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.ops.doors import http_settings, served
from tests.unit.ops.support import TOKEN, FakeDesk
from trader.ops.clock import SystemClock
from trader.ops.control_token import Endpoint, write_endpoint
from trader.ops.halt_record import verdict
from trader.ops.http import HttpServer

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "kill_switch.py"
# The system's own Python where there is one; -S keeps any site-packages out of sight.
PYTHON = shutil.which("python3", path="/usr/bin") or sys.executable
BUDGET_S = 0.25


def run_alone(state: Path, *arguments: str) -> tuple[int, str, float]:
    """Run the script; return its exit code, its output and the wall time it took."""
    started = time.monotonic()
    done = subprocess.run(
        [PYTHON, "-S", str(SCRIPT), *arguments, "--state", str(state)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={"LOGNAME": "desk"},
        timeout=30,
        check=False,
    )
    return done.returncode, done.stdout, time.monotonic() - started


async def run(state: Path, *arguments: str) -> tuple[int, str, float]:
    """Run the script beside the server of this process."""
    return await asyncio.to_thread(run_alone, state, *arguments)


@pytest.fixture
def desk() -> FakeDesk:
    return FakeDesk()


@pytest.fixture
async def state(tmp_path: Path, desk: FakeDesk) -> AsyncIterator[Path]:
    """A state directory with a server that is found through it."""
    token_file = tmp_path / "control.token"
    token_file.write_text(TOKEN)
    server = HttpServer(served(desk=desk), SystemClock(), http_settings(tmp_path))
    port = await server.start()
    write_endpoint(tmp_path / "control.json", Endpoint("127.0.0.1", port, token_file, os.getpid()))
    yield tmp_path
    await server.stop()


async def test_a_halt_is_confirmed_within_its_budget(state: Path, desk: FakeDesk) -> None:
    """The least of several runs: a busy machine must not turn this red, a slow import must."""
    times = []
    for _ in range(7):
        code, output, took_s = await run(state, "--confirm", "HALT TRADING", "--reason", "drill")
        assert code == 0, output
        assert "Confirmed by the daemon" in output
        times.append(took_s)
    assert verdict((state / "HALT").read_bytes())[0]
    assert desk.calls[0] == ("halt", "drill", "desk")
    assert min(times) < BUDGET_S, [f"{took_s * 1000:.0f} ms" for took_s in times]


async def test_cancel_and_liquidate_print_the_daemons_lines(state: Path, desk: FakeDesk) -> None:
    code, output, _ = await run(
        state, "--confirm", "HALT TRADING", "--cancel-orders", "--liquidate"
    )
    assert code == 0, output
    assert [verb for verb, _, _ in desk.calls] == ["halt", "cancel_orders", "liquidate"]
    assert output.count("  line one") == 3


def test_a_stopped_daemon_cannot_hold_the_halt_up(tmp_path: Path) -> None:
    """A process that was SIGSTOPped still accepts connections, in the kernel's queue."""
    listener = (
        "import socket, time; s = socket.create_server(('127.0.0.1', 0));"
        "print(s.getsockname()[1], flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", listener], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        process.send_signal(signal.SIGSTOP)
        (tmp_path / "control.token").write_text(TOKEN)
        write_endpoint(
            tmp_path / "control.json",
            Endpoint("127.0.0.1", port, tmp_path / "control.token", process.pid),
        )
        times = []
        for _ in range(5):
            code, output, took_s = run_alone(tmp_path, "--confirm", "HALT TRADING")
            assert code == 1
            assert "Not confirmed by the daemon" in output
            times.append(took_s)
        process.kill()
    assert verdict((tmp_path / "HALT").read_bytes())[0]
    assert min(times) < BUDGET_S + 0.1, times


def test_help_is_silent_on_stderr_and_documents_the_exit_codes(tmp_path: Path) -> None:
    done = subprocess.run(
        [PYTHON, "-S", "-W", "error", str(SCRIPT), "--help"],
        capture_output=True,
        text=True,
        env={},
        check=True,
    )
    assert not done.stderr
    assert "exit codes:" in done.stdout
    code, output, _ = run_alone(tmp_path, "--confirm", "yes")
    assert code == 2
    assert "No change" in output


def test_it_is_executable_and_asks_env_for_python() -> None:
    assert os.access(SCRIPT, os.X_OK)
    assert SCRIPT.read_text().startswith("#!/usr/bin/env python3\n")


@pytest.mark.parametrize("encoding", ["ascii", "utf-8:strict"])
def test_a_reason_that_the_terminal_cannot_show_halts_all_the_same(
    tmp_path: Path, encoding: str
) -> None:
    # "\xfc" alone: typed where the terminal's encoding is not UTF-8.
    for reason in ("Gap über Nacht".encode(), b"Gap \xfcber Nacht"):
        words = [PYTHON, "-S", str(SCRIPT), "--confirm", "HALT TRADING", "--state", str(tmp_path)]
        done = subprocess.run(
            [*words, "--reason", os.fsdecode(reason)],
            capture_output=True,
            env={"PYTHONIOENCODING": encoding, "LC_ALL": "C.UTF-8"},
            timeout=30,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, b"")
        assert b"No daemon is running" in done.stdout
        content = (tmp_path / "HALT").read_bytes()
        assert verdict(content)[0]
        assert b"udcfc" in content or b"u00fc" in content


def test_a_connection_that_breaks_does_not_end_it(tmp_path: Path) -> None:
    # Cut off between cancelling what protects and closing would be the worst place.
    token_file = tmp_path / "control.token"
    token_file.write_text(TOKEN)
    words = [PYTHON, "-S", str(SCRIPT), "--confirm", "HALT TRADING", "--liquidate"]
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        endpoint = Endpoint("127.0.0.1", port, token_file, os.getpid())
        write_endpoint(tmp_path / "control.json", endpoint)
        with subprocess.Popen(
            [*words, "--state", str(tmp_path)], stdout=subprocess.PIPE, text=True
        ) as switch:
            assert switch.stdout is not None
            assert "Halted by" in switch.stdout.readline()
            switch.send_signal(signal.SIGHUP)
            assert switch.wait(30) == 8, "it has gone on to what needs the state of a daemon"
