"""TCP between simulated processes: ordered bytes, and everything that may happen to them.

The link to the broker has latency, is split and coalesced, resets, falls silent with both ends
open (a black hole) or with one end gone (half-open). Other ports, such as the control port on
loopback, are reached without faults and are not part of the trace's content.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextvars import Context, copy_context
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zlib import crc32

from tests.simulation.processes import CURRENT, Process

if TYPE_CHECKING:
    from tests.simulation.loop import SimulatedLoop

# As Linux: a connect gives up after its last retry of SYN.
_SYN_S = 127.0
_LOOPBACK_S = 0.0001
_FIRST_PORT = 40_000


@dataclass(slots=True)
class Weather:
    """How the link to the broker is: drawn from the seed, fair in the calm phase."""

    latency_s: float = 0.001
    split: float = 0.0
    coalesce: float = 0.3
    # Until when nothing is delivered in either direction, and until when nobody is let in.
    hole_until_s: float = 0.0


class _Address:
    """What stands for a listening socket."""

    def __init__(self, port: int) -> None:
        self._port = port

    def getsockname(self) -> tuple[str, int]:
        return ("127.0.0.1", self._port)


class Server:
    """A listener of one process."""

    def __init__(self, network: Network, port: int, factory: Callable[[], Any]) -> None:
        self._network = network
        self.port = port
        self.factory = factory
        self.context = copy_context()
        self.process = CURRENT.get()
        self.sockets = (_Address(port),)

    @property
    def is_up(self) -> bool:
        """Return whether it takes connections."""
        has_process = self.process is None or not self.process.is_dead
        return has_process and self._network.servers.get(self.port) is self

    def close(self) -> None:
        """Take no connections any more."""
        if self._network.servers.get(self.port) is self:
            del self._network.servers[self.port]

    async def wait_closed(self) -> None:
        """Return at once: it is closed by then."""

    def is_serving(self) -> bool:
        """Return whether it takes connections."""
        return self.is_up


class Network:
    """Every connection of the simulated world."""

    def __init__(self, loop: SimulatedLoop, chance: random.Random) -> None:
        self.loop = loop
        self.chance = chance
        self.weather = Weather()
        self.servers: dict[int, Server] = {}
        # The port of the broker's gateway: only there the weather matters.
        self.link_port = 0
        self.links: list[Pipe] = []
        # Told of each write to the broker that leaves.
        self.on_sent: Callable[[bytes], None] = lambda content: None
        self._ports = _FIRST_PORT
        self._made = 0

    def listen(self, factory: Callable[[], Any], port: int) -> Server:
        """Open a listener of the calling process."""
        if not port:
            self._ports += 1
            port = self._ports
        known = self.servers.get(port)
        if known is not None and known.is_up:
            raise OSError(98, "Address already in use")
        server = self.servers[port] = Server(self, port, factory)
        return server

    async def connect(self, factory: Callable[[], Any], port: int) -> tuple[Pipe, Any]:
        """Connect the calling process, or raise as the kernel would."""
        loop, is_link = self.loop, port == self.link_port
        delay_s = self.latency_s() * 2 if is_link else _LOOPBACK_S
        hole_s = self.weather.hole_until_s - loop.time() if is_link else 0.0
        if hole_s > 0:
            await asyncio.sleep(min(hole_s, _SYN_S))
            if self.weather.hole_until_s > loop.time():
                raise TimeoutError(110, "Connection timed out")
        await asyncio.sleep(delay_s)
        server = self.servers.get(port)
        if server is None or not server.is_up:
            raise ConnectionRefusedError(111, f"Connect call failed ('127.0.0.1', {port})")
        self._made += 1
        near = Pipe(self, f"c{self._made}", factory(), copy_context(), is_link=is_link)
        far_context = server.context.copy()
        far_protocol = far_context.run(server.factory)
        far = Pipe(self, f"s{self._made}", far_protocol, far_context, is_link=is_link)
        near.peer, far.peer = far, near
        if is_link:
            self.links.append(near)
        far.context.run(loop.call_soon, far.begin)
        near.begin()
        return near, near.protocol

    def latency_s(self) -> float:
        """Draw how long a segment takes over the link."""
        return 0.0001 + self.chance.expovariate(1.0 / self.weather.latency_s)

    def open_links(self) -> list[Pipe]:
        """Return the near ends of the connections to the broker that are not over at both ends."""
        self.links = [one for one in self.links if one.is_open or one.other.is_open]
        return self.links

    def reset(self) -> int:
        """Break every connection to the broker, at both ends; return how many."""
        found = self.open_links()
        for one in found:
            one.break_off(ConnectionResetError(104, "Connection reset by peer"))
            one.other.break_off(ConnectionResetError(104, "Connection reset by peer"))
        return len(found)

    def halve(self) -> int:
        """Lose the broker's end of every connection without telling the other one."""
        found = [one for one in self.open_links() if one.other.is_open]
        for one in found:
            one.other.break_off(ConnectionResetError(104, "Connection reset by peer"))
        return len(found)


