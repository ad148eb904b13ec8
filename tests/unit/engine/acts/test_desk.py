"""The operator's verbs: a resume that names what is missing, and a flat that stays flat."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from itertools import count

import pytest

from tests.unit.engine.world import (
    ACCOUNT,
    CLIENT,
    CON,
    LINEAGE,
    SELL,
    World,
    a_commission,
    a_position,
    a_snapshot,
    a_ticket,
    an_execution,
    an_intent,
    turns,
)
from trader.core import events as ev
from trader.core.breaker_events import EquityMarked
from trader.core.drifts import DriftKind
from trader.core.halts import LATCHED, HaltCause, Lane
from trader.core.ids import (
    AccountId,
    ExecId,
    Lineage,
    OrderId,
    PermId,
    RunId,
    TicketId,
    order_ref,
)
from trader.core.journal_events import JournalRestored
from trader.core.orders import OrderState
from trader.core.quarantine import broken
from trader.core.snapshots import BrokerSnapshot, OpenOrderRow
from trader.engine.operator import Answer
from trader.ports import SnapshotUnavailable, WorldError

OWN_READING = (HaltCause.LOOP_LAG, HaltCause.HEARTBEAT, HaltCause.JOURNAL)
RESUMABLE = {*LATCHED, HaltCause.HALT_FILE, HaltCause.NOT_RECONCILED}


def resuming(world: World) -> asyncio.Task[Answer]:
    return asyncio.get_running_loop().create_task(world.desk.resume(reason="fine", by="me"))


def later(seconds: float, what: Callable[..., object], *arguments: object) -> None:
    asyncio.get_running_loop().call_later(seconds, what, *arguments)


# ---- halt


async def test_a_halt_is_done_when_the_call_returns() -> None:
    world = World()
    answer = world.desk.halt(reason="stop", by="me")
    assert answer == Answer(is_done=True, text="halted: stop")
    assert (await world.gateway.submit(an_intent())).code == "HALTED"
    assert world.journal.events(ev.HaltRaised) == [ev.HaltRaised(HaltCause.OPERATOR, "stop", "me")]


async def test_a_halt_is_in_the_file_before_it_is_answered() -> None:
    """A kill right after the answer must not lose it: the journal is durable only soon."""
    world = World()
    world.desk.halt(reason="stop", by="me")
    assert "stop" in world.switch.active


async def test_a_halt_that_the_journal_cannot_keep_is_kept_by_the_halt_file() -> None:
    """Otherwise the next start would not know of it."""
    world = World()
    world.journal.fail("disk full")
    assert world.desk.halt(reason="stop", by="me").is_done
    assert "stop" in world.switch.active
    world.control.error = WorldError("disk full")
    assert world.desk.halt(reason="stop again", by="me").is_done


# ---- resume


async def test_a_resume_clears_every_latched_cause_and_releases_the_file() -> None:
    world = World()
    for cause in LATCHED:
        world.guard.latch(cause, "x", by="test")
    world.switch.active = "stop"
    world.guard.set_level(HaltCause.NOT_RECONCILED, "x")
    answer = await world.desk.resume(reason="fine", by="me")
    assert answer == Answer(is_done=True, text="resumed: fine")
    assert world.guard.causes() == {}
    cleared = {event.cause for event in world.journal.events(ev.HaltCleared) if event.by == "me"}
    assert cleared == LATCHED
    assert (await world.gateway.submit(an_intent())).kind == "sent"


@pytest.mark.parametrize("cause", [cause for cause in HaltCause if cause not in RESUMABLE])
async def test_a_resume_refuses_and_names_what_is_missing(cause: HaltCause) -> None:
    world = World()
    world.guard.latch(HaltCause.OPERATOR, "stop", by="test")
    world.guard.set_level(cause, "because")
    answer = await world.desk.resume(reason="fine", by="me")
    assert not answer.is_done
    assert answer.details == (f"{cause}: because",)
    assert HaltCause.OPERATOR in world.book.halts
    assert world.broker.snapshot_count == 0


async def test_a_halt_before_there_is_a_halt_file_writes_one() -> None:
    """A missing file halts as well, and tells the next start of nobody's halt."""
    world = World()
    world.switch.is_missing = True
    assert world.desk.halt(reason="stop", by="me").is_done
    assert world.switch.active == "stop (me)"


