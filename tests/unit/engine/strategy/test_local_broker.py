"""Orders at no broker: they arrive, fill by the rules, expire, and what only a broker knows is not
said."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.unit.engine.shadows import LATENCY_S, ShadowSite
from tests.unit.engine.world import CON, POLICY, STRATEGY, T0, an_instrument, an_intent
from trader.core.bracket_life import flaws, held
from trader.core.brackets import Role
from trader.core.calendar import ContractHours, Span
from trader.core.ids import REPLAY, OrderId, intent_id
from trader.core.instruments import InstrumentSpec
from trader.core.intents import BracketTerms, OrderType, TimeInForce
from trader.core.orders import OrderState
from trader.core.risk.change import Revision
from trader.engine.outcomes import OutcomeKind
from trader.engine.strategy.local_broker import LocalBroker
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


# ---- brackets

BRACKET = BracketTerms(D(110), D(95))


async def bracket(
    site: ShadowSite, price: str = "100", terms: BracketTerms = BRACKET
) -> dict[Role, OrderId]:
    """Send a bracket of ten; returns its orders by what they are in it."""
    intent = an_intent(
        1, intent_id=intent_id(REPLAY, STRATEGY, 1), limit_price=D(price), bracket=terms
    )
    outcome = await site.shadow.gateway.submit(intent)
    assert outcome.kind is OutcomeKind.SENT, outcome
    await asyncio.sleep(LATENCY_S + 0.01)
    places = {key: row.terms.bracket for key, row in site.book.orders.items()}
    return {place.role: key for key, place in places.items() if place is not None}


async def ended(site: ShadowSite) -> None:
    """Stop, and see that nothing has broken."""
    assert site.shadow.problem == ""
    await site.stop()


async def told(site: ShadowSite, bid: str, ask: str, size: str = "1000") -> None:
    site.quote(bid, ask, size)
    await asyncio.sleep(0.01)


def states(site: ShadowSite) -> dict[Role, OrderState]:
    found = {}
    for row in site.book.orders.values():
        assert row.terms.bracket is not None
        found[row.terms.bracket.role] = row.state
    return found


def over(**changes: OrderState) -> dict[Role, OrderState]:
    return {role: changes[role.value] for role in Role}


FILLED, CANCELLED, WORKING = OrderState.FILLED, OrderState.CANCELLED, OrderState.WORKING
TAKEN = over(entry=FILLED, take_profit=FILLED, stop_loss=CANCELLED)
STOPPED = over(entry=FILLED, take_profit=CANCELLED, stop_loss=FILLED)
PROTECTED = over(entry=FILLED, take_profit=WORKING, stop_loss=WORKING)


async def test_the_legs_wait_for_their_entry_whatever_the_market_does() -> None:
    site = ShadowSite()
    site.quote("100.5", "101")
    await bracket(site)
    await told(site, "111", "112")
    assert set(states(site).values()) == {WORKING}
    assert prices(site) == []
    await ended(site)


@pytest.mark.parametrize(
    ("bid", "price", "end"),
    # The profit at its own price and no better, the stop at what the market gives.
    [("111", "110", TAKEN), ("110", "110", TAKEN), ("95", "95", STOPPED), ("93", "93", STOPPED)],
)
async def test_one_leg_closes_it_and_the_other_is_cancelled(
    bid: str, price: str, end: dict[Role, OrderState]
) -> None:
    site = ShadowSite()
    site.quote("99", "100")
    await bracket(site)
    assert states(site) == PROTECTED
    assert site.book.position_of(CON) == 10
    await told(site, "109.99", "110")
    await told(site, "95.01", "95.02")
    assert states(site) == PROTECTED
    await told(site, bid, "120")
    assert states(site) == end
    assert prices(site) == [(D(10), D(100)), (D(10), D(price))]
    assert [site.book.position_of(CON), *site.book.live_orders] == [0]
    await ended(site)


async def test_an_entry_that_fills_below_its_stop_is_stopped_out_at_once() -> None:
    site = ShadowSite()
    site.quote("99", "101")
    await bracket(site)
    await told(site, "94", "94.5")
    assert prices(site) == [(D(10), D(100)), (D(10), D(94))]
    assert states(site) == STOPPED
    await ended(site)


async def test_an_entry_in_parts_wakes_its_legs_in_parts() -> None:
    site = ShadowSite()
    site.quote("99", "100", "4")
    ids = await bracket(site)
    assert states(site) == over(entry=WORKING, take_profit=WORKING, stop_loss=WORKING)
    # Four are closed while six may still come: nothing is over.
    await told(site, "110", "111", "1000")
    assert prices(site)[1:] == [(D(4), D(110))]
    assert set(states(site).values()) == {WORKING}
    await told(site, "99", "100", "6")
    assert states(site)[Role.ENTRY] is FILLED
    await told(site, "94", "95", "6")
    assert states(site) == STOPPED
    assert [int(site.book.orders[ids[role]].filled) for role in Role] == [10, 4, 6]
    assert site.book.position_of(CON) == 0
    await ended(site)


async def test_a_leg_in_parts_takes_them_off_the_other() -> None:
    site = ShadowSite()
    site.quote("99", "100")
    ids = await bracket(site)
    await told(site, "110", "111", "3")
    assert site.book.position_of(CON) == 7
    assert site.book.orders[ids[Role.STOP_LOSS]].remaining == 7
    await told(site, "95", "96", "5")
    # An elected stop is at the exchange: the profit fills nothing beside it.
    await told(site, "112", "113", "1")
    assert prices(site)[1:] == [(D(3), D(110)), (D(5), D(95)), (D(1), D(112))]
    assert site.book.orders[ids[Role.STOP_LOSS]].filled == 6
    await told(site, "94", "95", "9")
    assert states(site) == STOPPED
    assert site.book.position_of(CON) == 0
    await ended(site)


async def test_a_cancelled_entry_takes_its_legs_along() -> None:
    site = ShadowSite()
    site.quote("99", "101")
    ids = await bracket(site)
    assert site.shadow.gateway.cancel(ids[Role.ENTRY], "no more") is None
    await asyncio.sleep(LATENCY_S + 0.01)
    assert set(states(site).values()) == {CANCELLED}
    await told(site, "94", "95")
    assert prices(site) == []
    await asyncio.sleep(POLICY.order.settle_s + 2)
    assert all(row.is_settled for row in site.book.orders.values())
    await ended(site)


async def test_what_a_cancelled_entry_has_brought_keeps_its_legs_at_that_size() -> None:
    site = ShadowSite()
    site.quote("99", "100", "4")
    ids = await bracket(site)
    site.shadow.gateway.cancel(ids[Role.ENTRY], "no more")
    await asyncio.sleep(LATENCY_S + 0.01)
    assert states(site) == over(entry=CANCELLED, take_profit=WORKING, stop_loss=WORKING)
    await told(site, "111", "112")
    # The profit was sent for ten, and four were all there was.
    assert states(site) == over(entry=CANCELLED, take_profit=FILLED, stop_loss=CANCELLED)
    assert site.book.position_of(CON) == 0
    assert site.book.live_orders == {}
    await ended(site)


async def test_a_profit_that_is_moved_to_the_market_closes_it() -> None:
    site = ShadowSite()
    site.quote("99", "100")
    ids = await bracket(site)
    revision = Revision(limit_price=D("98.90"), reason="leave")
    outcome = await site.shadow.gateway.modify(ids[Role.TAKE_PROFIT], revision)
    assert outcome.kind is OutcomeKind.SENT, outcome
    await asyncio.sleep(LATENCY_S + 0.01)
    assert states(site) == TAKEN
    assert prices(site)[1:] == [(D(10), D(99))]
    await ended(site)


async def test_an_entry_whose_stop_is_taken_away_is_cancelled_as_it_is_live() -> None:
    site = ShadowSite()
    site.quote("99", "101")
    ids = await bracket(site)
    site.shadow.gateway.cancel(ids[Role.STOP_LOSS], "careless")
    await asyncio.sleep(1 + 2 * LATENCY_S + 0.1)
    assert set(states(site).values()) == {CANCELLED}
    assert site.pages.titles() == [
        f"replay: bracket {ids[Role.ENTRY]} without its stop, its entry is cancelled"
    ]
    await ended(site)


async def test_an_entry_of_the_day_goes_with_the_day_and_legs_of_the_day_with_it() -> None:
    site = ShadowSite()
    span = Span(T0 - HOUR, T0 + HOUR)
    hours = ContractHours((span,), (span,), Span(T0 - HOUR, T0 + 48 * HOUR))
    site.hub.add(an_instrument(hours=hours))
    site.quote("99", "101")
    await bracket(site, terms=BracketTerms(D(110), D(95), TimeInForce.DAY))
    await asyncio.sleep(3_500)
    assert set(states(site).values()) == {WORKING}
    await asyncio.sleep(200)
    assert set(states(site).values()) == {CANCELLED}
    await ended(site)


@pytest.mark.parametrize("days", [True, False])
async def test_what_is_held_over_night_keeps_the_legs_that_last(days: bool) -> None:
    site = ShadowSite()
    span = Span(T0 - HOUR, T0 + HOUR)
    hours = ContractHours((span,), (span,), Span(T0 - HOUR, T0 + 48 * HOUR))
    site.hub.add(an_instrument(hours=hours))
    site.quote("99", "100")
    lasts = TimeInForce.DAY if days else TimeInForce.GTC
    await bracket(site, terms=BracketTerms(D(110), D(95), lasts))
    await asyncio.sleep(3_800)
    end = CANCELLED if days else WORKING
    assert states(site) == over(entry=FILLED, take_profit=end, stop_loss=end)
    await ended(site)


async def test_without_a_link_no_bracket_is_taken() -> None:
    site = ShadowSite()
    site.quote("99", "100")
    site.shadow.broker.is_up = lambda: False
    intent = an_intent(
        1, intent_id=intent_id(REPLAY, STRATEGY, 1), limit_price=D(100), bracket=BRACKET
    )
    outcome = await site.shadow.gateway.submit(intent)
    assert outcome.kind is OutcomeKind.WITHHELD
    assert {row.state for row in site.book.orders.values()} == {OrderState.WITHHELD}
    await ended(site)


@pytest.mark.parametrize("seed", range(20))
async def test_in_any_market_a_bracket_closes_what_it_brought_and_no_more(seed: int) -> None:
    """Goal: no flaw, whatever fills in what parts. Method: drawn quotes, at the end a cancel."""
    print(f"seed {seed}")
    chance, site, price = random.Random(seed), ShadowSite(), D(100)
    site.quote("99.99", "100", str(chance.randint(1, 12)))
    ids = await bracket(site, terms=BracketTerms(D("100.60"), D("99.50")))
    for _ in range(60):
        price = max(price + D(chance.randint(-25, 25)) / 100, D(90))
        await told(site, str(price), str(price + D("0.01")), str(chance.randint(1, 4)))
        place = site.book.orders[ids[Role.ENTRY]].terms.bracket
        assert place is not None
        left = held(site.book.orders, place)
        assert site.book.position_of(CON) == left >= 0
        assert flaws(site.book.orders, place, is_stop_missing=False) == ()
    site.shadow.broker.cancel(ids[Role.ENTRY])
    for bid in ("99", "99", "101", "101", "99"):
        await asyncio.sleep(LATENCY_S + 0.01)
        await told(site, bid, "101.5")
    assert site.book.live_orders == {}
    assert site.book.position_of(CON) == 0
    assert site.pages.sent == []
    await ended(site)
