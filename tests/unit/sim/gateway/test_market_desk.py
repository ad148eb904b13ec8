"""What a session sees of the market."""

from __future__ import annotations

from tests.unit.sim.support import Bench, contract


def test_history_is_served_or_refused_with_321() -> None:
    peer = Bench().client()
    tail = (0, "", "1 day", "2 D", 1, "TRADES", 1, 0, "")
    peer.send(20, 5, *contract(), *tail)
    (fields,) = peer.frames()
    assert fields[:2] == ["17", "5"]
    assert len(fields) == 5 + 8 * int(fields[4])
    peer.send(20, 6, *contract(), 0, "", "7 mins", "2 D", 1, "TRADES", 1, 0, "")
    peer.send(20, 7, *contract(), 0, "soon", "1 day", "2 D", 1, "TRADES", 1, 0, "")
    assert [fields[2:4] for fields in peer.frames()] == [["6", "321"], ["7", "321"]]
    peer.send(25, 1, 5)
    assert "query cancelled: 5" in peer.frames()[0][4]


def test_intraday_history_has_epochs_on_request_and_no_volume_for_midpoints() -> None:
    bench = Bench()
    bench.clock.advance(4000)
    peer = bench.client()
    peer.frames()
    peer.send(20, 5, *contract(), 0, "", "1 min", "600 S", 1, "MIDPOINT", 2, 0, "")
    (fields,) = peer.frames()
    assert fields[5].isdigit()
    assert fields[10:13] == ["-1", "-1", "-1"]


def test_market_data_of_an_unknown_contract_is_200_and_an_unknown_cancel_300() -> None:
    peer = Bench().client()
    peer.send(1, 11, 5, *contract("NONE"), 0, "", 0, 0, "")
    peer.send(2, 2, 9)
    peer.send(59, 1, 3)
    assert [fields[2:4] for fields in peer.frames()] == [["5", "200"], ["9", "300"]]


def test_the_hundred_and_first_line_is_refused() -> None:
    peer = Bench().client()
    for number in range(101):
        peer.send(1, 11, number, *contract(), 0, "", 0, 0, "")
    assert peer.frames()[-1][2:4] == ["100", "101"]
