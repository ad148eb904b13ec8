"""The operator of the simulated daemon: asks over its control port, as the shell commands do."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trader.ops.control_token import ENDPOINT_FILE_NAME, TOKEN_FILE_NAME

_STATE = Path("state")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the daemon answered; ``code`` is 0 where nothing came."""

    code: int
    body: dict[str, Any]

    @property
    def is_done(self) -> bool:
        """Return whether it was done."""
        return bool(self.body.get("is_done"))


NOTHING = Answer(0, {})


class _Call(asyncio.Protocol):
    """One request of HTTP/1.0 and everything that comes back."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._received = bytearray()
        self.ended: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport), "a simulated pipe"
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._received += data

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(bytes(self._received))


async def _asked(request: str, timeout_s: float) -> Answer:
    port = _port()
    if port is None:
        return NOTHING
    loop = asyncio.get_running_loop()
    transport: asyncio.Transport | None = None
    try:
        async with asyncio.timeout(timeout_s):
            transport, call = await loop.create_connection(
                lambda: _Call(request.encode()), "127.0.0.1", port
            )
            received = await call.ended
    except (TimeoutError, OSError):
        return NOTHING
    finally:
        if transport is not None:
            transport.abort()
    head, _, content = received.partition(b"\r\n\r\n")
    words = head.split()
    if len(words) < 2 or not content:
        return NOTHING
    return Answer(int(words[1]), json.loads(content))


def _port() -> int | None:
    """Return where the daemon says that it listens; its process id means nothing here."""
    try:
        return int(json.loads((_STATE / ENDPOINT_FILE_NAME).read_text())["port"])
    except (OSError, ValueError, KeyError):
        return None


async def status(timeout_s: float = 5.0) -> Answer:
    """Ask for the status."""
    return await _asked("GET /ops/status HTTP/1.0\r\nHost: localhost\r\n\r\n", timeout_s)


async def verb(name: str, reason: str, timeout_s: float = 30.0) -> Answer:
    """Have the daemon do something."""
    token_file = _STATE / TOKEN_FILE_NAME
    if not token_file.exists():
        return NOTHING
    token = token_file.read_text().strip()
    body = json.dumps({"reason": reason, "by": "simulation"})
    head = (
        f"POST /ops/{name} HTTP/1.0\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return await _asked(head + body, timeout_s)
