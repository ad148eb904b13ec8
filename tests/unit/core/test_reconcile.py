"""Reconciliation proves, waits or asks; it never sends, and one pass removes what it can.

Each run is done as the daemon does it: compare, then record repairs, late commissions and
tickets through the book, with what earlier runs left pending handed in.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.factories import (
    BUY,
    CON,
    LINEAGE,
    OTHER_ACCOUNT,
    OTHER_CON,
    a_book,
    a_completed_row,
    a_foreign_execution,
    a_foreign_row,
    a_position_row,
    a_run,
    a_snapshot,
    a_status,
    an_error,
    an_execution,
    an_id,
    an_open_row,
    at,
    executed,
    fill,
    plan_order,
    record,
    repair,
    send_order,
    work_bracket,
    work_order,
)
from trader.core import events as ev
from trader.core.book import Book
from trader.core.changes import ChangeTerms
from trader.core.checkpoint import state_of
from trader.core.drifts import Drift, DriftKind, Plan, RunContext, plan, sighting
from trader.core.executions import Commission, Execution
from trader.core.ids import (
    ExecFamily,
    ExecId,
    IntentId,
    Lineage,
    OrderId,
    OrderRef,
    PermId,
    RunId,
    Seq,
    TicketId,
    order_ref,
)
from trader.core.journal_events import JournalRestored
from trader.core.orders import OrderState
from trader.core.reconcile import (
    commissions_to_record,
    diff,
    not_compared,
    passed_over,
    unanswered_orders,
    unknown_to_the_book,
)
from trader.core.snapshots import BrokerSnapshot

ONE = OrderId(1)
D = Decimal
CASH_AFTER_FILL = {"USD": D(99_000)}


def is_settled(decided: Plan) -> bool:
    """Tell whether book and broker agree once the repairs are recorded."""
    return not decided.tickets and not decided.open


class Daemon:
    """Runs reconciliations one after the other and remembers what they left pending."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.pending: dict[str, tuple[Drift, float]] = {}

    def run(self, snapshot: BrokerSnapshot, seconds: float, **changes: Any) -> Plan:
        run = a_run(self.book, seconds, **changes)
        before = frozenset(key for key, (_, at_s) in self.pending.items() if seconds - at_s >= 10)
        left = tuple(drift for drift, _ in self.pending.values())
        decided = repair(self.book, snapshot, run, before, left)
        now = {sighting(drift): drift for drift in decided.open}
        self.pending = {key: self.pending.get(key, (row, seconds)) for key, row in now.items()}
        return decided


def kinds(book: Book, snapshot: BrokerSnapshot, run: RunContext | None = None) -> list[DriftKind]:
    return [drift.kind for drift in diff(book, snapshot, run or a_run(book))]


def agreeing(**changes: Any) -> BrokerSnapshot:
    """Return the snapshot of a broker who filled order 1."""
    snapshot = a_snapshot(
        executions=(an_execution(),), positions=(a_position_row(10),), cash=CASH_AFTER_FILL
    )
    return replace(snapshot, **changes)


def test_book_and_broker_that_agree_need_nothing() -> None:
    book = a_book(held=10)
    work_order(book)
    snapshot = a_snapshot(open_orders=(an_open_row(),), positions=(a_position_row(10),))
    assert diff(book, snapshot, a_run(book)) == ()
    assert is_settled(plan((), frozenset(), a_run(book)))


# ---- executions


def test_a_missed_execution_is_recorded_and_explains_the_position_and_the_cash() -> None:
    """INC-003: nothing else has to be decided once it is in the book."""
    book = a_book()
    send_order(book)
    assert kinds(book, agreeing()) == [DriftKind.EXECUTION_MISSED]
    decided = repair(book, agreeing(), a_run(book))
    assert is_settled(decided)
    assert book.orders[ONE].state is OrderState.FILLED
    assert book.position_of(CON) == 10
    assert diff(book, agreeing(), a_run(book)) == ()


def test_of_several_revisions_in_one_snapshot_the_highest_counts() -> None:
    """INC-048: by number, not by letter."""
    rows = tuple(
        an_execution(exec_id=f"e.01.{revision}", quantity=quantity)
        for revision, quantity in [("02", 8), ("100", 10), ("9", 7)]
    )
    book = a_book()
    send_order(book)
    decided = repair(book, agreeing(executions=rows), a_run(book))
    assert [event.execution.exec_id for event in decided.repairs] == ["e.01.100"]  # type: ignore[union-attr]
    assert book.position_of(CON) == 10
    assert diff(book, agreeing(executions=rows), a_run(book)) == ()


def test_a_missed_correction_explains_the_position_as_well() -> None:
    book = a_book()
    work_order(book)
    record(book, executed())
    rows = (an_execution(), an_execution(exec_id="e.01.02", quantity=7))
    snapshot = agreeing(executions=rows, positions=(a_position_row(7),), cash={"USD": D(99_300)})
    assert kinds(book, snapshot) == [DriftKind.EXECUTION_MISSED]
    assert is_settled(repair(book, snapshot, a_run(book)))
    assert book.position_of(CON) == 7


def test_executions_of_another_account_are_ignored() -> None:
    """INC-137."""
    row = an_execution(account=OTHER_ACCOUNT)
    snapshot = a_snapshot(
        executions=(row,),
        commissions=(Commission(row.exec_id, D(4), "USD"),),
        positions=(a_position_row(10, account=OTHER_ACCOUNT),),
    )
    book = a_book()
    assert is_settled(repair(book, snapshot, a_run(book)))
    assert book.position_of(CON) == 0
    assert book.cash["USD"] == 100_000
    assert diff(book, snapshot, a_run(book)) == ()


