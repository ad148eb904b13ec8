"""Reconciliation: all or nothing, one at a time, twice before it believes, and never an order."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path

import pytest

from tests.unit.engine.world import (
    BUY,
    CON,
    OTHER_CON,
    SELL,
    T0,
    World,
    a_completed_row,
    a_position,
    a_snapshot,
    a_status,
    an_execution,
    an_exit,
    an_intent,
    an_open_row,
    running,
    turns,
)
from trader.core import events as ev
from trader.core.checkpoint import state_of
from trader.core.comparison import RunRecord
from trader.core.halts import HaltCause
from trader.core.ids import ExecId, OrderId, RunId, order_ref
from trader.core.orders import OrderState
from trader.ops.pager import LogPager
from trader.ports import LinkDown, LinkWord, SnapshotUnavailable


async def unknown_order(world: World) -> OrderId:
    """Send an order that nobody ever answers."""
    outcome = await world.gateway.submit(an_intent())
    assert outcome.order_id is not None
    world.gateway.mark_unanswered(0.0, "no answer")
    assert world.state(outcome.order_id) is OrderState.UNKNOWN
    return outcome.order_id


# ---- one run


async def test_agreement_clears_what_held_new_risk_back() -> None:
    world = World()
    world.guard.set_level(HaltCause.NOT_RECONCILED, "x")
    world.guard.set_level(HaltCause.STARTING, "x")
    run = await world.reconciler.run_once("test")
    assert (run.problem, run.drift_count, run.trigger) == ("", 0, "test")
    assert world.guard.causes() == {}
    assert world.journal.events(ev.ReconcileFinished) == [run]


@pytest.mark.parametrize("error", [SnapshotUnavailable("positions: no end"), LinkDown("reset")])
async def test_a_snapshot_without_its_end_changes_nothing_and_halts(error: Exception) -> None:
    # INC-005: unavailable, not empty.
    world = World(held=10)
    order = await world.working()
    before = state_of(world.book)
    world.broker.word = error
    run = await world.reconciler.run_once("test")
    assert run.problem == str(error)
    assert world.guard.causes() == {HaltCause.NOT_RECONCILED: str(error)}
    after = state_of(world.book)
    assert (after.positions, after.orders, after.cash) == (
        before.positions,
        before.orders,
        before.cash,
    )
    assert world.state(order.order_id) is OrderState.WORKING
    assert world.book.tally.reconciliations == 0


async def test_without_a_baseline_there_is_nothing_to_compare() -> None:
    world = World(is_baselined=False)
    world.broker.word = a_snapshot(positions=(a_position(10),))
    run = await world.reconciler.run_once("test")
    assert run.problem == "no baseline yet"
    assert world.book.positions == {}


async def test_a_missed_execution_is_booked_and_explains_the_position() -> None:
    world = World()
    order = await world.working()
    execution = an_execution(order)
    world.broker.word = lambda: world.mirror(
        open_orders=(),
        executions=(execution,),
        positions=(a_position(10),),
        cash={"USD": Decimal(99_000)},
    )
    run = await world.reconciler.run_once("test")
    assert world.state(order.order_id) is OrderState.FILLED
    assert world.book.position_of(CON) == 10
    assert run.ticket_count == 0
    (seen,) = world.journal.events(ev.ExecutionSeen)
    assert seen.run_id == run.run_id or seen.run_id is None
    assert world.guard.causes() == {}


async def test_what_waits_in_the_inbox_is_handled_before_the_comparison() -> None:
    world = World()
    order = await world.working()
    execution = an_execution(order)
    world.broker.on_snapshot = lambda: world.inbox.put(ev.ExecutionSeen(execution))
    world.broker.word = lambda: world.mirror(
        executions=(execution,), positions=(a_position(10),), cash={"USD": Decimal(99_000)}
    )
    run = await world.reconciler.run_once("test")
    assert (run.drift_count, run.ticket_count) == (0, 0)
    assert world.book.position_of(CON) == 10


async def test_a_reconciliation_never_sends_or_cancels_an_order() -> None:
    world = World(held=5)
    await unknown_order(world)
    await world.working(an_intent(2))
    sent = len(world.broker.placed)
    foreign = an_open_row(world.order(), order_ref="", client_id=3)
    world.broker.word = a_snapshot(open_orders=(foreign,), positions=(a_position(77),))
    for _ in range(5):
        await world.reconciler.run_once("test")
        await asyncio.sleep(3)
    assert len(world.broker.placed) == sent
    assert world.broker.cancelled == []


async def test_a_completed_order_is_closed() -> None:
    world = World()
    order = await world.working()
    row = a_completed_row(order)
    world.broker.word = lambda: world.mirror(open_orders=(), completed_orders=(row,))
    run = await world.reconciler.run_once("test")
    assert (run.drift_count, run.repair_count) == (1, 1)
    assert world.state(order.order_id) is OrderState.CANCELLED
    assert world.guard.causes() == {}


# ---- absence


async def test_an_unknown_order_is_proven_absent_by_two_looks_a_quiet_period_apart() -> None:
    # INC-045: one look proves nothing.
    world = World()
    order_id = await unknown_order(world)
    await world.reconciler.run_once("first")
    assert world.state(order_id) is OrderState.UNKNOWN
    assert HaltCause.NOT_RECONCILED in world.guard.causes()
    await world.reconciler.run_once("too soon")
    assert world.state(order_id) is OrderState.UNKNOWN
    await asyncio.sleep(2.1)
    await world.reconciler.run_once("second")
    assert world.state(order_id) is OrderState.CANCELLED
    await world.reconciler.run_once("third")
    assert world.guard.causes() == {}


async def test_how_far_looks_lie_apart_counts_from_when_they_were_asked_for() -> None:
    # Two that followed one another at once, and took their time, proved an order absent.
    world = World()
    order_id = await unknown_order(world)
    world.broker.snapshot_s = 5.0
    await world.reconciler.run_once("first")
    await world.reconciler.run_once("asked for at once")
    assert world.state(order_id) is OrderState.UNKNOWN
    await world.reconciler.run_once("asked for a while later")
    assert world.state(order_id) is OrderState.CANCELLED


async def test_a_clock_that_steps_proves_no_order_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    # INC-154: an hour had passed by the clock, and one second of it.
    world = World()
    order_id = await unknown_order(world)
    await world.reconciler.run_once("first")
    real = world.clock.utc
    monkeypatch.setattr(world.clock, "utc", lambda: real() + timedelta(hours=1))
    await asyncio.sleep(1)
    await world.reconciler.run_once("an hour later, says the clock")
    assert world.state(order_id) is OrderState.UNKNOWN
    await asyncio.sleep(1)
    await world.reconciler.run_once("second")
    assert world.state(order_id) is OrderState.CANCELLED


async def test_a_clock_that_was_set_back_holds_no_proof_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # INC-154: an hour had yet to pass by the clock; nobody could have resumed before.
    world = World()
    order_id = await unknown_order(world)
    await world.reconciler.run_once("first")
    real = world.clock.utc
    monkeypatch.setattr(world.clock, "utc", lambda: real() - timedelta(hours=1))
    await world.reconciler.run_once("an hour before, says the clock")
    assert world.state(order_id) is OrderState.UNKNOWN
    await asyncio.sleep(2)
    await world.reconciler.run_once("second")
    assert world.state(order_id) is OrderState.CANCELLED


async def test_an_order_that_showed_itself_in_between_is_missed_anew() -> None:
    world = World()
    order_id = await unknown_order(world)
    await world.reconciler.run_once("first")
    await world.reconciler.run_once("at once")
    world.say(a_status(world.book.orders[order_id]))
    await asyncio.sleep(2)
    for trigger in ("missed again", "at once"):
        await world.reconciler.run_once(trigger)
        assert world.state(order_id) is not OrderState.CANCELLED


async def test_a_position_is_not_looked_at_twice_by_two_looks_at_once() -> None:
    world = World(held=10)
    world.broker.word = lambda: world.mirror(positions=(a_position(13),))
    world.broker.snapshot_s = 5.0
    await world.reconciler.run_once("first")
    await world.reconciler.run_once("asked for at once")
    assert not world.book.tickets


async def test_a_failed_look_between_two_proves_nothing() -> None:
    world = World()
    order_id = await unknown_order(world)
    await world.reconciler.run_once("first")
    await asyncio.sleep(3)
    world.broker.word = SnapshotUnavailable("no end")
    await world.reconciler.run_once("second")
    assert world.state(order_id) is OrderState.UNKNOWN


async def test_an_answer_between_the_looks_keeps_the_order() -> None:
    world = World()
    order_id = await unknown_order(world)
    await world.reconciler.run_once("first")
    await asyncio.sleep(3)
    world.say(a_status(world.book.orders[order_id]))
    await world.reconciler.run_once("second")
    assert world.state(order_id) is OrderState.WORKING


async def test_the_second_look_comes_by_itself() -> None:
    world = World()
    order_id = await unknown_order(world)
    with running(world.reconciler.run_on_demand):
        world.reconciler.wake("no answer")
        await asyncio.sleep(1)
        assert world.broker.snapshot_count == 1
        await asyncio.sleep(5)
    assert world.state(order_id) is OrderState.CANCELLED
    assert world.guard.causes() == {}


async def test_nothing_is_asked_for_before_the_connection_is_proven() -> None:
    """Ten thousand orders and executions were listed twice at a start, and the first in vain."""
    world = World()
    world.guard.set_level(HaltCause.LINK, "not connected yet")
    with running(world.reconciler.run_on_demand):
        world.reconciler.wake("upstream 2104")
        await asyncio.sleep(12)
        assert world.broker.snapshot_count == 0
        assert world.guard.has(HaltCause.NOT_RECONCILED)
        world.guard.clear_level(HaltCause.LINK)
        await world.reconciler.run_once("connected")
        await asyncio.sleep(12)
    assert world.broker.snapshot_count == 1
    assert world.guard.causes() == {}


# ---- tickets


async def test_a_position_nobody_can_explain_becomes_a_ticket_at_the_second_look_and_pages() -> (
    None
):
    world = World()
    world.broker.word = lambda: world.mirror(positions=(a_position(7),))
    first = await world.reconciler.run_once("first")
    assert first.ticket_count == 0
    assert HaltCause.NOT_RECONCILED in world.guard.causes()
    await asyncio.sleep(2.1)
    second = await world.reconciler.run_once("second")
    assert second.ticket_count == 1
    assert world.pager.titles() == ["ticket position-AAA-101"]
    assert HaltCause.TICKET in world.guard.causes()
    await asyncio.sleep(2.1)
    await world.reconciler.run_once("third")
    assert len(world.book.tickets) == 1
    assert len(world.pager.sent) == 1


async def test_each_ticket_of_a_run_is_paged_by_its_own_name(tmp_path: Path) -> None:
    # A pager tells one title once a minute: of two positions a person heard of one.
    world = World()
    pager = LogPager(world.clock, tmp_path / "pages.jsonl")
    world.reconciler._pager = pager
    rows = (a_position(7), a_position(3, OTHER_CON, "BBB"))
    world.broker.word = lambda: world.mirror(positions=rows)
    await world.reconciler.run_once("first")
    await asyncio.sleep(2.1)
    assert (await world.reconciler.run_once("second")).ticket_count == 2
    assert len((tmp_path / "pages.jsonl").read_text().splitlines()) == 2


async def test_a_difference_that_moves_is_not_the_same_difference() -> None:
    world = World()
    held = iter((7, 8, 9, 10))
    world.broker.word = lambda: world.mirror(positions=(a_position(next(held)),))
    for _ in range(4):
        run = await world.reconciler.run_once("look")
        assert run.ticket_count == 0
        await asyncio.sleep(2.1)


# ---- cash that is told late


@pytest.mark.parametrize("difference", [50, 5000])
async def test_cash_of_before_is_waited_out_whatever_the_difference(difference: int) -> None:
    # INC-037: many looks at one list of account values are one look.
    world = World()
    late = {"USD": world.book.cash["USD"] + difference}
    world.broker.word = lambda: world.mirror(cash=late)
    with running(world.reconciler.run_on_demand):
        world.reconciler.wake("test")
        await asyncio.sleep(19)
        assert world.broker.snapshot_count > 5
        assert set(world.guard.causes()) == {HaltCause.NOT_RECONCILED}
        world.broker.word = world.mirror
        await asyncio.sleep(5)
    assert world.guard.causes() == {}
    assert not world.journal.events(ev.TicketOpened)
    assert not world.journal.events(ev.CashAdjusted)


async def test_a_fill_in_the_middle_of_a_run_hides_no_difference_of_cash() -> None:
    # INC-037: the run that could not compare cash let new risk out, with 20 orders behind it.
    world = World()
    order = await world.working()
    late = {"USD": world.book.cash["USD"] + 5000}
    world.broker.word = lambda: world.mirror(cash=late)
    await world.reconciler.run_once("first")
    assert "cash USD" in world.guard.causes()[HaltCause.NOT_RECONCILED]
    seen = ev.ExecutionSeen(an_execution(order, quantity=Decimal(1)))
    world.broker.on_snapshot = lambda: world.inbox.put(seen)
    await world.reconciler.run_once("with a fill in it")
    assert "cash USD" in world.guard.causes()[HaltCause.NOT_RECONCILED]
    world.broker.on_snapshot = lambda: None
    world.broker.word = world.mirror
    await world.reconciler.run_once("at rest")
    assert world.guard.causes() == {}


async def test_a_fill_in_the_middle_of_a_run_settles_no_dispute_of_a_position() -> None:
    world = World(held=10)
    order = await world.working()
    world.broker.word = lambda: world.mirror(positions=(a_position(13),))
    await world.reconciler.run_once("first")
    assert world.reconciler.offset_of(CON) == 3
    seen = ev.ExecutionSeen(an_execution(order, quantity=Decimal(1)))
    world.broker.on_snapshot = lambda: world.inbox.put(seen)
    await world.reconciler.run_once("with a fill in it")
    assert world.reconciler.disputed == {CON: "the book says 10, the broker 13"}
    assert world.reconciler.offset_of(CON) == 3
    assert "position" in world.guard.causes()[HaltCause.NOT_RECONCILED]


def back(world: World) -> None:
    """Lose the link and have it back: nothing is known of what happened meanwhile."""
    world.say(
        LinkWord("socket", is_up=False, code=0, text="reset"),
        LinkWord("socket", is_up=True, code=0, text="up"),
        LinkWord("upstream", is_up=True, code=2104, text="farm"),
    )
    world.guard.clear_level(HaltCause.LINK)


@pytest.mark.parametrize("is_back", [True, False], ids=["after a loss", "at the start"])
async def test_the_first_run_is_not_over_while_it_could_not_look_at_a_position(
    is_back: bool,
) -> None:
    # A fill in the middle of it, and the daemon was armed on a position nobody had compared.
    world = World(held=10, is_armed=is_back)
    if is_back:
        await world.reconciler.run_once("long before")
    back(world)
    seen = ev.ExecutionSeen(an_execution(quantity=Decimal(1)))
    world.broker.on_snapshot = lambda: world.inbox.put(seen)
    world.broker.word = lambda: world.mirror(positions=(a_position(5),))
    with running(world.reconciler.run_on_demand):
        await world.reconciler.run_once("connected")
        assert "position AAA-101" in world.guard.causes()[HaltCause.NOT_RECONCILED]
        world.broker.word = world.mirror
        await asyncio.sleep(8)
    assert not world.guard.has(HaltCause.NOT_RECONCILED)
    world.broker.word = lambda: world.mirror(positions=(a_position(5),))
    seen = ev.ExecutionSeen(an_execution(quantity=Decimal(1), exec_id=ExecId("2.2.01")))
    await world.reconciler.run_once("timed")
    assert not world.guard.has(HaltCause.NOT_RECONCILED), "once looked at"


async def test_fills_that_never_rest_do_not_hide_a_position_for_ever() -> None:
    world = World(held=10)
    await world.reconciler.run_once("long before")
    numbers = count(1)

    def fill() -> None:
        for side in (BUY, SELL):
            seen = an_execution(exec_id=ExecId(f"5.{next(numbers)}.01"), side=side)
            world.inbox.put(ev.ExecutionSeen(seen))

    world.broker.on_snapshot = fill
    world.broker.word = lambda: world.mirror(positions=(a_position(4),))
    for is_in_doubt in (False, False, True, True):
        await world.reconciler.run_once("timed")
        assert world.guard.has(HaltCause.NOT_RECONCILED) == is_in_doubt
    world.broker.word = world.mirror
    await world.reconciler.run_once("timed")
    assert world.guard.has(HaltCause.NOT_RECONCILED), "it moved again: that is no look"
    world.broker.on_snapshot = lambda: None
    await world.reconciler.run_once("at rest")
    assert not world.guard.has(HaltCause.NOT_RECONCILED)


@pytest.mark.parametrize(("told", "is_held"), [(49_000, True), (99_000, False)])
async def test_a_missed_fill_hides_no_difference_of_cash_at_the_first_look(
    told: int, is_held: bool
) -> None:
    # Cash was taken out while the link was down, and a fill was missed as well.
    world = World()
    order = await world.working()
    back(world)
    missed = an_execution(order)
    world.broker.word = lambda: world.mirror(
        open_orders=(),
        executions=(missed,),
        positions=(a_position(10),),
        cash={"USD": Decimal(told)},
    )
    await world.reconciler.run_once("connected")
    assert world.book.position_of(CON) == 10
    assert world.guard.has(HaltCause.NOT_RECONCILED) == is_held
    await world.reconciler.run_once("second look")
    assert world.guard.has(HaltCause.NOT_RECONCILED) == is_held


@pytest.mark.parametrize(("difference", "event"), [(50, ev.CashAdjusted), (5000, ev.TicketOpened)])
async def test_cash_that_stays_different_is_believed_in_the_end(
    difference: int, event: type[object]
) -> None:
    world = World()
    other = {"USD": world.book.cash["USD"] + difference}
    world.broker.word = lambda: world.mirror(cash=other)
    with running(world.reconciler.run_on_demand):
        world.reconciler.wake("test")
        await asyncio.sleep(25)
    assert len(world.journal.events(event)) == 1


# ---- many at once


async def test_runs_asked_for_at_once_happen_one_after_the_other() -> None:
    # INC-021
    world = World()
    await asyncio.gather(*(world.reconciler.run_once(f"run {n}") for n in range(5)))
    assert world.broker.snapshots_at_once_max == 1
    assert world.broker.snapshot_count == 5
    ids = [run.run_id for run in world.journal.events(ev.ReconcileFinished)]
    assert len(set(ids)) == 5


async def test_a_run_that_is_cancelled_does_not_lock_the_next_one_out() -> None:
    world = World()
    world.broker.snapshot_s = 100.0
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await world.reconciler.run_once("drain")
    world.broker.snapshot_s = 0.01
    assert (await world.reconciler.run_once("next")).problem == ""


async def test_asking_holds_new_risk_back_until_the_run_has_ended() -> None:
    world = World()
    with running(world.reconciler.run_on_demand):
        await turns()
        world.reconciler.wake("operator")
        assert world.guard.causes() == {HaltCause.NOT_RECONCILED: "asked for by: operator"}
        await asyncio.sleep(1)
        assert world.guard.causes() == {}
    (run,) = world.journal.events(ev.ReconcileFinished)
    assert run.trigger == "operator"


async def test_a_run_does_not_answer_a_question_that_came_after_it_had_begun() -> None:
    """What 1102 asks cannot be answered by lists that were written before it."""
    world = World()
    world.broker.snapshot_s = 1.0
    task = asyncio.get_running_loop().create_task(world.reconciler.run_once("timed"))
    await asyncio.sleep(0.5)
    world.reconciler.wake("upstream 1102")
    await task
    assert HaltCause.NOT_RECONCILED in world.guard.causes()
    with running(world.reconciler.run_on_demand):
        await asyncio.sleep(2)
    assert world.guard.causes() == {}


async def test_while_starting_a_question_adds_no_cause_of_its_own() -> None:
    world = World()
    world.guard.set_level(HaltCause.STARTING, "x")
    world.reconciler.wake("x")
    assert set(world.guard.causes()) == {HaltCause.STARTING}


async def test_without_a_link_a_question_waits_for_the_connect_and_does_not_spin() -> None:
    world = World()
    world.broker.is_connected = False
    world.broker.word = SnapshotUnavailable("no end")
    await world.reconciler.run_once("leaves a second look due")
    beats: list[float] = []
    world.supervisor.beat = lambda name: beats.append(0.0)  # type: ignore[method-assign]
    with running(world.reconciler.run_on_demand):
        world.reconciler.wake("x")
        await asyncio.sleep(60)
    assert world.broker.snapshot_count == 1
    assert HaltCause.NOT_RECONCILED in world.guard.causes()
    assert len(beats) < 30


async def test_an_unavailable_snapshot_is_asked_for_again_by_itself() -> None:
    world = World()
    world.broker.word = SnapshotUnavailable("no end")
    with running(world.reconciler.run_on_demand):
        world.reconciler.wake("x")
        await asyncio.sleep(1)
        world.broker.word = world.mirror
        await asyncio.sleep(8)
    assert world.guard.causes() == {}


# ---- timed


async def test_timed_runs_come_at_their_interval_while_there_is_a_link() -> None:
    world = World()
    with running(lambda: world.reconciler.run_timed("orders", 120.0)):
        await asyncio.sleep(250)
        assert world.broker.snapshot_count == 2
        world.broker.is_connected = False
        await asyncio.sleep(1_000)
        assert world.broker.snapshot_count == 2
        world.broker.is_connected = True
        await asyncio.sleep(6)
        assert world.broker.snapshot_count == 3
    triggers = {run.trigger for run in world.journal.events(ev.ReconcileFinished)}
    assert triggers == {"timed orders"}


# ---- the archive


async def test_every_run_is_handed_to_the_archive() -> None:
    world = World()
    kept: list[RunRecord] = []
    world.reconciler.observe(kept.append)
    done = await world.reconciler.run_once("one")
    world.broker.word = SnapshotUnavailable("no end")
    broken = await world.reconciler.run_once("two")
    assert [row.finished for row in kept] == [done, broken]
    decision = kept[0].decision
    assert decision is not None
    assert decision.question.snapshot.finished_utc >= T0
    assert kept[1].decision is None


async def test_the_broker_sold_what_we_hold_and_it_is_found_out() -> None:
    world = World(held=10)
    sold = an_execution(side=SELL, is_liquidation=True)
    world.broker.word = lambda: world.mirror(
        executions=(sold,), positions=(), cash={"USD": Decimal(101_000)}
    )
    await world.reconciler.run_once("test")
    assert world.book.position_of(CON) == 0
    assert any("liquidated" in text for text in world.guard.causes().values())


# ---- a gateway that has lost the broker


@pytest.mark.parametrize("code", [1100, 2110])
async def test_without_its_upstream_a_gateway_proves_no_order_absent(code: int) -> None:
    # The order waits in the gateway, in no list, and works once the link is back (INC-002).
    world = World()
    order_id = await unknown_order(world)
    world.say(LinkWord("upstream", is_up=False, code=code, text="upstream"))
    for _ in range(3):
        run = await world.reconciler.run_once("test")
        assert run.problem.startswith("upstream")
        await asyncio.sleep(5)
    assert world.state(order_id) is OrderState.UNKNOWN
    assert world.journal.events(ev.OrderAbsentSeen) == []


async def test_a_snapshot_that_spans_an_outage_is_not_one_word() -> None:
    world = World()
    order_id = await unknown_order(world)

    def flicker() -> None:
        world.upstream(1100)
        world.upstream(1102)

    world.broker.on_snapshot = flicker
    for _ in range(3):
        run = await world.reconciler.run_once("test")
        assert "lost" in run.problem
        await asyncio.sleep(5)
    assert world.state(order_id) is OrderState.UNKNOWN


async def test_a_socket_that_dies_with_the_snapshot_is_not_reconciled_with() -> None:
    # The last row and the end of the connection came in one batch: the cause must outlast the
    # run, or the next connection would be armed before it has asked anything.
    world = World()
    world.broker.on_snapshot = lambda: world.inbox.put(
        LinkWord("socket", is_up=False, code=0, text="reset")
    )
    run = await world.reconciler.run_once("test")
    assert "reset" in run.problem
    assert {HaltCause.LINK, HaltCause.NOT_RECONCILED} <= set(world.guard.causes())


# ---- a journal that is older than the broker


async def test_an_intent_of_this_journals_that_it_does_not_know_halts() -> None:
    # A backup was restored: ids would be given out a second time.
    world = World()
    lost = order_ref(an_intent(7).intent_id)
    world.broker.word = lambda: world.mirror(executions=(an_execution(order_ref=lost),))
    await world.reconciler.run_once("test")
    assert "older than the broker" in world.book.halts[HaltCause.INVARIANT]


async def test_a_ghost_is_not_sold_against() -> None:
    # An exit that we count as over works at the broker: a second one would cross zero (INC-032).
    world = World(held=10)
    order = await world.working(an_exit())
    world.ledger.record(ev.OrderProvenAbsent(order.order_id, RunId("r"), first_run_id=RunId("r")))
    world.broker.word = lambda: world.mirror(open_orders=(an_open_row(order),))
    placed = len(world.broker.placed)
    answer = await world.desk.liquidate(by="tester")
    assert len(world.broker.placed) == placed
    assert any("open at the broker" in line for line in answer.details)
