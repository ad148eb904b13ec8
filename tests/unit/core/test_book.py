"""The book is a fold over events: repetition adds nothing, and identity is never a guess.

A refusal or a repetition is tested on the whole state, so that nothing moves unseen.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.factories import (
    BUY,
    CLIENT,
    CON,
    OTHER_CON,
    RUN,
    SELL,
    a_book,
    a_foreign_execution,
    a_foreign_row,
    a_status,
    an_echo,
    an_error,
    an_execution,
    an_id,
    an_intent,
    at,
    commissioned,
    executed,
    note,
    plan_order,
    planned,
    record,
    reviewed,
    send_order,
    work_order,
)
from trader.core import entries
from trader.core import events as ev
from trader.core import request_events as rq
from trader.core.book import Book
from trader.core.checkpoint import BookState, state_of
from trader.core.entries import Decision
from trader.core.executions import Commission
from trader.core.halts import HaltCause, Mode
from trader.core.ids import (
    ClientId,
    ExecFamily,
    ExecId,
    OrderId,
    OrderRef,
    PermId,
    RunId,
    StrategyName,
    TicketId,
    order_ref,
)
from trader.core.orders import OrderState
from trader.core.strategy_events import StrategyCheckpointed

ONE = OrderId(1)
NO_REF = OrderRef("")


def content(book: Book) -> tuple[BookState, dict[Any, int]]:
    """Return everything a book holds but its place in the journal, with its indices."""
    return replace(state_of(book), seq=type(book.seq)(0)), dict(book.perm_ids)


# ---- identity


def find(book: Book, ref: str = "", perm: int = 0, order: int = 0, client: int = CLIENT) -> Any:
    found = book.find_order(
        order_ref=OrderRef(ref),
        perm_id=PermId(perm),
        order_id=OrderId(order),
        client_id=ClientId(client),
    )
    return found and found.order_id


def test_our_reference_finds_the_order_before_anything_else() -> None:
    book = a_book()
    work_order(book, order_id=1)
    work_order(book, order_id=2)
    ref = order_ref(an_id(1))
    assert find(book, ref, perm=9002, order=2) == 1
    assert find(book, ref, client=0) == 1


def test_a_reference_with_a_suffix_still_finds_the_order() -> None:
    """INC-096."""
    book = a_book()
    send_order(book)
    assert find(book, order_ref(an_id(1)) + "/IBALGO") == 1


def test_a_reference_with_an_altered_checksum_finds_nothing() -> None:
    """INC-096: what is not provably ours is not ours, even under one of our order ids."""
    book = a_book()
    send_order(book)
    ref = order_ref(an_id(1))
    altered = ref[:-1] + ("0" if ref[-1] != "0" else "1")
    assert find(book, altered, order=1) is None


def test_an_empty_reference_falls_back_to_the_permanent_id_and_then_to_the_order_id() -> None:
    """INC-125."""
    book = a_book()
    work_order(book)
    assert find(book, perm=9001) == 1
    assert find(book, order=1) == 1
    assert find(book, perm=4711, order=1) is None
    assert find(book) is None


def test_an_order_id_of_another_client_is_another_order() -> None:
    book = a_book()
    send_order(book)
    assert find(book, order=1, client=CLIENT + 1) is None


@pytest.mark.parametrize("ref", ["by hand", "T1-", "T1-zzz999-alpha-1-0000"])
def test_a_foreign_reference_never_finds_an_order_by_its_number(ref: str) -> None:
    book = a_book()
    send_order(book)
    assert find(book, ref, perm=77, order=1) is None


def test_a_reference_of_another_journal_finds_nothing_even_with_a_known_permanent_id() -> None:
    book = a_book()
    work_order(book)
    other = order_ref(type(an_id(1))("zzz999-alpha-1"))
    assert find(book, other, perm=9001, order=1) is None


def test_one_order_may_have_two_permanent_ids() -> None:
    """Fact 2: the order is found by each of them."""
    book = a_book()
    work_order(book)
    record(book, an_echo(perm_id=PermId(9900)))
    assert find(book, perm=9001) == 1
    assert find(book, perm=9900) == 1


def test_an_order_with_a_second_permanent_id_is_known_as_doubled_for_good() -> None:
    """INC-085."""
    book = a_book()
    send_order(book)
    record(book, a_status(perm_id=0))
    record(book, a_status(perm_id=901))
    record(book, a_status(perm_id=0))
    record(book, a_status(perm_id=901))
    assert not book.orders[ONE].is_doubled
    record(book, an_echo(perm_id=902))
    record(book, a_status(perm_id=901))
    assert book.orders[ONE].is_doubled


def test_a_permanent_id_stays_with_the_order_it_was_given_to() -> None:
    """It is the broker's only account-wide identity: a garbled frame must not move it."""
    book = a_book()
    work_order(book, order_id=1)
    send_order(book, order_id=2)
    record(book, an_echo(2, perm_id=PermId(9001)))
    assert find(book, perm=9001) == 1


