"""An order that is over counts until a list of executions has settled it, asked for in time.

Method: the real gateway, inbox, book and reconciler over doubles of the ports, in virtual time.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.unit.engine.world import (
    CON,
    World,
    a_position,
    a_snapshot,
    a_status,
    a_ticket,
    an_execution,
    an_exit,
    an_intent,
    running,
)
from trader.core import events as ev
from trader.core.executions import Execution
from trader.core.halts import HaltCause
from trader.core.ids import AccountId, ExecId, OrderId
from trader.core.orders import Order, OrderState
from trader.engine.outcomes import OutcomeKind
from trader.engine.truth.settler import Settler
from trader.ports import LinkDown, SnapshotUnavailable

SETTLE_S = 5.0


async def cancelled(world: World, number: int = 1, filled: int = 0) -> Order:
    """Have an order work and be cancelled; the broker says that so much of it filled."""
    order = await world.working(an_intent(number))
    world.gateway.cancel(order.order_id, "test")
    world.say(a_status(order, "Cancelled", filled=Decimal(filled)))
    return world.book.orders[order.order_id]


async def pass_s(world: World, seconds: float) -> None:
    with running(world.settler.run):
        await world.clock.sleep(seconds)


def told_late(world: World, order: Order, quantity: int) -> Execution:
    """Put an execution on the broker's list that nobody has told us of."""
    execution = an_execution(order, exec_id=ExecId("0009.01.01"), quantity=Decimal(quantity))
    world.broker.word = lambda: world.mirror(executions=(execution,))
    return execution


async def test_one_list_settles_all_that_ended_and_is_not_asked_for_too_early() -> None:
    world = World()
    for number in (1, 2, 3):
        await cancelled(world, number)
    assert world.book.workings.of(CON).buys == 30
    await pass_s(world, SETTLE_S - 0.1)
    assert world.broker.list_count == 0
    await pass_s(world, 1)
    assert world.broker.list_count == 1
    assert world.book.settling == {}
    assert world.book.workings.of(CON).buys == 0
    (first, *_) = world.journal.events(ev.OrderSettled)
    assert (first.order_id, first.filled) == (OrderId(2), 0)
    assert first.proof.startswith("executions listed 5.")
    await pass_s(world, 60)
    assert world.broker.list_count == 1, "asked again with nothing to settle"


async def test_orders_that_end_apart_are_settled_apart_and_lists_keep_their_distance() -> None:
    world = World()
    with running(world.settler.run):
        for number in range(1, 9):
            await cancelled(world, number)
            await world.clock.sleep(0.25)
        await world.clock.sleep(SETTLE_S + 1)
    assert world.book.settling == {}
    # Two seconds of ends, a list a second.
    assert world.broker.list_count <= 4


async def test_an_execution_that_only_the_list_tells_is_booked_and_starts_the_wait_anew() -> None:
    world = World()
    order = await cancelled(world)
    told_late(world, order, 4)
    await pass_s(world, SETTLE_S + 0.5)
    assert world.book.position_of(CON) == 4
    assert world.book.workings.of(CON).buys == 6
    assert world.journal.events(ev.OrderSettled) == []
    await pass_s(world, SETTLE_S + 0.5)
    assert world.book.workings.of(CON).buys == 0
    (settled,) = world.journal.events(ev.OrderSettled)
    assert settled.filled == 4


async def test_a_cancel_that_lost_the_race_is_filled_and_needs_no_settling() -> None:
    world = World()
    order = await cancelled(world)
    told_late(world, order, 10)
    await pass_s(world, SETTLE_S + 0.5)
    assert world.state(order.order_id) is OrderState.FILLED
    assert world.book.settling == {}
    assert world.journal.events(ev.OrderSettled) == []


async def test_an_order_stays_unsettled_while_executions_are_owed_and_a_person_is_told() -> None:
    world = World()
    order = await cancelled(world, filled=4)
    await pass_s(world, SETTLE_S + 0.5)
    assert world.book.workings.of(CON).buys == 10
    assert world.broker.list_count == 1
    await pass_s(world, 12 * (SETTLE_S + 0.5))
    assert world.book.workings.of(CON).buys == 10
    assert f"order {order.order_id} does not settle" in world.pager.titles()
    assert world.broker.list_count <= 14, "asked more often than once in a settle window"
    world.fill(order, quantity=Decimal(4))
    await pass_s(world, SETTLE_S + 0.5)
    assert world.book.settling == {}