async def test_a_halt_leaves_the_halt_file_of_somebody_else_as_it_is() -> None:
    world = World()
    world.switch.active = "theirs"
    assert world.desk.halt(reason="stop", by="me").is_done
    assert world.switch.active == "theirs"


async def test_a_resume_needs_a_reconciliation_that_ends() -> None:
    world = World()
    world.guard.latch(HaltCause.OPERATOR, "stop", by="test")
    world.broker.word = SnapshotUnavailable("positions: no end")
    answer = await world.desk.resume(reason="fine", by="me")
    assert not answer.is_done
    assert answer.details == ("reconciliation: positions: no end",)
    assert HaltCause.OPERATOR in world.book.halts


async def test_a_resume_needs_a_reconciliation_that_agrees() -> None:
    world = World()
    world.guard.latch(HaltCause.OPERATOR, "stop", by="test")
    world.broker.word = lambda: world.mirror(positions=(a_position(7),))
    answer = await world.desk.resume(reason="fine", by="me")
    assert not answer.is_done
    assert "second look" in answer.details[0]
    await asyncio.sleep(3)
    answer = await world.desk.resume(reason="fine", by="me")
    assert "ticket" in answer.details[0]


async def test_a_question_that_comes_during_the_resume_is_answered_first() -> None:
    world = World()
    later(0.005, world.upstream, 1102)
    answer = await world.desk.resume(reason="fine", by="me")
    assert answer.is_done
    assert world.broker.snapshot_count == 2


@pytest.mark.parametrize("failing", ["journal", "file"])
async def test_a_resume_that_cannot_be_written_down_is_none(failing: str) -> None:
    world = World()
    world.switch.active = "stop"
    world.guard.latch(HaltCause.OPERATOR, "stop", by="test")
    if failing == "file":
        world.control.error = WorldError("read-only file system")
    else:
        world.journal.hold()
        later(1.0, world.journal.fail, "disk full")
    answer = await world.desk.resume(reason="fine", by="me")
    assert not answer.is_done
    assert failing in answer.details[0]
    assert world.guard.causes() != {}
    assert (await world.gateway.submit(an_intent())).kind == "refused"


async def test_a_resume_does_not_wait_for_ever_for_a_disk() -> None:
    world = World()
    world.guard.latch(HaltCause.OPERATOR, "stop", by="test")
    world.journal.hold()
    answer = await world.desk.resume(reason="fine", by="me")
    assert not answer.is_done
    assert "journal" in answer.details[0]
    assert world.clock.monotonic() < 1_060


@pytest.mark.parametrize("reason", ["stop", "another reason"])
@pytest.mark.parametrize("at_s", [0.005, 0.5])
async def test_a_halt_that_comes_during_a_resume_stands(reason: str, at_s: float) -> None:
    """While it reconciles or writes: whoever was told "halted" must not find it trading."""
    world = World()
    world.desk.halt(reason="stop", by="first")
    world.journal.hold()
    later(0.2 if at_s < 0.1 else 1.0, world.journal.release)
    task = resuming(world)
    await asyncio.sleep(at_s)
    assert world.desk.halt(reason=reason, by="second").is_done
    answer = await task
    assert not answer.is_done
    assert world.guard.has(HaltCause.OPERATOR)


@pytest.mark.parametrize("by_file", [False, True])
async def test_a_halt_that_comes_while_a_resume_waits_its_turn_stands(by_file: bool) -> None:
    """The resume was asked for before: it cannot have meant a halt that nobody had asked for."""
    world = World()
    world.journal.hold()
    later(0.2, world.journal.release)
    busy, waiting = resuming(world), resuming(world)
    await asyncio.sleep(0.005)
    if by_file:
        world.switch.active = "pressed now"
    else:
        world.desk.halt(reason="stop", by="second")
    assert not (await busy).is_done
    assert not (await waiting).is_done
    assert world.switch.active
    assert (await world.gateway.submit(an_intent())).code == "HALTED"