# ---- promises


def test_order_ids_never_go_down() -> None:
    book = a_book()
    plan_order(book, order_id=5)
    for order_id in (5, 4):
        intent = an_intent(10 + order_id)
        record(book, reviewed(intent))
        with pytest.raises(AssertionError, match="used before"):
            record(book, planned(intent, order_id))
        book.seq = type(book.seq)(book.seq - 1)


def test_an_intent_cannot_have_two_orders() -> None:
    book = a_book()
    plan_order(book)
    with pytest.raises(AssertionError, match="already has order 1"):
        record(book, planned(an_intent(1), 2))


def test_an_intent_with_an_order_cannot_be_reviewed_again() -> None:
    """A second review would forget the order, and the intent could become another one."""
    book = a_book()
    plan_order(book)
    with pytest.raises(AssertionError, match="has an order"):
        record(book, reviewed(an_intent(1)))


def test_an_intent_asked_again_answers_with_its_order_or_its_refusal() -> None:
    book = a_book()
    plan_order(book)
    record(book, reviewed(an_intent(2), code="CASH_RESERVE"))
    order = book.order_of_intent(an_id(1))
    assert order is not None
    assert order.order_id == 1
    assert book.order_of_intent(an_id(2)) is None
    assert book.order_of_intent(an_id(3)) is None
    assert book.intents[an_id(2)].code == "CASH_RESERVE"
    assert book.tally.intents == 2
    assert book.tally.refusals == 1


def test_an_order_without_a_review_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        record(a_book(), planned(an_intent(), 1))


def test_a_promise_becomes_sent_withheld_or_unknown() -> None:
    book = a_book()
    for number in (1, 2, 3):
        plan_order(book, order_id=number)
    record(book, ev.OrderSent(OrderId(1)))
    record(book, ev.OrderWithheld(OrderId(2), "halted"))
    record(book, ev.OrderUnanswered(OrderId(3), "the process ended"))
    states = [book.orders[OrderId(number)].state for number in (1, 2, 3)]
    assert states == [OrderState.SENT, OrderState.WITHHELD, OrderState.UNKNOWN]
    assert set(book.live_orders) == {1, 3}
    assert book.orders[OrderId(2)].note == "halted"


def test_the_order_that_the_last_event_changed_is_named() -> None:
    book = a_book()
    for number in (1, 2):
        plan_order(book, order_id=number)
        assert book.changed_order == number
    record(book, ev.OrderSent(OrderId(1)))
    assert book.changed_order == 1
    record(book, ev.HaltRaised(HaltCause.OPERATOR, "lunch", "ops"))
    assert book.changed_order is None


def test_orders_are_counted_over_the_window_asked_for() -> None:
    book = a_book()
    for number, seconds in enumerate((0, 50, 100), start=1):
        plan_order(book, order_id=number, seconds=seconds)
    assert book.planned.since(at(51)) == 1
    assert book.planned.since(at(50)) == 2
    plan_order(book, order_id=4, seconds=26 * 3_600 + 51)
    assert len(book.planned.times()) == 2


# ---- executions


def test_an_execution_moves_order_position_and_cash_together() -> None:
    book = a_book()
    send_order(book)
    record(book, executed(quantity=4, price=Decimal(99)))
    order = book.orders[ONE]
    assert order.state is OrderState.WORKING
    assert order.filled == 4
    assert order.filled_value == 396
    assert book.position_of(CON) == 4
    assert book.cash["USD"] == 100_000 - 396
    record(book, executed(exec_id="e.02.01", quantity=6))
    assert book.orders[ONE].state is OrderState.FILLED


