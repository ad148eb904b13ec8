"""Coming up: what is open becomes a question, what is held becomes the starting point."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.unit.engine.world import (
    ACCOUNT,
    CON,
    LINEAGE,
    T0,
    World,
    a_position,
    a_snapshot,
    a_status,
    an_execution,
    an_intent,
)
from trader.core import events as ev
from trader.core.book import Book
from trader.core.changes import ChangeState
from trader.core.halts import Mode
from trader.core.ids import AccountId, ExecId, Lineage, OrderId
from trader.core.orders import OrderState
from trader.core.tapes import Traded
from trader.engine.boot import baseline_of, take_over
from trader.engine.ledger import Ledger


def restarted(world: World, until: int | None = None) -> Ledger:
    """Return a ledger over the book that the journal holds, and no further."""
    book = Book()
    rows = world.journal.rows[:until]
    for row in rows:
        book.apply(row)
    journal = type(world.journal)()
    journal.rows = list(rows)
    return Ledger(book, journal, world.clock)


def take(ledger: Ledger) -> tuple[OrderId, ...]:
    return take_over(
        ledger, lineage=Lineage("zzz999"), version="1", mode=Mode.PAPER, account=ACCOUNT
    )


async def test_a_new_journal_gets_a_lineage_and_an_old_one_keeps_its_own() -> None:
    world = World()
    fresh = Ledger(Book(), type(world.journal)(), world.clock)
    take(fresh)
    assert fresh.book.lineage == "zzz999"
    known = restarted(world)
    take(known)
    assert known.book.lineage == LINEAGE
    assert known.book.mode is Mode.PAPER


@pytest.mark.parametrize("is_sent", [False, True])
async def test_a_promised_change_may_have_left(is_sent: bool) -> None:
    world = World()
    order = await world.working()
    wanted = replace(order.terms.changeable, quantity=Decimal(12))
    world.ledger.record(ev.ModifyPlanned(order.order_id, 1, wanted, "x"))
    if is_sent:
        world.ledger.record(ev.ModifySent(order.order_id, 1))
    again = restarted(world)
    assert take(again) == ()
    change = again.book.orders[order.order_id].change
    assert change is not None
    assert change.state is ChangeState.UNCERTAIN
    assert again.book.orders[order.order_id].remaining == 12


@pytest.mark.parametrize(("events_back", "state"), [(1, OrderState.PLANNED), (0, OrderState.SENT)])
async def test_a_promise_without_an_answer_may_have_left(
    events_back: int, state: OrderState
) -> None:
    # INC-029: killed before or after the bytes, nobody can tell which.
    world = World()
    await world.gateway.submit(an_intent())
    ledger = restarted(world, len(world.journal.rows) - events_back)
    assert ledger.book.orders[OrderId(2)].state is state
    assert take(ledger) == (OrderId(2),)
    assert ledger.book.orders[OrderId(2)].state is OrderState.UNKNOWN


async def test_orders_that_were_answered_or_never_left_are_no_question() -> None:
    world = World()
    await world.working(an_intent(1))
    cancelled = await world.working(an_intent(2))
    world.say(a_status(cancelled, "Cancelled"))
    world.drain.shut_gate("x")
    ledger = restarted(world)
    assert take(ledger) == ()
    assert ledger.book.orders[OrderId(2)].state is OrderState.WORKING


async def test_the_baseline_is_the_accounts_own_holdings_and_cash() -> None:
    other = replace(a_position(7), account=AccountId("DU9"))
    half = replace(a_position(3, symbol="ESZ6"), average_cost=Decimal(5_000))
    rows = (
        replace(half, multiplier=Decimal(50)),
        other,
        a_position(0),
    )
    baseline = baseline_of(a_snapshot(positions=rows), by="me")
    assert baseline.account == ACCOUNT
    assert baseline.by == "me"
    assert baseline.cash == (("USD", Decimal(100_000)),)
    # The broker's cost includes the multiplier (INC-088).
    assert baseline.holdings == (ev.Holding(CON, "ESZ6", Decimal(3), Decimal(100), Decimal(50)),)


async def test_executions_that_the_holdings_contain_are_never_booked_again() -> None:
    # INC-053
    world = World(is_baselined=False)
    first = an_execution(exec_id=ExecId("0001.aa.01.01"))
    corrected = an_execution(exec_id=ExecId("0001.aa.01.02"))
    snapshot = a_snapshot(positions=(a_position(10),), executions=(first, corrected))
    world.ledger.record(baseline_of(snapshot, by="me"))
    for row in (first, corrected):
        assert world.ledger.note(ev.ExecutionSeen(row)) is None
    assert world.book.position_of(CON) == 10
    # CAP-07: one order, of which both are; it is among the trades of its day all the same.
    assert world.book.strangers.rows() == (Traded("perm-1", T0),)