class Pipe(asyncio.Transport):
    """One end of a connection, as asyncio's protocols know a transport."""

    def __init__(
        self, network: Network, name: str, protocol: Any, context: Context, *, is_link: bool
    ) -> None:
        super().__init__()
        self._network, self._loop = network, network.loop
        self.name, self.protocol, self.context = name, protocol, context
        self.process: Process | None = context.get(CURRENT)
        self.is_link = is_link
        self._is_near = name.startswith("c")
        self.peer: Pipe | None = None
        self.is_open = False
        self._is_closing = False
        self._has_sent_end = False
        self._is_paused = False
        self._waiting: list[Callable[[], None]] = []
        self._due_s = 0.0
        # The last segment written: bytes that may still grow, and whether it is on its way.
        self._tail: list[Any] | None = None
        if self.process is not None:
            self.process.pipes.append(self)

    @property
    def other(self) -> Pipe:
        """Return the other end."""
        assert self.peer is not None, "made in pairs"
        return self.peer

    def begin(self) -> None:
        """Tell the protocol that the connection stands."""
        if not self.is_open and not self._is_closing:
            self.is_open = True
            self.protocol.connection_made(self)

    # ---- asyncio.Transport

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what is known of the connection: addresses, and no socket."""
        return ("127.0.0.1", 1) if name in ("peername", "sockname") else default

    def is_closing(self) -> bool:
        """Return whether nothing more is taken."""
        return self._is_closing

    def get_protocol(self) -> Any:
        """Return who is told."""
        return self.protocol

    def set_protocol(self, protocol: Any) -> None:
        """Choose who is told."""
        self.protocol = protocol

    def get_write_buffer_size(self) -> int:
        """Return 0: the kernel of the simulated machine takes everything."""
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Do nothing: nobody is ever asked to wait."""

    def can_write_eof(self) -> bool:
        """Return that an end can be sent."""
        return True

    def is_reading(self) -> bool:
        """Return whether what arrives is handed on."""
        return not self._is_paused and not self._is_closing

    def pause_reading(self) -> None:
        """Keep what arrives, as the socket's buffer does."""
        self._is_paused = True

    def resume_reading(self) -> None:
        """Hand on what has gathered, and what comes."""
        self._is_paused = False
        if self._waiting:
            self.context.run(self._loop.call_soon, self._catch_up)

    def write(self, data: Any) -> None:
        """Send bytes; a dead process's last callback sends nothing any more."""
        if not data or self._is_over() or self._has_sent_end:
            return
        content = bytes(data)
        if not self.is_link:
            self._send(content)
            return
        self._loop.trace.add(f"{self.name} wrote {len(content)} {crc32(content):08x}")
        if not self._is_near:
            self._send(content)
            return
        # Whoever dies at this very call: drawn, whether the kernel had the bytes by then.
        is_first = self._network.chance.random() < 0.5
        if is_first:
            self._leave(content)
        self._loop.operation()
        if not is_first and not self._is_over():
            self._leave(content)

    def writelines(self, list_of_data: Any) -> None:
        """Send bytes."""
        self.write(b"".join(list_of_data))

    def write_eof(self) -> None:
        """Send the end of the stream."""
        if not self._has_sent_end and not self._is_closing:
            self._has_sent_end = True
            self._deliver(self.other._receive_end)

    def close(self) -> None:
        """Send the end and close."""
        if self._is_closing or self._is_owner_dead:
            return
        if not self._has_sent_end:
            self._has_sent_end = True
            self._deliver(self.other._receive_end)
        self.break_off(None)

    def abort(self) -> None:
        """Close at once; the other end hears a reset."""
        if self._is_closing or self._is_owner_dead:
            return
        self._deliver(self.other._receive_reset)
        self.break_off(None)

    # ---- the network's side

    @property
    def _is_owner_dead(self) -> bool:
        return self.process is not None and self.process.is_dead

    def _is_over(self) -> bool:
        return self._is_closing or self._is_owner_dead

    def _leave(self, content: bytes) -> None:
        self._network.on_sent(content)
        self._send(content)

    def _send(self, content: bytes) -> None:
        network, weather, tail = self._network, self._network.weather, self._tail
        if not self.is_link:
            self._deliver(self.other._receive, [content, False])
            return
        if tail is not None and not tail[1] and network.chance.random() < weather.coalesce:
            tail[0] += content
            return
        if len(content) > 1 and network.chance.random() < weather.split:
            cut = network.chance.randrange(1, len(content))
            self._deliver(self.other._receive, [content[:cut], False])
            content = content[cut:]
        self._tail = [content, False]
        self._deliver(self.other._receive, self._tail)

    def _deliver(self, call: Callable[..., None], *arguments: Any) -> None:
        """Have something happen at the other end, after all that was sent before."""
        delay_s = self._network.latency_s() if self.is_link else _LOOPBACK_S
        hole_s = self._network.weather.hole_until_s if self.is_link else 0.0
        # Strictly later each time: equal moments leave asyncio's heap in any order.
        due_s = max(self._loop.time() + delay_s, self._due_s + 1e-6, hole_s)
        self._due_s = due_s
        self.other.context.run(self._loop.call_at, due_s, call, *arguments)

    def _receive(self, segment: list[Any]) -> None:
        segment[1] = True
        if not self.is_open or self._is_closing:
            if not self.other._is_closing and not self._is_owner_dead:
                # Nobody is there: the machine answers with a reset.
                self._deliver(self.other._receive_reset)
            return
        if self._is_behind:
            self._waiting.append(lambda: self.protocol.data_received(segment[0]))
            return
        self.protocol.data_received(segment[0])

    @property
    def _is_behind(self) -> bool:
        # What waited before reading went on comes before what arrives now.
        return self._is_paused or bool(self._waiting)

    def _catch_up(self) -> None:
        while self._waiting and not self._is_paused and self.is_open and not self._is_closing:
            self._waiting.pop(0)()

    def _receive_end(self) -> None:
        if not self.is_open or self._is_closing:
            return
        if self._is_behind:
            self._waiting.append(self._take_end)
            return
        self._take_end()

    def _take_end(self) -> None:
        if not self.protocol.eof_received():
            self.close()

    def _receive_reset(self) -> None:
        self.break_off(ConnectionResetError(104, "Connection reset by peer"))

    def break_off(self, error: Exception | None) -> None:
        """End this end alone, and tell its protocol."""
        if not self.is_open:
            return
        self.is_open, self._is_closing = False, True
        if self.process is not None and self in self.process.pipes:
            self.process.pipes.remove(self)
        if not self._is_owner_dead:
            self.context.run(self._loop.call_soon, self.protocol.connection_lost, error)

    def owner_died(self, *, sends_fin: bool) -> None:
        """Let the kernel end the connection; a host without power tells nobody."""
        if self.is_open and sends_fin and not self._has_sent_end:
            self._deliver(self.other._receive_end)
        self.is_open, self._is_closing = False, True