async def test_an_invariant_that_breaks_during_a_resume_is_not_swept_away() -> None:
    world = World()
    world.desk.halt(reason="stop", by="me")
    task = resuming(world)
    await turns()
    world.guard.latch(HaltCause.INVARIANT, "echo differs", by="inbox")
    assert not (await task).is_done
    assert world.book.halts[HaltCause.INVARIANT] == "echo differs"


async def test_a_halt_whose_reason_comes_again_during_the_resume_is_not_swept_away() -> None:
    """The resume's own reconciliation saw it again, in the same words, and nobody heard."""
    world = World()
    fields = ["5", "x"]
    unreadable = broken(fields, message_id=5, server_version=178, error="short")
    world.say(unreadable)
    world.broker.on_snapshot = lambda: world.inbox.put(unreadable)
    answer = await world.desk.resume(reason="fine", by="me")
    assert not answer.is_done
    assert answer.details == (f"decode_error: letter {unreadable.key}: message 5 openOrder: short",)
    assert (await world.gateway.submit(an_intent())).code == "HALTED"
    world.broker.on_snapshot = lambda: None
    assert (await world.desk.resume(reason="mended", by="me")).is_done


async def test_a_journal_older_than_the_broker_is_not_resumed_while_it_is() -> None:
    world = World()
    lost = an_execution(order_ref=order_ref(an_intent(7).intent_id))
    world.broker.word = lambda: world.mirror(executions=(lost,))
    await world.reconciler.run_once("test")
    answer = await world.desk.resume(reason="fine", by="me")
    assert not answer.is_done
    assert "older than the broker" in answer.details[0]


async def test_after_a_restore_what_was_lost_is_booked_and_must_not_be_open() -> None:
    world = World()
    lost = an_intent(7)
    world.ledger.record(
        JournalRestored(
            Lineage("new001"), (LINEAGE,), OrderId(10**7), "9:ab", "copy.db", "", "lost", "ann"
        )
    )
    world.guard.latch(HaltCause.JOURNAL_UNPROVEN, "restored from copy.db", by="ann")
    traded = an_execution(order_id=OrderId(70), order_ref=order_ref(lost.intent_id))
    working = OpenOrderRow(
        order_id=OrderId(71), client_id=CLIENT, perm_id=PermId(971), account=ACCOUNT,
        order_ref=order_ref(an_intent(8).intent_id), con_id=CON, symbol="AAA", side=SELL,
        quantity=Decimal(1), order_type="LMT", limit_price=Decimal(100), status="Submitted",
    )  # fmt: skip
    # The broker's positions and cash contain the execution, whether it is booked or not.
    cash = world.book.cash["USD"] - traded.quantity * traded.price

    def told(*rows: OpenOrderRow) -> BrokerSnapshot:
        return world.mirror(
            executions=(traded,), open_orders=rows, cash={"USD": cash},
            positions=(a_position(10),),
        )  # fmt: skip

    world.broker.word = lambda: told(working)
    answer = await world.desk.resume(reason="fine", by="me")
    assert not answer.is_done
    assert "abc123-alpha-8 is open at the broker" in " ".join(answer.details)
    assert world.book.position_of(CON) == traded.quantity
    assert not world.book.tickets
    # A person has cancelled it.
    world.broker.word = lambda: told()
    assert (await world.desk.resume(reason="fine", by="me")).is_done
    assert world.broker.placed == []
    assert world.book.halts == {}


@pytest.mark.parametrize("before", ["", "stop"])
async def test_a_kill_switch_pressed_during_a_resume_is_not_released(before: str) -> None:
    world = World()
    world.switch.active = before
    world.desk.halt(reason="stop", by="me")
    task = resuming(world)
    await turns()
    world.switch.active = "pressed now"
    answer = await task
    assert not answer.is_done
    assert world.switch.active == "pressed now"