def test_a_sell_fills_with_a_positive_value() -> None:
    book = a_book(held=10)
    send_order(book, an_intent(side=SELL))
    record(book, executed(side=SELL, price=Decimal(120)))
    assert book.orders[ONE].average_price == 120
    assert book.cash["USD"] == 101_200
    assert book.positions[CON].realized == 300


def test_the_multiplier_counts_for_cash_and_not_for_the_price() -> None:
    book = a_book()
    send_order(book)
    record(book, executed(quantity=2, price=Decimal(5), multiplier=Decimal(100)))
    assert book.orders[ONE].average_price == 5
    assert book.cash["USD"] == 99_000
    assert book.positions[CON].average_price == 5


def test_an_execution_of_nobody_we_know_is_booked_without_an_order() -> None:
    """INC-120: a trade by hand moves the account all the same."""
    book = a_book()
    work_order(book)
    record(book, ev.ExecutionSeen(a_foreign_execution()))
    assert book.position_of(CON) == 10
    assert book.orders[ONE].filled == 0
    assert book.fills[ExecFamily("f.01")].order_id is None


def test_each_order_of_others_that_trades_is_counted_once_at_its_own_time() -> None:
    """CAP-07: partial fills are one trade; our own orders count where they are planned."""
    book = a_book()
    work_order(book)
    record(book, executed())
    for exec_id, perm_id in (("f.01.01", 555), ("f.02.01", 555), ("g.01.01", 556), ("h.1.1", 0)):
        seen = replace(a_foreign_execution(exec_id), perm_id=PermId(perm_id), time_utc=at(-60))
        record(book, ev.ExecutionSeen(seen))
    keys = [row.key for row in book.strangers.rows()]
    assert keys == ["perm-555", "perm-556", "exec-h.1"]
    assert book.strangers.since(at(-60)) == 3
    assert book.strangers.since(at(-59)) == 0
    assert book.planned.since(at(-60)) == 1


def test_an_execution_on_another_contract_is_booked_and_not_counted_to_the_order() -> None:
    """INC-156."""
    book = a_book()
    work_order(book)
    record(book, executed(con_id=OTHER_CON))
    assert book.orders[ONE].filled == 0
    assert book.orders[ONE].state is OrderState.WORKING
    assert book.position_of(CON) == 0
    assert book.position_of(OTHER_CON) == 10


def test_a_correction_downwards_leaves_the_order_final_and_its_count_true() -> None:
    """INC-048."""
    book = a_book()
    work_order(book)
    record(book, executed())
    record(book, executed(exec_id="e.01.02", quantity=7))
    order = book.orders[ONE]
    assert order.state is OrderState.FILLED
    assert order.filled == 7
    assert order.filled_value == 700
    assert book.position_of(CON) == 7


def test_a_correction_without_any_identity_goes_to_the_order_of_what_it_corrects() -> None:
    book = a_book()
    send_order(book)
    record(book, executed(quantity=8))
    nameless = replace(
        a_foreign_execution("e.01.02"), quantity=Decimal(6), perm_id=PermId(0), order_ref=NO_REF
    )
    record(book, ev.ExecutionSeen(nameless))
    assert book.orders[ONE].filled == 6
    assert book.fills[ExecFamily("e.01")].order_id == ONE


def test_a_correction_that_names_the_order_counts_in_full_when_the_first_did_not() -> None:
    book = a_book()
    send_order(book)
    nameless = replace(
        a_foreign_execution("e.01.01"), quantity=Decimal(8), perm_id=PermId(0), order_ref=NO_REF
    )
    record(book, ev.ExecutionSeen(nameless))
    record(book, executed(exec_id="e.01.02", quantity=6))
    assert book.orders[ONE].filled == 6
    assert book.orders[ONE].filled_value == 600
    assert book.position_of(CON) == 6


def test_executions_inside_the_baseline_are_never_booked_again() -> None:
    """INC-018, INC-053: neither live, nor corrected, nor with their commission."""
    book = Book()
    baseline = ev.AccountBaselined(
        an_execution().account,
        (ev.Holding(CON, "AAA", Decimal(10), Decimal(100), Decimal(1)),),
        (("USD", Decimal(500)),),
        ("e.01",),
        "test",
    )
    record(book, baseline)
    before = content(book)
    for event in (executed(), executed(exec_id="e.01.02", quantity=3), commissioned()):
        assert not book.is_news(event)
        record(book, event)
        assert content(book) == before


