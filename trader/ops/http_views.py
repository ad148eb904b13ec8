"""GET: probes, the status, metrics, the event stream and the page."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from aiohttp import web

from trader.engine.status import Status
from trader.ops.http_guard import answer, refusal
from trader.ops.metrics import CONTENT_TYPE, MetricsObserver
from trader.ops.status_json import (
    HealthLimits,
    is_started,
    reasons_not_ready,
    reasons_not_serviceable,
    status_text,
)
from trader.ports import Clock

STATIC = Path(__file__).parent / "static"
FILES = {
    "index.html": "text/html",
    "app.js": "text/javascript",
    "chart.js": "text/javascript",
    "format.js": "text/javascript",
    "view.js": "text/javascript",
    "style.css": "text/css",
    "icon.svg": "image/svg+xml",
}
# A listener that does not take a second's status for this long is gone.
_WRITE_TIMEOUT_S = 10.0


class ViewSettings(Protocol):
    """What the views need of the server's settings."""

    @property
    def listeners_max(self) -> int:
        """Return how many event streams may be open at once."""

    @property
    def event_interval_s(self) -> float:
        """Return the time between two events."""

    @property
    def limits(self) -> HealthLimits:
        """Return when the process counts as wedged."""


class Views:
    """Everything that only reads."""

    def __init__(
        self,
        status: Callable[[], Status],
        metrics: MetricsObserver,
        clock: Clock,
        settings: ViewSettings,
    ) -> None:
        self._status = status
        self._metrics = metrics
        self._clock = clock
        self._settings = settings
        self._streams: set[asyncio.Task[object]] = set()
        self._files = {name: (STATIC / name).read_bytes() for name in FILES}

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/", self._page),
            web.get("/static/{name}", self._static),
            web.get("/healthz", self._healthz),
            web.get("/api/v1/health", self._healthz),
            web.get("/readyz", self._readyz),
            web.get("/startupz", self._startupz),
            web.get("/ops/status", self._ops_status),
            web.get("/ops/events", self._ops_events, allow_head=False),
            web.get("/metrics", self._exposition),
        ]

    def end_streams(self) -> None:
        """End every event stream now."""
        for stream in self._streams:
            stream.cancel()

    async def _healthz(self, _request: web.Request) -> web.Response:
        reasons = reasons_not_serviceable(self._status(), self._settings.limits)
        return _probe("is_serviceable", reasons)

    async def _readyz(self, _request: web.Request) -> web.Response:
        return _probe("is_ready", reasons_not_ready(self._status()))

    async def _startupz(self, _request: web.Request) -> web.Response:
        status = self._status()
        reasons = [] if is_started(status) else reasons_not_ready(status)
        return _probe("is_started", reasons)

    async def _ops_status(self, _request: web.Request) -> web.Response:
        status = self._status()
        return web.Response(
            status=200 if status.is_ready else 503,
            text=status_text(status) + "\n",
            content_type="application/json",
        )

    async def _exposition(self, _request: web.Request) -> web.Response:
        return web.Response(body=self._metrics.exposition(), headers={"Content-Type": CONTENT_TYPE})

    async def _page(self, _request: web.Request) -> web.Response:
        return self._file("index.html")

    async def _static(self, request: web.Request) -> web.Response:
        return self._file(request.match_info["name"])

    def _file(self, name: str) -> web.Response:
        # A table of known names: no path of a request ever reaches the file system.
        if name not in self._files:
            raise web.HTTPNotFound
        return web.Response(body=self._files[name], content_type=FILES[name], charset="utf-8")

    async def _ops_events(self, request: web.Request) -> web.StreamResponse:
        """Send the status every second while somebody listens (server-sent events)."""
        if len(self._streams) >= self._settings.listeners_max:
            return refusal(503, f"{self._settings.listeners_max} event streams are open already")
        task = asyncio.current_task()
        assert task is not None, "handlers run in tasks"
        self._streams.add(task)
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"}
        )
        try:
            await response.prepare(request)
            while True:
                event = f"data: {status_text(self._status())}\n\n".encode()
                async with asyncio.timeout(_WRITE_TIMEOUT_S):
                    await response.write(event)
                await self._clock.sleep(self._settings.event_interval_s)
        except (ConnectionError, TimeoutError):
            return response  # The listener went away or stopped reading.
        finally:
            self._streams.discard(task)


def _probe(name: str, reasons: list[str]) -> web.Response:
    return answer(503 if reasons else 200, {name: not reasons, "reasons": reasons})
