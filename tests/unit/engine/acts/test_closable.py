"""What may be closed: what is held and no exit takes off already, where book and broker agree."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.unit.engine.acts.test_liquidation import by_hand, listing
from tests.unit.engine.world import BUY, CON, SELL, World, an_execution, an_exit, an_intent
from trader.core import events as ev
from trader.core.ids import ExecId
from trader.engine.acts.closable import Closable

D = Decimal


def closable(world: World) -> Decimal | str:
    asked = Closable(world.services, gateway=world.gateway, reconciler=world.reconciler)
    return asked.quantity(CON)


async def test_what_is_held_may_be_closed_but_not_what_exits_take_off_already() -> None:
    world = World(held=100)
    assert closable(world) == D(100)
    await world.working(an_exit(1, 30))
    assert closable(world) == D(70)
    await world.working(an_exit(2, 70))
    assert closable(world) == "exits of 100 are working or settling already"


async def test_an_entry_that_works_takes_nothing_off() -> None:
    world = World(held=50)
    await world.working(an_intent(1))
    assert closable(world) == D(50)


@pytest.mark.parametrize(("side", "left"), [(SELL, D(60)), (BUY, D(100))])
async def test_what_a_stranger_takes_off_counts(side: object, left: Decimal) -> None:
    world = World(held=100)
    listing(world, by_hand(side, 40))  # type: ignore[arg-type]
    await world.reconciler.run_once("test")
    assert closable(world) == left


async def test_nothing_is_closed_on_a_book_that_was_not_compared_since_a_loss() -> None:
    world = World(held=100)
    world.upstream(1100)
    world.upstream(1102)
    assert closable(world) == "not closed yet, the link was lost meanwhile"
    await world.reconciler.run_once("test")
    assert closable(world) == D(100)


async def test_what_the_broker_does_not_confirm_is_not_closed() -> None:
    world = World(held=100)
    world.broker.word = lambda: world.mirror(positions=())
    await world.reconciler.run_once("test")
    told = closable(world)
    assert isinstance(told, str)
    assert told.startswith("not closed, ")


async def test_what_moved_while_it_was_compared_is_not_closed_unseen() -> None:
    world = World(held=100)
    await world.reconciler.run_once("long before")
    moved = an_execution(exec_id=ExecId("7.7.01"), quantity=D(1))
    world.broker.on_snapshot = lambda: world.inbox.put(ev.ExecutionSeen(moved))
    await world.reconciler.run_once("test")
    assert closable(world) == "not closed yet, it moved while it was compared"