# ---- commissions


@pytest.mark.parametrize("is_commission_first", [True, False])
def test_a_commission_may_come_before_its_execution(is_commission_first: bool) -> None:
    """INC-078."""
    book = a_book()
    send_order(book)
    pair: list[ev.Event] = [commissioned(amount=3), executed()]
    for event in pair if is_commission_first else reversed(pair):
        record(book, event)
    assert book.cash["USD"] == 100_000 - 1_000 - 3
    assert book.commission_paid == {"USD": 3}
    assert not book.uncommissioned


def test_a_commission_whose_execution_never_comes_moves_no_cash() -> None:
    """INC-137: it may be that of another account, whose executions are left out."""
    book = a_book()
    record(book, commissioned(amount=3))
    assert book.cash["USD"] == 100_000
    assert book.commission_paid == {}


def test_a_commission_reported_anew_replaces_the_one_before() -> None:
    book = a_book()
    send_order(book)
    record(book, executed())
    record(book, commissioned(amount=3))
    record(book, ev.CommissionSeen(Commission(ExecId("e.01.01"), Decimal(2), "EUR")))
    assert book.cash == {"USD": Decimal(99_000), "EUR": Decimal(-2)}
    assert book.commission_paid == {"USD": 0, "EUR": 2}


@given(st.permutations([commissioned("e.01.01", 3), commissioned("e.01.02", 5)] * 2))
def test_of_the_commissions_of_two_revisions_the_newer_counts_in_any_order(
    arrived: list[ev.CommissionSeen],
) -> None:
    """INC-048: a replay of the older one must not bring it back."""
    book = a_book()
    send_order(book)
    record(book, executed())
    record(book, executed(exec_id="e.01.02"))
    for seen in arrived:
        note(book, seen)
    assert book.cash["USD"] == 99_000 - 5
    assert not any(book.is_news(seen) for seen in arrived)


# ---- errors on an order


@pytest.mark.parametrize(
    ("evidence", "from_sent", "from_working"),
    [
        (ev.Evidence.REJECTS_NEW, OrderState.REJECTED, OrderState.WORKING),
        (ev.Evidence.CONFIRMS_CANCEL, OrderState.CANCELLED, OrderState.CANCELLED),
        (ev.Evidence.REFUSES_CANCEL, OrderState.SENT, OrderState.WORKING),
        (ev.Evidence.INFORMS, OrderState.SENT, OrderState.WORKING),
        (ev.Evidence.UNCLEAR, OrderState.UNKNOWN, OrderState.WORKING),
    ],
)
def test_an_error_code_is_evidence_and_not_a_state(
    evidence: ev.Evidence, from_sent: OrderState, from_working: OrderState
) -> None:
    """INC-001, INC-015: the same code refuses a new order and leaves a working one alive."""
    sent, working = a_book(), a_book()
    send_order(sent)
    work_order(working)
    for book in (sent, working):
        record(book, an_error(evidence))
    assert sent.orders[ONE].state is from_sent
    assert working.orders[ONE].state is from_working


def test_an_inactive_order_is_held_until_an_error_says_rejected() -> None:
    """INC-016."""
    book = a_book()
    work_order(book)
    record(book, a_status(status="Inactive"))
    assert book.orders[ONE].state is OrderState.WORKING
    record(book, an_error(ev.Evidence.REJECTS_NEW, text="margin"))
    assert book.orders[ONE].state is OrderState.REJECTED
    assert book.orders[ONE].note == "201 margin"


def test_a_refused_remainder_keeps_what_filled() -> None:
    """INC-129."""
    book = a_book()
    send_order(book)
    record(book, executed(quantity=3))
    record(book, an_error(ev.Evidence.REJECTS_NEW))
    record(book, a_status(status="Cancelled", filled=Decimal(3), remaining=Decimal(7)))
    order = book.orders[ONE]
    assert order.state == OrderState.CANCELLED
    assert order.filled == 3
    assert order.remaining == 7
    record(book, ev.OrderSettled(ONE, Decimal(3), "test"))
    assert book.orders[ONE].remaining == 0


def test_an_error_for_an_order_we_do_not_know_changes_nothing() -> None:
    book = a_book()
    before = content(book)
    record(book, an_error(ev.Evidence.REJECTS_NEW, order_id=99))
    assert content(book) == before


