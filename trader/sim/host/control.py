"""The control port: loopback HTTP with JSON that acts on the simulator and tells the truth.

`POST /<action>` takes the inputs of an action of the registry as a JSON object; `GET /actions`
describes them all, `GET /codes` the error catalogue, `GET /truth` what the broker knows. A wrong
input is a 400 that names field, value and what is allowed, and changes nothing. While time is
advanced the port goes on answering: `GET /health` says how far it has come and what is left.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from trader.sim.clock import iso
from trader.sim.host.server import SimServer
from trader.sim.oracle import codes
from trader.sim.script.actions import describe, registry
from trader.sim.script.fields import Given
from trader.sim.script.inputs import InputError, Inputs
from trader.sim.script.stage import Action, Stage

log = logging.getLogger("trader.sim")
BODY_BYTES_MAX = 64 * 1024
PAGES = ("truth", "health", "actions", "codes")
# An advance lets others have their turn after so much of the host's time.
SLICE_S = 0.05


class ControlPort:
    """The HTTP side of one simulator."""

    def __init__(self, server: SimServer, stop: Callable[[], None]) -> None:
        self._server = server
        # Chance of its own, so that what is done by hand takes nothing from the world's draws.
        rng = random.Random(f"control {server.settings.seed}")
        self._stage = Stage(server, stop, server.clock.advance, rng)
        self._advances = Advances(server)
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self) -> None:
        """Listen on loopback. Raises OSError."""
        app = web.Application(client_max_size=BODY_BYTES_MAX)
        contents = (self._server.truth, self._health, describe, codes.describe)
        for name, content in zip(PAGES, contents, strict=True):
            app.router.add_get(f"/{name}", _answer(content))
        for name, action in registry().items():
            is_long = name == "advance"
            act = self._advances.act if is_long else _at_once(self._stage, action)
            app.router.add_post(f"/{name}", _handler(action, act))
        # Last, so that it gets what nothing above has taken.
        app.router.add_route("*", "/{name:.*}", _lost)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._server.settings.control_port)
        await site.start()
        self.port = int(self._runner.addresses[0][1])

    def _health(self) -> dict[str, Any]:
        return {**health(self._server), "advance_left_s": round(self._advances.left_s, 3)}

    async def stop(self) -> None:
        """Close the port."""
        if self._runner is not None:
            await self._runner.cleanup()


def _answer(content: Callable[[], Any]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(_request: web.Request) -> web.Response:
        return web.json_response(content())

    return handle


Act = Callable[[Given], Awaitable[dict[str, Any]]]


def _at_once(stage: Stage, action: Action) -> Act:
    async def act(given: Given) -> dict[str, Any]:
        return action.effect(stage, given)

    return act


def _handler(action: Action, act: Act) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        try:
            return web.json_response(await act(action.read(Inputs(await _text(request)))))
        except web.HTTPRequestEntityTooLarge:
            size = request.content_length or f"more than {BODY_BYTES_MAX}"
            allowed = f"up to {BODY_BYTES_MAX} bytes"
            return _wrong(413, InputError("body", f"{size} bytes", allowed))
        except InputError as error:
            return _wrong(400, error)

    return handle


async def _text(request: web.Request) -> str:
    body = await request.read()
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise InputError("body", body[:200], "a JSON object in UTF-8") from None


async def _lost(request: web.Request) -> web.Response:
    """Say what the port knows to who asks for something else."""
    name, known = request.match_info["name"], registry()
    if name in PAGES or name in known:
        method = "GET" if name in PAGES else "POST"
        return _wrong(405, InputError("method", request.method, f"{method} /{name}"))
    allowed = f"POST /{', /'.join(known)}; GET /{', /'.join(PAGES)}"
    return _wrong(404, InputError("action", name, allowed))


def _wrong(status: int, error: InputError) -> web.Response:
    body = {"field": error.field, "value": error.value, "allowed": error.allowed}
    return web.json_response({"error": str(error), **body}, status=status)


class Advances:
    """Advances of time, one after the other, each in slices between which all else goes on."""

    def __init__(self, server: SimServer) -> None:
        self._server = server
        self._turn = asyncio.Lock()
        self._until_s: float | None = None

    @property
    def left_s(self) -> float:
        """Return how much of the advance under way is left, 0 without one."""
        until_s, now_s = self._until_s, self._server.clock.monotonic()
        return 0.0 if until_s is None else max(until_s - now_s, 0.0)

    async def act(self, given: Given) -> dict[str, Any]:
        """Let so many seconds pass; return where time has come to."""
        clock = self._server.clock
        async with self._turn:
            self._until_s = until_s = clock.monotonic() + given.number("seconds")
            try:
                # The condition is the work itself; the wait only lets others have their turn.
                while not clock.advance_towards(until_s, SLICE_S):  # noqa: ASYNC110
                    await asyncio.sleep(0)
            finally:
                self._until_s = None
        return {"utc": iso(clock.time())}


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
