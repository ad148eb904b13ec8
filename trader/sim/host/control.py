"""The control port: loopback HTTP with JSON that injects faults and tells the truth.

Every endpoint checks its input; a wrong one is a 400 that names field, value and what is
allowed, and changes nothing.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from trader.sim.broker.exchange import Latency
from trader.sim.clock import iso
from trader.sim.host.server import SimServer
from trader.sim.model.orders import Side
from trader.sim.script.inputs import InputError, Inputs
from trader.sim.wire.messages import TEXTS

log = logging.getLogger("trader.sim")
Endpoint = Callable[[Inputs], Awaitable[dict[str, Any]]]
BODY_BYTES_MAX = 64 * 1024
REPEAT_MAX = 1000


class ControlPort:
    """The HTTP side of one simulator."""

    def __init__(self, server: SimServer, stop: Callable[[], None]) -> None:
        self._server, self._stop = server, stop
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self) -> None:
        """Listen on loopback. Raises OSError."""
        app = web.Application(client_max_size=BODY_BYTES_MAX)
        app.router.add_get("/truth", self._truth)
        app.router.add_get("/health", self._health)
        for path, endpoint in self._endpoints().items():
            app.router.add_post(path, _handler(endpoint))
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._server.settings.control_port)
        await site.start()
        self.port = int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Close the port."""
        if self._runner is not None:
            await self._runner.cleanup()

    def _endpoints(self) -> dict[str, Endpoint]:
        return {
            "/price": self._price, "/mute": self._mute, "/upstream": self._upstream,
            "/drop": self._drop, "/restart": self._restart_gateway, "/swallow": self._swallow,
            "/inject": self._inject, "/hold": self._hold, "/duplicate": self._duplicate,
            "/ack": self._ack, "/manual-trade": self._manual_trade,
            "/commission": self._commission, "/client-id-busy": self._client_id_busy,
            "/exec-correction": self._exec_correction, "/shutdown": self._shutdown,
        }  # fmt: skip

    async def _truth(self, _request: web.Request) -> web.Response:
        return web.json_response(self._server.truth())

    async def _health(self, _request: web.Request) -> web.Response:
        return web.json_response(health(self._server))

    # -- market ---------------------------------------------------------------------------------

    async def _price(self, inputs: Inputs) -> dict[str, Any]:
        symbol = self._symbol(inputs)
        price = inputs.decimal("price", above_zero=True, optional=True)
        inputs.done()
        pins = self._server.market.pins
        if price is None:
            pins.pop(symbol, None)
        else:
            pins[symbol] = price
        self._server.feeds.refresh(symbol)
        return {"symbol": symbol, "price": None if price is None else str(price)}

    def _symbol(self, inputs: Inputs) -> str:
        known = [item.symbol for item in self._server.market.catalogue.all()]
        return inputs.choice("symbol", known)

    async def _manual_trade(self, inputs: Inputs) -> dict[str, Any]:
        tradable = [i.symbol for i in self._server.market.catalogue.all() if i.is_tradable]
        symbol = inputs.choice("symbol", tradable)
        side = Side(inputs.choice("side", ["BUY", "SELL"]))
        quantity = inputs.decimal("quantity", above_zero=True)
        inputs.done()
        assert quantity is not None, "not optional"
        return {"exec_id": self._server.gateway.trade_by_hand(symbol, side, quantity).exec_id}

    async def _exec_correction(self, inputs: Inputs) -> dict[str, Any]:
        exec_id = inputs.text("exec_id")
        price = inputs.decimal("price", above_zero=True)
        quantity = inputs.decimal("quantity", above_zero=True)
        inputs.done()
        assert price is not None, "not optional"
        assert quantity is not None, "not optional"
        known = [item.exec_id for item in self._server.exchange.executions]
        if exec_id not in known:
            raise InputError("exec_id", exec_id, "the id of an execution")
        new = self._server.exchange.correct(exec_id, price, quantity)
        return {"exec_id": new.exec_id}

    # -- sockets --------------------------------------------------------------------------------

    async def _mute(self, inputs: Inputs) -> dict[str, Any]:
        is_on = inputs.flag("on")
        inputs.done()
        self._server.mute(is_on)
        return {"on": is_on}

    async def _drop(self, inputs: Inputs) -> dict[str, Any]:
        how = inputs.choice("how", ["rst", "fin"])
        after = inputs.integer("after_frames", 0, 10**6, optional=True)
        inputs.done()
        links = list(self._server.links)
        for link in links:
            if after is None:
                link.drop(how)
            else:
                link.session.outlet.drop_how = how
                link.session.outlet.drop_after = after
        return {"connections": len(links)}

    async def _restart_gateway(self, inputs: Inputs) -> dict[str, Any]:
        down_s = inputs.number("down_s", 0, 3600)
        ids = inputs.ids("next_order_id")
        inputs.done()
        if not self._server.is_listening:
            raise InputError("restart", "again", "one restart at a time")
        self._server.go_down("fin")
        self._server.gateway.announced_id.update(ids)
        self._server.clock.call_later(down_s, self._server.come_up)
        return {"down_s": down_s}

    async def _client_id_busy(self, inputs: Inputs) -> dict[str, Any]:
        client_id = inputs.integer("client_id", 0, 2**31 - 1)
        seconds = inputs.number("seconds", 0, 86_400)
        inputs.done()
        assert client_id is not None, "not optional"
        until_s = self._server.clock.monotonic() + seconds
        self._server.faults.busy_until_s[client_id] = until_s
        return {"client_id": client_id}

    # -- broker link and messages ---------------------------------------------------------------

    async def _upstream(self, inputs: Inputs) -> dict[str, Any]:
        is_up = inputs.flag("up")
        is_lost = inputs.flag("data_lost", default=False)
        repeat = inputs.integer("repeat", 1, REPEAT_MAX, optional=True) or 1
        delivers = inputs.flag("deliver", default=False)
        inputs.done()
        gateway, faults = self._server.gateway, self._server.faults
        code = 1100 if not is_up else 1101 if is_lost else 1102
        if not is_up:
            faults.is_upstream_down, faults.is_delivering = True, delivers
        for _ in range(repeat):
            gateway.tell_all(code, TEXTS[code])
        if is_up:
            gateway.restore_link(data_lost=is_lost)
        return {"code": code}

    async def _swallow(self, inputs: Inputs) -> dict[str, Any]:
        kind = inputs.choice("kind", ["placeOrder", "cancelOrder"])
        count = inputs.integer("count", 0, 10**6)
        register = inputs.flag("register")
        inputs.done()
        assert count is not None, "not optional"
        swallow = self._server.faults.swallow[kind]
        swallow.count, swallow.register = count, register
        return {"kind": kind, "count": count}

    async def _inject(self, inputs: Inputs) -> dict[str, Any]:
        request_id = inputs.integer("req_id", -(2**31), 2**31 - 1)
        code = inputs.integer("code", 0, 2**31 - 1)
        text = inputs.text("text")
        client_id = inputs.integer("client_id", 0, 2**31 - 1, optional=True)
        inputs.done()
        assert request_id is not None, "not optional"
        assert code is not None, "not optional"
        clients = self._server.gateway.clients
        wanted = [client for key, client in clients.items() if client_id in (None, key)]
        for client in wanted:
            client.show_error(request_id, code, text)
        return {"clients": len(wanted)}

    async def _hold(self, inputs: Inputs) -> dict[str, Any]:
        ids = set(inputs.integers("message_ids", 1, 255))
        is_on = inputs.flag("on")
        inputs.done()
        held = self._server.faults.held_messages
        if is_on:
            held |= ids
        else:
            held -= ids
            for link in self._server.links:
                link.session.outlet.release(ids)
        return {"held": sorted(held)}

    async def _duplicate(self, inputs: Inputs) -> dict[str, Any]:
        times = inputs.integer("times", 1, 100)
        inputs.done()
        assert times is not None, "not optional"
        self._server.faults.copies = times
        return {"times": times}

    async def _ack(self, inputs: Inputs) -> dict[str, Any]:
        low, high = inputs.number("lo_ms", 0, 600_000), inputs.number("hi_ms", 0, 600_000)
        inputs.done()
        if low > high:
            raise InputError("lo_ms", low, f"0 to hi_ms ({high:g})")
        self._server.gateway.ack = Latency(low / 1000, high / 1000)
        return {"lo_ms": low, "hi_ms": high}

    async def _commission(self, inputs: Inputs) -> dict[str, Any]:
        mode = inputs.choice("mode", ["normal", "never", "first"])
        inputs.done()
        self._server.faults.commissions = mode
        return {"mode": mode}

    async def _shutdown(self, inputs: Inputs) -> dict[str, Any]:
        inputs.done()
        self._stop()
        return {"stopping": True}


def _handler(endpoint: Endpoint) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        try:
            return web.json_response(await endpoint(Inputs(await request.text())))
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