def test_a_fill_by_hand_is_booked_without_an_order() -> None:
    """INC-120: a foreign reference never counts towards an order of ours."""
    book = a_book()
    work_order(book)
    snapshot = agreeing(executions=(a_foreign_execution("e.01.01"),), open_orders=(an_open_row(),))
    assert is_settled(repair(book, snapshot, a_run(book)))
    assert book.position_of(CON) == 10
    assert book.orders[ONE].filled == 0
    assert book.fills[ExecFamily("e.01")].order_id is None


def test_a_replayed_day_is_not_news() -> None:
    """INC-018."""
    book = a_book()
    send_order(book)
    record(book, executed())
    rows = (an_execution(), an_execution(), an_execution(exec_id="e.01.00"))
    assert diff(book, agreeing(executions=rows), a_run(book)) == ()


# ---- commissions and cash


def test_commissions_of_two_revisions_settle_in_one_run() -> None:
    """INC-048: the older must not come back in every run."""
    book = a_book()
    send_order(book)
    rows = (an_execution(), an_execution(exec_id="e.01.02"))
    reports = tuple(
        Commission(ExecId(f"e.01.{revision}"), D(amount), "USD")
        for revision, amount in (("02", 5), ("01", 3))
    )
    snapshot = agreeing(executions=rows, commissions=reports, cash={"USD": D(98_995)})
    repair(book, snapshot, a_run(book))
    assert book.cash["USD"] == 98_995
    assert commissions_to_record(book, snapshot) == ()
    assert diff(book, snapshot, a_run(book)) == ()


def test_a_late_commission_waits_with_the_cash_so_that_it_counts_once() -> None:
    """An adjustment beside it would take it off twice."""
    book = a_book()
    send_order(book)
    record(book, executed())
    snapshot = agreeing(
        commissions=(Commission(ExecId("e.01.01"), D(5), "USD"),), cash={"USD": D(98_975)}
    )
    daemon = Daemon(book)
    assert is_settled(daemon.run(snapshot, 0))
    assert book.cash["USD"] == 98_995
    assert len(daemon.run(snapshot, 20).pending) == 1
    assert daemon.run(snapshot, 40).repairs == (
        ev.CashAdjusted("USD", D(98_995), D(98_975), "seen twice, run run-40"),
    )
    assert book.cash["USD"] == 98_975


