"""The protocol session without I/O: handshake, dispatch, and errors that end only themselves."""

from __future__ import annotations

import contextlib
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.sim.support import ACCOUNT, Bench, Peer, contract, place_fields
from trader.sim.gateway.session import SessionEnded
from trader.sim.gateway.ways.handshake import HandshakeFault
from trader.sim.wire.frames import encode


@pytest.mark.parametrize(
    ("own", "offered", "agreed"),
    [
        (178, "v157..178", "178"),
        (178, "v100..225", "178"),
        (163, "v157..178", "163"),
        (178, "v100..157", "157"),
        (178, "v157..173 +PACEAPI", "173"),
    ],
)
def test_the_agreed_version_is_the_lower_of_both(own: int, offered: str, agreed: str) -> None:
    peer = Peer(Bench(server_version=own))
    peer.hello(offered)
    ((version, when),) = peer.frames()
    assert version == agreed
    assert when.endswith("Greenwich Mean Time")


@pytest.mark.parametrize("offered", ["v213..225", "v100..150"])
def test_a_version_out_of_reach_ends_the_session(offered: str) -> None:
    with pytest.raises(SessionEnded):
        Peer(Bench()).hello(offered)


def test_start_api_is_answered_by_accounts_and_next_id_and_then_notices() -> None:
    bench = Bench()
    peer = Peer(bench)
    peer.hello()
    peer.frames()
    peer.send(71, 2, 7, "")
    assert peer.frames() == [["15", "1", ACCOUNT], ["9", "1", "1"]]
    bench.clock.advance(0.015)
    assert [fields[3] for fields in peer.frames()] == ["2104", "2106"]
    bench.clock.advance(1)
    assert peer.frames()[0][2:4] == ["-1", "2158"]


def test_live_orders_come_before_everything_else() -> None:
    bench = Bench()
    first = bench.client(7)
    first.send(*place_fields(4, kind="LMT", limit=50))
    first.session.leave()
    peer = Peer(bench)
    peer.hello()
    peer.frames()
    peer.send(71, 2, 7, "")
    frames = peer.frames()
    assert [fields[0] for fields in frames] == ["5", "3", "53", "15", "9"]
    assert frames[-1] == ["9", "1", "5"]


def test_a_duplicate_client_id_is_told_326_and_closed() -> None:
    bench = Bench()
    first = bench.client(7)
    second = Peer(bench)
    second.hello()
    second.frames()
    with pytest.raises(SessionEnded, match="326"):
        second.send(71, 2, 7, "")
    assert second.frames()[0][3] == "326"
    assert second.session.outlet.is_closing
    second.session.leave()
    first.send(49, 1)
    assert first.ids() == [49]


def test_nothing_is_taken_before_start_api() -> None:
    peer = Peer(Bench())
    peer.hello()
    with pytest.raises(SessionEnded, match="before startApi"):
        peer.send(49, 1)


def test_an_unknown_message_is_answered_with_an_error() -> None:
    peer = Bench().client()
    for head in (999, "abc", "", 66):
        peer.send(head, 1)
        (fields,) = peer.frames()
        assert fields[:4] == ["4", "2", "-1", "320"]


def test_an_unreadable_order_is_answered_on_its_own_id() -> None:
    bench = Bench()
    peer = bench.client()
    peer.send(*place_fields(12)[:40])
    assert peer.frames()[0][2:4] == ["12", "320"]
    assert not bench.exchange.orders


@pytest.mark.parametrize("version", [157, 160, 163, 166, 170, 173, 176, 177, 178])
def test_an_order_fills_at_every_version(version: int) -> None:
    bench = Bench(server_version=version)
    peer = bench.client()
    peer.send(*place_fields(1, version, ref="r-1"))
    frames = peer.frames()
    assert [fields[0] for fields in frames][-6:] == ["11", "5", "3", "5", "3", "59"] or (
        [fields[0] for fields in frames][-1] == "59"
    )
    (order,) = bench.exchange.orders.values()
    assert (order.order_ref, str(order.status)) == ("r-1", "Filled")


def test_simple_questions_are_answered() -> None:
    bench = Bench()
    peer = bench.client()
    peer.send(8, 1, 1)
    peer.send(17, 1)
    peer.send(14, 1, 5)
    peer.send(49, 1)
    now = str(int(bench.clock.time()))
    assert peer.frames() == [["9", "1", "1"], ["15", "1", ACCOUNT], ["49", "1", now]]


@given(st.lists(st.binary(max_size=120), max_size=6), st.booleans())
def test_garbage_ends_at_most_its_own_session(chunks: list[bytes], has_started: bool) -> None:
    bench = Bench()
    healthy = bench.client(1)
    peer = Peer(bench)
    with contextlib.suppress(SessionEnded):
        if has_started:
            peer.hello()
            peer.send(71, 2, 2, "")
        for chunk in chunks:
            peer.session.receive(chunk)
    peer.session.leave()
    healthy.frames()
    healthy.send(49, 1)
    assert healthy.ids() == [49]


MESSAGE_IDS = st.one_of(st.integers(0, 110).map(str), st.text(max_size=4))
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=10)
FIELDS = st.lists(st.one_of(st.integers(-5, 10**12).map(str), TEXT), max_size=25)


@given(st.lists(st.tuples(MESSAGE_IDS, FIELDS), max_size=8))
def test_no_well_framed_message_raises(messages: list[tuple[str, list[str]]]) -> None:
    peer = Bench().client()
    for head, fields in messages:
        if "\0" not in head:
            peer.session.receive(encode(head, *fields))
    peer.frames()
    peer.send(49, 1)
    assert peer.frames()[-1][0] == "49"


