"""GET: each probe answers its own question."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.unit.ops.conftest import Site
from tests.unit.ops.support import status
from trader.core.halts import HaltCause, Posture
from trader.ops.http_views import FILES, STATIC

STARTING = status(
    posture=Posture.HALTED, is_ready=False, causes=((HaltCause.STARTING, "connecting"),)
)
HALTED = status(posture=Posture.HALTED, is_ready=False, causes=((HaltCause.OPERATOR, "enough"),))
WEDGED = status(loop_lag_s=9.0)


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (None, {"/healthz": 200, "/readyz": 200, "/startupz": 200, "/ops/status": 200}),
        (STARTING, {"/healthz": 200, "/readyz": 503, "/startupz": 503, "/ops/status": 503}),
        (HALTED, {"/healthz": 200, "/readyz": 503, "/startupz": 200, "/ops/status": 503}),
        (WEDGED, {"/healthz": 503, "/readyz": 200, "/startupz": 200, "/ops/status": 200}),
    ],
)
async def test_the_agent_in_each_state(site: Site, shown: object, expected: dict[str, int]) -> None:
    site.status = shown or site.status  # type: ignore[assignment]
    for path, code in expected.items():
        answered, text = await site.get(path)
        assert answered == code, path
        assert isinstance(json.loads(text)["reasons"], list)
        if code == 503:
            assert json.loads(text)["reasons"], path
    health = await site.get("/healthz")
    assert await site.get("/api/v1/health") == health


async def test_the_body_of_the_status_is_complete_when_halted(site: Site) -> None:
    site.status = HALTED
    _, text = await site.get("/ops/status")
    body = json.loads(text)
    assert body["agent_state"] == "HALTED"
    assert body["reasons"] == ["operator: enough"]
    assert body["positions"][0]["symbol"] == "AAPL"


async def test_metrics_have_the_content_type_of_prometheus(site: Site) -> None:
    async with site.session.get(site.url + "/metrics") as response:
        assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert "trader_posture" in await response.text()


async def test_the_page_and_its_files_are_served_and_nothing_else(site: Site) -> None:
    code, text = await site.get("/")
    assert code == 200
    assert text == (STATIC / "index.html").read_text()
    for name in FILES:
        assert (await site.get(f"/static/{name}"))[0] == 200
    for path in ("/static/../http.py", "/static/%2e%2e%2fhttp.py", "/static/x.js", "/etc/passwd"):
        assert (await site.get(path))[0] == 404, path


async def test_events_follow_the_status(site: Site) -> None:
    async with site.session.get(site.url + "/ops/events") as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        first = json.loads((await response.content.readline()).removeprefix(b"data: "))
        assert first["agent_state"] == "READY"
        site.status = HALTED
        async with asyncio.timeout(5):
            while True:
                line = await response.content.readline()
                if b"HALTED" in line:
                    break
    assert line.startswith(b"data: {")


async def test_listeners_are_bounded_and_make_room_when_they_leave(site: Site) -> None:
    streams = [await site.session.get(site.url + "/ops/events") for _ in range(2)]
    code, text = await site.get("/ops/events")
    assert code == 503
    assert "2 event streams" in text
    for stream in streams:
        stream.close()
    async with asyncio.timeout(5):
        while True:
            async with site.session.get(site.url + "/ops/events") as response:
                if response.status == 200:
                    break
            await asyncio.sleep(0.02)
