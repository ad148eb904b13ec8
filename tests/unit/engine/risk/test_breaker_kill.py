"""After a kill what adds risk is cancelled until nothing of it works; closing needs a policy."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from decimal import Decimal

import pytest

from tests.unit.engine.acts.test_liquidation import later
from tests.unit.engine.breaker_world import Breaking
from tests.unit.engine.world import World, a_status, an_exit, an_intent, running
from trader.core import events as ev
from trader.core.breakers.machine import Phase
from trader.core.breakers.rules import BreakerName
from trader.core.halts import HaltCause
from trader.core.ids import OrderId
from trader.core.risk import ApprovedOrder
from trader.engine.operator import Answer
from trader.engine.risk.breaker_kill import BreakerKill
from trader.ports import WorldError


def a_kill(
    world: World, *, must_flatten: bool = False, tripped: Iterable[BreakerName] = ()
) -> tuple[BreakerKill, asyncio.Event]:
    killed = asyncio.Event()
    kill = BreakerKill(
        world.services,
        desk=world.desk,
        killed=killed,
        forbidding_entries=lambda: tuple(tripped),
        must_flatten=must_flatten,
    )
    return kill, killed


def obliging(world: World) -> None:
    """Have the broker confirm each cancel."""

    def confirm(order_id: OrderId) -> None:
        world.inbox.put(a_status(world.book.orders[order_id], "Cancelled"))
        asyncio.get_running_loop().call_soon(world.inbox.handle_queued)

    world.broker.on_cancel = confirm


async def test_a_kill_cancels_what_adds_and_keeps_what_shrinks() -> None:
    world = World(held=100)
    obliging(world)
    kill, killed = a_kill(world)
    adding = await world.working(an_intent(1))
    exiting = await world.working(an_exit(2))
    world.guard.latch(HaltCause.BREAKER, "-0.06", by="breaker loss_kill")
    with running(kill.run):
        killed.set()
        await asyncio.sleep(1)
        assert list(world.book.live_orders) == [exiting.order_id]
        assert world.broker.cancelled == [adding.order_id]
        assert len(world.broker.placed) == 2, "nothing was closed"


async def test_what_a_crash_left_is_cancelled_though_nobody_says_so_again() -> None:
    world = World()
    obliging(world)
    kill, _ = a_kill(world)
    adding = await world.working()
    world.guard.latch(HaltCause.BREAKER, "-0.06", by="breaker loss_kill")
    with running(kill.run):
        await asyncio.sleep(6)
        assert world.broker.cancelled == [adding.order_id]


async def test_a_policy_that_says_so_closes_everything() -> None:
    world = World(held=100)
    kill, _ = a_kill(world, must_flatten=True)
    world.broker.on_place = lambda order: None
    world.guard.latch(HaltCause.BREAKER, "-0.06", by="breaker loss_kill")
    await kill.act()
    assert [row.order.terms.quantity for row in world.broker.placed] == [100]
    assert world.broker.placed[0].order.terms.side == "SELL"


@pytest.mark.parametrize("cause", [HaltCause.OPERATOR, HaltCause.BREAKER_TRIPPED])
async def test_no_other_halt_cancels_anything(cause: HaltCause) -> None:
    world = World()
    kill, _ = a_kill(world)
    await world.working()
    world.guard.set_level(cause, "because")
    await kill.act()
    assert world.broker.cancelled == []


async def test_without_a_way_to_the_broker_it_waits() -> None:
    world = World()
    kill, _ = a_kill(world)
    await world.working()
    world.guard.latch(HaltCause.BREAKER, "-0.06", by="breaker loss_kill")
    world.upstream(1100)
    await kill.act()
    assert world.broker.cancelled == []


async def test_a_world_that_fails_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    obliging(world)
    kill, _ = a_kill(world)
    order = await world.working()
    world.guard.latch(HaltCause.BREAKER, "-0.06", by="breaker loss_kill")

    async def failing(*, by: str, keeps_exits: bool = False) -> Answer:
        raise WorldError("gone")

    with monkeypatch.context() as patched:
        patched.setattr(world.desk, "cancel_orders", failing)
        await kill.act()
    assert world.broker.cancelled == []
    await kill.act()
    assert world.broker.cancelled == [order.order_id]


# ---- a loss that must not be scaled into


async def test_what_rests_and_adds_is_cancelled_with_the_breaker_as_reason() -> None:
    world = World(held=100)
    obliging(world)
    kill, tripped = a_kill(world, tripped=[BreakerName.DAILY_LOSS])
    adding = await world.working(an_intent(1))
    exiting = await world.working(an_exit(2))
    with running(kill.run):
        tripped.set()
        await asyncio.sleep(1)
        assert list(world.book.live_orders) == [exiting.order_id]
        assert world.broker.cancelled == [adding.order_id]
        (sent,) = world.journal.events(ev.CancelSent)
        assert sent.reason == "cancelled by breaker daily_loss"
        await asyncio.sleep(60)
        assert world.broker.cancelled == [adding.order_id], "what is left of ours only shrinks"


async def test_it_is_cancelled_again_until_the_broker_confirms() -> None:
    world = World()
    kill, tripped = a_kill(world, tripped=[BreakerName.DAILY_LOSS])
    adding = await world.working()
    world.broker.word = lambda: world.mirror()
    with running(kill.run):
        tripped.set()
        await asyncio.sleep(30)
        assert len(world.broker.cancelled) >= 3
        assert set(world.broker.cancelled) == {adding.order_id}
        obliging(world)
        await asyncio.sleep(10)
        assert not world.book.live_orders
        told = len(world.broker.cancelled)
        await asyncio.sleep(60)
        assert len(world.broker.cancelled) == told


async def test_without_a_tripped_breaker_of_that_kind_nothing_is_cancelled() -> None:
    world = World()
    kill, tripped = a_kill(world)
    await world.working()
    with running(kill.run):
        tripped.set()
        await asyncio.sleep(20)
    assert world.broker.cancelled == []


async def test_the_loss_ladder_takes_the_entries_back_and_a_restart_carries_on() -> None:
    """BRK-02, BRK-03: no scaling into a loss, whatever rested before it."""
    broken = await Breaking().settle()
    world = broken.world
    world.ledger.record(ev.CashAdjusted("USD", Decimal(0), Decimal(50_000), "test"))
    world.broker.word = lambda: world.mirror()
    adding = await world.working(an_intent(1, limit_price=Decimal(99)))
    exiting = await world.working(an_exit(2))
    with running(broken.kill.run):
        await broken.at(*["97"] * 2)
        assert broken.phase(BreakerName.DAILY_LOSS) is Phase.CLOSED
        assert world.broker.cancelled == []
        await broken.at(*["96"] * 3)
        assert broken.phase(BreakerName.DAILY_LOSS) is Phase.TRIPPED
        assert broken.posture() == "reduce_only"
        assert world.broker.cancelled == [adding.order_id]
        assert exiting.order_id in world.book.live_orders
        outcome = await world.gateway.submit(an_intent(3))
        assert outcome.code == "BREAKER"

    # The process died before the broker had confirmed: the book alone knows what stands.
    later = Breaking(world)
    await later.at("96")
    assert later.breakers.forbidding_entries() == (BreakerName.DAILY_LOSS,)
    obliging(world)
    await later.kill.act()
    assert list(world.book.live_orders) == [exiting.order_id]


async def test_an_override_lets_entries_rest() -> None:
    broken = await Breaking().settle()
    await broken.at(*["95.5"] * 4)
    assert broken.breakers.forbidding_entries() == (BreakerName.DAILY_LOSS,)
    answer = await broken.breakers.override(
        breaker="daily_loss", minutes=5, reason="looked at", by="me"
    )
    assert answer.is_done
    assert broken.breakers.forbidding_entries() == ()


async def test_closing_orders_that_wait_for_the_open_keep_their_place() -> None:
    world = World(held=100)
    obliging(world)
    kill, killed = a_kill(world, must_flatten=True)

    def holds(placed: ApprovedOrder) -> None:
        order = world.book.orders[placed.order_id]
        later(0.2, lambda: world.say(a_status(order, "PreSubmitted")))

    world.broker.on_place = holds
    world.guard.latch(HaltCause.BREAKER, "-0.06", by="breaker loss_kill")
    with running(kill.run):
        killed.set()
        await asyncio.sleep(600)
        assert len(world.broker.placed) == 1
        assert world.broker.cancelled == []
        # It was given up by the broker: what is held is closed anew.
        world.say(a_status(world.book.orders[world.broker.placed[0].order.order_id], "Cancelled"))
        await asyncio.sleep(60)
        assert len(world.broker.placed) == 2
