"""What every request passes and every response carries."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal

import pytest

from tests.unit.ops.conftest import Site
from tests.unit.ops.support import TOKEN
from trader.ops.http_guard import HEADERS, host_name, shown


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("127.0.0.1:3000", "127.0.0.1"),
        ("LocalHost", "localhost"),
        ("[::1]:3000", "::1"),
        ("evil.example:3000", "evil.example"),
        ("", ""),
    ],
)
def test_the_name_is_read_out_of_a_host_header(header: str, name: str) -> None:
    assert host_name(header) == name


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:3000", ""])
async def test_a_foreign_name_for_our_address_is_refused(site: Site, host: str) -> None:
    code, text = await site.get("/ops/status", Host=host)
    assert code == 403
    assert "allowed: 127.0.0.1, ::1, localhost" in text
    assert (await site.get("/ops/status", Host=f"localhost:{site.port}"))[0] == 200


@pytest.mark.parametrize("path", ["/", "/ops/status", "/metrics", "/nothing", "/ops/events"])
async def test_every_response_is_hardened(site: Site, path: str) -> None:
    async with site.session.get(site.url + path) as response:
        for name, value in HEADERS.items():
            assert response.headers[name] == value
        assert "Server" not in response.headers


async def test_errors_are_json_like_all_else(site: Site) -> None:
    code, text = await site.get("/nothing")
    assert code == 404
    assert json.loads(text) == {"is_done": False, "text": "GET /nothing: Not Found", "details": []}
    code, text = await site.get("/ops/halt")
    assert code == 405
    assert not site.desk.calls


async def test_an_assertion_that_fails_in_a_verb_reaches_the_daemon(site: Site) -> None:
    """A server that answers 500 and goes on would hide a broken invariant."""
    strays: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: strays.append(context))
    site.desk.error = AssertionError("two orders under one id")
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    async with site.session.post(
        site.url + "/ops/reconcile", data='{"reason": "r", "by": "me"}', headers=headers
    ) as response:
        assert response.status == 500
    assert [str(stray["message"]) for stray in strays] == [
        "assertion failed in POST /ops/reconcile"
    ]
    assert strays[0]["exception"] is site.desk.error


def test_a_value_of_a_body_is_shown_as_json_and_short() -> None:
    assert shown({"a": [1, "é"]}) == '{"a": [1, "\\u00e9"]}'
    assert shown(Decimal("1.50")) == '"1.50"'
    assert shown("x" * 79) == '"' + "x" * 76 + "..."