@pytest.mark.parametrize("left", [3, 0])
@pytest.mark.parametrize("is_late", [False, True])
async def test_what_a_correction_takes_back_is_not_owed_any_more(left: int, is_late: bool) -> None:
    """INC-048: a bust after the broker has told what filled leaves nothing to wait for."""
    world = World()
    order = await world.working()
    world.fill(order, "0001.aa.01.01", quantity=Decimal(4))
    world.say(a_status(order, filled=Decimal(4)))
    if not is_late:
        world.fill(order, "0001.aa.01.02", quantity=Decimal(left))
    world.gateway.cancel(order.order_id, "test")
    world.say(a_status(order, "Cancelled", filled=Decimal(4 if is_late else left)))
    await pass_s(world, SETTLE_S + 1)
    assert world.book.settling == {}
    if is_late:
        world.fill(order, "0001.aa.01.02", quantity=Decimal(left))
        assert world.book.workings.of(CON).buys == 10 - left, "it was free at once"
        await pass_s(world, SETTLE_S + 1)
    # A word of before the correction, told again, brings nothing back; one of more does.
    world.say(a_status(order, "Cancelled", filled=Decimal(4)))
    await pass_s(world, SETTLE_S + 1)
    assert world.book.settling == {}
    run = await world.reconciler.run_once("test")
    assert (run.drift_count, world.book.tickets) == (0, {})
    world.say(a_status(order, "Cancelled", filled=Decimal(5)))
    await pass_s(world, SETTLE_S + 1)
    assert world.book.workings.of(CON).buys == 10 - left


async def test_while_the_link_or_the_upstream_is_down_nothing_is_asked() -> None:
    for cause in (HaltCause.LINK, HaltCause.UPSTREAM):
        world = World()
        await cancelled(world)
        world.guard.set_level(cause, "down")
        await pass_s(world, 30)
        assert world.broker.list_count == 0
        assert world.book.workings.of(CON).buys == 10
        world.guard.clear_level(cause)
        await pass_s(world, 1)
        assert world.book.settling == {}


async def test_a_list_that_a_loss_of_the_upstream_fell_into_proves_nothing() -> None:
    """INC-002: a gateway that is cut off answers from its memory."""
    world = World()
    await cancelled(world)
    await world.clock.sleep(SETTLE_S)

    def word() -> object:
        world.upstream(1100)
        world.upstream(1102)
        return a_snapshot()

    world.broker.word = word
    await world.settler.settle_due()
    assert world.broker.list_count == 1
    assert world.book.workings.of(CON).buys == 10


async def test_a_list_that_fails_is_asked_for_again() -> None:
    world = World()
    await cancelled(world)
    for error in (SnapshotUnavailable("no end"), LinkDown("gone")):
        world.broker.word = error
        await pass_s(world, SETTLE_S + 0.5)
        assert world.book.workings.of(CON).buys == 10
    world.broker.word = world.mirror
    await pass_s(world, 2)
    assert world.book.settling == {}


async def test_a_list_of_another_account_proves_nothing() -> None:
    """INC-137."""
    world = World()
    await cancelled(world)
    world.broker.word = a_snapshot(account=AccountId("DU9"))
    await pass_s(world, SETTLE_S + 1)
    assert world.book.workings.of(CON).buys == 10


async def test_a_word_that_came_after_the_list_was_asked_for_is_not_settled_by_it() -> None:
    world = World()
    order = await cancelled(world)
    await world.clock.sleep(SETTLE_S)

    def word() -> object:
        world.inbox.put(a_status(order, "Cancelled", filled=Decimal(2)))
        return world.mirror()

    world.broker.word = word
    await world.settler.settle_due()
    assert world.book.workings.of(CON).buys == 10
    assert world.journal.events(ev.OrderSettled) == []


async def test_a_reconciliation_settles_by_its_lists_once_they_are_late_enough() -> None:
    world = World()
    await cancelled(world)
    await world.reconciler.run_once("test")
    assert world.book.workings.of(CON).buys == 10
    await world.clock.sleep(SETTLE_S)
    await world.reconciler.run_once("test")
    assert world.book.settling == {}
    assert world.broker.list_count == 0


