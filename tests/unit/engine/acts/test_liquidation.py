"""Cancels that keep what protects, and a liquidation that ends flat or says exactly why not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import count

import pytest

from tests.unit.engine.orders.test_brackets import working as working_bracket
from tests.unit.engine.world import (
    ACCOUNT,
    BUY,
    CON,
    OTHER_CON,
    SELL,
    World,
    a_position,
    a_status,
    a_ticket,
    an_execution,
    an_exit,
    an_instrument,
    an_intent,
    an_open_row,
    running,
    turns,
)
from trader.core import events as ev
from trader.core.calendar import ContractHours, Span
from trader.core.halts import HaltCause
from trader.core.ids import ClientId, ConId, ExecId, OrderId, OrderRef, PermId, RunId
from trader.core.instruments import Instrument
from trader.core.intents import Side
from trader.core.orders import Order
from trader.core.risk import ApprovedOrder
from trader.core.snapshots import OpenOrderRow
from trader.core.strategy_events import StrategyCheckpointed
from trader.engine.operator import Answer
from trader.engine.outcomes import OutcomeKind
from trader.ports import LinkDown, LinkWord, QuoteTick, SnapshotUnavailable, WorldError


def later(seconds: float, what: Callable[..., object], *arguments: object) -> None:
    asyncio.get_running_loop().call_later(seconds, what, *arguments)


# ---- cancel


def confirming(world: World, after_s: float = 0.5) -> Callable[[OrderId], None]:
    return lambda order_id: later(
        after_s, lambda: world.say(a_status(world.book.orders[order_id], "Cancelled"))
    )


async def test_cancelling_waits_until_each_cancel_is_confirmed() -> None:
    world = World()
    world.broker.on_cancel = confirming(world)
    await world.working(an_intent(1))
    await world.working(an_intent(2))
    answer = await world.desk.cancel_orders(by="me")
    assert answer == Answer(True, "2 of 2 working orders cancelled", code="done")
    assert world.clock.monotonic() == pytest.approx(1_000.5, abs=0.1)


async def test_a_cancel_without_confirmation_is_looked_up_and_told() -> None:
    world = World()
    order = await world.working(an_intent(1))
    answer = await world.desk.cancel_orders(by="me")
    assert not answer.is_done
    assert answer.text == "0 of 1 working orders cancelled"
    assert answer.details == (f"order {order.order_id} BUY 10 AAA: CANCELLING",)
    assert world.broker.snapshot_count == 1
    assert world.clock.monotonic() == pytest.approx(1_003.0, abs=0.2)


async def test_a_cancel_that_cannot_be_sent_is_told() -> None:
    world = World()
    await world.working(an_intent(1))
    world.broker.cancel_error = LinkDown("reset")
    answer = await world.desk.cancel_orders(by="me")
    assert not answer.is_done
    assert "reset" in answer.details[0]


async def test_cancelling_nothing_is_done_at_once() -> None:
    world = World()
    answer = await world.desk.cancel_orders(by="me")
    assert answer.is_done
    assert world.clock.monotonic() == 1_000.0


@pytest.mark.parametrize("looks", [1, 2], ids=["seen once", "with a person"])
async def test_a_ghost_at_the_broker_is_told_when_all_is_cancelled(looks: int) -> None:
    # It is over in the book, so it is none of those that are cancelled: it was told as done.
    world = World()
    order = await world.working()
    world.ledger.record(ev.OrderProvenAbsent(order.order_id, RunId("r"), first_run_id=RunId("r")))
    world.broker.word = lambda: world.mirror(open_orders=(an_open_row(order),))
    for _ in range(looks):
        await asyncio.sleep(3)
        await world.reconciler.run_once("test")
    answer = await world.desk.cancel_orders(by="me")
    assert (answer.is_done, answer.code) == (False, "remains")
    assert any(f"order {order.order_id}" in line and "ghost" in line for line in answer.details)


async def test_an_order_on_its_way_out_is_called_off() -> None:
    world = World()
    world.journal.hold()
    submitted = asyncio.get_running_loop().create_task(world.gateway.submit(an_intent()))
    await turns()
    later(1.0, world.journal.release)
    answer = await world.desk.cancel_orders(by="me")
    assert answer.is_done
    assert (await submitted).kind == "withheld"
    assert world.broker.placed == []


@pytest.mark.parametrize("keeps_exits", [False, True])
async def test_an_order_that_came_meanwhile_is_neither_gone_nor_called_kept(
    keeps_exits: bool,
) -> None:
    world = World()
    first = await world.working(an_intent(1))

    def come(order_id: OrderId) -> None:
        world.broker.on_cancel = lambda _: None
        coming.append(asyncio.get_running_loop().create_task(world.working(an_intent(2))))
        later(1.0, lambda: world.say(a_status(first, "Cancelled")))

    coming: list[asyncio.Task[Order]] = []
    world.broker.on_cancel = come
    answer = await world.desk.cancel_orders(by="me", keeps_exits=keeps_exits)
    second = await coming[0]
    assert (answer.is_done, answer.code) == (False, "remains")
    assert answer.text == "1 of 2 working orders cancelled"
    assert answer.details == (f"order {second.order_id} BUY 10 AAA: WORKING",)


# ---- liquidate


def filling(world: World, *parts: int) -> Callable[[ApprovedOrder], None]:
    """Fill each order after a moment, in parts; what is left of it is cancelled."""

    def fill(placed: ApprovedOrder) -> None:
        def run() -> None:
            order = world.book.orders[placed.order_id]
            for number, part in enumerate(parts or (int(order.terms.quantity),)):
                quantity = min(Decimal(part), order.terms.quantity)
                exec_id = f"9{order.order_id}.{number}.01"
                world.fill(order, exec_id, quantity=quantity, con_id=order.terms.con_id)
            if world.book.live_orders.get(placed.order_id):
                world.say(a_status(order, "Cancelled"))

        later(0.2, run)

    return fill


async def test_liquidating_halts_closes_and_is_flat() -> None:
    world = World(held=10)
    world.broker.on_place = filling(world)
    answer = await world.desk.liquidate(by="me")
    assert (answer.is_done, answer.text, answer.code) == (True, "flat", "done")
    (placed,) = world.broker.placed
    terms = placed.order.terms
    assert (terms.side, terms.quantity, terms.is_reduce_only) == (SELL, Decimal(10), True)
    assert world.guard.has(HaltCause.OPERATOR)
    assert world.book.position_of(CON) == 0


async def test_partial_fills_are_followed_by_the_rest_and_never_cross_zero() -> None:
    # INC-032
    world = World(held=10)
    world.broker.on_place = filling(world, 4)
    answer = await world.desk.liquidate(by="me")
    assert [int(row.order.terms.quantity) for row in world.broker.placed] == [10, 6, 2]
    assert answer.is_done
    assert world.book.position_of(CON) == 0


async def test_a_working_exit_is_cancelled_first_and_counted_if_it_stays() -> None:
    # INC-032: the working stop may fill as well.
    world = World(held=10)
    world.broker.on_place = filling(world)
    stop = await world.working(an_exit(1, quantity=4))
    world.book.orders[stop.order_id]
    world.broker.placed.clear()
    answer = await world.desk.liquidate(by="me")
    assert stop.order_id in world.broker.cancelled
    assert world.book.position_of(CON) == 0
    assert answer.is_done


@pytest.mark.parametrize(("late", "sold"), [(0, [6, 4]), (4, [6]), (1, [6, 3])])
async def test_what_a_cancelled_exit_may_have_sold_is_sold_once_it_is_settled(
    late: int, sold: list[int]
) -> None:
    """INC-024: executions of it may come after its cancel; the rest is not made to wait."""
    world = World(held=10)
    stop = await world.working(an_exit(1, quantity=4))
    world.broker.placed.clear()
    world.broker.on_place = filling(world)
    world.broker.on_cancel = lambda order_id: world.say(a_status(stop, "Cancelled"))
    if late:
        later(4.0, lambda: world.fill(stop, "late.01.01", quantity=Decimal(late)))
    began_s = world.clock.monotonic()
    answer = await world.desk.liquidate(by="me")
    assert [int(row.order.terms.quantity) for row in world.broker.placed] == sold
    assert (answer.is_done, answer.text) == (True, "flat")
    assert world.book.position_of(CON) == 0
    assert world.book.settling == {}
    assert world.clock.monotonic() - began_s < 16


async def test_it_is_not_called_flat_while_a_cancelled_entry_may_have_filled() -> None:
    world = World()
    entry = await world.working()
    world.broker.placed.clear()
    world.broker.on_place = filling(world)
    world.broker.on_cancel = lambda order_id: world.say(a_status(entry, "Cancelled"))
    later(3.0, world.fill, entry, "late.01.01")
    answer = await world.desk.liquidate(by="me")
    assert [int(row.order.terms.quantity) for row in world.broker.placed] == [10]
    assert (answer.is_done, answer.text) == (True, "flat")


def not_listed(world: World) -> None:
    world.broker.word = SnapshotUnavailable("no end")


def held_by_the_broker_alone(world: World) -> None:
    world.broker.word = lambda: world.mirror(positions=(a_position(5),))


def moving(world: World) -> None:
    numbers = count(1)

    def move() -> None:
        for side in (BUY, SELL):
            fill = an_execution(exec_id=ExecId(f"7.{next(numbers)}.01"), side=side)
            world.inbox.put(ev.ExecutionSeen(fill))

    world.broker.on_snapshot = move
    world.broker.word = lambda: world.mirror(positions=(a_position(5),))


@pytest.mark.parametrize(
    ("doubt", "words"),
    [
        (not_listed, "no end"),
        (held_by_the_broker_alone, "position-AAA-101 is open"),
        (moving, "moved meanwhile"),
        (lambda world: world.ledger.record(a_ticket()), "ticket run-position-AAA is open"),
    ],
    ids=["no snapshot", "a dispute", "not compared", "a ticket"],
)
async def test_what_the_book_alone_calls_flat_is_not_done(
    doubt: Callable[[World], object], words: str
) -> None:
    # It was told as flat, and a standing order withdrawn, while the broker held 5.
    world = World()
    await world.reconciler.run_once("long before")
    doubt(world)
    answer = await world.desk.liquidate(by="me")
    assert (answer.is_done, answer.code) == (False, "remains")
    assert answer.text.startswith("flat by the book")
    assert words in answer.text
    assert world.broker.placed == []


@pytest.mark.parametrize("status", ["Submitted", "Cancelled"])
async def test_flat_with_an_order_that_may_fill_is_not_done(status: str) -> None:
    # No cancel was confirmed; or it was, and the broker says that it filled before.
    world = World()
    order = await world.working()
    world.say(a_status(order, status, filled=Decimal(5)))
    answer = await world.desk.liquidate(by="me")
    assert (answer.is_done, answer.code) == (False, "remains")
    assert f"order {order.order_id} may fill" in answer.text


async def test_a_kill_that_keeps_exits_leaves_room_for_one_that_settles() -> None:
    world = World(held=10)
    gone = await world.working(an_exit(1, quantity=6))
    world.gateway.cancel(gone.order_id, "test")
    world.say(a_status(gone, "Cancelled"))
    kept = await world.working(an_exit(2, quantity=4))
    assert (await world.desk.cancel_orders(by="me", keeps_exits=True)).code == "protected"
    assert world.broker.cancelled == [gone.order_id]
    world.fill(gone, "late.01.01", quantity=Decimal(6))
    assert world.book.position_of(CON) == kept.terms.quantity


async def test_an_exit_that_will_not_die_is_left_its_share() -> None:
    world = World(held=10)
    exit_order = await world.working(an_exit(1, quantity=4))
    world.broker.on_place = filling(world)
    world.broker.placed.clear()
    answer = await world.desk.liquidate(by="me")
    assert {int(row.order.terms.quantity) for row in world.broker.placed} == {6}
    assert world.book.position_of(CON) == 4
    assert not answer.is_done
    assert "AAA 4" in answer.text
    # And when it fills after all, the account is flat and not short.
    world.fill(world.book.orders[exit_order.order_id], "77.1.01")
    assert world.book.position_of(CON) == 0


async def test_a_closing_order_without_an_answer_is_never_sent_twice() -> None:
    world = World(held=10)
    world.broker.on_place = lambda placed: later(
        0.1, lambda: world.gateway.mark_unanswered(0.0, "silence")
    )
    # The broker's lists do not reach back far enough to prove anything.
    world.broker.word = lambda: world.mirror(
        open_orders=tuple(an_open_row(row) for row in world.book.live_orders.values())
    )
    answer = await world.desk.liquidate(by="me")
    assert not answer.is_done
    assert len(world.broker.placed) == 1


async def test_a_fill_that_comes_late_does_not_make_it_sell_again() -> None:
    world = World(held=10)

    def fills_late(placed: ApprovedOrder) -> None:
        order = world.book.orders[placed.order_id]
        later(0.2, lambda: world.say(a_status(order)))
        later(10.0, lambda: world.fill(world.book.orders[placed.order_id]))

    world.broker.on_place = fills_late
    answer = await world.desk.liquidate(by="me")
    assert answer.is_done
    assert len(world.broker.placed) == 1
    assert world.book.position_of(CON) == 0


async def test_a_short_position_is_bought_back() -> None:
    world = World(held=-10)
    world.broker.on_place = filling(world)
    assert (await world.desk.liquidate(by="me")).is_done
    assert world.broker.placed[0].order.terms.side is BUY


async def test_it_stops_after_its_bound_and_says_what_is_left() -> None:
    world = World(held=10)
    answer = await world.desk.liquidate(by="me")
    assert not answer.is_done
    assert answer.text == "not flat: AAA 10"
    assert len(world.broker.placed) == 1
    assert world.clock.monotonic() <= 1_000 + 20 + 5


async def test_refused_closing_orders_end_after_a_few_attempts() -> None:
    world = World(held=10)
    untradeable(world)
    answer = await world.desk.liquidate(by="me")
    assert not answer.is_done
    assert world.broker.placed == []
    assert len(answer.details) == 5


def untradeable(world: World) -> None:
    """Let what is held be nothing that the policy lets anybody trade."""
    world.hub.add(an_instrument(is_tradeable=False))


async def test_without_a_quote_it_closes_at_the_market() -> None:
    world = World(held=10)
    world.broker.on_place = filling(world)
    world.hub.quotes.clear()
    assert (await world.desk.liquidate(by="me")).is_done
    (placed,) = world.broker.placed
    assert (str(placed.order.terms.order_type), placed.order.terms.limit_price) == ("MKT", None)
    checks = {row.code: row for row in world.journal.events(ev.IntentReviewed)[-1].checks}
    assert checks["QUOTE_UNUSABLE"].value.startswith("no_quote: no quote: reserved at 1")


async def test_in_a_market_of_one_side_it_closes_at_a_limit_from_that_side() -> None:
    world = World(held=10)
    world.broker.on_place = filling(world)
    world.quote("99.99", "100.01")
    world.hub.on_tick(QuoteTick(CON, "ask", None, world.clock.monotonic()))
    assert (await world.desk.liquidate(by="me")).is_done
    (placed,) = world.broker.placed
    assert str(placed.order.terms.order_type) == "LMT"
    # 2 % below the bid, and on the grid of cents.
    assert placed.order.terms.limit_price == Decimal("98.00")
    assert placed.order.terms.quantity == 10


async def test_while_the_exchange_is_closed_the_close_waits_for_the_open_and_says_so() -> None:
    world = World(held=10)
    now_utc = world.clock.utc()
    day = Span(now_utc + timedelta(hours=10), now_utc + timedelta(hours=17))
    known = Span(now_utc - timedelta(days=1), now_utc + timedelta(days=2))
    world.hub.add(an_instrument(hours=ContractHours((day,), (day,), known)))
    world.hub.on_tick(QuoteTick(CON, "ask", None, world.clock.monotonic()))

    def holds(placed: ApprovedOrder) -> None:
        order = world.book.orders[placed.order_id]
        later(0.2, lambda: world.say(a_status(order, "PreSubmitted")))

    world.broker.on_place = holds
    answer = await world.desk.liquidate(by="me")
    assert (answer.is_done, answer.code) == (False, "waiting")
    assert answer.text == "not flat: AAA 10; the closing orders wait at the broker for the open"
    assert answer.details[-1] == "SELL 10 AAA: waits at the broker (PreSubmitted) for the open"
    (placed,) = world.broker.placed
    assert str(placed.order.terms.order_type) == "MKT"
    assert placed.order.terms.quantity == 10


async def test_only_managed_instruments_are_closed() -> None:
    world = World(held=10)
    world.hub.instruments.clear()
    answer = await world.desk.liquidate(by="me")
    assert world.broker.placed == []
    assert answer.is_done
    world.hub.add(an_instrument())


async def test_what_may_be_managed_and_is_not_described_is_not_flat() -> None:
    world = World(held=10)
    world.hub.instruments.clear()
    world.hub.undescribed = frozenset({"AAA"})
    answer = await world.desk.liquidate(by="me")
    assert world.broker.placed == []
    assert (answer.is_done, answer.code, answer.text) == (False, "remains", "not flat: AAA 10")
    world.hub.add(an_instrument())


async def _undescribed(world: World) -> None:
    """Come up while the broker cannot describe what is held."""
    world.hub.instruments.clear()
    world.broker.is_connected = False
    world.broker.resolve_errors = {"AAA": WorldError("AAA: no contract details within 15 s")}
    await asyncio.sleep(1)
    world.upstream(2104)
    await asyncio.sleep(1)
    assert world.hub.undescribed == {"AAA"}


@pytest.mark.parametrize("after_s", [0, 7])
async def test_what_is_not_described_is_asked_for_at_once_and_closed(after_s: float) -> None:
    """The next try was minutes away, and a liquidation is over by then."""
    world = World(held=10)
    world.broker.on_place = filling(world)
    with running(world.link.run):
        await _undescribed(world)
        # The market data of a farm that has just come back may take some seconds more.
        later(after_s, world.broker.resolve_errors.clear)
        began_s = world.clock.monotonic()
        answer = await world.desk.liquidate(by="me")
    assert (answer.is_done, answer.code) == (True, "done")
    assert world.book.position_of(CON) == 0
    assert world.clock.monotonic() - began_s < after_s + 15


async def test_what_is_described_is_closed_before_what_is_not_is_waited_for() -> None:
    world = World(held=10, symbols=("AAA", "BBB"))
    world.ledger.record(
        ev.PositionAdjusted(OTHER_CON, "BBB", Decimal(0), Decimal(5), "test", "test", Decimal(10))
    )
    world.broker.on_place = filling(world)
    with running(world.link.run):
        await _undescribed(world)
        began_s = world.clock.monotonic()
        answer = await world.desk.liquidate(by="me")
    assert (answer.is_done, answer.code, answer.text) == (False, "remains", "not flat: AAA 10")
    assert world.book.position_of(OTHER_CON) == 0
    assert 1 < world.clock.monotonic() - began_s <= 25


async def test_without_a_reconciliation_nothing_is_sold() -> None:
    world = World(held=10)
    world.broker.word = SnapshotUnavailable("no end")
    answer = await world.desk.liquidate(by="me")
    assert not answer.is_done
    assert answer.details == ("reconciliation: no end",)
    assert world.broker.placed == []


async def test_flat_is_not_claimed_without_a_look() -> None:
    world = World()
    world.broker.word = SnapshotUnavailable("no end")
    answer = await world.desk.liquidate(by="me")
    assert (answer.is_done, answer.code) == (False, "remains")
    assert answer.text == "flat by the book, and nobody knows: no end"


@pytest.mark.parametrize("cause", [HaltCause.LINK, HaltCause.UPSTREAM, HaltCause.HEARTBEAT])
async def test_without_a_link_an_empty_book_proves_nothing(cause: HaltCause) -> None:
    world = World()
    world.broker.word = SnapshotUnavailable("no link")
    world.guard.set_level(cause, "gone")
    answer = await world.desk.liquidate(by="me")
    assert (answer.is_done, answer.code) == (False, "no_link")
    answer = await world.desk.cancel_orders(by="me", keeps_exits=True)
    assert (answer.is_done, answer.code) == (False, "no_link")
    assert answer.text == "0 of 0 working orders cancelled, and no link to see what works"


async def test_an_entry_whose_cancel_was_never_confirmed_is_not_flat() -> None:
    # INC-069
    world = World()
    entry = await world.working(an_intent(1))
    answer = await world.desk.liquidate(by="me")
    assert (answer.is_done, answer.code) == (False, "remains")
    working = f"AAA: order {entry.order_id} may fill, CANCELLING"
    assert answer.text == f"flat by the book, and nobody knows: {working}"


async def test_an_order_of_another_client_id_of_ours_is_no_protection() -> None:
    world = World()
    world.broker.on_cancel = confirming(world)
    entry = await world.working(an_intent(1))
    world.broker.client_id = ClientId(8)
    answer = await world.desk.cancel_orders(by="me", keeps_exits=True)
    assert (answer.is_done, answer.code) == (False, "remains")
    assert answer.text == "0 of 1 working orders cancelled"
    assert answer.details == (f"order {entry.order_id} BUY 10 AAA: WORKING",)


async def test_a_position_that_the_broker_does_not_confirm_is_not_sold() -> None:
    # Assigned, transferred or closed before the broker's day: no execution tells (INC-032).
    world = World(held=10)
    world.broker.word = lambda: world.mirror(positions=())
    answer = await world.desk.liquidate(by="tester")
    assert world.broker.placed == []
    assert not answer.is_done
    assert any("the broker 0" in line for line in answer.details)


async def test_no_close_leaves_on_a_book_of_before_a_loss_of_the_link() -> None:
    # While the disk is slow the link comes and goes, and a stop has sold it: nobody has told us.
    world = World(held=10)
    sold = an_execution(side=SELL, exec_id=ExecId("7.7.01"))
    world.journal.hold()
    closing = asyncio.ensure_future(world.desk.liquidate(by="tester"))
    await asyncio.sleep(0.5)
    assert world.book.live_orders
    world.broker.word = lambda: world.mirror(executions=(sold,), positions=())
    world.say(
        LinkWord("socket", is_up=False, code=0, text="reset"),
        LinkWord("upstream", is_up=True, code=2104, text="farm"),
    )
    world.guard.clear_level(HaltCause.LINK)
    world.journal.release()
    answer = await closing
    assert world.broker.placed == []
    assert answer.text == "flat"
    (withheld,) = world.journal.events(ev.OrderWithheld)
    assert "not compared since the link was lost" in withheld.reason


async def test_of_several_closes_none_leaves_after_a_loss_before_the_next_comparison() -> None:
    world = World(held=10)
    world.upstream(1100)
    world.upstream(1102)
    line = await world.desk._liquidation._close(CON, "tester")
    assert "the link was lost meanwhile" in line
    assert world.broker.placed == []


async def test_a_position_that_moved_while_it_was_compared_is_not_sold_unseen() -> None:
    # INC-032: the broker holds 1, and a fill in the middle of the run hid that from the close.
    world = World(held=10)
    await world.reconciler.run_once("long before")
    moved = an_execution(exec_id=ExecId("7.7.01"), quantity=Decimal(1))
    world.broker.on_snapshot = lambda: world.inbox.put(ev.ExecutionSeen(moved))
    world.broker.word = lambda: world.mirror(positions=(a_position(1),), executions=(moved,))
    answer = await world.desk.liquidate(by="tester")
    assert world.broker.placed == []
    assert any("moved while it was compared" in line for line in answer.details)


async def test_a_position_that_the_broker_shows_late_is_sold_after_all() -> None:
    world = World(held=10)
    world.broker.on_place = filling(world)
    looks = [world.mirror(positions=(a_position(7),))] * 2
    world.broker.word = lambda: looks.pop() if looks else world.mirror()
    answer = await world.desk.liquidate(by="tester")
    assert answer.is_done
    assert [row.order.terms.quantity for row in world.broker.placed] == [10]


async def test_two_liquidations_at_once_sell_once() -> None:
    world = World(held=10)
    world.broker.on_place = filling(world)
    first, second = await asyncio.gather(
        world.desk.liquidate(by="me"), world.desk.liquidate(by="you")
    )
    assert first.is_done
    assert second.is_done
    assert len(world.broker.placed) == 1


async def test_the_operators_intents_have_numbers_of_their_own_over_restarts() -> None:
    world = World(held=10)
    world.broker.on_place = filling(world, 4)
    await world.desk.liquidate(by="me")
    ids = [row.order.terms.intent_id for row in world.broker.placed]
    assert ids == [f"abc123-operator-{number}" for number in (1, 2, 3)]
    assert world.journal.events(StrategyCheckpointed)[-1].intent_count == 3


# ---- what protects stays; what is a stranger's is left and told


def by_hand(side: Side, quantity: int, kind: str = "STP", con_id: ConId = CON) -> OpenOrderRow:
    """An order that a person entered, as the broker lists it."""
    return OpenOrderRow(
        order_id=OrderId(0),
        client_id=ClientId(0),
        perm_id=PermId(777),
        order_ref=OrderRef(""),
        account=ACCOUNT,
        con_id=con_id,
        symbol="AAA",
        side=side,
        quantity=Decimal(quantity),
        order_type=kind,
        limit_price=None,
        status="Submitted",
    )


def listing(world: World, *rows: OpenOrderRow) -> None:
    """Have the broker list these beside ours."""

    def word() -> object:
        agreed = world.mirror()
        return replace(agreed, open_orders=(*agreed.open_orders, *rows))

    world.broker.word = word


async def test_a_kill_without_liquidation_keeps_what_protects() -> None:
    world = World(held=10)
    world.broker.on_cancel = confirming(world)
    stop = await world.working(an_exit(1, quantity=10))
    entry = await world.working(an_intent(2))
    answer = await world.desk.cancel_orders(by="me", keeps_exits=True)
    assert world.broker.cancelled == [entry.order_id]
    assert (answer.is_done, answer.code) == (True, "protected")
    assert answer.details == (
        f"kept, protective: client 7 order {stop.order_id}: SELL 10 AAA MKT (WORKING)",
    )


async def test_the_exit_of_a_stranger_is_not_sold_twice() -> None:
    world = World(held=10)
    listing(world, by_hand(SELL, 4))
    world.broker.on_place = filling(world)
    answer = await world.desk.liquidate(by="me")
    assert [int(row.order.terms.quantity) for row in world.broker.placed] == [6]
    assert (answer.is_done, answer.code) == (False, "remains")
    assert "AAA 4" in answer.text
    assert any("entered by hand: SELL 4 AAA STP" in line for line in answer.details)


async def test_flat_with_an_order_of_a_stranger_is_not_done() -> None:
    world = World()
    listing(world, by_hand(BUY, 4, "LMT"))
    answer = await world.desk.liquidate(by="me")
    assert (answer.is_done, answer.code) == (False, "remains")
    assert answer.text == "flat, but orders of others work"


async def test_everything_means_a_global_cancel_and_unmanaged_positions_too() -> None:
    world = World(held=10)
    world.ledger.record(
        ev.PositionAdjusted(OTHER_CON, "ZZZ", Decimal(0), Decimal(5), "transfer", "test")
    )
    world.broker.beyond[OTHER_CON] = an_instrument(con_id=OTHER_CON, symbol="ZZZ")
    world.broker.on_place = filling(world)
    told: list[str] = []
    world.broker.on_cancel_everything = lambda: told.append("global")
    later(0.5, world.quote, "100", "100.02", OTHER_CON)
    answer = await world.desk.liquidate(by="me", is_everything=True)
    assert told == ["global"]
    assert (answer.is_done, answer.code) == (True, "done")
    sold = {(row.order.terms.con_id, int(row.order.terms.quantity)) for row in world.broker.placed}
    assert sold == {(CON, 10), (OTHER_CON, 5)}
    assert any("protective stops" in line for line in answer.details)
    assert world.hub.by_symbol("ZZZ") is None


async def test_what_was_taken_in_to_be_closed_cannot_be_traded_afterwards() -> None:
    """An instrument that nobody has configured passed the review after the resume."""
    world = World()
    world.ledger.record(
        ev.PositionAdjusted(OTHER_CON, "ZZZ", Decimal(0), Decimal(5), "transfer", "test")
    )
    world.broker.beyond[OTHER_CON] = an_instrument(con_id=OTHER_CON, symbol="ZZZ")
    world.broker.on_place = filling(world)
    later(0.5, world.quote, "100", "100.02", OTHER_CON)
    assert (await world.desk.liquidate(by="me", is_everything=True)).is_done
    assert (await world.desk.resume(reason="flat", by="me")).is_done
    bought = await world.gateway.submit(an_intent(con_id=OTHER_CON))
    assert (bought.kind, bought.code) == (OutcomeKind.REFUSED, "INSTRUMENT_UNKNOWN")


@pytest.mark.parametrize("link_s", [0.05, 0.2])
async def test_what_the_link_has_described_meanwhile_stays_tradeable(link_s: float) -> None:
    """It is configured, and nobody would have described it again before the next connect."""
    world = World(held=10)
    world.hub.instruments.clear()
    configured, by_id = an_instrument(), an_instrument()
    world.broker.on_place = filling(world)
    world.broker.beyond[CON] = by_id
    resolve_id = world.broker.resolve_id

    async def slowly(con_id: ConId) -> Instrument:
        await asyncio.sleep(0.1)
        return await resolve_id(con_id)

    world.broker.resolve_id = slowly  # type: ignore[method-assign]
    later(link_s, world.hub.add, configured)
    assert (await world.desk.liquidate(by="me", is_everything=True)).is_done
    assert world.hub.instruments[CON] is configured


async def test_cancelling_everything_takes_off_what_protects_and_what_is_of_others() -> None:
    world = World(held=10)
    world.broker.on_cancel = confirming(world)
    stop = await world.working(an_exit(1, quantity=10))
    listing(world, by_hand(BUY, 4, "LMT"))
    await world.reconciler.run_once("test")
    world.broker.on_cancel_everything = lambda: later(0.5, listing, world)
    answer = await world.desk.cancel_orders(by="me", is_everything=True)
    assert (answer.is_done, answer.code) == (True, "done")
    assert world.broker.cancelled == [stop.order_id]
    assert world.broker.placed[1:] == [], "nothing was asked to be closed"
    assert world.book.foreign == {}


async def test_cancelling_everything_tells_what_a_global_cancel_left() -> None:
    # INC-069
    world = World()
    listing(world, by_hand(BUY, 4, "LMT"))
    answer = await world.desk.cancel_orders(by="me", is_everything=True)
    assert (answer.is_done, answer.code) == (False, "remains")
    assert "entered by hand: BUY 4 AAA LMT" in answer.details[-1]
    world.broker.word = SnapshotUnavailable("no end")
    answer = await world.desk.cancel_orders(by="me", is_everything=True)
    assert not answer.is_done
    assert "reconciliation: no end" in answer.details


async def test_what_cannot_be_resolved_is_told_and_is_not_flat() -> None:
    world = World()
    world.ledger.record(
        ev.PositionAdjusted(OTHER_CON, "ZZZ", Decimal(0), Decimal(5), "transfer", "test")
    )
    answer = await world.desk.liquidate(by="me", is_everything=True)
    assert world.broker.placed == []
    assert (answer.is_done, answer.code) == (False, "remains")
    assert answer.text == "not flat: ZZZ 5"
    assert any("ZZZ 5" in line for line in answer.details)
    assert not answer.is_done
    assert answer.text.startswith("not flat")


async def test_a_closing_order_that_the_broker_holds_ends_the_wait() -> None:
    world = World(held=10)
    world.broker.on_place = lambda placed: later(
        0.1, lambda: world.say(a_status(world.book.orders[placed.order_id], "PreSubmitted"))
    )
    answer = await world.desk.liquidate(by="me")
    assert (answer.is_done, answer.code) == (False, "waiting")
    assert world.clock.monotonic() < 1_010
    assert len(world.broker.placed) == 1


@pytest.mark.parametrize(
    ("cause", "code"),
    [(HaltCause.LINK, "no_link"), (HaltCause.UPSTREAM, "no_link"), (HaltCause.JOURNAL, "journal")],
)
async def test_what_the_daemon_cannot_do_has_a_code_of_its_own(cause: HaltCause, code: str) -> None:
    world = World(held=10)
    if cause is HaltCause.JOURNAL:
        world.journal.fail("disk full")
    else:
        world.guard.set_level(cause, "gone")
    answer = await world.desk.liquidate(by="me")
    assert (answer.is_done, answer.code) == (False, code)
    assert world.broker.placed == []


async def test_a_close_that_the_review_refuses_is_told_as_such() -> None:
    world = World(held=10)
    untradeable(world)
    assert (await world.desk.liquidate(by="me")).code == "refused"


async def test_a_cancel_is_complete_only_when_no_second_order_is_left_under_it() -> None:
    """INC-085: the broker confirms one of two, and the other lives on under the same id."""
    world = World()
    order = await world.working(an_intent(1))
    first = an_open_row(order)
    second = replace(first, perm_id=PermId(77))
    alive = [first, second]
    world.broker.word = lambda: world.mirror(open_orders=tuple(alive))

    def ends_one(order_id: OrderId) -> None:
        if alive:
            alive.pop(0)
            world.say(a_status(world.book.orders[order_id], "Cancelled"))

    await world.reconciler.run_once("test")
    world.broker.on_cancel = ends_one
    answer = await world.desk.cancel_orders(by="me")
    assert alive == []
    assert answer.is_done, answer
    assert world.broker.cancelled.count(order.order_id) >= 2
    assert world.book.foreign == {}


async def test_a_second_order_that_no_cancel_finds_is_told() -> None:
    world = World()
    order = await world.working(an_intent(1))
    first = an_open_row(order)
    second = replace(first, perm_id=PermId(77))
    world.broker.word = world.mirror(open_orders=(first, second))
    await world.reconciler.run_once("test")

    def confirms(order_id: OrderId) -> None:
        world.say(a_status(world.book.orders[order_id], "Cancelled"))
        world.broker.word = world.mirror(open_orders=(second,))

    world.broker.on_cancel = confirms
    answer = await world.desk.cancel_orders(by="me")
    assert (answer.is_done, answer.code) == (False, "remains")
    assert f"order {order.order_id}: lives as permId 77 beside it" in answer.details


# ---- brackets


def ending(world: World, legs: tuple[Order, ...], filled: int) -> Callable[[OrderId], None]:
    """Fill an entry in the moment of its cancel, and end its legs with it if nothing is held."""

    def confirm(order_id: OrderId) -> None:
        if filled:
            world.fill(world.book.orders[order_id], quantity=Decimal(filled))
        if filled < 10:
            later(0.5, lambda: world.say(a_status(world.book.orders[order_id], "Cancelled")))
        for leg in legs if not filled else ():
            later(0.6, world.say, a_status(leg, "Cancelled"))

    return confirm


@pytest.mark.parametrize("filled", [0, 4, 10])
async def test_a_cancel_that_keeps_exits_leaves_legs_to_their_entry(filled: int) -> None:
    """A breaker that cancels in a falling market: the entry fills before its cancel arrives."""
    world = World()
    entry, *legs = await working_bracket(world)
    world.broker.on_cancel = ending(world, tuple(legs), filled)
    answer = await world.desk.cancel_orders(by="me", keeps_exits=True)
    assert world.broker.cancelled == [entry.order_id]
    assert answer.is_done
    assert answer.code == ("protected" if filled else "done")
    left = {row.order_id for row in world.gateway.working_orders()}
    assert left == ({row.order_id for row in legs} if filled else set())


async def test_legs_that_outlive_their_entry_are_cancelled_by_the_next_round() -> None:
    world = World()
    entry, profit, stop = await working_bracket(world)
    world.broker.on_cancel = confirming(world)
    answer = await world.desk.cancel_orders(by="me", keeps_exits=True)
    assert (answer.is_done, answer.code) == (False, "remains")
    assert world.desk.has_entries()
    answer = await world.desk.cancel_orders(by="me", keeps_exits=True)
    assert (answer.is_done, answer.code) == (True, "done")
    assert world.broker.cancelled == [entry.order_id, profit.order_id, stop.order_id]


async def test_flat_beside_a_leg_that_works_is_not_done() -> None:
    """It has nothing to close: what it fills opens a position, and its cancel is not confirmed."""
    world = World()
    entry, profit, stop = await working_bracket(world)
    world.fill(entry)
    world.fill(profit, "0002.aa.01.01")
    assert world.book.position_of(CON) == 0
    answer = await world.desk.liquidate(by="me")
    assert (answer.is_done, answer.code) == (False, "remains")
    assert f"order {stop.order_id} may fill, CANCELLING" in answer.text
