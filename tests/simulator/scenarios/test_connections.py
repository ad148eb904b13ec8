"""What a client sees of its connection when an incident of connections is played."""

from __future__ import annotations

import pytest

from tests.unit.sim.script.stages import Wire, played
from tests.unit.sim.support import contract, place_fields, split

SEEDS = [1, 2, 3, 4]


def codes(frames: list[list[str]]) -> list[str]:
    return [f[3] for f in frames if f[0] == "4"]


def test_fills_go_on_while_the_link_is_said_to_be_lost() -> None:
    host, _ = played("inc-003-fills-while-the-link-is-down", fill_s=(0.05, 0.05))
    wire = Wire(host)
    wire.send(*place_fields(1))
    wire.wait(5)
    frames = wire.frames()
    lost = next(n for n, f in enumerate(frames) if f[0] == "4" and f[3] == "1100")
    after = frames[lost:]
    assert any(f[0] == "3" and f[2] == "Filled" for f in after)
    assert any(f[0] == "59" for f in after)
    wire.wait(10)
    assert "1102" in codes(wire.frames())
    wire.send(7, 3, 5, 0, "", "", "", "", "", "")
    assert len(wire.frames(11)) == len(host.exchange.executions)


def test_orders_of_a_frozen_gateway_fill_when_it_goes_on_without_their_client() -> None:
    host, _ = played("inc-004-half-open-connection")
    wire = Wire(host)
    wire.send(49, 1)
    wire.send(*place_fields(1, quantity=10))
    wire.wait(60)
    assert wire.peer.is_open
    assert wire.frames() == []
    assert len(host.exchange.orders) == 0
    wire.peer.close()
    host.clock.advance(600)
    assert sum(item.quantity for item in host.exchange.executions) == 10
    assert all(123 < item.price < 124 for item in host.exchange.executions)
    assert len(host.links) == 0


def test_a_client_id_is_refused_three_times_and_then_taken() -> None:
    host, _ = played("inc-008-client-id-in-use-after-a-restart")
    wire = Wire(host)
    # What every client sends, to see whether the gateway lives; few ever send reqIds.
    wire.send(49, 1)
    wire.wait()
    assert not wire.peer.is_open
    for _ in range(3):
        again = Wire(host)
        assert not again.peer.is_open
    last = Wire(host)
    assert last.peer.is_open
    last.send(49, 1)
    assert last.ids() == [49]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_greeting_stops_half_way_twice(seed: int) -> None:
    host, _ = played("inc-010-handshake-never-answered", seed=seed)
    for attempt in range(3):
        wire = Wire(host, 7 + attempt, greet=False)
        wire.hello()
        wire.send(71, 2, 7 + attempt, "")
        wire.wait(0.1)
        data = wire.raw()
        assert wire.peer.is_open
        ids = [f[0] for f in split(data)]
        assert ({"9", "15"} <= set(ids)) == (attempt == 2), ids
        wire.peer.close()
        host.clock.advance(1)


def test_an_id_stays_locked_until_the_gateway_restarts() -> None:
    host, _ = played("inc-022-id-locked-others-are-taken")
    wire = Wire(host)
    wire.send(*place_fields(1, kind="LMT", limit=50))
    wire.wait(2)
    assert not wire.peer.is_open
    for _ in range(5):
        assert not Wire(host).peer.is_open
        host.clock.advance(60)
    other = Wire(host, 7391)
    other.send(5, 1)
    assert other.ids() == [53]
    other.send(16, 1)
    assert 5 in other.ids()
    other.send(4, 1, 1, "")
    assert codes(other.frames()) == ["10147"]
    assert len(host.exchange.working()) == 1
    host.go_down("fin")
    host.come_up()
    host.clock.advance(0)
    assert Wire(host).peer.is_open


def test_lost_is_said_twelve_times_and_restored_once() -> None:
    host, _ = played("inc-033-lost-dozens-of-times")
    wire = Wire(host)
    wire.wait(70)
    found = [code for code in codes(wire.frames()) if code in ("1100", "1101", "1102")]
    assert found == ["1100"] * 12 + ["1102"]
    assert wire.peer.is_open


def test_the_nightly_reset_comes_and_goes_by_itself() -> None:
    host, _ = played("inc-041-nightly-reset")
    wire = Wire(host)
    seen = []
    for seconds in (290, 20, 1900):
        wire.wait(seconds)
        seen.append(host.faults.is_upstream_down)
    assert seen == [False, True, False]
    found = codes(wire.frames())
    assert found.count("1102") == 1
    assert found.count("1100") >= 15
    assert wire.peer.is_open


def test_nobody_connects_until_the_operator_has_logged_in() -> None:
    host, _ = played("inc-042-weekly-login-waits-for-a-person", tick_interval_s=30.0)
    wire = Wire(host)
    wire.wait(11 * 60)
    assert not wire.peer.is_open
    for _ in range(30):
        with pytest.raises(ConnectionRefusedError):
            host.connect()
        host.clock.advance(3600)
    host.clock.advance(3 * 3600)
    assert Wire(host).peer.is_open


@pytest.mark.parametrize("seed", SEEDS)
def test_the_socket_is_reset_within_the_answers(seed: int) -> None:
    host, _ = played("inc-073-the-socket-is-reset-under-live-orders", seed=seed)
    wire = Wire(host)
    wire.send(*place_fields(1, kind="LMT", limit=50))
    data = wire.raw()
    assert not wire.peer.is_open
    whole = 0
    while len(data) >= 4 and len(data) >= 4 + int.from_bytes(data[:4], "big"):
        whole, data = whole + 1, data[4 + int.from_bytes(data[:4], "big") :]
    assert whole <= 3
    assert data
    assert len(host.exchange.working()) == 1


