"""Each switch of the control port does what it says, seen by a client on the socket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.unit.sim.host.test_server import WAIT_S, serving, until
from tests.unit.sim.support import contract, place_fields, split
from trader.sim.host.control import ControlPort, health
from trader.sim.host.server import SimServer
from trader.sim.wire.frames import encode


class Wire:
    """A bare client on a real socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, *fields: object) -> None:
        self.writer.write(encode(*fields))

    async def frame(self) -> list[str]:
        async with asyncio.timeout(WAIT_S):
            head = await self.reader.readexactly(4)
            return split(head + await self.reader.readexactly(int.from_bytes(head, "big")))[0]

    async def next(self, *message_ids: int) -> list[str]:
        while True:
            fields = await self.frame()
            if int(fields[0]) in message_ids:
                return fields

    async def error(self, *codes: int) -> list[str]:
        while True:
            fields = await self.next(4)
            if int(fields[3]) in codes:
                return fields

    async def silence(self) -> bool:
        """Say whether an answer to a question stays away."""
        self.send(49, 1)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.1):
                await self.next(49)
                return False
        return True

    async def end(self) -> bytes:
        """Return what comes until the connection ends."""
        data = b""
        async with asyncio.timeout(WAIT_S):
            with contextlib.suppress(ConnectionError):
                while chunk := await self.reader.read(65536):
                    data += chunk
        return data


