"""The one view: it says what the book says, and None where nobody knows."""

from __future__ import annotations

import asyncio
from dataclasses import astuple, replace
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.unit.core.risk.cases import READING
from tests.unit.engine.world import (
    ACCOUNT,
    CLIENT,
    CON,
    SELL,
    T0,
    World,
    a_commission,
    a_holding,
    a_reading,
    a_status,
    a_ticket,
    an_execution,
    an_instrument,
    an_intent,
)
from trader.core import events as ev
from trader.core.baselines import Baseline
from trader.core.executions import Commission
from trader.core.halts import HaltCause, Posture
from trader.core.ids import TicketId
from trader.core.policy import AccountType
from trader.core.quarantine import broken
from trader.core.ticket_events import TicketIgnored
from trader.engine.told.board import About, Board
from trader.engine.truth.account_log import AccountLog
from trader.ports import DataProblem, LinkWord


def a_board(world: World) -> Board:
    board = Board(
        world.services,
        journal=world.journal,
        link=world.link,
        runners=(),
        policy=world.policy,
        about=About("1.2.3", "USD"),
    )
    world.ledger.observe(board.on_recorded)
    return board


async def test_an_armed_daemon_is_ready() -> None:
    world = World()
    status = a_board(world).status()
    assert (status.version, status.posture, status.is_ready) == ("1.2.3", Posture.ARMED, True)
    assert status.causes == ()
    assert status.started_utc == status.now_utc == T0


async def test_a_halted_daemon_says_why_and_is_not_ready() -> None:
    world = World()
    board = a_board(world)
    world.switch.active = "stop"
    status = board.status()
    assert not status.is_ready
    assert status.posture is Posture.HALTED
    assert status.causes == ((HaltCause.HALT_FILE, "stop"),)


async def test_ages_count_from_now() -> None:
    world = World()
    board = a_board(world)
    await world.reconciler.run_once("test")
    await asyncio.sleep(10)
    status = board.status()
    assert status.uptime_s == pytest.approx(10.01)
    assert status.reconcile is not None
    assert status.reconcile.age_s == pytest.approx(10)
    assert status.link.heartbeat_age_s == pytest.approx(10.02)
    assert status.link.clock_skew_s == pytest.approx(0)
    assert status.quotes[0].age_s == pytest.approx(10.01)


async def test_what_a_lost_link_told_last_is_no_reading_of_now() -> None:
    """The broker's clock seemed to fall behind by as much as the link was down."""
    world = World()
    board = a_board(world)
    assert board.status().link.clock_skew_s == pytest.approx(0)
    world.say(LinkWord("socket", is_up=False, code=0, text="reset"))
    await asyncio.sleep(100)
    link = board.status().link
    assert (link.heartbeat_age_s, link.round_trip_s, link.clock_skew_s) == (None, None, None)


async def test_what_never_happened_is_none() -> None:
    world = World(is_armed=False, is_baselined=False)
    world.broker.is_connected = False
    world.hub.quotes.clear()
    status = a_board(world).status()
    assert status.money is None
    assert status.reconcile is None
    assert status.link.heartbeat_age_s is None
    assert status.link.clock_skew_s is None
    assert status.link.is_upstream_up is None
    assert status.quotes[0].bid is None
    assert (status.quotes[0].fault, status.quotes[0].rule) == ("no quote", "no_quote")


async def test_money_adds_up() -> None:
    world = World(cash=10_000)
    board = a_board(world)
    order = await world.working()
    execution = world.fill(order)
    world.quote("101", "103")
    money = board.status().money
    assert money is not None
    # 10 bought at 100, now worth 102 each; the commission is not reported yet: at worst 1.
    assert money.cash == 9_000
    assert money.equity == 9_000 + 1_020 - 1
    assert money.unrealized == 20
    assert money.realized == 0
    assert money.pnl == 19
    assert money.commission_paid == 0
    assert money.commission_pending == 1
    world.say(a_commission(execution, "0.35"))
    money = board.status().money
    assert money is not None
    assert money.equity == Decimal("10019.65")
    assert money.pnl == Decimal("19.65")
    assert money.commission_paid == Decimal("0.35")
    assert money.commission_pending == 0


