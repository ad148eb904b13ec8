"""The way down: the gate shuts first, every step ends, and the code tells what is left."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from decimal import Decimal

import pytest

from tests.unit.engine.orders.test_brackets import working as working_bracket
from tests.unit.engine.world import World, a_status, an_execution, an_intent, turns
from trader.core import events as ev
from trader.core.halts import HaltCause
from trader.core.ids import OrderId
from trader.core.orders import OrderState
from trader.core.risk import ApprovedOrder
from trader.engine.acts.drain import Drain, DrainSettings, ExitCode
from trader.ports import LinkDown, SnapshotUnavailable


def draining(world: World, *, must_cancel: bool) -> Drain:
    return Drain(
        world.services,
        gateway=world.gateway,
        reconciler=world.reconciler,
        settings=DrainSettings(2.0, 3.0, 4.0, 5.0, must_cancel_orders=must_cancel),
    )


def confirming(world: World) -> Callable[[OrderId], None]:
    def confirm(order_id: OrderId) -> None:
        order = world.book.orders[order_id]
        asyncio.get_running_loop().call_later(0.1, world.say, a_status(order, "Cancelled"))

    return confirm


async def test_a_quiet_daemon_goes_down_clean() -> None:
    world = World()
    code = await world.drain.run("SIGTERM")
    assert (code, int(code)) == (ExitCode.CLEAN, 0)
    assert world.journal.events(ev.DaemonStopped) == [ev.DaemonStopped("SIGTERM", 0)]
    assert world.journal.durable_seq == world.ledger.seq
    assert [row.seq for row in world.journal.checkpoints] == [world.ledger.seq]
    assert world.broker.disconnect_count == 1
    assert world.broker.snapshot_count == 1


async def test_the_gate_is_shut_by_the_call_itself() -> None:
    world = World()
    assert not inspect.iscoroutinefunction(Drain.shut_gate)
    world.drain.shut_gate("SIGTERM")
    assert world.guard.causes() == {HaltCause.DRAINING: "SIGTERM"}
    assert (await world.gateway.submit(an_intent())).code == "HALTED"
    assert world.broker.placed == []


async def test_no_order_leaves_from_the_moment_the_drain_begins() -> None:
    world = World()
    world.journal.hold()
    submitted = asyncio.get_running_loop().create_task(world.gateway.submit(an_intent()))
    await turns()
    drained = asyncio.get_running_loop().create_task(world.drain.run("SIGTERM"))
    await turns()
    world.journal.release()
    await submitted
    assert await drained is ExitCode.CLEAN
    assert world.broker.placed == []
    assert world.order().state is OrderState.WITHHELD


async def test_an_order_in_flight_is_waited_for() -> None:
    world = World()
    await world.gateway.submit(an_intent())
    asyncio.get_running_loop().call_later(1.0, world.say, a_status(world.order()))
    code = await draining(world, must_cancel=False).run("SIGTERM")
    assert (code, int(code)) == (ExitCode.DRAINED_WITH_OPEN_ORDERS, 3)
    assert world.order().state is OrderState.WORKING
    assert world.broker.cancelled == []


async def test_an_order_that_is_never_answered_is_unknown_after_its_bound() -> None:
    world = World()
    await world.gateway.submit(an_intent())
    code = await draining(world, must_cancel=False).run("SIGTERM")
    assert world.order().state is OrderState.UNKNOWN
    assert code is ExitCode.DRAINED_WITH_OPEN_ORDERS
    assert world.clock.monotonic() == pytest.approx(1_002.0, abs=0.2)


async def test_working_orders_are_cancelled_by_policy_and_confirmed() -> None:
    world = World()
    world.broker.on_cancel = confirming(world)
    await world.working(an_intent(1))
    await world.working(an_intent(2))
    assert await world.drain.run("SIGTERM") is ExitCode.CLEAN
    assert len(world.broker.cancelled) == 2
    assert world.book.live_orders == {}


async def test_a_cancel_that_is_never_confirmed_ends_at_its_bound() -> None:
    world = World()
    await world.working()
    assert await world.drain.run("SIGTERM") is ExitCode.DRAINED_WITH_OPEN_ORDERS
    assert world.clock.monotonic() == pytest.approx(1_003.0, abs=0.2)


async def test_a_cancel_that_cannot_be_sent_does_not_stop_the_others() -> None:
    world = World()
    await world.working(an_intent(1))
    world.broker.cancel_error = LinkDown("reset")
    assert await world.drain.run("SIGTERM") is ExitCode.DRAINED_WITH_OPEN_ORDERS
    assert len(world.journal.checkpoints) == 1


async def test_every_step_is_bounded_when_nobody_answers_anything() -> None:
    world = World()
    await world.gateway.submit(an_intent(1))
    await world.working(an_intent(2))
    world.broker.snapshot_s = 1e9
    world.journal.hold()
    started_s = world.clock.monotonic()
    code = await world.drain.run("SIGTERM")
    took_s = world.clock.monotonic() - started_s
    assert took_s == pytest.approx(2 + 3 + 4 + 5, abs=0.2)
    assert took_s <= 14.2
    assert code is ExitCode.DRAINED_WITH_OPEN_ORDERS
    assert world.broker.disconnect_count == 1


def test_the_bound_of_all_is_the_sum_of_the_steps() -> None:
    assert DrainSettings(1.0, 2.0, 3.0, 4.0, must_cancel_orders=False).total_s == 10.0


async def test_a_failed_snapshot_does_not_keep_it_from_going_down() -> None:
    world = World()
    world.broker.word = SnapshotUnavailable("no end")
    assert await world.drain.run("SIGTERM") is ExitCode.CLEAN
    assert len(world.journal.checkpoints) == 1


async def test_without_a_link_there_is_no_last_reconciliation() -> None:
    world = World()
    world.broker.is_connected = False
    assert await world.drain.run("SIGTERM") is ExitCode.CLEAN
    assert world.broker.snapshot_count == 0


async def test_a_failed_journal_does_not_keep_it_from_going_down() -> None:
    world = World()
    world.journal.fail("disk full")
    assert await world.drain.run("SIGTERM") is ExitCode.CLEAN
    assert world.journal.checkpoints == []
    assert world.broker.disconnect_count == 1


async def test_an_end_by_a_bug_is_told_whatever_is_left_open() -> None:
    world = World()
    await world.working()
    code = await draining(world, must_cancel=False).run(
        "inbox failed", ExitCode.HALTED_BY_INVARIANT
    )
    assert (code, int(code)) == (ExitCode.HALTED_BY_INVARIANT, 4)
    assert world.journal.events(ev.DaemonStopped)[0].exit_code == 4


async def test_the_last_reconciliation_finds_the_fill_that_came_with_the_end() -> None:
    world = World()
    order = await world.working()

    def filled(order_id: OrderId) -> None:
        # The fill wins against the cancel.
        world.fill(world.book.orders[order_id])

    world.broker.on_cancel = filled
    assert await world.drain.run("SIGTERM") is ExitCode.CLEAN
    assert world.state(order.order_id) is OrderState.FILLED


async def test_an_order_placed_by_mistake_during_the_drain_would_be_seen() -> None:
    """The double really tells: without the shut gate the same submission is placed."""
    world = World()
    placed: list[ApprovedOrder] = []
    world.broker.on_place = placed.append
    await world.gateway.submit(an_intent())
    assert len(placed) == 1


# ---- brackets


async def test_a_drain_that_cancels_leaves_the_legs_of_what_is_held() -> None:
    """A position without its stop over night is worse than an order that is left open."""
    world = World()
    entry, profit, stop = await working_bracket(world)
    world.say(ev.ExecutionSeen(an_execution(entry)))
    began_s = world.clock.monotonic()
    code = await draining(world, must_cancel=True).run("SIGTERM")
    assert world.broker.cancelled == []
    assert code is ExitCode.DRAINED_WITH_OPEN_ORDERS
    assert world.clock.monotonic() - began_s < 1, "there is nothing to wait for"
    assert {row.order_id for row in world.gateway.working_orders()} == {
        profit.order_id,
        stop.order_id,
    }


@pytest.mark.parametrize("filled", [0, 4])
async def test_a_drain_cancels_an_entry_and_its_legs_go_or_stay_with_it(filled: int) -> None:
    """Cancelled beside it, they would be gone when the entry fills before its cancel arrives."""
    world = World()
    entry, profit, stop = await working_bracket(world)

    def confirm(order_id: OrderId) -> None:
        loop = asyncio.get_running_loop()
        if filled:
            world.say(ev.ExecutionSeen(an_execution(entry, quantity=Decimal(filled))))
        loop.call_later(0.1, world.say, a_status(entry, "Cancelled"))
        if not filled:
            for leg in (profit, stop):
                loop.call_later(0.2, world.say, a_status(leg, "Cancelled"))

    world.broker.on_cancel = confirm
    began_s = world.clock.monotonic()
    code = await draining(world, must_cancel=True).run("SIGTERM")
    assert world.broker.cancelled == [entry.order_id]
    assert code is (ExitCode.DRAINED_WITH_OPEN_ORDERS if filled else ExitCode.CLEAN)
    assert 0.1 <= world.clock.monotonic() - began_s < 1


async def test_a_drain_leaves_no_leg_behind_that_has_nothing_to_close() -> None:
    """A broker that ends the entry alone: the legs would open a position over night."""
    world = World()
    entry, profit, stop = await working_bracket(world)
    world.broker.on_cancel = confirming(world)
    await draining(world, must_cancel=True).run("SIGTERM")
    assert world.broker.cancelled == [entry.order_id, profit.order_id, stop.order_id]


async def test_a_drain_leaves_the_legs_of_an_entry_that_may_still_fill() -> None:
    world = World()
    entry, _, _ = await working_bracket(world)
    await draining(world, must_cancel=True).run("SIGTERM")
    assert world.broker.cancelled == [entry.order_id], "its cancel was never confirmed"


async def test_a_drain_that_leaves_orders_leaves_legs() -> None:
    world = World()
    await working_bracket(world)
    await draining(world, must_cancel=False).run("SIGTERM")
    assert world.broker.cancelled == []
