"""Positions as they become: everything that may still fill counts, the same for long and short."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given as given_any
from hypothesis import strategies as st

from tests.unit.core.factories import (
    BUY,
    CLIENT,
    CON,
    OTHER_CON,
    SELL,
    a_book,
    a_status,
    an_execution,
    an_id,
    an_intent,
    at,
    given,
    plan_order,
    record,
    work_order,
)
from tests.unit.core.policies import a_policy
from tests.unit.core.risk.cases import EXIT, READING, SALE, asked_of, failures, under
from trader.core import events as ev
from trader.core.ids import OrderId, PermId, order_ref
from trader.core.intents import Intent, Side
from trader.core.policy import AccountType
from trader.core.risk import Approved, Refused, review
from trader.core.risk.position import CHECKS

D = Decimal


@pytest.mark.parametrize(
    "events",
    [
        (),
        (ev.OrderSent(OrderId(1)),),
        (ev.OrderSent(OrderId(1)), a_status()),
        (ev.OrderSent(OrderId(1)), a_status(status="Inactive")),
        (ev.OrderSent(OrderId(1)), a_status(), ev.CancelSent(OrderId(1), "x")),
        (ev.OrderUnanswered(OrderId(1), "x"),),
    ],
)
def test_an_order_counts_as_if_it_filled_from_its_promise_until_it_is_settled(
    events: tuple[ev.Event, ...],
) -> None:
    """INC-024, INC-037, INC-044, CAP-08: also while it is cancelling, held, unknown or over."""
    book = a_book()
    plan_order(book)
    for event in events:
        record(book, event)
    tight = {"position__quantity_max": D(19), "cash__reserve_min": D(98_000)}
    found = failures(an_intent(2), under(book, **tight))
    assert found == ["POSITION_MAX", "CASH_RESERVE"]
    record(book, a_status(status="Cancelled"))
    if book.orders[OrderId(1)].is_final:
        assert failures(an_intent(2), under(book, **tight)) == ["POSITION_MAX", "CASH_RESERVE"]
        record(book, ev.OrderSettled(OrderId(1), D(0), "test"))
        assert failures(an_intent(2), under(book, **tight)) == []


def test_an_exit_beside_one_that_settles_is_told_when_it_will_be_free() -> None:
    """INC-024: the cancelled exit may have filled, and two that both fill would flip it."""
    book = a_book(held=10)
    work_order(book, an_intent(1, side=SELL, is_reduce_only=True))
    record(book, a_status(status="Cancelled"), 1)
    again = an_intent(2, side=SELL, is_reduce_only=True)
    verdict = review(again, given(book, now_utc=at(4.0)))
    assert isinstance(verdict, Refused)
    words = "10 of it belongs to order 1, which is over and settling: it is free in about 3 s"
    told = {row.code: row.value for row in verdict.checks if "settling" in row.value}
    assert told == {
        "SHORT_SALE": f"lowest -10; {words}",
        "REDUCE_ONLY": f"held 10, room 0, wanted SELL 10; {words}",
    }
    assert words in verdict.text
    record(book, ev.OrderSettled(OrderId(1), D(0), "test"), 5)
    assert isinstance(review(again, given(book, now_utc=at(5.0))), Approved)


def test_working_orders_of_another_instrument_do_not_count_to_the_position() -> None:
    book = a_book()
    plan_order(book, an_intent(1, con_id=OTHER_CON))
    assert failures(an_intent(2), under(book, position__quantity_max=D(10))) == []


def test_a_working_sell_makes_no_room_for_a_buy() -> None:
    """It may not fill: the worst order of events counts."""
    book = a_book(held=10)
    plan_order(book, an_intent(1, side=SELL, limit_price=D(104)))
    assert failures(an_intent(2), under(book, position__quantity_max=D(19))) == ["POSITION_MAX"]


@pytest.mark.parametrize("held", [50, -50])
def test_an_exit_from_a_position_far_over_its_limit_remains_possible(held: int) -> None:
    """A tightened limit must not lock the position in."""
    side = SELL if held > 0 else BUY
    tight = under(
        a_book(held),
        position__quantity_max=D(20),
        position__notional_max=D(2_000),
        position__is_short_allowed=True,
        exposure__is_enforced=False,
    )
    intent = an_intent(side=side, is_reduce_only=True)
    assert failures(intent, tight) == []
    wrong = replace(intent, side=side.opposite, is_reduce_only=False)
    assert failures(wrong, tight) == ["POSITION_MAX", "POSITION_NOTIONAL_MAX"]


def test_two_exits_never_close_more_than_is_held() -> None:
    """INC-032."""
    book = a_book(held=10)
    loose = under(book, position__is_short_allowed=True, exposure__is_enforced=False)
    half = an_intent(1, side=SELL, quantity=D(6), is_reduce_only=True)
    assert failures(half, loose) == []
    work_order(book, half)
    assert failures(replace(half, intent_id=an_id(2)), loose) == ["REDUCE_ONLY"]
    rest = replace(half, intent_id=an_id(3), quantity=D(4))
    assert failures(rest, loose) == []


def test_a_foreign_exit_takes_room_from_ours() -> None:
    book = a_book(held=10)
    record(book, ev.ForeignOrderSeen(PermId(5), CLIENT, CON, "AAA", SELL, D(6), "LMT", "x"))
    assert failures(replace(EXIT, quantity=D(4)), given(book)) == []
    found = failures(replace(EXIT, quantity=D(5)), given(book, account=READING))
    assert found == ["SHORT_SALE", "REDUCE_ONLY"]
    record(book, ev.ForeignOrderGone(PermId(5)))
    assert failures(EXIT, given(book)) == []


@pytest.mark.parametrize(
    ("broker", "quantity", "is_let_through"),
    [(None, 10, True), (10, 10, True), (12, 10, True), (4, 4, True), (4, 5, False), (0, 1, False),
     (-10, 1, False)],
)  # fmt: skip
def test_an_exit_is_capped_by_the_lower_of_book_and_broker(
    broker: int | None, quantity: int, is_let_through: bool
) -> None:
    """INC-032: to sell what the broker says is not there would flip the position."""
    told = None if broker is None else D(broker)
    sound = given(a_book(held=10), broker_position=told, account=READING)
    found = failures(replace(EXIT, quantity=D(quantity)), sound)
    assert found == ([] if is_let_through else ["REDUCE_ONLY"])


@pytest.mark.parametrize(("held", "side"), [(0, SELL), (0, BUY), (10, BUY), (-10, SELL)])
def test_a_reduce_only_intent_without_something_to_reduce_is_refused(held: int, side: Side) -> None:
    intent = an_intent(side=side, is_reduce_only=True)
    assert "REDUCE_ONLY" in failures(intent, given(a_book(held)))


def test_a_cash_account_sells_nothing_short_whatever_the_policy_allows() -> None:
    policy = {"position__is_short_allowed": True, "exposure__is_enforced": False}
    assert failures(SALE, under(**policy)) == []
    cash_account = under(**policy, exposure__account_type=AccountType.CASH)
    assert failures(SALE, cash_account) == ["SHORT_SALE"]


@given_any(
    st.integers(-30, 30),
    st.lists(
        st.tuples(st.sampled_from([BUY, SELL]), st.integers(1, 20), st.booleans()), max_size=8
    ),
    st.data(),
)
def test_approved_exits_alone_never_cross_zero_in_any_order_of_fills(
    held: int, wanted: list[tuple[Side, int, bool]], data: st.DataObject
) -> None:
    """INC-032: with short sales allowed, so that REDUCE_ONLY alone holds them back."""
    book = a_book(held)
    loose = a_policy(position__is_short_allowed=True, rate__orders_max=100)
    exits: list[tuple[OrderId, Intent]] = []
    for number, (side, quantity, is_cancelling) in enumerate(wanted, start=1):
        intent = an_intent(number, side=side, quantity=D(quantity), is_reduce_only=True)
        if isinstance(review(intent, given(book, policy=loose)), Approved):
            order_id = work_order(book, intent, number)
            exits.append((order_id, intent))
            if is_cancelling:
                record(book, ev.CancelSent(order_id, "test"))
    for order_id, intent in data.draw(st.permutations(exits)):
        fill = an_execution(
            order_id,
            f"x{order_id}.01",
            intent.quantity,
            side=intent.side,
            order_ref=order_ref(intent.intent_id),
        )
        record(book, ev.ExecutionSeen(fill))
        assert book.position_of(CON) * held >= 0
        assert abs(book.position_of(CON)) <= abs(held)


def allocated(intent: Intent, share: Decimal | None) -> ev.Check:
    """Return what the check of the allocation says of an intent."""
    checks = review(intent, given(a_book(), allocation=share)).checks
    (row,) = [row for row in checks if row.code == "VIX_ALLOCATION"]
    return row


@pytest.mark.parametrize(
    ("share", "quantity", "passed"),
    [("1", 1_000, True), ("0.5", 1_000, True), ("0.5", 1_001, False), ("0.25", 500, True),
     ("0.25", 501, False), ("0", 1, False), ("-1", 1, False), ("2", 1, False), ("NaN", 1, False)],
)  # fmt: skip
def test_a_high_vix_leaves_a_share_of_the_position_limits(
    share: str, quantity: int, passed: bool
) -> None:
    """BRK-05: of 2000 units and 200,000 at a price of 100."""
    wish = an_intent(quantity=Decimal(quantity))
    assert allocated(wish, Decimal(share)).passed is passed


def test_a_share_that_nobody_knows_leaves_nothing() -> None:
    check = allocated(an_intent(), None)
    assert (check.passed, check.value) == (False, "unavailable")


def test_an_exit_is_no_matter_of_the_share_that_the_vix_leaves() -> None:
    asked = replace(given(a_book(held=10)), allocation=D(0))
    assert failures(EXIT, asked) == []
    assert failures(an_intent(90, quantity=D(1)), asked) == ["VIX_ALLOCATION"]


def test_more_than_the_whole_is_no_share() -> None:
    """Who says that is wrong about more than the share."""
    asked = replace(given(a_book()), allocation=D("1.5"))
    assert failures(an_intent(90, quantity=D(1)), asked) == ["VIX_ALLOCATION"]


@pytest.mark.parametrize(
    ("broker", "quantity", "found"),
    [(10, 10, []), (4, 4, []), (4, 5, ["SHORT_SALE"]), (-1, 1, ["SHORT_SALE"]), (12, 10, []),
     (12, 11, ["SHORT_SALE"])],
)  # fmt: skip
def test_a_sale_is_short_where_book_or_broker_has_less(
    broker: int, quantity: int, found: list[str]
) -> None:
    """Also one that does not call itself an exit: what the broker does not hold is sold short."""
    sale = replace(SALE, quantity=D(quantity))
    asked = given(a_book(held=10), broker_position=D(broker), account=READING)
    assert failures(sale, asked) == found


def test_each_check_is_asked_and_tells_its_own_code() -> None:
    assert asked_of(CHECKS) == [
        "POSITION_MAX",
        "POSITION_NOTIONAL_MAX",
        "VIX_ALLOCATION",
        "SHORT_SALE",
        "REDUCE_ONLY",
    ]


def test_without_a_high_vix_the_whole_of_the_limits_is_there() -> None:
    rows = {row.code: row for row in review(SALE, given(a_book(held=10))).checks}
    assert rows["VIX_ALLOCATION"].value == "1"
