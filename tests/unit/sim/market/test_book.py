"""The book begins with the quote, gets worse with depth, and is empty when nothing trades."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from tests.unit.sim.support import Bench
from trader.sim.market.book import EMPTY, LEVELS, make_book
from trader.sim.model.instruments import ContractQuery


@pytest.mark.parametrize("name", ["AAPL", "EUR.USD", "BTC", "SIMD"])
def test_the_first_level_is_the_quote_and_the_rest_gets_worse(name: str) -> None:
    bench = Bench()
    item = bench.market.catalogue.symbol(name)
    assert item is not None
    for _ in range(50):
        bench.clock.advance(60)
        quote, book = bench.market.quote(item), bench.market.book(item)
        assert (book.bids[0].price, book.bids[0].size) == (quote.bid, quote.bid_size)
        assert (book.asks[0].price, book.asks[0].size) == (quote.ask, quote.ask_size)
        assert len(book.bids) == len(book.asks) == LEVELS
        assert all(a.price >= b.price for a, b in pairwise(book.bids))
        assert all(a.price <= b.price for a, b in pairwise(book.asks))
        assert all(level.size > 0 for level in (*book.bids, *book.asks))
        assert book == bench.market.book(item)


def test_several_venues_quote_a_stock_and_one_a_future() -> None:
    bench = Bench()
    stock = bench.market.catalogue.symbol("AAPL")
    assert stock is not None
    book = bench.market.book(stock)
    assert len({level.venue for level in book.bids}) > 2
    future = bench.market.catalogue.find_all(ContractQuery(symbol="ES", sec_type="FUT"))[0]
    assert {level.venue for level in bench.market.book(future).asks} == {"CME"}
    foreign = bench.market.catalogue.symbol("SIMD")
    assert foreign is not None
    assert {level.venue for level in bench.market.book(foreign).asks} == {"IBIS"}
    for _ in range(30):
        bench.clock.advance(60)
        assert {level.venue for level in bench.market.book(stock).asks} <= set(stock.exchanges)


def test_nothing_can_be_taken_from_a_halted_closed_or_untradable_market() -> None:
    bench = Bench()
    stock, index = (bench.market.catalogue.symbol(name) for name in ("AAPL", "VIX"))
    assert stock is not None
    assert index is not None
    quote = bench.market.quote(stock)
    assert make_book(replace(quote, halted=1), 1, 5) == EMPTY
    assert make_book(replace(quote, is_open=False), 1, 5) == EMPTY
    assert bench.market.book(index) == EMPTY


def test_a_side_without_size_has_no_levels() -> None:
    bench = Bench()
    stock = bench.market.catalogue.symbol("AAPL")
    assert stock is not None
    book = make_book(replace(bench.market.quote(stock), bid_size=0), 1, 5)
    assert book.bids == ()
    assert book.asks
