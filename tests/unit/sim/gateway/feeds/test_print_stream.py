"""Tick by tick: every event of the market once, in order, none left out."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.unit.sim.support import Bench, contract
from trader.sim.gateway.feeds.market_faults import Distortion, Falsity


@pytest.mark.parametrize(("kind", "number"), [("Last", "1"), ("AllLast", "2")])
def test_the_trades_streamed_add_up_to_the_volume(kind: str, number: str) -> None:
    bench = Bench()
    bench.feeds.start()
    item = bench.market.catalogue.all()[0]
    bench.clock.advance(10)
    peer = bench.client()
    peer.frames()
    before = bench.market.cumulative(item, bench.market.slot())
    peer.send(97, 5, *contract(), kind, 0, 0)
    bench.clock.advance(120)
    frames = [fields for fields in peer.frames() if fields[0] == "99"]
    assert {fields[2] for fields in frames} == {number}
    reported = [int(fields[5]) for fields in frames if fields[6] == "0"]
    assert sum(reported) == bench.market.cumulative(item, bench.market.slot()) - before
    times = [int(fields[3]) for fields in frames]
    assert times == sorted(times)
    bench.feeds.stop()


def test_a_late_round_makes_up_for_the_slots_it_missed() -> None:
    bench = Bench()
    peer = bench.client()
    peer.send(97, 5, *contract(), "MidPoint", 0, 0)
    peer.frames()
    bench.clock.advance(10)
    bench.feeds.prints.round(lambda _: True)
    once = [fields for fields in peer.frames() if fields[0] != "4"]
    assert len(once) > 5
    assert all(len(fields) == 5 and fields[2] == "4" for fields in once)
    bench.feeds.prints.round(lambda _: True)
    assert peer.frames() == []


def test_quotes_tick_by_tick_are_those_of_the_market() -> None:
    bench = Bench()
    bench.feeds.start()
    peer = bench.client()
    peer.send(97, 5, *contract(), "BidAsk", 0, 0)
    bench.clock.advance(5)
    last = [fields for fields in peer.frames() if fields[0] == "99"][-1]
    quote = bench.market.quote(bench.market.catalogue.all()[0])
    assert [Decimal(text) for text in last[4:8]] == [
        quote.bid, quote.ask, quote.bid_size, quote.ask_size,
    ]  # fmt: skip
    bench.feeds.stop()


def test_a_broken_farm_and_a_false_feed_show_tick_by_tick_too() -> None:
    bench = Bench()
    bench.feeds.start()
    item = bench.market.catalogue.all()[0]
    peer = bench.client()
    peer.send(97, 5, *contract(), "Last", 0, 0)
    bench.feeds.note_farm(2103)
    bench.clock.advance(10)
    assert [fields for fields in peer.frames() if fields[0] == "99"] == []
    bench.feeds.note_farm(2104)
    bench.feeds.trouble.falsities[item.con_id] = Falsity(Distortion.OFFSET, Decimal(10_000))
    bench.clock.advance(10)
    prices = [Decimal(fields[4]) for fields in peer.frames() if fields[0] == "99"]
    assert prices
    assert min(prices) > 10_000
    bench.feeds.stop()
