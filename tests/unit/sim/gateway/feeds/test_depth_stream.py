"""Depth: a client that applies the rows has the market's book, whatever changed."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.unit.sim.support import Bench, Peer, contract
from trader.sim.gateway.feeds.depth_stream import DepthLine
from trader.sim.wire.frames import plain


def ask(peer: Peer, request_id: int, rows: int = 5, smart: int = 1, exchange: str = "") -> None:
    peer.send(10, 5, request_id, *contract(exchange=exchange), rows, smart, "")


def apply(books: dict[str, list[tuple[str, str]]], frames: list[list[str]]) -> None:
    """Apply messages 12 and 13 as a client does."""
    for fields in frames:
        if fields[0] not in ("12", "13"):
            continue
        place, operation, side, price, size = fields[3], *fields[-4:]
        if fields[0] == "13":
            operation, side, price, size = fields[5:9]
        rows = books.setdefault(side, [])
        if operation == "0":
            rows.insert(int(place), (price, size))
        elif operation == "1":
            rows[int(place)] = (price, size)
        else:
            del rows[int(place)]


def test_the_rows_a_client_has_are_those_of_the_market() -> None:
    bench = Bench()
    bench.feeds.start()
    peer = bench.client()
    ask(peer, 5, rows=7)
    books: dict[str, list[tuple[str, str]]] = {}
    for _ in range(40):
        apply(books, peer.frames())
        book = bench.market.book(bench.market.catalogue.all()[0], bench.market.slot())
        assert books["1"] == [(plain(level.price), str(level.size)) for level in book.bids[:7]]
        assert books["0"] == [(plain(level.price), str(level.size)) for level in book.asks[:7]]
        bench.clock.advance(0.25)
    bench.feeds.stop()


@pytest.mark.parametrize(
    ("exchange", "maker"), [("ISLAND", "NSDQ"), ("NASDAQ", "NSDQ"), ("ARCA", "ARCA"), ("NYSE", "")]
)
def test_the_book_of_one_exchange_has_nobody_else_in_it(exchange: str, maker: str) -> None:
    bench = Bench()
    bench.feeds.start()
    peer = bench.client()
    ask(peer, 5, 7, 0, exchange)
    books: dict[str, list[tuple[str, str]]] = {}
    for _ in range(20):
        frames = [fields for fields in peer.frames() if fields[0] in ("12", "13")]
        apply(books, frames)
        assert {fields[4] for fields in frames if fields[0] == "13"} <= {maker}
        assert {fields[0] for fields in frames} <= {"13" if maker else "12"}
        book = bench.market.book(bench.market.catalogue.all()[0], bench.market.slot())
        for side, levels in (("1", book.bids), ("0", book.asks)):
            prices = [Decimal(price) for price, _ in books[side]]
            assert prices == list(dict.fromkeys(level.price for level in levels))[:7]
            there = sum(level.size for level in levels if level.price == prices[-1])
            assert books[side][-1][1] == str(there)
        bench.clock.advance(0.25)
    bench.feeds.stop()


def test_a_halt_empties_the_book_from_its_end() -> None:
    bench = Bench()
    peer = bench.client()
    ask(peer, 5, rows=3)
    peer.frames()
    bench.feeds.halt(bench.market.catalogue.all()[0])
    rows = [fields[3:7] for fields in peer.frames() if fields[0] == "13"]
    assert [(place, operation) for place, _, operation, _ in rows] == [
        ("2", "2"), ("1", "2"), ("0", "2"),
    ] * 2  # fmt: skip


def test_a_future_has_no_makers_unless_depth_is_smart() -> None:
    bench = Bench()
    peer = bench.client()
    for request_id, smart in ((5, 0), (6, 1)):
        peer.send(10, 5, request_id, 0, "ES", "FUT", "202612", 0, "", "", "CME", "", "USD", "", "",
                  2, smart, "")  # fmt: skip
    kinds = {(fields[0], fields[2]) for fields in peer.frames() if fields[0] in ("12", "13")}
    assert kinds == {("12", "5"), ("13", "6")}


def test_after_a_reset_every_row_is_sent_anew() -> None:
    bench = Bench()
    peer = bench.client()
    ask(peer, 5, rows=2)
    peer.frames()
    (line,) = bench.feeds.depth.lines()
    assert isinstance(line, DepthLine)
    bench.feeds.depth.reset(line)
    bench.clock.advance(0.25)
    bench.feeds.refresh("AAPL")
    assert [fields[5] for fields in peer.frames() if fields[0] == "13"] == ["0"] * 4
