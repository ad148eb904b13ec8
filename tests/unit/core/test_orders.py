"""The order machine: its table has no hole and no trap, and a finished order stays finished.

The frames of one order arrive in any order (INC-013, INC-014, INC-024, INC-026, INC-034,
INC-158), so every order of them is tried.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.factories import (
    BUY,
    CLIENT,
    CON,
    FINAL_STATES,
    SELL,
    T0,
    a_book,
    a_status,
    an_echo,
    an_error,
    an_intent,
    at,
    commissioned,
    executed,
    fill,
    note,
    record,
    send_order,
    terms_of,
    work_bracket,
    work_order,
)
from trader.core import events as ev
from trader.core.book import Book
from trader.core.changes import Change, ChangeEvent, ChangeState, ChangeTerms
from trader.core.ids import OrderId, OrderRef, PermId
from trader.core.intents import Side
from trader.core.orders import (
    ABSENT_NOTE,
    ENDED,
    FINAL,
    TABLE,
    UNANSWERED,
    Order,
    OrderEvent,
    OrderState,
    change_moved,
    changed_terms,
    completed,
    corrected,
    event_of_status,
    kept,
    moved,
    next_state,
    settled,
)

S, E = OrderState, OrderEvent
# The only ways out of a final state: the executions are the truth, whatever was said before.
ODD_EXITS = {
    (S.CANCELLED, E.FILL_COMPLETED): S.FILLED,
    (S.REJECTED, E.FILL_COMPLETED): S.FILLED,
}


def an_order(state: OrderState = S.PLANNED) -> Order:
    intent = an_intent()
    return Order(OrderId(1), CLIENT, OrderRef("x"), terms_of(intent), T0, state=state)


# ---- the table


def reachable(start: OrderState) -> set[OrderState]:
    seen, edge = {start}, [start]
    while edge:
        here = edge.pop()
        for (state, _), after in TABLE.items():
            if state is here and after not in seen:
                seen.add(after)
                edge.append(after)
    return seen


# What each event makes of each state, said once more; what is not said is refused.
MACHINE = {
    "PLANNED": "made durable: JOURNALED",
    "JOURNALED": "sent: SENT, withheld: WITHHELD, unanswered: UNKNOWN",
    "SENT": "acknowledged: WORKING, cancel sent: CANCELLING, unanswered: UNKNOWN, "
    "fill completed: FILLED, cancel confirmed: CANCELLED, reject confirmed: REJECTED",
    "WORKING": "acknowledged: WORKING, cancel sent: CANCELLING, fill completed: FILLED, "
    "cancel confirmed: CANCELLED, reject confirmed: REJECTED, proven absent: CANCELLED",
    "CANCELLING": "acknowledged: CANCELLING, cancel sent: CANCELLING, cancel refused: WORKING, "
    "unanswered: UNKNOWN, fill completed: FILLED, cancel confirmed: CANCELLED, "
    "reject confirmed: REJECTED, proven absent: CANCELLED",
    "UNKNOWN": "acknowledged: WORKING, cancel sent: UNKNOWN, cancel refused: UNKNOWN, "
    "unanswered: UNKNOWN, fill completed: FILLED, cancel confirmed: CANCELLED, "
    "reject confirmed: REJECTED, proven absent: CANCELLED",
    "FILLED": "acknowledged: FILLED, fill completed: FILLED, cancel confirmed: FILLED, "
    "cancel refused: FILLED, reject confirmed: FILLED",
    "CANCELLED": "acknowledged: CANCELLED, cancel confirmed: CANCELLED, "
    "cancel refused: CANCELLED, reject confirmed: CANCELLED, fill completed: FILLED",
    "REJECTED": "acknowledged: REJECTED, cancel confirmed: REJECTED, cancel refused: REJECTED, "
    "reject confirmed: REJECTED, fill completed: FILLED",
    "WITHHELD": "",
}


def test_the_machine_is_this_one() -> None:
    said = {
        (state, event): after
        for state, row in MACHINE.items()
        for event, _, after in (pair.partition(": ") for pair in row.split(", ") if pair)
    }
    assert {(str(state), str(event)): str(after) for (state, event), after in TABLE.items()} == said
    assert {str(state) for state in UNANSWERED} == {"JOURNALED", "SENT", "UNKNOWN"}


def test_a_new_order_has_nothing_but_its_terms() -> None:
    order = Order(OrderId(1), CLIENT, OrderRef("x"), terms_of(an_intent()), T0)
    assert order.state is S.PLANNED
    assert (order.perm_id, order.broker_status, order.note) == (0, "", "")


def test_every_state_can_be_reached() -> None:
    assert reachable(S.PLANNED) == set(S)


def test_every_event_happens_somewhere() -> None:
    assert {event for _, event in TABLE} == set(E)


def test_the_final_states_are_the_four_that_expect_no_more_work() -> None:
    assert FINAL == FINAL_STATES


@pytest.mark.parametrize("state", [state for state in S if state not in FINAL])
def test_no_open_state_is_a_trap(state: OrderState) -> None:
    assert reachable(state) & FINAL


@pytest.mark.parametrize("state", sorted(FINAL))
def test_a_final_state_is_left_only_where_the_table_says_why(state: OrderState) -> None:
    exits = {
        pair: after for pair, after in TABLE.items() if pair[0] is state and after is not state
    }
    assert exits == {pair: after for pair, after in ODD_EXITS.items() if pair[0] is state}


def test_withheld_is_the_end() -> None:
    """It proves that no byte left, so nothing the broker says can be about it."""
    assert not [pair for pair in TABLE if pair[0] is S.WITHHELD]


@pytest.mark.parametrize("state", [S.SENT, S.WORKING, S.CANCELLING, S.UNKNOWN])
@pytest.mark.parametrize("event", [E.FILL_COMPLETED, E.CANCEL_CONFIRMED, E.REJECT_CONFIRMED])
def test_an_order_that_may_be_at_the_broker_takes_every_last_word(
    state: OrderState, event: OrderEvent
) -> None:
    after = next_state(state, event)
    assert after in FINAL


@pytest.mark.parametrize("state", [S.SENT, S.WORKING, S.CANCELLING, S.UNKNOWN])
def test_asking_for_a_cancel_never_ends_an_order(state: OrderState) -> None:
    """INC-044: a cancelling order is working exposure."""
    after = next_state(state, E.CANCEL_SENT)
    assert after is not None
    assert after not in FINAL


@pytest.mark.parametrize("state", list(S))
def test_a_refused_cancel_proves_nothing(state: OrderState) -> None:
    """INC-036: 10147, 10148 and 161 never end an order and never re-open one."""
    after = next_state(state, E.CANCEL_REFUSED)
    assert after is None or (after in FINAL) == (state in FINAL)


@pytest.mark.parametrize("state", list(S))
def test_silence_never_proves_a_rejection(state: OrderState) -> None:
    """INC-007: no answer means UNKNOWN."""
    assert next_state(state, E.UNANSWERED) in (None, S.UNKNOWN)


def test_only_an_order_that_was_sent_or_unknown_can_be_proven_absent() -> None:
    states = {state for state, event in TABLE if event is E.PROVEN_ABSENT}
    assert states == {S.WORKING, S.CANCELLING, S.UNKNOWN}


def test_an_order_without_an_answer_is_not_final() -> None:
    assert not UNANSWERED & FINAL


# ---- moving


@pytest.mark.parametrize("state", list(S))
@pytest.mark.parametrize("event", list(E))
def test_moving_follows_the_table_and_a_refused_pair_changes_nothing(
    state: OrderState, event: OrderEvent
) -> None:
    order = an_order(state)
    after = moved(order, event, at(5), "why")
    expected = TABLE.get((state, event))
    if expected is None or expected is state:
        assert after is order
    else:
        since = at(5) if expected is S.UNKNOWN else None
        assert after == replace(
            order, state=expected, changed_utc=at(5), note="why", unanswered_utc=since
        )


@given(st.lists(st.sampled_from(list(E)), max_size=40))
def test_no_sequence_of_events_leaves_a_final_state_but_by_the_odd_pairs(
    happened: list[OrderEvent],
) -> None:
    order = an_order()
    for event in happened:
        after = moved(order, event, T0)
        if order.is_final and after.state is not order.state:
            assert ODD_EXITS.get((order.state, event)) is after.state
        order = after


@given(st.lists(st.sampled_from(list(E)), max_size=40))
def test_a_withheld_order_was_never_sent(happened: list[OrderEvent]) -> None:
    order, path = an_order(), []
    for event in happened:
        order = moved(order, event, T0)
        path.append(order.state)
    if order.state is S.WITHHELD:
        assert not {S.SENT, S.WORKING, S.CANCELLING, S.UNKNOWN} & set(path)


def test_a_move_without_a_note_keeps_the_one_before() -> None:
    order = replace(an_order(S.WORKING), note="held")
    assert moved(order, E.CANCEL_SENT, T0).note == "held"


# ---- what an order says of itself


@pytest.mark.parametrize("state", list(S))
def test_what_remains_is_nothing_once_no_execution_can_come(state: OrderState) -> None:
    """INC-024: of a cancelled or rejected order that takes proof."""
    order = replace(an_order(state), filled=Decimal(4))
    assert order.remaining == (0 if state in (S.WITHHELD, S.FILLED) else 6)
    assert order.is_settling == (state in ENDED)
    assert settled(order).remaining == (0 if state in FINAL else 6)
    assert settled(order).is_settled == (state in FINAL)


@pytest.mark.parametrize(
    ("changes", "is_settled"),
    [
        ({}, True),
        ({"note": "said again", "broker_status": "Cancelled"}, True),
        # The broker catches up with what its executions have said.
        ({"broker_filled": Decimal(4)}, True),
        ({"broker_filled": Decimal(5)}, False),
        ({"filled": Decimal(5)}, False),
        ({"filled": Decimal(3)}, False),
    ],
)
def test_a_word_of_another_fill_takes_the_proof_away(
    changes: dict[str, Any], is_settled: bool
) -> None:
    over = replace(an_order(S.CANCELLED), filled=Decimal(4), broker_filled=Decimal(3))
    after = replace(settled(over), **changes)
    assert after.is_settled is is_settled
    assert after.remaining == (0 if is_settled else 10 - after.filled)


def test_an_overfilled_order_has_nothing_left_rather_than_less() -> None:
    assert replace(an_order(S.WORKING), filled=Decimal(11)).remaining == 0


def test_the_average_price_comes_from_executions_and_is_none_before_the_first() -> None:
    """INC-158: a second Filled with average 0.0 cannot overwrite it."""
    assert an_order().average_price is None
    order = replace(an_order(), filled=Decimal(4), filled_value=Decimal(402))
    assert order.average_price == Decimal("100.5")


@pytest.mark.parametrize(
    ("status", "event"),
    [
        ("PreSubmitted", E.ACKNOWLEDGED),
        ("Submitted", E.ACKNOWLEDGED),
        ("PendingCancel", E.ACKNOWLEDGED),
        ("Inactive", E.ACKNOWLEDGED),
        ("Filled", E.ACKNOWLEDGED),
        ("Cancelled", E.CANCEL_CONFIRMED),
        ("ApiCancelled", E.CANCEL_CONFIRMED),
        ("PendingSubmit", None),
        ("ApiPending", None),
        ("", None),
        ("Unheard", None),
    ],
)
def test_a_status_is_evidence_and_an_unknown_word_is_none(
    status: str, event: OrderEvent | None
) -> None:
    assert event_of_status(status) is event


# ---- the frames of one order, in any order


FRAMES: tuple[ev.Event, ...] = (
    an_echo(status="Submitted"),
    a_status(status="Submitted"),
    a_status(status="Filled", filled=Decimal(10), remaining=Decimal(0)),
    executed(exec_id="a.01.01", quantity=4, price=Decimal(99)),
    executed(exec_id="b.01.01", quantity=6, price=Decimal(101)),
    commissioned("a.01.01", 1),
    commissioned("b.01.01", 2),
)


def assert_filled(book: Book) -> None:
    order = book.orders[OrderId(1)]
    assert order.state is S.FILLED
    assert order.filled == 10
    assert order.filled_value == 4 * 99 + 6 * 101
    assert order.perm_id == 9001
    assert book.position_of(CON) == 10
    assert book.positions[CON].average_price == Decimal("100.2")
    assert book.cash["USD"] == 100_000 - (4 * 99 + 6 * 101) - 3
    assert not book.live_orders
    assert not book.uncommissioned


def test_every_order_of_the_frames_of_a_filled_order_ends_in_the_same_book() -> None:
    """INC-013, INC-014, INC-026: no callback comes in a promised order."""
    for frames in permutations(FRAMES):
        book = a_book()
        send_order(book)
        for frame in frames:
            note(book, frame)
        assert_filled(book)


@given(st.permutations(FRAMES * 3))
def test_frames_that_come_three_times_in_any_order_change_nothing(frames: list[ev.Event]) -> None:
    """INC-034, INC-018."""
    book = a_book()
    send_order(book)
    for frame in frames:
        record(book, frame)
    assert_filled(book)


@given(st.permutations(FRAMES), st.sets(st.integers(0, 2)))
def test_an_order_fills_without_a_single_status(frames: list[ev.Event], lost: set[int]) -> None:
    """INC-013: orderStatus and openOrder are optional."""
    book = a_book()
    send_order(book)
    for frame in frames:
        if FRAMES.index(frame) not in lost:
            note(book, frame)
    assert_filled(book)


CANCEL_RACE: tuple[ev.Event, ...] = (
    ev.CancelSent(OrderId(1), "test"),
    an_error(ev.Evidence.REFUSES_CANCEL, code=10148),
    a_status(status="Cancelled", filled=Decimal(4), remaining=Decimal(6)),
    a_status(status="Submitted"),
    an_error(ev.Evidence.CONFIRMS_CANCEL, code=202),
    an_error(ev.Evidence.INFORMS, code=399),
    an_error(ev.Evidence.UNCLEAR, code=10349),
    executed(exec_id="a.01.01", quantity=4, price=Decimal(99)),
    executed(exec_id="b.01.01", quantity=6, price=Decimal(101)),
)


@given(st.permutations(CANCEL_RACE))
def test_a_cancel_that_lost_the_race_ends_filled(frames: list[ev.Event]) -> None:
    """INC-024: fills after Cancelled are fills."""
    book = a_book()
    send_order(book)
    for frame in frames:
        record(book, frame)
    assert book.orders[OrderId(1)].state is S.FILLED
    assert book.orders[OrderId(1)].filled == 10
    assert book.position_of(CON) == 10


@given(st.permutations(CANCEL_RACE[:-1]))
def test_a_partly_filled_order_whose_cancel_was_confirmed_stays_cancelled(
    frames: list[ev.Event],
) -> None:
    """INC-014, INC-129: a stale Submitted does not re-open it; the filled part stands."""
    book = a_book()
    send_order(book)
    for frame in frames:
        record(book, frame)
    order = book.orders[OrderId(1)]
    assert order.state is S.CANCELLED
    assert order.filled == 4
    assert order.remaining == 6
    assert book.position_of(CON) == 4
    record(book, ev.OrderSettled(OrderId(1), Decimal(4), "test"))
    assert book.orders[OrderId(1)].remaining == 0


WORDS = st.sampled_from(
    [
        *FRAMES,
        *CANCEL_RACE,
        an_error(ev.Evidence.REJECTS_NEW),
        a_status(status="Inactive"),
        ev.OrderUnanswered(OrderId(1), "silence"),
        executed(exec_id="b.01.02", quantity=5, price=Decimal(101)),
        a_status(perm_id=PermId(0), status="PendingSubmit"),
    ]
)


@given(st.lists(WORDS, max_size=25))
def test_whatever_is_said_a_finished_order_is_never_open_again(words: list[ev.Event]) -> None:
    book = a_book()
    send_order(book)
    for word in words:
        before = book.orders[OrderId(1)].state
        record(book, word)
        after = book.orders[OrderId(1)].state
        if before in FINAL:
            assert after is before or after is S.FILLED
        assert (OrderId(1) in book.live_orders) == (after not in FINAL)
        assert (OrderId(1) in book.settling) == book.orders[OrderId(1)].is_settling


def test_the_word_of_a_state_is_its_name_and_stays() -> None:
    """Journals, views and the API hold these words."""
    assert [state.value for state in OrderState] == [state.name for state in OrderState]


# ---- what an open change makes of an order

WAS = ChangeTerms(Decimal(10), Decimal(100), None, Decimal(100))
MORE = ChangeTerms(Decimal(12), Decimal(101), Decimal(98), Decimal(101))
LESS = ChangeTerms(Decimal(8), Decimal(99), None, Decimal(99))
OPEN_STATES = (ChangeState.PLANNED, ChangeState.SENT, ChangeState.UNCERTAIN)


def changing(
    terms: ChangeTerms, state: ChangeState = ChangeState.SENT, side: Side = BUY, **changes: Any
) -> Order:
    """Return a working order of ten at 100 of which a change is on its way."""
    order = an_order(S.WORKING)
    order = replace(order, terms=replace(order.terms, side=side))
    return replace(order, change=Change(1, terms, WAS, state), **changes)


@pytest.mark.parametrize("state", OPEN_STATES)
@pytest.mark.parametrize(
    ("terms", "quantity", "reserve"), [(MORE, 12, 101), (LESS, 10, 100), (WAS, 10, 100)]
)
def test_the_worse_of_confirmed_and_desired_counts_while_a_change_is_open(
    terms: ChangeTerms, state: ChangeState, quantity: int, reserve: int
) -> None:
    order = changing(terms, state)
    assert order.open_change == terms
    assert order.quantity_max == order.remaining == quantity
    assert order.reserve_per_unit == reserve


@pytest.mark.parametrize("state", [ChangeState.APPLIED, ChangeState.DROPPED])
def test_a_change_that_is_over_counts_no_more(state: ChangeState) -> None:
    order = changing(MORE, state)
    assert order.open_change is None
    assert (order.quantity_max, order.reserve_per_unit) == (Decimal(10), Decimal(100))
    assert order.boldest_limit == 100


@pytest.mark.parametrize(
    ("side", "terms", "limit"),
    [(BUY, MORE, 101), (BUY, LESS, 100), (SELL, MORE, 100), (SELL, LESS, 99)],
)
def test_the_bolder_limit_of_both_meets_the_other_orders(
    side: Side, terms: ChangeTerms, limit: int
) -> None:
    assert changing(terms, side=side).boldest_limit == limit


def test_a_limit_that_only_one_of_both_has_is_the_confirmed_one() -> None:
    assert changing(replace(MORE, limit_price=None)).boldest_limit == 100
    order = changing(MORE)
    market = replace(order, terms=replace(order.terms, limit_price=None))
    assert market.boldest_limit is None


@pytest.mark.parametrize(
    ("event", "state", "held"),
    [
        (ChangeEvent.SHOWN, ChangeState.APPLIED, MORE),
        (ChangeEvent.REFUSED, ChangeState.DROPPED, WAS),
    ],
)
def test_a_change_that_is_shown_takes_all_its_terms_and_a_refused_one_none(
    event: ChangeEvent, state: ChangeState, held: ChangeTerms
) -> None:
    after = change_moved(changing(MORE), event, at(3), "why")
    assert after.change is not None
    assert (after.change.state, after.change.note, after.changed_utc) == (state, "why", at(3))
    assert after.terms.changeable == held


def test_a_change_that_is_taken_back_leaves_what_was_before_it() -> None:
    applied = change_moved(changing(MORE), ChangeEvent.SHOWN, at(1))
    assert applied.change is not None
    assert applied.change.note == ""
    back = change_moved(applied, ChangeEvent.REVERTED, at(2))
    assert back.terms.changeable == WAS
    assert back.change is not None
    assert back.change.is_open


def test_an_event_that_the_table_refuses_or_without_a_change_changes_nothing() -> None:
    dropped = changing(MORE, ChangeState.DROPPED)
    assert change_moved(dropped, ChangeEvent.REFUSED, at(1)) is dropped
    assert change_moved(an_order(S.WORKING), ChangeEvent.SHOWN, at(1)) == an_order(S.WORKING)
    assert changed_terms(an_order().terms, WAS).changeable == WAS


# ---- what an order is over with


@pytest.mark.parametrize(
    ("terms", "filled", "status", "told", "state"),
    [
        (None, 10, "", 0, S.FILLED),
        (None, 9, "", 0, S.WORKING),
        (None, 0, "", 0, S.WORKING),
        (MORE, 10, "", 0, S.WORKING),
        (MORE, 12, "", 0, S.FILLED),
        (MORE, 10, "Filled", 10, S.FILLED),
        (MORE, 10, "Submitted", 10, S.WORKING),
        (MORE, 10, "Filled", 12, S.WORKING),
        (LESS, 8, "", 0, S.WORKING),
        (LESS, 8, "Filled", 8, S.FILLED),
        (LESS, 7, "Filled", 7, S.WORKING),
        (MORE, 0, "Filled", 0, S.WORKING),
    ],
)
def test_an_order_is_filled_once_its_executions_are_all_that_it_can_be(
    terms: ChangeTerms | None, filled: int, status: str, told: int, state: OrderState
) -> None:
    order = an_order(S.WORKING) if terms is None else changing(terms)
    order = replace(
        order, filled=Decimal(filled), broker_status=status, broker_filled=Decimal(told)
    )
    assert completed(order, at(5)).state is state


@pytest.mark.parametrize(
    ("state", "quantity", "may"),
    [
        (ChangeState.SENT, 8, True),
        (ChangeState.UNCERTAIN, 8, True),
        # What we or the broker said of it before does not matter once it shows.
        (ChangeState.DROPPED, 8, True),
        (ChangeState.SENT, 9, False),
        (ChangeState.PLANNED, 8, False),
        (ChangeState.APPLIED, 8, False),
    ],
)
def test_only_a_change_that_may_have_been_taken_explains_a_smaller_order(
    state: ChangeState, quantity: int, may: bool
) -> None:
    assert changing(LESS, state).may_be_changed_to(Decimal(quantity)) is may
    assert not an_order(S.WORKING).may_be_changed_to(Decimal(quantity))


# ---- what counts of an order that is over


def ended(state: OrderState = S.CANCELLED, **changes: Any) -> Order:
    return replace(an_order(state), **changes)


@pytest.mark.parametrize("state", sorted(ENDED))
def test_an_order_that_is_over_counts_until_it_is_settled(state: OrderState) -> None:
    """INC-024."""
    order = ended(state, filled=Decimal(4), broker_filled=Decimal(4))
    assert (order.is_settled, order.is_settling, order.remaining) == (False, True, Decimal(6))
    proven = settled(order)
    assert (proven.is_settled, proven.is_settling, proven.remaining) == (True, False, Decimal(0))
    assert proven.settled == proven.fills_told == (Decimal(4), Decimal(4))


@pytest.mark.parametrize(
    ("filled", "told", "is_settled"), [(4, 4, True), (4, 3, True), (5, 4, False), (4, 5, False)]
)
def test_any_word_of_more_that_filled_takes_the_proof_away(
    filled: int, told: int, is_settled: bool
) -> None:
    proven = settled(ended(filled=Decimal(4), broker_filled=Decimal(3)))
    later = replace(proven, filled=Decimal(filled), broker_filled=Decimal(told))
    assert later.is_settled is is_settled


def test_a_working_order_is_not_settled_by_anything() -> None:
    working = an_order(S.WORKING)
    assert settled(working) is working
    assert (working.is_settled, working.is_settling) == (False, False)
    assert replace(working, settled=working.fills_told).remaining == 10
    assert an_order(S.WITHHELD).is_settled


@pytest.mark.parametrize(
    ("before", "now", "is_doubled"),
    [(0, 5, False), (5, 5, False), (5, 0, False), (5, 6, True)],
)
def test_an_order_with_another_permanent_id_is_doubled(
    before: int, now: int, is_doubled: bool
) -> None:
    """INC-085."""
    known, order = (replace(an_order(), perm_id=PermId(number)) for number in (before, now))
    assert kept(known, order).is_doubled is is_doubled
    assert not kept(None, order).is_doubled


def test_a_sale_has_a_negative_remainder() -> None:
    assert changing(WAS, side=SELL).signed_remaining == -10
    assert changing(WAS).signed_remaining == 10


@pytest.mark.parametrize(
    ("state", "note", "is_absent"),
    [
        (S.CANCELLED, f"{ABSENT_NOTE} of 10:00 and 10:05", True),
        (S.CANCELLED, "202: cancelled by the broker", False),
        (S.FILLED, f"{ABSENT_NOTE} of 10:00 and 10:05", False),
    ],
)
def test_only_a_cancel_of_our_own_proof_is_called_absent(
    state: OrderState, note: str, is_absent: bool
) -> None:
    assert ended(state, note=note).is_proven_absent is is_absent


def test_an_order_that_fills_whole_says_nothing_of_a_change_of_its_price() -> None:
    order = changing(replace(WAS, limit_price=Decimal(101)))
    order = replace(order, filled=Decimal(10), broker_filled=Decimal(10), broker_status="Filled")
    after = completed(order, at(5))
    assert after.state is S.FILLED
    assert after.terms.limit_price == 100
    assert after.change == order.change


def test_what_a_correction_took_back_is_not_awaited_as_an_execution() -> None:
    # The broker's count of before is not one of what is still to come.
    order = replace(an_order(S.CANCELLED), filled=Decimal(8), broker_filled=Decimal(10))
    assert order.told_beyond == 2
    smaller = corrected(order, Decimal(-2))
    assert (smaller.taken_back, smaller.told_beyond) == (Decimal(2), Decimal(0))
    assert corrected(smaller, Decimal(-3)).taken_back == 5
    larger = corrected(smaller, Decimal(1))
    assert (larger.taken_back, larger.told_beyond) == (Decimal(1), Decimal(1))
    assert corrected(smaller, Decimal(5)).taken_back == 0, "what was added owes nothing back"


# ---- a bracket's legs


def a_leg(**changes: Any) -> Order:
    book = a_book()
    work_bracket(book)
    fill(book, 1, 10)
    return replace(book.orders[OrderId(3)], **changes)


def test_only_legs_are_legs() -> None:
    book = a_book()
    work_bracket(book)
    is_leg = [book.orders[OrderId(key)].terms.is_leg for key in (1, 2, 3)]
    assert is_leg == [False, True, True]
    assert not a_plain_order().terms.is_leg


def a_plain_order() -> Order:
    book = a_book()
    work_order(book)
    return book.orders[OrderId(1)]


@pytest.mark.parametrize(("room", "left"), [(None, 10), (4, 4), (12, 10), (0, 0)])
def test_a_leg_fills_no_more_than_its_room(room: int | None, left: int) -> None:
    order = a_leg(room=None if room is None else Decimal(room))
    assert order.remaining == left
    assert replace(order, state=OrderState.FILLED).remaining == 0


@pytest.mark.parametrize(
    ("quantity", "may_be"), [(-1, False), (0, False), (1, True), (10, True), (11, False)]
)
def test_the_broker_may_make_a_leg_smaller_and_no_larger(quantity: int, may_be: bool) -> None:
    assert a_leg().may_be_changed_to(Decimal(quantity)) is may_be
    assert not a_plain_order().may_be_changed_to(Decimal(quantity))


@pytest.mark.parametrize(("quantity", "shown"), [(0, 10), (4, 10), (10, 10), (11, 11)])
def test_a_leg_that_is_shown_smaller_keeps_the_size_it_was_sent_with(
    quantity: int, shown: int
) -> None:
    assert a_leg().size_shown(Decimal(quantity)) == shown
    assert a_plain_order().size_shown(Decimal(quantity)) == quantity


@pytest.mark.parametrize(
    ("filled", "said", "status", "state"),
    [
        (6, 6, "Filled", OrderState.FILLED),
        (6, 7, "Filled", OrderState.WORKING),
        (6, 6, "Submitted", OrderState.WORKING),
        (0, 0, "Filled", OrderState.WORKING),
        (10, 10, "Filled", OrderState.FILLED),
    ],
)
def test_a_leg_is_done_when_the_broker_says_so_of_just_what_we_have(
    filled: int, said: int, status: str, state: OrderState
) -> None:
    change = {"filled": Decimal(filled), "broker_filled": Decimal(said), "broker_status": status}
    leg = completed(a_leg(**change), T0)
    assert leg.state is state
    assert leg.terms.quantity == 10
    other = completed(replace(a_plain_order(), **change), T0)  # type: ignore[arg-type]
    assert (other.state is OrderState.FILLED) is (filled == 10)