def test_an_id_is_free_again_only_after_a_while() -> None:
    host, _ = played("inc-090-the-id-is-free-a-little-later")
    wire = Wire(host)
    wire.peer.close()
    host.clock.advance(0.5)
    assert not Wire(host).peer.is_open
    host.clock.advance(1.0)
    assert Wire(host).peer.is_open


def test_restored_is_said_though_nothing_was_lost() -> None:
    host, _ = played("inc-092-restored-though-never-lost")
    wire = Wire(host)
    wire.wait(2)
    assert [c for c in codes(wire.frames()) if c.startswith("1")] == ["1102"]
    wire.wait(8)
    assert [c for c in codes(wire.frames()) if c.startswith("1")] == ["1100"]
    assert not wire.peer.is_open
    # The link came back while nobody was there to hear 1102, and who connects hears no 2110.
    assert not host.faults.is_upstream_down
    again = Wire(host)
    again.send(*place_fields(1))
    again.wait(2)
    frames = again.frames(3, 4)
    assert not {"1100", "1102", "2110"} & set(codes(frames))
    assert frames[-1][2] == "Filled"


def test_the_time_is_told_five_seconds_late() -> None:
    host, _ = played("inc-093-quiet-but-alive")
    wire = Wire(host)
    wire.send(49, 1)
    wire.wait(4.9)
    assert wire.frames(49) == []
    wire.wait(0.2)
    assert len(wire.frames(49)) == 1


def test_bytes_come_in_drops_and_none_is_lost() -> None:
    host, _ = played("inc-108-bytes-in-drops")
    wire = Wire(host)
    wire.send(49, 1)
    wire.wait(0.001)
    first = wire.raw()
    wire.send(16, 1)
    wire.send(61, 1)
    pieces = [first]
    for _ in range(40):
        wire.wait(0.02)
        pieces.append(wire.raw())
    assert max(len(piece) for piece in pieces[1:]) <= 7
    wire.wait(40)
    frames = split(b"".join(pieces) + wire.raw())
    assert [f[0] for f in frames if f[0] in ("49", "53", "62")] == ["49", "53", "62"]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_greeting_names_a_strange_zone(seed: int) -> None:
    host, _ = played("inc-109-a-zone-nobody-knows", seed=seed)
    for number in (1, 2):
        wire = Wire(host, number, greet=False)
        wire.hello()
        (fields,) = wire.frames()
        zone = fields[1].split(" ", 2)[2]
        assert zone in ("British Summer Time", "中国标准时间", "Foo/Bar")


def test_thirty_connections_fail_and_the_next_is_taken() -> None:
    host, _ = played("inc-116-connections-fail-in-every-way")
    failed = 0
    for _ in range(30):
        wire = Wire(host, greet=False)
        wire.hello()
        wire.send(71, 2, 7, "")
        wire.wait(0.2)
        failed += not any(f[0] == "9" for f in split(wire.raw()))
        wire.peer.close()
        host.clock.advance(1)
    assert failed == 30
    assert Wire(host).peer.is_open


def test_a_length_prefix_comes_without_its_frame() -> None:
    host, _ = played("inc-118-a-length-without-a-frame")
    wire = Wire(host)
    wire.send(49, 1)
    data = wire.raw()
    size = 4 + int.from_bytes(data[:4], "big")
    assert split(data[:size])[0][0] == "49"
    assert data[size:] == b"\x7f\0\0\0"
    assert wire.peer.is_open


def test_a_gateway_without_a_broker_says_so_and_takes_orders_nowhere() -> None:
    host, _ = played("inc-132-a-gateway-without-a-broker")
    wire = Wire(host, greet=False)
    wire.hello()
    wire.send(71, 2, 7, "")
    wire.wait(0.1)
    frames = wire.frames()
    assert [f[0] for f in frames[1:3]] == ["15", "9"]
    assert set(codes(frames)) == {"2110"}
    wire.send(*place_fields(1))
    wire.wait(3600)
    assert wire.frames(3, 5) == []
    assert len(host.exchange.orders) == 0


def test_the_gateway_restarts_at_its_own_hour_three_days_running() -> None:
    host, _ = played("inc-153-restart-at-the-gateways-own-hour", tick_interval_s=30.0)
    for _ in range(3):
        seen = []
        for seconds in (299, 2, 75):
            host.clock.advance(seconds)
            seen.append(host.is_listening)
        assert seen == [True, False, True]
        host.clock.advance(86_400 - 376)


def test_the_port_is_moved_and_the_old_one_takes_nobody() -> None:
    host, _ = played("inc-157-the-port-has-been-moved")
    wire = Wire(host)
    wire.wait(10)
    found = [c for c in codes(wire.frames()) if c in ("1100", "2110", "1102", "1300")]
    assert found == ["2110", "1102", "1300"]
    assert not wire.peer.is_open
    with pytest.raises(ConnectionRefusedError):
        host.connect()


def test_subscriptions_are_gone_after_the_link_came_back() -> None:
    host, _ = played("inc-012-market-data-lost")
    wire = Wire(host)
    wire.send(1, 11, 5, *contract(), 0, "", 0, 0, "")
    wire.wait(4)
    assert wire.frames(1, 2)
    wire.wait(40)
    wire.frames()
    wire.wait(60)
    assert wire.frames(1, 2) == []
    wire.send(1, 11, 6, *contract(), 0, "", 0, 0, "")
    wire.wait(10)
    assert wire.frames(1, 2)
