"""Tell systemd how the daemon is, over the datagram socket it names in NOTIFY_SOCKET.

Without the variable every call is a no-op: the daemon runs the same in a shell. A message that
cannot be sent is logged and forgotten, because a daemon must not fail for want of an audience.
"""

import socket
from collections.abc import Mapping

import structlog

_log = structlog.get_logger(__name__)


class Notifier:
    """The service manager's ear; built from the process environment."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        # A leading @ means the abstract name space, which the kernel spells with a zero byte.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._is_reported = False

    @property
    def is_heard(self) -> bool:
        """Tell whether a service manager listens."""
        return bool(self._address)

    def ready(self) -> None:
        """Say that start-up is over: the process is up, whether or not it may trade (RUN-02)."""
        self._send("READY=1")

    def watchdog(self) -> None:
        """Prove that the event loop turns."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """Say that the drain began."""
        self._send("STOPPING=1")

    def extend_start(self, seconds: float) -> None:
        """Ask for that much more time to start, from now on."""
        self._send(f"EXTEND_TIMEOUT_USEC={int(seconds * 1_000_000)}")

    def status(self, text: str) -> None:
        """Show one line in ``systemctl status``."""
        self._send("STATUS=" + " ".join(text.split()))

    def _send(self, message: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
                sock.setblocking(False)
                sock.connect(self._address)
                sock.send(message.encode())
        except OSError as error:
            if not self._is_reported:
                self._is_reported = True
                _log.warning("systemd cannot be told", problem=str(error))


def watchdog_interval_s(environment: Mapping[str, str], pid: int) -> float | None:
    """Return how often to ping: half of what systemd waits; None when it does not wait for us."""
    try:
        limit_us = int(environment.get("WATCHDOG_USEC", ""))
        expected_pid = int(environment.get("WATCHDOG_PID", str(pid)))
    except ValueError:
        return None
    if limit_us <= 0 or expected_pid != pid:
        return None
    return limit_us / 2_000_000
