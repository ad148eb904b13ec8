"""Bars agree with the replay: day bars are the true ones, intraday bars what ticks showed."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise

import pytest

from tests.unit.sim.support import Bench
from trader.sim.market.bars import Bar, history, read_wanted, show_bar
from trader.sim.market.hours import SESSION_S
from trader.sim.market.spans import BarsError


def bench_after(days: float) -> Bench:
    bench = Bench()
    bench.clock.advance(days * SESSION_S)
    return bench


def ask(bench: Bench, bar_size: str, duration: str, show: str = "TRADES") -> list[Bar]:
    item = bench.market.catalogue.all()[0]
    texts = (bar_size, duration, show)
    wanted = read_wanted(item, texts, bench.clock.time(), is_regular=True)
    return history(bench.market, bench.clock, item, wanted)


def test_day_bars_are_the_true_bars_and_end_today() -> None:
    bench = bench_after(1.5)
    bars = ask(bench, "1 day", "3 D")
    assert [bar.open for bar in bars] == [bench.market.bar("AAPL", n).open for n in (-1, 0, 1)]
    assert bars[1].close == bench.market.bar("AAPL", 0).close
    assert bars[-1].day == datetime.fromtimestamp(bench.clock.time(), UTC).date()
    assert all(bar.day is not None and bar.day.weekday() < 5 for bar in bars[:-1])


def test_the_day_being_replayed_shows_only_what_was_seen() -> None:
    bench = bench_after(0.25)
    bar = ask(bench, "1 day", "1 D")[0]
    quote = bench.market.quote(bench.market.catalogue.all()[0])
    assert (bar.high, bar.low, bar.close) == (quote.high, quote.low, quote.last)
    assert bar.volume == quote.volume
    assert abs(bar.volume - bench.market.bar("AAPL", 0).volume // 4) < 100


def test_intraday_bars_are_aligned_and_join_up() -> None:
    bars = ask(bench_after(1.2), "1 min", "1800 S")
    assert len(bars) == 31
    assert all(bar.start_s % 60 == 0 for bar in bars)
    assert all(bar.low <= bar.open <= bar.high for bar in bars)
    for bar, following in pairwise(bars):
        assert bar.close == following.open


def test_a_bar_holds_the_prices_that_were_quoted_at_its_ends() -> None:
    bench = Bench()
    item = bench.market.catalogue.all()[0]
    bench.clock.advance(7000)
    start, first = bench.clock.time(), bench.market.quote(item).last
    bench.clock.advance(60)
    bar = show_bar(bench.market, item, start, 60)
    assert bar is not None
    assert (bar.open, bar.close) == (first, bench.market.quote(item).last)


def test_nothing_is_known_of_the_time_before_the_files_begin() -> None:
    assert len(ask(Bench(), "1 day", "1 Y")) == 3
    bench = Bench()
    item = bench.market.catalogue.all()[0]
    start_s = bench.clock.time() - 3 * SESSION_S
    assert show_bar(bench.market, item, start_s, 60) is None


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
    days = history(bench.market, bench.clock, item, wanted)
    for size in ("1 week", "1 month"):
        wanted = read_wanted(item, (size, "6 M", "MIDPOINT"), bench.clock.time(), is_regular=True)
        joined = history(bench.market, bench.clock, item, wanted)
        assert max(bar.high for bar in joined) == max(bar.high for bar in days)
        assert (joined[0].open, joined[-1].close) == (days[0].open, days[-1].close)
        assert joined[-1].day == days[-1].day
    assert len(days) == 126


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
    bars = history(bench.market, bench.clock, item, regular)
    clock = [datetime.fromtimestamp(bar.start_s, UTC).strftime("%H:%M") for bar in bars]
    assert clock == ["14:30", "15:00", "16:00", "17:00", "18:00", "19:00", "20:00"]
    extended = read_wanted(item, texts, bench.clock.time(), is_regular=False)
    bars = history(bench.market, bench.clock, item, extended)
    assert len(bars) == 16
    assert bars[0].volume == 0
