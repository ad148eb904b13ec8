"""The control server: what the daemon says of itself, and the operator's verbs.

Reading is free to whoever reaches the loopback port; every verb and the orders API need a token:
that of the state directory, which only its owner can read, or one with a role. Bound to loopback,
deaf to other Host names (a web page elsewhere may point its own name at 127.0.0.1), and silent in
the access log.
"""

import asyncio
import contextlib
import ipaddress
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from aiohttp import web

from trader.engine.operator import OperatorDesk
from trader.engine.status import Status
from trader.ops.audit import AuditLog
from trader.ops.http_access import Access, AccessLimits
from trader.ops.http_guard import guard, harden
from trader.ops.http_orders import Door, OrderRows, OrdersApi
from trader.ops.http_verbs import OperatorVerbs
from trader.ops.http_views import Views
from trader.ops.metrics import MetricsObserver
from trader.ops.roles import Principals
from trader.ops.status_json import HealthLimits
from trader.ports import Clock, WorldError

_log = structlog.get_logger(__name__)
# How long a request in progress may take to end once the server stops.
_STOP_TIMEOUT_S = 2.0
BODY_BYTES_MAX = 16 * 1024


class PortTaken(WorldError):
    """The control port cannot be had; the message names host and port."""


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Where to listen, who may ask, and how many may follow the event stream."""

    tokens_file: Path
    audit_file: Path
    host: str = "127.0.0.1"
    port: int = 3000
    # The local operator's, who may do everything.
    token: str = field(default="", repr=False)
    access: AccessLimits = field(default_factory=AccessLimits)
    # Names beyond loopback that a request may address; needed only behind a tunnel or a proxy.
    host_names: tuple[str, ...] = ()
    may_leave_loopback: bool = False
    listeners_max: int = 16
    event_interval_s: float = 1.0
    limits: HealthLimits = field(default_factory=HealthLimits)


@dataclass(frozen=True, slots=True)
class Served:
    """What the server shows and passes on."""

    status: Callable[[], Status]
    desk: OperatorDesk
    metrics: MetricsObserver
    door: Door
    orders: OrderRows


class HttpServer:
    """One HTTP server; ``start`` binds, ``stop`` ends it within a few seconds."""

    def __init__(self, served: Served, clock: Clock, settings: HttpSettings) -> None:
        assert len(settings.token) >= 32, "the control token is too short to be one"
        if not settings.may_leave_loopback and not _is_loopback(settings.host):
            raise ValueError(
                f"control host {settings.host!r} is not a loopback address; "
                "allowed: 127.0.0.1, ::1, localhost"
            )
        self._settings = settings
        self._views = Views(served.status, served.metrics, clock, settings)
        access = Access(
            Principals(settings.token, settings.tokens_file),
            clock,
            AuditLog(settings.audit_file, clock),
            settings.access,
        )
        self._verbs = OperatorVerbs(served.desk, access)
        self._orders = OrdersApi(served.door, served.orders, access)
        self._runner: web.AppRunner | None = None

    async def start(self) -> int:
        """Bind and serve; return the port. Raises PortTaken."""
        assert self._runner is None, "started twice"
        names = ("127.0.0.1", "localhost", "::1", *self._settings.host_names)
        app = web.Application(middlewares=[guard(names)], client_max_size=BODY_BYTES_MAX)
        app.on_response_prepare.append(harden)
        app.add_routes([*self._views.routes(), *self._verbs.routes(), *self._orders.routes()])
        runner = web.AppRunner(
            app,
            access_log=None,
            handle_signals=False,
            shutdown_timeout=_STOP_TIMEOUT_S,
            logger=logging.getLogger("aiohttp.server"),
        )
        await runner.setup()
        host, port = self._settings.host, self._settings.port
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            await runner.cleanup()
            raise PortTaken(f"cannot listen on {host}:{port}: {error.strerror or error}") from error
        self._runner = runner
        bound = int(runner.addresses[0][1])
        _log.info("control server listens", host=host, port=bound)
        return bound

    async def stop(self) -> None:
        """Stop listening, end the event streams, and let a request in progress finish."""
        runner, self._runner = self._runner, None
        if runner is None:
            return
        self._views.end_streams()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2 * _STOP_TIMEOUT_S):
                await runner.cleanup()


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
