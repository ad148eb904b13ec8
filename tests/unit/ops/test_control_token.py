"""How a shell finds the daemon."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from trader.ops.control_token import (
    Endpoint,
    load_or_create,
    read_endpoint,
    read_token,
    remove_endpoint,
    write_endpoint,
)


def test_a_token_is_made_once_private_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "control.token"
    token = load_or_create(path)
    assert len(token) >= 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_or_create(path) == token
    assert read_token(path) == token


@pytest.mark.parametrize("content", [b"", b"short", b"\xff" * 50])
def test_an_unusable_token_is_replaced(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "control.token"
    path.write_bytes(content)
    path.chmod(0o600)
    assert read_token(path) is None
    assert load_or_create(path).encode() != content


def test_a_token_that_others_could_read_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "control.token"
    first = load_or_create(path)
    path.chmod(0o640)
    assert load_or_create(path) != first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_endpoint_comes_back_while_its_process_lives(tmp_path: Path) -> None:
    path = tmp_path / "control.json"
    endpoint = Endpoint("127.0.0.1", 3000, tmp_path / "control.token", os.getpid())
    write_endpoint(path, endpoint)
    assert read_endpoint(path) == endpoint
    endpoint = endpoint._replace(halt_file=tmp_path / "elsewhere")
    write_endpoint(path, endpoint)
    assert read_endpoint(path) == endpoint
    remove_endpoint(path)
    remove_endpoint(path)
    assert read_endpoint(path) is None


def test_the_endpoint_of_a_dead_process_is_none(tmp_path: Path) -> None:
    path = tmp_path / "control.json"
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    write_endpoint(path, Endpoint("127.0.0.1", 3000, tmp_path / "t", pid))
    assert read_endpoint(path) is None


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"host": "h", "port": 0, "token_file": "t", "pid": 1}',
        '{"host": "h", "port": "x", "token_file": "t", "pid": 1}',
        '{"host": "h", "port": 1, "token_file": 5, "pid": 1}',
        '{"host": "h", "port": 1, "token_file": "t", "pid": -1}',
    ],
)
def test_a_damaged_endpoint_is_none(tmp_path: Path, content: str) -> None:
    path = tmp_path / "control.json"
    path.write_text(content)
    assert read_endpoint(path) is None
