"""What needs a subscription is refused with the request's id; lists are empty; no push comes."""

from __future__ import annotations

from tests.unit.sim.support import Bench


def test_each_request_is_answered_as_without_a_subscription() -> None:
    peer = Bench().client()
    peer.send(22, 1, *[""] * 24)
    peer.send(23, 1, 2)
    peer.send(52, 2, 3, 0, "AAPL", "STK", "SMART", "", "USD", "", "ReportSnapshot", 0, "")
    peer.send(84, 4, "BZ", "BZ$1", "")
    peer.send(86, 5, 265598, "BZ", "", "", 10, "")
    assert [fields[2:4] for fields in peer.frames()] == [
        ["1", "162"], ["2", "365"], ["3", "430"], ["4", "10276"], ["5", "10276"],
    ]  # fmt: skip


def test_lists_are_empty_and_scanner_parameters_are_well_formed() -> None:
    peer = Bench().client()
    peer.send(85)
    peer.send(24, 1)
    providers, parameters = peer.frames()
    assert providers == ["85", "0"]
    assert parameters[:2] == ["19", "1"]
    text = parameters[2]
    assert text.startswith('<?xml version="1.0"')
    assert text.rstrip().endswith("</ScanParameterResponse>")


def test_bulletins_never_come() -> None:
    bench = Bench()
    peer = bench.client()
    bench.clock.advance(1)
    peer.frames()
    for fields in ((12, 1, 1), (13, 1), (53, 1, 3)):
        peer.send(*fields)
    bench.clock.advance(600)
    assert peer.frames() == []
