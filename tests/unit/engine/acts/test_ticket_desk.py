"""A person's verbs about a ticket: what is recorded, what is refused, and that nothing is left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.unit.engine.acts.test_liquidation import by_hand, confirming, filling
from tests.unit.engine.world import (
    BUY,
    CON,
    OTHER_CON,
    SELL,
    T0,
    World,
    a_position,
    a_status,
    a_ticket,
    an_execution,
    an_exit,
    an_intent,
)
from trader.core import events as ev
from trader.core.drifts import DriftKind
from trader.core.halts import HaltCause
from trader.core.ids import ExecId, PermId, RunId, TicketId
from trader.core.risk import ApprovedOrder
from trader.core.snapshots import BrokerSnapshot
from trader.core.ticket_events import CashBooked, TicketIgnored, TradeBooked
from trader.core.ticketing import Stated
from trader.engine.operator import Answer
from trader.ports import ServerTime, SnapshotUnavailable

D = Decimal
NAME = "run-position-AAA"
CASH = ev.TicketOpened(TicketId("run-cash-USD"), "cash", None, "1 or 2", RunId("r"))
BOUGHT = Stated(quantity=D(7), price=D(100), commission=D(1))


def holding(world: World, quantity: int) -> None:
    """Have the broker hold this many until the ticket is closed; then what the book says."""

    def word() -> BrokerSnapshot:
        is_open = bool(world.book.tickets)
        return world.mirror(positions=(a_position(quantity),)) if is_open else world.mirror()

    world.broker.word = word


async def book(world: World, stated: Stated, ticket: str = NAME) -> Answer:
    return await world.desk.tickets.book(ticket=ticket, stated=stated, reason="by hand", by="me")


async def ignore(world: World, until: str, ticket: str = NAME) -> Answer:
    return await world.desk.tickets.ignore(ticket=ticket, until=until, reason="asked", by="me")


async def flatten(world: World) -> Answer:
    return await world.desk.tickets.flatten(ticket=NAME, reason="not ours", by="me")


def in_a(world: World, **span: float) -> str:
    return (world.clock.utc() + timedelta(**span)).isoformat()


# ---- adopt


async def test_what_is_adopted_is_neither_won_nor_lost() -> None:
    world = World()
    world.ledger.record(a_ticket())
    world.quote("100", "100.02")
    holding(world, 50)
    answer = await world.desk.tickets.adopt(ticket=NAME, reason="transfer", by="me")
    assert answer.is_done, answer
    (adjusted,) = world.journal.events(ev.PositionAdjusted)
    assert (adjusted.unit_value, adjusted.currency) == (D("100.01"), "USD")
    assert [(row.currency, row.amount) for row in world.book.safety.flows] == [("USD", D("5000.5"))]


# ---- book


async def test_a_stated_trade_closes_the_ticket_and_agrees_with_the_broker() -> None:
    world = World()
    world.ledger.record(a_ticket())
    world.broker.word = lambda: world.mirror(positions=(a_position(7),), cash={"USD": D(99_299)})
    answer = await book(world, BOUGHT)
    assert answer.is_done, answer
    assert answer.text.endswith("reconciliation: 0 drifts")
    assert answer.details == ("cash in USD: 99299 in the book, 99299 by the broker",)
    assert world.book.position_of(CON) == 7
    assert world.book.positions[CON].average_price == 100
    assert world.guard.causes() == {}
    assert world.broker.placed == []
    (booked,) = world.journal.events(TradeBooked)
    assert (booked.reason, booked.by, booked.commission) == ("by hand", "me", 1)


async def test_half_of_it_is_refused_and_nothing_is_recorded() -> None:
    world = World()
    world.ledger.record(a_ticket())
    world.broker.word = lambda: world.mirror(positions=(a_position(7),))
    answer = await book(world, Stated(quantity=D(5), price=D(100)))
    assert not answer.is_done
    assert "stays open" in answer.text
    assert "allowed is --quantity 7" in answer.text
    assert world.journal.events(TradeBooked) == []
    assert len(world.book.tickets) == 1


async def test_an_execution_that_explains_a_part_is_booked_once() -> None:
    world = World()
    world.ledger.record(a_ticket())
    told = an_execution(exec_id=ExecId("1.1.01"), quantity=D(4))
    world.broker.word = lambda: world.mirror(positions=(a_position(7),), executions=(told,))
    assert "allowed is --quantity 3" in (await book(world, BOUGHT)).text
    assert (await book(world, replace(BOUGHT, quantity=D(3)))).is_done
    assert world.book.position_of(CON) == 7


async def test_a_crash_between_a_booking_and_its_tickets_end_books_nothing_twice() -> None:
    world = World()
    world.ledger.record(a_ticket())
    word = world.mirror(positions=(a_position(7),), cash={"USD": D(99_299)})
    world.broker.word = lambda: word
    assert (await book(world, BOUGHT)).is_done
    # What the next process finds when the second of the two records was lost.
    world.ledger.record(a_ticket())
    again = await book(world, BOUGHT)
    assert (again.is_done, "adopt closes the ticket" in again.text) == (False, True)
    assert (await world.desk.tickets.adopt(ticket=NAME, reason="r", by="me")).is_done
    assert world.book.position_of(CON) == 7
    assert world.book.cash["USD"] == 99_299
    assert world.guard.causes() == {}


async def test_an_order_of_others_in_it_is_named_and_one_elsewhere_is_not() -> None:
    world = World()
    world.ledger.record(a_ticket())
    others = [by_hand(BUY, 4, "LMT"), replace(by_hand(BUY, 4, "LMT"), con_id=OTHER_CON)]
    others[1] = replace(others[1], perm_id=PermId(78))
    world.hub.add(replace(world.hub.instruments[CON], con_id=OTHER_CON, symbol="BBB"))
    world.broker.word = lambda: world.mirror(open_orders=tuple(others))
    answer = await flatten(world)
    assert (answer.is_done, answer.code) == (False, "remains")
    assert answer.text.endswith("AAA: flat, but orders of others work")
    assert len([line for line in answer.details if "not ours to cancel" in line]) == 1


async def test_a_stated_payment_closes_a_cash_ticket() -> None:
    world = World()
    world.ledger.record(CASH)
    world.broker.word = lambda: world.mirror(cash={"USD": D(100_500)})
    few = await book(world, Stated(amount=D(400), currency="USD"), CASH.ticket_id)
    assert not few.is_done
    assert "--amount 500 explains all of it" in few.text
    answer = await book(world, Stated(amount=D(500), currency="USD"), CASH.ticket_id)
    assert answer.is_done
    assert world.book.cash["USD"] == 100_500
    (booked,) = world.journal.events(CashBooked)
    assert (booked.amount, booked.reason) == (500, "by hand")


async def test_commissions_that_are_not_told_yet_widen_what_a_payment_may_leave() -> None:
    world = World()
    order = await world.working()
    world.fill(order)
    world.ledger.record(CASH)
    # A tolerance of 1, and what ten shares may cost at the worst.
    told = world.book.cash["USD"] + 500 - D("1.50")
    world.broker.word = lambda: world.mirror(cash={"USD": told})
    assert world.reconciler.cash_slack() > D("1.50")
    # Of the trade itself the broker's cash tells by then.
    await asyncio.sleep(world.reconciler.cash_wait_s() + 1)
    answer = await book(world, Stated(amount=D(500), currency="USD"), CASH.ticket_id)
    assert answer.is_done, answer


async def test_other_kinds_cannot_be_booked_and_say_what_can_be_done() -> None:
    world = World()
    world.ledger.record(replace(a_ticket(), kind=DriftKind.ORDER_ABSENT))
    answer = await book(world, BOUGHT)
    assert not answer.is_done
    assert "allowed: adopt, ignore-until" in answer.text
    assert [line.split(":")[0] for line in answer.details] == ["adopt", "ignore-until"]


async def test_an_instrument_that_is_not_managed_is_booked_in_the_currency_of_the_broker() -> None:
    world = World()
    world.ledger.record(a_ticket(OTHER_CON))
    row = replace(a_position(7, OTHER_CON, "ZZZ"), currency="EUR")
    world.broker.word = lambda: world.mirror(positions=(row,))
    assert (await book(world, BOUGHT)).is_done
    assert world.book.cash["EUR"] == -701
    assert world.book.positions[OTHER_CON].symbol == "ZZZ"


@pytest.mark.parametrize("verb", ["adopt", "book"])
async def test_a_comparison_that_failed_is_not_told_as_one_without_drifts(verb: str) -> None:
    world = World()
    world.ledger.record(a_ticket())
    first = [world.mirror(positions=(a_position(7),))]

    def word() -> BrokerSnapshot:
        if not first:
            raise SnapshotUnavailable("no end")
        return first.pop()

    world.broker.word = word
    answer = await VERBS[verb](world)  # type: ignore[misc]
    assert answer.is_done
    assert answer.text.endswith("reconciliation: no end")


@pytest.mark.parametrize("verb", ["adopt", "book"])
async def test_cash_that_may_be_of_before_the_last_trade_is_not_taken_over(verb: str) -> None:
    """The broker tells it minutes late: bought since, the book would have the money again."""
    world = World()
    world.ledger.record(CASH)
    bought = an_execution(quantity=D(10), time_utc=world.clock.utc())
    before = world.book.cash["USD"]
    world.say(ev.ExecutionSeen(bought))
    after = world.book.cash["USD"]
    world.broker.word = lambda: world.mirror(cash={"USD": before}, executions=(bought,))

    async def decide() -> Answer:
        if verb == "book":
            return await book(world, Stated(amount=before - after, currency="USD"), CASH.ticket_id)
        return await world.desk.tickets.adopt(ticket=CASH.ticket_id, reason="r", by="me")

    early = await decide()
    assert not early.is_done
    assert "stays open: the broker tells its cash up to" in early.text
    assert world.book.cash["USD"] == after
    # By then it has told what came of the trade; what is left is the difference itself.
    await asyncio.sleep(world.reconciler.cash_wait_s() + 1)
    assert (await decide()).is_done


# ---- ignore


async def test_a_ticket_is_let_wait_and_can_be_given_longer() -> None:
    world = World()
    world.ledger.record(a_ticket())
    first = in_a(world, hours=1)
    assert (await ignore(world, first)).is_done
    assert world.guard.causes() == {}
    again = await ignore(world, first)
    assert again.is_done
    assert "already" in again.text
    assert len(world.journal.events(TicketIgnored)) == 1
    assert (await ignore(world, in_a(world, days=7))).is_done
    assert len(world.journal.events(TicketIgnored)) == 2


@pytest.mark.parametrize("until", ["soon", "2031-01-01T00:00:00Z", "2001-01-01T00:00:00Z"])
async def test_a_bad_time_leaves_the_halt(until: str) -> None:
    world = World()
    world.ledger.record(a_ticket())
    answer = await ignore(world, until)
    assert not answer.is_done
    assert "goes on halting" in answer.text
    assert HaltCause.TICKET in world.guard.causes()


async def test_a_ticket_about_no_instrument_cannot_be_let_wait() -> None:
    world = World()
    world.ledger.record(CASH)
    answer = await ignore(world, in_a(world, hours=1), CASH.ticket_id)
    assert not answer.is_done
    assert "nothing but the halt guards" in answer.text
    assert HaltCause.TICKET in world.guard.causes()


async def test_what_is_not_on_disk_is_not_said_to_be_done() -> None:
    world = World()
    world.ledger.record(a_ticket())
    world.journal.fail("disk full")
    answer = await ignore(world, in_a(world, hours=1))
    assert (answer.is_done, "disk full" in answer.text) == (False, True)


# ---- flatten


async def test_what_the_broker_holds_is_adopted_and_closed_and_it_stays_halted() -> None:
    """INC-032."""
    world = World()
    world.ledger.record(a_ticket())
    holding(world, 7)
    world.broker.on_place = filling(world)
    answer = await flatten(world)
    assert (answer.is_done, answer.code) == (True, "done"), answer
    assert answer.text == f"ticket {NAME} adopted and closed; AAA: flat"
    (placed,) = world.broker.placed
    assert placed.order.terms.side is SELL
    assert placed.order.terms.quantity == 7
    assert placed.order.terms.is_reduce_only
    assert world.book.halts == {HaltCause.OPERATOR: f"ticket {NAME} is flattened"}


async def test_a_short_position_is_bought_back() -> None:
    world = World()
    world.ledger.record(a_ticket())
    holding(world, -5)
    world.broker.on_place = filling(world)
    assert (await flatten(world)).is_done
    (placed,) = world.broker.placed
    assert placed.order.terms.side is BUY
    assert placed.order.terms.quantity == 5
    assert world.book.position_of(CON) == 0


async def test_what_the_broker_does_not_hold_needs_no_order() -> None:
    world = World(held=10)
    world.ledger.record(a_ticket())
    world.broker.word = lambda: world.mirror(positions=())
    assert (await flatten(world)).is_done
    assert world.broker.placed == []
    assert world.book.position_of(CON) == 0


async def test_a_close_that_waits_for_the_open_is_told_as_such() -> None:
    world = World()
    world.ledger.record(a_ticket())
    holding(world, 7)

    def holds(placed: ApprovedOrder) -> None:
        order = world.book.orders[placed.order_id]
        held = a_status(order, "PreSubmitted")
        asyncio.get_running_loop().call_later(0.2, world.say, held)

    world.broker.on_place = holds
    answer = await flatten(world)
    assert (answer.is_done, answer.code) == (False, "waiting")
    assert "AAA: not flat: AAA 7; the closing orders wait at the broker" in answer.text
    assert "waits at the broker (PreSubmitted)" in answer.details[-1]
    assert len(world.broker.placed) == 1


async def test_no_other_position_and_no_other_order_is_touched() -> None:
    world = World(held=3)
    world.ledger.record(
        ev.PositionAdjusted(OTHER_CON, "BBB", D(0), D(5), "transfer", "test", D(100))
    )
    other = replace(a_ticket(OTHER_CON), ticket_id=TicketId(NAME))
    # Two of the three have no exit that works: a liquidation would sell them.
    mine = await world.working(an_exit(1, quantity=1))
    world.ledger.record(other)
    world.hub.add(replace(world.hub.instruments[CON], con_id=OTHER_CON, symbol="BBB"))
    world.quote(con_id=OTHER_CON)
    world.broker.on_place = filling(world)
    answer = await flatten(world)
    assert answer.is_done, answer
    assert answer.text.endswith("BBB: flat")
    assert world.broker.cancelled == []
    assert [row.order.terms.con_id for row in world.broker.placed] == [CON, OTHER_CON]
    assert world.book.live_orders.keys() == {mine.order_id}
    assert world.book.position_of(CON) == 3
    assert world.book.position_of(OTHER_CON) == 0


async def test_what_settles_in_another_instrument_does_not_hold_it_up() -> None:
    world = World()
    other = await world.working()
    world.say(a_status(other, "Cancelled"))
    assert world.book.settling
    world.hub.add(replace(world.hub.instruments[CON], con_id=OTHER_CON, symbol="BBB"))
    world.quote(con_id=OTHER_CON)
    adjusted = ev.PositionAdjusted(OTHER_CON, "BBB", D(0), D(5), "transfer", "test", D(100))
    world.ledger.record(adjusted)
    world.ledger.record(replace(a_ticket(OTHER_CON), ticket_id=TicketId(NAME)))
    world.broker.on_place = filling(world)
    assert (await flatten(world)).is_done
    assert world.clock.monotonic() < 1_001.5, "a settle window is longer"


async def test_a_liquidation_after_it_is_about_every_instrument_again() -> None:
    world = World()
    world.ledger.record(a_ticket())
    holding(world, 7)
    world.broker.on_place = filling(world)
    assert (await flatten(world)).is_done
    world.hub.add(replace(world.hub.instruments[CON], con_id=OTHER_CON, symbol="BBB"))
    world.quote(con_id=OTHER_CON)
    adjusted = ev.PositionAdjusted(OTHER_CON, "BBB", D(0), D(5), "transfer", "test", D(100))
    world.ledger.record(adjusted)
    assert (await world.desk.liquidate(by="me")).is_done
    assert len(world.broker.placed) == 2
    assert world.book.position_of(OTHER_CON) == 0


async def test_our_own_exit_in_it_is_taken_off_first_and_never_sold_beside() -> None:
    world = World(held=7)
    await world.working(an_exit(1, quantity=7))
    world.ledger.record(a_ticket())
    world.broker.on_cancel = confirming(world)
    world.broker.on_place = filling(world)
    answer = await flatten(world)
    assert answer.is_done, answer
    assert len(world.broker.cancelled) == 1
    assert world.book.position_of(CON) == 0


async def test_an_instrument_that_is_not_managed_is_refused_before_anything_changes() -> None:
    world = World()
    world.ledger.record(a_ticket(OTHER_CON))
    seq = world.ledger.seq
    answer = await flatten(world)
    assert not answer.is_done
    assert "not managed: adopt it, and close it in TWS" in answer.text
    assert world.ledger.seq == seq


async def test_without_the_brokers_word_nothing_is_adopted_halted_or_sent() -> None:
    world = World()
    world.ledger.record(a_ticket())
    world.broker.word = SnapshotUnavailable("no end")
    answer = await flatten(world)
    assert not answer.is_done
    assert world.book.halts == {}
    assert len(world.book.tickets) == 1


async def test_a_refused_close_is_told_and_the_ticket_is_closed_all_the_same() -> None:
    world = World()
    world.ledger.record(a_ticket())
    second = replace(a_ticket(), ticket_id=TicketId("run-order_ghost-9"), kind="order_ghost")
    world.ledger.record(second)
    world.broker.word = lambda: world.mirror(positions=(a_position(7),))
    answer = await flatten(world)
    assert (answer.is_done, answer.code) == (False, "refused")
    assert "AAA: not flat: AAA 7" in answer.text
    assert any("run-order_ghost-9" in line for line in answer.details)
    assert world.broker.placed == []
    assert list(world.book.tickets) == ["run-order_ghost-9"]


async def test_a_crash_between_adopting_and_closing_leaves_a_halted_book_and_no_order() -> None:
    world = World()
    world.ledger.record(a_ticket())
    holding(world, 7)
    durable = world.journal.durable
    crashed = asyncio.get_running_loop().create_future()

    async def dies_after(seq: object) -> None:
        await durable(seq)  # type: ignore[arg-type]
        await crashed

    world.journal.durable = dies_after  # type: ignore[method-assign]
    asked = asyncio.get_running_loop().create_task(flatten(world))
    await asyncio.sleep(1)
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    # What the next process finds.
    assert world.broker.placed == []
    assert world.book.position_of(CON) == 7
    assert world.book.tickets == {}
    assert HaltCause.OPERATOR in world.book.halts
    world.journal.durable = durable  # type: ignore[method-assign]
    again = await flatten(world)
    assert (again.is_done, again.text) == (False, f"no open ticket {NAME!r}")
    assert world.broker.placed == []


# ---- all of them


VERBS: dict[str, Callable[[World], object]] = {
    "adopt": lambda world: world.desk.tickets.adopt(ticket=NAME, reason="r", by="me"),
    "book": lambda world: book(world, BOUGHT),
    "ignore": lambda world: ignore(world, in_a(world, hours=1)),
    "flatten": flatten,
}


@pytest.mark.parametrize("verb", VERBS)
async def test_on_a_closed_ticket_each_verb_changes_nothing(verb: str) -> None:
    world = World(held=7)
    world.ledger.record(a_ticket())
    world.ledger.record(ev.TicketClosed(TicketId(NAME), "seen", "me"))
    seq = world.ledger.seq
    answer = await VERBS[verb](world)  # type: ignore[misc]
    assert answer == Answer(is_done=False, text=f"no open ticket {NAME!r}", details=("none",))
    assert world.ledger.seq == seq
    assert world.broker.snapshot_count == 0
    assert world.broker.placed == []


@pytest.mark.parametrize("verb", ["adopt", "book", "flatten"])
async def test_none_believes_a_gateway_that_has_lost_the_broker(verb: str) -> None:
    """INC-132."""
    world = World()
    world.ledger.record(a_ticket())
    world.upstream(1100)
    answer = await VERBS[verb](world)  # type: ignore[misc]
    assert not answer.is_done
    assert "upstream" in answer.text
    assert len(world.book.tickets) == 1


async def test_new_risk_waits_for_a_ticket_and_comes_back_after_it() -> None:
    world = World()
    world.ledger.record(a_ticket())
    assert (await world.gateway.submit(an_intent(1))).code == "HALTED"
    assert (await VERBS["adopt"](world)).is_done  # type: ignore[misc]
    assert (await world.gateway.submit(an_intent(2))).kind == "sent"


# ---- what comes after


async def stated(world: World, verb: str) -> None:
    """Have a person say that the ten that the broker holds are right; no list has told them."""
    world.ledger.record(a_ticket())
    holding(world, 10)
    if verb == "adopt":
        assert (await world.desk.tickets.adopt(ticket=NAME, reason="r", by="me")).is_done
    else:
        assert (await book(world, replace(BOUGHT, quantity=D(10)))).is_done
    assert world.book.position_of(CON) == 10
    assert world.guard.causes() == {}


@pytest.mark.parametrize("verb", ["adopt", "book"])
async def test_an_execution_of_before_a_persons_word_is_not_sold_twice(verb: str) -> None:
    """It is in the position that was accepted: the book has it twice, and the broker once."""
    world = World()
    world.gateway.offset_of = world.reconciler.offset_of
    await stated(world, verb)
    world.say(ev.ExecutionSeen(an_execution(quantity=D(10), time_utc=world.clock.utc())))
    assert world.book.position_of(CON) == 20
    assert HaltCause.NOT_RECONCILED in world.guard.causes()
    assert (await world.gateway.submit(an_exit(1, 20))).code == "HALTED"
    assert world.reconciler.offset_of(CON) == -10
    # The lane that no halt stops sells what there is at the most.
    world.guard.clear_level(HaltCause.NOT_RECONCILED)
    assert (await world.gateway.submit(an_exit(2, 20))).kind == "refused"
    assert world.broker.placed == []
    # The broker is asked, and a person again.
    world.broker.word = lambda: world.mirror(positions=(a_position(10),))
    await world.reconciler.run_once("late")
    await asyncio.sleep(60)
    await world.reconciler.run_once("late")
    assert [row.kind for row in world.book.tickets.values()] == [DriftKind.POSITION]


async def test_a_trade_of_after_a_persons_word_is_a_trade_like_any_other() -> None:
    world = World()
    await stated(world, "adopt")
    later = world.clock.utc() + timedelta(seconds=30)
    world.say(ev.ExecutionSeen(an_execution(quantity=D(5), time_utc=later)))
    assert world.book.position_of(CON) == 15
    assert world.guard.causes() == {}
    assert world.reconciler.offset_of(CON) is None
    # Another instrument is none of it.
    other = an_execution(exec_id=ExecId("2.1.01"), con_id=OTHER_CON, symbol="BBB", time_utc=None)
    world.say(ev.ExecutionSeen(other))
    assert world.guard.causes() == {}


async def test_hours_later_no_execution_is_held_back() -> None:
    """A clock that was ahead at the person's word must not slow down the trade of a day."""
    world = World()
    await stated(world, "adopt")
    await asyncio.sleep(3_700)
    world.guard.on_heartbeat(ServerTime(world.clock.utc(), 0.01))
    before = world.guard.causes()
    world.say(ev.ExecutionSeen(an_execution(quantity=D(5), time_utc=T0)))
    assert world.guard.causes() == before


async def test_an_execution_whose_time_nobody_can_read_may_be_of_before() -> None:
    world = World()
    await stated(world, "adopt")
    world.say(ev.ExecutionSeen(an_execution(quantity=D(10), time_utc=None)))
    assert HaltCause.NOT_RECONCILED in world.guard.causes()
