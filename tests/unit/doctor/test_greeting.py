"""The first words of the protocol, with real sockets and strangers behind them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing, suppress

import pytest

from trader.doctor.gateway import Greeting, Reached
from trader.doctor.greeting import greet, greeting_in
from trader.ops.clock import SystemClock

Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
DEADLINE_S = 0.3


@asynccontextmanager
async def listening(peer: Peer) -> AsyncIterator[int]:
    gone = asyncio.Event()

    async def handled(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            await peer(reader, writer)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        gone.set()

    async with await asyncio.start_server(handled, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        async with asyncio.timeout(20):
            await gone.wait()


async def greeted(peer: Peer, deadline_s: float = 5.0) -> Greeting:
    async with listening(peer) as port:
        return await greet("127.0.0.1", port, deadline_s, SystemClock())


def says(*pieces: bytes) -> Peer:
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(64)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01)

    return peer


async def test_a_gateway_says_its_version_and_its_time_however_it_is_cut() -> None:
    body = b"178\x0020261123 10:00:01 EST\0"
    whole = len(body).to_bytes(4, "big") + body
    for pieces in ([whole], [whole[:2], whole[2:9], whole[9:]]):
        found = await greeted(says(*pieces))
        assert (found.reached, found.version, found.time) == (
            Reached.GREETED, 178, "20261123 10:00:01 EST",
        )  # fmt: skip


@pytest.mark.parametrize(
    "said",
    [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x15\x03\x01\x00\x02\x02\x28", b"\0\0\0\x05hi\0x\0"],
)
async def test_another_program_is_told_by_its_words(said: bytes) -> None:
    found = await greeted(says(said))
    assert (found.reached, "is no TWS" in found.text) == (Reached.STRANGE, True)


async def test_a_peer_that_hangs_up_is_closed() -> None:
    found = await greeted(says())
    assert found.reached is Reached.CLOSED


async def test_a_peer_that_says_nothing_is_silent_by_the_deadline() -> None:
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    found = await greeted(peer, DEADLINE_S)
    assert (found.reached, "0.3 s" in found.text) == (Reached.SILENT, True)


async def test_nobody_there_is_refused() -> None:
    with closing(socket.socket()) as nobody:
        nobody.bind(("127.0.0.1", 0))
        found = await greet("127.0.0.1", nobody.getsockname()[1], 5.0, SystemClock())
    assert found.reached is Reached.REFUSED


async def test_a_name_that_is_none_is_not_reached() -> None:
    found = await greet("no-such-host.invalid", 1, 5.0, SystemClock())
    assert found.reached is Reached.UNREACHED


async def test_no_session_is_begun() -> None:
    """The offer of versions is all that is sent: no client id is used."""
    heard: list[bytes] = []

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(64))
        writer.write((5).to_bytes(4, "big") + b"178\0\0")
        await writer.drain()
        heard.append(await reader.read())

    await greeted(peer)
    assert heard[0] == b"API\0\0\0\0\x09v157..178"
    assert b"".join(heard[1:]) == b""


def test_a_version_that_is_no_number_is_no_gateway() -> None:
    body = b"\xc2\xb2\0\0"
    assert greeting_in("h", len(body).to_bytes(4, "big") + body).reached is Reached.STRANGE
