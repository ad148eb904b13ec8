"""A daemon that does not answer is told from one that is not there."""

from __future__ import annotations

import os
import socket
from contextlib import closing
from pathlib import Path

import pytest

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