async def test_without_a_price_equity_is_unknown_and_not_cash() -> None:
    world = World(held=10)
    board = a_board(world)
    world.hub.quotes.clear()
    await asyncio.sleep(0.25)
    status = board.status()
    assert status.money is not None
    assert status.money.equity is status.money.unrealized is status.money.pnl is None
    assert status.positions[0].mark is None
    board.sample_equity()
    assert board.status().equity_curve == ()


async def _sold_abroad(rate: str | None, *, is_described: bool = True) -> World:
    """Return a world in which shares in euros were sold with a gain, and a commission paid."""
    world = World(held=10)
    world.hub.add(an_instrument(currency="EUR"))
    fill = an_execution(side=SELL, currency="EUR")
    world.say(ev.ExecutionSeen(fill))
    world.say(ev.CommissionSeen(Commission(fill.exec_id, Decimal(2), "EUR")))
    # Changed into dollars at once, so that all that is left in euros is what was earned.
    world.ledger.record(ev.CashAdjusted("EUR", world.book.cash["EUR"], Decimal(0), "test"))
    if rate is not None:
        reading = a_reading(world.clock.monotonic(), currency="USD", rates={"EUR": Decimal(rate)})
        world.valuer.on_account(reading)
    if not is_described:
        world.hub.remove(CON)
    world.valuer.refresh()
    return world


async def test_without_a_rate_a_result_abroad_is_unknown_and_not_one_to_one() -> None:
    world = await _sold_abroad(None)
    money = a_board(world).status().money
    assert money is not None
    assert money.realized is money.commission_paid is money.pnl is None
    assert money.missing == ("EUR: no rate for results", "EUR: no rate for commissions")
    assert money.unrealized == 0, "nothing is held any more"


@pytest.mark.parametrize("is_described", [True, False])
async def test_a_result_abroad_counts_at_its_rate_whatever_is_configured_now(
    *, is_described: bool
) -> None:
    world = await _sold_abroad("1.5", is_described=is_described)
    money = a_board(world).status().money
    assert money is not None
    # Bought at 90 and sold at 100.
    assert money.realized == 150
    assert money.commission_paid == 3
    assert money.pnl == 147
    assert money.missing == ()


async def test_the_equity_curve_is_bounded_and_keeps_the_latest() -> None:
    world = World()
    board = a_board(world)
    for _ in range(1_000):
        board.sample_equity()
        await asyncio.sleep(1)
    curve = board.status().equity_curve
    assert len(curve) == 900
    assert curve[-1][0] == pytest.approx(T0.timestamp() + 999)
    assert curve[-1][1] == 100_000.0


async def test_orders_are_shown_with_what_became_of_them() -> None:
    world = World()
    board = a_board(world)
    done = await world.working(an_intent(1))
    world.fill(done)
    await world.working(an_intent(2))
    live, filled = board.status().orders
    assert (live.state, live.broker_status) == ("WORKING", "Submitted")
    assert live.filled == 0
    assert filled.state == "FILLED"
    assert filled.filled == 10
    assert filled.average_price == 100
    assert live.intent_id == "abc123-alpha-2"


async def test_an_order_that_is_over_and_still_counts_is_shown_however_old_it_is() -> None:
    world = World()
    board = a_board(world)
    over = await world.working(an_intent(1, quantity=Decimal(1)))
    world.say(a_status(over, "Cancelled"))
    for number in range(2, 80):
        order = await world.working(an_intent(number, quantity=Decimal(1)))
        world.fill(order, f"{number}.1.01")
    first, second, *_ = board.status().orders
    assert (first.order_id, first.state, first.is_settling) == (over.order_id, "CANCELLED", True)
    assert (second.state, second.is_settling) == ("FILLED", False)
    world.ledger.record(ev.OrderSettled(over.order_id, Decimal(0), "test"))
    assert board.status().orders[0].state == "FILLED"


