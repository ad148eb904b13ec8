"""One valuation for everybody: exact like the slow sum, current within bounds, honest of its age.

Goal: nothing that moves is missed and nothing stale looks young. Method: a real book and hub on
virtual time; the oracle is the sum over everything made anew. Invariant: after any sequence the
kept value equals the oracle. Seeds are hypothesis' own.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.risk.cases import READING
from tests.unit.engine.world import (
    CON,
    OTHER_CON,
    POLICY,
    VirtualLoop,
    World,
    an_execution,
    an_exit,
    an_instrument,
    an_intent,
)
from trader.core import breaker_events as be
from trader.core import events as ev
from trader.core.account import AccountReading
from trader.core.halts import HaltCause
from trader.core.ids import ConId, ExecId
from trader.core.intents import Side
from trader.core.market import Quote
from trader.core.valuation import Valuation, valued
from trader.engine.valuer import INTERVAL_S
from trader.ports import QuoteTick

D = Decimal
EUR = ConId(900)


def now_value(world: World) -> Valuation:
    current = world.valuer.current()
    assert current is not None
    return current


def now_account(world: World) -> AccountReading | None:
    return world.valuer.account


def tick(world: World, price: str, con_id: ConId = CON) -> None:
    for field in ("bid", "ask"):
        world.hub.on_tick(QuoteTick(con_id, field, D(price), world.clock.monotonic()))


def bought(world: World, number: int, **changes: Any) -> None:
    execution = an_execution(exec_id=ExecId(f"{number:04}.aa.01.01"), **changes)
    world.ledger.record(ev.ExecutionSeen(execution))


async def test_a_fill_is_in_it_at_once() -> None:
    world = World(held=10, cash=9_000)
    tick(world, "100")
    world.valuer.refresh()
    assert now_value(world).nav == 10_000
    bought(world, 1, price=D(90))
    assert now_value(world).notionals == {CON: 2_000}
    assert now_value(world).nav == 9_000 - 900 + 2_000


async def test_a_tick_is_in_it_after_a_quarter_of_a_second_and_not_reckoned_before() -> None:
    world = World(held=10, cash=9_000)
    tick(world, "100")
    world.valuer.refresh()
    first = now_value(world)
    tick(world, "110")
    assert now_value(world) is first
    await asyncio.sleep(INTERVAL_S)
    assert now_value(world).nav == 9_000 + 1_100


async def test_a_price_that_has_not_moved_grows_old_and_the_oldest_one_counts() -> None:
    world = World(held=10)
    world.hub.add(an_instrument(con_id=OTHER_CON, symbol="BBB"))
    bought(world, 1, con_id=OTHER_CON)
    tick(world, "100")
    tick(world, "50", OTHER_CON)
    started_s = world.clock.monotonic()
    await asyncio.sleep(30)
    tick(world, "51", OTHER_CON)
    assert now_value(world).as_of_s == started_s
    tick(world, "100")
    await asyncio.sleep(INTERVAL_S)
    assert now_value(world).as_of_s == started_s + 30


async def test_cash_alone_never_grows_old() -> None:
    world = World()
    world.valuer.refresh()
    await asyncio.sleep(0.1)
    assert now_value(world).as_of_s == world.clock.monotonic()
    await asyncio.sleep(1_000)
    assert now_value(world).as_of_s == world.clock.monotonic()


async def test_a_price_of_unknown_age_is_older_than_any_budget() -> None:
    world = World(held=10)
    world.hub.quotes[CON] = Quote(CON, last=D(100))
    world.valuer.refresh()
    assert now_value(world).nav == 101_000
    assert now_value(world).as_of_s == float("-inf")


async def test_a_holding_without_a_price_is_named() -> None:
    world = World(held=10)
    world.hub.forget_quotes()
    world.valuer.refresh()
    assert now_value(world).missing == ("AAA (101): no mark",)


async def test_before_the_holdings_are_accepted_there_is_no_value() -> None:
    world = World(is_baselined=False, is_armed=False)
    world.valuer.refresh()
    assert world.valuer.current() is None


@pytest.mark.parametrize(
    ("symbol", "currency", "price", "rate"),
    [("EUR", "USD", "1.25", D("1.25")), ("USD", "EUR", "0.8", D("1.25"))],
)
async def test_a_quoted_pair_gives_the_rate_either_way_round(
    symbol: str, currency: str, price: str, rate: Decimal
) -> None:
    world = World()
    pair = an_instrument(con_id=EUR, symbol=symbol, currency=currency, sec_type="CASH")
    world.hub.add(pair)
    world.ledger.record(ev.CashAdjusted("EUR", D(0), D(100), "test"))
    assert now_value(world).missing == ("EUR: no rate",)
    tick(world, price, EUR)
    world.valuer.refresh()
    assert now_value(world).rates == {"USD": 1, "EUR": rate}
    assert now_value(world).nav == 100_000 + 125


async def test_a_pair_that_is_old_gives_no_rate_and_the_brokers_word_may() -> None:
    world = World()
    world.hub.add(an_instrument(con_id=EUR, symbol="EUR", currency="USD", sec_type="CASH"))
    world.ledger.record(ev.CashAdjusted("EUR", D(0), D(100), "test"))
    tick(world, "1.25", EUR)
    await asyncio.sleep(401)
    assert now_value(world).missing == ("EUR: no rate",)
    told_s = world.clock.monotonic()
    rates = {"EUR": D("1.2"), "USD": D(7)}
    assert world.valuer.on_account(replace(READING, rates=rates, as_of_s=told_s)) is None
    world.valuer.refresh()
    assert now_value(world).rates == {"USD": 1, "EUR": D("1.2")}
    await asyncio.sleep(401)
    assert now_value(world).missing == ("EUR: no rate",)


@pytest.mark.parametrize("told", [D(0), D(-1)])
async def test_a_rate_that_is_none_is_not_used(told: Decimal) -> None:
    world = World()
    world.ledger.record(ev.CashAdjusted("EUR", D(0), D(100), "test"))
    world.valuer.on_account(replace(READING, rates={"EUR": told}, as_of_s=world.clock.monotonic()))
    world.valuer.refresh()
    assert now_value(world).missing == ("EUR: no rate",)


async def test_an_account_of_another_currency_halts_and_is_not_counted_with() -> None:
    world = World()
    world.say(replace(READING, currency="USD"))
    assert now_account(world) is not None
    assert not world.guard.has(HaltCause.ACCOUNT)
    world.say(replace(READING, currency="EUR"))
    assert now_account(world) is None
    assert world.guard.causes()[HaltCause.ACCOUNT] == (
        "the account is kept in EUR, configured is USD"
    )


async def test_a_review_reads_the_kept_value() -> None:
    world = World(held=10)
    tick(world, "100")
    await asyncio.sleep(50)
    outcome = await world.gateway.submit(an_intent())
    assert outcome.code == "VALUATION", outcome
    told = {row.code: row for row in world.journal.events(ev.IntentReviewed)[-1].checks}
    assert not told["VALUATION"].passed
    assert told["VALUATION"].value == "50.0 s old"


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("tick"), st.sampled_from([CON, OTHER_CON]), st.integers(1, 10_000)),
        st.tuples(st.just("trade"), st.sampled_from([CON, OTHER_CON]), st.integers(-50, 50)),
        st.tuples(st.just("forget"), st.just(CON), st.just(0)),
    ),
    max_size=25,
)


@given(STEPS)
def test_whatever_happens_the_kept_value_is_the_slow_sum(
    steps: list[tuple[str, ConId, int]],
) -> None:
    async def run() -> None:
        world = World()
        world.hub.add(an_instrument(con_id=OTHER_CON, symbol="BBB", multiplier=D(5)))
        for number, (what, con_id, amount) in enumerate(steps):
            if what == "tick":
                tick(world, f"{amount}e-2", con_id)
            elif what == "forget":
                world.hub.forget_quotes()
            elif amount:
                side = Side.BUY if amount > 0 else Side.SELL
                size = D(abs(amount))
                bought(world, number, con_id=con_id, side=side, quantity=size)
            await asyncio.sleep(INTERVAL_S)
            oracle = valued(
                world.book.positions,
                {key: world.hub.mark_of(key) for key in world.book.positions},
                world.hub.instruments,
                world.book.cash,
                rates={"USD": D(1)},
                as_of_s=now_value(world).as_of_s,
            )
            assert now_value(world) == oracle

    loop = VirtualLoop()
    try:
        loop.run_until_complete(run())
    finally:
        loop.close()


async def test_a_loss_since_the_days_start_is_held_against_the_policy() -> None:
    exposure = replace(POLICY.exposure, is_baseline_required=True, day_loss_max=D("0.01"))
    world = World(held=10, policy=replace(POLICY, exposure=exposure))
    assert (await world.gateway.submit(an_intent(1))).code == "DAY_LOSS"
    day = world.sessions.day()
    world.ledger.record(be.EquityMarked(day, D(101_000)))
    assert (await world.gateway.submit(an_intent(2))).order_id is not None
    world.ledger.record(be.FlowSeen("USD", D(5_000), D(5_000)))
    refused = await world.gateway.submit(an_intent(3))
    assert (refused.code, refused.text[:18]) == ("DAY_LOSS", "DAY_LOSS: 0.04717,")
    await asyncio.sleep(24 * 3600)
    world.quote()
    assert (await world.gateway.submit(an_intent(4))).code == "DAY_LOSS"


async def test_a_review_holds_the_brokers_funds_against_the_order() -> None:
    world = World(held=10)
    world.say(replace(READING, available_funds=D(100), as_of_s=world.clock.monotonic()))
    refused = await world.gateway.submit(an_intent(1))
    assert refused.code == "AVAILABLE_FUNDS"
    world.say(replace(READING, as_of_s=world.clock.monotonic()))
    assert (await world.gateway.submit(an_intent(2))).order_id is not None


async def test_without_fresh_account_values_there_is_no_new_risk_where_they_are_required() -> None:
    exposure = replace(POLICY.exposure, is_reading_required=True)
    world = World(held=10, policy=replace(POLICY, exposure=exposure))
    refused = await world.gateway.submit(an_intent(1))
    checks = {row.code: row for row in world.journal.events(ev.IntentReviewed)[-1].checks}
    assert (refused.code, checks[refused.code].value) == ("MARGIN", "unavailable")
    world.say(replace(READING, as_of_s=world.clock.monotonic()))
    assert (await world.gateway.submit(an_intent(2))).order_id is not None
    await asyncio.sleep(exposure.account_age_s_max + 1)
    world.quote()
    assert (await world.gateway.submit(an_intent(3))).code == "MARGIN"
    assert (await world.gateway.submit(an_exit(4))).order_id is not None
