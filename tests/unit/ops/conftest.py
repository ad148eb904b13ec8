"""A real server on a real port, and a client that talks to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from tests.unit.ops.doors import FakeDoor, ListedOrders, http_settings, served
from tests.unit.ops.support import READY, FakeDesk
from trader.engine.status import Status
from trader.ops.clock import SystemClock
from trader.ops.http import HttpServer


@dataclass
class Site:
    """A running server; set ``status`` to change what it shows."""

    session: aiohttp.ClientSession
    folder: Path
    status: Status = READY
    desk: FakeDesk = field(default_factory=FakeDesk)
    door: FakeDoor = field(default_factory=FakeDoor)
    orders: ListedOrders = field(default_factory=ListedOrders)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        async with self.session.get(self.url + path, headers=headers) as response:
            return response.status, await response.text()


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with aiohttp.ClientSession() as session:
        running = Site(session, tmp_path)
        parts = {"desk": running.desk, "door": running.door, "orders": running.orders}
        server = HttpServer(
            served(lambda: running.status, **parts),
            SystemClock(),
            http_settings(tmp_path, listeners_max=2, event_interval_s=0.02),
        )
        running.port = await server.start()
        yield running
        await session.close()
        await server.stop()
