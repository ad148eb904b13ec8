"""The page as a browser would load it: complete, self-contained and without a way in for HTML."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path

import aiohttp
import pytest

from tests.unit.ops.doors import http_settings, served
from trader.core.halts import HaltCause, Mode, Posture
from trader.core.orders import FINAL, OrderState
from trader.engine.status import Status
from trader.ops.clock import SystemClock
from trader.ops.http import HttpServer
from trader.ops.http_views import FILES, STATIC

SCRIPTS = {name: (STATIC / name).read_text() for name in FILES if name.endswith(".js")}
HTML = (STATIC / "index.html").read_text()


class Tags(HTMLParser):
    """Collects what matters of the markup."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.attributes: set[str] = set()
        self.labels: list[str] = []
        self.inline_scripts = 0
        self.feed(HTML)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.attributes |= set(given)
        if "id" in given:
            self.ids.append(given["id"])
        self.addresses += [given[name] for name in ("src", "href") if name in given]
        self.labels += [given[name] for name in ("aria-labelledby",) if name in given]
        if tag in ("style", "script") and "src" not in given:
            self.inline_scripts += 1


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    server = HttpServer(served(), SystemClock(), http_settings(tmp_path))
    port = await server.start()
    yield f"http://127.0.0.1:{port}"
    await server.stop()


def test_every_id_that_the_scripts_use_is_in_the_page_once() -> None:
    calls = re.compile(r'\b(?:byId|getElementById|put|fill|table|facts)\(\s*"([\w-]+)"')
    used = {name for text in SCRIPTS.values() for name in calls.findall(text)}
    ids = Tags().ids
    assert len(used) > 20
    assert used <= set(ids), used - set(ids)
    assert len(ids) == len(set(ids))
    assert set(Tags().labels) <= set(ids)


async def test_everything_it_loads_comes_from_here(url: str) -> None:
    imports = re.compile(r'from "\./([\w.]+)"')
    loaded = {f"/static/{name}" for text in SCRIPTS.values() for name in imports.findall(text)}
    addresses = {*Tags().addresses, *loaded}
    async with aiohttp.ClientSession() as session:
        for address in addresses:
            assert address.startswith("/static/"), address
            async with session.get(url + address) as response:
                assert response.status == 200, address
                assert response.content_type == FILES[address.removeprefix("/static/")]
    # The only address of another host is the name of the SVG vocabulary, which nobody fetches.
    outside = {
        found
        for name in FILES
        for found in re.findall(r"https?://[^\"'\s<>]+", (STATIC / name).read_text())
    }
    assert outside == {"http://www.w3.org/2000/svg"}


async def test_the_policy_forbids_what_the_page_does_not_need(url: str) -> None:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        policy = response.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    tags = Tags()
    assert tags.inline_scripts == 0
    assert "style" not in tags.attributes
    assert not [name for name in tags.attributes if name.startswith("on")]


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_no_script_can_turn_text_into_html(name: str) -> None:
    ways_in = (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "Function(",
    )
    assert not [way for way in ways_in if way in SCRIPTS[name]]


def test_every_field_the_page_reads_is_in_the_status() -> None:
    used = set(re.findall(r"\bstatus\.(\w+)", SCRIPTS["view.js"] + SCRIPTS["app.js"]))
    assert len(used) > 15
    assert used <= set(Status.__dataclass_fields__), used - set(Status.__dataclass_fields__)


def test_the_page_shows_all_that_the_status_says() -> None:
    used = set(re.findall(r"\bstatus\.(\w+)", SCRIPTS["view.js"] + SCRIPTS["app.js"]))
    # The one is shown as an age, the other by what it follows from.
    assert set(Status.__dataclass_fields__) - used == {"started_utc", "is_ready"}


def keys_of(table: str) -> set[str]:
    body = SCRIPTS["view.js"].split(f"const {table} = ", 1)[1].split(";", 1)[0]
    return set(re.findall(r"(\w+):", body)) | set(re.findall(r'"(\w+)"', body))


def test_every_cause_posture_and_state_has_words() -> None:
    assert {cause.value for cause in HaltCause} <= keys_of("CAUSES")
    assert {posture.value for posture in Posture} <= keys_of("MEANINGS")
    assert {mode.value for mode in Mode if mode.may_send} == keys_of("SENDS")
    live = {state.value for state in OrderState if state not in FINAL}
    assert live == keys_of("LIVE_STATES")
