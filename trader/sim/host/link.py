"""One connection: bytes between a transport and a session, and every way a connection can end.

It knows no protocol and no kind of network: the transport may be a TCP socket or a pipe in
memory. A connection's end is logged with its reason and touches no other.
"""

import asyncio
import logging
import socket
import struct
from typing import Protocol, cast

from trader.sim.clock import Clock
from trader.sim.gateway.desks.world import World
from trader.sim.gateway.orders.gateway import Gateway
from trader.sim.gateway.session import Session, SessionEnded
from trader.sim.host.keeper import Keeper
from trader.sim.host.transcript import Transcript

log = logging.getLogger("trader.sim")


class Hub(Protocol):
    """What a connection needs of the simulator it belongs to."""

    world: World
    gateway: Gateway
    keeper: Keeper
    transcript: Transcript | None
    links: "dict[Link, None]"

    @property
    def clock(self) -> Clock:
        """Return the only source of time."""


class Link(asyncio.Protocol):
    """One connection and its session."""

    def __init__(self, simulator: Hub) -> None:
        self._simulator = simulator
        self._transport: asyncio.Transport | None = None
        self._has_flush = False
        self._is_backed_up = self._has_rest = False
        self._reason = "closed by the client"
        self._transcript = simulator.transcript
        self._number = self._transcript.opened() if self._transcript else 0
        self.session = Session(simulator.world, self._wake)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; while muted nothing is read."""
        # A TCP server yields transports that write; uvloop's are no asyncio.Transport by class.
        link = self._transport = cast(asyncio.Transport, transport)
        self._simulator.links[self] = None
        peer = transport.get_extra_info("socket")
        if peer is not None:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._simulator.world.faults.is_muted:
            link.pause_reading()

    def data_received(self, data: bytes) -> None:
        """Feed the session; end this connection when it cannot go on."""
        if self.session.outlet.is_closing:
            return
        if self._transcript is not None:
            self._transcript.heard(self._number, data)
        try:
            self.session.receive(data)
        except SessionEnded as end:
            self._reason = str(end)
            self.session.outlet.close()
        self._rest()
        if self._has_flush:
            # The answer need not wait for the next turn of the loop.
            self.flush()

    def connection_lost(self, error: Exception | None) -> None:
        """Forget the connection."""
        self._simulator.links.pop(self, None)
        self.session.outlet.is_closing = True
        self.session.leave()
        self._simulator.gateway.frames_out += self.session.outlet.frames
        reason = f"{error!r}" if error else self._reason
        if self._transcript is not None:
            self._transcript.closed(self._number)
        log.info("connection of client %s ended: %s", self.session.client_id, reason)

    def _rest(self) -> None:
        """Read nothing for a while, when reading is to be slow."""
        pause_s = self._simulator.world.faults.read_pause_s
        if pause_s > 0 and not self._has_rest:
            self._has_rest = True
            self.pause()
            self._simulator.clock.call_later(pause_s, self._go_on)

    def _go_on(self) -> None:
        self._has_rest = False
        faults, client_id = self._simulator.world.faults, self.session.client_id
        is_frozen = client_id is not None and faults.frozen.get(client_id, False)
        if not faults.is_muted and not is_frozen:
            self.resume()

    def pause_writing(self) -> None:
        """Leave frames in the outlet, which is bounded, while the client does not read."""
        self._is_backed_up = True

    def resume_writing(self) -> None:
        """Go on writing."""
        self._is_backed_up = False
        self.flush()

    def _wake(self) -> None:
        if not self._has_flush:
            self._has_flush = True
            self._simulator.clock.call_later(0.0, self.flush)

    def flush(self) -> None:
        """Write what is pending, then close if the session or a fault asked for it."""
        self._has_flush = False
        outlet, transport = self.session.outlet, self._transport
        if transport is None or transport.is_closing():
            return
        if outlet.overflow:
            self.drop("rst")
            self._reason = outlet.overflow
            return
        # Whoever is told something must find it again after a kill.
        self._simulator.keeper.settle()
        data = b"" if self._is_backed_up else outlet.take()
        if data:
            if self._transcript is not None:
                self._transcript.said(self._number, data)
            transport.write(data)
        if outlet.is_closing and not self._simulator.world.faults.is_muted:
            self.drop(outlet.drop_how or "fin")

    def drop(self, how: str) -> None:
        """Close the connection by FIN or by RST."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if not self.session.outlet.is_closing:
            self._reason = f"dropped ({how})"
        if how == "fin" and not self._is_backed_up:
            # An orderly end still sends what was waiting to be written.
            transport.write(self.session.outlet.take())
        self.session.outlet.is_closing = True
        if how == "rst":
            peer = transport.get_extra_info("socket")
            if peer is not None:
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
        else:
            transport.close()

    def pause(self) -> None:
        """Stop reading (half-open)."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read again, and write what had gathered."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
            self.flush()