@pytest.mark.parametrize(
    ("difference", "looks"),
    [(1, []), (2, ["pending", "repair"]), (50, ["pending", "repair"]), (51, ["pending", "ticket"])],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_cash_is_tolerated_adjusted_or_asked_about_by_its_size(
    difference: int, looks: list[str], sign: int
) -> None:
    book = a_book()
    snapshot = a_snapshot(cash={"USD": D(100_000 + sign * difference)})
    daemon, found = Daemon(book), []
    for look in range(3):
        decided = daemon.run(snapshot, look * 10)
        found += ["pending" for _ in decided.pending]
        found += ["repair" for _ in decided.repairs]
        found += ["ticket" for _ in decided.tickets]
    assert found == looks
    expected = snapshot.cash["USD"] if "repair" in looks else D(100_000)
    assert book.cash["USD"] == expected


def test_commissions_not_reported_yet_widen_the_tolerance() -> None:
    book = a_book()
    send_order(book)
    record(book, executed())
    assert diff(book, agreeing(cash={"USD": D(98_998)}), a_run(book)) == ()
    assert kinds(book, agreeing(cash={"USD": D("98_997.99")})) == [DriftKind.CASH]


def test_a_currency_that_the_broker_does_not_tell_of_is_not_known_to_be_zero() -> None:
    # An unset balance is no balance (INC-105): neither an adjustment nor a ticket comes of it.
    book = a_book()
    assert diff(book, a_snapshot(cash={}), a_run(book)) == ()
    assert diff(book, a_snapshot(cash={"EUR": D(0)}), a_run(book)) == ()


def test_cash_waits_while_a_position_moves() -> None:
    book = a_book()
    send_order(book)
    mark = book.seq
    record(book, executed())
    assert diff(book, agreeing(cash={"USD": D(1)}), a_run(book, mark=mark)) == ()


# ---- the state of orders


def test_an_order_that_is_open_at_the_broker_takes_its_state() -> None:
    """INC-002: an unknown order that is found works."""
    book = a_book()
    send_order(book)
    record(book, ev.OrderUnanswered(ONE, "link"))
    snapshot = a_snapshot(open_orders=(an_open_row(),))
    assert kinds(book, snapshot) == [DriftKind.STATUS_BEHIND]
    assert is_settled(repair(book, snapshot, a_run(book)))
    assert book.orders[ONE].state is OrderState.WORKING
    assert book.orders[ONE].perm_id == 9001
    assert diff(book, snapshot, a_run(book)) == ()


@pytest.mark.parametrize(
    "row",
    [
        a_completed_row(),
        a_completed_row(status="Inactive"),
        a_completed_row(perm_id=PermId(0)),
        a_completed_row(perm_id=PermId(4711)),
        a_completed_row(order_ref=OrderRef("")),
        a_completed_row(perm_id=PermId(0), order_ref=OrderRef(order_ref(an_id()) + "/IB")),
    ],
)
def test_an_order_the_broker_completed_without_filling_is_cancelled(row: Any) -> None:
    """INC-125, INC-096: completed orders carry neither order id nor client id."""
    book = a_book()
    work_order(book)
    snapshot = a_snapshot(completed_orders=(row,))
    assert is_settled(repair(book, snapshot, a_run(book)))
    assert book.orders[ONE].state is OrderState.CANCELLED
    assert diff(book, snapshot, a_run(book)) == ()


def test_a_completed_order_of_somebody_else_proves_nothing_about_ours() -> None:
    book = a_book()
    work_order(book)
    row = a_completed_row(perm_id=PermId(555), order_ref=OrderRef(""))
    repair(book, a_snapshot(completed_orders=(row,)), a_run(book))
    assert book.orders[ONE].state is OrderState.WORKING


@pytest.mark.parametrize("is_completed", [True, False])
def test_an_order_said_to_be_filled_without_executions_is_a_persons_matter(
    is_completed: bool,
) -> None:
    """Proving it absent would hide a fill that somebody has seen."""
    book = a_book()
    work_order(book)
    record(book, a_status(status="Filled", filled=D(10), remaining=D(0)))
    rows = (a_completed_row(status="Filled", filled=D(10)),) if is_completed else ()
    daemon, snapshot = Daemon(book), a_snapshot(completed_orders=rows)
    first, second = daemon.run(snapshot, 0), daemon.run(snapshot, 10)
    assert [drift.kind for drift in first.pending] == [DriftKind.ORDER_ABSENT]
    assert [ticket.kind for ticket in second.tickets] == [DriftKind.ORDER_ABSENT]
    assert book.orders[ONE].state is OrderState.WORKING


def test_an_order_that_is_over_and_owes_executions_is_a_persons_matter() -> None:
    """INC-024: it counts until they come, or until somebody decides."""
    book = a_book()
    work_order(book)
    record(book, executed(quantity=3))
    record(book, a_status(status="Cancelled", filled=D(5)))
    daemon, snapshot = (
        Daemon(book),
        a_snapshot(positions=(a_position_row(3),), cash=dict(book.cash)),
    )
    first, second = daemon.run(snapshot, 0), daemon.run(snapshot, 10)
    assert [drift.kind for drift in first.pending] == [DriftKind.EXECUTION_OWED]
    assert [ticket.text for ticket in second.tickets] == [
        "1: expected CANCELLED, executions of 3, observed the broker said that 5 filled"
    ]
    assert daemon.run(snapshot, 20).tickets == ()
    assert book.orders[ONE].remaining == 7


def test_the_missed_execution_of_an_order_that_is_over_is_what_it_owed() -> None:
    book = a_book()
    work_order(book)
    record(book, a_status(status="Cancelled", filled=D(5)))
    late = an_execution(quantity=5)
    snapshot = a_snapshot(executions=(late,), positions=(a_position_row(5),), cash={})
    assert [row.kind for row in diff(book, snapshot, a_run(book))] == [DriftKind.EXECUTION_MISSED]


def test_absent_once_proves_nothing_and_twice_a_quiet_period_apart_proves_it() -> None:
    """INC-045, INC-002, INC-017."""
    book = a_book()
    work_order(book)
    daemon = Daemon(book)
    first = daemon.run(a_snapshot(), 0)
    assert first.repairs == (ev.OrderAbsentSeen(ONE, first_run := a_run(book, 0).run_id),)
    assert not is_settled(first)
    too_soon = daemon.run(a_snapshot(), 9.9)
    assert too_soon.repairs == too_soon.tickets == ()
    assert len(too_soon.pending) == 1
    assert book.orders[ONE].state is OrderState.WORKING
    last = daemon.run(a_snapshot(), 10)
    assert last.repairs == (ev.OrderProvenAbsent(ONE, a_run(book, 10).run_id, first_run),)
    assert is_settled(last)
    assert book.orders[ONE].state is OrderState.CANCELLED
    assert daemon.run(a_snapshot(), 20) == Plan((), (), ())


def test_an_order_is_awaited_longer_than_a_difference_and_waiting_opens_no_ticket() -> None:
    """A late order can still fill: looks between quiet_s and absence_s neither prove nor page."""
    book = a_book()
    work_order(book)
    daemon = Daemon(book)
    daemon.run(a_snapshot(), 0, absence_s=60.0)
    for seconds in (10.0, 20.0, 30.0, 40.0, 59.9):
        waiting = daemon.run(a_snapshot(), seconds, absence_s=60.0)
        assert waiting.repairs == waiting.tickets == ()
        assert len(waiting.pending) == 1
    assert book.orders[ONE].state is OrderState.WORKING
    daemon.run(a_snapshot(), 60.0, absence_s=60.0)
    assert book.orders[ONE].state is OrderState.CANCELLED


@pytest.mark.parametrize("state", [OrderState.UNKNOWN, OrderState.CANCELLING, OrderState.WORKING])
def test_the_proof_of_absence_holds_for_every_order_that_may_be_alive(state: OrderState) -> None:
    book = a_book()
    send_order(book)
    words: dict[OrderState, ev.Event] = {
        OrderState.UNKNOWN: ev.OrderUnanswered(ONE, "link"),
        OrderState.CANCELLING: ev.CancelSent(ONE, "test"),
        OrderState.WORKING: a_status(),
    }
    record(book, words[state])
    daemon = Daemon(book)
    daemon.run(a_snapshot(), 0)
    assert book.orders[ONE].state is state
    daemon.run(a_snapshot(), 10)
    assert book.orders[ONE].state is OrderState.CANCELLED


def test_an_order_seen_between_two_absences_starts_the_proof_anew() -> None:
    """INC-045: the snapshots without it must follow each other."""
    book = a_book()
    work_order(book)
    present = a_snapshot(open_orders=(an_open_row(),))
    daemon = Daemon(book)
    daemon.run(a_snapshot(open_orders=(an_open_row(),)), 0)
    daemon.run(a_snapshot(), 10)
    daemon.run(present, 20)
    daemon.run(a_snapshot(), 30)
    assert book.orders[ONE].state is OrderState.WORKING
    daemon.run(a_snapshot(), 40)
    assert book.orders[ONE].state is OrderState.CANCELLED


@pytest.mark.parametrize("how", ["planned", "sent"])
def test_an_order_that_still_has_time_to_be_answered_is_left_alone(how: str) -> None:
    """INC-017: its own deadline makes it unknown first."""
    book = a_book()
    (plan_order if how == "planned" else send_order)(book)
    daemon = Daemon(book)
    for seconds in (0, 10, 20):
        assert daemon.run(a_snapshot(), seconds) == Plan((), (), ())


def test_an_order_sent_before_the_lists_begin_is_a_persons_matter_at_once_and_once() -> None:
    """INC-002: lists that do not reach back prove nothing; one ticket is enough."""
    book = a_book()
    work_order(book)
    snapshot = a_snapshot(window_utc=at(1))
    daemon = Daemon(book)
    decided = daemon.run(snapshot, 0)
    assert [ticket.kind for ticket in decided.tickets] == [DriftKind.ORDER_ABSENT]
    assert book.orders[ONE].state is OrderState.WORKING
    for seconds in (10, 20, 30):
        assert daemon.run(snapshot, seconds) == Plan((), (), ())
    record(book, ev.TicketClosed(decided.tickets[0].ticket_id, "looked", "op"))
    assert len(daemon.run(snapshot, 40).tickets) == 1


UNCERTAIN = ChangeTerms(Decimal(15), Decimal(101), None, Decimal(101))


def uncertain_change(seconds: float = 0.0) -> Book:
    book = a_book()
    work_order(book)
    record(book, ev.ModifyPlanned(OrderId(1), 1, UNCERTAIN, "x"), seconds)
    record(book, ev.ModifyUnanswered(OrderId(1), 1, "late"), seconds)
    return book


def test_an_uncertain_change_that_is_not_shown_twice_is_refuted() -> None:
    book = uncertain_change()
    snapshot = a_snapshot(open_orders=(an_open_row(),))
    first = repair(book, snapshot, a_run(book, 60))
    assert [drift.kind for drift in first.pending] == [DriftKind.CHANGE_UNSETTLED]
    assert book.orders[OrderId(1)].remaining == 15
    seen = frozenset(sighting(drift) for drift in first.pending)
    second = repair(book, snapshot, a_run(book, 90), seen)
    assert second.repairs == (ev.ModifyRefuted(OrderId(1), 1, RunId("run-90")),)
    assert book.orders[OrderId(1)].remaining == 10


def test_an_uncertain_change_of_a_held_order_waits_for_the_open() -> None:
    """INC-098."""
    book = uncertain_change()
    snapshot = a_snapshot(open_orders=(an_open_row(status="PreSubmitted"),))
    repair(book, snapshot, a_run(book, 60))
    assert diff(book, snapshot, a_run(book, 61)) == ()
    assert book.orders[OrderId(1)].remaining == 15


def test_an_uncertain_change_that_a_snapshot_shows_is_applied() -> None:
    book = uncertain_change()
    row = an_open_row(quantity=UNCERTAIN.quantity, limit_price=UNCERTAIN.limit_price)
    repair(book, a_snapshot(open_orders=(row,)), a_run(book, 60))
    assert book.orders[OrderId(1)].terms.quantity == 15
    assert book.orders[OrderId(1)].open_change is None


@pytest.mark.parametrize(("stop", "is_refuted"), [(95, True), (96, False)])
def test_a_change_of_a_leg_is_judged_at_the_size_that_the_broker_has_made_of_it(
    stop: int, is_refuted: bool
) -> None:
    """Its entry has filled in part meanwhile."""
    book = a_book()
    work_bracket(book)
    (leg,) = [row for row in book.orders.values() if row.terms.order_type == "STP"]
    wanted = replace(leg.terms.changeable, stop_price=Decimal(96))
    record(book, ev.ModifyPlanned(leg.order_id, 1, wanted, "x"))
    record(book, ev.ModifyUnanswered(leg.order_id, 1, "late"))
    fill(book, 1, 4)
    record(book, a_status(leg.order_id, "Submitted"))
    row = an_open_row(
        leg.order_id,
        order_ref=leg.order_ref,
        side=leg.terms.side,
        quantity=Decimal(4),
        order_type="STP",
        limit_price=None,
        stop_price=Decimal(stop),
    )
    decided = diff(book, a_snapshot(open_orders=(row,)), a_run(book, 60))
    found = [one for one in decided if one.key.startswith(str(leg.order_id))]
    assert [one.kind for one in found] == [
        DriftKind.CHANGE_UNSETTLED if is_refuted else DriftKind.STATUS_BEHIND
    ]
    for event in found[0].repair:
        record(book, event)
    after = book.orders[leg.order_id]
    assert after.open_change is None
    assert after.terms.stop_price == stop


def test_an_order_that_filled_before_it_could_grow_is_over() -> None:
    book = uncertain_change()
    record(book, executed(quantity=10))
    row = a_completed_row(status="Filled", filled=Decimal(10))
    snapshot = a_snapshot(completed_orders=(row,))
    assert book.orders[OrderId(1)].state is OrderState.WORKING
    repair(book, snapshot, a_run(book, 60))
    assert book.orders[OrderId(1)].state is OrderState.FILLED


@pytest.mark.parametrize("is_told", [True, False])
def test_an_order_that_filled_at_the_size_it_was_made_smaller_to_is_over(is_told: bool) -> None:
    book = a_book()
    work_order(book)
    wanted = ChangeTerms(D(4), D(99), None, D(99))
    record(book, ev.ModifyPlanned(ONE, 1, wanted, "moved"))
    record(book, ev.ModifyUnanswered(ONE, 1, "the process ended before an answer"))
    if is_told:
        record(book, executed(quantity=4))
    row = a_completed_row(status="Filled", filled=Decimal(4))
    late = an_execution(quantity=4)
    repair(book, a_snapshot(completed_orders=(row,), executions=(late,)), a_run(book, 60))
    assert book.orders[ONE].state is OrderState.FILLED
    assert book.orders[ONE].terms.quantity == 4


def test_a_missed_execution_that_completes_an_order_explains_its_absence() -> None:
    book = a_book()
    work_order(book)
    assert kinds(book, agreeing()) == [DriftKind.EXECUTION_MISSED]


def test_an_execution_on_another_contract_is_booked_there() -> None:
    """INC-156."""
    book = a_book()
    work_order(book)
    snapshot = agreeing(
        executions=(an_execution(con_id=OTHER_CON),),
        open_orders=(an_open_row(),),
        positions=(a_position_row(10, con_id=OTHER_CON),),
    )
    assert is_settled(repair(book, snapshot, a_run(book)))
    assert book.orders[ONE].filled == 0
    assert book.position_of(OTHER_CON) == 10


# ---- ghosts


@pytest.mark.parametrize(
    "end",
    [
        a_status(status="Cancelled"),
        executed(),
        an_error(ev.Evidence.REJECTS_NEW),
        ev.OrderWithheld(ONE, "halted"),
    ],
)
def test_a_finished_order_that_is_open_at_the_broker_is_a_ticket_on_the_second_look(
    end: ev.Event,
) -> None:
    book = a_book()
    plan_order(book)
    if not isinstance(end, ev.OrderWithheld):
        record(book, ev.OrderSent(ONE))
    record(book, end)
    before = book.orders[ONE]
    held = int(book.position_of(CON))
    rows = (a_position_row(held),) if held else ()
    snapshot = a_snapshot(open_orders=(an_open_row(),), positions=rows, cash=dict(book.cash))
    daemon = Daemon(book)
    assert [drift.kind for drift in daemon.run(snapshot, 0).pending] == [DriftKind.ORDER_GHOST]
    assert [row.kind for row in daemon.run(snapshot, 10).tickets] == [DriftKind.ORDER_GHOST]
    assert book.orders[ONE] == before
    for seconds in (20, 30, 40):
        assert is_settled(daemon.run(snapshot, seconds)), "one ticket is enough"
    assert len(book.tickets) == 1


@pytest.mark.parametrize(
    ("end", "status", "is_ghost"),
    [
        (a_status(status="Cancelled"), "Cancelled", False),
        (a_status(status="Cancelled"), "ApiCancelled", False),
        (a_status(status="Cancelled"), "PendingCancel", True),
        (a_status(status="Cancelled"), "Filled", True),
        (executed(), "Filled", False),
        (executed(), "Submitted", True),
        (an_error(ev.Evidence.REJECTS_NEW), "Inactive", True),
    ],
)
def test_a_row_that_says_the_order_is_over_is_no_ghost(
    end: ev.Event, status: str, is_ghost: bool
) -> None:
    """Our own orders come back in any state."""
    book = a_book()
    send_order(book)
    record(book, end)
    held = int(book.position_of(CON))
    snapshot = a_snapshot(
        open_orders=(an_open_row(status=status),),
        positions=(a_position_row(held),) if held else (),
        cash=dict(book.cash),
    )
    assert (DriftKind.ORDER_GHOST in kinds(book, snapshot)) == is_ghost


# ---- foreign orders


def test_a_foreign_order_is_adopted_shown_and_gone() -> None:
    book = a_book()
    snapshot = a_snapshot(open_orders=(a_foreign_row(),))
    assert kinds(book, snapshot) == [DriftKind.FOREIGN_ORDER]
    assert is_settled(repair(book, snapshot, a_run(book)))
    assert list(book.foreign) == [555]
    assert not book.orders
    assert diff(book, snapshot, a_run(book)) == ()
    assert kinds(book, a_snapshot()) == [DriftKind.FOREIGN_GONE]
    assert is_settled(repair(book, a_snapshot(), a_run(book)))
    assert not book.foreign


def test_a_foreign_order_that_changed_is_shown_as_it_is() -> None:
    book = a_book()
    repair(book, a_snapshot(open_orders=(a_foreign_row(),)), a_run(book))
    changed = a_snapshot(open_orders=(a_foreign_row(quantity=D(3)),))
    assert is_settled(repair(book, changed, a_run(book)))
    assert book.foreign[PermId(555)].quantity == 3


def test_orders_of_another_account_are_not_adopted() -> None:
    book = a_book()
    snapshot = a_snapshot(open_orders=(a_foreign_row(account=OTHER_ACCOUNT),))
    assert diff(book, snapshot, a_run(book)) == ()


def test_an_order_of_another_journal_is_foreign_and_never_ours() -> None:
    """INC-029: its reference is well formed, and its lineage is not ours."""
    book = a_book()
    work_order(book)
    other = an_open_row(
        order_ref=order_ref(type(an_id())("zzz999-alpha-1")), perm_id=PermId(8), order_id=ONE
    )
    snapshot = a_snapshot(open_orders=(an_open_row(), other))
    assert kinds(book, snapshot) == [DriftKind.FOREIGN_ORDER]


# ---- positions


def test_a_position_that_differs_waits_for_a_second_look_and_then_asks() -> None:
    """INC-121: a position that no execution explains."""
    book = a_book()
    snapshot = a_snapshot(positions=(a_position_row(-1),))
    daemon = Daemon(book)
    first = daemon.run(snapshot, 0)
    assert [drift.kind for drift in first.pending] == [DriftKind.POSITION]
    assert not first.tickets
    assert not daemon.run(snapshot, 9.9).tickets
    (ticket,) = daemon.run(snapshot, 10).tickets
    assert ticket.kind == DriftKind.POSITION
    assert ticket.con_id == CON
    assert "expected 0, observed -1" in ticket.text
    assert book.position_of(CON) == 0, "a person decides"
    assert daemon.run(snapshot, 20) == Plan((), (), ())


def test_a_position_that_keeps_changing_is_never_a_second_look() -> None:
    book = a_book()
    daemon = Daemon(book)
    for look in range(1, 6):
        decided = daemon.run(a_snapshot(positions=(a_position_row(look),)), look * 20)
        assert not decided.tickets
        assert len(decided.pending) == 1


def test_a_position_the_snapshot_does_not_list_is_flat() -> None:
    """INC-009."""
    book = a_book(held=10)
    (drift,) = diff(book, a_snapshot(), a_run(book))
    assert (drift.kind, drift.expected, drift.observed) == (DriftKind.POSITION, "10", "0")


def test_a_position_nobody_knew_of_is_a_drift_too() -> None:
    """INC-122."""
    book = a_book()
    snapshot = a_snapshot(positions=(a_position_row(5, con_id=OTHER_CON, symbol="ZZZ"),))
    (drift,) = diff(book, snapshot, a_run(book))
    assert drift.con_id == OTHER_CON
    assert "ZZZ" in drift.key


def test_two_contracts_of_one_symbol_get_a_ticket_each() -> None:
    """INC-138: a corporate action moves the holding to another contract."""
    book = a_book(held=350)
    snapshot = a_snapshot(positions=(a_position_row(9, con_id=OTHER_CON),))
    daemon = Daemon(book)
    daemon.run(snapshot, 0)
    daemon.run(snapshot, 10)
    assert {ticket.con_id for ticket in book.tickets.values()} == {CON, OTHER_CON}


# ---- what was touched after the mark


def test_an_order_touched_after_the_mark_waits() -> None:
    book = a_book()
    work_order(book)
    stale = a_run(book, mark=Seq(book.seq - 1))
    assert diff(book, a_snapshot(), stale) == ()
    assert diff(book, a_snapshot(open_orders=(an_open_row(status="Inactive"),)), stale) == ()
    assert kinds(book, a_snapshot()) == [DriftKind.ORDER_ABSENT]


def test_a_finished_order_touched_after_the_mark_is_no_ghost() -> None:
    book = a_book()
    work_order(book)
    mark = book.seq
    record(book, a_status(status="Cancelled"))
    snapshot = a_snapshot(open_orders=(an_open_row(),))
    assert diff(book, snapshot, a_run(book, mark=mark)) == ()
    assert kinds(book, snapshot) == [DriftKind.ORDER_GHOST]


def test_an_order_that_was_over_before_the_run_began_is_a_ghost_whatever_touches_it() -> None:
    # That it was settled in the middle of the run hid that it works.
    book = a_book()
    work_order(book)
    record(book, a_status(status="Cancelled"), 1)
    mark = book.seq
    record(book, ev.OrderSettled(ONE, D(0), "a list"), 3)
    for started_s, found in ((2, [DriftKind.ORDER_GHOST]), (1, []), (0, [])):
        snapshot = a_snapshot(open_orders=(an_open_row(),), started_utc=at(started_s))
        drifts = diff(book, snapshot, a_run(book, mark=mark))
        assert [drift.kind for drift in drifts] == found


def test_a_position_touched_after_the_mark_waits() -> None:
    book = a_book()
    work_order(book)
    mark = book.seq
    record(book, executed())
    old = a_snapshot(open_orders=(an_open_row(),))
    assert diff(book, old, a_run(book, mark=mark)) == ()


# ---- what could not be looked at


def the_position() -> tuple[Book, Seq, Daemon]:
    """Return a book whose position differs, by a look that has been taken."""
    book = a_book()
    work_order(book)
    daemon = Daemon(book)
    daemon.run(a_snapshot(open_orders=(an_open_row(),), positions=(a_position_row(-1),)), 0)
    assert [row.kind for row, _ in daemon.pending.values()] == [DriftKind.POSITION]
    return book, book.seq, daemon


def test_a_position_that_moves_while_it_is_compared_stays_as_doubtful_as_it_was() -> None:
    # A difference was cleared by the first run that could not look at it.
    book, mark, daemon = the_position()
    record(book, executed(quantity=3))
    decided = daemon.run(a_snapshot(open_orders=(an_open_row(),)), 5, mark=mark)
    assert [drift.kind for drift in decided.unseen] == [DriftKind.POSITION]
    assert not is_settled(decided)
    agreed = a_snapshot(
        open_orders=(an_open_row(),),
        executions=(an_execution(quantity=3),),
        positions=(a_position_row(3),),
        cash=dict(book.cash),
    )
    assert is_settled(daemon.run(agreed, 6)), "looked at, and the same"


def test_what_a_person_has_is_not_left_open_as_well() -> None:
    book, _, daemon = the_position()
    left = tuple(drift for drift, _ in daemon.pending.values())
    snapshot = a_snapshot(open_orders=(an_open_row(),), positions=(a_position_row(-1),))
    daemon.run(snapshot, 10)
    assert book.tickets
    mark = book.seq
    record(book, executed(quantity=3))
    assert not_compared(left, book, snapshot, a_run(book, mark=mark)) == ()


CASH_LOW = Drift(DriftKind.CASH, "USD", "100000", "99000")


@pytest.mark.parametrize(
    "changes",
    [
        {"executions": (an_execution(),)},
        {"commissions": (Commission(an_execution().exec_id, D(1), "USD"),)},
        {"cash": {}},
        {"cash": {"EUR": D(0)}},
    ],
    ids=["an execution is missed", "a commission is late", "none is told", "another is told"],
)
def test_cash_that_could_not_be_compared_stays_as_doubtful_as_it_was(changes: Any) -> None:
    """INC-037: while values lag, every fill on its way hid the difference for one run."""
    book = a_book()
    work_order(book)
    if "commissions" in changes:
        record(book, executed())
    snapshot = replace(a_snapshot(cash={"USD": D(99_000)}), **changes)
    assert not_compared((CASH_LOW,), book, snapshot, a_run(book)) == (CASH_LOW,)
    assert not_compared((CASH_LOW,), book, a_snapshot(), a_run(book)) == ()


def test_cash_that_moved_while_it_was_compared_stays_doubtful_until_a_person_has_it() -> None:
    book = a_book()
    work_order(book)
    mark = book.seq
    record(book, executed())
    run = a_run(book, mark=mark)
    assert not_compared((CASH_LOW,), book, a_snapshot(), run) == (CASH_LOW,)
    record(book, ev.TicketOpened(TicketId("t-cash-EUR"), "cash", None, "x", run.run_id))
    assert not_compared((CASH_LOW,), book, a_snapshot(), run) == ()


def owed(order_id: int = 1) -> Drift:
    key = str(order_id)
    return Drift(DriftKind.ORDER_ABSENT, key, "a", "b", CON, order_id=OrderId(order_id))


def test_an_order_that_moves_while_it_is_compared_stays_as_doubtful_as_it_was() -> None:
    book = a_book()
    work_order(book)
    mark = book.seq
    work_order(book, order_id=2)
    run = a_run(book, mark=mark)
    assert not_compared((owed(1), owed(2)), book, a_snapshot(), run) == (owed(2),)


def test_every_drift_that_can_wait_names_what_would_move_it() -> None:
    book = a_book(held=10)
    work_order(book)
    drifts = diff(book, a_snapshot(), a_run(book))
    assert {drift.kind: drift.subject for drift in drifts} == {
        DriftKind.ORDER_ABSENT: ONE,
        DriftKind.POSITION: ("position", CON),
    }


def test_what_differs_after_the_repairs_is_named_compared_or_not() -> None:
    book = a_book(held=10)
    other = a_position_row(3, con_id=OTHER_CON, symbol="BBB", account=OTHER_ACCOUNT)
    snapshot = a_snapshot(
        positions=(a_position_row(9), other), cash={"USD": D(99_000), "EUR": D(1)}
    )
    position, cash = passed_over(book, snapshot, a_run(book))
    assert (position.key, position.con_id, position.expected) == ("AAA-101", CON, "10")
    assert (cash.kind, cash.key, cash.expected) == (DriftKind.CASH, "USD", "100000")
    assert not {position.observed, cash.observed} & {"9", "99000"}
    agreed = a_snapshot(positions=(a_position_row(10),), cash={"USD": D(99_999)})
    assert passed_over(book, agreed, a_run(book)) == ()
    # What the broker may have taken for an execution already is no difference yet.
    work_order(book)
    record(book, executed(quantity=1))
    snapshot = a_snapshot(positions=(a_position_row(11),), cash={"USD": book.cash["USD"] - 2})
    assert passed_over(book, snapshot, a_run(book)) == ()


def test_what_a_person_has_is_not_named_again() -> None:
    book = a_book(held=10)
    for kind, key in ((DriftKind.POSITION, "AAA-101"), (DriftKind.CASH, "USD")):
        name = TicketId(f"t-{kind}-{key}")
        record(book, ev.TicketOpened(name, kind, CON, "x", RunId("run-0")))
    assert passed_over(book, a_snapshot(cash={"USD": D(1)}), a_run(book)) == ()


# ---- properties of every plan

REPAIRS = (
    ev.ExecutionSeen,
    ev.OpenOrderSeen,
    ev.OrderStatusSeen,
    ev.OrderAbsentSeen,
    ev.OrderProvenAbsent,
    ev.ForeignOrderSeen,
    ev.ForeignOrderGone,
    ev.CashAdjusted,
)
EXECUTIONS = st.builds(
    an_execution,
    st.integers(1, 3),
    st.sampled_from(["a.01", "a.02", "b.01", "c.01"]),
    st.integers(1, 10),
    side=st.just(BUY),
    account=st.sampled_from([an_execution().account] * 4 + [OTHER_ACCOUNT]),
) | st.builds(a_foreign_execution, st.sampled_from(["f.01", "g.01"]))


def unique(rows: list[Execution]) -> tuple[Execution, ...]:
    """An execution id has one content."""
    return tuple({row.exec_id: row for row in rows}.values())


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Book, BrokerSnapshot]:
    book = a_book()
    for order_id in range(1, 4):
        match draw(st.sampled_from(["none", "planned", "sent", "working", "unknown", "over"])):
            case "none":
                continue
            case "planned":
                plan_order(book, order_id=order_id)
            case "sent":
                send_order(book, order_id=order_id)
            case "working":
                work_order(book, order_id=order_id)
            case "unknown":
                send_order(book, order_id=order_id)
                record(book, ev.OrderUnanswered(OrderId(order_id), "test"))
            case _:
                work_order(book, order_id=order_id)
                record(book, a_status(order_id, status="Cancelled"))
    for row in draw(st.lists(EXECUTIONS, max_size=2)):
        if row.account != OTHER_ACCOUNT:
            record(book, ev.ExecutionSeen(row))
    if draw(st.booleans()):
        repair(book, a_snapshot(open_orders=(a_foreign_row(556),)), a_run(book, mark=Seq(0)))
    statuses = st.sampled_from(["Submitted", "PreSubmitted", "Inactive", "Cancelled"])
    held = st.integers(-5, 20)
    snapshot = a_snapshot(
        window_utc=draw(st.sampled_from([at(-3_600), at(1)])),
        open_orders=tuple(
            an_open_row(order_id, draw(statuses)) for order_id in draw(st.sets(st.integers(1, 3)))
        )
        + tuple(a_foreign_row(perm_id) for perm_id in draw(st.sets(st.integers(555, 557)))),
        completed_orders=tuple(
            a_completed_row(order_id, draw(st.sampled_from(["Cancelled", "Filled", "Inactive"])))
            for order_id in draw(st.sets(st.integers(1, 3)))
        ),
        executions=unique(draw(st.lists(EXECUTIONS, max_size=4))),
        commissions=tuple(
            Commission(ExecId(exec_id), D(1), "USD")
            for exec_id in draw(st.sets(st.sampled_from(["a.01", "a.02", "f.01", "z.01"])))
        ),
        positions=tuple(
            a_position_row(draw(held), con_id=con_id)
            for con_id in draw(st.sets(st.sampled_from([CON, OTHER_CON])))
        ),
        cash={"USD": D(draw(st.integers(99_900, 100_100)))},
    )
    return book, snapshot