async def test_where_the_brokers_position_is_another_one_nothing_settles() -> None:
    world = World()
    order = await cancelled(world)
    await world.clock.sleep(SETTLE_S)
    world.broker.word = lambda: world.mirror(positions=())
    world.fill(order, quantity=Decimal(3))  # the broker does not show it
    await world.clock.sleep(SETTLE_S)
    await world.reconciler.run_once("test")
    assert world.book.workings.of(CON).buys == 7
    await pass_s(world, 2)
    assert world.book.workings.of(CON).buys == 7
    world.broker.word = world.mirror
    await world.reconciler.run_once("test")
    await pass_s(world, SETTLE_S + 1)
    assert world.book.settling == {}


async def test_an_order_that_ended_on_another_day_needs_the_positions() -> None:
    world = World()
    await cancelled(world)
    late = lambda: world.mirror(window_utc=world.clock.utc())  # noqa: E731
    world.broker.word = late
    await pass_s(world, SETTLE_S + 1)
    assert world.broker.list_count == 1
    assert world.book.workings.of(CON).buys == 10
    await world.clock.sleep(SETTLE_S)
    await world.reconciler.run_once("test")
    assert world.book.settling == {}


async def test_a_position_that_moved_meanwhile_settles_nothing_of_another_day() -> None:
    # It had filled before midnight, untold; a fill in the middle of the run hid the position.
    world = World()
    await world.reconciler.run_once("long before")
    await cancelled(world)
    await world.clock.sleep(2 * SETTLE_S)
    moved = an_execution(exec_id=ExecId("7.7.01"), quantity=Decimal(1))
    world.broker.on_snapshot = lambda: world.inbox.put(ev.ExecutionSeen(moved))
    world.broker.word = lambda: world.mirror(
        window_utc=world.clock.utc(), positions=(a_position(11),), executions=(moved,)
    )
    await world.reconciler.run_once("first")
    await world.reconciler.run_once("looked at by now, and disputed")
    assert world.book.workings.of(CON).buys == 10
    world.broker.word = lambda: world.mirror(window_utc=world.clock.utc())
    await world.clock.sleep(SETTLE_S)
    await world.reconciler.run_once("agreed")
    assert world.book.settling == {}


async def test_of_an_instrument_with_a_ticket_nobody_knows_that_the_positions_agree() -> None:
    world = World()
    await cancelled(world)
    world.ledger.record(a_ticket())
    world.broker.word = lambda: world.mirror(window_utc=world.clock.utc())
    await world.clock.sleep(SETTLE_S)
    await world.reconciler.run_once("test")
    assert world.book.workings.of(CON).buys == 10
    # A list that reaches back to its end settles it all the same.
    world.broker.word = world.mirror
    await pass_s(world, SETTLE_S + 1)
    assert world.book.settling == {}


async def test_after_a_restart_it_counts_until_the_new_process_has_a_list_of_its_own() -> None:
    world = World()
    await cancelled(world)
    again = World(is_baselined=False)
    for row in world.journal.rows[1:]:
        again.ledger.record(row.event)
    assert again.book.workings.of(CON).buys == 10
    await again.reconciler.run_once("connected")
    assert again.book.workings.of(CON).buys == 10
    await pass_s(again, SETTLE_S + 1)
    assert again.book.settling == {}


async def test_a_replacement_is_refused_until_the_cancelled_order_is_settled() -> None:
    """INC-024: cancel, then replace; the refusal says when."""
    world = World(held=10)
    first = await world.working(an_exit(1))
    world.gateway.cancel(first.order_id, "move the exit")
    world.say(a_status(first, "Cancelled"))
    await world.clock.sleep(1)
    refused = await world.gateway.submit(an_exit(2))
    assert refused.kind is OutcomeKind.REFUSED
    assert "which is over and settling: it is free in about 5 s" in refused.text
    await pass_s(world, SETTLE_S)
    assert (await world.gateway.submit(an_exit(3))).kind is OutcomeKind.SENT


async def test_an_order_that_is_over_is_neither_working_nor_cancelled_again() -> None:
    world = World()
    order = await cancelled(world)
    assert world.gateway.working_orders() == ()
    assert world.gateway.cancel(order.order_id, "x") == f"order {order.order_id} is not working"
    world.gateway.send_cancels()
    assert world.broker.cancelled == [order.order_id]


async def test_the_settler_beats_while_it_looks() -> None:
    world = World()
    assert isinstance(world.settler, Settler)
    world.supervisor.start("settler", world.settler.run)
    await world.clock.sleep(10)
    ((name, age_s),) = world.supervisor.ages_s()
    assert name == "settler"
    assert age_s < 1
    await world.supervisor.stop()
