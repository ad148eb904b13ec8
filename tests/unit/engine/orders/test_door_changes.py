"""One key, one change or cancel of an order: whatever is repeated, raced, refused or restarted."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.engine.world import VirtualLoop, World, a_status, an_echo, an_intent, turns
from trader.core import events as ev
from trader.core import request_events as rq
from trader.core.book import Book
from trader.core.halts import HaltCause, Lane, Mode
from trader.core.ids import OrderId
from trader.core.orders import Order
from trader.engine.orders.door import OrderDoor
from trader.engine.orders.wishes import CancelWish, ChangeWish, Turn, Verdict
from trader.ports import LinkDown, SendUncertain

D = Decimal


async def at_work() -> tuple[World, Order, OrderDoor]:
    world = World()
    order = await world.working()
    return world, order, OrderDoor(world.services, world.gateway)


def a_change(order_id: OrderId, **terms: Any) -> ChangeWish:
    given: dict[str, Any] = {"quantity": D(12), "limit_price": None, "stop_price": None}
    return ChangeWish(order_id, **given | terms, mode=Mode.PAPER, reason="more")


def a_cancel(order_id: OrderId) -> CancelWish:
    return CancelWish(order_id, Mode.PAPER, "enough")


def restarted(world: World) -> tuple[World, OrderDoor]:
    """Return a world and a door whose book is what the journal of another one amounts to."""
    after, book = World(), Book()
    for row in world.journal.rows:
        book.apply(row)
    after.journal.rows = list(world.journal.rows)
    after.book.__dict__.update(book.__dict__)
    return after, OrderDoor(after.services, after.gateway)


# ---- changes


async def test_a_change_passes_the_gate_and_is_promised_with_its_key() -> None:
    world, order, door = await at_work()
    verdict = await door.change("k1", a_change(order.order_id), "alice")
    assert verdict == Verdict(
        Turn.DECIDED, "", "approved", is_approved=True, order_id=order.order_id,
        state="WORKING", change_number=1, change_state="SENT",
    )  # fmt: skip
    ((change, durable),) = world.broker.changed
    assert change.terms.quantity == 12
    (planned,) = world.journal.events(ev.ModifyPlanned)
    assert (planned.request, planned.reason) == ("k1", "more (by alice)")
    assert planned in durable
    kinds = world.journal.kinds()
    assert kinds.index("OrderRequestReceived") < kinds.index("ModifyPlanned")
    (asked,) = world.journal.events(rq.OrderRequestReceived)
    assert (asked.key, asked.order_id, asked.by) == ("k1", order.order_id, "alice")


async def test_the_same_key_again_gives_the_same_verdict_and_no_second_change() -> None:
    world, order, door = await at_work()
    first = await door.change("k1", a_change(order.order_id), "alice")
    world.say(an_echo(world.order(), quantity=D(12)))
    again = await door.change("k1", a_change(order.order_id, quantity=D("12.0")), "alice")
    assert again == replace(first, change_state="APPLIED")
    # Somebody else changes it since: the key does not change it back.
    await door.change("k2", a_change(order.order_id, quantity=D(14)), "bob")
    world.say(an_echo(world.order(), quantity=D(14)))
    assert await door.change("k1", a_change(order.order_id), "alice") == replace(
        first, change_state=""
    )
    assert [change.terms.quantity for change, _ in world.broker.changed] == [12, 14]


async def test_fifty_at_once_with_one_key_make_one_change() -> None:
    world, order, door = await at_work()
    world.journal.hold()
    wish = a_change(order.order_id)
    asked = [asyncio.create_task(door.change("k1", wish, "alice")) for _ in range(50)]
    await turns()
    assert not any(task.done() for task in asked)
    world.journal.release()
    assert len(set(await asyncio.gather(*asked))) == 1
    assert len(world.broker.changed) == 1


@pytest.mark.parametrize(
    "terms", [{"quantity": D(13)}, {"limit_price": D(99)}, {"quantity": None, "stop_price": D(9)}]
)
async def test_the_same_key_with_another_change_is_refused_loudly(terms: dict[str, Any]) -> None:
    world, order, door = await at_work()
    await door.change("k1", a_change(order.order_id), "alice")
    for wish in (a_change(order.order_id, **terms), a_change(OrderId(99))):
        verdict = await door.change("k1", wish, "alice")
        assert (verdict.turn, verdict.code) == (Turn.CONFLICT, "KEY_REUSED")
        assert verdict.text.endswith(f"order {order.order_id}")
    verdict = await door.cancel("k1", a_cancel(order.order_id), "alice")
    assert (verdict.turn, verdict.code) == (Turn.CONFLICT, "KEY_REUSED")
    assert len(world.broker.changed) == 1
    assert world.broker.cancelled == []


async def test_a_change_meant_for_another_mode_is_no_change() -> None:
    world, order, door = await at_work()
    wish = replace(a_change(order.order_id), mode=Mode.LIVE)
    verdict = await door.change("k1", wish, "alice")
    assert (verdict.turn, verdict.code) == (Turn.CONFLICT, "MODE_MISMATCH")
    assert not world.journal.events(rq.OrderRequestReceived)


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"quantity": D(10)}, "CHANGE_INVALID"),
        ({"quantity": D(100_000)}, "QUANTITY_MAX"),
        ({"stop_price": D(90)}, "CHANGE_INVALID"),
    ],
)
async def test_a_refusal_is_the_keys_for_good(terms: dict[str, Any], code: str) -> None:
    world, order, door = await at_work()
    wish = a_change(order.order_id, **terms)
    first = await door.change("k1", wish, "alice")
    assert (first.turn, first.is_approved, first.code) == (Turn.DECIDED, False, code)
    assert (first.change_number, first.state) == (None, "WORKING")
    assert await door.change("k1", wish, "alice") == first
    (refused,) = world.journal.events(ev.ModifyRefused)
    assert refused.request == "k1"
    assert world.broker.changed == []


async def test_an_unknown_order_is_refused_by_name() -> None:
    _, _, door = await at_work()
    verdict = await door.change("k1", a_change(OrderId(99)), "alice")
    assert (verdict.code, verdict.text) == ("ORDER_UNKNOWN", "there is no order 99")
    assert verdict.state == ""


async def test_while_halted_a_change_is_refused_with_the_code_of_orders() -> None:
    world, order, door = await at_work()
    world.guard.latch(HaltCause.OPERATOR, "lunch", "me")
    refused = await door.change("k1", a_change(order.order_id), "alice")
    assert (refused.is_approved, refused.code) == (False, "HALTED")
    world.arm()
    assert await door.change("k1", a_change(order.order_id), "alice") == refused
    assert (await door.change("k2", a_change(order.order_id), "alice")).is_approved


async def test_a_promise_that_is_not_durable_is_not_kept_and_not_told() -> None:
    world, order, door = await at_work()
    world.journal.hold()
    task = asyncio.create_task(door.change("k1", a_change(order.order_id), "alice"))
    await turns()
    assert not task.done()
    assert world.broker.changed == []
    world.journal.release()
    assert (await task).is_approved


async def test_a_failing_journal_makes_the_door_unavailable_and_changes_nothing() -> None:
    world, order, door = await at_work()
    world.journal.fail("disk full")
    for verdict in (
        await door.change("k1", a_change(order.order_id), "alice"),
        await door.cancel("k2", a_cancel(order.order_id), "alice"),
    ):
        assert (verdict.turn, verdict.code) == (Turn.UNAVAILABLE, "JOURNAL")
        assert "disk full" in verdict.text
    assert world.broker.changed == []


async def test_a_change_in_doubt_is_approved_and_says_so() -> None:
    world, order, door = await at_work()
    world.broker.place_error = SendUncertain("socket broke")
    verdict = await door.change("k1", a_change(order.order_id), "alice")
    assert (verdict.is_approved, verdict.change_state) == (True, "UNCERTAIN")


async def test_a_mode_that_sends_nothing_approves_and_changes_nothing() -> None:
    world, order, door = await at_work()
    world.guard.mode = Mode.SHADOW
    wish = replace(a_change(order.order_id), mode=Mode.SHADOW)
    first = await door.change("k1", wish, "alice")
    assert (first.is_approved, first.change_number) == (True, None)
    assert first.text == "mode shadow sends no changes"
    assert await door.change("k1", wish, "alice") == first
    assert world.broker.changed == []


async def test_the_verdict_survives_a_restart() -> None:
    world, order, door = await at_work()
    first = await door.change("k1", a_change(order.order_id), "alice")
    refused = await door.change("k2", a_change(order.order_id, quantity=D(11)), "alice")
    assert refused.code == "CHANGE_OPEN"
    after, door = restarted(world)
    assert await door.change("k1", a_change(order.order_id), "alice") == first
    again = a_change(order.order_id, quantity=D(11))
    assert await door.change("k2", again, "alice") == refused
    assert after.broker.changed == []


async def test_after_a_crash_between_key_and_promise_the_key_makes_one_change() -> None:
    world, order, door = await at_work()
    wish = a_change(order.order_id)
    world.ledger.record(rq.OrderRequestReceived("k1", wish.digest(), order.order_id, "alice"))
    assert (await door.change("k1", wish, "alice")).change_number == 1
    assert len(world.broker.changed) == 1
    assert len(world.journal.events(rq.OrderRequestReceived)) == 1


# ---- cancels


async def test_a_cancel_has_left_when_it_is_approved() -> None:
    world, order, door = await at_work()
    verdict = await door.cancel("k1", a_cancel(order.order_id), "alice")
    assert verdict == Verdict(
        Turn.DECIDED, "", "cancel sent", is_approved=True, order_id=order.order_id,
        state="CANCELLING",
    )  # fmt: skip
    assert world.broker.cancelled == [order.order_id]
    (sent,) = world.journal.events(ev.CancelSent)
    assert sent.reason == "enough (by alice)"
    world.say(a_status(world.order(), "Cancelled"))
    again = await door.cancel("k1", a_cancel(order.order_id), "alice")
    assert again == replace(verdict, state="CANCELLED")
    assert world.broker.cancelled == [order.order_id]


async def test_a_cancel_leaves_under_any_halt() -> None:
    world, order, door = await at_work()
    world.guard.latch(HaltCause.OPERATOR, "lunch", "me")
    assert (await door.cancel("k1", a_cancel(order.order_id), "alice")).is_approved
    assert world.broker.cancelled == [order.order_id]


async def test_what_is_unknown_or_over_is_not_cancelled() -> None:
    world, order, door = await at_work()
    world.fill(order)
    unknown = await door.cancel("k1", a_cancel(OrderId(99)), "alice")
    over = await door.cancel("k2", a_cancel(order.order_id), "alice")
    assert [(one.is_approved, one.code, one.text) for one in (unknown, over)] == [
        (False, "ORDER_UNKNOWN", "there is no order 99"),
        (False, "ORDER_NOT_WORKING", f"order {order.order_id} is FILLED"),
    ]
    assert world.broker.cancelled == []


async def test_a_cancel_that_cannot_leave_is_not_decided_and_may_be_sent_again() -> None:
    world, order, door = await at_work()
    world.broker.cancel_error = LinkDown("not connected")
    verdict = await door.cancel("k1", a_cancel(order.order_id), "alice")
    assert (verdict.turn, verdict.code) == (Turn.UNAVAILABLE, "LINK")
    world.broker.cancel_error = None
    assert (await door.cancel("k1", a_cancel(order.order_id), "alice")).is_approved
    assert world.broker.cancelled == [order.order_id]


async def test_a_cancel_without_a_slot_waits_for_one_and_is_not_approved_before() -> None:
    world, order, door = await at_work()
    while world.pacer.try_take(Lane.CANCEL):
        pass
    world.gateway.send_cancels = lambda: None  # type: ignore[method-assign]
    verdict = await door.cancel("k1", a_cancel(order.order_id), "alice")
    assert (verdict.turn, verdict.code) == (Turn.UNAVAILABLE, "PACING")
    assert world.broker.cancelled == []
    del world.gateway.send_cancels
    task = asyncio.create_task(door.cancel("k1", a_cancel(order.order_id), "alice"))
    await asyncio.sleep(1)
    assert not task.done()
    world.gateway.send_cancels()
    assert (await task).is_approved
    assert world.broker.cancelled == [order.order_id]


async def test_a_cancel_that_left_before_a_crash_is_approved_after_it() -> None:
    world, order, _ = await at_work()
    wish = a_cancel(order.order_id)
    world.ledger.record(rq.OrderRequestReceived("k1", wish.digest(), order.order_id, "alice"))
    world.gateway.cancel(order.order_id, "enough (by alice)")
    world.say(a_status(world.order(), "Cancelled"))
    _, door = restarted(world)
    verdict = await door.cancel("k1", wish, "alice")
    assert (verdict.is_approved, verdict.state) == (True, "CANCELLED")


async def test_an_order_that_has_not_left_is_called_off() -> None:
    world = World()
    door = OrderDoor(world.services, world.gateway)
    world.journal.hold()
    leaving = asyncio.create_task(world.gateway.submit(an_intent()))
    await turns()
    order = world.order()
    task = asyncio.create_task(door.cancel("k1", a_cancel(order.order_id), "alice"))
    await turns()
    assert not task.done()
    world.journal.release()
    await leaving
    verdict = await task
    assert (verdict.is_approved, verdict.state) == (True, "WITHHELD")
    assert world.broker.placed == []


STEPS = st.lists(
    st.tuples(st.sampled_from(["k1", "k2"]), st.sampled_from([D(11), D(12), None])),
    min_size=1,
    max_size=8,
)


@given(STEPS)
def test_whatever_is_knocked_a_key_has_at_most_one_change(
    steps: list[tuple[str, Decimal | None]],
) -> None:
    async def knock() -> None:
        world, order, door = await at_work()
        wishes = [
            (key, a_change(order.order_id, quantity=q) if q else a_cancel(order.order_id))
            for key, q in steps
        ]
        await asyncio.gather(
            *(
                door.change(key, wish, "a")
                if isinstance(wish, ChangeWish)
                else door.cancel(key, wish, "a")
                for key, wish in wishes
            )
        )
        asked = [row.key for row in world.journal.events(rq.OrderRequestReceived)]
        assert len(asked) == len(set(asked)) == len({key for key, _ in steps})
        made = [row.request for row in world.journal.events(ev.ModifyPlanned)]
        assert len(made) == len(set(made))
        assert set(made) <= set(asked)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(knock())