@given(worlds())
def test_a_plan_applied_and_diffed_again_leaves_only_what_waits(
    world: tuple[Book, BrokerSnapshot],
) -> None:
    book, snapshot = world
    decided = repair(book, snapshot, a_run(book))
    waiting = {(drift.kind, drift.key) for drift in decided.pending}
    # A list of open orders from before the execution that completed one of them.
    waiting |= {
        (DriftKind.ORDER_GHOST, str(order.order_id))
        for order in book.orders.values()
        if order.state is OrderState.FILLED
    }
    again = diff(book, snapshot, a_run(book))
    # Cash is compared once nothing else moves, so it may come up only now.
    left = {(drift.kind, drift.key) for drift in again if drift.kind is not DriftKind.CASH}
    assert left <= waiting
    kinds_left = {drift.kind for drift in again if drift.repair}
    assert kinds_left <= {DriftKind.CASH}


@given(worlds(), st.data())
def test_shuffling_and_repeating_the_rows_of_a_snapshot_changes_nothing(
    world: tuple[Book, BrokerSnapshot], data: st.DataObject
) -> None:
    book, snapshot = world

    def shaken(rows: tuple[Any, ...]) -> tuple[Any, ...]:
        more = data.draw(st.lists(st.sampled_from(rows), max_size=3)) if rows else []
        return tuple(data.draw(st.permutations([*rows, *more])))

    other = replace(
        snapshot,
        open_orders=shaken(snapshot.open_orders),
        completed_orders=shaken(snapshot.completed_orders),
        executions=shaken(snapshot.executions),
        commissions=shaken(snapshot.commissions),
        positions=shaken(snapshot.positions),
    )
    run = a_run(book)
    expected = plan(diff(book, snapshot, run), frozenset(), run)
    found = plan(diff(book, other, run), frozenset(), run)
    assert set(found.repairs) == set(expected.repairs)
    assert len(found.repairs) == len(expected.repairs)
    assert (found.tickets, found.pending) == (expected.tickets, expected.pending)
    one, two = deepcopy(book), deepcopy(book)
    repair(one, snapshot, run)
    repair(two, other, run)
    assert state_of(one).positions == state_of(two).positions
    assert state_of(one).cash == state_of(two).cash
    assert state_of(one).orders == state_of(two).orders


