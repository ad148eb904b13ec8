"""The simulated network: bytes stay in order, whatever the weather, and every end is heard once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from tests.simulation.loop import SimulatedLoop
from tests.simulation.network import Pipe
from tests.simulation.processes import Process

PORT = 4002


class Ear(asyncio.Protocol):
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.heard = bytearray()
        self.ends: list[Exception | None] = []
        self.pipe: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.pipe = transport

    def data_received(self, data: bytes) -> None:
        self.heard += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.ends.append(exc)


@pytest.fixture
def loop() -> Iterator[SimulatedLoop]:
    made = SimulatedLoop("test")
    made.network.link_port = PORT
    yield made
    made.close()


Play = Callable[[Pipe, Ear, Ear], Coroutine[Any, Any, None]]


def connected(
    loop: SimulatedLoop,
    play: Play,
    near_process: Process | None = None,
    far: Ear | None = None,
) -> None:
    far = far or Ear()

    async def main() -> None:
        await loop.create_server(lambda: far, "127.0.0.1", PORT)
        process = near_process or Process("near")
        near = Ear()
        work = loop.create_connection(lambda: near, "127.0.0.1", PORT)
        pipe, _ = await process.run(loop.create_task, work)
        await play(pipe, near, far)

    loop.run_until_complete(main())


def test_bytes_arrive_in_order_split_and_joined(loop: SimulatedLoop) -> None:
    loop.network.weather.split, loop.network.weather.coalesce = 0.5, 0.5
    wanted = b"".join(b"%d," % number for number in range(300))

    async def play(pipe: Pipe, near: Ear, far: Ear) -> None:
        for number in range(300):
            pipe.write(b"%d," % number)
            await asyncio.sleep(0.0003)
        await asyncio.sleep(1)
        assert bytes(far.heard) == wanted

    connected(loop, play)


def test_a_reset_is_heard_at_both_ends_once(loop: SimulatedLoop) -> None:
    async def play(pipe: Pipe, near: Ear, far: Ear) -> None:
        await asyncio.sleep(1)
        assert loop.network.reset() == 1
        await asyncio.sleep(1)
        assert [len(near.ends), len(far.ends)] == [1, 1]
        assert isinstance(near.ends[0], ConnectionResetError)

    connected(loop, play)


def test_half_a_connection_is_noticed_by_whoever_writes(loop: SimulatedLoop) -> None:
    async def play(pipe: Pipe, near: Ear, far: Ear) -> None:
        await asyncio.sleep(1)
        assert loop.network.halve() == 1
        await asyncio.sleep(5)
        assert near.ends == []
        pipe.write(b"anybody?")
        await asyncio.sleep(1)
        assert isinstance(near.ends[0], ConnectionResetError)

    connected(loop, play)


def test_a_black_hole_holds_everything_back_and_loses_nothing(loop: SimulatedLoop) -> None:
    async def play(pipe: Pipe, near: Ear, far: Ear) -> None:
        loop.network.weather.hole_until_s = loop.time() + 8
        pipe.write(b"late")
        await asyncio.sleep(7)
        assert bytes(far.heard) == b""
        await asyncio.sleep(2)
        assert bytes(far.heard) == b"late"

    connected(loop, play)


@pytest.mark.parametrize("sends_fin", [True, False])
def test_the_death_of_a_process_is_heard_unless_its_host_died(
    loop: SimulatedLoop, sends_fin: bool
) -> None:
    process = Process("near")

    async def play(pipe: Pipe, near: Ear, far: Ear) -> None:
        pipe.write(b"last words")
        loop.kill(process, sends_fin=sends_fin)
        await asyncio.sleep(1)
        assert bytes(far.heard) == b"last words"
        assert far.ends == ([None] if sends_fin else [])
        assert near.ends == []

    connected(loop, play, process)


def test_a_port_nobody_listens_on_refuses(loop: SimulatedLoop) -> None:
    with pytest.raises(ConnectionRefusedError):
        loop.run_until_complete(loop.create_connection(Ear, "127.0.0.1", 1))


def test_what_is_not_read_waits(loop: SimulatedLoop) -> None:
    async def play(pipe: Pipe, near: Ear, far: Ear) -> None:
        await asyncio.sleep(1)
        far.pipe.pause_reading()
        pipe.write(b"wait")
        await asyncio.sleep(1)
        assert bytes(far.heard) == b""
        far.pipe.resume_reading()
        await asyncio.sleep(1)
        assert bytes(far.heard) == b"wait"

    connected(loop, play)


class Halting(Ear):
    """Reads a piece, and the next one a few turns of the loop later."""

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self.pipe.pause_reading()
        self._wait(3)

    def _wait(self, turns: int) -> None:
        if turns:
            asyncio.get_running_loop().call_soon(self._wait, turns - 1)
        else:
            self.pipe.resume_reading()


def test_nothing_overtakes_what_waits_to_be_read(loop: SimulatedLoop) -> None:
    """A socket's buffer is a queue: reading goes on with its oldest byte, the end comes last."""
    loop.network.weather.coalesce = 0.0
    wanted = b"".join(b"%d," % number for number in range(2_000))

    async def play(pipe: Pipe, near: Ear, far: Ear) -> None:
        for number in range(2_000):
            pipe.write(b"%d," % number)
            if not number % 20:
                await asyncio.sleep(0.00001)
        pipe.close()
        await asyncio.sleep(1)
        assert bytes(far.heard) == wanted
        assert far.ends == [None]

    connected(loop, play, far=Halting())
