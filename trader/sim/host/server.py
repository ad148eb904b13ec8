"""The asyncio host of the simulator: sockets around sessions, and the one composition root.

It moves bytes between a transport and a session, closes what must be closed, and knows no
protocol. Each connection's end is logged with its reason and touches no other.
"""

import asyncio
import logging
import random
import socket
import struct
from collections.abc import Callable
from typing import Any, cast

from trader.sim.broker.accounts import Account
from trader.sim.broker.exchange import Exchange, Latency
from trader.sim.clock import Clock, LoopClock
from trader.sim.gateway.faults import Faults
from trader.sim.gateway.feeds import Feeds
from trader.sim.gateway.gateway import Gateway
from trader.sim.gateway.session import Session, SessionEnded
from trader.sim.gateway.world import World
from trader.sim.host.state import StateFile
from trader.sim.market.history import load_directory
from trader.sim.market.market import Market
from trader.sim.oracle import truth
from trader.sim.reference.catalogue import Catalogue
from trader.sim.settings import Settings, SettingsError

log = logging.getLogger("trader.sim")


class Link(asyncio.Protocol):
    """One TCP connection and its session."""

    def __init__(self, server: "SimServer") -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._has_flush = False
        self._is_backed_up = False
        self._reason = "closed by the client"
        self.session = Session(server.world, self._wake)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; while muted nothing is read."""
        # A TCP server yields transports that write; uvloop's are no asyncio.Transport by class.
        link = self._transport = cast(asyncio.Transport, transport)
        self._server.links[self] = None
        peer = transport.get_extra_info("socket")
        if peer is not None:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._server.world.faults.is_muted:
            link.pause_reading()

    def data_received(self, data: bytes) -> None:
        """Feed the session; end this connection when it cannot go on."""
        if self.session.outlet.is_closing:
            return
        try:
            self.session.receive(data)
        except SessionEnded as end:
            self._reason = str(end)
            self.session.outlet.close()
        if self._has_flush:
            # The answer need not wait for the next turn of the loop.
            self.flush()

    def connection_lost(self, error: Exception | None) -> None:
        """Forget the connection."""
        self._server.links.pop(self, None)
        self.session.outlet.is_closing = True
        self.session.leave()
        self._server.gateway.frames_out += self.session.outlet.frames
        reason = f"{error!r}" if error else self._reason
        log.info("connection of client %s ended: %s", self.session.client_id, reason)

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
            self._server.soon(self.flush)

    def flush(self) -> None:
        """Write what is pending, then close if the session or a fault asked for it."""
        self._has_flush = False
        outlet, transport = self.session.outlet, self._transport
        if transport is None or transport.is_closing():
            return
        if outlet.has_overflowed:
            self.drop("rst")
            self._reason = "the client does not read"
            return
        data = b"" if self._is_backed_up else outlet.take()
        if data:
            transport.write(data)
        if outlet.is_closing and not self._server.world.faults.is_muted:
            self.drop(outlet.drop_how or "fin")

    def drop(self, how: str) -> None:
        """Close the connection by FIN or by RST."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if not self.session.outlet.is_closing:
            self._reason = f"dropped ({how})"
        self.session.outlet.is_closing = True
        if how == "rst":
            peer = transport.get_extra_info("socket")
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


class SimServer:
    """A whole simulator in one event loop."""

    def __init__(
        self,
        settings: Settings,
        *,
        loop: asyncio.AbstractEventLoop | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.settings = settings
        self._loop = loop or asyncio.get_running_loop()
        self.clock = clock or LoopClock(self._loop)
        rng = random.Random(settings.seed)
        history = load_directory(settings.data)
        self.market = Market(
            self.clock, Catalogue(history), history, _fork(rng),
            speed=settings.speed, start_date=settings.start_date,
        )  # fmt: skip
        self.faults = Faults()
        account = Account(settings.account, settings.cash)
        self.exchange = Exchange(
            self.clock, self.market, [account], _fork(rng), Latency(*settings.fill_s)
        )
        self.gateway = Gateway(
            self.clock, self.exchange, self.faults, _fork(rng), Latency(*settings.ack_s)
        )
        self.gateway.is_read_only = settings.is_read_only
        self.feeds = Feeds(
            self.clock, self.market, self.exchange, self.faults, settings.tick_interval_s
        )
        self.world = World(
            self.gateway, self.exchange, self.feeds, self.faults, settings.server_version
        )
        # A dictionary for its order: a set would differ from run to run.
        self.links: dict[Link, None] = {}
        self.state = StateFile(settings.state, self.clock, self.gateway)
        self._server: asyncio.Server | None = None
        self._port = settings.port

    @property
    def port(self) -> int:
        """Return the port in use, also while the listener is down for a restart."""
        return self._port

    @property
    def is_listening(self) -> bool:
        """Return whether new connections are taken."""
        return self._server is not None

    def mute(self, is_on: bool) -> None:
        """Stop reading and writing but keep every socket (half-open), or go on."""
        self.faults.is_muted = is_on
        for link in list(self.links):
            if is_on:
                link.pause()
            else:
                link.resume()

    def truth(self) -> dict[str, Any]:
        """Return the broker's truth for comparison."""
        open_now = sum(link.session.outlet.frames for link in self.links)
        return truth.report(self.world, frames_out=self.gateway.frames_out + open_now)

    def soon(self, step: Callable[[], None]) -> None:
        """Run a step on the next turn of the loop."""
        self._loop.call_soon(step)

    async def start(self) -> None:
        """Restore state, open the market and the listener. Raises OSError."""
        if not self.state.restore():
            self._open_positions()
        self.gateway.on_change = self.state.mark
        self.feeds.start()
        await self.listen()

    def _open_positions(self) -> None:
        account = self.exchange.bank.main
        for symbol, quantity in self.settings.positions:
            item = self.market.catalogue.symbol(symbol)
            if item is None or not item.is_tradable:
                known = ", ".join(i.symbol for i in self.market.catalogue.all() if i.is_tradable)
                raise SettingsError(f"position: {symbol} is not allowed; allowed: {known}")
            entry = account.position(item)
            entry.quantity = quantity
            entry.average_cost = self.market.quote(item).last

    async def listen(self) -> None:
        """Open the listener on the port of before. Raises OSError."""
        self._server = await self._loop.create_server(
            lambda: Link(self), self.settings.host, self._port, reuse_address=True
        )
        self._port = self._server.sockets[0].getsockname()[1]

    async def unlisten(self, how: str = "fin") -> None:
        """Close the listener and every connection."""
        if self._server is not None:
            self._server.close()
        for link in list(self.links):
            link.drop(how)
        if self._server is not None:
            await self._server.wait_closed()
            self._server = None

    async def stop(self) -> None:
        """Close everything and save the state."""
        self.feeds.stop()
        await self.unlisten()
        self.gateway.on_change = lambda: None
        self.state.save()


def _fork(rng: random.Random) -> random.Random:
    return random.Random(rng.getrandbits(64))
