"""An order is told to an emergency with what is left of it, ours or not."""

from __future__ import annotations

from decimal import Decimal

from tests.unit.engine.world import CON, SELL, World, a_status
from trader.core import events as ev
from trader.core.ids import ClientId, PermId
from trader.engine.orders.resting import resting, resting_foreign


async def test_an_order_of_ours_rests_with_what_is_left_of_it() -> None:
    world = World()
    order = await world.working()
    world.fill(order, quantity=Decimal(4))
    world.say(a_status(order, filled=Decimal(4), remaining=Decimal(6)))
    row = resting(world.book.orders[order.order_id])
    assert row.remaining == 6
    assert (row.con_id, row.order_id) == (CON, order.order_id)
    assert row.perm_id == 9_000 + order.order_id


def test_an_order_of_somebody_else_rests_with_its_whole_size() -> None:
    seen = ev.ForeignOrderSeen(
        PermId(77), ClientId(0), CON, "AAA", SELL, Decimal(10), "STP", "Submitted"
    )
    row = resting_foreign(seen)
    assert row.remaining == 10
    assert (row.order_id, row.is_stop) == (0, True)
