"""What the lines about orders say; which of them come is tested with the whole comparison."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.unit.sim.oracle.worlds import ENDS, Draft, add_order, finished
from trader.sim.oracle.findings import Finding, Kind, Note
from trader.sim.oracle.order_check import order_findings
from trader.sim.oracle.records import (
    EmergencyOrder,
    Frame,
    Halt,
    Journal,
    JournalChange,
    State,
    Truth,
)


def one_order(end: str) -> tuple[Truth, Journal]:
    draft = Draft()
    add_order(draft, 1, end, "BUY", [(3, 1)])
    return finished(draft, 1)


def differences(truth: Truth, journal: Journal) -> list[Finding]:
    return [one for one in order_findings(truth, journal) if one.is_difference]


# What a journal may say of an order that ended so; the broker's open orders are open in it.
_OPEN = {State.PLANNED, State.SENT, State.WORKING, State.CANCELLING, State.UNKNOWN}
_ALLOWED = {
    "filled": {State.FILLED},
    "cancelled": {State.CANCELLED},
    # Inactive may be alive: whoever was told no more finds that it is gone.
    "rejected": {State.REJECTED, State.CANCELLED},
    "working": _OPEN,
    "cancelling": _OPEN,
    "refused": {State.CANCELLED, State.REJECTED},
    "swallowed": {State.CANCELLED, State.REJECTED},
}


@pytest.mark.parametrize("end", sorted(_ALLOWED))
@pytest.mark.parametrize("state", State)
def test_each_state_of_the_journal_against_each_end_at_the_broker(end: str, state: State) -> None:
    truth, journal = one_order(end)
    said = replace(journal, orders=(replace(journal.orders[0], state=state),))
    found = differences(truth, said)
    assert [one.kind for one in found] == ([] if state in _ALLOWED[end] else [Kind.ORDER_STATE])


@pytest.mark.parametrize("end", sorted(ENDS))
def test_every_end_that_is_drawn_agrees(end: str) -> None:
    assert differences(*one_order(end)) == []


def test_an_order_without_a_row_is_described() -> None:
    truth, journal = one_order("filled")
    (found,) = differences(truth, replace(journal, orders=()))
    assert found.subject == "client 7 order 1"
    assert found.text == (
        "BUY 3 IBM LMT, Filled, reference T1-abc123-momentum-1-ffff: "
        "the broker has it, the journal has no row"
    )


def test_what_our_client_sent_needs_a_row_whatever_its_reference() -> None:
    truth, journal = one_order("filled")
    strange = Frame(50, 7, "by hand", False, truth.frames[0].at_us)
    (found,) = differences(replace(truth, frames=(*truth.frames, strange)), journal)
    assert (found.kind, found.subject) == (Kind.ORDER_UNRECORDED, "client 7 order 50")
    others = replace(strange, client_id=8)
    assert differences(replace(truth, frames=(*truth.frames, others)), journal) == []


def test_a_change_of_an_order_is_no_order_of_its_own() -> None:
    truth, journal = one_order("filled")
    change = Frame(50, 7, "by hand", True, truth.frames[0].at_us)
    assert differences(replace(truth, frames=(*truth.frames, change)), journal) == []


def changed(at_us: tuple[int, ...], promised_us: tuple[int, ...]) -> tuple[Truth, Journal]:
    """Return one order, with changes that arrived and changes that were promised."""
    truth, journal = one_order("working")
    (sent,) = truth.frames
    frames = tuple(replace(sent, is_change=True, at_us=sent.at_us + one) for one in at_us)
    promises = tuple(JournalChange(1, sent.at_us + one) for one in promised_us)
    return replace(truth, frames=(sent, *frames)), replace(journal, changes=promises)


@pytest.mark.parametrize(
    ("at_us", "promised_us"),
    [((), ()), ((10,), (5,)), ((10,), (10,)), ((10, 30), (5, 20)), ((), (5,)), ((30,), (5, 20))],
)
def test_each_change_needs_a_promise_of_its_own_before_it(
    at_us: tuple[int, ...], promised_us: tuple[int, ...]
) -> None:
    """A promise without a change was withheld, or its bytes were lost."""
    assert differences(*changed(at_us, promised_us)) == []


@pytest.mark.parametrize(
    ("at_us", "promised_us", "number"),
    [((10,), (), 1), ((10,), (11,), 1), ((10, 20), (5,), 2), ((10, 12), (5, 15), 2)],
)
def test_a_change_before_its_promise_is_told(
    at_us: tuple[int, ...], promised_us: tuple[int, ...], number: int
) -> None:
    (found,) = differences(*changed(at_us, promised_us))
    assert (found.kind, found.subject) == (Kind.CHANGE_UNRECORDED, "client 7 order 1")
    assert found.text.startswith(f"change {number} received 1970-01-01T00:00:00.0")
    assert found.text.endswith(f"promised by then: {number - 1}")


def late_change(promised_us: tuple[int, ...]) -> list[Finding]:
    """Return what is said of a change that came when its order had ended: no change any more."""
    truth, journal = one_order("filled")
    (sent,) = truth.frames
    again = replace(sent, at_us=sent.at_us + 10)
    promises = tuple(JournalChange(1, sent.at_us + one) for one in promised_us)
    return differences(replace(truth, frames=(sent, again)), replace(journal, changes=promises))


def test_a_change_that_crossed_the_end_of_its_order_is_no_second_order() -> None:
    assert late_change((5,)) == []
    assert late_change((10,)) == []


@pytest.mark.parametrize("promised_us", [(), (11,)])
def test_the_same_message_again_is_one_without_a_promise(promised_us: tuple[int, ...]) -> None:
    (found,) = late_change(promised_us)
    assert found.kind is Kind.ORDER_SENT_TWICE


def test_one_promise_excuses_one_message() -> None:
    truth, journal = one_order("filled")
    (sent,) = truth.frames
    frames = (sent, replace(sent, at_us=sent.at_us + 10), replace(sent, at_us=sent.at_us + 12))
    promised = replace(journal, changes=(JournalChange(1, sent.at_us + 5),))
    (found,) = differences(replace(truth, frames=frames), promised)
    assert found.kind is Kind.ORDER_SENT_TWICE


def test_while_a_change_is_open_the_broker_may_hold_either() -> None:
    truth, journal = one_order("working")
    (ours,), (seen,) = journal.orders, truth.orders
    desired = replace(ours.terms, quantity=ours.terms.quantity + 2)
    open_change = replace(journal, orders=(replace(ours, desired=desired),))
    assert differences(truth, open_change) == []
    taken = replace(truth, orders=(replace(seen, terms=desired),))
    assert differences(taken, open_change) == []
    (found,) = differences(taken, journal)
    assert found.kind is Kind.ORDER_TERMS
    neither = replace(seen, terms=replace(desired, quantity=ours.terms.quantity + 1))
    (found,) = differences(replace(truth, orders=(neither,)), open_change)
    promised = f"{ours.terms.quantity:f}"
    assert (
        found.text == f"quantity: promised {promised}, the broker has {ours.terms.quantity + 1:f}"
    )


def test_two_causes_are_one_halt_and_one_line() -> None:
    truth, journal = one_order("filled")
    seq = journal.orders[0].seq
    halts = (
        Halt(seq - 3, "operator", True), Halt(seq - 2, "invariant", True),
        Halt(seq + 5, "operator", False), Halt(seq + 7, "invariant", False),
    )  # fmt: skip
    (found,) = differences(truth, replace(journal, halts=(*journal.halts, *halts)))
    assert found.text == (
        f"left with event {seq + 2}; halted by event {seq - 3} (operator), "
        f"cleared by event {seq + 7}"
    )


def test_a_late_row_is_told_with_both_moments() -> None:
    truth, journal = one_order("filled")
    late = replace(journal.orders[0], at_us=truth.frames[0].at_us + 1)
    (found,) = differences(truth, replace(journal, orders=(late,)))
    assert "received 1970-01-01T00:00:00.010105Z" in found.text
    assert "row was written 1970-01-01T00:00:00.010106Z" in found.text


def test_each_term_that_differs_is_a_line() -> None:
    truth, journal = one_order("filled")
    terms = replace(journal.orders[0].terms, limit_price=None, quantity=Decimal(4))
    said = replace(journal, orders=(replace(journal.orders[0], terms=terms),))
    assert {one.text for one in differences(truth, said)} == {
        "quantity: promised 4, the broker has 3",
        "limit_price: promised None, the broker has 10.25",
    }


def test_an_order_without_a_reference_is_known_by_its_id() -> None:
    truth, journal = one_order("filled")
    bare = replace(
        truth,
        orders=tuple(replace(one, order_ref="") for one in truth.orders),
        frames=tuple(replace(one, order_ref="") for one in truth.frames),
    )
    assert differences(bare, journal) == []


def test_an_id_does_not_count_against_a_reference() -> None:
    truth, journal = one_order("filled")
    other = replace(
        truth, orders=tuple(replace(one, order_ref="T1-abc123-x-9-ffff") for one in truth.orders)
    )
    assert Kind.ORDER_UNRECORDED in {one.kind for one in differences(other, journal)}


def closing(count: int = 1, side: str = "BUY") -> tuple[Truth, Journal]:
    """Return a world whose order left without the client, and stands in its journal since."""
    truth, journal = one_order("filled")
    ref = "kill-abc123-1"
    sent = replace(truth.orders[0], order_ref=ref)
    frames = tuple(replace(frame, order_ref=ref) for frame in truth.frames)
    known = EmergencyOrder(ref, sent.terms.con_id, side, sent.terms.quantity)
    truth = replace(truth, orders=(sent,) * count, frames=frames)
    # Its executions are booked, and named by no order of the journal.
    booked = tuple(replace(one, our_order_id=None) for one in journal.executions)
    return truth, replace(journal, orders=(), executions=booked, emergencies=(known,))


def test_an_order_that_left_without_the_client_is_known_by_its_own_reference() -> None:
    (found,) = order_findings(*closing())
    assert found.kind is Note.EMERGENCY_ORDER
    assert found.text == "BUY 3 IBM LMT, Filled, reference kill-abc123-1"


def test_one_that_nobody_wrote_down_is_still_told() -> None:
    truth, journal = closing()
    found = order_findings(truth, replace(journal, emergencies=()))
    assert [one.kind for one in found] == [Note.FOREIGN_ORDER]


def test_an_emergency_order_that_is_another_or_came_twice_is_a_difference() -> None:
    assert [one.kind for one in differences(*closing(side="SELL"))] == [Kind.ORDER_TERMS]
    assert [one.kind for one in differences(*closing(count=2))] == [Kind.ORDER_SENT_TWICE]


def test_a_message_of_an_emergency_order_that_made_no_order_is_known_too() -> None:
    truth, journal = closing()
    mixed = replace(journal, orders=one_order("working")[1].orders)
    frames = tuple(replace(frame, order_id=99) for frame in truth.frames)
    found = [one.kind for one in order_findings(replace(truth, orders=(), frames=frames), mixed)]
    assert Kind.ORDER_UNRECORDED not in found


@pytest.mark.parametrize(
    ("told", "is_right"),
    [("", True), ("Submitted", True), ("PreSubmitted", True), ("Cancelled", False),
     ("ApiCancelled", False), ("Inactive", True)],
)  # fmt: skip
def test_a_refusal_that_nobody_heard_leaves_an_order_that_is_gone(
    told: str, is_right: bool
) -> None:
    truth, journal = one_order("rejected")
    gone = replace(journal.orders[0], state=State.CANCELLED, broker_status=told)
    found = differences(truth, replace(journal, orders=(gone,)))
    assert [one.kind for one in found] == ([] if is_right else [Kind.ORDER_STATE])
