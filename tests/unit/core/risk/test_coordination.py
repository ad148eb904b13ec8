"""No strategy sells, or covers, what another one holds; its own and nobody's it may."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given as given_any
from hypothesis import strategies as st

from tests.unit.core.factories import (
    BUY,
    OTHER_CON,
    SELL,
    STRATEGY,
    a_book,
    an_intent,
    given,
    plan_order,
    record,
    work_order,
)
from tests.unit.core.policies import a_policy
from tests.unit.core.risk.cases import EXIT, INTENT, READING, SALE, failures, with_shares
from trader.core import events as ev
from trader.core.holdings import Holdings, Owned
from trader.core.ids import ConId, OrderId, StrategyName
from trader.core.risk import review
from trader.core.risk.coordination import CHECKS

D = Decimal
BOTH_SIDES = a_policy(position__is_short_allowed=True, exposure__is_enforced=False)


@pytest.mark.parametrize(
    ("held", "shares", "found"),
    [
        (10, {"alpha": 10}, []),
        (20, {"alpha": 10, "beta": 10}, []),
        (20, {"beta": 10}, []),  # nobody's
        (15, {"alpha": 4, "beta": 5}, []),
        (15, {"alpha": 4, "beta": 6}, ["OPPOSED"]),
        (10, {"beta": 10}, ["OPPOSED"]),
        (12, {"beta": 5, "gamma": 5}, ["OPPOSED"]),
    ],
)
@pytest.mark.parametrize("exit_or_sale", [SALE, EXIT])
def test_a_sale_takes_nothing_of_another_strategys(
    held: int, shares: dict[str, int], found: list[str], exit_or_sale: object
) -> None:
    wanted = given(with_shares(held, **shares), account=READING)
    assert failures(exit_or_sale, wanted) == found  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("held", "shares", "found"),
    [
        (-10, {"alpha": -10}, []),
        (-10, {"beta": -10}, ["OPPOSED"]),
        (-10, {}, []),
        (-15, {"alpha": -4, "beta": -5}, []),
        (-15, {"alpha": -4, "beta": -6}, ["OPPOSED"]),
    ],
)
def test_a_purchase_covers_nobody_elses_short(
    held: int, shares: dict[str, int], found: list[str]
) -> None:
    wanted = given(with_shares(held, **shares), policy=BOTH_SIDES, account=READING)
    assert failures(INTENT, wanted) == found


def test_where_short_is_allowed_none_goes_short_against_anothers_long() -> None:
    wanted = given(with_shares(10, beta=10), policy=BOTH_SIDES, account=READING)
    assert failures(replace(SALE, quantity=D(1)), wanted) == ["OPPOSED"]
    alone = given(with_shares(0), policy=BOTH_SIDES, account=READING)
    assert failures(SALE, alone) == []


def test_buying_what_another_holds_too_is_nobodys_loss() -> None:
    assert failures(INTENT, given(with_shares(10, beta=10))) == []


def test_the_policy_may_let_them_and_an_operator_always_may() -> None:
    wanted = given(with_shares(10, beta=10), account=READING)
    free = replace(wanted, policy=a_policy(coordination__is_one_sided=False))
    assert failures(SALE, free) == []
    assert failures(EXIT, replace(wanted, is_operator=True)) == []


def test_what_it_sells_already_is_counted_and_the_order_itself_is_not() -> None:
    book = with_shares(20)
    work_order(book, an_intent(1, side=SELL, quantity=D(4), limit_price=D(110)))
    # None of these is a sale of its own of the same thing.
    beta = StrategyName("beta")
    plan_order(book, an_intent(2, side=BUY, quantity=D(9), limit_price=D(90)), 2)
    plan_order(book, an_intent(3, side=SELL, strategy=beta, quantity=D(1), limit_price=D(110)), 3)
    elsewhere = an_intent(4, side=SELL, con_id=OTHER_CON, quantity=D(3), limit_price=D(110))
    plan_order(book, elsewhere, 4)
    book.holdings = Holdings([Owned(STRATEGY, ConId(101), D(10)), Owned(beta, ConId(101), D(10))])
    wanted = given(book, policy=a_policy(position__is_wash_prevented=False), account=READING)
    sale = replace(SALE, intent_id=an_intent(9).intent_id)
    assert failures(replace(sale, quantity=D(6)), wanted) == []
    assert failures(replace(sale, quantity=D(7)), wanted) == ["OPPOSED"]
    # Cancelled, it may have sold until it is settled (INC-024).
    record(book, ev.CancelSent(OrderId(1), "test"))
    assert failures(replace(sale, quantity=D(7)), wanted) == ["OPPOSED"]
    itself = replace(sale, intent_id=an_intent(1).intent_id, quantity=D(10))
    assert [
        row.code
        for row in review(itself, wanted).checks
        if row.code == "OPPOSED" and not row.passed
    ] == []


def test_it_says_whose_there_is_how_much() -> None:
    verdict = review(SALE, given(with_shares(15, alpha=4, beta=6), account=READING))
    (row,) = (row for row in verdict.checks if row.code == "OPPOSED")
    assert row.value == "10 in all, own 4, of others 6, of nobody 5"
    assert row.limit == "what is its own or nobody's"
    assert [code for code, _ in CHECKS] == ["OPPOSED"]
    (alone,) = (row for row in review(SALE, given(a_book(held=10))).checks if row.code == "OPPOSED")
    assert (alone.value, alone.passed) == ("nobody else's", True)


@given_any(
    st.integers(1, 30), st.integers(0, 20), st.integers(0, 20), st.integers(0, 20),
)  # fmt: skip
def test_what_passes_leaves_the_others_their_own(
    quantity: int, own: int, others: int, nobodys: int
) -> None:
    held = own + others + nobodys
    shares = {name: share for name, share in (("alpha", own), ("beta", others)) if share}
    sale = replace(SALE, quantity=D(quantity))
    found = failures(sale, given(with_shares(held, **shares), account=READING))
    leaves = held - quantity >= others
    assert ("OPPOSED" not in found) is (leaves or not others)
