"""Sessions as message 106 lists them, the first day there is, and volume by price."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.unit.sim.support import Bench
from trader.sim.market import schedule
from trader.sim.market.bars import Wanted
from trader.sim.market.spans import DAY_S, BarsError, Duration


def test_days_are_counted_as_sessions_each_with_start_end_and_date() -> None:
    bench = Bench(always_open=False)
    item = bench.market.catalogue.symbol("AAPL")
    assert item is not None
    wanted = Wanted(DAY_S, Duration(7, "D"), bench.clock.time(), "SCHEDULE", is_regular=True)
    found = schedule.sessions(item, wanted)
    assert len(found) == 7
    week = Wanted(DAY_S, Duration(1, "W"), bench.clock.time(), "SCHEDULE", is_regular=True)
    assert schedule.sessions(item, week) == found[-5:]
    for start, end, day in found:
        assert (start, end) == (f"{day}-09:30:00", f"{day}-16:00:00")


def test_the_first_moment_is_the_first_day_of_the_files() -> None:
    bench = Bench()
    item = bench.market.catalogue.all()[0]
    days = (bench.clock.time() - schedule.first_moment(bench.market, item)) / DAY_S
    # Two days of the files come before the first one replayed: today's date and yesterday's.
    assert 1 <= days < 2
    assert schedule.utc_stamp(0) == "19700101-00:00:00"


@pytest.mark.parametrize(
    ("text", "seconds"), [("3 days", 3 * DAY_S), ("1 week", 7 * DAY_S), ("20 D", 20 * DAY_S),
                          ("2 hours", 7200), ("60 S", 60)],
)  # fmt: skip
def test_periods_are_read(text: str, seconds: int) -> None:
    assert schedule.read_period(text) == seconds


@pytest.mark.parametrize("text", ["", "days", "0 days", "1 blink"])
def test_other_periods_are_refused(text: str) -> None:
    with pytest.raises(BarsError):
        schedule.read_period(text)


def test_a_histogram_has_ascending_prices_within_the_day() -> None:
    bench = Bench()
    bench.clock.advance(6 * 3600)
    item = bench.market.catalogue.all()[0]
    rows = schedule.histogram(bench.market, item, 6 * 3600, bench.clock.time())
    quote = bench.market.quote(item)
    prices = [Decimal(price) for price, _ in rows]
    assert prices == sorted(prices)
    assert quote.low <= prices[0] <= prices[-1] <= quote.high
    assert all(size > 0 for _, size in rows)