@given(worlds(), st.integers(0, 30))
def test_a_repair_is_never_an_order_nor_a_cancel(
    world: tuple[Book, BrokerSnapshot], seconds: int
) -> None:
    book, snapshot = world
    daemon = Daemon(book)
    for look in range(3):
        decided = daemon.run(snapshot, look * seconds)
        assert all(isinstance(event, REPAIRS) for event in decided.repairs)
    assert not {ev.OrderPlanned, ev.OrderSent, ev.CancelSent} & set(REPAIRS)


@given(worlds())
def test_comparing_changes_nothing(world: tuple[Book, BrokerSnapshot]) -> None:
    book, snapshot = world
    before = state_of(book)
    plan(diff(book, snapshot, a_run(book)), frozenset(), a_run(book))
    assert state_of(book) == before


@given(worlds())
def test_looking_again_and_again_comes_to_rest(world: tuple[Book, BrokerSnapshot]) -> None:
    """Neither repairs nor tickets without end: a broker who says the same is soon settled."""
    book, snapshot = world
    daemon = Daemon(book)
    for look in range(6):
        daemon.run(snapshot, look * 10)
    tickets = len(book.tickets)
    for look in range(6, 9):
        decided = daemon.run(snapshot, look * 10)
        assert decided == Plan((), (), ())
    assert len(book.tickets) == tickets


