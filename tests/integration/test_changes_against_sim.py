"""Changes and cancels of working orders against the simulator, over a real socket.

Method: the adapter's broker and the daemon's own pacer, one simulator for each test; what became
of an order is asked of the simulator, in a snapshot of its open orders.
"""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.integration import test_ibkr_against_sim as first
from tests.integration.test_ibkr_against_sim import Sim
from tests.unit.ibkr.fake_gateway import approved_order
from trader.core.changes import ChangeTerms
from trader.core.events import Evidence, OpenOrderSeen, OrderErrorSeen
from trader.core.halts import Lane
from trader.core.ids import OrderId
from trader.core.intents import OrderType
from trader.core.orders import Order, OrderState, changed_terms
from trader.core.risk import Approved, ApprovedChange
from trader.core.risk.values import REVIEWED
from trader.engine.pacer import LanePacer
from trader.ops.clock import SystemClock

D = Decimal
sim = first.sim
FAR = {"symbol": "AAPL", "price": "200"}


def a_change(sim: Sim, order_id: OrderId, limit: str, quantity: int = 100) -> ApprovedChange:
    """Return an approved change of an order that :meth:`Sim.place` made."""
    first = approved_order(order_id, OrderType.LIMIT, account=sim.account)
    wanted = ChangeTerms(D(quantity), D(limit), None, D(limit))
    intent = replace(first.approval.intent, quantity=D(quantity), limit_price=D(limit))
    approval = Approved(intent, (), first.approval.instrument, D(limit), REVIEWED)
    order = Order(
        order_id,
        first.client_id,
        first.order_ref,
        first.terms,
        datetime.now(UTC),
        OrderState.WORKING,
    )
    return ApprovedChange(approval, order, changed_terms(first.terms, wanted))


async def until_open(sim: Sim, count: int) -> None:
    """Wait until the broker shows so many open orders; slowly, for it counts our messages."""
    async with asyncio.timeout(15):
        while len((await sim.broker.snapshot()).open_orders) != count:  # noqa: ASYNC110
            await asyncio.sleep(0.3)


async def resting(sim: Sim) -> OrderId:
    await sim.tell("price", **FAR)
    order_id = sim.place(OrderType.LIMIT)
    await sim.until(lambda: any(row.status == "Submitted" for row in sim.of_type(OpenOrderSeen)))
    return order_id


async def test_a_change_is_echoed_with_its_terms_and_keeps_the_orders_identity(sim: Sim) -> None:
    order_id = await resting(sim)
    perm_id = sim.of_type(OpenOrderSeen)[-1].perm_id
    sim.broker.modify(a_change(sim, order_id, "189.50", 80))
    await sim.until(lambda: sim.of_type(OpenOrderSeen)[-1].quantity == 80)
    seen = sim.of_type(OpenOrderSeen)[-1]
    assert (seen.limit_price, seen.stop_price, seen.time_in_force) == (D("189.50"), None, "DAY")
    (row,) = (await sim.broker.snapshot()).open_orders
    assert (row.perm_id, row.quantity, row.limit_price) == (perm_id, D(80), D("189.50"))
    assert sim.of_type(OrderErrorSeen) == []


async def test_a_refused_change_leaves_the_order_as_it_was(sim: Sim) -> None:
    """INC-015."""
    order_id = await resting(sim)
    sim.broker.modify(a_change(sim, order_id, "189.501"))
    await sim.until(lambda: bool(sim.of_type(OrderErrorSeen)))
    assert sim.of_type(OrderErrorSeen)[0].code == 110
    assert sim.of_type(OrderErrorSeen)[0].evidence is Evidence.REJECTS_NEW
    (row,) = (await sim.broker.snapshot()).open_orders
    assert (row.order_id, row.limit_price) == (order_id, D("190.10"))


@pytest.mark.parametrize("is_hidden", [False, True])
async def test_a_change_that_became_a_second_order_shows_as_two_and_one_cancel_leaves_one(
    sim: Sim, is_hidden: bool
) -> None:
    """INC-085: with the first gone the id means the second, or nothing does but its permId."""
    order_id = await resting(sim)
    await sim.tell("double-change", hidden=is_hidden)
    sim.broker.modify(a_change(sim, order_id, "189.50"))
    await until_open(sim, 2)
    rows = (await sim.broker.snapshot()).open_orders
    assert len({row.perm_id for row in rows}) == 2
    assert {row.order_ref for row in rows} == {rows[0].order_ref}
    sim.broker.cancel(order_id)
    await until_open(sim, 1)
    sim.broker.cancel(order_id)
    if is_hidden:
        await sim.until(lambda: sim.of_type(OrderErrorSeen)[-1].code == 10148)
    await until_open(sim, 1 if is_hidden else 0)


async def test_two_hundred_cancels_draw_no_error_and_leave_nothing(sim: Sim) -> None:
    """INC-061: more than 50 messages in a second draw 100, and then the connection ends."""
    await sim.tell("price", **FAR)
    pacer_clock = SystemClock()
    pacer = LanePacer(pacer_clock, 30.0, 15.0)
    order_ids: list[OrderId] = []

    for number in range(1, 201):
        assert await pacer.take(Lane.OPERATOR, pacer_clock.monotonic() + 5)
        order_ids.append(sim.place(OrderType.LIMIT, number=number))
    for order_id in order_ids:
        assert await pacer.take(Lane.CANCEL, pacer_clock.monotonic() + 5)
        sim.broker.cancel(order_id)
    await until_open(sim, 0)
    errors = {row.code for row in sim.of_type(OrderErrorSeen)}
    assert errors == {202}
    assert sim.broker.is_connected