@pytest.mark.parametrize("cause", [HaltCause.LINK, HaltCause.DRAINING, HaltCause.NOT_RECONCILED])
async def test_a_resume_that_is_refused_at_its_end_leaves_every_halt_as_it_was(
    cause: HaltCause,
) -> None:
    """What objects goes by itself, and whoever was told "not resumed" must not find it trading."""
    world = World()
    world.desk.halt(reason="stop", by="first")
    world.guard.latch(HaltCause.INVARIANT, "echo differs", by="inbox")
    before = dict(world.book.halts)
    world.journal.hold()
    later(0.5, world.guard.set_level, cause, "came meanwhile")
    later(1.0, world.journal.release)
    answer = await world.desk.resume(reason="fine", by="me")
    assert not answer.is_done
    assert answer.details == (f"{cause}: came meanwhile",)
    # Whatever part of it a kill leaves on disk, the next start is halted.
    assert [row for row in world.journal.events(ev.HaltCleared) if row.by == "me"] == []
    world.guard.clear_level(cause)
    assert world.book.halts == before
    assert world.switch.active == "stop (first)"
    assert (await world.gateway.submit(an_intent())).code == "HALTED"


@pytest.mark.parametrize("what", ["halt file", "halt", "disk"])
async def test_what_a_refused_resume_has_cleared_is_there_again(what: str) -> None:
    world = World()
    world.guard.latch(HaltCause.INVARIANT, "echo differs", by="inbox")
    world.switch.active = "stop"
    if what == "halt file":
        world.control.error = WorldError("read-only file system")
    world.journal.hold()
    if what == "halt":
        later(0.5, world.guard.latch, HaltCause.LIQUIDATION, "2148", "broker")
    if what != "disk":
        later(1.0, world.journal.release)
    assert not (await world.desk.resume(reason="fine", by="me")).is_done
    assert world.book.halts[HaltCause.INVARIANT] == "echo differs"


def hold_at_the_clearing(world: World) -> None:
    """Let everything reach the disk but what clears a halt."""
    append = world.journal.append

    def held(recorded: ev.Recorded) -> None:
        if isinstance(recorded.event, ev.HaltCleared):
            world.journal.hold()
        append(recorded)

    world.journal.append = held  # type: ignore[method-assign]


@pytest.mark.parametrize("is_failing", [False, True])
async def test_a_clearing_that_does_not_reach_the_disk_leaves_the_halts_and_the_file(
    is_failing: bool,
) -> None:
    world = World()
    world.guard.latch(HaltCause.INVARIANT, "echo differs", by="inbox")
    hold_at_the_clearing(world)
    if is_failing:
        later(1.0, world.journal.fail, "disk full")
    answer = await world.desk.resume(reason="fine", by="me")
    assert (answer.is_done, answer.text) == (False, "not resumed")
    assert answer.details[0].startswith("journal: ")
    assert world.book.halts == {HaltCause.INVARIANT: "echo differs"}
    # The disk may come to hold the clearing and not what came after it.
    assert "invariant: echo differs" in world.switch.active


@pytest.mark.parametrize("is_failing", [False, True])
async def test_a_halt_that_the_file_alone_held_is_there_again_after_a_resume_that_failed(
    is_failing: bool,
) -> None:
    """A restart after a crash knows an answered halt by its file alone, and it was released."""
    world = World()
    world.switch.active = "stop (first)"
    release = world.control.release

    def released(reason: str, by: str, seen: str) -> None:
        release(reason, by, seen)
        world.journal.hold()
        world.ledger.record(EquityMarked("2026-09-15", Decimal(100_000)))

    world.control.release = released  # type: ignore[method-assign]
    if is_failing:
        later(1.0, world.journal.fail, "disk full")
    answer = await world.desk.resume(reason="fine", by="me")
    assert (answer.is_done, answer.text) == (False, "not resumed")
    assert "stop (first)" in world.switch.active