async def test_a_long_past_does_not_hide_a_working_order() -> None:
    world = World()
    board = a_board(world)
    await world.working(an_intent(1, quantity=Decimal(1)))
    for number in range(2, 80):
        order = await world.working(an_intent(number, quantity=Decimal(1)))
        world.fill(order, f"{number}.1.01")
    status = board.status()
    assert len(status.orders) == 50
    assert status.orders[0].state == "WORKING"
    assert len(status.executions) == 50
    assert status.executions[0].exec_id == "79.1.01"
    assert len(status.feed) == 50


async def test_an_execution_shows_its_commission_once_it_is_known() -> None:
    world = World()
    board = a_board(world)
    execution = world.fill(await world.working())
    assert board.status().executions[0].commission is None
    world.say(a_commission(execution, "1.25"))
    (row,) = board.status().executions
    assert (row.commission, row.order_id, row.symbol) == (Decimal("1.25"), 2, "AAA")


async def test_the_fault_of_a_quote_is_named() -> None:
    world = World()
    board = a_board(world)
    assert board.status().quotes[0].fault == ""
    world.quote("103", "101")
    assert "crossed" in board.status().quotes[0].fault
    world.say(DataProblem(CON, 354, "not subscribed"))
    assert board.status().quotes[0].fault == "354 not subscribed"


async def test_the_link_is_three_facts() -> None:
    world = World()
    board = a_board(world)
    world.say(LinkWord("farm", is_up=False, code=2103, text="usfarm"))
    link = board.status().link
    assert (link.is_connected, link.is_upstream_up, link.farms) == (
        True,
        True,
        (("usfarm", False),),
    )
    assert (link.account, link.client_id) == (ACCOUNT, CLIENT)
    world.upstream(1100)
    assert board.status().link.is_upstream_up is False
    world.guard.set_level(HaltCause.READ_ONLY_API, "x")
    assert board.status().link.is_read_only


async def test_a_ticket_that_waits_says_until_when() -> None:
    world = World()
    world.ledger.record(a_ticket())
    until = world.clock.utc() + timedelta(hours=1)
    ignored = TicketIgnored(TicketId("run-position-AAA"), until, "asked", "ann")
    world.ledger.record(ignored)
    status = a_board(world).status()
    ((_, text),) = status.tickets
    assert text == f"10 or 0 (ignored until {until:%Y-%m-%d %H:%M:%S} UTC by ann)"
    assert status.posture is Posture.REDUCE_ONLY
    assert [name for name, _ in status.restrictions] == ["ignored_ticket"]


async def test_the_quarantine_is_shown_with_what_came_in_this_process() -> None:
    world = World()
    board = a_board(world)
    board.broken_counts = world.inbox.quarantine.broken_counts
    message = broken(["11", "x"], message_id=11, server_version=178, error="short")
    world.say(message, message)
    seen = board.status().quarantine
    assert seen is not None
    assert (seen.open_count, seen.broken) == (1, ((11, 2),))
    assert [(row.key, row.count) for row in seen.rows] == [(message.key, 2)]


async def test_tickets_foreign_orders_and_the_journal_are_shown() -> None:
    world = World()
    board = a_board(world)
    world.ledger.record(a_ticket())
    status = board.status()
    assert status.tickets == (("run-position-AAA", "10 or 0"),)
    assert status.foreign_order_count == 0
    assert status.journal.seq == world.ledger.seq
    # What is durable is evidence, and of which journal.
    told = (status.journal.durable_seq, status.journal.digest, status.journal.lineage)
    assert told == (*astuple(world.journal.head)[:2], world.book.lineage)
    world.journal.fail("disk full")
    assert board.status().journal.failure == "disk full"


async def test_the_feed_leaves_out_what_nobody_reads() -> None:
    world = World()
    board = a_board(world)
    order = await world.working()
    world.fill(order)
    kinds = [line.kind for line in board.status().feed]
    assert kinds == ["IntentReviewed", "OrderPlanned", "OrderSent", "ExecutionSeen"]


async def test_a_short_position_and_its_mark_are_shown() -> None:
    world = World(held=-10)
    row = a_board(world).status().positions[0]
    assert row.quantity == -10
    assert row.average_price == 90
    assert row.mark == Decimal("100.01")
    assert row.unrealized == Decimal("-100.10")


