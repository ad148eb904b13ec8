"""Past ticks are the very ones that were streamed, in order, with no second cut in two."""

from __future__ import annotations

import pytest

from tests.unit.sim.support import Bench, contract
from trader.sim.gateway.feeds import tick_history
from trader.sim.gateway.feeds.print_stream import Kind
from trader.sim.gateway.feeds.tick_history import Wanted


@pytest.mark.parametrize(("kind", "first"), [("AllLast", 3), ("BidAsk", 3), ("MidPoint", 3)])
def test_what_was_streamed_is_what_is_returned_later(kind: str, first: int) -> None:
    bench = Bench()
    bench.feeds.start()
    peer = bench.client()
    bench.clock.advance(100.25)
    peer.frames()
    start_s = bench.clock.time()
    peer.send(97, 5, *contract(), kind, 0, 0)
    bench.clock.advance(60)
    streamed = [fields[first:] for fields in peer.frames() if fields[0] == "99"]
    item = bench.market.catalogue.all()[0]
    wanted = Wanted(Kind(kind), 1000, start_s=start_s + 0.25)
    rows = tick_history.rows(bench.market, item, wanted)
    assert len(rows) == len(streamed) > 50
    for row, fields in zip(rows, streamed, strict=True):
        words = [str(value) for value in row]
        if kind == "AllLast":
            # time, mask, price, size, venue, conditions against the stream's own order.
            assert [words[0], words[2], words[3], words[1], *words[4:]] == fields
        elif kind == "BidAsk":
            assert [words[0], *words[2:], words[1]] == fields
        else:
            assert [words[0], words[2]] == fields
    bench.feeds.stop()


def test_forward_and_backward_see_the_same_ticks() -> None:
    bench = Bench()
    bench.clock.advance(2000)
    item, now = bench.market.catalogue.all()[0], bench.clock.time()
    back = tick_history.rows(bench.market, item, Wanted(Kind.ALL_LAST, 100, end_s=now))
    start = float(str(back[0][0]))
    there = tick_history.rows(bench.market, item, Wanted(Kind.ALL_LAST, 1000, start_s=start))
    assert there[: len(back)] == back


def test_a_second_is_never_cut_in_two() -> None:
    bench = Bench()
    bench.clock.advance(2000)
    item = bench.market.catalogue.all()[0]
    for count in range(1, 9):
        wanted = Wanted(Kind.BID_ASK, count, end_s=bench.clock.time())
        found = tick_history.rows(bench.market, item, wanted)
        more = tick_history.rows(
            bench.market, item, Wanted(Kind.BID_ASK, 50, end_s=bench.clock.time())
        )
        assert len(found) >= count
        first = found[0][0]
        assert sum(row[0] == first for row in found) == sum(row[0] == first for row in more)


def test_quotes_without_sizes_differ_in_their_prices() -> None:
    rows: list[list[object]] = [
        [1, 0, "1", "2", 5, 5], [1, 0, "1", "2", 6, 5], [2, 0, "1", "3", 6, 5],
    ]  # fmt: skip
    assert tick_history.without_sizes(rows, Kind.BID_ASK) == [rows[0], rows[2]]
    assert tick_history.without_sizes(rows, Kind.LAST) == rows