@pytest.mark.parametrize("is_failing", [False, True])
async def test_a_halt_of_the_file_alone_holds_where_the_file_cannot_be_written_again(
    is_failing: bool,
) -> None:
    """File and journal are on one disk: what it refuses to the one it refuses to the other."""
    world = World()
    world.switch.active = "stop (first)"
    release = world.control.release

    def released(reason: str, by: str, seen: str) -> None:
        release(reason, by, seen)
        world.control.error = WorldError("no space left")
        world.journal.hold()
        world.ledger.record(EquityMarked("2026-09-15", Decimal(100_000)))

    world.control.release = released  # type: ignore[method-assign]
    if is_failing:
        later(1.0, world.journal.fail, "disk full")
    answer = await world.desk.resume(reason="fine", by="me")
    assert (answer.is_done, answer.text) == (False, "not resumed")
    world.journal.release()
    assert "stop (first)" in (world.guard.refusal(Lane.REDUCE) or "")
    world.control.error = None
    await asyncio.sleep(11)
    world.desk.keep_halts()
    kept = world.switch.active if is_failing else world.book.halts[HaltCause.OPERATOR]
    assert "stop (first)" in kept, "the next start knows of it"


async def test_nothing_leaves_before_the_clearing_is_on_disk() -> None:
    world = World()
    world.desk.halt(reason="stop", by="me")
    hold_at_the_clearing(world)
    later(2.0, world.journal.release)
    task = resuming(world)
    await asyncio.sleep(1.0)
    sending = asyncio.get_running_loop().create_task(world.gateway.submit(an_intent()))
    await asyncio.sleep(0.5)
    assert world.broker.placed == []
    assert (await task).is_done
    await sending
    for placed in world.broker.placed:
        kinds = [type(event) for event in placed.durable_events]
        assert ev.HaltCleared in kinds


async def test_a_halt_that_comes_while_the_clearing_is_written_stands() -> None:
    world = World()
    world.desk.halt(reason="stop", by="me")
    hold_at_the_clearing(world)
    later(0.5, lambda: world.desk.halt(reason="again", by="second"))
    later(1.0, world.journal.release)
    answer = await world.desk.resume(reason="fine", by="me")
    assert answer.text == "halted again while resuming"
    assert world.book.halts == {HaltCause.OPERATOR: "again"}
    assert "again" in world.switch.active


async def test_a_link_lost_while_the_clearing_is_written_is_told_with_the_resume() -> None:
    """It was granted: what halts now goes by itself, and nothing is left for a second resume."""
    world = World()
    world.desk.halt(reason="stop", by="me")
    hold_at_the_clearing(world)
    later(0.5, world.guard.set_level, HaltCause.LINK, "lost")
    later(1.0, world.journal.release)
    answer = await world.desk.resume(reason="fine", by="me")
    assert (answer.is_done, answer.details) == (True, ("link: lost",))
    assert answer.text == "resumed: fine; halted until what objects now goes by itself"
    assert world.book.halts == {}


# ---- reconcile and baseline


async def test_a_reconciliation_on_demand_tells_what_it_found() -> None:
    world = World()
    answer = await world.desk.reconcile(by="me")
    assert answer.is_done
    assert "0 drifts, 0 repairs, 0 tickets" in answer.text
    world.broker.word = SnapshotUnavailable("no end")
    assert "no end" in (await world.desk.reconcile(by="me")).text
    world.broker.is_connected = False
    assert not (await world.desk.reconcile(by="me")).is_done


async def test_the_baseline_is_taken_once() -> None:
    world = World(is_baselined=False)
    world.broker.word = a_snapshot(positions=(a_position(7),))
    answer = await world.desk.baseline(by="me")
    assert answer == Answer(True, "1 positions accepted", ("AAA 7",))
    assert world.book.account == ACCOUNT
    assert world.book.position_of(CON) == 7
    again = await world.desk.baseline(by="me")
    assert again.text == "the baseline exists already"
    assert len(world.journal.events(ev.AccountBaselined)) == 1


async def test_an_execution_that_is_told_after_the_baseline_that_holds_it_is_not_sold_twice() -> (
    None
):
    world = World(is_baselined=False)
    world.broker.word = a_snapshot(positions=(a_position(7),))
    assert (await world.desk.baseline(by="me")).is_done
    world.guard.clear_level(HaltCause.NOT_RECONCILED)
    world.say(ev.ExecutionSeen(an_execution(quantity=Decimal(7), time_utc=world.clock.utc())))
    assert world.book.position_of(CON) == 14
    assert HaltCause.NOT_RECONCILED in world.guard.causes()
    assert world.reconciler.offset_of(CON) == -7


