"""One key, one intent: whatever is repeated, raced, refused or restarted."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.engine.world import LINEAGE, VirtualLoop, World, turns
from trader.core import events as ev
from trader.core import request_events as rq
from trader.core.halts import HaltCause, Mode
from trader.core.ids import IntentId, Lineage, OrderId
from trader.core.intents import OrderType, Side, TimeInForce
from trader.core.journal_events import JournalRestored
from trader.engine.orders.door import OrderDoor
from trader.engine.orders.wishes import ChangeWish, Turn, Wish

WISH = Wish(
    symbol="AAA",
    side=Side.BUY,
    quantity=Decimal(10),
    order_type=OrderType.LIMIT,
    time_in_force=TimeInForce.DAY,
    limit_price=Decimal("100.00"),
    stop_price=None,
    is_reduce_only=False,
    mode=Mode.PAPER,
    reason="rebalance",
)


def a_door(world: World) -> OrderDoor:
    return OrderDoor(world.services, world.gateway)


async def test_a_wish_becomes_an_intent_that_passes_the_gate_and_is_sent() -> None:
    world = World()
    verdict = await a_door(world).submit("k1", WISH, "alice")
    assert (verdict.turn, verdict.is_approved, verdict.code) == (Turn.DECIDED, True, "")
    assert (verdict.intent_id, verdict.state) == ("abc123-api-1", "SENT")
    (placed,) = world.broker.placed
    assert placed.order.order_id == verdict.order_id
    assert placed.order.terms.limit_price == Decimal("100.00")
    (reviewed,) = world.journal.events(ev.IntentReviewed)
    assert reviewed.intent.reason == "rebalance (by alice)"


async def test_the_key_is_recorded_before_the_review() -> None:
    world = World()
    await a_door(world).submit("k1", WISH, "alice")
    kinds = world.journal.kinds()
    asked = kinds.index("RequestReceived")
    assert asked < kinds.index("IntentReviewed") < kinds.index("OrderPlanned")
    (request,) = world.journal.events(rq.RequestReceived)
    assert (request.key, request.intent_id, request.by) == ("k1", "abc123-api-1", "alice")


async def test_the_same_key_again_gives_the_same_verdict_and_no_second_order() -> None:
    world = World()
    door = a_door(world)
    first = await door.submit("k1", WISH, "alice")
    second = await door.submit("k1", WISH, "bob")
    assert second == first
    assert len(world.broker.placed) == 1


async def test_fifty_at_once_with_one_key_make_one_order() -> None:
    world = World()
    door = a_door(world)
    world.journal.hold()
    asked = [asyncio.create_task(door.submit("k1", WISH, "alice")) for _ in range(50)]
    await turns()
    world.journal.release()
    verdicts = await asyncio.gather(*asked)
    assert len(set(verdicts)) == 1
    assert len(world.broker.placed) == 1


async def test_another_key_is_another_order() -> None:
    world = World()
    door = a_door(world)
    one, two = await door.submit("k1", WISH, "a"), await door.submit("k2", WISH, "a")
    assert one.order_id != two.order_id
    assert len(world.broker.placed) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"symbol": "BBB"},
        {"side": Side.SELL},
        {"quantity": Decimal(11)},
        {"limit_price": Decimal("100.01")},
        {"time_in_force": TimeInForce.GTC},
        {"is_reduce_only": True},
        {"reason": "other"},
        {"order_type": OrderType.STOP, "limit_price": None, "stop_price": Decimal(100)},
    ],
)
async def test_the_same_key_with_another_request_is_refused_loudly(change: dict[str, Any]) -> None:
    world = World()
    door = a_door(world)
    told: list[str] = []
    world.gateway.answers.on_reuse = told.append
    await door.submit("k1", WISH, "alice")
    verdict = await door.submit("k1", replace(WISH, **change), "alice")
    assert (verdict.turn, verdict.code) == (Turn.CONFLICT, "KEY_REUSED")
    assert told == ["key"]
    assert "abc123-api-1" in verdict.text
    assert len(world.broker.placed) == 1


async def test_digits_after_the_point_do_not_make_another_request() -> None:
    world = World()
    door = a_door(world)
    first = await door.submit("k1", WISH, "alice")
    again = replace(WISH, quantity=Decimal("10.0"), limit_price=Decimal("100"))
    assert await door.submit("k1", again, "alice") == first


async def test_a_wish_for_another_mode_leaves_no_trace() -> None:
    world = World()
    verdict = await a_door(world).submit("k1", replace(WISH, mode=Mode.LIVE), "alice")
    assert (verdict.turn, verdict.code) == (Turn.CONFLICT, "MODE_MISMATCH")
    assert verdict.text == "mode is live; this daemon runs in mode paper"
    assert not world.journal.events(rq.RequestReceived)


async def test_an_unknown_symbol_is_refused_on_record() -> None:
    world = World()
    verdict = await a_door(world).submit("k1", replace(WISH, symbol="NOPE"), "alice")
    assert (verdict.turn, verdict.is_approved) == (Turn.DECIDED, False)
    assert verdict.code == "INSTRUMENT_UNKNOWN"
    assert world.journal.events(ev.IntentReviewed)[0].code == "INSTRUMENT_UNKNOWN"


async def test_a_halted_daemon_refuses_and_the_key_keeps_the_refusal() -> None:
    world = World()
    door = a_door(world)
    world.guard.latch(HaltCause.OPERATOR, "lunch", "me")
    refused = await door.submit("k1", WISH, "alice")
    assert (refused.is_approved, refused.code) == (False, "HALTED")
    world.arm()
    assert await door.submit("k1", WISH, "alice") == refused
    assert not world.broker.placed


async def test_a_verdict_that_is_not_durable_is_not_given() -> None:
    world = World()
    door = a_door(world)
    world.journal.hold()
    task = asyncio.create_task(door.submit("k1", WISH, "alice"))
    await turns()
    assert not task.done()
    assert not world.broker.placed
    world.journal.release()
    assert (await task).is_approved


async def test_a_failing_journal_makes_the_door_unavailable_and_sends_nothing() -> None:
    world = World()
    world.journal.fail("disk full")
    verdict = await a_door(world).submit("k1", WISH, "alice")
    assert (verdict.turn, verdict.code) == (Turn.UNAVAILABLE, "JOURNAL")
    assert "disk full" in verdict.text
    assert not world.broker.placed


async def test_a_disk_that_never_answers_makes_the_door_unavailable() -> None:
    world = World()
    world.journal.hold()
    verdict = await a_door(world).submit("k1", WISH, "alice")
    assert (verdict.turn, verdict.code) == (Turn.UNAVAILABLE, "JOURNAL")
    assert not world.broker.placed


async def test_a_key_whose_order_a_restore_may_have_lost_makes_none() -> None:
    """The copy ends between key and review: what was reviewed and sent since has this very id."""
    world = World()
    taken = IntentId("abc123-api-1")
    world.ledger.record(rq.RequestReceived("k1", WISH.digest(), taken, "alice"))
    world.ledger.record(
        JournalRestored(
            Lineage("new001"), (LINEAGE,), OrderId(10**7), "9:ab", "copy.db", "", "lost", "ann"
        )
    )
    world.broker.next_id = 10**7
    verdict = await a_door(world).submit("k1", WISH, "alice")
    assert (verdict.turn, verdict.code, verdict.intent_id) == (Turn.CONFLICT, "KEY_LOST", taken)
    assert "look for abc123-api-1 at the broker" in verdict.text
    assert world.broker.placed == []
    assert world.journal.events(ev.IntentReviewed) == []
    fresh = await a_door(world).submit("k2", WISH, "alice")
    assert (fresh.is_approved, fresh.intent_id) == (True, "new001-api-1")


async def test_a_change_whose_answer_a_restore_has_lost_is_not_made_again() -> None:
    world = World()
    order = await world.working()
    wish = ChangeWish(order.order_id, Decimal(5), None, None, world.guard.mode, "less")
    world.ledger.record(rq.OrderRequestReceived("k1", wish.digest(), order.order_id, "alice"))
    world.ledger.record(rq.RequestDecided("k1", False, rq.KEY_LOST, "look at the broker"))
    verdict = await a_door(world).change("k1", wish, "alice")
    assert (verdict.turn, verdict.code) == (Turn.CONFLICT, "KEY_LOST")
    assert world.broker.changed == []


async def test_after_a_crash_between_key_and_review_the_key_still_makes_one_order() -> None:
    world = World()
    taken = IntentId("abc123-api-1")
    world.ledger.record(rq.RequestReceived("k1", WISH.digest(), taken, "alice"))
    verdict = await a_door(world).submit("k1", WISH, "alice")
    assert (verdict.intent_id, verdict.is_approved) == (taken, True)
    assert len(world.broker.placed) == 1


async def test_an_order_of_the_door_tells_its_state_as_it_is_now() -> None:
    world = World()
    door = a_door(world)
    await door.submit("k1", WISH, "alice")
    world.fill(world.order(IntentId("abc123-api-1")))
    assert (await door.submit("k1", WISH, "alice")).state == "FILLED"
    assert door.verdict_of(IntentId("abc123-api-9")) is None


STEPS = st.lists(
    st.tuples(st.sampled_from(["k1", "k2"]), st.sampled_from([WISH, replace(WISH, symbol="NOPE")])),
    min_size=1,
    max_size=8,
)


@given(STEPS)
def test_whatever_is_knocked_a_key_has_at_most_one_intent(steps: list[tuple[str, Wish]]) -> None:
    async def knock() -> None:
        world = World()
        door = a_door(world)
        await asyncio.gather(*(door.submit(key, wish, "a") for key, wish in steps))
        keys = [row.key for row in world.journal.events(rq.RequestReceived)]
        assert len(keys) == len(set(keys)) == len({key for key, _ in steps})
        refs = [placed.order.order_ref for placed in world.broker.placed]
        assert len(refs) == len(set(refs)) <= len(keys)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(knock())