def test_the_brokers_words_are_kept_as_evidence_and_never_go_back() -> None:
    """INC-014, INC-158."""
    book = a_book()
    work_order(book)
    record(book, a_status(status="Filled", filled=Decimal(10)))
    record(book, a_status(status="Submitted", filled=Decimal(0), perm_id=PermId(0)))
    order = book.orders[ONE]
    assert order.broker_filled == 10
    assert order.perm_id == 9001
    assert order.filled == 0
    assert order.state is OrderState.WORKING


# ---- absence


@pytest.mark.parametrize(
    "word",
    [
        a_status(),
        an_echo(),
        executed(quantity=1),
        an_echo(order_ref=order_ref(an_id(1)), perm_id=PermId(0)),
    ],
)
def test_any_sign_of_life_ends_an_absence(word: ev.Event) -> None:
    """INC-045: two absences with the order seen between them prove nothing."""
    book = a_book()
    work_order(book)
    record(book, an_echo())
    record(book, ev.OrderAbsentSeen(ONE, RUN))
    assert note(book, word)
    assert ONE not in book.absent_since


def test_an_order_proven_absent_is_cancelled_and_forgotten_as_absent() -> None:
    book = a_book()
    work_order(book)
    record(book, ev.OrderAbsentSeen(ONE, RUN))
    record(book, ev.OrderProvenAbsent(ONE, RunId("run-2"), RUN))
    assert book.orders[ONE].state is OrderState.CANCELLED
    assert book.orders[ONE].note == "absent from snapshots run-1 and run-2"
    assert not book.absent_since


# ---- the rest of the state


def test_a_new_book_is_halted_until_an_operator_says_otherwise() -> None:
    book = Book()
    assert HaltCause.FRESH_INSTALL in book.halts
    record(book, ev.HaltCleared(HaltCause.FRESH_INSTALL, "checked", "op"))
    record(book, ev.HaltRaised(HaltCause.OPERATOR, "lunch", "op"))
    assert book.halts == {HaltCause.OPERATOR: "lunch"}


def test_a_baseline_replaces_positions_and_cash() -> None:
    book = a_book(held=10, cash=500)
    assert book.account == "DU1"
    assert book.position_of(CON) == 10
    assert book.positions[CON].average_price == 90
    assert book.cash == {"USD": 500}


def test_adjustments_put_the_brokers_number_in_the_place_of_ours() -> None:
    book = a_book(held=10)
    record(book, ev.PositionAdjusted(CON, "AAA", Decimal(10), Decimal(7), "split", "op"))
    record(book, ev.PositionAdjusted(OTHER_CON, "BBB", Decimal(0), Decimal(3), "split", "op"))
    record(book, ev.CashAdjusted("USD", Decimal(100_000), Decimal(99_990), "interest"))
    assert book.position_of(CON) == 7
    assert book.position_of(OTHER_CON) == 3
    assert book.cash == {"USD": 99_990}


def test_an_adjustment_brings_cost_and_multiplier_of_what_was_not_held() -> None:
    book = a_book(held=10)
    ten, fifty = Decimal(10), Decimal(50)
    future = ev.PositionAdjusted(
        OTHER_CON, "ESZ6", Decimal(0), Decimal(2), "transfer", "op", Decimal(5_000), fifty
    )
    record(book, future)
    row = book.positions[OTHER_CON]
    assert row.average_price == 5_000
    assert row.multiplier == 50
    assert row.unrealized(Decimal(5_010)) == 1_000
    # What is held keeps what it has cost us; what turns round has cost what the broker says.
    record(book, ev.PositionAdjusted(CON, "AAA", ten, Decimal(7), "split", "op", Decimal(1)))
    assert book.positions[CON].average_price == 90
    record(book, ev.PositionAdjusted(CON, "AAA", ten, Decimal(-7), "split", "op", Decimal(95)))
    assert book.positions[CON].average_price == 95