async def test_two_baselines_at_once_are_one() -> None:
    world = World(is_baselined=False)
    world.broker.word = a_snapshot(positions=(a_position(7),))
    first, second = await asyncio.gather(
        world.desk.baseline(by="me"), world.desk.baseline(by="you")
    )
    assert [first.is_done, second.is_done] == [True, False]
    assert len(world.journal.events(ev.AccountBaselined)) == 1


async def test_without_a_snapshot_there_is_no_baseline() -> None:
    world = World(is_baselined=False)
    world.broker.word = SnapshotUnavailable("no end")
    answer = await world.desk.baseline(by="me")
    assert (answer.is_done, answer.text) == (False, "no baseline: no end")
    assert world.book.account is None


async def test_a_fill_in_the_middle_of_the_baseline_is_not_added_to_it() -> None:
    # It was in the positions and not yet in the executions: the next run booked it once more.
    world = World(is_baselined=False)
    fill = an_execution(exec_id=ExecId("1.1.01"))
    held = a_snapshot(positions=(a_position(10),))
    words = [replace(held, executions=(fill,)), held]

    def word() -> BrokerSnapshot:
        if len(words) > 1:
            world.inbox.put(ev.ExecutionSeen(fill))
            return words.pop()
        return words[0]

    world.broker.word = word
    assert (await world.desk.baseline(by="me")).is_done
    await world.reconciler.run_once("later")
    assert world.book.position_of(CON) == 10
    assert HaltCause.NOT_RECONCILED not in world.guard.causes()


async def test_while_fills_keep_coming_nothing_is_accepted() -> None:
    world = World(is_baselined=False)
    numbers = count(1)

    def word() -> BrokerSnapshot:
        fill = an_execution(exec_id=ExecId(f"1.{next(numbers)}.01"))
        world.inbox.put(ev.ExecutionSeen(fill))
        return a_snapshot()

    world.broker.word = word
    answer = await world.desk.baseline(by="me")
    assert not answer.is_done
    assert "executions or commissions came" in answer.text
    assert world.broker.snapshot_count == 3


# ---- tickets


@pytest.mark.parametrize("verb", ["baseline", "adopt"])
async def test_nothing_is_accepted_from_a_gateway_that_has_lost_the_broker(verb: str) -> None:
    # What it remembers may be of yesterday (INC-132).
    world = World(is_baselined=verb == "adopt")
    if verb == "adopt":
        world.ledger.record(a_ticket())
    world.upstream(1100)
    asked = (
        world.desk.baseline(by="me")
        if verb == "baseline"
        else world.desk.tickets.adopt(ticket="run-position-AAA", reason="x", by="me")
    )
    answer = await asked
    assert not answer.is_done
    assert "upstream" in answer.text
    assert world.journal.events(ev.TicketClosed) == []
    assert (world.book.account is None) == (verb == "baseline")


async def test_an_unknown_ticket_is_not_adopted() -> None:
    world = World()
    answer = await world.desk.tickets.adopt(ticket="nope", reason="r", by="me")
    assert not answer.is_done
    assert answer.details == ("none",)


async def test_an_adopted_position_is_the_brokers() -> None:
    world = World()
    world.ledger.record(a_ticket())
    world.broker.word = lambda: world.mirror(positions=(a_position(7),))
    answer = await world.desk.tickets.adopt(ticket="run-position-AAA", reason="r", by="me")
    assert answer.is_done
    assert world.book.position_of(CON) == 7
    assert world.guard.causes() == {}


