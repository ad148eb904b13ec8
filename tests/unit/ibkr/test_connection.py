"""Connecting: each phase fails by its own name and deadline, and one attempt at a time."""

import asyncio
import socket
from typing import Any

import pytest

from tests.unit.ibkr.fake_gateway import Desk, frame, gateway
from trader.core.ids import AccountId, OrderId
from trader.ibkr.connection import SLICE_BYTES, _Socket
from trader.ports import ConnectRefused, LinkDown

INVALID = "4|2|-1|326|Unable to connect as the client id is already in use.|"


async def refused(desk: Desk) -> ConnectRefused:
    with pytest.raises(ConnectRefused) as caught:
        await desk.broker.connect(OrderId(0))
    assert not desk.broker.is_connected
    return caught.value


async def test_a_connection_tells_accounts_version_and_next_id() -> None:
    async with gateway() as served:
        served.replies["71"] = lambda f: ["15|1|DU1,DU2", "9|1|42"]
        desk = Desk(served.port)
        facts = await desk.broker.connect(OrderId(0))
        assert facts.accounts == (AccountId("DU1"), AccountId("DU2"))
        assert (facts.server_version, facts.next_valid_id) == (178, 42)
        assert desk.broker.is_connected
        assert served.received[0] == ["71", "2", "7", ""]
        assert [word.is_up for word in desk.words("socket")] == [True]
        desk.broker.disconnect()
        assert not desk.broker.is_connected


async def test_a_port_that_is_closed_fails_in_the_phase_tcp() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        desk = Desk(unused.getsockname()[1])
        assert (await refused(desk)).phase == "tcp"
        assert desk.words("socket") == []


async def test_a_port_that_never_answers_fails_in_the_phase_tcp_by_its_deadline() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        error = await refused(Desk(port, tcp_deadline_s=0.2))
        for filler in fillers:
            filler.close()
    assert error.phase == "tcp"
    assert "0.2 s" in str(error)


async def test_an_api_that_does_not_answer_fails_in_the_handshake_by_its_deadline() -> None:
    async with gateway() as served:
        served.hello = []
        error = await refused(Desk(served.port))
    assert error.phase == "handshake"
    assert "no server version within 0.3 s" in str(error)


@pytest.mark.parametrize("answers", [[], ["9|1|1"], ["15|1|DU1"], ["15|1|", "9|1|1"]])
async def test_half_a_start_is_no_start(answers: list[str]) -> None:
    async with gateway() as served:
        served.replies["71"] = lambda f: [*answers, "4|2|-1|2110|Connectivity is broken|"]
        error = await refused(Desk(served.port))
    assert error.phase == "handshake"
    assert "no next valid id and accounts within" in str(error)


async def test_what_a_failed_attempt_heard_of_the_upstream_does_not_hold_for_the_next() -> None:
    farm = "4|2|-1|2104|Market data farm connection is OK:usfarm|"
    async with gateway() as served:
        served.replies["71"] = lambda f: [farm]
        desk = Desk(served.port)
        await refused(desk)
        served.replies["71"] = lambda f: [farm, "15|1|DU1", "9|1|1"]
        await desk.broker.connect(OrderId(0))
        assert [word.is_up for word in desk.words("upstream")] == [True, True]
        desk.broker.disconnect()


async def test_a_client_id_in_use_is_told_at_once() -> None:
    async with gateway() as served:
        served.replies["71"] = lambda f: [INVALID]
        desk = Desk(served.port, start_deadline_s=30.0)
        async with asyncio.timeout(2):
            error = await refused(desk)
    assert error.phase == "client id"
    assert "326" in str(error)


async def test_a_peer_that_closes_during_the_handshake_is_told_at_once() -> None:
    async with gateway() as served:
        served.hello = [b"\xff\xff\xff\xff"]
        desk = Desk(served.port, version_deadline_s=30.0)
        async with asyncio.timeout(2):
            error = await refused(desk)
    assert error.phase == "handshake"
    assert "4294967295 bytes" in str(error)


@pytest.mark.parametrize("zone", ["British Summer Time", "中国标准时间", "", "EST"])
async def test_the_time_zone_in_the_handshake_does_not_matter(zone: str) -> None:
    async with gateway() as served:
        served.hello = [frame(f"176|20260413 15:27:04 {zone}")]
        desk = Desk(served.port)
        assert (await desk.broker.connect(OrderId(0))).server_version == 176
        desk.broker.disconnect()


