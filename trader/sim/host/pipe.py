"""Clients in the same process: a connection that is a pipe in memory, on any host.

Nothing here waits or has a thread: a client sends bytes, and what the simulator wrote is handed
over at once. Scripted clients join a listening simulator this way, and every client of a
simulator under virtual time does.
"""

import asyncio
from collections.abc import Callable

from trader.sim.clock import Clock
from trader.sim.host.link import Hub, Link


class MemoryTransport(asyncio.Transport):
    """The simulator's end of a pipe."""

    def __init__(self, clock: Clock, link: Link, deliver: Callable[[bytes], None]) -> None:
        super().__init__()
        self._clock, self._link, self._deliver = clock, link, deliver
        self._is_paused = False
        self._waiting = bytearray()
        self._is_closing = self._has_hung_up = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Hand the bytes to the client at once."""
        if not self._is_closing and not self._has_hung_up:
            self._deliver(bytes(data))

    def is_closing(self) -> bool:
        """Return whether the connection is over."""
        return self._is_closing

    @property
    def has_hung_up(self) -> bool:
        """Return whether the client has left a paused connection."""
        return self._has_hung_up

    def close(self) -> None:
        """End the connection; the link hears of it on the next turn."""
        if not self._is_closing:
            self._is_closing = True
            self._clock.call_later(0.0, self._lost)

    def abort(self) -> None:
        """End the connection; nothing is buffered here, so it is the same as closing."""
        self.close()

    def _lost(self) -> None:
        self._link.connection_lost(None)

    def hang_up(self) -> None:
        """Take the client's end; what it sent to a paused connection is still read on resume."""
        if self._is_paused:
            self._has_hung_up = True
        else:
            self.close()

    def pause_reading(self) -> None:
        """Keep what the client sends until reading goes on."""
        self._is_paused = True

    def resume_reading(self) -> None:
        """Take what the client has sent meanwhile."""
        self._is_paused = False
        data, self._waiting = bytes(self._waiting), bytearray()
        self.feed(data)
        if self._has_hung_up:
            self.close()

    def feed(self, data: bytes) -> None:
        """Take bytes from the client."""
        if self._is_paused:
            self._waiting += data
        elif data and not self._is_closing:
            self._link.data_received(data)


class MemoryPeer:
    """The client's end of a pipe."""

    def __init__(self, simulator: Hub, deliver: Callable[[bytes], None] | None = None) -> None:
        """Join; what comes is kept for `receive`, or handed to `deliver` and forgotten."""
        link = Link(simulator)
        self._received = bytearray()
        deliver = deliver or self._received.extend
        self._transport = MemoryTransport(simulator.clock, link, deliver)
        link.connection_made(self._transport)

    @property
    def is_open(self) -> bool:
        """Return whether the connection still stands."""
        return not (self._transport.is_closing() or self._transport.has_hung_up)

    def send(self, data: bytes) -> None:
        """Send bytes; what comes in one turn of the simulator has then arrived."""
        self._transport.feed(data)

    def receive(self) -> bytes:
        """Return what has arrived since the last call."""
        data = bytes(self._received)
        self._received.clear()
        return data

    def close(self) -> None:
        """Leave."""
        self._transport.hang_up()