def test_what_is_adopted_at_a_worth_is_no_result_of_trading() -> None:
    book = a_book(held=10)
    ten, nine = Decimal(10), Decimal(9)
    plain = ev.PositionAdjusted(CON, "AAA", ten, nine, "gone", "op")
    record(book, plain)
    assert not book.safety.flows
    valued = replace(plain, unit_value=Decimal(95), currency="EUR")
    for before, after in ((9, 12), (12, 8), (8, 8)):
        record(book, replace(valued, before=Decimal(before), after=Decimal(after)))
    assert [(row.currency, row.amount) for row in book.safety.flows] == [
        ("EUR", Decimal(285)),
        ("EUR", Decimal(-380)),
    ]


def test_tickets_foreign_orders_and_strategy_states_come_and_go() -> None:
    book = a_book()
    ticket = ev.TicketOpened(TicketId("t"), "position", CON, "text", RUN)
    foreign = a_foreign(quantity=5)
    saved = StrategyCheckpointed(StrategyName("alpha"), 3, "{}")
    started = ev.DaemonStarted("1", Mode.PAPER, an_execution().account)
    events: tuple[ev.Event, ...] = (ticket, foreign, saved, started)
    for event in events:
        record(book, event)
    assert book.tickets == {"t": ticket}
    assert book.foreign == {555: foreign}
    assert book.strategies == {"alpha": saved}
    assert book.mode is Mode.PAPER
    record(book, ev.TicketClosed(TicketId("t"), "done", "op"))
    record(book, ev.ForeignOrderGone(PermId(555)))
    assert not book.tickets
    assert not book.foreign