async def test_a_handshake_that_arrives_byte_by_byte_is_one_all_the_same() -> None:
    async with gateway() as served:
        served.hello = [bytes([byte]) for byte in frame("178|20260413 15:27:04 EST")]
        desk = Desk(served.port)
        await desk.broker.connect(OrderId(0))
        desk.broker.disconnect()


async def test_a_second_attempt_at_the_same_time_is_our_bug() -> None:
    async with gateway() as served:
        served.hello = []
        desk = Desk(served.port)
        first = asyncio.create_task(desk.broker.connect(OrderId(0)))
        await desk.until(lambda: served.connections == 1)
        with pytest.raises(AssertionError, match="two connection attempts"):
            await desk.broker.connect(OrderId(0))
        with pytest.raises(ConnectRefused):
            await first


async def test_an_attempt_that_is_cancelled_leaves_nothing_open() -> None:
    async with gateway() as served:
        served.hello = []
        desk = Desk(served.port, version_deadline_s=30.0)
        attempt = asyncio.create_task(desk.broker.connect(OrderId(0)))
        await desk.until(lambda: served.connections == 1)
        attempt.cancel()
        with pytest.raises(asyncio.CancelledError):
            await attempt
        served.hello = [frame("178|now")]
        await desk.broker.connect(OrderId(0))
        desk.broker.disconnect()


async def test_a_disconnect_during_an_attempt_ends_it() -> None:
    async with gateway() as served:
        served.hello = []
        desk = Desk(served.port, version_deadline_s=30.0)
        attempt = asyncio.create_task(desk.broker.connect(OrderId(0)))
        await desk.until(lambda: served.connections == 1)
        desk.broker.disconnect()
        with pytest.raises(ConnectRefused, match="aborted"):
            await attempt


async def test_a_reconnect_waits_for_the_end_of_the_last_connection_and_a_gap() -> None:
    async with gateway() as served:
        desk = Desk(served.port, reconnect_gap_s=0.05)
        await desk.broker.connect(OrderId(0))
        desk.broker.disconnect()
        await desk.broker.connect(OrderId(0))
        assert served.connections == 2
        assert len(desk.clock.slept) == 1
        assert 0.0 < desk.clock.slept[0] <= 0.05
        assert [word.is_up for word in desk.words("socket")] == [True, False, True]
        desk.broker.disconnect()


async def test_connecting_while_connected_drops_the_old_connection_first() -> None:
    async with gateway() as served:
        desk = Desk(served.port)
        await desk.broker.connect(OrderId(0))
        await desk.broker.connect(OrderId(0))
        assert served.connections == 2
        assert desk.broker.is_connected
        assert [word.is_up for word in desk.words("socket")] == [True, False, True]
        desk.broker.disconnect()


async def test_a_disconnect_frees_whoever_waits_and_says_so_once() -> None:
    async with gateway() as served:
        served.silence("49")
        desk = Desk(served.port, heartbeat_deadline_s=30.0)
        await desk.broker.connect(OrderId(0))
        waiting = asyncio.create_task(desk.broker.heartbeat())
        await desk.until(lambda: bool(served.of_kind("49")))
        desk.broker.disconnect()
        desk.broker.disconnect()
        with pytest.raises(LinkDown, match="by us"):
            await waiting
        await asyncio.sleep(0.02)
        assert [word.is_up for word in desk.words("socket")] == [True, False]


@pytest.mark.parametrize("is_reset", [True, False])
async def test_a_lost_connection_is_told_once_with_its_reason(is_reset: bool) -> None:
    async with gateway() as served:
        desk = Desk(served.port)
        await desk.broker.connect(OrderId(0))
        if is_reset:
            served.writers[0].transport.abort()
        else:
            served.writers[0].close()
        await desk.until(lambda: not desk.broker.is_connected)
        down = desk.words("socket")[1:]
        assert [word.is_up for word in down] == [False]
        assert down[0].text


class Half:
    """The reading end of a connection by itself: what is passed on, and when it may read."""

    def __init__(self) -> None:
        self.passed: list[tuple[bytes, float]] = []
        self.turns: list[int] = []
        self.lost: list[int] = []
        self.marks: list[str] = []
        self.is_closing_now = False
        self.fails_at: int | None = None
        self.now_s = 5.0
        self.socket = _Socket(self.take, lambda *_: self.lost.append(self.length), self.now)
        transport: Any = self
        self.socket.connection_made(transport)

    @property
    def length(self) -> int:
        return sum(len(data) for data, _ in self.passed)

    def now(self) -> float:
        return self.now_s

    def take(self, data: bytes, at_s: float) -> None:
        if self.fails_at is not None and self.length >= self.fails_at:
            raise ArithmeticError("a decoder's bug")
        self.passed.append((data, at_s))

    def pause_reading(self) -> None:
        self.marks.append("pause")

    def resume_reading(self) -> None:
        self.marks.append("resume")

    def abort(self) -> None:
        self.marks.append("abort")
        self.is_closing_now = True

    def is_closing(self) -> bool:
        return self.is_closing_now


