"""Depth, bars and single ticks of one session: limits, refusals, what comes first."""

from __future__ import annotations

import pytest

from tests.unit.sim.support import Bench, Peer, contract
from trader.sim.gateway.feeds.market_faults import Permission


def refusals(peer: Peer) -> list[list[str]]:
    return [fields[2:4] for fields in peer.frames() if fields[0] == "4"]


def pair() -> list[object]:
    return [0, "EUR", "CASH", "", 0.0, "", "", "IDEALPRO", "", "USD", "", ""]


def depth(peer: Peer, request_id: int, fields: list[object], rows: int = 5, smart: int = 0) -> None:
    peer.send(10, 5, request_id, *fields, rows, smart, "")


def test_three_instruments_may_be_watched_in_depth_and_each_more_than_once() -> None:
    bench = Bench()
    peer = bench.client()
    for request_id, name in enumerate(("AAPL", "AAPL", "IBM", "SPY", "IBM")):
        depth(peer, request_id, contract(name, exchange="ARCA"))
    assert refusals(peer) == []
    depth(peer, 9, pair())
    assert refusals(peer) == [["9", "309"]]
    peer.send(11, 1, 3, 0)
    depth(peer, 9, pair())
    assert refusals(peer) == []


def test_depth_is_refused_where_there_is_none_and_for_impossible_rows() -> None:
    peer = Bench().client()
    depth(peer, 1, contract("VIX"))
    depth(peer, 2, contract(), rows=0)
    depth(peer, 3, contract(), rows=61)
    peer.send(11, 1, 4, 0)
    assert refusals(peer) == [["1", "10092"], ["2", "321"], ["3", "321"], ["4", "310"]]


@pytest.mark.parametrize("exchange", ["SMART", "AMEX"])
def test_a_book_that_is_no_single_exchange_s_is_refused_unless_smart(exchange: str) -> None:
    peer = Bench().client()
    depth(peer, 1, contract(exchange=exchange))
    text = "Deep market data is not supported for this combination of security type/exchange"
    assert [fields[2:5] for fields in peer.frames()] == [["1", "10092", text]]
    for exchange_shown in ("ISLAND", "ARCA", "NYSE"):
        depth(peer, 2, contract(exchange=exchange_shown))
        assert {fields[0] for fields in peer.frames()} <= {"12", "13"}
        peer.send(11, 1, 2, 0)


def test_smart_depth_of_a_stock_begins_with_a_notice_of_venues() -> None:
    peer = Bench().client()
    depth(peer, 1, contract(), smart=1)
    frames = peer.frames()
    assert frames[0][2:4] == ["1", "2152"]
    assert {fields[0] for fields in frames[1:]} == {"13"}
    assert all(fields[-1] == "1" for fields in frames[1:])


def test_bars_are_refused_with_the_reason() -> None:
    bench = Bench()
    peer = bench.client()
    peer.send(50, 3, 1, *contract(), 5, "GOSSIP", 1, "")
    peer.send(50, 3, 2, *pair(), 5, "TRADES", 1, "")
    peer.send(50, 3, 3, *contract("VIX"), 5, "BID", 1, "")
    peer.send(50, 3, 4, *contract(), 5, "TRADES", 1, "")
    peer.send(50, 3, 4, *contract(), 5, "TRADES", 1, "")
    peer.send(51, 1, 4)
    peer.send(51, 1, 4)
    assert refusals(peer) == [["1", "321"], ["2", "420"], ["3", "420"], ["4", "322"], ["4", "300"]]


@pytest.mark.parametrize(
    ("symbol", "kind", "code"),
    [("AAPL", "Gossip", "321"), ("VIX", "BidAsk", "10189"), ("EUR", "Last", "10189")],
)
def test_single_ticks_are_refused_with_the_reason(symbol: str, kind: str, code: str) -> None:
    peer = Bench().client()
    fields = pair() if symbol == "EUR" else contract(symbol)
    peer.send(97, 5, *fields, kind, 0, 0)
    assert refusals(peer) == [["5", code]]


def test_the_sixth_tick_by_tick_line_is_refused() -> None:
    peer = Bench().client()
    for request_id in range(6):
        peer.send(97, request_id, *contract(), "Last", 0, 0)
    assert refusals(peer) == [["5", "10190"]]
    peer.send(98, 0)
    peer.send(98, 77)
    peer.send(97, 6, *contract(), "Last", 1001, 0)
    assert refusals(peer) == [["77", "300"], ["6", "321"]]


def test_the_past_ticks_asked_for_come_before_the_stream() -> None:
    bench = Bench()
    bench.clock.advance(600)
    bench.feeds.start()
    peer = bench.client()
    bench.clock.advance(1)
    peer.frames()
    peer.send(97, 5, *contract(), "Last", 20, 0)
    bench.clock.advance(5)
    frames = peer.frames()
    assert frames[0][:3] == ["98", "5", "20"]
    assert len(frames[0]) == 4 + 20 * 6
    past = [int(stamp) for stamp in frames[0][3:-1:6]]
    streamed = [int(fields[3]) for fields in frames[1:] if fields[0] == "99"]
    assert past == sorted(past)
    assert past[-1] <= streamed[0]
    bench.feeds.stop()


def test_without_permission_or_during_a_competing_session_there_is_nothing() -> None:
    bench = Bench()
    bench.feeds.trouble.permissions[265598] = Permission.DELAYED
    peer = bench.client()
    depth(peer, 1, contract(exchange="ARCA"))
    peer.send(50, 3, 2, *contract(), 5, "TRADES", 1, "")
    peer.send(97, 3, *contract(), "Last", 0, 0)
    assert refusals(peer) == [["1", "10089"], ["2", "10089"], ["3", "10089"]]
    bench.feeds.trouble.is_competing = True
    depth(peer, 1, contract("IBM", exchange="ARCA"))
    assert refusals(peer) == [["1", "10197"]]
    assert bench.feeds.lines() == []
