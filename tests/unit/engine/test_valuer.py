"""One valuation for everybody: exact like the slow sum, current within bounds, honest of its age.

Goal: nothing that moves is missed and nothing stale looks young. Method: a real book and hub on
virtual time; the oracle is the sum over everything made anew. Invariant: after any sequence the
kept value equals the oracle. Seeds are hypothesis' own.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
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
    a_holding,
    a_reading,
    an_execution,
    an_exit,
    an_instrument,
    an_intent,
)
from trader.core import breaker_events as be
from trader.core import events as ev
from trader.core.account import AccountReading
from trader.core.calendar import ContractHours, Span
from trader.core.halts import HaltCause
from trader.core.ids import ConId, ExecId, TicketId
from trader.core.intents import Side
from trader.core.market import Quote
from trader.core.marks import MarkBudgets, Source, chosen
from trader.core.ticket_events import CashBooked, TradeBooked
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


async def test_a_price_that_has_not_moved_grows_old_and_the_oldest_one_is_told() -> None:
    world = World(held=10)
    world.hub.add(an_instrument(con_id=OTHER_CON, symbol="BBB"))
    bought(world, 1, con_id=OTHER_CON)
    tick(world, "100")
    tick(world, "50", OTHER_CON)
    started_s = world.clock.monotonic()
    await asyncio.sleep(30)
    tick(world, "51", OTHER_CON)
    assert now_value(world).oldest_s == started_s
    tick(world, "100")
    await asyncio.sleep(INTERVAL_S)
    assert now_value(world).oldest_s == started_s + 30


async def test_cash_alone_never_grows_old() -> None:
    world = World()
    world.valuer.refresh()
    await asyncio.sleep(1_000)
    assert now_value(world).as_of_s == now_value(world).oldest_s == world.clock.monotonic()


async def test_a_price_of_unknown_age_is_none() -> None:
    world = World(held=10)
    world.hub.quotes[CON] = Quote(CON, last=D(100))
    world.valuer.refresh()
    assert now_value(world).missing == ("AAA (101): no mark; none of the broker's",)


async def test_a_holding_without_a_price_is_named() -> None:
    world = World(held=10)
    world.hub.forget_quotes()
    world.valuer.refresh()
    assert now_value(world).missing == ("AAA (101): no mark; none of the broker's",)


def broker_says(world: World, **holdings: tuple[ConId, int, int]) -> None:
    """Have the broker tell its list now: of each contract quantity and value."""
    now_s = world.clock.monotonic()
    rows = {
        con_id: a_holding(quantity, 1, now_s, con_id=con_id, value=D(value))
        for con_id, quantity, value in holdings.values()
    }
    world.say(replace(READING, holdings=rows, as_of_s=now_s))


async def test_a_holding_that_is_no_instrument_of_ours_counts_by_the_brokers_mark() -> None:
    world = World(held=10, cash=9_000)
    tick(world, "100")
    bought(world, 1, con_id=OTHER_CON, symbol="ZZZ", quantity=D(100), price=D(30))
    world.valuer.refresh()
    words = "ZZZ (102): not a configured instrument; none of the broker's"
    assert now_value(world).missing == (words,)
    assert (await world.gateway.submit(an_intent(1))).code == "VALUATION"

    broker_says(world, zzz=(OTHER_CON, 100, 3_300))
    world.valuer.refresh()
    value = now_value(world)
    assert not value.missing
    assert value.notionals[OTHER_CON] == 3_300
    assert value.gross == value.net == value.gross_by_class["STK"] == 4_300
    assert value.nav == 9_000 - 3_000 + 4_300
    mark = value.marks[OTHER_CON]
    assert (mark.source, mark.at_s) == (Source.BROKER, world.clock.monotonic())
    assert (await world.gateway.submit(an_intent(2))).order_id is not None

    # It comes every 180 s; nobody knows the value when it has not come twice.
    await asyncio.sleep(401)
    tick(world, "100")
    world.valuer.refresh()
    words = "not a configured instrument; the broker's 401 s old, allowed 400 s"
    assert now_value(world).missing == (f"ZZZ (102): {words}",)
    assert (await world.gateway.submit(an_intent(3))).code == "VALUATION"


async def test_what_the_broker_values_counts_in_the_limits_of_the_whole_account() -> None:
    world = World(held=10, cash=100_000)
    tick(world, "100")
    bought(world, 1, con_id=OTHER_CON, symbol="ZZZ", quantity=D(900), price=D(100))
    # Worth more by now: 300 000 of an account of 311 000 are somebody's own.
    broker_says(world, zzz=(OTHER_CON, 900, 300_000))
    world.valuer.refresh()
    await world.gateway.submit(an_intent(1))
    told = {row.code: row for row in world.journal.events(ev.IntentReviewed)[-1].checks}
    assert told["GROSS_LIMIT"].value == told["NET_LIMIT"].value == "302000.00 of 311000.00"


async def test_a_tick_older_than_its_budget_gives_way_to_the_broker_and_a_new_one_takes_over() -> (
    None
):
    world = World(held=10, cash=9_000)
    tick(world, "100")
    await asyncio.sleep(121)
    world.valuer.refresh()
    words = "AAA (101): mark 121 s old, allowed 120 s; none of the broker's"
    assert now_value(world).missing == (words,)
    broker_says(world, aaa=(CON, 10, 1_050))
    world.valuer.refresh()
    assert now_value(world).nav == 9_000 + 1_050
    assert now_value(world).marks[CON].source is Source.BROKER
    tick(world, "99")
    await asyncio.sleep(INTERVAL_S)
    assert now_value(world).nav == 9_000 + 990
    assert now_value(world).marks[CON].source is Source.QUOTE


async def test_a_thin_instrument_does_not_stop_new_risk_in_another() -> None:
    world = World(held=10, cash=100_000)
    world.hub.add(an_instrument(con_id=OTHER_CON, symbol="BBB"))
    bought(world, 1, con_id=OTHER_CON)
    tick(world, "50", OTHER_CON)
    await asyncio.sleep(60)
    tick(world, "99.99")
    world.quote()
    assert (await world.gateway.submit(an_intent(1))).order_id is not None
    # The order's own price is another thing: a minute is too old to trade on.
    refused = await world.gateway.submit(
        an_intent(2, con_id=OTHER_CON, quantity=D(1), limit_price=D(50))
    )
    assert refused.code == "QUOTE_UNUSABLE"


@pytest.mark.parametrize(("died_s", "source"), [(3_600, Source.BROKER), (60, Source.SESSION)])
async def test_a_quote_that_had_died_in_its_session_is_not_the_last_price_of_it(
    died_s: int, source: Source
) -> None:
    """A feed dead since noon came back to life with the close, before the broker's own mark."""
    world = World(held=10)
    now_utc = world.clock.utc()
    open_ = Span(now_utc - timedelta(hours=1), now_utc + timedelta(seconds=died_s))
    known = Span(now_utc - timedelta(days=1), now_utc + timedelta(days=2))
    world.hub.add(an_instrument(hours=ContractHours((open_,), (open_,), known)))
    tick(world, "100")
    await asyncio.sleep(died_s - 1)
    assert now_value(world).missing or died_s == 60
    await asyncio.sleep(600)
    now_s = world.clock.monotonic()
    world.say(a_reading(now_s, holdings={CON: a_holding(10, 50, now_s)}))
    world.valuer.refresh()
    assert now_value(world).marks[CON].source is source


