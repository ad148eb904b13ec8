"""Single events belong to their slot: streamed now or asked for later, they are the same."""

from __future__ import annotations

from datetime import datetime
from itertools import islice

from tests.unit.sim.support import Bench, at_wall
from trader.sim.market import prints
from trader.sim.market.prints import UNREPORTED
from trader.sim.model.instruments import Instrument


def bench_and(name: str) -> tuple[Bench, Instrument]:
    bench = Bench()
    bench.clock.advance(3600)
    item = bench.market.catalogue.symbol(name)
    assert item is not None
    return bench, item


def test_the_trades_of_a_time_add_up_to_the_volume_of_its_bar() -> None:
    bench, item = bench_and("AAPL")
    now = bench.market.slot()
    sizes = [
        one.size
        for slot in range(now - 239, now + 1)
        for one in prints.trades(bench.market, item, slot, all_of_them=False)
    ]
    grown = bench.market.cumulative(item, now) - bench.market.cumulative(item, now - 240)
    assert sum(sizes) == grown > 0
    assert len(set(sizes)) > 10


def test_the_price_of_a_trade_is_the_last_price_of_its_slot() -> None:
    bench, item = bench_and("AAPL")
    for slot in range(bench.market.slot() - 50, bench.market.slot()):
        for one in prints.trades(bench.market, item, slot, all_of_them=False):
            quote = bench.market.quote_at(item, slot)
            assert (one.price, one.size) == (quote.last, quote.last_size)
            assert one.epoch_s == int(bench.market.epoch_of(slot))


def test_unreported_trades_are_only_among_all_of_them() -> None:
    bench, item = bench_and("AAPL")
    now = bench.market.slot()

    def masks(*, all_of_them: bool) -> set[int]:
        slots = range(now - 400, now)
        return {
            one.mask
            for slot in slots
            for one in prints.trades(bench.market, item, slot, all_of_them=all_of_them)
        }

    assert masks(all_of_them=False) == {0}
    assert masks(all_of_them=True) == {0, UNREPORTED}


def test_what_has_no_volume_has_no_trades_and_a_halt_stops_them() -> None:
    bench, pair = bench_and("EUR.USD")
    slot = bench.market.slot()
    assert prints.trades(bench.market, pair, slot, all_of_them=True) == []
    stock = bench.market.catalogue.all()[0]
    bench.market.halts.halt(stock.con_id)
    bench.clock.advance(1)
    slots = range(slot, bench.market.slot() + 1)
    assert all(not prints.trades(bench.market, stock, n, all_of_them=True) for n in slots)


def test_changes_are_those_of_the_quote() -> None:
    bench, item = bench_and("EUR.USD")
    now = bench.market.slot()
    for slot in range(now - 60, now):
        before, after = (bench.market.quote_at(item, n) for n in (slot - 1, slot))
        change = prints.quote_change(bench.market, item, slot)
        sides = (after.bid, after.ask, after.bid_size, after.ask_size)
        is_same = (before.bid, before.ask, before.bid_size, before.ask_size) == sides
        assert (change is None) == is_same
        middle = prints.midpoint_change(bench.market, item, slot)
        assert (middle is None) == (before.bid + before.ask == after.bid + after.ask)
        if middle is not None:
            assert middle.midpoint == (after.bid + after.ask) / 2


def test_slots_are_walked_forward_to_now_and_backward_from_an_end() -> None:
    bench, item = bench_and("AAPL")
    market, now = bench.market, bench.market.slot()
    assert list(prints.forward(market, item, bench.clock.time() - 1)) == [
        now - n for n in range(4, -1, -1)
    ]
    assert list(islice(prints.backward(market, item, bench.clock.time() - 1), 2)) == [
        now - 4,
        now - 5,
    ]
    assert list(prints.forward(market, item, bench.clock.time() + 60)) == []


def test_walking_back_leaps_over_closed_hours() -> None:
    bench = Bench(always_open=False)
    item = bench.market.catalogue.symbol("AAPL")
    assert item is not None
    # The bench begins on a Saturday: the first slot found is the end of Friday's session.
    first = next(prints.backward(bench.market, item, bench.clock.time()))
    assert bench.market.moment(item, first).is_open
    assert bench.clock.time() - bench.market.epoch_of(first) > 3600


def test_walks_through_regular_hours_leap_over_all_others() -> None:
    bench = at_wall(Bench(always_open=False), "2026-11-24T14:31:00")
    market, item = bench.market, bench.market.catalogue.symbol("AAPL")
    assert item is not None
    closed_s, opened_s = (datetime.fromisoformat(f"2026-11-{text}+00:00").timestamp()
                          for text in ("23T21:00:00", "24T14:30:00"))  # fmt: skip
    back = list(islice(prints.backward(market, item, bench.clock.time(), regular=True), 300))
    assert [market.epoch_of(slot) for slot in back[239:242]] == [
        opened_s + 0.25, opened_s, closed_s - 0.25,
    ]  # fmt: skip
    ahead = list(islice(prints.forward(market, item, closed_s - 30, regular=True), 300))
    assert sorted(ahead) == ahead
    assert [market.epoch_of(slot) for slot in ahead[119:121]] == [closed_s - 0.25, opened_s]
    # Without the wish for regular hours only the hours in which nothing trades are leapt over.
    whole = list(prints.forward(market, item, closed_s - 30))
    assert market.epoch_of(whole[120]) == closed_s
    assert all(market.moment(item, slot).is_open for slot in whole)
