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
