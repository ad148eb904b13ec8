"""One deadline for the whole exchange, against servers that behave and servers that do not."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.unit.ops.conftest import Site
from tests.unit.ops.support import TOKEN
from trader.ops.control_client import NoReply, Reply, ask_health, ask_status, ask_verb
from trader.ops.control_token import Endpoint

ASKED = {"reason": "drill", "by": "ops"}


def endpoint_at(port: int, folder: Path) -> Endpoint:
    token_file = folder / "control.token"
    token_file.write_text(TOKEN)
    return Endpoint("127.0.0.1", port, token_file, os.getpid())


def ask(endpoint: Endpoint, timeout_s: float = 5.0, verb: str = "halt") -> Reply:
    return ask_verb(endpoint, verb, ASKED, timeout_s=timeout_s, monotonic=time.monotonic)


@contextmanager
def peer(behave: Callable[[socket.socket], None]) -> Iterator[int]:
    """Accept one connection and do something with it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            accepted, _ = listener.accept()
            with accepted:
                accepted.recv(65536)
                behave(accepted)

        thread = threading.Thread(target=serve)
        thread.start()
        yield int(listener.getsockname()[1])
        thread.join(5)


async def test_a_verb_reaches_the_daemon_and_its_answer_comes_back(
    site: Site, tmp_path: Path
) -> None:
    reply = await asyncio.to_thread(ask, endpoint_at(site.port, tmp_path))
    assert reply.is_done
    assert (reply.text, reply.details) == ("done", ["line one", "line two"])
    assert site.desk.calls == [("halt", "drill", "ops")]


async def test_the_health_is_asked_of_the_liveness_probe(site: Site, tmp_path: Path) -> None:
    endpoint = endpoint_at(site.port, tmp_path)
    reply = await asyncio.to_thread(ask_health, endpoint, timeout_s=5, monotonic=time.monotonic)
    assert (reply.status, reply.body["is_serviceable"]) == (200, True)


async def test_the_status_comes_back_whole(site: Site, tmp_path: Path) -> None:
    reply = await asyncio.to_thread(
        ask_status, endpoint_at(site.port, tmp_path), timeout_s=5, monotonic=time.monotonic
    )
    assert reply.status == 200
    assert reply.body["agent_state"] == "READY"


async def test_a_wrong_token_is_an_answer_and_not_done(site: Site, tmp_path: Path) -> None:
    endpoint = endpoint_at(site.port, tmp_path)
    endpoint.token_file.write_text("x" * 43)
    reply = await asyncio.to_thread(ask, endpoint)
    assert (reply.status, reply.is_done) == (401, False)
    assert not site.desk.calls


def test_without_a_token_nothing_is_sent(tmp_path: Path) -> None:
    endpoint = endpoint_at(1, tmp_path)
    endpoint.token_file.unlink()
    with pytest.raises(NoReply, match="no usable control token"):
        ask(endpoint)


def test_nobody_there_is_no_reply(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(NoReply, match="refused"):
        ask(endpoint_at(port, tmp_path))


def dribble(accepted: socket.socket) -> None:
    try:
        for _ in range(100):
            accepted.sendall(b"H")
            time.sleep(0.02)
    except OSError:
        pass


def test_a_peer_that_dribbles_does_not_stretch_the_deadline(tmp_path: Path) -> None:
    with peer(dribble) as port:
        started = time.monotonic()
        with pytest.raises(NoReply, match="in time"):
            ask(endpoint_at(port, tmp_path), timeout_s=0.1)
        assert time.monotonic() - started < 0.5


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"garbage",
        b"HTTP/1.1 200 OK\r\n\r\nnot json",
        b"HTTP/1.1 200 OK\r\n\r\n[]",
        b"HTTP/1.1\r\n\r\n{}",
    ],
)
def test_an_answer_of_something_else_is_no_reply(tmp_path: Path, answer: bytes) -> None:
    def reply(accepted: socket.socket) -> None:
        accepted.sendall(answer)

    with peer(reply) as port, pytest.raises(NoReply, match="not one of this daemon's"):
        ask(endpoint_at(port, tmp_path))


def test_done_needs_both_the_code_and_the_word() -> None:
    assert Reply(200, {"is_done": True}).is_done
    assert not Reply(200, {"is_done": 1}).is_done
    assert not Reply(503, {"is_done": True}).is_done
    assert Reply(500, {}).text == "HTTP 500"
    assert Reply(200, {"details": "x"}).details == []
