"""What a session sees of the market, by topic; subscriptions end with 1101."""

from __future__ import annotations

from tests.unit.sim.support import Bench, contract
from trader.sim.gateway.desks.market_desk import MarketDesk


def test_every_request_for_market_data_has_a_handler() -> None:
    session = Bench().client().session
    assert set(MarketDesk(session).handlers()) == {
        1, 2, 10, 11, 12, 13, 20, 22, 23, 24, 25, 50, 51, 52, 53, 54, 55, 56, 57, 59,
        84, 85, 86, 87, 88, 89, 90, 96, 97, 98,
    }  # fmt: skip


def test_after_data_was_lost_everything_must_be_asked_for_again() -> None:
    bench = Bench()
    bench.feeds.start()
    peer = bench.client()
    peer.send(1, 11, 5, *contract(), 0, "", 0, 0, "")
    peer.send(50, 3, 6, *contract(), 5, "TRADES", 1, "")
    peer.send(97, 7, *contract(), "BidAsk", 0, 0)
    peer.send(10, 5, 8, *contract(), 5, 1, "")
    bench.clock.advance(6)
    assert {"1", "50", "99", "13"} <= {fields[0] for fields in peer.frames()}
    peer.session.data_lost()
    bench.clock.advance(20)
    assert peer.frames() == []
    peer.send(1, 11, 5, *contract(), 0, "", 0, 0, "")
    bench.clock.advance(5)
    assert "1" in {fields[0] for fields in peer.frames()}
    bench.feeds.stop()