@pytest.mark.parametrize("is_closed", [True, False])
async def test_outside_its_session_the_last_price_of_it_counts(is_closed: bool) -> None:
    world = World(held=10, cash=9_000)
    now_utc = world.clock.utc()
    opens = now_utc + timedelta(hours=10 if is_closed else -10)
    known = Span(now_utc - timedelta(days=1), now_utc + timedelta(days=2))
    hours = Span(opens, opens + timedelta(hours=16))
    world.hub.add(an_instrument(hours=ContractHours((hours,), (hours,), known)))
    tick(world, "100")
    await asyncio.sleep(5 * 3600)
    world.valuer.refresh()
    if not is_closed:
        assert now_value(world).missing
        return
    assert now_value(world).nav == 10_000
    assert now_value(world).marks[CON].source is Source.SESSION
    await asyncio.sleep(5 * 3600)
    # Open again: the first tick, or the broker, says what it is worth now.
    world.valuer.refresh()
    assert now_value(world).missing


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


async def test_a_pair_of_one_side_is_as_old_as_its_last_price() -> None:
    """A fresh bid made a last price of any age young."""
    world = World()
    world.hub.add(an_instrument(con_id=EUR, symbol="EUR", currency="USD", sec_type="CASH"))
    world.ledger.record(ev.CashAdjusted("EUR", D(0), D(100), "test"))
    world.hub.on_tick(QuoteTick(EUR, "last", D("1.5"), world.clock.monotonic()))
    await asyncio.sleep(3_600)
    world.hub.on_tick(QuoteTick(EUR, "bid", D("1.1"), world.clock.monotonic()))
    world.valuer.refresh()
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
    world.say(replace(READING, currency=""))
    assert now_account(world) is None
    assert world.guard.has(HaltCause.ACCOUNT), "nobody has said otherwise"
    world.say(replace(READING, currency="USD"))
    assert now_account(world) is not None
    assert not world.guard.has(HaltCause.ACCOUNT)


async def test_a_review_reads_the_kept_value() -> None:
    world = World(held=10)
    tick(world, "100")
    world.hub.add(an_instrument(con_id=OTHER_CON, symbol="BBB"))
    bought(world, 1, con_id=OTHER_CON)
    outcome = await world.gateway.submit(an_intent())
    assert outcome.code == "VALUATION", outcome
    told = {row.code: row for row in world.journal.events(ev.IntentReviewed)[-1].checks}
    assert not told["VALUATION"].passed
    assert told["VALUATION"].value == "AAA (102): no mark; none of the broker's"


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
            now_s = now_value(world).as_of_s
            oracle = valued(
                world.book.positions,
                {
                    key: chosen(
                        world.hub.quotes.get(key),
                        None,
                        world.hub.instruments.get(key),
                        now_s=now_s,
                        budgets=MarkBudgets(120.0, 400.0),
                        is_closed=False,
                    )
                    for key in world.book.positions
                },
                world.book.cash,
                rates={"USD": D(1)},
                as_of_s=now_s,
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


async def test_what_a_person_books_is_in_the_value_at_once() -> None:
    world = World()
    trade = TradeBooked(
        TicketId("r-position-AAA"), CON, "AAA", D(10), D(90), D(1), D(1), "USD", "by hand", "me"
    )
    before = now_value(world).nav
    world.ledger.record(trade)
    after = now_value(world).nav
    assert before is not None
    assert after is not None
    # Bought at 90, worth about 100, and a commission of 1.
    assert 95 < after - before < 105
    world.ledger.record(CashBooked(TicketId("r-cash-USD"), "USD", D(-7), "fee", "me"))
    assert now_value(world).nav == after - 7
