"""What the broker says is taken in: in any order, under any link, exactly once."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.policies import bent
from tests.unit.engine.world import (
    CON,
    OTHER_CON,
    POLICY,
    SELL,
    VirtualLoop,
    World,
    a_commission,
    a_status,
    an_echo,
    an_execution,
    an_intent,
    running,
    turns,
)
from trader.core import events as ev
from trader.core.book import Book
from trader.core.changes import ChangeTerms
from trader.core.checkpoint import state_of
from trader.core.halts import LATCHED, HaltCause
from trader.core.ids import AccountId, ExecId, OrderId, OrderRef, PermId, RunId
from trader.core.intents import OrderType
from trader.core.orders import OrderState
from trader.engine.truth.inbox import Inbox, echo_mismatch
from trader.ports import BrokerMessage, DataProblem, LinkWord, QuoteTick

# ---- order and repetition


def messages_of_one_order(world: World) -> list[BrokerMessage]:
    """Return everything that is ever said of one order of ten, filled in two parts."""
    order = world.order()
    first = an_execution(order, exec_id=ExecId("1.1.01"), quantity=Decimal(4))
    second = an_execution(order, exec_id=ExecId("1.2.01"), quantity=Decimal(6))
    return [
        an_echo(order, status="PreSubmitted"),
        a_status(order, "PreSubmitted"),
        a_status(order, "Submitted", filled=Decimal(4), remaining=Decimal(6)),
        ev.ExecutionSeen(first),
        a_commission(first),
        ev.ExecutionSeen(second),
        a_commission(second, "2.00"),
        a_status(order, "Filled", filled=Decimal(10), remaining=Decimal(0)),
    ]


def end_of(messages: list[BrokerMessage], indexes: list[int]) -> tuple[object, ...]:
    """Return what a book says after messages in some order, repetitions included."""

    async def run() -> tuple[object, ...]:
        world = World()
        await world.gateway.submit(an_intent())
        world.say(*(messages[index] for index in indexes))
        state, order = state_of(world.book), world.order()
        return (
            sorted(state.positions, key=lambda row: row.con_id),
            state.cash,
            state.commission_paid,
            state.uncommissioned,
            sorted(state.commissions),
            (order.state, order.filled, order.filled_value, order.perm_id, order.broker_filled),
            state.halts,
            state.tally,
        )

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(run())


def the_messages() -> list[BrokerMessage]:
    async def run() -> list[BrokerMessage]:
        world = World()
        await world.gateway.submit(an_intent())
        return messages_of_one_order(world)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(run())


@given(st.data())
def test_any_order_of_one_orders_messages_gives_the_same_book(data: st.DataObject) -> None:
    """INC-026, INC-034: executions, statuses, echoes and commissions may come in any order."""
    messages = the_messages()
    indexes = list(range(len(messages)))
    shuffled = data.draw(st.permutations(indexes))
    repeated = data.draw(st.lists(st.sampled_from(indexes), max_size=6))
    assert end_of(messages, [*shuffled, *repeated]) == end_of(messages, indexes)


def test_the_book_at_the_end_is_the_one_that_the_executions_say() -> None:
    positions, cash, paid, pending, _, order, halts, _ = end_of(the_messages(), list(range(8)))
    assert [row.quantity for row in positions] == [10]  # type: ignore[attr-defined]
    assert cash == (("USD", Decimal(100_000) - 1_000 - 3),)
    assert paid == (("USD", Decimal(3)),)
    assert pending == halts == ()
    assert order == (OrderState.FILLED, 10, 1_000, 9_002, 10)


# ---- executions


@pytest.mark.parametrize("cause", [HaltCause.LINK, HaltCause.UPSTREAM, HaltCause.HEARTBEAT])
async def test_a_fill_is_a_fill_whatever_the_link(cause: HaltCause) -> None:
    # INC-003
    world = World()
    order = await world.working()
    world.upstream(1100)
    world.guard.set_level(cause, "because")
    world.fill(order)
    assert world.state(order.order_id) is OrderState.FILLED
    assert world.book.position_of(CON) == 10


async def test_the_execution_of_another_account_is_ignored() -> None:
    # INC-137
    world = World()
    seq = world.ledger.seq
    world.say(ev.ExecutionSeen(an_execution(account=AccountId("DU2"))))
    assert world.ledger.seq == seq
    assert world.book.positions == {}


async def test_before_the_baseline_there_is_nothing_to_add_to() -> None:
    world = World(is_baselined=False)
    world.say(ev.ExecutionSeen(an_execution()))
    assert world.book.fills == {}


async def test_a_liquidation_latches_and_its_fill_counts() -> None:
    world = World(held=10)
    sold = an_execution(side=SELL, is_liquidation=True, order_id=OrderId(0))
    world.say(ev.ExecutionSeen(sold))
    (cause,) = world.guard.causes()
    assert cause in LATCHED
    assert "liquidated AAA" in world.guard.causes()[cause]
    assert world.book.position_of(CON) == 0


async def test_a_liquidation_told_again_after_a_resume_does_not_halt_again() -> None:
    world = World(held=10)
    sold = an_execution(side=SELL, is_liquidation=True)
    world.say(ev.ExecutionSeen(sold))
    world.arm()
    world.say(ev.ExecutionSeen(sold))
    assert world.guard.causes() == {}


async def test_a_correction_replaces_the_fill() -> None:
    # INC-048
    world = World()
    order = await world.working()
    world.fill(order, "1.1.01")
    world.fill(order, "1.1.02", quantity=Decimal(8))
    assert world.book.position_of(CON) == 8
    assert world.order().filled == 8


# ---- echoes


async def test_the_echo_of_our_order_acknowledges_it() -> None:
    world = World()
    await world.gateway.submit(an_intent())
    world.say(an_echo(world.order()))
    assert world.order().state is OrderState.WORKING
    assert world.order().perm_id == 9_002
    assert world.guard.causes() == {}


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"con_id": OTHER_CON}, "contract"),
        ({"side": SELL}, "side"),
        ({"quantity": Decimal(11)}, "quantity"),
        ({"order_type": "MKT"}, "order type"),
        ({"account": AccountId("DU2")}, "account"),
        ({"limit_price": Decimal(101)}, "limit"),
        ({"stop_price": Decimal(90)}, "stop"),
        ({"time_in_force": "GTC"}, "time in force"),
    ],
)
async def test_an_echo_of_other_terms_latches(change: dict[str, object], what: str) -> None:
    # INC-156
    world = World()
    await world.gateway.submit(an_intent())
    world.say(an_echo(world.order(), **change))
    assert what in world.guard.causes()[HaltCause.INVARIANT]
    assert world.order().state is OrderState.WORKING
    assert (await world.gateway.submit(an_intent(2))).code == "HALTED"


async def test_an_echo_of_the_same_terms_is_no_mismatch() -> None:
    world = World()
    order = await world.working()
    assert echo_mismatch(order, an_echo(order, quantity=Decimal("10.0"))) is None


async def test_an_order_with_an_end_is_echoed_as_good_until_then() -> None:
    world = World(policy=bent(POLICY, order__entry_expiry_s=60.0))
    order = await world.working()
    assert echo_mismatch(order, an_echo(order, time_in_force="GTD")) is None
    assert "GTD" in str(echo_mismatch(order, an_echo(order, time_in_force="DAY")))


async def test_what_an_echo_does_not_tell_is_no_mismatch() -> None:
    """INC-101."""
    world = World()
    order = await world.working()
    assert echo_mismatch(order, an_echo(order, limit_price=None, time_in_force="")) is None


def changing(world: World, state: str) -> ChangeTerms:
    """Ask for 8 at 99 instead of 10 at 100, and let the change get as far as ``state``."""
    order = world.order()
    number, wanted = 1, ChangeTerms(Decimal(8), Decimal(99), None, Decimal(99))
    world.ledger.record(ev.ModifyPlanned(order.order_id, number, wanted, "x"))
    steps: dict[str, tuple[ev.Event, ...]] = {
        "sent": (ev.ModifySent(order.order_id, number),),
        "uncertain": (ev.ModifyUnanswered(order.order_id, number, "late"),),
        "withheld": (ev.ModifyWithheld(order.order_id, number, "halted"),),
        "planned": (),
    }
    for step in steps[state]:
        world.ledger.record(step)
    return wanted


@pytest.mark.parametrize("state", ["sent", "uncertain"])
async def test_an_echo_may_show_what_was_and_what_was_asked_for(state: str) -> None:
    """INC-098."""
    world = World()
    await world.working()
    wanted = changing(world, state)
    old = an_echo(world.order())
    new = an_echo(world.order(), quantity=wanted.quantity, limit_price=wanted.limit_price)
    for echo in (old, new, old, new):
        world.say(echo)
    assert world.guard.causes() == {}
    assert world.order().terms.quantity == 8


async def test_an_echo_that_mixes_what_was_with_what_was_asked_for_latches() -> None:
    world = World()
    await world.working()
    wanted = changing(world, "sent")
    world.say(an_echo(world.order(), quantity=wanted.quantity))
    assert "quantity sent 10, echoed 8" in world.guard.causes()[HaltCause.INVARIANT]


@pytest.mark.parametrize(
    ("state", "what"), [("withheld", "was dropped"), ("planned", "quantity sent 10")]
)
async def test_a_change_that_never_left_and_is_shown_latches(state: str, what: str) -> None:
    world = World()
    await world.working()
    wanted = changing(world, state)
    world.say(an_echo(world.order(), quantity=wanted.quantity, limit_price=wanted.limit_price))
    assert what in world.guard.causes()[HaltCause.INVARIANT]


async def test_a_foreign_echo_is_left_to_reconciliation() -> None:
    world = World()
    order = await world.working()
    seq = world.ledger.seq
    foreign = an_echo(order, order_ref=OrderRef(""), perm_id=PermId(5), order_id=OrderId(0))
    world.say(foreign)
    assert world.ledger.seq == seq
    assert world.book.foreign == {}


# ---- errors


@pytest.mark.parametrize(
    ("evidence", "wakes"),
    [
        (ev.Evidence.UNCLEAR, True),
        (ev.Evidence.REFUSES_CANCEL, True),
        (ev.Evidence.REJECTS_NEW, False),
        (ev.Evidence.INFORMS, False),
        (ev.Evidence.CONFIRMS_CANCEL, False),
    ],
)
async def test_an_error_that_proves_nothing_is_asked_about(
    evidence: ev.Evidence, wakes: bool
) -> None:
    world = World()
    await world.gateway.submit(an_intent())
    woken: list[str] = []
    world.inbox.wake_reconciler = woken.append
    world.say(ev.OrderErrorSeen(world.order().order_id, 399, "text", evidence))
    assert bool(woken) is wakes
    assert len(world.journal.events(ev.OrderErrorSeen)) == 1


@pytest.mark.parametrize("is_working", [False, True])
async def test_a_refusal_of_what_works_is_asked_about_and_one_of_a_new_order_is_its_end(
    is_working: bool,
) -> None:
    world = World()
    await world.gateway.submit(an_intent())
    order = world.order()
    if is_working:
        world.say(a_status(order))
    woken: list[str] = []
    world.inbox.wake_reconciler = woken.append
    world.say(ev.OrderErrorSeen(order.order_id, 201, "refused", ev.Evidence.REJECTS_NEW))
    assert bool(woken) is is_working
    assert (world.order().state is OrderState.WORKING) is is_working


async def test_information_on_an_order_never_ends_it() -> None:
    # INC-001
    world = World()
    await world.gateway.submit(an_intent())
    world.say(ev.OrderErrorSeen(world.order().order_id, 10349, "TIF", ev.Evidence.INFORMS))
    assert world.order().state is OrderState.SENT


async def test_an_error_of_an_order_nobody_knows_is_not_recorded() -> None:
    world = World()
    seq = world.ledger.seq
    world.say(ev.OrderErrorSeen(OrderId(77), 200, "text", ev.Evidence.REJECTS_NEW))
    assert world.ledger.seq == seq


# ---- links and data


async def test_a_word_of_the_link_reaches_the_guard_before_the_watch() -> None:
    world = World()
    seen: list[bool] = []
    world.inbox.on_link_word = lambda word: seen.append(HaltCause.LINK in world.guard.causes())
    world.say(LinkWord("socket", is_up=False, code=0, text="reset"))
    assert seen == [True]


async def test_quotes_do_not_wait_behind_facts() -> None:
    world = World()
    world.inbox.put(QuoteTick(CON, "bid", Decimal(42), 1_000.0))
    assert world.hub.quotes[CON].bid == 42
    assert world.inbox.message_count == 1


async def test_a_failed_subscription_drops_its_quote() -> None:
    world = World()
    world.say(DataProblem(CON, 354, "not subscribed"))
    assert CON not in world.hub.quotes


# ---- the task


async def test_the_task_handles_what_arrives_and_shows_life_in_a_quiet_market() -> None:
    world = World()
    order = await world.working()
    world.supervisor.start("inbox", world.inbox.run)
    await asyncio.sleep(60)
    assert dict(world.supervisor.ages_s())["inbox"] <= 5.0
    world.inbox.put(ev.ExecutionSeen(an_execution(order)))
    await turns(3)
    assert world.state(order.order_id) is OrderState.FILLED
    await world.supervisor.stop()


async def test_messages_are_handled_in_the_order_they_came() -> None:
    world = World()
    order = await world.working()
    with running(world.inbox.run):
        for status in ("Submitted", "PendingCancel", "Cancelled"):
            world.inbox.put(a_status(order, status))
        world.inbox.put(a_status(order, "Submitted"))
        await turns(3)
    assert [row.status for row in world.journal.events(ev.OrderStatusSeen)][-3:] == [
        "PendingCancel",
        "Cancelled",
        "Submitted",
    ]
    assert world.order().state is OrderState.CANCELLED


async def test_a_message_that_comes_while_one_is_handled_is_handled_too() -> None:
    world = World()
    order = await world.working()
    world.inbox.on_link_word = lambda word: world.inbox.put(a_status(order, "Cancelled"))
    world.say(LinkWord("farm", is_up=True, code=2104, text="usfarm"))
    assert world.order().state is OrderState.CANCELLED


def test_handling_a_message_never_waits() -> None:
    assert not inspect.iscoroutinefunction(Inbox.handle_queued)
    assert not inspect.iscoroutinefunction(Inbox.put)


async def test_an_inbox_that_nobody_empties_is_a_bug_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("trader.engine.truth.inbox._QUEUE_MAX", 3)
    world = World()
    order = await world.working()
    for _ in range(3):
        world.inbox.put(a_status(order))
    with pytest.raises(AssertionError, match="inbox holds"):
        world.inbox.put(a_status(order))


async def test_an_inbox_without_an_account_takes_every_execution() -> None:
    world = World()
    world.inbox.account = None
    world.say(ev.ExecutionSeen(replace(an_execution(), account=AccountId("DU2"))))
    assert len(world.book.fills) == 1


# ---- what contradicts the order it names


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"con_id": OTHER_CON}, "is of contract"),
        ({"side": SELL}, "is a SELL"),
        ({"quantity": Decimal(11)}, "makes 11 of 10"),
    ],
)
async def test_an_execution_that_contradicts_its_order_is_booked_and_halts(
    change: dict[str, Any], what: str
) -> None:
    # INC-156; and one intent that the broker filled twice.
    world = World()
    order = await world.working()
    execution = world.fill(order, **change)
    assert what in world.book.halts[HaltCause.INVARIANT]
    assert [fill.execution for fill in world.book.fills.values()] == [execution]


async def test_a_fill_that_makes_cash_negative_halts_once() -> None:
    # The price doubled between the approval and the fill of a market order.
    world = World(cash=20_000)
    order = await world.working(
        an_intent(quantity=Decimal(150), order_type=OrderType.MARKET, limit_price=None)
    )
    world.fill(order, "1.1.01", quantity=Decimal(100), price=Decimal(150))
    assert world.guard.causes() == {}
    world.fill(order, "1.2.01", quantity=Decimal(49), price=Decimal(200))
    assert "cash is -4800 USD" in world.book.halts[HaltCause.INVARIANT]
    # What is known to whoever resumed does not halt again.
    world.ledger.record(ev.HaltCleared(HaltCause.INVARIANT, "seen", "me"))
    world.fill(order, "1.3.01", quantity=Decimal(1), price=Decimal(200))
    assert world.guard.causes() == {}


async def test_a_second_fill_of_an_order_that_was_full_halts() -> None:
    # Two permIds under one order id, each filled (INC-085).
    world = World()
    order = await world.working()
    world.fill(order, "1.1.01")
    assert world.guard.causes() == {}
    world.fill(order, "1.2.01", perm_id=PermId(77))
    assert "makes 20 of 10" in world.book.halts[HaltCause.INVARIANT]


async def absent_order(world: World) -> OrderId:
    """Send an order and conclude that the broker never had it."""
    outcome = await world.gateway.submit(an_intent())
    assert outcome.order_id is not None
    world.gateway.mark_unanswered(0.0, "no answer")
    run_id = RunId("r")
    world.ledger.record(ev.OrderProvenAbsent(outcome.order_id, run_id, first_run_id=run_id))
    assert world.state(outcome.order_id) is OrderState.CANCELLED
    return outcome.order_id


@pytest.mark.parametrize("status", ["PreSubmitted", "Submitted"])
async def test_an_order_that_was_proven_absent_and_works_halts(status: str) -> None:
    # The gateway had held it back: another order may have been sent in its place.
    world = World()
    order = world.book.orders[await absent_order(world)]
    world.say(a_status(order, status))
    causes = world.guard.causes()
    assert "proven absent and lives" in causes[HaltCause.INVARIANT]
    assert "works all the same" in causes[HaltCause.NOT_RECONCILED]
    # Said again it is no news, or each look at it would ask for the next.
    world.guard.clear_level(HaltCause.NOT_RECONCILED)
    world.say(a_status(order, status), an_echo(order, status=status))
    assert set(world.guard.causes()) == {HaltCause.INVARIANT}


async def test_an_order_that_was_proven_absent_and_fills_halts() -> None:
    world = World()
    order = world.book.orders[await absent_order(world)]
    world.fill(order)
    assert "proven absent and lives" in world.book.halts[HaltCause.INVARIANT]
    assert world.state(order.order_id) is OrderState.FILLED


async def test_an_order_that_a_code_refused_and_that_works_is_looked_up_at_once() -> None:
    world = World()
    outcome = await world.gateway.submit(an_intent())
    assert outcome.order_id is not None
    order = world.book.orders[outcome.order_id]
    world.say(ev.OrderErrorSeen(order.order_id, 201, "refused", ev.Evidence.REJECTS_NEW))
    world.say(a_status(order))
    assert "works all the same" in world.guard.causes()[HaltCause.NOT_RECONCILED]


async def test_a_late_word_on_an_order_that_the_broker_ended_asks_nothing() -> None:
    # INC-014
    world = World()
    order = await world.working()
    world.say(a_status(order, "Cancelled"), a_status(order, "Submitted"))
    assert world.guard.causes() == {}


@pytest.mark.parametrize("is_baselined", [True, False])
async def test_what_moves_money_is_counted_once_booked_or_not(is_baselined: bool) -> None:
    world = World(is_baselined=is_baselined)
    execution = an_execution()
    world.say(ev.ExecutionSeen(execution), a_commission(execution))
    assert world.inbox.money_count == 2
    world.say(a_commission(execution))
    assert world.inbox.money_count == 2
    other = an_execution(account=AccountId("DU9"), exec_id=ExecId("2.2.01"))
    world.say(ev.ExecutionSeen(other))
    assert world.inbox.money_count == 2


@pytest.mark.parametrize(
    ("cause", "changes"),
    [
        (HaltCause.LIQUIDATION, {"is_liquidation": True}),
        (HaltCause.INVARIANT, {"price": Decimal(20_000)}),
        (HaltCause.INVARIANT, {"quantity": Decimal(11)}),
        (HaltCause.INVARIANT, {"con_id": OTHER_CON}),
    ],
    ids=["a liquidation", "cash below zero", "more than sent", "another contract"],
)
async def test_a_process_that_dies_behind_an_execution_does_not_lose_its_halt(
    cause: HaltCause, changes: dict[str, Any]
) -> None:
    # The execution was on disk and its halt was not: told again it is no news, and nobody halts.
    world = World()
    order = await world.working()
    world.fill(order, **changes)
    assert cause in world.book.halts
    rows = world.journal.rows
    ends = [n for n, row in enumerate(rows) if isinstance(row.event, ev.ExecutionSeen)]
    after = Book()
    for recorded in rows[: ends[-1] + 1]:
        after.apply(recorded)
    assert cause in after.halts


async def test_a_process_that_dies_behind_a_word_that_refutes_a_proof_does_not_lose_its_halt() -> (
    None
):
    world = World()
    order = await world.working()
    world.ledger.record(ev.OrderProvenAbsent(order.order_id, RunId("r"), first_run_id=RunId("r")))
    world.say(a_status(order, "PreSubmitted"))
    rows = world.journal.rows
    ends = [n for n, row in enumerate(rows) if isinstance(row.event, ev.OrderStatusSeen)]
    after = Book()
    for recorded in rows[: ends[-1] + 1]:
        after.apply(recorded)
    assert HaltCause.INVARIANT in after.halts


async def test_an_echo_costs_the_same_however_many_orders_the_book_knows() -> None:
    """Of ten thousand orders each echo went through all, and a restart took twice as long."""

    class NeverWalked(dict[PermId, OrderId]):
        def __iter__(self) -> Iterator[PermId]:
            raise AssertionError("all orders are gone through for one echo")

    world = World()
    order = await world.working()
    world.book.perm_ids = NeverWalked(world.book.perm_ids)
    for perm_id in (order.perm_id, PermId(0), PermId(77)):
        world.say(an_echo(order, perm_id=perm_id))
    assert "has the permId 77 as well" in world.guard.causes()[HaltCause.NOT_RECONCILED]