# ---- orders without an answer


def test_unanswered_orders_are_those_nobody_has_heard_of() -> None:
    book = a_book()
    send_order(book, order_id=1)
    work_order(book, order_id=2)
    send_order(book, order_id=3)
    record(book, ev.OrderUnanswered(OrderId(3), "link"))
    assert [order.order_id for order in unanswered_orders(book)] == [1, 3]


# ---- a journal that is older than the broker


def test_what_this_journal_issued_and_does_not_know_is_named_once() -> None:
    book = a_book()
    known = book.orders[plan_order(book)]
    ours, others = an_id(5), IntentId("zzz999-alpha-5")
    rows = tuple(
        an_execution(exec_id=ExecId(f"x.{number}.01"), order_ref=ref)
        for number, ref in enumerate(
            (known.order_ref, order_ref(ours), order_ref(ours), order_ref(others), OrderRef("me"))
        )
    )
    (problem,) = unknown_to_the_book(book, a_snapshot(executions=rows))
    assert ours in problem
    elsewhere = replace(rows[1], account=OTHER_ACCOUNT)
    assert unknown_to_the_book(book, a_snapshot(executions=(rows[0], elsewhere))) == ()


def test_what_a_restore_has_lost_may_have_been_filled_and_must_not_be_open() -> None:
    book = a_book()
    lost, known = an_id(5), book.orders[plan_order(book)]
    record(
        book,
        JournalRestored(
            Lineage("new001"), (LINEAGE,), OrderId(10**7), "9:ab", "copy.db", "", "lost", "ann"
        ),
    )
    over = an_execution(exec_id=ExecId("x.1.01"), order_ref=order_ref(lost))
    ended = an_open_row(5, "Cancelled", order_ref=order_ref(lost))
    assert unknown_to_the_book(book, a_snapshot(executions=(over,), open_orders=(ended,))) == ()
    ours = an_open_row(1, order_ref=known.order_ref)
    open_still = replace(ended, status="Submitted")
    (problem,) = unknown_to_the_book(book, a_snapshot(open_orders=(ours, open_still)))
    assert problem.startswith(f"{lost} is open at the broker, and its record was lost")
    assert "cancel it in TWS, then resume" in problem
    elsewhere = replace(open_still, account=OTHER_ACCOUNT)
    assert unknown_to_the_book(book, a_snapshot(open_orders=(elsewhere,))) == ()
    # Under its present name nothing may be missing, as before.
    new = an_execution(exec_id=ExecId("x.2.01"), order_ref=order_ref(IntentId("new001-alpha-1")))
    (problem,) = unknown_to_the_book(book, a_snapshot(executions=(new,)))
    assert problem.startswith("the journal is older than the broker: new001-alpha-1")
