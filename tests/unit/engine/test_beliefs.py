"""Ticks, hours and the clock: which prices of an instrument are believed."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal

from tests.unit.core.test_plausibility import LIMITS
from tests.unit.engine.world import CON, LoopClock, an_instrument
from trader.core.calendar import SessionNow
from trader.core.frozen import replace
from trader.core.ids import ConId
from trader.core.market import QuoteRule, fault, quote_fault
from trader.core.plausibility import Belief
from trader.engine.beliefs import Beliefs
from trader.engine.hub import MarketHub
from trader.ports import QuoteTick


class Day:
    """A hub with an exchange that opens when the test says so."""

    def __init__(self, sec_type: str = "STK") -> None:
        self.clock = LoopClock()
        self.hub = MarketHub(self.clock)
        self.told: list[tuple[ConId, Belief]] = []
        self.asked = 0
        self.now = SessionNow(None, is_regular=False, is_closed=True, until_utc=None)
        self.hub.beliefs = Beliefs(
            self.clock, LIMITS, self.session_of, lambda *row: self.told.append(row)
        )
        self.hub.add(replace(an_instrument(), sec_type=sec_type))

    def session_of(self, con_id: ConId) -> SessionNow:
        assert con_id == CON
        self.asked += 1
        return self.now

    def open(self) -> None:
        now = self.clock.utc()
        end = now + timedelta(hours=6)
        self.now = SessionNow(now, is_regular=True, is_closed=False, until_utc=end)

    def tick(self, field: str, value: object) -> None:
        number = None if value is None else Decimal(str(value))
        self.hub.on_tick(QuoteTick(CON, field, number, self.clock.monotonic()))

    def both(self, bid: object, ask: object) -> None:
        self.tick("bid", bid)
        self.tick("ask", ask)

    def rule(self) -> str:
        quote = self.hub.quotes.get(CON)
        found = quote_fault(quote, self.clock.monotonic(), 5.0)
        return "" if found is None else str(found.rule)


async def test_what_a_subscription_shows_first_is_not_traded_on() -> None:
    day = Day()
    day.open()
    day.tick("data_type", 1)
    day.both(99, 101)
    assert day.rule() == "first_of_session"
    day.both("99.1", "101.1")
    assert day.rule() == ""


async def test_a_trade_of_now_proves_what_is_shown_first() -> None:
    day = Day()
    day.open()
    day.tick("data_type", 1)
    day.tick("traded", int(day.clock.utc().timestamp()) + 1)
    day.tick("last", 100)
    day.both(99, 101)
    assert day.rule() == ""
    assert day.hub.quotes[CON].last == 100


async def test_yesterdays_last_price_does_not_come_through_and_todays_first_does() -> None:
    """INC-140: neither to the quote nor to whoever follows every tick, also not with the next."""
    day = Day()
    day.open()
    seen: list[Decimal | None] = []
    day.hub.follow(lambda quote, tick: seen.append(tick.value) if tick.field == "last" else None)
    day.tick("traded", int(day.clock.utc().timestamp()) - 60_000)
    day.tick("last", 80)
    assert CON not in day.hub.quotes or day.hub.quotes[CON].last is None
    day.tick("traded", int(day.clock.utc().timestamp()) + 1)
    assert CON not in day.hub.quotes or day.hub.quotes[CON].last is None
    day.tick("last", 100)
    assert seen == [100]
    assert day.hub.quotes[CON].last == 100


async def test_without_a_time_of_trades_the_second_last_price_comes_through() -> None:
    day = Day()
    day.open()
    for price in (80, 100):
        day.tick("last", price)
    assert day.hub.quotes[CON].last == 100


async def test_a_session_that_opens_under_a_subscription_proves_itself_anew() -> None:
    """The hours are asked for again by the edge that was told, and within a minute anyway."""
    day = Day()
    edge = day.clock.utc() + timedelta(seconds=30)
    day.now = SessionNow(None, is_regular=False, is_closed=True, until_utc=edge)
    day.tick("data_type", 1)
    day.both(99, 101)
    assert day.rule() == ""
    await asyncio.sleep(31)
    day.open()
    day.both(99, 101)
    assert day.rule() == "first_of_session"
    day.both(99, 101)
    assert day.rule() == ""
    asked = day.asked
    await asyncio.sleep(59)
    day.both(99, 101)
    assert day.asked == asked
    await asyncio.sleep(2)
    day.both(99, 101)
    assert day.asked == asked + 1


async def test_a_price_that_stays_far_away_is_believed_and_told_once() -> None:
    day = Day()
    day.open()
    day.tick("data_type", 1)
    for _ in range(2):
        day.both(99, 101)
    day.both(59, 61)
    assert day.rule() == "outside_band"
    quote = day.hub.quotes[CON]
    assert "100" in (fault(quote, day.clock.monotonic(), 5.0) or "")
    for _ in range(6):
        await asyncio.sleep(1)
        day.both(59, 61)
    assert day.rule() == ""
    assert [(key, row.now) for key, row in day.told] == [(CON, Decimal(60))]


async def test_an_option_has_no_band() -> None:
    day = Day("OPT")
    day.open()
    day.tick("data_type", 1)
    for mid in (2, 2, 6):
        day.both(mid, mid)
    assert day.rule() == ""


async def test_who_is_asked_for_again_or_forgotten_proves_itself_anew() -> None:
    day = Day()
    day.open()
    day.tick("data_type", 1)
    for _ in range(2):
        day.both(99, 101)
    day.hub.subscribed(CON)
    day.both(99, 101)
    assert day.rule() == QuoteRule.FIRST_OF_SESSION
    day.both(99, 101)
    assert day.rule() == ""
    instrument = day.hub.instruments[CON]
    day.hub.remove(CON)
    day.hub.add(instrument)
    day.tick("data_type", 1)
    day.both(99, 101)
    assert day.rule() == QuoteRule.FIRST_OF_SESSION


async def test_a_doubt_ends_with_the_first_price_that_is_wrong_in_form() -> None:
    day = Day()
    day.open()
    day.tick("data_type", 1)
    day.both(99, 101)
    day.tick("bid", None)
    assert day.rule() == "one_sided"
