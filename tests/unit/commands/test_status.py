"""A daemon that does not answer is told from one that is not there."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.unit.commands.support import PATIENCE_S, ROOT
from trader import cli
from trader.ops.control_token import Endpoint, write_endpoint


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


def test_a_watch_waits_for_a_daemon_that_is_not_there(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "trader", "status", "--watch", "0.1", "--state", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            told = [process.stdout.readline() for _ in range(8)]
            assert [line for line in told if "no daemon is running" in line] == told[2::4]
            assert told[0].endswith("every 0.1 s\n")
            assert "\x1b" not in "".join(told), "no screen, no control characters"
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE_S) == 0
        finally:
            process.kill()


def test_a_watch_ends_when_nobody_reads_any_more(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "trader", "status", "--watch", "0.1", "--state", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            process.stdout.close()
            assert process.wait(PATIENCE_S) == 0
        finally:
            process.kill()


@pytest.mark.parametrize("seconds", ["0", "x", "3601", "nan"])
def test_a_watch_takes_a_time_that_makes_sense(
    capsys: pytest.CaptureFixture[str], seconds: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["status", "--watch", seconds])
    assert ended.value.code == 2
    assert f"is {seconds}, allowed is above 0" in capsys.readouterr().err