async def test_a_fill_that_the_accepted_position_contains_is_not_added_to_it() -> None:
    world = World()
    order = await world.working()
    world.ledger.record(a_ticket())
    filled = an_execution(order, exec_id=ExecId("1.1.01"))
    other = an_execution(exec_id=ExecId("1.2.01"), account=AccountId("DU2"))
    world.broker.word = lambda: world.mirror(
        open_orders=(), executions=(filled, other), positions=(a_position(17),)
    )
    await world.desk.tickets.adopt(ticket="run-position-AAA", reason="r", by="me")
    assert world.book.position_of(CON) == 17
    assert world.state(order.order_id) is OrderState.FILLED


async def test_a_fill_that_waits_to_be_read_is_not_added_to_the_accepted_position() -> None:
    world = World()
    order = await world.working()
    world.ledger.record(a_ticket())
    filled = an_execution(order, exec_id=ExecId("1.1.01"))

    def word() -> BrokerSnapshot:
        # It is in the position of the snapshot, and its own message is still in the queue.
        world.inbox.put(ev.ExecutionSeen(filled))
        return world.mirror(open_orders=(), executions=(), positions=(a_position(10),))

    world.broker.word = word
    await world.desk.tickets.adopt(ticket="run-position-AAA", reason="r", by="me")
    world.inbox.handle_queued()
    assert world.book.position_of(CON) == 10


@pytest.mark.parametrize("kind", ["execution", "commission"])
async def test_what_comes_after_the_accepted_word_is_not_lost_in_it(kind: str) -> None:
    world = World()
    order = await world.working()
    world.ledger.record(a_ticket())
    fill = an_execution(order, exec_id=ExecId("1.1.01"), quantity=Decimal(5))
    if kind == "commission":
        world.say(ev.ExecutionSeen(fill))
    first = world.mirror(positions=(a_position(7),))
    news = ev.ExecutionSeen(fill) if kind == "execution" else a_commission(fill)
    words = [world.mirror(positions=(a_position(12),)), first]

    def word() -> BrokerSnapshot:
        world.inbox.put(news)
        return words.pop() if len(words) > 1 else words[0]

    world.broker.word = word
    await world.desk.tickets.adopt(ticket="run-position-AAA", reason="r", by="me")
    assert world.book.position_of(CON) == 12


async def test_a_liquidation_that_a_ticket_brings_to_light_halts() -> None:
    world = World(held=10)
    world.ledger.record(a_ticket())
    sold = replace(an_execution(side=SELL, exec_id=ExecId("1.1.01")), is_liquidation=True)
    world.broker.word = lambda: world.mirror(executions=(sold,), positions=(a_position(0),))
    await world.desk.tickets.adopt(ticket="run-position-AAA", reason="r", by="me")
    assert HaltCause.LIQUIDATION in world.book.halts


async def test_a_ticket_stays_open_without_the_brokers_word() -> None:
    world = World()
    world.ledger.record(a_ticket())
    world.broker.word = SnapshotUnavailable("no end")
    answer = await world.desk.tickets.adopt(ticket="run-position-AAA", reason="r", by="me")
    assert not answer.is_done
    assert len(world.book.tickets) == 1


async def absent_ticket(world: World) -> tuple[OrderId, str]:
    """Have an order missing from the broker's lists, and a ticket about it."""
    order = await world.working()
    name = f"run-order_absent-{order.order_id}"
    world.ledger.record(
        ev.TicketOpened(TicketId(name), DriftKind.ORDER_ABSENT, CON, "gone", RunId("run"))
    )
    return order.order_id, name


async def test_an_order_that_a_person_knows_to_be_gone_is_closed() -> None:
    world = World()
    order_id, ticket = await absent_ticket(world)
    world.broker.word = lambda: world.mirror(open_orders=())
    assert (await world.desk.tickets.adopt(ticket=ticket, reason="r", by="me")).is_done
    assert world.state(order_id) is OrderState.CANCELLED


async def test_an_order_that_is_among_the_open_ones_again_is_not_called_gone() -> None:
    """It may fill: as a cancelled order its cash and its exit would be free for another."""
    world = World()
    order_id, ticket = await absent_ticket(world)
    assert (await world.desk.tickets.adopt(ticket=ticket, reason="r", by="me")).is_done
    assert world.state(order_id) is OrderState.WORKING
    assert world.book.tickets == {}