def trace(seed: int) -> list[list[str]]:
    """Trade a little on random latencies and return every frame a client saw."""
    bench = Bench(ack_s=(0.001, 0.005), fill_s=(0.005, 0.150), seed=seed)
    bench.feeds.start()
    peer = bench.client()
    peer.send(1, 11, 900, *contract(), 0, "", 0, 0, "")
    for number in range(1, 15):
        peer.send(*place_fields(number, quantity=30, ref=f"r-{number}"))
        peer.send(*place_fields(100 + number, kind="LMT", limit="199.00", quantity=5))
        bench.clock.advance(0.05)
    bench.clock.advance(100)
    bench.feeds.stop()
    return peer.frames()


def test_a_seed_draws_every_frame_and_another_seed_others() -> None:
    assert trace(1) == trace(1)
    assert trace(1) != trace(2)


def test_the_largest_pace_of_a_client_is_kept() -> None:
    bench = Bench()
    peer = bench.client()
    for _ in range(40):
        peer.send(49, 1)
    bench.clock.advance(1.5)
    peer.send(49, 1)
    # Forty questions and startApi came within one second.
    assert bench.gateway.frames_in_per_s_max == 41


@pytest.mark.parametrize(
    ("version", "request_id", "answer"), [(166, 104, "320"), (167, 104, ""), (196, 105, "320")]
)
def test_a_request_younger_than_the_agreed_version_is_unknown(
    version: int, request_id: int, answer: str
) -> None:
    peer = Bench(server_version=version).client(versions="v157..200")
    peer.send(request_id, *([9] if request_id == 104 else []))
    (fields,) = peer.frames()
    assert (fields[0], answer in fields) == (("4", True) if answer else ("107", True))


def started(bench: Bench, *, wait_s: float = 0.0) -> Peer:
    peer = Peer(bench)
    peer.hello()
    peer.send(71, 2, 7, "")
    bench.clock.advance(wait_s)
    return peer


def test_the_time_comes_in_milliseconds_and_the_user_has_no_branding() -> None:
    bench = Bench(server_version=200)
    peer = bench.client(versions="v157..200")
    peer.send(105)
    peer.send(104, 9)
    assert peer.frames() == [["109", str(int(bench.clock.time() * 1000))], ["107", "9", ""]]


@pytest.mark.parametrize(
    ("kind", "missing"),
    [("no-accounts", {"15"}), ("no-next-valid-id", {"9"}), ("no-session", {"9", "15"})],
)
def test_a_start_may_lack_a_part_once(kind: str, missing: set[str]) -> None:
    bench = Bench()
    bench.faults.handshakes.faults.append(HandshakeFault(kind))
    seen = {fields[0] for fields in started(bench).frames()}
    assert {"9", "15"} - seen == missing
    bench.gateway.leave(7, bench.gateway.clients[7])
    assert {"9", "15"} <= {fields[0] for fields in started(bench).frames()}


@pytest.mark.parametrize(("kind", "how"), [("eof", "fin"), ("reset", "rst")])
def test_a_greeting_may_be_an_end(kind: str, how: str) -> None:
    bench = Bench()
    bench.faults.handshakes.faults.append(HandshakeFault(kind))
    peer = Peer(bench)
    with pytest.raises(SessionEnded, match=kind):
        peer.hello()
    assert peer.session.outlet.drop_how == how
    assert peer.frames() == []


def test_a_silent_gateway_takes_everything_and_says_nothing() -> None:
    bench = Bench()
    bench.faults.handshakes.faults.append(HandshakeFault("silence"))
    peer = started(bench, wait_s=5.0)
    assert peer.frames() == []
    assert bench.gateway.clients == {}


def test_one_client_breaks_the_framing_and_another_does_not_notice() -> None:
    bench = Bench()
    bad, good = bench.client(7), bench.client(8)
    with pytest.raises(SessionEnded, match="malformed data"):
        bad.session.receive(b"\0\0\0\0")
    good.send(49, 1)
    assert good.ids() == [49]


def test_a_witness_sees_messages_before_and_after_they_are_handled() -> None:
    bench = Bench()
    peer = bench.client()
    seen: list[tuple[str, int]] = []

    class Notes:
        def receiving(self, client_id: int, fields: list[str]) -> None:
            seen.append(("before", int(fields[0])))

        def received(self, client_id: int, fields: list[str]) -> None:
            seen.append(("after", int(fields[0])))

        def sent(self, client_id: int, message_id: int, frame: bytes) -> None:
            seen.append(("sent", message_id))

    bench.faults.witness = Notes()
    peer.send(61, 1)
    assert seen == [("before", 61), ("sent", 62), ("after", 61)]


def test_a_client_cannot_write_lines_into_the_log(caplog: pytest.LogCaptureFixture) -> None:
    peer = Bench().client()
    peer.send("\r\n2026 ERROR trader.sim: all is lost")
    assert "\n2026" not in caplog.text
    (answer,) = peer.frames()
    assert answer[3] == "320"
    assert answer[4].startswith(r"Error reading request. Message id '\r\n2026")


@pytest.mark.parametrize(
    ("zone", "ending"),
    [
        ("UTC", "06:03:20 Greenwich Mean Time"),
        ("America/New_York", "01:03:20 EST"),
        ("Europe/Berlin", "07:03:20 Central European Standard Time"),
    ],
)
def test_the_handshake_tells_the_time_where_the_gateway_is(zone: str, ending: str) -> None:
    bench = Bench()
    bench.gateway.zone = ZoneInfo(zone)
    peer = Peer(bench)
    peer.hello()
    ((_, when),) = peer.frames()
    assert when.endswith(ending)
