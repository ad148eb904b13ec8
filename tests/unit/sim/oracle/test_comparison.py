"""Equal sides agree; each planted difference is one line of its kind; row order is nothing."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.sim.oracle.worlds import Draft, add_order, finished, worlds
from trader.sim.oracle.comparison import compare
from trader.sim.oracle.findings import Kind, Note
from trader.sim.oracle.records import (
    Cash,
    Frame,
    Halt,
    InputError,
    Journal,
    JournalChange,
    JournalCommission,
    Position,
    State,
    Ticket,
    Truth,
)

World = tuple[Truth, Journal]


def without(items: tuple[Any, ...], place: int = 0) -> tuple[Any, ...]:
    return items[:place] + items[place + 1 :]


def changed(items: tuple[Any, ...], place: int = 0, **values: Any) -> tuple[Any, ...]:
    return (*items[:place], replace(items[place], **values), *items[place + 1 :])


def other_execution(truth: Truth, journal: Journal, **values: Any) -> World:
    first = replace(journal.executions[0].execution, **values)
    return truth, replace(journal, executions=changed(journal.executions, execution=first))


def row_is_gone(truth: Truth, journal: Journal) -> World:
    return truth, replace(journal, orders=without(journal.orders))


def message_without_row(truth: Truth, journal: Journal) -> World:
    frame = Frame(99, 8, f"{journal.order_ref_prefix}momentum-99-ffff", False, 50_000)
    return replace(truth, frames=(*truth.frames, frame)), journal


def row_is_late(truth: Truth, journal: Journal) -> World:
    at_us = truth.frames[0].at_us + 1
    return truth, replace(journal, orders=changed(journal.orders, at_us=at_us))


def row_is_late_and_messages_are_forgotten(truth: Truth, journal: Journal) -> World:
    """A simulator that was restarted remembers orders, and no messages."""
    truth, journal = row_is_late(truth, journal)
    known = {one.order_id for one in truth.orders}
    return replace(truth, frames=tuple(f for f in truth.frames if f.order_id not in known)), journal


def message_comes_twice(truth: Truth, journal: Journal) -> World:
    again = replace(truth.frames[0], order_id=99)
    return replace(truth, frames=(*truth.frames, again)), journal


def order_is_there_twice(truth: Truth, journal: Journal) -> World:
    orders = (*truth.orders, replace(truth.orders[0], order_id=99))
    return replace(truth, orders=orders), journal


def change_without_promise(truth: Truth, journal: Journal) -> World:
    change = replace(truth.frames[0], is_change=True)
    return replace(truth, frames=(*truth.frames, change)), journal


def left_while_halted(truth: Truth, journal: Journal) -> World:
    seq = journal.orders[0].seq
    window = (Halt(seq + 1, "operator", True), Halt(seq + 3, "operator", False))
    return truth, replace(journal, halts=(*journal.halts, *window))


def left_under_a_halt_that_stays(truth: Truth, journal: Journal) -> World:
    """Promised under it, and whether it left is not in the journal, but it arrived."""
    count = len(journal.orders)
    last = replace(journal.orders[0], seq=10**6, sent_seq=None)
    halts = (*journal.halts, Halt(10**6 - 1, "invariant", True))
    assert count
    return truth, replace(journal, orders=(last, *journal.orders[1:]), halts=halts)


def never_arrived(truth: Truth, journal: Journal) -> World:
    working = journal.orders[1]
    perm_id = next(one.perm_id for one in truth.orders if one.order_id == working.order_id)
    # Without fills, so that nothing else goes with it.
    gone = {one.execution.exec_id for one in truth.executions if one.perm_id == perm_id}
    return (
        replace(
            truth,
            orders=tuple(one for one in truth.orders if one.perm_id != perm_id),
            frames=tuple(one for one in truth.frames if one.order_id != working.order_id),
            executions=tuple(one for one in truth.executions if one.perm_id != perm_id),
        ),
        replace(
            journal,
            executions=tuple(
                one for one in journal.executions if one.execution.exec_id not in gone
            ),
            commissions=tuple(one for one in journal.commissions if one.exec_id not in gone),
        ),
    )


def other_terms(truth: Truth, journal: Journal) -> World:
    terms = replace(truth.orders[0].terms, con_id=77)
    return replace(truth, orders=changed(truth.orders, terms=terms)), journal


def other_state(truth: Truth, journal: Journal) -> World:
    return truth, replace(journal, orders=changed(journal.orders, state=State.CANCELLED))


def state_is_behind(truth: Truth, journal: Journal) -> World:
    return truth, replace(journal, orders=changed(journal.orders, state=State.UNKNOWN))


def ended_in_the_journal_alone(truth: Truth, journal: Journal) -> World:
    return truth, replace(journal, orders=changed(journal.orders, 1, state=State.REJECTED))


def counted_for_nobody(truth: Truth, journal: Journal) -> World:
    return truth, replace(journal, executions=changed(journal.executions, our_order_id=None))


def execution_is_missing(truth: Truth, journal: Journal) -> World:
    return truth, replace(journal, executions=without(journal.executions))


def execution_never_happened(truth: Truth, journal: Journal) -> World:
    return replace(truth, executions=without(truth.executions)), journal


def written_twice(truth: Truth, journal: Journal) -> World:
    return truth, replace(journal, recorded=(*journal.recorded, journal.recorded[0]))


def correction_is_missing(truth: Truth, journal: Journal) -> World:
    exec_id = truth.executions[0].execution.exec_id
    stem, _, revision = exec_id.rpartition(".")
    later = replace(truth.executions[0].execution, exec_id=f"{stem}.{int(revision) + 1:02d}")
    return replace(truth, executions=changed(truth.executions, execution=later)), journal


def other_quantity(truth: Truth, journal: Journal) -> World:
    quantity = journal.executions[0].execution.quantity
    return other_execution(truth, journal, quantity=quantity + 1)


def other_price(truth: Truth, journal: Journal) -> World:
    price = journal.executions[0].execution.price
    return other_execution(truth, journal, price=price + Decimal("0.0001"))


def other_side(truth: Truth, journal: Journal) -> World:
    side = journal.executions[0].execution.side
    return other_execution(truth, journal, side="SELL" if side == "BUY" else "BUY")


def commission_is_missing(truth: Truth, journal: Journal) -> World:
    return truth, replace(journal, commissions=without(journal.commissions))


def commission_of_nothing(truth: Truth, journal: Journal) -> World:
    strange = JournalCommission("0009.01.01", Decimal(1))
    return truth, replace(journal, commissions=(*journal.commissions, strange))


def other_commission(truth: Truth, journal: Journal) -> World:
    amount = journal.commissions[0].amount + Decimal("0.0001")
    return truth, replace(journal, commissions=changed(journal.commissions, amount=amount))


def other_position(truth: Truth, journal: Journal) -> World:
    strange = Position(8, "MSFT", Decimal(-1))
    return truth, replace(journal, positions=(*journal.positions, strange))


def unknown_position(truth: Truth, journal: Journal) -> World:
    strange = Position(8, "MSFT", Decimal(-1))
    return replace(truth, positions=(*truth.positions, strange)), journal


def other_cash(truth: Truth, journal: Journal) -> World:
    amount = truth.cash[0].amount + Decimal("0.0051")
    return replace(truth, cash=changed(truth.cash, amount=amount)), journal


def cash_in_another_currency(truth: Truth, journal: Journal) -> World:
    return truth, replace(journal, cash=(*journal.cash, Cash("EUR", Decimal(1))))


def event_is_gone(truth: Truth, journal: Journal) -> World:
    return truth, replace(journal, event_count=journal.event_count - 1)


PLANTS: tuple[tuple[Callable[[Truth, Journal], World], Kind], ...] = (
    (row_is_gone, Kind.ORDER_UNRECORDED),
    (message_without_row, Kind.ORDER_UNRECORDED),
    (row_is_late, Kind.ORDER_RECORDED_LATE),
    (row_is_late_and_messages_are_forgotten, Kind.ORDER_RECORDED_LATE),
    (message_comes_twice, Kind.ORDER_SENT_TWICE),
    (order_is_there_twice, Kind.ORDER_SENT_TWICE),
    (change_without_promise, Kind.CHANGE_UNRECORDED),
    (left_while_halted, Kind.ORDER_SENT_WHILE_HALTED),
    (left_under_a_halt_that_stays, Kind.ORDER_SENT_WHILE_HALTED),
    (never_arrived, Kind.ORDER_UNSEEN),
    (other_terms, Kind.ORDER_TERMS),
    (other_state, Kind.ORDER_STATE),
    (state_is_behind, Kind.ORDER_STATE),
    (ended_in_the_journal_alone, Kind.ORDER_STATE),
    (counted_for_nobody, Kind.ORDER_FILLED),
    (execution_is_missing, Kind.EXECUTION_MISSING),
    (execution_never_happened, Kind.EXECUTION_UNKNOWN),
    (written_twice, Kind.EXECUTION_TWICE),
    (correction_is_missing, Kind.EXECUTION_REVISION),
    (other_quantity, Kind.EXECUTION_DIFFERS),
    (other_price, Kind.EXECUTION_DIFFERS),
    (other_side, Kind.EXECUTION_DIFFERS),
    (commission_is_missing, Kind.COMMISSION_MISSING),
    (commission_of_nothing, Kind.COMMISSION_UNKNOWN),
    (other_commission, Kind.COMMISSION_DIFFERS),
    (other_position, Kind.POSITION),
    (unknown_position, Kind.POSITION),
    (other_cash, Kind.CASH),
    (cash_in_another_currency, Kind.CASH),
    (event_is_gone, Kind.JOURNAL_GAP),
)


def test_every_kind_of_difference_is_planted() -> None:
    assert {kind for _, kind in PLANTS} == set(Kind)


@settings(max_examples=200, deadline=None)
@given(world=worlds())
def test_sides_that_say_the_same_agree(world: World) -> None:
    assert compare(*world).differences == ()


@pytest.mark.parametrize(("plant", "kind"), PLANTS, ids=lambda one: getattr(one, "__name__", one))
@settings(max_examples=25, deadline=None)
@given(world=worlds())
def test_each_planted_difference_is_one_line_of_its_kind(
    plant: Callable[[Truth, Journal], World], kind: Kind, world: World
) -> None:
    found = compare(*plant(*world)).differences
    assert [one.kind for one in found] == [kind]


@settings(max_examples=100, deadline=None)
@given(world=worlds(), plants=st.sets(st.integers(0, len(PLANTS) - 1)), seed=st.integers(0, 999))
def test_the_order_of_rows_changes_nothing(world: World, plants: set[int], seed: int) -> None:
    truth, journal = world
    for place in sorted(plants):
        if PLANTS[place][0] not in (row_is_gone, never_arrived):
            truth, journal = PLANTS[place][0](truth, journal)
    chance = random.Random(seed)

    def shuffled(side: Any) -> Any:
        rows = {one.name: getattr(side, one.name) for one in fields(side)}
        lists = {name: list(row) for name, row in rows.items() if isinstance(row, tuple)}
        for row in lists.values():
            chance.shuffle(row)
        return replace(side, **{name: tuple(row) for name, row in lists.items()})

    # Two promises of one order would be two rows of one key, which no journal has.
    assert compare(shuffled(truth), shuffled(journal)) == compare(truth, journal)


# ---- what is no difference


def test_orders_of_others_are_notes() -> None:
    truth, journal = _simple()
    strange = replace(truth.orders[0], client_id=3, order_ref="by hand", perm_id=1)
    verdict = compare(replace(truth, orders=(*truth.orders, strange)), journal)
    assert verdict.differences == ()
    assert [one.kind for one in verdict.notes] == [Note.FOREIGN_ORDER]


def test_what_is_older_than_the_journal_is_foreign() -> None:
    truth, journal = _simple()
    old = replace(truth.orders[0], order_id=1000, order_ref="T1-older1-x-1-ffff", created_us=5)
    verdict = compare(replace(truth, orders=(*truth.orders, old)), journal)
    assert [one.kind for one in verdict.findings] == [Note.FOREIGN_ORDER]


@pytest.mark.parametrize(("sent_seq", "words"), [(12, "SENT was recorded"), (None, "not recorded")])
def test_an_order_that_never_arrived_and_is_given_up_is_a_note(
    sent_seq: int | None, words: str
) -> None:
    truth, journal = _simple()
    lost = replace(
        journal.orders[0], order_id=50, order_ref="T1-abc123-x-50-ffff", sent_seq=sent_seq,
        state=State.CANCELLED,
    )  # fmt: skip
    verdict = compare(truth, replace(journal, orders=(*journal.orders, lost)))
    assert verdict.differences == ()
    (note,) = verdict.notes
    assert note.kind is Note.NEVER_ARRIVED
    assert words in note.text


def test_an_execution_that_the_baseline_holds_is_not_asked_for() -> None:
    truth, journal = _simple()
    family = truth.executions[0].execution.exec_id.rpartition(".")[0]
    held = replace(journal, executions=(), commissions=(), baselined=frozenset({family}))
    kinds = [one.kind for one in compare(truth, held).differences]
    assert Kind.EXECUTION_MISSING not in kinds


def test_an_execution_from_before_the_baseline_is_not_asked_for() -> None:
    truth, journal = _simple()
    early = tuple(replace(one, at_us=1_500) for one in truth.executions)
    without_it = replace(journal, executions=(), commissions=())
    kinds = [one.kind for one in compare(replace(truth, executions=early), without_it).differences]
    assert Kind.EXECUTION_MISSING not in kinds


def test_half_a_cent_is_the_rounding_of_what_the_gateway_tells() -> None:
    truth, journal = _simple()
    amount = truth.cash[0].amount + Decimal("0.005")
    verdict = compare(replace(truth, cash=(Cash("USD", amount),)), journal)
    assert [one.kind for one in verdict.findings] == [Note.CASH_ROUNDING]


def test_without_a_baseline_there_is_nothing_to_hold_positions_against() -> None:
    truth, journal = _simple()
    fresh = replace(journal, baseline_us=None, positions=(), cash=())
    verdict = compare(truth, fresh)
    assert [one.kind for one in verdict.findings] == [Note.NO_BASELINE]


def test_an_open_ticket_is_a_note() -> None:
    truth, journal = _simple()
    verdict = compare(truth, replace(journal, tickets=(Ticket("t1", "position differs"),)))
    assert [(one.kind, one.subject) for one in verdict.findings] == [(Note.TICKET_OPEN, "t1")]


def test_an_operators_closing_order_may_leave_under_a_halt() -> None:
    truth, journal = left_while_halted(*_simple())
    closing = changed(journal.orders, strategy="operator", is_reduce_only=True)
    assert compare(truth, replace(journal, orders=closing)).differences == ()
    opening = changed(journal.orders, strategy="operator", is_reduce_only=False)
    (found,) = compare(truth, replace(journal, orders=opening)).differences
    assert found.kind is Kind.ORDER_SENT_WHILE_HALTED


def test_one_cause_cleared_of_two_is_still_a_halt() -> None:
    truth, journal = _simple()
    seq = journal.orders[0].seq
    halts = (
        *journal.halts, Halt(seq - 4, "operator", True), Halt(seq - 3, "invariant", True),
        Halt(seq - 2, "operator", False), Halt(seq - 1, "operator", False),
    )  # fmt: skip
    (found,) = compare(truth, replace(journal, halts=halts)).differences
    assert found.kind is Kind.ORDER_SENT_WHILE_HALTED
    assert "not cleared since" in found.text


def test_a_change_that_was_promised_and_holds_is_agreed_on() -> None:
    truth, journal = _simple()
    sent = truth.frames[0]
    change = replace(sent, is_change=True, at_us=sent.at_us + 20)
    truth = replace(truth, frames=(*truth.frames, change))
    promise = JournalChange(journal.orders[0].order_id, sent.at_us + 10)
    assert compare(truth, replace(journal, changes=(promise,))).differences == ()


def test_what_changed_without_a_promise_is_two_differences() -> None:
    """Somebody changed our order, or we did and wrote nothing down."""
    truth, journal = other_terms(*_simple())
    change = replace(truth.frames[0], is_change=True)
    found = compare(replace(truth, frames=(*truth.frames, change)), journal).differences
    assert {one.kind for one in found} == {Kind.CHANGE_UNRECORDED, Kind.ORDER_TERMS}


def test_a_corrected_quantity_counts_from_the_executions() -> None:
    truth, journal = _simple()
    real = truth.executions[0]
    stem = real.execution.exec_id.rpartition(".")[0]
    corrected = replace(real.execution, exec_id=f"{stem}.02", quantity=Decimal(1))
    truth = replace(truth, executions=(replace(real, execution=corrected),))
    journal = replace(journal, executions=(replace(journal.executions[0], execution=corrected),))
    assert compare(truth, journal).differences == ()


def test_sides_of_two_accounts_are_not_compared() -> None:
    truth, journal = _simple()
    with pytest.raises(InputError, match="account: the journal's is DUSIM2; allowed: DUSIM1"):
        compare(truth, replace(journal, account="DUSIM2"))


def _simple() -> World:
    """Return one order that filled at once."""
    draft = Draft()
    add_order(draft, 1, "filled", "BUY", [(3, 1)])
    return finished(draft, 1)
