"""The broker's result of the day beside ours: told, compared where it can be, paged when it lasts.

The account is 100 shares at 100 and some cash. The broker is reckoned by the test: what it tells
moves with the price as our value does, unless a test makes it wrong.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.unit.engine.world import (
    CON,
    T0,
    World,
    a_commission,
    a_holding,
    a_reading,
    an_execution,
    an_instrument,
    baselined,
)
from trader.core import events as ev
from trader.core.account import ResultReading
from trader.core.account_events import ResultAgreed, ResultDisputed
from trader.core.breaker_events import EquityMarked, FlowSeen
from trader.core.calendar import ContractHours, Span
from trader.core.checkpoint import restored, state_of
from trader.core.day_result import Tolerance
from trader.core.halts import HaltCause, Posture
from trader.core.ids import TicketId
from trader.core.ticket_events import CashBooked, TradeBooked
from trader.engine.truth.day_result import LOOK_S, DayResult, ResultSettings

D = Decimal
RULE = Tolerance(amount=D(25), share=D("0.001"), readings=4)
NEW_YORK = ZoneInfo("America/New_York")
# What both held before counts for nothing; the price is 100 on both sides at first.
BEFORE = D("777.77")


class Watched:
    """A world in which the broker tells its result once a look, as the test says."""

    def __init__(self, *, held: int = 100, resets: tuple[time, ...] = (time(23, 55),)) -> None:
        self.world = World(held=held)
        self.settings = ResultSettings(RULE, resets, NEW_YORK, self.world.policy.cash)
        self.result = DayResult(self.world.services, self.settings)
        self.world.inbox.on_result = self.result.on_told
        self.world.ledger.observe(self.result.on_recorded)
        self.held, self.traded, self.wrong = D(held), D(0), D(0)
        self.daily: Callable[[], Decimal | None] = self.reckoned
        self.price = D(100)
        self.tell_worth()

    def reckoned(self) -> Decimal:
        return BEFORE + self.held * (self.price - 100) + self.traded + self.wrong

    def at(self, price: str) -> None:
        self.price = D(price)

    def tell_worth(self, wrong: int = 0) -> None:
        """Have the broker tell its value of the account."""
        net = 100_000 + self.held * self.price + self.traded + wrong
        now_s = self.world.clock.monotonic()
        reading = a_reading(now_s, currency="USD", net_liquidation=net)
        self.world.valuer.on_account(reading)

    async def looks(self, count: int) -> None:
        for _ in range(count):
            self.look()
            await asyncio.sleep(LOOK_S)

    def look(self) -> None:
        world = self.world
        world.quote(str(self.price), str(self.price))
        told = ResultReading(self.daily(), D(7), D(8), world.clock.monotonic())
        world.say(told)
        self.result.look()

    async def disputed(self, wrong: int = 60) -> None:
        """Have the broker be off for as long as makes a finding."""
        await self.looks(1)
        self.wrong = D(wrong)
        await self.looks(RULE.readings)
        assert self.disputes, "it was to be disputed"

    @property
    def disputes(self) -> list[ResultDisputed]:
        return self.world.journal.events(ResultDisputed)

    @property
    def agreements(self) -> list[ResultAgreed]:
        return self.world.journal.events(ResultAgreed)

    @property
    def pages(self) -> list[str]:
        return [title for title in self.world.pager.titles() if "result" in title]


# ---- what agrees


async def test_both_move_alike_whatever_each_had_counted_before() -> None:
    watched = Watched()
    for price in ("100", "101", "99.5", "103", "100"):
        watched.at(price)
        await watched.looks(2)
    shown = watched.result.status()
    assert (shown.verdict, shown.problem, shown.finding) == ("agrees", "", "")
    assert (shown.difference, shown.since_utc) == (D(0), T0)
    assert (shown.told_unrealized, shown.told_realized) == (D(7), D(8))
    assert shown.told_daily == BEFORE
    assert watched.pages == []
    assert watched.disputes == []


async def test_too_few_readings_are_told_as_comparing() -> None:
    watched = Watched()
    await watched.looks(RULE.readings)
    assert watched.result.status().verdict == "comparing"
    await watched.looks(1)
    assert watched.result.status().verdict == "agrees"


async def test_a_trade_with_its_commission_is_counted_by_both() -> None:
    watched = Watched()
    await watched.looks(2)
    execution = an_execution(quantity=D(50), price=D("99.9"))
    watched.world.say(ev.ExecutionSeen(execution), a_commission(execution, "2.00"))
    watched.held += 50
    watched.traded = D(50) * (100 - D("99.9")) - 2
    watched.at("104")
    await watched.looks(5)
    shown = watched.result.status()
    assert shown.verdict == "agrees"
    assert shown.difference == 0


async def test_our_own_result_of_the_day_is_shown_beside_it() -> None:
    watched = Watched()
    day = watched.world.sessions.day()
    assert watched.result.status().own_daily is None, "nobody has marked the day's first value"
    watched.world.ledger.record(EquityMarked(day, D(109_900)))
    watched.look()
    assert watched.result.status().own_daily == D(100)


# ---- what differs


async def test_a_wrong_result_is_a_finding_after_so_many_readings_and_paged_once() -> None:
    """CAP-31: shown, recorded and paged; by itself it halts nothing."""
    watched = Watched()
    await watched.looks(2)
    watched.wrong = D(60)
    await watched.looks(RULE.readings - 1)
    assert watched.disputes == []
    assert watched.result.status().verdict == "comparing"
    await watched.looks(50)
    (dispute,) = watched.disputes
    assert (dispute.day, dispute.told, dispute.own) == ("2026-03-01 23:55", D(60), D(0))
    # 25, and a thousandth of 10 000 at both ends.
    assert (dispute.allowed, dispute.since_utc) == (D(45), T0)
    shown = watched.result.status()
    assert (shown.verdict, shown.difference) == ("differs", D(60))
    assert "moved by 60.00 at the broker and by 0.00 here" in shown.finding
    assert watched.pages == ["the day's result differs"]
    assert watched.world.guard.posture() is Posture.ARMED
    assert watched.world.book.tickets == {}


async def test_a_fill_that_we_were_not_told_of_is_found() -> None:
    watched = Watched()
    await watched.looks(1)
    watched.held += 50
    watched.at("101.5")
    await watched.looks(RULE.readings)
    assert watched.disputes[0].told - watched.disputes[0].own == D(75)


async def test_a_moment_apart_is_no_finding() -> None:
    watched = Watched()
    for wrong in (0, 60, 60, 60, 0, 60, 60, 60, 0):
        watched.wrong = D(wrong)
        await watched.looks(1)
    assert watched.disputes == []


async def test_one_reading_that_is_looked_at_many_times_is_one() -> None:
    watched = Watched()
    await watched.looks(1)
    watched.wrong = D(60)
    watched.look()
    for _ in range(20):
        watched.result.look()
    assert watched.disputes == []


async def test_it_is_over_when_both_move_together_again() -> None:
    watched = Watched()
    await watched.disputed()
    watched.wrong = D(0)
    await watched.looks(RULE.readings - 1)
    assert watched.agreements == []
    await watched.looks(1)
    assert len(watched.agreements) == 1
    assert watched.result.status().verdict == "agrees"
    assert watched.pages == ["the day's result differs", "the day's result agrees"]


async def test_the_next_day_at_the_broker_ends_it_once_that_has_agreed() -> None:
    watched = Watched()
    await watched.disputed()
    await asyncio.sleep(24 * 3_600)
    watched.world.guard.on_heartbeat(await watched.world.broker.heartbeat())
    watched.tell_worth()
    await watched.looks(RULE.readings)
    assert watched.agreements == []
    await watched.looks(1)
    (over,) = watched.agreements
    assert over.day == "2026-03-01 23:55"
    assert over.reason.endswith("since 2026-03-02 23:55")


async def test_a_difference_of_a_later_day_is_another_finding() -> None:
    watched = Watched()
    await watched.disputed()
    await asyncio.sleep(24 * 3_600)
    watched.world.guard.on_heartbeat(await watched.world.broker.heartbeat())
    await watched.looks(1)
    watched.wrong = D(200)
    await watched.looks(RULE.readings)
    first, second = watched.disputes
    assert (first.day, second.day) == ("2026-03-01 23:55", "2026-03-02 23:55")
    assert second.told == D(140)


async def test_after_a_restart_the_finding_stands_though_what_began_later_agrees() -> None:
    watched = Watched()
    await watched.disputed()
    later = Watched()
    later.world.book.account_record = restored(state_of(watched.world.book)).account_record
    await later.looks(30)
    assert later.result.status().verdict == "differs"
    assert (later.agreements, later.disputes, later.pages) == ([], [], [])


# ---- with the broker's value of the account


async def test_net_liquidation_that_differs_as_well_opens_a_ticket_that_halts() -> None:
    """CAP-31: two words of the broker against the book are what a person must decide."""
    watched = Watched()
    watched.look()
    await asyncio.sleep(180)
    watched.tell_worth()
    await watched.disputed()
    watched.tell_worth(wrong=60)
    await watched.looks(2)
    (ticket,) = watched.world.book.tickets.values()
    assert ticket.kind == "result"
    assert "differs from ours by 60.00 and its net liquidation by 60.00" in ticket.text
    assert HaltCause.TICKET in watched.world.guard.causes()
    assert watched.pages == ["the day's result differs", "result and net liquidation differ"]
    await watched.looks(50)
    assert len(watched.world.journal.events(ev.TicketOpened)) == 1


async def test_a_value_that_moves_as_ours_does_opens_none() -> None:
    watched = Watched()
    watched.look()
    await watched.disputed()
    watched.at("102")
    watched.tell_worth()
    await watched.looks(10)
    assert watched.world.book.tickets == {}


async def test_a_value_that_differed_before_the_comparison_began_anew_confirms_nothing() -> None:
    watched = Watched()
    await watched.looks(1)
    watched.tell_worth(wrong=500)
    await watched.looks(4)
    watched.world.ledger.record(FlowSeen("USD", D(500), D(500)))
    await watched.disputed()
    assert watched.world.book.tickets == {}


async def test_a_value_told_while_nothing_was_compared_is_of_another_moment() -> None:
    watched = Watched()
    await watched.disputed()
    watched.tell_worth(wrong=500)
    watched.daily = lambda: None
    await watched.looks(5)
    watched.daily = watched.reckoned
    await watched.looks(5)
    assert watched.world.book.tickets == {}


async def test_a_person_who_resolves_the_ticket_ends_the_finding_and_begins_anew() -> None:
    watched = Watched()
    await watched.disputed()
    watched.tell_worth(wrong=60)
    await watched.looks(2)
    (ticket_id,) = watched.world.book.tickets
    watched.world.ledger.record(ev.TicketClosed(ticket_id, "a fee", "anna"))
    await watched.looks(10)
    assert [row.reason for row in watched.agreements] == ["ticket closed by anna"]
    assert watched.world.book.tickets == {}
    assert watched.result.status().verdict == "agrees"


async def test_a_ticket_of_another_kind_that_is_resolved_changes_nothing() -> None:
    watched = Watched()
    await watched.disputed()
    watched.world.ledger.record(ev.TicketClosed("run-cash-USD", "a fee", "anna"))  # type: ignore[arg-type]
    await watched.looks(2)
    assert watched.agreements == []


# ---- what is not compared, and says so


async def test_a_result_counts_for_as_long_as_the_broker_goes_on_telling_it() -> None:
    watched = Watched()
    assert not watched.result.status().is_told_usable, "never told"
    await watched.looks(1)
    assert watched.result.status().is_told_usable
    await asyncio.sleep(59 - LOOK_S)
    assert watched.result.status().is_told_usable
    await asyncio.sleep(2)
    shown = watched.result.status()
    assert (shown.told_daily, shown.is_told_usable) == (BEFORE, False)


def is_not_compared(watched: Watched, problem: str) -> bool:
    shown = watched.result.status()
    # Neither a difference nor an agreement is shown of what was not compared.
    is_bare = (shown.difference, shown.allowed, shown.since_utc) == (None, None, None)
    return shown.verdict == "not compared" and problem in shown.problem and is_bare


async def test_before_the_broker_has_told_anything() -> None:
    watched = Watched()
    assert is_not_compared(watched, "not looked yet")
    watched.result.look()
    assert is_not_compared(watched, "the broker has not told its result")


async def test_a_result_that_is_not_known_is_no_zero() -> None:
    watched = Watched()
    await watched.looks(10)
    watched.daily = lambda: None
    await watched.looks(10)
    assert is_not_compared(watched, "the broker has no result of its day")
    assert watched.disputes == []


async def test_a_result_that_is_not_told_any_more() -> None:
    watched = Watched()
    await watched.looks(10)
    await asyncio.sleep(60)
    watched.world.quote("100", "100")
    watched.result.look()
    assert is_not_compared(watched, "allowed 60 s")


Change = Callable[[Watched], object]
CLOSED = ContractHours((), (), Span(T0 - timedelta(days=1), T0 + timedelta(days=2)), UTC)


OPENED = (Span(T0 - timedelta(seconds=30), T0 + timedelta(hours=6)),)
JUST_OPENED = ContractHours(
    OPENED, OPENED, Span(T0 - timedelta(days=1), T0 + timedelta(days=2)), UTC
)


def hold_unlisted(watched: Watched) -> None:
    """Hold what only the broker can value."""
    world = watched.world
    world.hub.remove(CON)
    now_s = world.clock.monotonic()
    reading = a_reading(now_s, currency="USD", holdings={CON: a_holding(100, 100, now_s)})
    world.valuer.on_account(reading)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            lambda w: w.world.guard.set_level(HaltCause.UPSTREAM, "x"),
            "the book may not be complete",
        ),
        (lambda w: w.world.valuer.on_account(a_reading(1_000.0)), "in which currency"),
        (lambda w: w.world.book.cash.update(EUR=D(5)), "no rate"),
        (hold_unlisted, "AAA has no quote of ours"),
        (
            lambda w: w.world.hub.add(an_instrument(hours=CLOSED)),
            "AAA is outside its regular hours",
        ),
        # The broker's figure may still be by the price of the day before.
        (lambda w: w.world.hub.add(an_instrument(hours=JUST_OPENED)), "AAA opened"),
        (lambda w: w.world.hub.add(an_instrument(currency="EUR")), "no rate for EUR"),
    ],
)
async def test_what_is_not_alike_is_not_compared(change: Change, problem: str) -> None:
    watched = Watched()
    await watched.looks(1)
    change(watched)
    watched.wrong = D(1_000)
    await watched.looks(10)
    assert is_not_compared(watched, problem), watched.result.status()
    assert watched.disputes == []


async def test_cash_in_another_currency_is_in_our_value_alone() -> None:
    watched = Watched()
    now_s = watched.world.clock.monotonic()
    watched.world.valuer.on_account(a_reading(now_s, currency="USD", rates={"EUR": D("1.1")}))
    watched.world.book.cash["EUR"] = D(5)
    await watched.looks(2)
    assert is_not_compared(watched, "cash in EUR")
    watched.world.book.cash["EUR"] = D(0)
    await watched.looks(8)
    assert watched.result.status().verdict == "agrees"


async def test_what_is_held_in_another_currency_gains_with_its_rate_as_well() -> None:
    watched = Watched()
    now_s = watched.world.clock.monotonic()
    watched.world.valuer.on_account(a_reading(now_s, currency="USD", rates={"EUR": D("1.1")}))
    watched.world.hub.add(an_instrument(currency="EUR"))
    await watched.looks(2)
    assert is_not_compared(watched, "AAA is held in EUR")


async def test_an_old_quote_is_another_price() -> None:
    watched = Watched()
    await watched.looks(1)
    await asyncio.sleep(31)
    watched.world.say(ResultReading(D(0), None, None, watched.world.clock.monotonic()))
    watched.result.look()
    assert is_not_compared(watched, "quote 36 s old, allowed 30 s")


async def test_around_the_brokers_reset_nothing_is_compared() -> None:
    # It is ten in the morning in New York.
    watched = Watched(resets=(time(10, 5),))
    watched.wrong = D(60)
    await watched.looks(5)
    assert is_not_compared(watched, "the broker's day turns")


async def test_before_the_holdings_are_accepted_there_is_nothing_to_compare() -> None:
    world = World(is_baselined=False)
    settings = ResultSettings(RULE, (time(23, 55),), NEW_YORK, world.policy.cash)
    result = DayResult(world.services, settings)
    world.valuer.on_account(a_reading(1_000.0, currency="USD"))
    result.on_told(ResultReading(D(0), None, None, 1_000.0))
    result.look()
    assert result.status().problem == "existing holdings have not been accepted"
    assert result.status().own_daily is None


# ---- what moves the book without a trade


@pytest.mark.parametrize(
    "event",
    [
        ev.CashAdjusted("USD", D(100_000), D(100_500), "a deposit"),
        baselined(100, 100_500),
        FlowSeen("USD", D(500), D(500)),
        CashBooked(TicketId("r-cash-USD"), "USD", D(500), "a deposit", "me"),
        TradeBooked(
            TicketId("r-position-AAA"), CON, "AAA", D(1), D(95), D(1), D(1), "USD", "by hand", "me"
        ),
    ],
)
async def test_what_is_no_trade_begins_the_comparison_anew(event: Any) -> None:
    watched = Watched()
    await watched.looks(10)
    watched.world.ledger.record(event)
    await watched.looks(1)
    assert watched.result.status().verdict == "comparing"
    await watched.looks(10)
    assert watched.result.status().verdict == "agrees"
    assert watched.disputes == []
