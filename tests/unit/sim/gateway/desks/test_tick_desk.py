"""Market data requests of one session: what is refused, with which code, and option sums."""

from __future__ import annotations

import pytest

from tests.unit.sim.support import Bench, Peer, contract
from trader.sim.gateway.feeds.market_faults import Permission


def ask(peer: Peer, request_id: int, generics: str = "", snapshot: int = 0) -> None:
    peer.send(1, 11, request_id, *contract(), 0, generics, snapshot, 0, "")


def refusals(peer: Peer) -> list[list[str]]:
    return [fields[2:4] for fields in peer.frames() if fields[0] == "4"]


def test_unknown_contracts_ids_and_data_types_are_refused() -> None:
    peer = Bench().client()
    peer.send(1, 11, 5, *contract("NONE"), 0, "", 0, 0, "")
    peer.send(2, 2, 9)
    peer.send(59, 1, 3)
    peer.send(59, 1, 7)
    assert refusals(peer) == [["5", "200"], ["9", "300"], ["-1", "321"]]


def test_a_line_s_id_can_be_used_again_only_after_its_cancel() -> None:
    bench = Bench()
    peer = bench.client()
    ask(peer, 5)
    ask(peer, 5)
    assert refusals(peer) == [["5", "322"]]
    peer.send(2, 2, 5)
    ask(peer, 5)
    assert refusals(peer) == []
    # Another client's ids are its own.
    other = bench.client(8)
    ask(other, 5)
    assert refusals(other) == []


def test_the_hundred_and_first_line_is_refused_whoever_asks() -> None:
    bench = Bench()
    one, two = bench.client(1), bench.client(2)
    for number in range(60):
        ask(one, number)
    for number in range(41):
        ask(two, number)
    assert refusals(one) == []
    assert refusals(two) == [["40", "101"]]
    one.send(2, 2, 0)
    ask(two, 40)
    assert refusals(two) == []


def test_illegal_generic_ticks_are_refused_with_the_legal_ones() -> None:
    bench = Bench()
    peer = bench.client()
    ask(peer, 5, "999")
    ask(peer, 6, "233", snapshot=1)
    frames = peer.frames()
    assert [fields[2:4] for fields in frames] == [["5", "321"], ["6", "321"]]
    assert "233(RTVolume)" in frames[0][4]
    assert "not applicable to generic ticks" in frames[1][4]
    assert bench.feeds.ticks.count == 0


@pytest.mark.parametrize(
    ("permission", "code"), [("delayed", "354"), ("none", "354"), ("no-api", "10089")]
)
def test_without_a_subscription_live_data_is_refused(permission: str, code: str) -> None:
    bench = Bench()
    bench.feeds.trouble.permissions[265598] = Permission(permission)
    peer = bench.client()
    ask(peer, 5)
    assert [fields[0] for fields in peer.frames()] == ["4"]
    ask(peer, 6)
    assert refusals(peer) == [["6", code]]
    assert bench.feeds.ticks.count == 0


def test_partial_permission_gives_data_with_a_notice() -> None:
    bench = Bench()
    bench.feeds.trouble.permissions[265598] = Permission.PARTIAL
    peer = bench.client()
    ask(peer, 5)
    frames = peer.frames()
    # The kind of data comes first, then what is missing of it.
    assert frames[0] == ["58", "1", "5", "1"]
    assert frames[1][3] == "10090"
    assert any(fields[0] == "1" for fields in frames)


def test_while_another_session_competes_there_is_no_data() -> None:
    bench = Bench()
    bench.feeds.trouble.is_competing = True
    peer = bench.client()
    ask(peer, 5)
    assert refusals(peer) == [["5", "10197"]]


def test_a_line_asked_for_while_its_farm_is_broken_begins_when_it_is_back() -> None:
    bench = Bench()
    bench.feeds.start()
    peer = bench.client()
    bench.feeds.note_farm(2103)
    ask(peer, 5)
    bench.clock.advance(10)
    assert {fields[0] for fields in peer.frames()} == {"58", "81", "4"}
    bench.feeds.note_farm(2104)
    bench.clock.advance(10)
    assert {fields[0] for fields in peer.frames()} >= {"1", "2"}
    bench.feeds.stop()


def test_a_regulatory_snapshot_ends_like_any_other() -> None:
    bench = Bench()
    peer = bench.client()
    peer.send(1, 11, 5, *contract(), 0, "", 0, 1, "")
    assert peer.frames()[-1] == ["57", "1", "5"]
    assert bench.feeds.ticks.count == 0


def option(strike: object = 200) -> list[object]:
    return [0, "AAPL", "OPT", "20261218", strike, "C", "100", "SMART", "", "USD", "", ""]


def test_option_calculations_are_answered_and_undo_each_other() -> None:
    peer = Bench().client()
    peer.send(55, 3, 5, *option(), 0.35, 201, 0, "")
    (price,) = peer.frames()
    assert price[:4] == ["21", "5", "53", "0"]
    assert (price[4], price[11]) == ("0.35", "201.0")
    peer.send(54, 3, 6, *option(), price[6][:18], 201, 0, "")
    (volatility,) = peer.frames()
    assert float(volatility[4]) == pytest.approx(0.35, abs=1e-3)
    peer.send(56, 1, 5)
    peer.send(57, 1, 6)
    assert peer.frames() == []


def test_impossible_option_calculations_are_refused_by_name() -> None:
    peer = Bench().client()
    peer.send(54, 3, 5, *option(), 900, 201, 0, "")
    peer.send(55, 3, 6, *contract(), 0.2, 200, 0, "")
    frames = peer.frames()
    assert [fields[2:4] for fields in frames] == [["5", "321"], ["6", "321"]]
    assert "900" in frames[0][4]
    assert "AAPL is not an option" in frames[1][4]