def test_a_key_of_the_api_door_is_remembered_for_a_week_at_least(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(entries, "KEYS_KEPT_MIN", 0)
    book = a_book()
    day = 86_400.0
    for number in range(6):
        record(book, rq.RequestReceived(f"k{number}", "d", an_id(number + 1), "me"), number)
    record(book, rq.RequestReceived("later", "d", an_id(9), "me"), 7 * day)
    assert list(book.requests) == ["k0", "k1", "k2", "k3", "k4", "k5", "later"]
    for number in range(3):
        record(book, rq.RequestReceived(f"new{number}", "d", an_id(9), "me"), 8 * day)
    assert list(book.requests) == ["later", "new0", "new1", "new2"]
    assert book.requests["later"].intent_id == an_id(9)


def test_a_clock_that_was_ahead_for_a_moment_makes_no_request_new_again() -> None:
    """Two requests of a day that is still to come took the key of a minute ago with them."""
    book = a_book()
    for key, day in (("mine", 0), ("ahead", 30), ("back", 0)):
        record(book, rq.RequestReceived(key, "d", an_id(1), "me"), day * 86_400.0)
    assert list(book.requests) == ["mine", "ahead", "back"]


def test_a_request_on_an_order_is_decided_once_and_for_good() -> None:
    book = a_book()
    record(book, rq.OrderRequestReceived("k", "d", OrderId(5), "me"))
    assert book.requests["k"].decision is None
    record(book, rq.RequestDecided("k", True, "", "sent"))
    record(book, rq.RequestDecided("k", False, "LINK", "down"))
    record(book, ev.ModifyRefused(OrderId(5), "CHURN", "x", "x", (), "h", "k"))
    known = book.requests["k"]
    assert (known.order_id, known.intent_id) == (5, None)
    assert known.decision == Decision(True, "", "sent")
    record(book, rq.RequestDecided("never asked", True, "", "sent"))
    assert list(book.requests) == ["k"]


def test_the_promise_and_the_refusal_of_a_change_decide_on_their_request() -> None:
    book = a_book()
    work_order(book)
    terms = book.orders[ONE].terms.changeable
    wanted = replace(terms, quantity=terms.quantity + 1)
    for key in ("promised", "refused", "other"):
        record(book, rq.OrderRequestReceived(key, "d", ONE, "me"))
    record(book, ev.ModifyPlanned(ONE, 1, wanted, "r", request="promised"))
    record(book, ev.ModifyRefused(ONE, "CHURN", "too often", "r", (), "h", "refused"))
    assert [book.requests[key].decision for key in ("promised", "refused", "other")] == [
        Decision(True, "", "approved", 1),
        Decision(False, "CHURN", "too often"),
        None,
    ]


def test_only_complete_reconciliations_are_counted() -> None:
    book = a_book()
    for problem in ("", "no end marker"):
        record(book, ev.ReconcileFinished(RUN, "timed", problem, 3, 2, 1, 0.5), seconds=7)
    assert book.tally.reconciliations == 1
    assert book.tally.drifts == 6
    assert book.tally.repairs == 4
    assert book.last_reconcile is not None
    assert book.last_reconcile[0] == at(7)


# ---- news


def a_foreign(perm_id: int = 555, quantity: int = 5, status: str = "Submitted") -> ev.Event:
    row = a_foreign_row(perm_id)
    return ev.ForeignOrderSeen(
        row.perm_id,
        row.client_id,
        row.con_id,
        row.symbol,
        row.side,
        Decimal(quantity),
        row.order_type,
        status,
    )


FACTS = st.one_of(
    st.builds(
        a_status,
        st.integers(1, 3),
        st.sampled_from(["Submitted", "Filled", "Cancelled", "Inactive", "PendingSubmit", ""]),
        filled=st.integers(0, 12).map(Decimal),
        perm_id=st.sampled_from([0, 9001, 9002]).map(PermId),
    ),
    st.builds(
        an_echo,
        st.integers(1, 3),
        st.sampled_from(["Submitted", "PreSubmitted", "Cancelled"]),
        order_ref=st.sampled_from([NO_REF, OrderRef("by hand"), order_ref(an_id(1))]),
    ),
    st.builds(
        executed,
        st.integers(1, 3),
        st.sampled_from(["a.01", "a.02", "b.01", "b.02", "c.01", "base.01", "odd"]),
        st.integers(0, 12),
        side=st.sampled_from([BUY, SELL]),
        con_id=st.sampled_from([CON, OTHER_CON]),
    ),
    st.builds(
        commissioned,
        st.sampled_from(["a.01", "a.02", "b.01", "base.01", "never.01"]),
        st.integers(0, 3),
    ),
    st.builds(a_foreign, st.integers(555, 556), st.integers(1, 2)),
    st.builds(ev.ForeignOrderGone, st.integers(555, 556).map(PermId)),
)
OTHERS = st.one_of(
    st.builds(ev.CancelSent, st.just(ONE), st.just("test")),
    st.builds(ev.OrderUnanswered, st.just(ONE), st.just("silence")),
    st.builds(ev.OrderAbsentSeen, st.just(ONE), st.just(RUN)),
    st.builds(an_error, st.sampled_from(list(ev.Evidence))),
)


@given(st.lists(FACTS | OTHERS, max_size=15), FACTS)
def test_a_fact_is_news_exactly_when_applying_it_changes_something(
    before: list[ev.Event], fact: ev.Event
) -> None:
    """INC-034: what is not news is not journalled, so the book must not depend on it."""
    book = Book()
    record(book, ev.AccountBaselined(an_execution().account, (), (), ("base",), "test"))
    send_order(book, order_id=1)
    send_order(book, order_id=2)
    for event in before:
        record(book, event)
    was = content(book)
    is_news = book.is_news(fact)
    record(book, fact)
    assert (content(book) != was) == is_news
    assert not book.is_news(fact)


@given(st.lists(FACTS, max_size=15))
def test_facts_told_twice_give_the_book_of_facts_told_once(facts: list[ev.Event]) -> None:
    once, twice = a_book(), a_book()
    for book in (once, twice):
        send_order(book)
    for fact in facts:
        note(once, fact)
        note(twice, fact)
        note(twice, fact)
    assert content(once) == content(twice)


def test_everything_that_is_no_repeatable_fact_is_news() -> None:
    book = a_book()
    for event in (
        ev.OrderSent(ONE),
        ev.HaltRaised(HaltCause.OPERATOR, "x", "op"),
        reviewed(an_intent()),
    ):
        assert book.is_news(event)


@given(st.lists(FACTS | OTHERS, max_size=25))
def test_position_and_cash_are_what_the_newest_executions_and_commissions_add_up_to(
    events: list[ev.Event],
) -> None:
    book = a_book()
    send_order(book)
    for event in events:
        record(book, event)
    newest = [fill.execution for fill in book.fills.values()]
    paid = sum(
        (row.amount for family, row in book.commissions.items() if family in book.fills),
        start=Decimal(0),
    )
    traded = sum((row.cash_change for row in newest), start=Decimal(0))
    assert book.cash["USD"] == 100_000 + traded - paid
    for con_id in (CON, OTHER_CON):
        held = sum(row.signed_quantity for row in newest if row.con_id == con_id)
        assert book.position_of(con_id) == held