async def test_the_brokers_word_on_the_account_is_shown_with_its_age() -> None:
    world = World(held=10)
    board = a_board(world)
    assert board.status().told_account is None
    world.say(replace(READING, as_of_s=world.clock.monotonic(), account_type=AccountType.CASH))
    await asyncio.sleep(5)
    told = board.status().told_account
    assert told is not None
    assert (told.net_liquidation, told.account_type, told.age_s) == (
        Decimal(1_000_000),
        "cash",
        5.0,
    )
    await asyncio.sleep(120)
    missing = board.status().inputs_missing
    assert missing == ("valuation: AAA (101): mark 125 s old, allowed 120 s; none of the broker's",)


async def test_values_older_than_their_budget_are_shown_as_unusable() -> None:
    """CAP-29."""
    world = World()
    board = a_board(world)
    world.say(replace(READING, as_of_s=world.clock.monotonic()))
    budget_s = world.policy.exposure.account_age_s_max
    await asyncio.sleep(budget_s)
    told = board.status().told_account
    assert told is not None
    assert (told.is_usable, told.source) == (True, "broker")
    await asyncio.sleep(1)
    told = board.status().told_account
    assert told is not None
    assert (told.is_usable, told.net_liquidation) == (False, Decimal(1_000_000))


async def test_after_a_restart_the_values_of_the_journal_are_shown_until_the_broker_tells() -> None:
    """CAP-29."""
    world = World()
    board = a_board(world)
    log = AccountLog(world.services)
    world.say(replace(READING, as_of_s=world.clock.monotonic()))
    log.look()
    world.valuer.account = None
    await asyncio.sleep(7)
    told = board.status().told_account
    assert told is not None
    assert (told.source, told.is_usable, told.age_s) == ("journal", False, 7.0)
    assert all("AccountTold" not in row.kind for row in board.status().feed)
    world.say(replace(READING, as_of_s=world.clock.monotonic()))
    told = board.status().told_account
    assert told is not None
    assert (told.source, told.is_usable) == ("broker", True)


async def test_a_position_is_shown_at_its_mark_with_whose_word_that_is() -> None:
    world = World(held=10)
    world.quote("99.99", "100.01")
    board = a_board(world)
    await asyncio.sleep(2)
    (row,) = board.status().positions
    assert (row.mark, row.mark_source, row.mark_age_s) == (Decimal(100), "quote", 2.0)
    await asyncio.sleep(200)
    (row,) = board.status().positions
    assert (row.mark, row.mark_source, row.mark_age_s) == (Decimal(100), "", None)
    now_s = world.clock.monotonic()
    world.say(replace(READING, as_of_s=now_s, holdings={CON: a_holding(10, 90, now_s)}))
    await asyncio.sleep(1)
    (row,) = board.status().positions
    assert (row.mark, row.mark_source, row.mark_age_s) == (Decimal(90), "broker", 1.0)
    assert row.unrealized == 10 * (Decimal(90) - row.average_price)


async def test_the_drawdown_counts_from_the_highest_value_that_the_journal_knows() -> None:
    world = World()
    board = a_board(world)
    assert board.status().drawdown is None
    equity = board.status().money
    assert equity is not None
    assert equity.equity is not None
    high = equity.equity * 2
    world.book.safety = replace(
        world.book.safety, baseline=Baseline("2024-01-02", opened=high, high=high, last=high)
    )
    assert board.status().drawdown == Decimal("0.5")


async def test_the_sharpe_ratio_is_told_from_thirty_days_on() -> None:
    world = World()
    board = a_board(world)
    days = [Decimal("0.02"), Decimal("-0.01")] * 15
    told = []
    for returns in (days[1:], days):
        base = Baseline("2024-01-02", Decimal(1), Decimal(1), Decimal(1), returns=tuple(returns))
        world.book.safety = replace(world.book.safety, baseline=base)
        told.append(board.status().sharpe_30d)
    assert told[0] is None
    assert told[1] == pytest.approx(5.203, abs=0.001)
