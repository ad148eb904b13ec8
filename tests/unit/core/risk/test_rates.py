"""Counts of what was done: windows that empty by themselves, room for exits, and churn."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.unit.core.factories import (
    BUY,
    CON,
    OTHER_CON,
    a_book,
    an_id,
    an_intent,
    at,
    given,
    plan_order,
    record,
)
from tests.unit.core.policies import a_policy
from tests.unit.core.risk.cases import (
    EXIT,
    INTENT,
    MANY,
    asked_of,
    failures,
    under,
    with_changes,
    with_orders,
)
from trader.core import events as ev
from trader.core.book import Book
from trader.core.ids import OrderId, StrategyName
from trader.core.risk import review
from trader.core.risk.rates import CHECKS, churn_refusal
from trader.core.tapes import Act, ActKind, Traded

D = Decimal
OTHER = StrategyName("beta")
WIDE = {f"rate__{name}": value for name, value in MANY.items()}


def test_the_daily_count_begins_with_the_account_day() -> None:
    """CAP-07: yesterday's orders are yesterday's, and none is forgotten before."""
    book = with_orders(5, seconds=-7_200)
    full = a_policy(**WIDE, rate__daily_trades_max=5)
    assert failures(INTENT, given(book, policy=full, day_start_utc=at(-7_200))) == ["DAILY_TRADES"]
    assert failures(INTENT, given(book, policy=full, day_start_utc=at(-7_199))) == []


def test_what_the_broker_executed_without_our_ledger_counts_too() -> None:
    """CAP-07: orders of another program, or of a person at the broker's own screen."""
    book = with_orders(3, seconds=-7_200)
    full = a_policy(**WIDE, rate__daily_trades_max=5)
    for number, seconds in ((1, -60), (1, -50), (2, -40), (3, -90_000)):
        book.strangers.add(Traded(f"perm-{number}", at(seconds)))
    asked = given(book, policy=full, day_start_utc=at(-7_200))
    assert failures(INTENT, asked) == ["DAILY_TRADES"]
    daily = next(row for row in review(INTENT, asked).checks if row.code == "DAILY_TRADES")
    assert (daily.value, daily.limit) == ("5 today", "below 5")


def test_without_word_on_the_day_the_longest_one_counts_and_ends() -> None:
    """It must not need a new order to forget the old ones: none could ever be sent again."""
    book = with_orders(5)
    full = a_policy(**WIDE, rate__daily_trades_max=5)
    assert failures(INTENT, given(book, policy=full, now_utc=at(90_000))) == ["DAILY_TRADES"]
    assert failures(INTENT, given(book, policy=full, now_utc=at(90_001))) == []


def test_the_rate_looks_back_one_window() -> None:
    book = with_orders(5)
    policy = a_policy(**(WIDE | {"rate__orders_max": 5}))
    assert failures(INTENT, given(book, policy=policy, now_utc=at(60))) == ["ORDER_RATE"]
    assert failures(INTENT, given(book, policy=policy, now_utc=at(60.5))) == []


def test_another_strategy_and_another_instrument_have_their_own_counts() -> None:
    book = with_orders(5)
    per_strategy = under(book, **(WIDE | {"rate__orders_per_strategy_max": 5}))
    assert failures(INTENT, per_strategy) == ["ORDER_RATE_STRATEGY"]
    assert failures(replace(INTENT, strategy=OTHER), per_strategy) == []
    elsewhere = with_orders(5, con_id=OTHER_CON)
    assert (
        failures(INTENT, under(elsewhere, **(WIDE | {"rate__orders_per_instrument_max": 5}))) == []
    )


def test_cancels_and_changes_of_others_count_for_the_account_alone() -> None:
    book = a_book()
    for kind in (ActKind.CANCEL, ActKind.MODIFY):
        for _ in range(5):
            book.acts.add(Act(at(0), kind, OTHER, OTHER_CON, OrderId(7), BUY))
    tight = {
        "rate__cancels_per_strategy_max": 5,
        "rate__messages_per_strategy_max": 10,
        "rate__modifies_max": 5,
    }
    asked = under(book, **(WIDE | tight))
    assert failures(INTENT, asked) == []
    own = ["CANCEL_RATE_STRATEGY", "MESSAGE_RATE_STRATEGY"]
    assert failures(replace(INTENT, strategy=OTHER), asked) == own
    assert churn_refusal(book, asked.policy, at(0), order_id=OrderId(1), con_id=CON) is None
    assert churn_refusal(book, asked.policy, at(0), order_id=OrderId(1), con_id=OTHER_CON)


