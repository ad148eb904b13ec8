"""Messages to systemd, against a real datagram socket."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from trader.ops.notify import Notifier, watchdog_interval_s


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    name = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind("\0" + name if request.param == "abstract" else name)
        sock.settimeout(2)
        yield ("@" + name if request.param == "abstract" else name), sock


def test_each_message_is_one_datagram(manager: tuple[str, socket.socket]) -> None:
    address, sock = manager
    notifier = Notifier({"NOTIFY_SOCKET": address})
    assert notifier.is_heard
    notifier.ready()
    notifier.watchdog()
    notifier.status("halted:\nHALT_FILE")
    notifier.stopping()
    notifier.extend_start(1.5)
    seen = [sock.recv(200) for _ in range(5)]
    assert seen == [
        b"READY=1",
        b"WATCHDOG=1",
        b"STATUS=halted: HALT_FILE",
        b"STOPPING=1",
        b"EXTEND_TIMEOUT_USEC=1500000",
    ]


def test_without_the_variable_nothing_happens() -> None:
    notifier = Notifier({})
    notifier.ready()
    assert not notifier.is_heard


def test_a_vanished_manager_is_reported_once_and_survived(tmp_path: Path) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")})
    with capture_logs() as lines:
        notifier.watchdog()
        notifier.watchdog()
    assert [line["event"] for line in lines] == ["systemd cannot be told"]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "77"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "78"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "me"}, None),
    ],
)
def test_the_ping_comes_twice_per_limit(
    environment: dict[str, str], expected: float | None
) -> None:
    assert watchdog_interval_s(environment, 77) == expected