class Rig:
    """A simulator with its control port."""

    def __init__(self, server: SimServer, http: aiohttp.ClientSession, port: int) -> None:
        self.server, self._http, self._base = server, http, f"http://127.0.0.1:{port}"
        self.stopped = asyncio.Event()

    async def post(self, path: str, **body: object) -> tuple[int, dict[str, Any]]:
        async with self._http.post(self._base + path, json=body) as answer:
            return answer.status, await answer.json()

    async def raw(self, method: str, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        async with self._http.request(method, self._base + path, data=body) as answer:
            return answer.status, await answer.json()

    async def ok(self, path: str, **body: object) -> dict[str, Any]:
        status, answer = await self.post(path, **body)
        assert status == 200, answer
        return answer

    async def get(self, path: str) -> dict[str, Any]:
        async with self._http.get(self._base + path) as answer:
            assert answer.status == 200
            found: dict[str, Any] = await answer.json()
            return found

    async def client(self, client_id: int = 7) -> Wire:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        wire = Wire(reader, writer)
        writer.write(b"API\0\0\0\0\x09v157..178")
        await wire.frame()
        wire.send(71, 2, client_id, "")
        self.wires.append(wire)
        return wire

    wires: list[Wire]


@contextlib.asynccontextmanager
async def rig(directory: Path, **changes: Any) -> AsyncIterator[Rig]:
    async with serving(directory, **({"ack_s": (0.0, 0.0), "fill_s": (0.0, 0.0)} | changes)) as sim:
        stopped = asyncio.Event()
        control = ControlPort(sim, stopped.set)
        await control.start()
        async with aiohttp.ClientSession() as http:
            found = Rig(sim, http, control.port)
            found.stopped, found.wires = stopped, []
            try:
                yield found
            finally:
                for wire in found.wires:
                    wire.writer.close()
                    with contextlib.suppress(ConnectionError):
                        await wire.writer.wait_closed()
                await control.stop()
        # aiohttp closes its sockets on a later turn.
        await asyncio.sleep(0.01)


async def test_the_truth_names_orders_executions_positions_and_frames(tmp_path: Path) -> None:
    async with rig(tmp_path) as world:
        wire = await world.client()
        wire.send(*place_fields(1, ref="r-1"))
        wire.send(*place_fields(2, ref="r-2", kind="LMT", limit=50))
        await wire.next(59)
        await wire.next(5)
        truth = await world.get("/truth")
        assert [(o["order_ref"], o["status"]) for o in truth["orders"]] == [
            ("r-1", "Filled"), ("r-2", "Submitted"),
        ]  # fmt: skip
        assert sum(int(e["quantity"]) for e in truth["executions"]) == 100
        assert truth["positions"][0]["quantity"] == "100"
        assert (truth["clients"], truth["next_order_id"]) == ([7], {"7": 3})
        frames = truth["place_frames"]
        assert [(f["order_id"], f["modify"]) for f in frames] == [(1, False), (2, False)]
        assert frames[0]["received_monotonic_s"] <= frames[1]["received_monotonic_s"]
        assert truth["frames"]["in"] == 3
        assert (await world.get("/health"))["status"] == "ok"


async def test_a_price_is_pinned_and_released(tmp_path: Path) -> None:
    async with rig(tmp_path) as world:
        wire = await world.client()
        wire.send(1, 11, 5, *contract(), 0, "", 0, 0, "")
        await world.ok("/price", symbol="AAPL", price="123.45")
        while (await wire.next(1))[3:5] != ["4", "123.45"]:
            pass
        await world.ok("/price", symbol="AAPL", price=None)
        assert world.server.market.pins == {}


async def test_mute_keeps_the_socket_and_answers_later(tmp_path: Path) -> None:
    async with rig(tmp_path) as world:
        wire = await world.client()
        await wire.next(9)
        await world.ok("/mute", on=True)
        assert await wire.silence()
        wire.send(*place_fields(1))
        assert await wire.silence()
        assert world.server.exchange.orders == {}
        await world.ok("/mute", on=False)
        assert (await wire.next(5))[1] == "1"


async def test_upstream_sends_its_codes_and_holds_orders(tmp_path: Path) -> None:
    async with rig(tmp_path) as world:
        wire = await world.client()
        # The last notice of a connect, which a cut link would replace by 2110.
        await wire.error(2158)
        await world.ok("/upstream", up=False, repeat=2)
        assert [(await wire.error(1100))[3] for _ in range(2)] == ["1100", "1100"]
        wire.send(*place_fields(1))
        assert not await wire.silence()
        assert world.server.exchange.orders == {}
        await world.ok("/upstream", up=True)
        assert (await wire.next(4, 5))[3] == "1102"
        assert (await wire.next(5))[1] == "1"
        await world.ok("/upstream", up=False)
        await world.ok("/upstream", up=True, data_lost=True)
        assert (await wire.error(1101))[3] == "1101"


@pytest.mark.parametrize("how", ["rst", "fin"])
async def test_a_drop_ends_every_connection(
    tmp_path: Path, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="trader.sim")
    async with rig(tmp_path) as world:
        wire = await world.client()
        await wire.next(9)
        await world.ok("/drop", how=how, after_frames=None)
        await wire.end()
        await until(lambda: not world.server.gateway.clients)
        assert f"dropped ({how})" in caplog.text


async def test_a_drop_can_come_in_mid_burst_and_mid_frame(tmp_path: Path) -> None:
    async with rig(tmp_path) as world:
        wire = await world.client()
        await wire.error(2158)
        await world.ok("/drop", how="fin", after_frames=2)
        wire.send(*place_fields(1, kind="LMT", limit=50))
        data = await wire.end()
        whole = 0
        while len(data) >= 4 and len(data) >= 4 + (size := int.from_bytes(data[:4], "big")):
            whole, data = whole + 1, data[4 + size :]
        assert whole == 2
        assert data
        assert len(world.server.exchange.working()) == 1


async def test_a_restart_may_announce_a_lower_id_while_old_ids_stay_used(tmp_path: Path) -> None:
    async with rig(tmp_path) as world:
        wire = await world.client()
        wire.send(*place_fields(5))
        await wire.next(59)
        port = world.server.port
        await world.ok("/restart", down_s=0.05, next_order_id={"7": 2})
        await wire.end()
        with pytest.raises(OSError, match="Connect"):
            await asyncio.open_connection("127.0.0.1", port)
        await until(lambda: world.server.is_listening)
        wire = await world.client()
        assert (await wire.next(9))[2] == "2"
        wire.send(*place_fields(2))
        assert (await wire.error(103))[2] == "2"


@pytest.mark.parametrize("register", [True, False])
async def test_a_swallowed_order_gets_no_answer(tmp_path: Path, register: bool) -> None:
    async with rig(tmp_path) as world:
        wire = await world.client()
        await wire.next(9)
        await world.ok("/swallow", kind="placeOrder", count=1, register=register)
        wire.send(*place_fields(1))
        wire.send(*place_fields(2))
        assert (await wire.next(5))[1] == "2"
        truth = await world.get("/truth")
        assert len(truth["orders"]) == (2 if register else 1)
        assert len(truth["place_frames"]) == 2


async def test_a_swallowed_cancel_leaves_the_order(tmp_path: Path) -> None:
    async with rig(tmp_path) as world:
        wire = await world.client()
        wire.send(*place_fields(1, kind="LMT", limit=50))
        await wire.next(3)
        await world.ok("/swallow", kind="cancelOrder", count=1, register=False)
        wire.send(4, 1, 1, "")
        assert not await wire.silence()
        assert len(world.server.exchange.working()) == 1


async def test_any_error_can_be_injected(tmp_path: Path) -> None:
    async with rig(tmp_path) as world:
        wire = await world.client()
        await wire.next(9)
        await world.ok("/inject", req_id=5, code=10349, text="any text")
        assert (await wire.error(10349))[2:5] == ["5", "10349", "any text"]


async def test_end_markers_can_be_held_and_released(tmp_path: Path) -> None:
    async with rig(tmp_path) as world:
        wire = await world.client()
        await wire.next(9)
        await world.ok("/hold", message_ids=[62], on=True)
        wire.send(61, 1)
        wire.send(49, 1)
        assert (await wire.next(49, 62))[0] == "49"
        await world.ok("/hold", message_ids=[62], on=False)
        assert (await wire.next(62)) == ["62", "1"]


async def test_frames_can_be_duplicated(tmp_path: Path) -> None:
    async with rig(tmp_path) as world:
        wire = await world.client()
        await wire.error(2158)
        await world.ok("/duplicate", times=2)
        wire.send(49, 1)
        assert [(await wire.frame())[0] for _ in range(2)] == ["49", "49"]


async def test_acknowledgements_can_be_slowed_down(tmp_path: Path) -> None:
    async with rig(tmp_path) as world:
        wire = await world.client()
        await world.ok("/ack", lo_ms=60_000, hi_ms=60_000)
        wire.send(*place_fields(1))
        assert not await wire.silence()
        assert world.server.exchange.orders == {}


async def test_a_trade_by_hand_moves_the_position_and_tells_client_zero(tmp_path: Path) -> None:
    async with rig(tmp_path) as world:
        zero, other = await world.client(0), await world.client(7)
        other.send(61, 1)
        await other.next(62)
        await world.ok("/manual-trade", symbol="AAPL", side="BUY", quantity=3)
        assert (await other.next(61, 11))[14] == "3"
        fields = await zero.next(11)
        assert (fields[2], fields[22]) == ("0", "0")
        assert int(fields[21]) > 10**15


async def test_commissions_can_stay_away(tmp_path: Path) -> None:
    async with rig(tmp_path) as world:
        wire = await world.client()
        await world.ok("/commission", mode="never")
        wire.send(*place_fields(1, quantity=1))
        await wire.next(11)
        wire.send(49, 1)
        assert (await wire.next(59, 49))[0] == "49"


async def test_a_client_id_can_be_busy(tmp_path: Path) -> None:
    async with rig(tmp_path) as world:
        await world.ok("/client-id-busy", client_id=7, seconds=60)
        wire = await world.client(7)
        assert (await wire.error(326))[2] == "-1"
        assert await wire.end() == b""


async def test_an_execution_is_corrected_under_its_next_revision(tmp_path: Path) -> None:
    async with rig(tmp_path) as world:
        wire = await world.client()
        wire.send(*place_fields(1, quantity=1))
        exec_id = (await wire.next(11))[14]
        answer = await world.ok("/exec-correction", exec_id=exec_id, price="150.00", quantity=1)
        assert answer["exec_id"] == exec_id[:-1] + "2"
        fields = await wire.next(11)
        assert (fields[14], fields[20]) == (answer["exec_id"], "150")


async def test_a_shutdown_asks_the_process_to_stop(tmp_path: Path) -> None:
    async with rig(tmp_path) as world:
        await world.ok("/shutdown")
        assert world.stopped.is_set()


async def test_the_port_describes_its_actions_and_the_codes(tmp_path: Path) -> None:
    async with rig(tmp_path) as world:
        async with world._http.get(world._base + "/actions") as answer:
            actions = {entry["name"]: entry for entry in await answer.json()}
        async with world._http.get(world._base + "/codes") as answer:
            codes = {entry["code"]: entry for entry in await answer.json()}
    assert actions["mute"]["inputs"][0]["name"] == "on"
    assert len(codes) == 431
    assert codes[201]["effect"] == "ends"


async def test_time_is_advanced_and_a_code_acts_on_an_order(tmp_path: Path) -> None:
    async with rig(tmp_path) as world:
        wire = await world.client()
        wire.send(*place_fields(1, kind="LMT", limit=50))
        while (await wire.next(3))[2] != "Submitted":
            pass
        before_s = world.server.clock.time()
        await world.ok("/advance", seconds=20)
        assert world.server.clock.time() - before_s >= 20
        answer = await world.ok("/emit-code", code=202, id=1)
        assert answer["status"] == "Cancelled"
        assert (await wire.error(202))[2] == "1"


async def test_the_port_answers_while_time_is_advanced_and_says_how_far_it_is(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path) as world:
        wire = await world.client()
        await wire.error(2158)
        wire.send(1, 11, 5, *contract(), 0, "", 0, 0, "")
        began_s = world.server.clock.time()
        # Half a day of quotes, account updates and bars takes several slices of the loop's time.
        whole = asyncio.ensure_future(world.ok("/advance", seconds=12 * 3600))
        lefts = []
        while not whole.done():
            lefts.append((await world.get("/health"))["advance_left_s"])
        await whole
        under_way = [left for left in lefts if left]
        assert len(under_way) > 3
        assert under_way == sorted(under_way, reverse=True)
        assert under_way[0] < 12 * 3600
        assert (await world.get("/health"))["advance_left_s"] == 0
        assert world.server.clock.time() - began_s >= 12 * 3600


async def test_frames_are_changed_on_a_real_socket(tmp_path: Path) -> None:
    async with rig(tmp_path) as world:
        wire = await world.client()
        await wire.error(2158)
        await world.ok("/frame-edit", messages=["currentTime"], set={"time": 7}, count=1)
        wire.send(49, 1)
        assert await wire.next(49) == ["49", "1", "7"]
        await world.ok("/slow", write_bytes=5, write_pause_ms=1)
        wire.send(49, 1)
        assert (await wire.next(49))[0] == "49"
        await world.ok("/freeze", client_id=7, on=True)
        assert await wire.silence()
        await world.ok("/freeze", client_id=7, on=False)
        assert (await wire.next(49))[0] == "49"


WRONG: list[tuple[str, dict[str, object], str]] = [
    ("/price", {"symbol": "NONE", "price": 1}, "symbol"),
    ("/price", {"symbol": "AAPL", "price": -1}, "price"),
    ("/price", {"symbol": "AAPL"}, "price"),
    ("/mute", {"on": "yes"}, "on"),
    ("/mute", {"on": True, "off": 1}, "off"),
    ("/upstream", {}, "up"),
    ("/upstream", {"up": True, "repeat": 0}, "repeat"),
    ("/drop", {"how": "gently"}, "how"),
    ("/drop", {"how": "rst", "after_frames": -1}, "after_frames"),
    ("/restart", {"down_s": -1}, "down_s"),
    ("/restart", {"down_s": 0, "next_order_id": {"a": 1}}, "next_order_id"),
    ("/swallow", {"kind": "all", "count": 1, "register": True}, "kind"),
    ("/inject", {"req_id": 1, "code": "x", "text": ""}, "code"),
    ("/hold", {"message_ids": [0], "on": True}, "message_ids"),
    ("/duplicate", {"times": 0}, "times"),
    ("/ack", {"lo_ms": 5, "hi_ms": 1}, "lo_ms"),
    ("/manual-trade", {"symbol": "AAPL", "side": "HOLD", "quantity": 1}, "side"),
    ("/manual-trade", {"symbol": "VIX", "side": "BUY", "quantity": 1}, "symbol"),
    ("/commission", {"mode": "sometimes"}, "mode"),
    ("/client-id-busy", {"client_id": -1, "seconds": 1}, "client_id"),
    ("/exec-correction", {"exec_id": "x", "price": 1, "quantity": 1}, "exec_id"),
]


async def test_a_wrong_input_is_a_400_that_names_it_and_changes_nothing(tmp_path: Path) -> None:
    async with rig(tmp_path) as world:
        before = await world.get("/truth")
        for path, body, field in WRONG:
            status, answer = await world.post(path, **body)
            assert (status, answer.get("field")) == (400, field), (path, body, answer)
            assert answer["allowed"]
        assert await world.get("/truth") == before
        assert not world.server.faults.is_muted
        assert world.server.is_listening


@pytest.mark.parametrize(
    ("method", "path", "status", "field", "allowed"),
    [
        ("POST", "/nosuch", 404, "action", "advance"),
        ("GET", "/nosuch", 404, "action", "truth"),
        ("POST", "/price/AAPL", 404, "action", "price"),
        ("GET", "/price", 405, "method", "POST"),
        ("POST", "/truth", 405, "method", "GET"),
        ("DELETE", "/price", 405, "method", "POST"),
        ("POST", "/price", 400, "body", "UTF-8"),
    ],
)
async def test_what_no_action_understands_is_told_by_field_value_and_what_is_allowed(
    tmp_path: Path, method: str, path: str, status: int, field: str, allowed: str
) -> None:
    async with rig(tmp_path) as world:
        got, answer = await world.raw(method, path, b"\xff\xfe")
        assert (got, answer["field"]) == (status, field)
        assert answer["value"]
        assert allowed in answer["allowed"]


async def test_a_body_that_is_too_large_is_told_in_json(tmp_path: Path) -> None:
    async with rig(tmp_path) as world:
        status, answer = await world.raw("POST", "/price", b" " * 65_537)
        assert (status, answer["field"]) == (413, "body")
        assert answer["error"] == "body: '65537 bytes' is not allowed; allowed: up to 65536 bytes"


async def test_health_tells_the_replayed_day(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        found = health(server)
    assert found["status"] == "ok"
    assert found["replay_date"] == server.market.today().isoformat()
