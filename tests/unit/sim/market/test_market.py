"""The market replays its days and shows the same of a moment whenever it is asked."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from tests.unit.sim.support import Bench, bars, hand_clock
from trader.sim.clock import VirtualClock
from trader.sim.market.hours import SESSION_S
from trader.sim.market.market import Market, Replay
from trader.sim.model.instruments import ContractQuery, Instrument, Leg
from trader.sim.reference.catalogue import Catalogue

TICK = Decimal("0.01")


def market(
    seed: int = 1, speed: float = 1.0, start: date | None = None
) -> tuple[VirtualClock, Market]:
    clock, days = hand_clock(), bars()
    rng = random.Random(seed)
    return clock, Market(clock, Catalogue(days), days, rng, Replay(speed, start))


def walk(seed: int) -> list[Decimal]:
    clock, world = market(seed)
    item = world.catalogue.all()[0]
    prices = []
    for _ in range(50):
        clock.advance(400)
        prices.append(world.quote(item).last)
    return prices


def test_a_seed_draws_the_same_prices_and_another_seed_others() -> None:
    assert walk(1) == walk(1)
    assert walk(1) != walk(2)


def test_days_follow_one_another_and_wrap_at_the_end() -> None:
    clock, world = market(speed=SESSION_S, start=date(2020, 1, 9))
    seen = []
    for _ in range(4):
        seen.append(world.today())
        clock.advance(1.0)
    assert [day.day for day in seen] == [9, 10, 6, 7]


def test_quotes_straddle_the_last_price_on_the_tick_grid() -> None:
    clock, world = market()
    for _ in range(50):
        clock.advance(100)
        for item in world.catalogue.all():
            quote = world.quote(item)
            assert quote.bid < quote.last < quote.ask
            assert quote.ask - quote.bid <= Decimal("0.04")
            assert quote.bid % TICK == quote.ask % TICK == 0
            assert quote.low <= quote.last <= quote.high


def test_a_pin_holds_the_mid_and_a_release_gives_it_back() -> None:
    _, world = market()
    item = world.catalogue.all()[0]
    before = world.quote(item).last
    world.pins["AAPL"] = Decimal("123.45")
    assert world.quote(item).last == Decimal("123.45")
    world.pins.clear()
    assert world.quote(item).last == before


def test_a_resumed_replay_goes_on_where_it_was() -> None:
    clock, world = market()
    clock.advance(5000)
    _, other = market()
    other.resume(world.elapsed_s)
    assert other.elapsed_s == world.elapsed_s


def found(bench: Bench, **wanted: Any) -> Instrument:
    return bench.market.catalogue.find_all(ContractQuery(**wanted))[0]


def test_a_future_costs_its_underlying_with_carry() -> None:
    bench = Bench()
    bench.clock.advance(3000)
    futures = bench.market.catalogue.find_all(ContractQuery(symbol="VIX", sec_type="FUT"))
    spot = bench.market.quote(bench.market.catalogue.symbol("VIX") or futures[0]).last
    prices = [bench.market.quote(item).last for item in futures]
    assert prices == sorted(prices)
    assert spot <= prices[0] < prices[-1] < spot * Decimal("1.1")
    assert all(price % item.tick == 0 for price, item in zip(prices, futures, strict=True))


def test_options_of_one_underlying_are_consistent() -> None:
    bench = Bench()
    bench.clock.advance(3000)
    stock = found(bench, symbol="AAPL", sec_type="STK")
    calls = bench.market.catalogue.find_all(ContractQuery(symbol="AAPL", sec_type="OPT", right="C"))
    expiry = calls[len(calls) // 2].expiry
    chain = sorted((c for c in calls if c.expiry == expiry), key=lambda c: c.strike or 0)
    prices = [bench.market.quote(item).last for item in chain]
    assert prices == sorted(prices, reverse=True)
    spot = bench.market.quote(stock).last
    for item, price in zip(chain, prices, strict=True):
        assert price >= max(spot - (item.strike or 0), Decimal(0)) - Decimal("0.05")
        quote = bench.market.quote(item)
        assert quote.low <= quote.last <= quote.high


def test_an_option_follows_a_pin_of_its_underlying() -> None:
    bench = Bench()
    puts = bench.market.catalogue.find_all(ContractQuery(symbol="AAPL", sec_type="OPT", right="P"))
    item = max(puts, key=lambda put: put.strike or 0)
    before = bench.market.quote(item).last
    bench.market.pins["AAPL"] = Decimal(100)
    assert bench.market.quote(item).last > before + 50


def test_a_combination_is_bought_at_the_asks_of_what_it_buys() -> None:
    bench = Bench()
    one, two = bench.market.catalogue.find_all(
        ContractQuery(symbol="AAPL", sec_type="OPT", right="C")
    )[40:42]
    legs = (Leg(one.con_id, 1, "BUY", "SMART"), Leg(two.con_id, 1, "SELL", "SMART"))
    spread = found(
        bench, symbol="AAPL", sec_type="BAG", currency="USD", exchange="SMART", legs=legs
    )
    first, second, whole = (bench.market.quote(item) for item in (one, two, spread))
    assert whole.ask == first.ask - second.bid
    assert whole.bid == first.bid - second.ask
    assert whole.bid < whole.last < whole.ask


def test_a_slot_looks_the_same_whenever_it_is_asked_for() -> None:
    bench = Bench()
    items = [bench.market.catalogue.symbol(name) for name in ("AAPL", "EUR.USD", "BTC", "SPX")]
    items.append(found(bench, symbol="AAPL", sec_type="OPT"))
    seen = []
    for _ in range(20):
        bench.clock.advance(7)
        slot = bench.market.slot()
        seen += [(slot, item, bench.market.quote(item)) for item in items if item is not None]
    for slot, item, quote in reversed(seen):
        assert bench.market.quote_at(item, slot) == quote


def test_a_halt_freezes_the_quote_and_the_reopening_leaps() -> None:
    bench = Bench()
    item = found(bench, symbol="AAPL", sec_type="STK")
    bench.clock.advance(3000)
    before = bench.market.quote(item)
    bench.market.halts.halt(item.con_id, 2)
    bench.clock.advance(3600)
    halted = bench.market.quote(item)
    assert (halted.bid, halted.last, halted.halted) == (before.bid, before.last, 2)
    assert bench.market.traded(item, bench.market.slot()) == 0
    bench.market.halts.reopen(item.con_id)
    after = bench.market.quote(item)
    assert after.halted == 0
    assert after.last != before.last


def test_by_the_exchange_s_hours_nothing_moves_at_the_weekend() -> None:
    bench = Bench(always_open=False)
    item = found(bench, symbol="AAPL", sec_type="STK")
    quotes = set()
    for _ in range(5):
        bench.clock.advance(600)
        quote = bench.market.quote(item)
        assert not quote.is_open
        quotes.add((quote.bid, quote.ask, quote.bid_size, quote.last, quote.volume))
    assert len(quotes) == 1


def test_slots_and_moments_of_wall_time_belong_together() -> None:
    bench = Bench()
    bench.clock.advance(12.3)
    now = bench.clock.time()
    assert bench.market.slot() == bench.market.slot_at(now) == 49
    assert bench.market.slot_at(now - 100) == 49 - 400
    assert bench.market.epoch_of(49) <= now < bench.market.epoch_of(50)
    assert bench.market.slot_at(bench.market.epoch_of(-7)) == -7


def test_before_the_open_nothing_of_the_coming_day_is_known() -> None:
    bench = Bench(always_open=False)
    item = found(bench, symbol="AAPL", sec_type="STK")
    # The bench begins on a Saturday; on Monday at 11:00 UTC New York is in its pre-market.
    bench.clock.advance(datetime(2026, 11, 23, 11, tzinfo=UTC).timestamp() - bench.clock.time())
    quote = bench.market.quote(item)
    assert quote.is_open
    assert quote.open == quote.high == quote.low == quote.last
    assert quote.volume == 0
    bench.clock.advance(7 * 3600)
    regular = bench.market.quote(item)
    assert regular.low <= regular.last <= regular.high
    assert regular.volume > 0
    assert regular.close == quote.close


def test_the_paths_of_days_that_are_over_do_not_pile_up() -> None:
    clock, world = market()
    counts = []
    for _ in range(30):
        clock.advance(SESSION_S)
        for item in world.catalogue.all():
            world.quote(item)
        counts.append(len(world._paths))
    assert counts[-1] == counts[4] <= 4 * len(world.catalogue.all())
