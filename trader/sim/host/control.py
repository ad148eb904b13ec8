"""The control port: loopback HTTP with JSON that acts on the simulator and tells the truth.

`POST /<action>` takes the inputs of an action of the registry as a JSON object; `GET /actions`
describes them all, `GET /codes` the error catalogue, `GET /truth` what the broker knows. A wrong
input is a 400 that names field, value and what is allowed, and changes nothing.
"""

import logging
import random
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from trader.sim.clock import iso
from trader.sim.host.server import SimServer
from trader.sim.oracle import codes
from trader.sim.script.actions import describe, perform, registry
from trader.sim.script.inputs import InputError
from trader.sim.script.stage import Action, Stage

log = logging.getLogger("trader.sim")
BODY_BYTES_MAX = 64 * 1024


class ControlPort:
    """The HTTP side of one simulator."""

    def __init__(self, server: SimServer, stop: Callable[[], None]) -> None:
        self._server = server
        # Chance of its own, so that what is done by hand takes nothing from the world's draws.
        rng = random.Random(f"control {server.settings.seed}")
        self._stage = Stage(server, stop, server.clock.advance, rng)
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self) -> None:
        """Listen on loopback. Raises OSError."""
        app = web.Application(client_max_size=BODY_BYTES_MAX)
        app.router.add_get("/truth", _answer(self._server.truth))
        app.router.add_get("/health", _answer(lambda: health(self._server)))
        app.router.add_get("/actions", _answer(describe))
        app.router.add_get("/codes", _answer(codes.describe))
        for name, action in registry().items():
            app.router.add_post(f"/{name}", _handler(self._stage, action))
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._server.settings.control_port)
        await site.start()
        self.port = int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Close the port."""
        if self._runner is not None:
            await self._runner.cleanup()


def _answer(content: Callable[[], Any]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(_request: web.Request) -> web.Response:
        return web.json_response(content())

    return handle


def _handler(stage: Stage, action: Action) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        try:
            return web.json_response(perform(stage, action, await request.text()))
        except InputError as error:
            body = {"field": error.field, "value": error.value, "allowed": error.allowed}
            return web.json_response({"error": str(error), **body}, status=400)

    return handle


def health(server: SimServer) -> dict[str, Any]:
    """Return a short sign of life."""
    return {
        "status": "ok",
        "is_listening": server.is_listening,
        "is_upstream_up": not server.faults.is_upstream_down,
        "is_muted": server.faults.is_muted,
        "clients": sorted(server.gateway.clients),
        "replay_date": server.market.today().isoformat(),
        "utc": iso(server.clock.time()),
    }