async def test_a_flood_is_passed_on_in_slices_and_others_have_their_turn() -> None:
    """DAT-02: and what came is stamped with when it came."""
    half = Half()
    data = bytes(range(256)) * (10 * SLICE_BYTES // 256)
    half.socket.data_received(data)
    assert half.marks == ["pause"]
    half.now_s = 9.0
    for _ in range(9):
        half.turns.append(half.length)
        await asyncio.sleep(0)
    assert half.turns == [SLICE_BYTES * n for n in range(1, 10)]
    await asyncio.sleep(0)
    assert b"".join(part for part, _ in half.passed) == data
    assert {at_s for _, at_s in half.passed} == {5.0}
    assert half.marks == ["pause", "resume"]
    half.socket.data_received(b"next")
    assert half.passed[-1] == (b"next", 9.0)


async def test_what_comes_while_slices_wait_comes_after_them() -> None:
    half = Half()
    half.socket.data_received(b"a" * (2 * SLICE_BYTES))
    half.socket.data_received(b"b")
    await asyncio.sleep(0.01)
    assert b"".join(part for part, _ in half.passed) == b"a" * (2 * SLICE_BYTES) + b"b"
    assert half.marks == ["pause", "resume"]


async def test_all_that_came_before_a_loss_is_passed_on_before_it_is_told() -> None:
    half = Half()
    half.socket.data_received(b"a" * (3 * SLICE_BYTES))
    half.is_closing_now = True
    half.socket.connection_lost(None)
    assert half.lost == [3 * SLICE_BYTES]
    await asyncio.sleep(0.01)
    assert half.length == 3 * SLICE_BYTES


async def test_whoever_raises_over_a_slice_is_passed_nothing_after_it() -> None:
    """A stream with a hole in it is no stream: it is dropped, as asyncio drops it, and told."""
    half = Half()
    half.fails_at = SLICE_BYTES
    raised: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: raised.append(context))
    half.socket.data_received(b"a" * (4 * SLICE_BYTES))
    await asyncio.sleep(0.01)
    assert half.length == SLICE_BYTES
    assert half.marks == ["pause", "abort"]
    assert isinstance(raised[0]["exception"], ArithmeticError)
    half.fails_at = None
    half.socket.connection_lost(None)
    assert (half.length, half.lost) == (SLICE_BYTES, [SLICE_BYTES])


async def test_a_loss_is_told_even_where_what_came_before_it_cannot_be_passed_on() -> None:
    half = Half()
    half.socket.data_received(b"a" * (2 * SLICE_BYTES))
    half.fails_at = 0
    with pytest.raises(ArithmeticError):
        half.socket.connection_lost(None)
    assert half.lost == [SLICE_BYTES]
    assert half.socket.gone.is_set()


async def test_bytes_handed_over_as_reading_goes_on_are_passed_on() -> None:
    """A transport may hand over what it holds in the very call that resumes it."""
    half = Half()
    resumed = half.resume_reading

    def resume_and_hand_over() -> None:
        resumed()
        half.socket.data_received(b"b")

    half.resume_reading = resume_and_hand_over  # type: ignore[method-assign]
    half.socket.data_received(b"a" * (2 * SLICE_BYTES))
    await asyncio.sleep(0.01)
    assert half.length == 2 * SLICE_BYTES + 1


async def test_a_frame_out_of_range_aborts_the_connection() -> None:
    async with gateway() as served:
        desk = Desk(served.port)
        await desk.broker.connect(OrderId(0))
        served.writers[0].write(b"\x7f\0\0\0garbage")
        await desk.until(lambda: not desk.broker.is_connected)
        assert "2130706432 bytes" in desk.words("socket")[-1].text
        await desk.broker.connect(OrderId(0))
        desk.broker.disconnect()


async def test_the_socket_is_tuned() -> None:
    async with gateway() as served:
        desk = Desk(served.port, tcp_user_timeout_s=7.0, keepalive_idle_s=9)
        await desk.broker.connect(OrderId(0))
        own = desk.broker._connection._socket
        assert own is not None
        assert own.transport is not None
        raw = own.transport.get_extra_info("socket")
        assert raw.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
        assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 7000
        assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 9
        desk.broker.disconnect()
