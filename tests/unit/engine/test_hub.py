"""Quotes: the latest counts, no data is no value, and whoever waits is woken."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from tests.unit.engine.world import CON, OTHER_CON, LoopClock, an_instrument
from trader.core.frozen import replace
from trader.core.market import Quote, fault
from trader.engine.hub import Forgotten, HubNews, MarketHub
from trader.ports import DataProblem, QuoteTick


def tick(field: str, value: str | None, received_s: float = 1_000.0) -> QuoteTick:
    return QuoteTick(CON, field, None if value is None else Decimal(value), received_s)


def a_hub(*ticks: QuoteTick) -> MarketHub:
    hub = MarketHub(LoopClock())
    hub.add(an_instrument())
    for row in ticks:
        hub.on_tick(row)
    return hub


LIVE = (tick("data_type", "1"), tick("bid", "99"), tick("ask", "101"))


async def test_ticks_make_up_one_quote() -> None:
    hub = a_hub(
        *LIVE, tick("bid_size", "5"), tick("ask_size", "6"), tick("last", "98"), tick("odd", "1")
    )
    assert hub.quotes[CON] == Quote(
        con_id=CON,
        bid=Decimal(99),
        ask=Decimal(101),
        bid_size=Decimal(5),
        ask_size=Decimal(6),
        last=Decimal(98),
        data_type=1,
        received_s=1_000.0,
        last_s=1_000.0,
    )
    assert hub.tick_count == 7


async def test_only_bid_and_ask_make_a_quote_fresh() -> None:
    hub = a_hub(*LIVE)
    for field in ("last", "bid_size", "ask_size", "data_type", "halted"):
        hub.on_tick(tick(field, "1", received_s=1_009.0))
    assert hub.quotes[CON].received_s == 1_000.0
    hub.on_tick(tick("ask", "101", received_s=1_009.0))
    assert hub.quotes[CON].received_s == 1_009.0


@pytest.mark.parametrize(
    "spoiling",
    [tick("bid", None), tick("ask", None), tick("halted", "1"), tick("data_type", None)],
)
async def test_no_data_and_a_halt_make_a_quote_unusable(spoiling: QuoteTick) -> None:
    hub = a_hub(*LIVE)
    assert fault(hub.quotes[CON], 1_000.0, 10.0) is None
    hub.on_tick(spoiling)
    assert fault(hub.quotes[CON], 1_000.0, 10.0) is not None


async def test_a_tick_wakes_those_who_watch_its_instrument() -> None:
    hub = a_hub()
    mine, other = asyncio.Event(), asyncio.Event()
    hub.wake_on([CON], mine)
    hub.wake_on([OTHER_CON], other)
    hub.on_tick(tick("bid", "99"))
    assert mine.is_set()
    assert not other.is_set()


async def test_a_failed_subscription_drops_the_quote_and_is_remembered() -> None:
    hub = a_hub(*LIVE)
    hub.on_problem(DataProblem(CON, 10197, "competing session"))
    assert CON not in hub.quotes
    assert hub.problems[CON] == "10197 competing session"
    hub.forget_quotes()
    assert hub.problems == {}


async def test_a_price_of_unknown_kind_after_another_session_does_not_heal() -> None:
    """The ticks of before go on, and nobody says again that they are live (10197)."""
    hub = a_hub(*LIVE)
    hub.on_problem(DataProblem(CON, 10197, "competing session"))
    hub.on_tick(tick("bid", "99"))
    assert hub.taken() == hub.ailing() == (CON,)
    assert fault(hub.quotes[CON], 1_000.0, 5.0) == "data type 0 is not live"
    hub.on_tick(tick("data_type", "1"))
    hub.on_tick(tick("bid", "99"))
    assert hub.taken() == hub.ailing() == ()


async def test_only_what_another_session_has_is_called_taken() -> None:
    hub = a_hub(*LIVE)
    hub.on_problem(DataProblem(CON, 354, "10197 is not its code"))
    assert hub.taken() == ()
    assert hub.ailing() == (CON,)


async def test_forgetting_leaves_the_instruments() -> None:
    hub = a_hub(*LIVE)
    hub.forget_quotes()
    assert hub.quotes == {}
    assert hub.by_symbol("AAA") == an_instrument()
    assert hub.by_symbol("ZZZ") is None


async def test_a_holding_is_valued_at_the_middle_else_at_the_last() -> None:
    hub = a_hub()
    assert hub.mark_of(CON) is None
    hub.on_tick(tick("last", "98"))
    assert hub.mark_of(CON) == 98
    for row in LIVE:
        hub.on_tick(row)
    assert hub.mark_of(CON) == 100


async def test_what_fell_silent_and_what_was_refused_is_ailing_until_a_price_comes() -> None:
    # INC-011
    clock = LoopClock()
    hub = MarketHub(clock)
    for con_id in (CON, OTHER_CON):
        hub.add(an_instrument(con_id=con_id))
        hub.on_tick(QuoteTick(con_id, "bid", Decimal(99), clock.monotonic()))
    hub.on_problem(DataProblem(OTHER_CON, 10197, "competing session"))
    assert hub.ailing() == (OTHER_CON,)
    await asyncio.sleep(59)
    assert hub.ailing() == (OTHER_CON,)
    await asyncio.sleep(2)
    assert hub.ailing() == (OTHER_CON, CON)
    for field, value in (("bid", None), ("bid_size", Decimal(1)), ("data_type", Decimal(1))):
        hub.on_tick(QuoteTick(OTHER_CON, field, value, clock.monotonic()))
    assert OTHER_CON in hub.problems
    for con_id in (CON, OTHER_CON):
        hub.on_tick(QuoteTick(con_id, "ask", Decimal(101), clock.monotonic()))
    assert hub.ailing() == ()


async def test_in_a_drill_whatever_arrives_is_too_old_for_every_limit() -> None:
    hub = MarketHub(LoopClock(), is_forced_stale=True)
    hub.add(an_instrument())
    for row in LIVE:
        hub.on_tick(row)
    a_day_s = 86_400.0
    assert (fault(hub.quotes[CON], 1_000.0, a_day_s) or "").startswith("age ")
    assert hub.ailing() == (CON,)
    assert fault(a_hub(*LIVE).quotes[CON], 1_000.0, a_day_s) is None


async def test_what_is_removed_is_neither_found_nor_called_ailing() -> None:
    hub = a_hub(*LIVE)
    hub.on_problem(DataProblem(CON, 354, "not subscribed"))
    hub.remove(CON)
    hub.remove(CON)
    assert hub.by_symbol("AAA") is None
    assert (hub.instruments, hub.quotes, hub.ailing()) == ({}, {}, ())


async def test_not_to_know_whether_it_is_halted_ends_no_halt() -> None:
    """The broker says -1 for "not known", which passed for "not halted"."""
    hub = a_hub(*LIVE, tick("halted", "1"), tick("halted", None))
    assert fault(hub.quotes[CON], 1_000.0, 5.0) == "trading halted"
    hub.on_tick(tick("halted", "0"))
    assert fault(hub.quotes[CON], 1_000.0, 5.0) is None


async def test_a_follower_sees_every_tick_with_the_quote_that_it_made() -> None:
    seen: list[tuple[Decimal | None, str]] = []
    hub = a_hub()
    hub.follow(lambda quote, row: seen.append((quote.bid, row.field)))
    for row in LIVE:
        hub.on_tick(row)
    assert seen == [(None, "data_type"), (Decimal(99), "bid"), (Decimal(99), "ask")]


async def test_what_is_no_tick_is_told_to_listeners_once() -> None:
    hub, told = MarketHub(LoopClock()), list[HubNews]()
    hub.listen(told.append)
    problem = DataProblem(CON, 354, "x")
    hub.add(an_instrument())
    hub.on_problem(problem)
    hub.remove(CON)
    hub.forget_quotes()
    assert told == [an_instrument(), problem, Forgotten(CON), Forgotten(None)]


async def test_who_is_woken_is_woken_once_for_what_it_watches_twice() -> None:
    hub = a_hub()
    wake = asyncio.Event()
    hub.wake_on([CON, CON], wake)
    hub.wake_on([CON], wake)
    assert hub._wakes == {CON: [wake]}
    hub.on_tick(tick("bid", "99"))
    assert wake.is_set()


async def test_a_symbol_is_what_the_broker_says_it_is_now() -> None:
    """An instrument that is described anew, or anew under another id, is found as it is now."""
    hub = a_hub()
    assert hub.by_symbol("AAA") == an_instrument()
    hub.add(replace(an_instrument(), multiplier=Decimal(5)))
    assert hub.by_symbol("AAA") == replace(an_instrument(), multiplier=Decimal(5))
    hub.add(replace(an_instrument(), con_id=OTHER_CON))
    hub.remove(CON)
    assert hub.by_symbol("AAA") == replace(an_instrument(), con_id=OTHER_CON)
    hub.remove(OTHER_CON)
    assert hub.by_symbol("AAA") is None