def test_another_price_is_another_pattern() -> None:
    busy = under(with_orders(5), **WIDE, rate__repeats_max=5)
    assert failures(INTENT, busy) == ["DUPLICATE_PATTERN"]
    assert failures(replace(INTENT, limit_price=D("99.99")), busy) == []
    assert failures(replace(INTENT, quantity=D("10.0")), busy) == ["DUPLICATE_PATTERN"]
    assert failures(replace(INTENT, strategy=OTHER), busy) == []


def crowded(orders: int) -> Book:
    book = a_book(held=10)
    for order_id in range(1, orders + 1):
        plan_order(book, order_id=order_id)
        record(book, ev.OrderWithheld(OrderId(order_id), "test"))
    return book


def test_entries_leave_room_for_the_exits_and_exits_have_an_end_too() -> None:
    """A stop must still leave after a busy minute."""
    room = {
        "rate__daily_trades_max": 5,
        "rate__orders_per_strategy_max": 99,
        "rate__orders_per_instrument_max": 99,
    }
    full = ["ORDER_RATE", "DAILY_TRADES"]
    assert failures(an_intent(90), under(crowded(5), **room)) == full
    assert failures(EXIT, under(crowded(5), **room)) == []
    assert failures(EXIT, under(crowded(9), **room)) == []
    assert failures(EXIT, under(crowded(10), **room)) == full


def test_an_operators_exit_passes_the_limits_of_rate_and_size() -> None:
    tight = under(
        crowded(20),
        order__quantity_max=D(5),
        order__notional_max=D(500),
        rate__daily_trades_max=5,
        rate__repeats_max=1,
    )
    found = failures(EXIT, tight)
    assert found[:2] == ["QUANTITY_MAX", "NOTIONAL_MAX"]
    assert {"ORDER_RATE", "ORDER_RATE_STRATEGY", "DAILY_TRADES"} <= set(found)
    assert failures(EXIT, replace(tight, is_operator=True)) == []


@pytest.mark.parametrize(("changes", "is_refused"), [(4, False), (5, True)])
def test_an_instrument_whose_orders_were_changed_too_often_changes_no_more(
    changes: int, is_refused: bool
) -> None:
    """CAP-20."""
    policy = a_policy(rate__modifies_max=5)
    found = churn_refusal(with_changes(changes), policy, at(0), order_id=OrderId(1), con_id=CON)
    assert (found is not None) is is_refused
    if found is not None:
        assert found.startswith("CHURN: 5 changes in the instrument")
        later = churn_refusal(
            with_changes(changes), policy, at(61), order_id=OrderId(1), con_id=CON
        )
        assert later is None


def test_one_order_that_was_changed_too_often_changes_no_more() -> None:
    book = a_book()
    for _ in range(3):
        book.acts.add(Act(at(0), ActKind.MODIFY, OTHER, CON, OrderId(1), BUY))
    policy = a_policy(rate__modifies_per_order_max=3)
    found = churn_refusal(book, policy, at(0), order_id=OrderId(1), con_id=CON)
    assert found == "CHURN: order 1 was changed 3 times, allowed is below 3"
    assert churn_refusal(book, policy, at(0), order_id=OrderId(2), con_id=CON) is None


def test_exits_of_one_kind_are_repeated_twice_as_often_and_no_more() -> None:
    for repeats, found in ((9, []), (10, ["DUPLICATE_PATTERN"])):
        book = a_book(held=10)
        for order_id in range(1, repeats + 1):
            plan_order(book, replace(EXIT, intent_id=an_id(order_id)), order_id)
            record(book, ev.OrderWithheld(OrderId(order_id), "test"))
        policy = a_policy(**WIDE, rate__repeats_max=5)
        assert failures(EXIT, given(book, policy=policy)) == found


def test_each_check_is_asked_and_tells_its_own_code() -> None:
    assert asked_of(CHECKS) == [
        "ORDER_RATE",
        "ORDER_RATE_STRATEGY",
        "ORDER_RATE_INSTRUMENT",
        "CANCEL_RATE",
        "CANCEL_RATE_STRATEGY",
        "MESSAGE_RATE",
        "MESSAGE_RATE_STRATEGY",
        "DAILY_TRADES",
        "DUPLICATE_PATTERN",
        "REPEATED_EXECUTION",
        "CHURN",
    ]
