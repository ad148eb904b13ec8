"""Brackets in the views: which orders belong together, and legs that the broker made smaller."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.store.shelf import Shelf, assert_views_say_what_the_book_says, execution
from tests.unit.store.support import order_planned
from trader.core import events as ev
from trader.core.brackets import memberships
from trader.core.ids import ClientId, ConId, IntentId, OrderId, PermId, order_ref
from trader.core.intents import Intent, Side
from trader.core.orders import OrderState

D = Decimal
ENTRY, PROFIT, STOP = IDS = OrderId(1), OrderId(2), OrderId(3)


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    made = Shelf()
    with closing(made.db):
        yield made


def plan(shelf: Shelf) -> None:
    """Promise and send a bracket of ten."""
    for key, place in zip(IDS, memberships(IDS, "abc123-momentum-1"), strict=True):
        name = IntentId(f"abc123-momentum-{key}")
        side = Side.SELL if place.is_leg else Side.BUY
        terms = replace(
            order_planned().terms,
            intent_id=name, con_id=ConId(5), side=side, quantity=D(10), bracket=place,
        )  # fmt: skip
        intent = Intent(
            name, terms.strategy, terms.con_id, side, D(10),
            terms.order_type, terms.time_in_force,
        )  # fmt: skip
        shelf.record(ev.IntentReviewed(intent, "d", True, "", "", ()))
        shelf.record(ev.OrderPlanned(key, ClientId(7), order_ref(terms.intent_id), terms))
    for key in IDS:
        shelf.record(ev.OrderSent(key))
        say(shelf, key, "PreSubmitted", 0)


def say(shelf: Shelf, key: OrderId, status: str, filled: int) -> None:
    shelf.record(
        ev.OrderStatusSeen(key, ClientId(7), PermId(900 + key), status, D(filled), D(0), "")
    )


def fill(shelf: Shelf, key: OrderId, quantity: int, number: int) -> None:
    terms = shelf.book.orders[key].terms
    row = execution(
        number, quantity=str(quantity), order_id=key, client_id=ClientId(7), side=terms.side,
        perm_id=PermId(900 + key), order_ref=order_ref(terms.intent_id),
    )  # fmt: skip
    shelf.record(ev.ExecutionSeen(row))


def states(shelf: Shelf) -> dict[int, str]:
    return {row["order_id"]: row["state"] for row in shelf.rows("v_orders")}


def test_every_order_of_a_bracket_names_all_three(shelf: Shelf) -> None:
    plan(shelf)
    rows = shelf.rows("v_brackets")
    assert [(row["order_id"], row["role"]) for row in rows] == [
        (1, "entry"),
        (2, "take_profit"),
        (3, "stop_loss"),
    ]
    for row in rows:
        ids = row["entry_id"], row["take_profit_id"], row["stop_loss_id"]
        assert ids == IDS
        assert row["oca_group"] == "abc123-momentum-1"


def test_an_order_by_itself_is_in_none(shelf: Shelf) -> None:
    shelf.plan(1, D(3), 5, Side.BUY)
    assert shelf.rows("v_brackets") == []


@pytest.mark.parametrize("is_told_first", [False, True])
def test_a_leg_that_was_made_smaller_is_filled_by_less(shelf: Shelf, is_told_first: bool) -> None:
    plan(shelf)
    fill(shelf, ENTRY, 10, 1)
    fill(shelf, PROFIT, 4, 2)
    if is_told_first:
        say(shelf, STOP, "Filled", 6)
    fill(shelf, STOP, 6, 3)
    if not is_told_first:
        assert states(shelf)[STOP] == "WORKING"
        say(shelf, STOP, "Filled", 6)
    assert shelf.book.orders[STOP].state is OrderState.FILLED
    assert states(shelf) == {ENTRY: "FILLED", PROFIT: "WORKING", STOP: "FILLED"}
    assert_views_say_what_the_book_says(shelf)


def test_an_entry_of_which_less_filled_is_not_filled(shelf: Shelf) -> None:
    plan(shelf)
    fill(shelf, ENTRY, 4, 1)
    say(shelf, ENTRY, "Filled", 4)
    assert states(shelf)[ENTRY] == "WORKING"
    assert_views_say_what_the_book_says(shelf)


def change(shelf: Shelf, key: OrderId, stop_price: Decimal) -> None:
    """Ask for another price, unless a change is open."""
    order = shelf.book.orders[key]
    if order.open_change is None:
        number = 1 if order.change is None else order.change.number + 1
        terms = replace(order.terms.changeable, stop_price=stop_price)
        shelf.record(ev.ModifyPlanned(key, number, terms, "wanted"))
        shelf.record(ev.ModifySent(key, number))


def echo(shelf: Shelf, key: OrderId, quantity: int, *, is_old: bool = False) -> None:
    """Show the terms of the last change, or those of before it, at some size."""
    order = shelf.book.orders[key]
    terms = order.terms
    held = terms.changeable
    if order.change is not None:
        held = order.change.was if is_old else order.change.terms
    shelf.record(
        ev.OpenOrderSeen(
            key, ClientId(7), PermId(900 + key), order.order_ref, terms.account, terms.con_id,
            terms.symbol, terms.side, D(quantity), str(terms.order_type), held.limit_price,
            "Submitted", stop_price=held.stop_price,
        )
    )  # fmt: skip


@pytest.mark.parametrize("size", [10, 4])
def test_a_change_of_a_leg_is_shown_at_the_size_that_the_broker_has_made_of_it(
    shelf: Shelf, size: int
) -> None:
    plan(shelf)
    change(shelf, STOP, D(96))
    fill(shelf, ENTRY, 4, 1)
    echo(shelf, STOP, size)
    order = shelf.book.orders[STOP]
    assert order.open_change is None
    assert order.terms.stop_price == 96
    assert order.terms.quantity == 10
    assert_views_say_what_the_book_says(shelf)
    echo(shelf, STOP, size, is_old=True)
    assert shelf.book.orders[STOP].open_change is not None
    assert_views_say_what_the_book_says(shelf)


def test_a_change_of_an_entry_is_shown_at_its_size_alone(shelf: Shelf) -> None:
    plan(shelf)
    change(shelf, ENTRY, D(96))
    echo(shelf, ENTRY, 4)
    assert shelf.book.orders[ENTRY].open_change is not None
    assert_views_say_what_the_book_says(shelf)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(IDS),
        st.sampled_from(["fill", "Filled", "Cancelled", "Submitted", "change", "echo", "old"]),
        st.integers(1, 10),
    ),
    max_size=12,
)


@given(STEPS)
def test_views_and_book_agree_whatever_is_said(steps: list[tuple[OrderId, str, int]]) -> None:
    made = Shelf()
    with closing(made.db):
        plan(made)
        for number, (key, what, quantity) in enumerate(steps, start=1):
            if what == "fill":
                fill(made, key, quantity, number)
            elif what == "change":
                change(made, key, D(90 + number))
            elif what in ("echo", "old"):
                echo(made, key, quantity, is_old=what == "old")
            else:
                say(made, key, what, quantity if what == "Filled" else 0)
        assert_views_say_what_the_book_says(made)
