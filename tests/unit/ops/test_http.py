"""The server's life: binding, its port, its end."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from tests.unit.ops.doors import http_settings, served
from tests.unit.ops.support import TOKEN
from trader.ops.clock import SystemClock
from trader.ops.http import HttpServer, HttpSettings, PortTaken

NOWHERE = Path("nowhere")
SETTINGS = http_settings(NOWHERE)


def server(settings: HttpSettings = SETTINGS) -> HttpServer:
    return HttpServer(served(), SystemClock(), settings)


async def test_a_free_port_is_chosen_and_given_back() -> None:
    first = server()
    port = await first.start()
    with pytest.raises(PortTaken, match=f"127.0.0.1:{port}"):
        await server(replace(SETTINGS, port=port)).start()
    await first.stop()
    await first.stop()
    second = server(replace(SETTINGS, port=port))
    assert await second.start() == port
    await second.stop()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.org", ""])
def test_it_stays_on_loopback_unless_told_otherwise(host: str) -> None:
    with pytest.raises(ValueError, match="not a loopback address"):
        server(replace(SETTINGS, host=host))
    server(replace(SETTINGS, host=host, may_leave_loopback=True))


def test_a_server_without_a_token_is_a_bug() -> None:
    with pytest.raises(AssertionError, match="token"):
        server(replace(SETTINGS, token=""))
    assert TOKEN not in repr(SETTINGS)


async def test_stopping_ends_open_event_streams_at_once() -> None:
    running = server(replace(SETTINGS, event_interval_s=60))
    port = await running.start()
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/ops/events") as response,
    ):
        await response.content.readline()
        async with asyncio.timeout(1):
            await running.stop()
