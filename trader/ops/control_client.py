"""Ask the running daemon, from a shell, within one deadline for everything.

Plain sockets and HTTP/1.0: an HTTP library bounds each read, not the whole, and costs more time
to import than the kill switch has. Standard library only; the clock is handed in.
"""

import json
import socket
from collections.abc import Callable, Mapping
from typing import NamedTuple

from trader.ops.control_token import Endpoint, read_token

Monotonic = Callable[[], float]
_ANSWER_BYTES_MAX = 4 * 1024 * 1024


class Reply(NamedTuple):
    """What the daemon answered; ``status`` is the HTTP code and ``body`` its JSON object."""

    status: int
    body: dict[str, object]

    @property
    def is_done(self) -> bool:
        """Tell whether the daemon did what was asked."""
        return self.status == 200 and self.body.get("is_done") is True

    @property
    def text(self) -> str:
        """Return the daemon's one line."""
        return str(self.body.get("text", f"HTTP {self.status}"))

    @property
    def code(self) -> str:
        """Return what a program may decide by; empty from a verb that has none."""
        return str(self.body.get("code") or "")

    @property
    def details(self) -> list[str]:
        """Return the daemon's lines behind it."""
        details = self.body.get("details")
        return [str(line) for line in details] if isinstance(details, list) else []


class NoReply(Exception):
    """The daemon did not answer, or not in time, or not intelligibly; it may have acted."""


def ask_verb(
    endpoint: Endpoint,
    verb: str,
    asked: Mapping[str, object],
    *,
    timeout_s: float,
    monotonic: Monotonic,
) -> Reply:
    """POST a verb ("halt", "resume", "cancel-orders", ...); raises NoReply."""
    token = read_token(endpoint.token_file)
    if token is None:
        raise NoReply(f"no usable control token in {endpoint.token_file}")
    body = json.dumps(asked).encode()
    head = (
        f"POST /ops/{verb} HTTP/1.0\r\n"
        "Host: localhost\r\n"
        f"Authorization: Bearer {token}\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return _exchange(endpoint, head.encode() + body, monotonic() + timeout_s, monotonic)


def ask_status(endpoint: Endpoint, *, timeout_s: float, monotonic: Monotonic) -> Reply:
    """GET /ops/status; raises NoReply. The code is 503 while the daemon may not trade."""
    request = b"GET /ops/status HTTP/1.0\r\nHost: localhost\r\n\r\n"
    return _exchange(endpoint, request, monotonic() + timeout_s, monotonic)


def ask_health(endpoint: Endpoint, *, timeout_s: float, monotonic: Monotonic) -> Reply:
    """GET /healthz; raises NoReply. The code is 503 while the daemon finds itself late."""
    request = b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n"
    return _exchange(endpoint, request, monotonic() + timeout_s, monotonic)


def _exchange(endpoint: Endpoint, request: bytes, deadline_s: float, monotonic: Monotonic) -> Reply:
    def left_s() -> float:
        left = deadline_s - monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    received = bytearray()
    try:
        with socket.create_connection((endpoint.host, endpoint.port), timeout=left_s()) as sock:
            sock.settimeout(left_s())
            sock.sendall(request)
            while not _is_whole(received) and len(received) < _ANSWER_BYTES_MAX:
                sock.settimeout(left_s())
                chunk = sock.recv(65536)
                if not chunk:
                    break
                received += chunk
    except TimeoutError:
        raise NoReply("no answer in time") from None
    except OSError as error:
        raise NoReply(f"{endpoint.host}:{endpoint.port}: {error.strerror or error}") from error
    return _reply_in(bytes(received))


def _is_whole(received: bytearray) -> bool:
    """Tell whether head and body are there, so that nobody waits for the peer to hang up."""
    head, separator, body = bytes(received).partition(b"\r\n\r\n")
    if not separator:
        return False
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip().isdigit():
            return len(body) >= int(value)
    return False


def _reply_in(received: bytes) -> Reply:
    head, _, content = received.partition(b"\r\n\r\n")
    words = head.split(b"\r\n", 1)[0].split()
    try:
        status = int(words[1])
        body = json.loads(content)
    except (IndexError, ValueError, RecursionError):
        raise NoReply("the answer is not one of this daemon's") from None
    if not isinstance(body, dict):
        raise NoReply("the answer is not one of this daemon's")
    return Reply(status, body)
