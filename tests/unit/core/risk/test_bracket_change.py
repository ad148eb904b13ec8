"""Changes within a bracket: of prices alone, and never so that the three no longer fit."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.core.factories import (
    CON,
    OTHER_CON,
    SELL,
    a_book,
    a_bracket,
    a_quote,
    a_status,
    an_instrument,
    an_intent,
    at,
    fill,
    given,
    record,
    work_bracket,
    work_order,
)
from tests.unit.core.policies import a_policy
from trader.core import events as ev
from trader.core.book import Book
from trader.core.changes import ChangeTerms
from trader.core.ids import OrderId
from trader.core.intents import BracketTerms, OrderType
from trader.core.risk import Approved, Refused, RiskInput
from trader.core.risk.bracket_change import (
    bracket_terms,
    distance_check,
    entry_as_changed,
    entry_of,
    why_fixed,
)
from trader.core.risk.case import Case
from trader.core.risk.change import Revision, refusal_by_now, review_change, revised
from trader.core.tapes import Act, ActKind

D = Decimal
ENTRY, PROFIT, STOP = OrderId(1), OrderId(2), OrderId(3)


def a_working_book(filled: int = 0, **changes: Any) -> Book:
    book = a_book(cash=10**6)
    work_bracket(book, a_bracket(**changes))
    if filled:
        fill(book, ENTRY, filled)
    return book


def asked(book: Book, order_id: OrderId, revision: Revision, **changes: Any) -> object:
    verdict = review_change(book.orders[order_id], revision, given(book, **changes))
    return verdict.code if isinstance(verdict, Refused) else verdict


def approved(book: Book, order_id: OrderId, revision: Revision, **changes: Any) -> Approved:
    verdict = asked(book, order_id, revision, **changes)
    assert isinstance(verdict, Approved), verdict
    return verdict


def fixed(book: Book, order_id: OrderId, quantity: Decimal | None = None) -> object:
    found = why_fixed(book, book.orders[order_id], quantity)
    return None if found is None else found[0]


# ---- what may be changed at all


def test_an_order_by_itself_is_not_fixed() -> None:
    book = a_book()
    work_order(book, an_intent())
    order = book.orders[OrderId(1)]
    assert why_fixed(book, order, D(5)) is None
    assert bracket_terms(book, order) is None
    assert entry_of(book, order) is None
    assert entry_as_changed(book, order, an_intent()) is None


@pytest.mark.parametrize("order_id", [ENTRY, PROFIT, STOP])
def test_the_size_is_that_of_all_three(order_id: OrderId) -> None:
    book = a_working_book()
    assert fixed(book, order_id) is None
    assert why_fixed(book, book.orders[order_id], D(5)) == (
        "CHANGE_INVALID",
        "quantity 5: the size of a bracket is that of its three orders",
    )


@pytest.mark.parametrize(("filled", "code"), [(0, None), (4, "CHANGE_INVALID"), (10, None)])
def test_a_leg_is_changed_at_its_whole_size_only(filled: int, code: str | None) -> None:
    book = a_working_book(filled)
    assert fixed(book, STOP) == fixed(book, PROFIT) == code
    assert fixed(book, ENTRY) is None, "of an entry what is left is changed"
    if code:
        assert why_fixed(book, book.orders[STOP], None) == (
            code,
            "order 3: a part of its bracket has filled",
        )


@pytest.mark.parametrize("leg", [PROFIT, STOP])
def test_once_a_leg_has_filled_in_part_both_are_fixed(leg: OrderId) -> None:
    book = a_working_book(10)
    fill(book, leg, 3)
    assert fixed(book, STOP) == fixed(book, PROFIT) == "CHANGE_INVALID"


def test_an_entry_that_ended_in_part_fixes_its_legs() -> None:
    book = a_working_book(4)
    record(book, a_status(ENTRY, "Cancelled"))
    assert fixed(book, STOP) == "CHANGE_INVALID"
    book = a_working_book()
    record(book, a_status(ENTRY, "Cancelled"))
    assert fixed(book, STOP) == "CHANGE_INVALID", "its legs end with it"


def test_an_entry_that_is_let_go_was_whole() -> None:
    book = a_working_book(10)
    del book.orders[ENTRY]
    assert fixed(book, STOP) is None


def test_one_member_is_changed_at_a_time() -> None:
    book = a_working_book(10)
    terms = ChangeTerms(D(10), None, D(96), D(100))
    record(book, ev.ModifyPlanned(STOP, 1, terms, "test"))
    assert why_fixed(book, book.orders[PROFIT], None) == (
        "CHANGE_OPEN",
        "order 3 of the same bracket is being changed",
    )
    assert fixed(book, STOP) is None, "its own is the amender's to see"
    record(book, ev.ModifyWithheld(STOP, 1, "test"))
    assert fixed(book, PROFIT) is None


# ---- what belongs to what


def test_an_entry_knows_where_its_legs_are() -> None:
    book = a_working_book()
    assert bracket_terms(book, book.orders[ENTRY]) == BracketTerms(D(110), D(95))
    assert bracket_terms(book, book.orders[STOP]) is None
    del book.orders[PROFIT]
    assert bracket_terms(book, book.orders[ENTRY]) is None
    book = a_working_book()
    del book.orders[STOP]
    assert bracket_terms(book, book.orders[ENTRY]) is None


def test_a_leg_knows_its_entry_while_that_may_fill() -> None:
    book = a_working_book()
    assert entry_of(book, book.orders[STOP]) is book.orders[ENTRY]
    assert entry_of(book, book.orders[ENTRY]) is None
    fill(book, ENTRY, 10)
    assert entry_of(book, book.orders[STOP]) is None
    assert entry_as_changed(book, book.orders[STOP], an_intent()) is None


def test_the_entry_of_a_changed_leg_is_as_promised_with_the_leg_as_changed() -> None:
    book = a_working_book()
    entry = a_bracket()
    moved = revised(book.orders[STOP], Revision(stop_price=D(96)))
    found = entry_as_changed(book, book.orders[STOP], moved)
    assert found == replace(entry, bracket=BracketTerms(D(110), D(96)))
    moved = revised(book.orders[PROFIT], Revision(limit_price=D(111)))
    found = entry_as_changed(book, book.orders[PROFIT], moved)
    assert found == replace(entry, bracket=BracketTerms(D(111), D(95)))
    stop_entry = a_bracket(order_type=OrderType.STOP, limit_price=None, stop_price=D(101))
    book = a_book()
    work_bracket(book, stop_entry)
    found = entry_as_changed(book, book.orders[STOP], revised(book.orders[STOP], Revision()))
    assert found == stop_entry


# ---- the review of a leg


def test_a_leg_that_waits_is_reviewed_with_nothing_held() -> None:
    book = a_working_book()
    verdict = approved(book, STOP, Revision(stop_price=D(96)))
    assert verdict.intent.stop_price == 96
    assert verdict.intent.quantity == 10
    assert [row.code for row in verdict.checks][-6:] == [
        "BRACKET_ENTRY", "BRACKET_FORM", "BRACKET_PRICE",
        "BRACKET_OFF_TICK", "BRACKET_SIDES", "BRACKET_DISTANCE",
    ]  # fmt: skip
    told = {row.code for row in verdict.checks}
    assert {"INTENT_ID_INVALID", "INSTRUMENT_UNKNOWN", "SIDE_UNKNOWN", "MESSAGE_RATE"} <= told
    assert "MESSAGE_RATE_STRATEGY" in told
    assert not told & {"REDUCE_ONLY", "PRICE_COLLAR", "ORDER_RATE", "WHAT_IF"}


@pytest.mark.parametrize(
    ("order_id", "revision"),
    [(STOP, Revision(stop_price=D(100))), (PROFIT, Revision(limit_price=D(100)))],
)
def test_a_leg_that_waits_stays_on_its_side(order_id: OrderId, revision: Revision) -> None:
    assert asked(a_working_book(), order_id, revision) == "BRACKET_SIDES"
    assert isinstance(asked(a_working_book(10), order_id, revision), Approved), "an exit by now"


def test_a_leg_is_on_the_grid_and_of_a_plausible_price() -> None:
    for filled in (0, 10):
        book = a_working_book(filled)
        assert asked(book, STOP, Revision(stop_price=D("96.005"))) == "PRICE_OFF_TICK"
        assert asked(book, STOP, Revision(stop_price=D("49.99"))) == "BRACKET_DISTANCE"
        assert asked(book, PROFIT, Revision(limit_price=D("150.01"))) == "BRACKET_DISTANCE"
        assert isinstance(asked(book, PROFIT, Revision(limit_price=D(150))), Approved)


def test_the_distance_is_from_the_middle() -> None:
    book = a_working_book(10)
    quote = a_quote(bid=D(80), ask=D(82))
    intent = revised(book.orders[PROFIT], Revision())
    row = distance_check(Case(intent, given(book, quote=quote)))
    assert (row.code, row.value, row.passed) == ("BRACKET_DISTANCE", "0.35802", True)
    assert row.limit == "at most 0.5 of the price away"
    intent = revised(book.orders[STOP], Revision(stop_price=D(40)))
    row = distance_check(Case(intent, given(book, quote=quote)))
    assert (row.value, row.passed) == ("0.50617", False)
    assert distance_check(
        Case(revised(book.orders[STOP], Revision(stop_price=D("40.5"))), given(book, quote=quote))
    ).passed


def test_a_leg_of_an_instrument_in_dispute_stays() -> None:
    book = a_working_book(10)
    ticket = ev.TicketOpened("t", "position", CON, "text", "run")  # type: ignore[arg-type]
    record(book, ticket)
    assert asked(book, STOP, Revision(stop_price=D(96))) == "QUARANTINED"
    assert asked(book, STOP, Revision(stop_price=D(96)), instrument=None) == "QUARANTINED"


def test_a_leg_uses_the_messages_and_not_the_orders_of_the_window() -> None:
    book = a_working_book(10)
    policy = a_policy(rate__messages_max=5, rate__orders_max=1, rate__messages_per_strategy_max=50)
    strategy = book.orders[STOP].terms.strategy
    assert isinstance(asked(book, STOP, Revision(stop_price=D(96)), policy=policy), Approved)
    for number in range(10):
        book.acts.add(Act(at(0), ActKind.CANCEL, strategy, OTHER_CON, OrderId(50 + number), SELL))
    assert asked(book, STOP, Revision(stop_price=D(96)), policy=policy) == "MESSAGE_RATE"


def test_what_a_leg_may_cost_never_falls() -> None:
    book = a_book(cash=10**6)
    entry = a_bracket(side=SELL, bracket=BracketTerms(D(90), D(105)))
    work_bracket(book, entry)
    fill(book, ENTRY, 10)
    two = an_instrument(multiplier=D(2))
    before = book.orders[STOP].terms.reserve_per_unit
    policy = a_policy(price__collar_fraction_max=D("0.5"))
    up = approved(book, STOP, Revision(stop_price=D(120)), instrument=two, policy=policy)
    assert up.reserve_per_unit == D(120) * D("1.5") * 2
    record(book, ev.ModifyPlanned(STOP, 1, ChangeTerms(D(10), None, D(120), before * 9), ""))
    record(book, ev.ModifySent(STOP, 1))
    order = replace(
        book.orders[STOP], terms=replace(book.orders[STOP].terms, reserve_per_unit=D(10**6))
    )
    verdict = review_change(order, Revision(stop_price=D(101)), given(book))
    assert isinstance(verdict, Approved)
    assert verdict.reserve_per_unit == 10**6
    blind = review_change(order, Revision(stop_price=D(101)), given(book, quote=None))
    assert isinstance(blind, Refused)


# ---- the review of an entry


@pytest.mark.parametrize(
    ("limit", "code"), [(D(96), None), (D("95.01"), None), (D(95), "BRACKET_SIDES")]
)
def test_an_entry_moves_between_its_legs(limit: Decimal, code: str | None) -> None:
    """Down is less of a buy; its legs are asked all the same."""
    found = asked(a_working_book(), ENTRY, Revision(limit_price=limit))
    assert (found if code else isinstance(found, Approved)) == (code or True)


def test_an_entry_moved_up_is_reviewed_as_new_risk_and_with_its_legs() -> None:
    verdict = approved(a_working_book(), ENTRY, Revision(limit_price=D(101)))
    told = {row.code for row in verdict.checks}
    assert {"CASH_RESERVE", "BRACKET_SIDES"} <= told
    assert verdict.intent.bracket == BracketTerms(D(110), D(95))
    policy = a_policy(price__collar_fraction_max=D("0.5"), price__slippage_fraction_max=D("0.5"))
    found = asked(a_working_book(), ENTRY, Revision(limit_price=D(110)), policy=policy)
    assert found == "BRACKET_SIDES"


def test_an_order_by_itself_is_changed_as_ever() -> None:
    book = a_book()
    work_order(book, an_intent())
    verdict = approved(book, OrderId(1), Revision(limit_price=D(101)))
    assert not [row.code for row in verdict.checks if row.code.startswith("BRACKET")]
    assert verdict.intent.bracket is None


# ---- once more before it leaves


def by_now(book: Book, order_id: OrderId, intent: Any, **changes: Any) -> str | None:
    sound: RiskInput = given(book, **changes)
    return refusal_by_now(book.orders[order_id], intent, sound)


def test_a_promised_entry_is_not_stopped_by_its_own_legs() -> None:
    """Its profit rests within a market order's reach: that is no trade with an own order."""
    entry = a_bracket(
        order_type=OrderType.MARKET, limit_price=None, bracket=BracketTerms(D(101), D(95))
    )
    book = a_book()
    work_bracket(book, entry)
    assert by_now(book, ENTRY, entry) is None


def test_a_promised_bracket_is_refused_once_the_market_has_passed_a_leg() -> None:
    entry = a_bracket(order_type=OrderType.MARKET, limit_price=None)
    book = a_book()
    work_bracket(book, entry)
    gone = a_quote(bid=D("94.9"), ask=D(95))
    assert str(by_now(book, ENTRY, entry, quote=gone)).startswith("BRACKET_SIDES")
    alone = replace(entry, bracket=None)
    assert by_now(book, ENTRY, alone, quote=gone) is None


def test_what_works_of_others_counts_beside_a_bracket() -> None:
    book = a_working_book()
    work_order(book, an_intent(9, side=SELL, limit_price=D("100.5")), order_id=9)
    entry = a_bracket(order_type=OrderType.MARKET, limit_price=None)
    assert str(by_now(book, ENTRY, entry)).startswith("WASH_TRADE")


def test_a_member_that_is_let_go_is_not_looked_for() -> None:
    book = a_working_book(10)
    del book.orders[ENTRY]
    assert isinstance(asked(book, STOP, Revision(stop_price=D(96))), Approved)
