"""The asyncio host of the simulator: a TCP listener around it."""

import asyncio
import logging
from collections.abc import Callable

from trader.sim.clock import LoopClock
from trader.sim.host.children import Children
from trader.sim.host.link import Link
from trader.sim.host.simulator import Simulator
from trader.sim.settings import Settings

log = logging.getLogger("trader.sim")


class SimServer(Simulator):
    """A simulator that listens on TCP, in the running event loop."""

    clock: LoopClock

    def __init__(self, settings: Settings) -> None:
        self._loop = asyncio.get_running_loop()
        super().__init__(settings, LoopClock(self._loop))
        self.children = Children(settings, self._loop)
        self.processes = self.children
        self._server: asyncio.Server | None = None
        self._coming_up: asyncio.Task[None] | None = None
        self._is_stopped = False
        self._port = settings.port
        # What to do when the port of before cannot be had again.
        self.on_failure: Callable[[], None] = lambda: None

    @property
    def port(self) -> int:
        """Return the port in use, also while the listener is down for a restart."""
        return self._port

    @property
    def is_listening(self) -> bool:
        """Return whether new connections are taken."""
        return self._server is not None

    async def start(self) -> None:
        """Restore state, open the market and the listener. Raises OSError."""
        self.open()
        await self.listen()

    def begin_children(self, control_port: int) -> None:
        """Start the declared programs and tell them where to connect. Raises InputError."""
        told = {
            "SIM_HOST": self.settings.host, "SIM_PORT": self._port,
            "SIM_CONTROL_PORT": control_port, "SIM_ACCOUNT": self.exchange.bank.main.name,
            "SIM_SEED": self.settings.seed,
        }  # fmt: skip
        self.children.begin({name: str(value) for name, value in told.items()})

    async def listen(self) -> None:
        """Open the listener on the port of before. Raises OSError."""
        self._server = await self._loop.create_server(
            lambda: Link(self), self.settings.host, self._port, reuse_address=True
        )
        self._port = self._server.sockets[0].getsockname()[1]

    def refuse(self) -> None:
        """Take no connections any more."""
        if self._coming_up is not None:
            self._coming_up.cancel()
            self._coming_up = None
        if self._server is not None:
            self._server.close()
            self._server = None

    def come_up(self) -> None:
        """Listen again on the port of before; when that fails the simulator is stopped."""
        if self._server is None and self._coming_up is None and not self._is_stopped:
            self._coming_up = self._loop.create_task(self._listen_again(), name="listen-again")

    async def _listen_again(self) -> None:
        try:
            await self.listen()
        except OSError as error:
            log.error("cannot listen again on port %s: %s", self._port, error)
            self.on_failure()
        finally:
            self._coming_up = None

    async def stop(self) -> None:
        """End the children, close everything and save the state."""
        await self.children.end()
        self._is_stopped = True
        server, coming_up = self._server, self._coming_up
        self.feeds.stop()
        self.go_down("fin")
        if coming_up is not None:
            await asyncio.wait([coming_up])
        if server is not None:
            await server.wait_closed()
        self.close()
