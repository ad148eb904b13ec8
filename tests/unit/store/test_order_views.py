"""The views of orders and their changes: whatever was recorded, they say what the book says."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.store.shelf import (
    CLIENT,
    Shelf,
    assert_orders_are_what_the_book_says,
    assert_views_say_what_the_book_says,
    decimal,
    execution,
)
from tests.unit.store.support import START, order_planned
from trader.core import events as ev
from trader.core.changes import CHANGES, ChangeEvent, ChangeState, ChangeTerms
from trader.core.ids import (
    AccountId,
    ConId,
    IntentId,
    OrderId,
    OrderRef,
    PermId,
    RunId,
    Seq,
    order_ref,
)
from trader.core.intents import Side
from trader.core.orders import OrderState
from trader.store.rows import row_of
from trader.store.schema import LATEST, MIGRATIONS, upgrade_from

D = Decimal
ONE = OrderId(1)
# The limit that every order here is promised at.
PROMISED = "187.25"
FIRST, SECOND = "10.00", "10.25"


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    one = Shelf()
    with closing(one.db):
        yield one


def terms(quantity: str, limit: str | None = None, stop: str | None = None) -> ChangeTerms:
    return ChangeTerms(D(quantity), decimal(limit), decimal(stop), D(20))


def planned(number: int = 1, quantity: str = "5", limit: str | None = None) -> ev.ModifyPlanned:
    return ev.ModifyPlanned(ONE, number, terms(quantity, limit), "wanted")


def echo(
    quantity: str, limit: str | None = None, stop: str | None = None, number: int = 1
) -> ev.OpenOrderSeen:
    return ev.OpenOrderSeen(
        OrderId(number), CLIENT, PermId(900 + number),
        order_ref(IntentId(f"abc123-momentum-{number}")), AccountId("DU1"), ConId(5), "AAPL",
        Side.BUY, D(quantity), "LMT", decimal(limit), "Submitted", stop_price=decimal(stop),
    )  # fmt: skip


def said(status: str, filled: str = "0") -> ev.OrderStatusSeen:
    return ev.OrderStatusSeen(ONE, CLIENT, PermId(901), status, D(filled), D(0), "")


def row_of_one(shelf: Shelf) -> dict[str, Any]:
    (row,) = shelf.rows("v_orders")
    return row


SENT = ev.ModifySent(ONE, 1)
UNANSWERED = ev.ModifyUnanswered(ONE, 1, "late")
WITHHELD = ev.ModifyWithheld(ONE, 1, "halted")
REFUSED = ev.OrderErrorSeen(ONE, 110, "no", ev.Evidence.REJECTS_NEW)
SHOWN, OLD = echo("5"), echo("3", PROMISED)
WAYS: dict[ChangeState, tuple[ev.Event, ...]] = {
    ChangeState.PLANNED: (),
    ChangeState.SENT: (SENT,),
    ChangeState.UNCERTAIN: (SENT, UNANSWERED),
    ChangeState.APPLIED: (SENT, SHOWN),
    ChangeState.DROPPED: (WITHHELD,),
}
HAPPENS: dict[ChangeEvent, ev.Event] = {
    ChangeEvent.SENT: SENT,
    ChangeEvent.WITHHELD: WITHHELD,
    ChangeEvent.UNANSWERED: UNANSWERED,
    ChangeEvent.SHOWN: SHOWN,
    ChangeEvent.REVERTED: OLD,
    ChangeEvent.REFUSED: REFUSED,
    ChangeEvent.REFUTED: ev.ModifyRefuted(ONE, 1, RunId("r2")),
}


def working(shelf: Shelf, quantity: str = "3") -> None:
    shelf.plan(1, D(quantity), 5, Side.BUY)
    shelf.record(ev.OrderSent(ONE))
    shelf.record(said("Submitted"))


@pytest.mark.parametrize("event", ChangeEvent)
@pytest.mark.parametrize("state", ChangeState)
def test_each_move_of_a_change_and_each_refused_one_is_in_the_view(
    shelf: Shelf, state: ChangeState, event: ChangeEvent
) -> None:
    """Lead a change into the state, then let the event happen; the book is the judge."""
    working(shelf)
    for step in (planned(), *WAYS[state]):
        shelf.record(step)
    order = shelf.book.orders[ONE]
    assert order.change is not None
    assert order.change.state is state
    shelf.record(HAPPENS[event])
    after = shelf.book.orders[ONE].change
    assert after is not None
    # An error of no open change is the order's, and an echo of no known terms is nobody's.
    assert after.state is CHANGES.get((state, event), state)
    assert row_of_one(shelf)["change_state"] == str(after.state)
    assert_views_say_what_the_book_says(shelf)


def test_a_promised_change_stands_beside_the_terms_that_hold(shelf: Shelf) -> None:
    working(shelf)
    shelf.record(ev.ModifyPlanned(ONE, 1, terms("5", SECOND, FIRST), "more"))
    row = row_of_one(shelf)
    assert (row["quantity"], row["change_number"], row["change_state"]) == ("3", 1, "PLANNED")
    desired = (row["desired_quantity"], row["desired_limit_price"], row["desired_stop_price"])
    assert desired == ("5", SECOND, FIRST)
    (change,) = shelf.rows("v_changes")
    assert (change["reason"], change["state"], change["quantity"]) == ("more", "PLANNED", "5")


def test_a_confirmed_change_is_what_the_order_says_and_the_promise_stays(shelf: Shelf) -> None:
    working(shelf)
    for step in (planned(1, "5", SECOND), SENT, echo("5.0", "10.250")):
        shelf.record(step)
    row = row_of_one(shelf)
    # The text is that of the promise; 10.250 is the same number.
    assert (row["quantity"], row["limit_price"]) == ("5", SECOND)
    assert (row["change_state"], row["desired_quantity"]) == ("APPLIED", None)
    assert [one["quantity"] for one in shelf.rows("v_orders_planned")] == ["3"]


def test_a_refused_change_leaves_the_terms_and_the_order_as_they_were(shelf: Shelf) -> None:
    """INC-015."""
    working(shelf)
    for step in (planned(), SENT, REFUSED):
        shelf.record(step)
    row = row_of_one(shelf)
    assert (row["state"], row["quantity"], row["change_state"]) == ("WORKING", "3", "DROPPED")
    assert row["desired_quantity"] is None
    # Without an open change the same code is the broker's end of an order that it holds back.
    shelf.record(said("Inactive"))
    shelf.record(REFUSED)
    assert row_of_one(shelf)["state"] == "REJECTED"


def test_each_change_of_an_order_has_a_row_with_its_own_end(shelf: Shelf) -> None:
    working(shelf)
    for step in (
        planned(), WITHHELD,
        planned(2, "6"), ev.ModifySent(ONE, 2), echo("6"),
        planned(3, "7"), ev.ModifySent(ONE, 3),
    ):  # fmt: skip
        shelf.record(step)
    found = [(row["number"], row["quantity"], row["state"]) for row in shelf.rows("v_changes")]
    assert found == [(1, "5", "DROPPED"), (2, "6", "APPLIED"), (3, "7", "SENT")]
    assert row_of_one(shelf)["quantity"] == "6"


@pytest.mark.parametrize(
    ("after", "state"),
    [
        # While the broker may hold five, three are not all of it.
        ((SENT,), OrderState.WORKING),
        ((SENT, REFUSED), OrderState.FILLED),
        ((SENT, said("Filled", "3")), OrderState.FILLED),
        ((SENT, SHOWN), OrderState.WORKING),
        ((WITHHELD,), OrderState.FILLED),
    ],
)
def test_an_order_is_filled_once_all_that_the_broker_may_hold_is(
    shelf: Shelf, after: tuple[ev.Event, ...], state: OrderState
) -> None:
    working(shelf)
    for step in (planned(), *after[:1], ev.ExecutionSeen(execution(1)), *after[1:]):
        shelf.record(step)
    assert row_of_one(shelf)["state"] == str(state)
    assert_views_say_what_the_book_says(shelf)


def test_a_fill_beyond_the_old_quantity_proves_the_new_one(shelf: Shelf) -> None:
    working(shelf)
    for step in (planned(), SENT, UNANSWERED, ev.ExecutionSeen(execution(1, quantity="4"))):
        shelf.record(step)
    row = row_of_one(shelf)
    assert (row["state"], row["quantity"], row["change_state"]) == ("WORKING", "5", "APPLIED")
    assert_views_say_what_the_book_says(shelf)


@pytest.mark.parametrize("is_word_last", [True, False])
@pytest.mark.parametrize("before", [(SENT,), (SENT, UNANSWERED), (UNANSWERED,), (SENT, REFUSED)])
def test_a_broker_that_says_filled_has_taken_the_change_that_made_the_order_smaller(
    shelf: Shelf, before: tuple[ev.Event, ...], is_word_last: bool
) -> None:
    """A kill between a change and its answer left the order at work in the view for ever."""
    working(shelf)
    fill, word = ev.ExecutionSeen(execution(1, quantity="2")), said("Filled", "2")
    told = (fill, word) if is_word_last else (word, fill)
    for step in (planned(1, "2", SECOND), *before, *told):
        shelf.record(step)
    row = row_of_one(shelf)
    assert (row["state"], row["quantity"], row["change_state"]) == ("FILLED", "2", "APPLIED")
    assert_views_say_what_the_book_says(shelf)


# ---- whatever happens

ORDER = st.integers(1, 2)
QUANTITY = st.sampled_from(["1", "3", "3.0", "5", "0.7"])
LIMIT = st.sampled_from([None, PROMISED, FIRST, "10.0"])
STATUS = st.sampled_from(["Submitted", "Inactive", "Filled", "Cancelled", ""])
Fact = Callable[[Shelf], ev.Event | None]


def next_change(number: int, wanted: ChangeTerms) -> Fact:
    """Promise a change, where none is open, as the fold demands it of the daemon."""

    def fact(shelf: Shelf) -> ev.Event | None:
        change = shelf.book.orders[OrderId(number)].change
        if change is not None and change.is_open:
            return None
        return ev.ModifyPlanned(OrderId(number), 1 if change is None else change.number + 1,
                                wanted, "r")  # fmt: skip

    return fact


def always(event: ev.Event) -> Fact:
    return lambda _: event


def step_of(kind: type, number: int, change: int) -> Fact:
    more = {ev.ModifySent: (), ev.ModifyRefuted: (RunId("r"),)}.get(kind, ("r",))
    return always(kind(OrderId(number), change, *more))


def facts() -> st.SearchStrategy[Fact]:
    steps = (ev.ModifySent, ev.ModifyWithheld, ev.ModifyUnanswered, ev.ModifyRefuted)
    change = st.integers(1, 3)
    wanted = st.builds(terms, QUANTITY, LIMIT)
    return st.one_of(
        st.builds(next_change, ORDER, wanted),
        st.builds(step_of, st.just(ev.ModifySent), ORDER, change),
        st.builds(step_of, st.sampled_from(steps), ORDER, change),
        st.builds(lambda q, p, n: always(echo(q, p, None, n)), QUANTITY, LIMIT, ORDER),
        st.builds(lambda status, q: always(said(status, q)), STATUS, QUANTITY),
        st.builds(
            lambda n, evidence: always(ev.OrderErrorSeen(OrderId(n), 1, "t", evidence)),
            ORDER, st.sampled_from(ev.Evidence),
        ),
        st.builds(
            lambda family, revision, q, n: always(
                ev.ExecutionSeen(
                    execution(
                        family, revision, q, order_id=OrderId(n), perm_id=PermId(900 + n),
                        order_ref=OrderRef(""),
                    )
                )
            ),
            st.integers(1, 3), st.integers(1, 2), QUANTITY, ORDER,
        ),
        st.builds(lambda n: always(ev.OrderUnanswered(OrderId(n), "r")), ORDER),
        st.builds(lambda n: always(ev.CancelSent(OrderId(n), "r")), ORDER),
    )  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(happened=st.lists(facts(), max_size=25))
def test_whatever_becomes_of_changes_the_views_say_what_the_book_says(
    happened: list[Fact],
) -> None:
    shelf = Shelf()
    with closing(shelf.db):
        working(shelf)
        shelf.plan(2, D("5"), 5, Side.BUY)
        shelf.record(ev.OrderSent(OrderId(2)))
        for fact in happened:
            event = fact(shelf)
            if event is not None and shelf.book.is_news(event):
                shelf.record(event)
        assert_orders_are_what_the_book_says(shelf)
        changes = {(row["order_id"], row["number"]) for row in shelf.rows("v_changes")}
        last = {
            (order.order_id, order.change.number)
            for order in shelf.book.orders.values()
            if order.change
        }
        assert last <= changes


def test_a_journal_of_the_second_version_tells_changes_after_the_upgrade() -> None:
    """Its rows stay; what was recorded before the upgrade is told by the new views too."""
    db = sqlite3.connect(":memory:", isolation_level=None)
    with closing(db):
        for _, statements in MIGRATIONS[:2]:
            for statement in statements:
                db.execute(statement)
        opened = order_planned(1)
        told = echo("7", "9.5")
        events: tuple[ev.Event, ...] = (
            opened, ev.OrderSent(ONE), planned(1, "7", "9.5"), SENT,
            ev.OpenOrderSeen(
                ONE, opened.client_id, PermId(901), OrderRef(""), AccountId("DU1"), ConId(5),
                "AAPL", Side.BUY, told.quantity, "LMT", told.limit_price, "Submitted",
            ),
        )  # fmt: skip
        rows = [row_of(ev.Recorded(Seq(seq), START, event)) for seq, event in enumerate(events, 1)]
        db.executemany("INSERT INTO events VALUES (?,?,?,?,?)", rows)
        ((before,),) = db.execute("SELECT quantity FROM v_orders").fetchall()
        for statement in upgrade_from(2):
            db.execute(statement)
        assert before == str(opened.terms.quantity)
        written = db.execute("SELECT seq, at_us, kind, version, payload FROM events")
        assert written.fetchall() == rows
        assert db.execute("PRAGMA user_version").fetchone() == (LATEST,)
        found = db.execute("SELECT quantity, limit_price, state, change_state FROM v_orders")
        assert found.fetchall() == [("7", "9.5", "WORKING", "APPLIED")]
