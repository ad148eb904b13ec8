"""Orders at no broker: they arrive, fill by the rules, expire, and what only a broker knows is not
said."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.unit.engine.shadows import LATENCY_S, ShadowSite
from tests.unit.engine.world import CON, STRATEGY, T0, an_instrument, an_intent
from trader.core.calendar import ContractHours, Span
from trader.core.ids import REPLAY, OrderId, intent_id
from trader.core.instruments import InstrumentSpec
from trader.core.intents import BracketTerms, OrderType
from trader.core.orders import OrderState
from trader.engine.local_broker import LocalBroker
from trader.engine.outcomes import OutcomeKind
from trader.ports import LinkDown, SnapshotUnavailable, WorldError

D = Decimal
HOUR = timedelta(hours=1)


async def limit(site: ShadowSite, number: int, price: str, quantity: int = 10) -> OrderId:
    intent = an_intent(
        number,
        intent_id=intent_id(REPLAY, STRATEGY, number),
        quantity=D(quantity),
        order_type=OrderType.LIMIT,
        limit_price=D(price),
    )
    outcome = await site.shadow.gateway.submit(intent)
    assert outcome.kind is OutcomeKind.SENT, outcome
    assert outcome.order_id is not None
    await asyncio.sleep(LATENCY_S + 0.01)
    return outcome.order_id


def prices(site: ShadowSite) -> list[tuple[Decimal, Decimal]]:
    return [(row.execution.quantity, row.execution.price) for row in site.book.fills.values()]


async def test_no_tick_is_left_out_for_an_order_that_waits() -> None:
    site = ShadowSite()
    site.quote("99", "101")
    order_id = await limit(site, 1, "100")
    assert site.book.orders[order_id].state is OrderState.WORKING
    # All within one turn of the loop: the touch is over before anybody could look again.
    site.quote("99", "99.5")
    site.quote("99", "101")
    await asyncio.sleep(0.01)
    assert prices(site) == [(D(10), D(100))]
    await site.stop()


async def test_parts_fill_as_the_broker_tells_of_more_and_each_pays_its_commission() -> None:
    site = ShadowSite()
    site.quote("99", "101", "4")
    order_id = await limit(site, 1, "102")
    assert prices(site) == [(D(4), D(101))]
    await asyncio.sleep(1)
    assert len(prices(site)) == 1
    site.quote("99", "101", "5")
    await asyncio.sleep(0.01)
    site.quote("99", "101", "5")
    await asyncio.sleep(0.01)
    assert prices(site) == [(D(4), D(101)), (D(5), D(102)), (D(1), D(102))]
    assert site.book.orders[order_id].state is OrderState.FILLED
    assert len(site.book.commissions) == 3
    await site.stop()


async def test_an_order_of_the_day_is_over_when_the_exchange_has_closed() -> None:
    site = ShadowSite()
    span = Span(T0 - HOUR, T0 + HOUR)
    hours = ContractHours((span,), (span,), Span(T0 - HOUR, T0 + 48 * HOUR))
    site.hub.add(an_instrument(hours=hours))
    site.quote("99", "101")
    order_id = await limit(site, 1, "96")
    await asyncio.sleep(3_500)
    assert site.book.orders[order_id].state is OrderState.WORKING
    await asyncio.sleep(200)
    site.quote("80", "81")
    await asyncio.sleep(2)
    assert prices(site) == []
    assert site.book.orders[order_id].state is OrderState.CANCELLED
    await site.stop()


async def test_without_a_link_nothing_is_taken_and_nothing_fills() -> None:
    site = ShadowSite()
    broker = site.shadow.broker
    site.quote("99", "101")
    order_id = await limit(site, 1, "100")
    up = [False]
    broker.is_up = lambda: up[0]
    site.quote("98", "99")
    await asyncio.sleep(1)
    assert prices(site) == []
    with pytest.raises(LinkDown):
        broker.cancel(order_id)
    up[0] = True
    site.quote("98", "99")
    await asyncio.sleep(1)
    assert prices(site) == [(D(10), D(100))]
    await site.stop()


async def test_everything_can_be_taken_off_and_a_late_cancel_is_no_news() -> None:
    site = ShadowSite()
    site.quote("99", "101")
    first, second = await limit(site, 1, "96"), await limit(site, 2, "97")
    site.shadow.broker.cancel_everything()
    site.shadow.broker.cancel(first)
    await asyncio.sleep(1)
    assert {site.book.orders[key].state for key in (first, second)} == {OrderState.CANCELLED}
    await site.stop()


async def test_ids_count_up_and_none_is_given_twice() -> None:
    broker: LocalBroker = ShadowSite().shadow.broker
    assert [broker.allocate_order_id() for _ in range(2)] == [1, 2]
    broker.raise_order_ids(OrderId(40))
    broker.raise_order_ids(OrderId(7))
    assert broker.allocate_order_id() == 41
    await asyncio.sleep(0)


async def test_what_only_a_broker_knows_is_not_said() -> None:
    site = ShadowSite()
    broker, instrument = site.shadow.broker, an_instrument()
    for asked in (
        broker.connect(OrderId(0)),
        broker.preview(an_intent(), instrument),
        broker.resolve(InstrumentSpec("AAA")),
        broker.resolve_id(CON),
        broker.subscribe(instrument),
        broker.subscribe_account(),
    ):
        with pytest.raises(WorldError, match="no broker is here"):
            await asked
    with pytest.raises(SnapshotUnavailable):
        await broker.snapshot()
    with pytest.raises(SnapshotUnavailable):
        await broker.executions()
    assert broker.reread((), 0).problem == "no broker is here"
    assert (await broker.heartbeat()).server_utc == site.clock.utc()
    assert broker.heard_s == site.clock.monotonic()
    broker.disconnect()
    await site.stop()


async def test_a_bracket_is_withheld_whole() -> None:
    """Without the broker's own groups its legs would fill as they would not there."""
    site = ShadowSite()
    site.quote("99", "101")
    intent = an_intent(
        1, intent_id=intent_id(REPLAY, STRATEGY, 1), limit_price=D(100),
        bracket=BracketTerms(D(110), D(95)),
    )  # fmt: skip
    outcome = await site.shadow.gateway.submit(intent)
    assert (outcome.kind, outcome.code) == (OutcomeKind.WITHHELD, "WITHHELD")
    assert "a bracket is not played without a broker" in outcome.text
    assert {row.state for row in site.book.orders.values()} == {OrderState.WITHHELD}
    await site.stop()
