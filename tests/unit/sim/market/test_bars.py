"""Bars agree with the replay: day bars are the true ones, intraday bars what ticks showed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.sim.market.test_reach import queries
from tests.unit.sim.support import Bench, at_wall
from trader.sim.market import prints, schedule
from trader.sim.market.bars import Bar, days_of, history, read_wanted, show_bar
from trader.sim.market.hours import SESSION_S
from trader.sim.market.sessions import ends
from trader.sim.market.spans import BarsError
from trader.sim.model.instruments import Instrument

NEW_YORK = ZoneInfo("America/New_York")


def bench_after(days: float) -> Bench:
    bench = Bench()
    bench.clock.advance(days * SESSION_S)
    return bench


def ask(bench: Bench, bar_size: str, duration: str, show: str = "TRADES") -> list[Bar]:
    item = bench.market.catalogue.all()[0]
    texts = (bar_size, duration, show)
    wanted = read_wanted(item, texts, bench.clock.time(), is_regular=True)
    return history(bench.market, item, wanted)


def test_days_before_the_start_have_the_true_bars_of_the_files() -> None:
    bench = bench_after(1.5)
    bars = ask(bench, "1 day", "3 D")
    assert len(bars) == 2
    assert bars[-1].day == datetime.fromtimestamp(bench.clock.time(), NEW_YORK).date()
    true = bench.market.bar("AAPL", -2)
    before = bars[0]
    assert (before.open, before.high, before.low) == (true.open, true.high, true.low)
    assert (before.close, before.volume) == (true.close, true.volume)


def test_by_the_exchange_s_hours_a_day_s_bar_is_that_of_the_files() -> None:
    bench = Bench(always_open=False)
    at_wall(bench, "2026-11-24T23:00:00")
    item = bench.market.catalogue.all()[0]
    wanted = read_wanted(item, ("1 day", "2 D", "TRADES"), bench.clock.time(), is_regular=True)
    for bar, number in zip(history(bench.market, item, wanted), (1, 2), strict=True):
        true = bench.market.bar("AAPL", number)
        assert (bar.open, bar.high, bar.low, bar.close) == (
            true.open,
            true.high,
            true.low,
            true.close,
        )
        assert bar.volume == true.volume
    assert bench.market.quote(item).volume == bench.market.bar("AAPL", 2).volume


def test_intraday_bars_are_aligned_and_follow_one_another() -> None:
    bars = ask(bench_after(1.2), "1 min", "1800 S")
    assert len(bars) == 31
    assert all(bar.start_s % 60 == 0 for bar in bars)
    assert all(bar.low <= bar.open <= bar.high for bar in bars)
    for bar, following in pairwise(bars):
        assert following.start_s - bar.start_s == 60


def test_a_bar_holds_the_prices_that_were_quoted_at_its_ends() -> None:
    bench = Bench()
    item = bench.market.catalogue.all()[0]
    bench.clock.advance(7000)
    start, first = bench.clock.time(), bench.market.quote(item).last
    bench.clock.advance(60)
    bar = show_bar(bench.market, item, start, 60)
    assert bar is not None
    last = bench.market.quote_at(item, bench.market.slot() - 1)
    assert (bar.open, bar.close) == (first, last.last)


def test_nothing_is_known_of_the_time_before_the_files_begin() -> None:
    bench = Bench()
    assert len(ask(bench, "1 day", "1 Y")) == 2
    item = bench.market.catalogue.all()[0]
    first_s = bench.market.first_s(item)
    assert show_bar(bench.market, item, first_s - 60, 60) is None
    assert show_bar(bench.market, item, first_s, 60) is not None


@pytest.mark.parametrize(
    ("bar_size", "duration"),
    [("7 mins", "1 D"), ("1 min", "x D"), ("1 min", "1 Q"), ("1 secs", "1 W"), ("1 min", "0 D")],
)
def test_what_cannot_be_served_is_refused(bar_size: str, duration: str) -> None:
    with pytest.raises(BarsError):
        ask(Bench(), bar_size, duration)


def test_the_average_lies_within_the_bar() -> None:
    bar = Bar(0, Decimal(10), Decimal(12), Decimal(9), Decimal(11), 5)
    assert bar.average == Decimal("10.5")


def test_shorter_bars_add_up_to_longer_ones() -> None:
    bench = bench_after(1.2)
    for name in ("AAPL", "EUR.USD"):
        item = bench.market.catalogue.symbol(name)
        assert item is not None
        start = int(bench.clock.time()) // 300 * 300 - 600
        whole = show_bar(bench.market, item, start, 300)
        parts = [show_bar(bench.market, item, start + 5 * n, 5) for n in range(60)]
        assert whole is not None
        small = [bar for bar in parts if bar is not None]
        assert whole.open == small[0].open
        assert whole.close == small[-1].close
        assert whole.high == max(bar.high for bar in small)
        assert whole.low == min(bar.low for bar in small)
        assert whole.volume == sum(bar.volume for bar in small)


def test_a_bar_contains_every_tick_of_its_time() -> None:
    bench = bench_after(1.2)
    item = bench.market.catalogue.all()[0]
    start = int(bench.clock.time()) // 60 * 60 - 60
    bars = {show: show_bar(bench.market, item, start, 60, show) for show in ("TRADES", "BID_ASK")}
    first = bench.market.slot_at(start)
    quotes = [bench.market.quote_at(item, slot) for slot in range(first, first + 240)]
    trades, sides = bars["TRADES"], bars["BID_ASK"]
    assert trades is not None
    assert sides is not None
    assert trades.low <= min(quote.last for quote in quotes)
    assert max(quote.last for quote in quotes) <= trades.high
    assert sides.low <= min(quote.bid for quote in quotes)
    assert max(quote.ask for quote in quotes) <= sides.high


def test_a_pinned_price_is_in_the_bars_of_its_time() -> None:
    bench = bench_after(1.2)
    item = bench.market.catalogue.all()[0]
    bench.market.pins["AAPL"] = Decimal(50)
    bench.clock.advance(60)
    del bench.market.pins["AAPL"]
    bench.clock.advance(600)
    start = bench.clock.time() - 660
    pinned = show_bar(bench.market, item, start, 30)
    later = show_bar(bench.market, item, start + 120, 30)
    assert pinned is not None
    assert later is not None
    assert pinned.low == pinned.high == Decimal(50)
    assert later.low > 100


def test_days_join_to_weeks_and_months() -> None:
    bench = bench_after(0.5)
    item = bench.market.catalogue.symbol("EUR.USD")
    assert item is not None
    wanted = read_wanted(item, ("1 day", "6 M", "MIDPOINT"), bench.clock.time(), is_regular=True)
    days = history(bench.market, item, wanted)
    for size in ("1 week", "1 month"):
        wanted = read_wanted(item, (size, "6 M", "MIDPOINT"), bench.clock.time(), is_regular=True)
        joined = history(bench.market, item, wanted)
        assert max(bar.high for bar in joined) == max(bar.high for bar in days)
        assert (joined[0].open, joined[-1].close) == (days[0].open, days[-1].close)
        assert joined[-1].day == days[-1].day
    assert len(days) in (181, 182, 183, 184)


def test_what_an_instrument_does_not_have_is_refused() -> None:
    bench = Bench()
    asked = (("EUR.USD", "TRADES", 162), ("BTC", "TRADES", 10299), ("VIX", "BID", 162),
             ("ESZ6", "OPTION_IMPLIED_VOLATILITY", 162), ("AAPL", "GOSSIP", 321),
             ("AAPL", "", 321))  # fmt: skip
    for name, show, code in asked:
        item = bench.market.catalogue.symbol(name)
        assert item is not None
        with pytest.raises(BarsError) as caught:
            read_wanted(item, ("1 day", "5 D", show), bench.clock.time(), is_regular=True)
        assert caught.value.code == code


def test_volatilities_have_no_volume() -> None:
    bars = ask(bench_after(1.2), "1 day", "2 D", "HISTORICAL_VOLATILITY")
    assert [bar.volume for bar in bars] == [-1, -1]
    assert all(bar.low <= bar.close <= bar.high for bar in bars)


def test_by_the_exchange_s_hours_bars_fill_the_sessions_alone() -> None:
    bench = Bench(always_open=False)
    item = bench.market.catalogue.symbol("AAPL")
    assert item is not None
    texts = ("1 hour", "1 D", "TRADES")
    regular = read_wanted(item, texts, bench.clock.time(), is_regular=True)
    bars = history(bench.market, item, regular)
    clock = [datetime.fromtimestamp(bar.start_s, UTC).strftime("%H:%M") for bar in bars]
    assert clock == ["14:30", "15:00", "16:00", "17:00", "18:00", "19:00", "20:00"]
    extended = read_wanted(item, texts, bench.clock.time(), is_regular=False)
    bars = history(bench.market, item, extended)
    assert len(bars) == 16
    assert bars[0].volume == 0


LIVE_S = 600
SIZES = ("1 day", "8 hours", "1 hour", "20 mins")
TWINS = ("TRADES", "MIDPOINT", "BID", "ASK", "BID_ASK")


def spanned(
    bench: Bench, item: Instrument, texts: tuple[str, str], show: str, *, regular: bool
) -> list[Bar]:
    wanted = read_wanted(item, (*texts, show), bench.clock.time(), is_regular=regular)
    return history(bench.market, item, wanted)


def assert_add_up(whole: Bar, parts: list[Bar], show: str) -> None:
    assert whole.high == max(bar.high for bar in parts)
    assert whole.low == min(bar.low for bar in parts)
    if show != "BID_ASK":
        # There open and close are means.
        assert (whole.open, whole.close) == (parts[0].open, parts[-1].close)
    if whole.volume >= 0:
        assert whole.volume == sum(bar.volume for bar in parts)


@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 10**6), always_open=st.booleans(), regular=st.booleans(),
    number=st.integers(0, 4), show=st.sampled_from(TWINS), ahead_s=st.integers(0, 10 * 86_400),
)  # fmt: skip
def test_bars_of_every_size_add_up(
    seed: int, always_open: bool, regular: bool, number: int, show: str, ahead_s: int
) -> None:
    bench = Bench(seed=seed, always_open=always_open)
    bench.clock.advance(ahead_s)
    item = bench.market.catalogue.find(queries(bench)[number])
    assert item is not None
    if item.sec_type == "CASH" and show == "TRADES":
        return
    found = {size: spanned(bench, item, (size, "3 D"), show, regular=regular) for size in SIZES}
    days = days_of(item, read_wanted(item, ("1 day", "3 D", show), bench.clock.time(),
                                     is_regular=regular))  # fmt: skip
    for day, bar in zip(days[-len(found["1 day"]) :], found["1 day"], strict=True):
        start_s, end_s = ends(day, regular=regular)
        assert (bar.day, bar.start_s) == (day.day, start_s)
        for size in SIZES[1:]:
            parts = [one for one in found[size] if start_s <= one.start_s < end_s]
            assert parts[0].start_s == start_s
            assert_add_up(bar, parts, show)
    minutes = spanned(bench, item, ("1 min", "1200 S"), show, regular=regular)
    for long in found["20 mins"]:
        parts = [one for one in minutes if one.start_s // 1200 == long.start_s // 1200]
        if parts and parts[0].start_s == long.start_s:
            assert_add_up(long, parts, show)
    for last in minutes[-2:]:
        small = [show_bar(bench.market, item, last.start_s + n, 5, show) for n in range(0, 60, 5)]
        assert_add_up(last, [bar for bar in small if bar is not None], show)


@pytest.mark.parametrize("always_open", [True, False])
def test_weeks_and_days_and_schedules_have_the_same_dates(always_open: bool) -> None:
    bench = Bench(always_open=always_open)
    bench.clock.advance(5 * 86_400)
    item = bench.market.catalogue.find(queries(bench)[4])
    assert item is not None
    now_s = bench.clock.time()
    for duration in ("9 D", "2 W", "1 M"):
        texts = [(size, duration, "MIDPOINT") for size in ("1 day", "1 week", "1 hour")]
        wanted = [read_wanted(item, text, now_s, is_regular=True) for text in texts]
        days, weeks, hours = (history(bench.market, item, one) for one in wanted)
        listed = schedule.sessions(item, replace(wanted[0], show="SCHEDULE"))
        assert [f"{bar.day:%Y%m%d}" for bar in days] == [day for _, _, day in listed]
        assert max(bar.high for bar in weeks) == max(bar.high for bar in days)
        assert hours[0].start_s == days[0].start_s
        start = datetime.fromtimestamp(days[0].start_s, ZoneInfo(item.time_zone))
        assert f"{start:%Y%m%d-%H:%M:%S}" == listed[0][0]


def test_bars_hold_what_was_quoted_and_traded_live() -> None:
    bench = Bench(seed=3)
    market, item = bench.market, bench.market.catalogue.all()[0]
    # A day of the files ends within this time.
    bench.clock.advance(SESSION_S - LIVE_S / 2)
    start_s = bench.clock.time()
    seen = []
    sizes = {}
    for _ in range(LIVE_S * 4):
        slot = market.slot()
        seen.append(market.quote(item).last)
        sizes[slot] = sum(one.size for one in prints.trades(market, item, slot, all_of_them=False))
        bench.clock.advance(0.25)
    bar = show_bar(market, item, start_s, LIVE_S)
    assert bar is not None
    assert (bar.open, bar.high, bar.low, bar.close) == (seen[0], max(seen), min(seen), seen[-1])
    assert bar.volume == sum(sizes.values())


def test_a_halt_s_volume_trades_when_it_ends() -> None:
    bench = Bench()
    market, item = bench.market, bench.market.catalogue.all()[0]
    bench.clock.advance(100)
    first = market.slot()
    market.halts.halt(item.con_id)
    during = market.quote(item).volume
    bench.clock.advance(30)
    assert market.quote(item).volume == during
    market.halts.reopen(item.con_id)
    bench.clock.advance(30)
    last = market.slot()
    sizes = [market.traded(item, slot) for slot in range(first - 100, last + 1)]
    assert sum(sizes) == market.volume_between(item, first - 101, last)
    assert sizes[100:220] == [0] * 120
    assert sizes[220] > 50 * max(sizes[:100])
