"""From quotes to ticks: delayed data has tick types of its own, halts a tick, pairs no last."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.sim.support import Bench, split
from trader.sim.gateway.feeds.lines import render
from trader.sim.gateway.feeds.quote_ticks import DELAYED, NO_PRICE, burst, difference, shut
from trader.sim.market.quotes import Quote


def quote_of(name: str) -> Quote:
    bench = Bench()
    item = bench.market.catalogue.symbol(name)
    assert item is not None
    return bench.market.quote(item)


def kinds(parts: list[tuple[bytes, bytes]]) -> list[int]:
    return [int(fields[3]) for fields in split(render(parts, 1))]


def test_delayed_ticks_carry_the_delayed_types_only() -> None:
    quote = quote_of("AAPL")
    assert kinds(burst(quote, 0, DELAYED)) == [88, 68, 71, 74, 72, 73, 75, 76, 66, 67, 69, 70]
    changed = replace(quote, bid=quote.bid - 1, last=quote.last - 1, high=quote.high + 1)
    assert kinds(difference(quote, changed, 0, DELAYED)) == [88, 68, 71, 74, 72, 66, 69]


def test_a_pair_has_no_last_price_and_no_volume() -> None:
    assert kinds(burst(quote_of("EUR.USD"), 0)) == [6, 7, 9, 1, 2, 0, 3]


def test_a_halt_and_its_end_are_told() -> None:
    quote = quote_of("AAPL")
    halted = replace(quote, halted=2)
    (fields,) = split(render(difference(quote, halted, 0), 5))
    assert fields == ["45", "6", "5", "49", "2.0"]
    (fields,) = split(render(difference(halted, quote, 0), 5))
    assert fields == ["45", "6", "5", "49", "0.0"]
    assert kinds(burst(halted, 0))[-1] == 49


def test_outside_the_sessions_nobody_bids_or_offers() -> None:
    quote = shut(replace(quote_of("AAPL"), is_open=False))
    assert quote.bid == quote.ask == NO_PRICE
    assert (quote.bid_size, quote.ask_size) == (0, 0)
    assert quote.last > 0
