"""Positions: a snapshot without flats, live rows with them, by account or by request."""

from __future__ import annotations

from decimal import Decimal

from tests.unit.sim.script.stages import Wire, memory_host
from tests.unit.sim.support import Bench, place_fields


def test_positions_are_the_ones_that_are_not_flat_and_then_live() -> None:
    bench = Bench()
    peer = bench.client()
    peer.send(*place_fields(1, quantity=10))
    peer.frames()
    peer.send(61, 1)
    position, end = peer.frames()
    assert (position[4], position[14], end) == ("AAPL", "10", ["62", "1"])
    peer.send(*place_fields(2, quantity=10, action="SELL"))
    live = [fields[14] for fields in peer.frames() if fields[0] == "61"]
    assert live[-1] == "0"
    peer.send(61, 1)
    assert peer.frames() == [["62", "1"]]
    peer.send(64, 1)
    peer.send(*place_fields(3, quantity=10))
    assert 61 not in peer.ids()


def test_positions_multi_end_with_72_and_go_on_until_cancelled() -> None:
    bench = Bench()
    entry = bench.account.position(bench.market.catalogue.all()[0])
    entry.quantity, entry.average_cost = Decimal(3), Decimal(10)
    peer = bench.client()
    peer.send(74, 1, 5, "", "")
    position, end = peer.frames()
    assert (position[0], len(position), end) == ("71", 18, ["72", "1", "5"])
    peer.send(*place_fields(1, quantity=10))
    assert [frame[15] for frame in peer.frames() if frame[0] == "71"][-1] == "13"
    peer.send(75, 1, 5)
    peer.send(*place_fields(2, quantity=10))
    assert 71 not in peer.ids()


def test_each_account_has_rows_of_its_own() -> None:
    host = memory_host(more_accounts=("DUSIM0002",))
    item = host.market.catalogue.all()[0]
    host.exchange.bank.endow("DUSIM0001", item, Decimal(1))
    host.exchange.bank.endow("DUSIM0002", item, Decimal(2))
    wire = Wire(host)
    wire.send(61, 1)
    assert [(f[2], f[14]) for f in wire.frames(61)] == [("DUSIM0001", "1"), ("DUSIM0002", "2")]
    wire.send(74, 1, 5, "DUSIM0002", "")
    assert [(f[3], f[15]) for f in wire.frames(71)] == [("DUSIM0002", "2")]
    wire.send(74, 1, 6, "DUX", "")
    assert [f[:4] for f in wire.frames(4, 72)] == [["4", "2", "6", "321"]]
