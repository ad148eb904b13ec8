"""The watch over the decoders is itself watched: bad messages must be reported as problems.

A gateway of a few lines greets each client and then sends one message that no client can digest.
A script that stayed silent would make every other test here worthless.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.driver import Driver
from tests.clients.environments import MissingError, or_skip
from tests.clients.runs import CLIENT_LIST, Client

pytestmark = [pytest.mark.process, pytest.mark.slow, pytest.mark.timeout(900)]

VERSION = 157
# One message that decoders map by a signature, and one that they take apart field by field.
SUMMARY = ("63", "1", "7", "DU1", "NetLiquidation", "1000.00", "USD")
PORTFOLIO = (
    "7", "8", "265598", "AAPL", "STK", "", "0", "0", "", "NASDAQ", "USD", "AAPL", "NMS", "100",
    "200.0", "20000.0", "190.0", "1000.0", "0.0", "DU1",
)  # fmt: skip
# A message that the library does not know, one field too many, one too few, a word for a number.
BAD_MESSAGES = {
    "unknown": ("250", "1", "7"),
    "summary-surplus": (*SUMMARY, "1"),
    "summary-short": SUMMARY[:-1],
    "summary-garbled": ("63", "1", "many", *SUMMARY[3:]),
    "portfolio-surplus": (*PORTFOLIO, "1"),
    "portfolio-short": PORTFOLIO[:-2],
    "portfolio-garbled": (*PORTFOLIO[:13], "many", *PORTFOLIO[14:]),
}


def frame(*fields: str) -> bytes:
    """Return one message as it goes over the wire."""
    payload = "".join(f"{field}\0" for field in fields).encode()
    return len(payload).to_bytes(4, "big") + payload


NOTICE = frame("4", "2", "-1", "2104", "a notice")


def greet(listener: socket.socket) -> socket.socket:
    """Take one connection through the handshake and startApi."""
    link, _ = listener.accept()
    link.settimeout(20)
    assert link.recv(4096).startswith(b"API\0")
    link.sendall(frame(str(VERSION), "20260105 15:00:00 GMT"))
    assert b"71\0" in link.recv(4096)
    link.sendall(frame("15", "1", "DU1") + frame("9", "1", "1"))
    return link


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)
        yield server


def driver_of(client: Client, folder: Path) -> Driver:
    try:
        words, extra = client.words()
    except MissingError as error:
        or_skip(error)
    return Driver(words, folder / "client.log", extra)


@pytest.mark.parametrize("kind", BAD_MESSAGES)
@pytest.mark.parametrize("client", CLIENT_LIST, ids=[client.name for client in CLIENT_LIST])
def test_a_message_that_cannot_be_digested_is_a_problem(
    client: Client, kind: str, listener: socket.socket, tmp_path: Path
) -> None:
    driver = driver_of(client, tmp_path)
    driver.start()
    try:
        driver.tell(1, "connect", port=listener.getsockname()[1], client_id=1)
        with greet(listener) as link:
            link.sendall(frame(*BAD_MESSAGES[kind]))
            with pytest.raises(AssertionError, match="but a problem"):
                driver.await_event(1, "never told")
        (problem,) = driver.problems()[:1]
        assert problem
    finally:
        driver.destroy()


@pytest.mark.parametrize("client", CLIENT_LIST, ids=[client.name for client in CLIENT_LIST])
def test_a_good_message_is_none(client: Client, listener: socket.socket, tmp_path: Path) -> None:
    driver = driver_of(client, tmp_path)
    driver.start()
    try:
        driver.tell(1, "connect", port=listener.getsockname()[1], client_id=1)
        with greet(listener) as link:
            link.sendall(frame(*SUMMARY) + frame(*PORTFOLIO) + NOTICE)
            driver.await_error(1, 2104)
        assert driver.problems() == []
    finally:
        driver.destroy()
