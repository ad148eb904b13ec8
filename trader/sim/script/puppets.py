"""Scripted clients: API clients of the simulator's own, moved by actions.

They join through the host like any other client and are told everything a client is told; what
they hear is counted by message id and forgotten. So a scenario can have another client trade
beside the one under test, and a run under virtual time needs no client from outside.
"""

from collections import Counter
from collections.abc import Callable
from typing import Protocol

from trader.sim.script import client_frames
from trader.sim.script.client_frames import PlainOrder
from trader.sim.wire.frames import encode


class Peer(Protocol):
    """The client's end of a connection in memory."""

    @property
    def is_open(self) -> bool:
        """Return whether the connection still stands."""

    def send(self, data: bytes) -> None:
        """Send bytes."""

    def close(self) -> None:
        """Leave."""


Join = Callable[[Callable[[bytes], None]], Peer]


class Puppet:
    """One scripted client."""

    def __init__(self, join: Join, client_id: int, version_max: int) -> None:
        self.client_id = client_id
        self.heard: Counter[int] = Counter()
        # The highest order id it has sent.
        self.highest_id = 0
        self._version = 0
        self._buffer = bytearray()
        self._peer = join(self._hear)
        self._peer.send(client_frames.hello(version_max))
        self._peer.send(client_frames.start_api(client_id))

    @property
    def is_open(self) -> bool:
        """Return whether the connection still stands."""
        return self._peer.is_open

    def place(self, order: PlainOrder) -> None:
        """Send message 3."""
        self.highest_id = max(self.highest_id, order.order_id)
        self._peer.send(client_frames.place_order(order, self._version))

    def cancel(self, order_id: int) -> None:
        """Send message 4."""
        self._peer.send(client_frames.cancel_order(order_id, self._version))

    def send(self, fields: list[str]) -> None:
        """Send any message."""
        self._peer.send(encode(*fields))

    def leave(self) -> None:
        """Close the connection."""
        self._peer.close()

    def _hear(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        while len(buffer) >= 4:
            end = 4 + int.from_bytes(buffer[:4], "big")
            if len(buffer) < end:
                return
            head = bytes(buffer[4:end]).split(b"\0", 1)[0]
            if not self._version:
                self._version = int(head)
            elif head.isdigit():
                self.heard[int(head)] += 1
            del buffer[:end]


class Puppets:
    """The scripted clients of one simulator, by client id."""

    def __init__(self, join: Join) -> None:
        self._join = join
        self._clients: dict[int, Puppet] = {}

    def join(self, client_id: int, version_max: int) -> Puppet:
        """Let a client join, in place of one that is gone. Raises ConnectionRefusedError."""
        found = self._clients.get(client_id)
        if found is not None and found.is_open:
            return found
        puppet = self._clients[client_id] = Puppet(self._join, client_id, version_max)
        return puppet

    def find(self, client_id: int) -> Puppet | None:
        """Return the client while it is connected, None otherwise."""
        found = self._clients.get(client_id)
        return found if found is not None and found.is_open else None

    def connected(self) -> list[int]:
        """Return the ids of the clients that are connected."""
        return [number for number, puppet in self._clients.items() if puppet.is_open]
