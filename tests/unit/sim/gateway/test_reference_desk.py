"""What a session asks about instruments."""

from __future__ import annotations

from tests.unit.sim.support import Bench, contract


def test_contract_details_end_with_52_and_an_unknown_one_is_200() -> None:
    peer = Bench().client()
    peer.send(9, 8, 5, *contract(), 0, "", "", "")
    details, end = peer.frames()
    assert (details[0], details[2], end) == ("10", "AAPL", ["52", "1", "5"])
    peer.send(9, 8, 6, *contract("NONE"), 0, "", "", "")
    assert [fields[2:4] for fields in peer.frames()] == [["6", "200"]]


def test_symbols_and_market_rules_are_found() -> None:
    peer = Bench().client()
    peer.send(81, 5, "A")
    (fields,) = peer.frames()
    assert fields[:5] == ["79", "5", "1", "265598", "AAPL"]
    peer.send(91, 26)
    assert peer.frames() == [["93", "26", "1", "0", "0.01"]]
    peer.send(91, 3)
    assert peer.frames()[0][3] == "321"
