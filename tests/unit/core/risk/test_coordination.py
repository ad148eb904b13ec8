"""No strategy sells, or covers, what another one holds or enters; its own and nobody's it may.

Method of the property: hypothesis draws entries, brackets, exits, parts of fills, cancels and
changes of three strategies in one instrument. Whatever of it fills, in whatever order, no two of
them may end on different sides, and each holds what it has traded itself.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given as given_any
from hypothesis import settings
from hypothesis import strategies as st

from tests.unit.core.factories import (
    BUY,
    CON,
    OTHER_CON,
    SELL,
    STRATEGY,
    a_book,
    a_bracket,
    a_status,
    an_intent,
    fill,
    given,
    plan_order,
    record,
    work_bracket,
    work_order,
)
from tests.unit.core.policies import a_policy
from tests.unit.core.risk.cases import EXIT, INTENT, READING, SALE, failures, with_shares
from tests.unit.core.risk.trading import MANY, Move, Trading
from trader.core import events as ev
from trader.core.book import Book
from trader.core.holdings import Holdings, Owned
from trader.core.ids import ConId, OrderId, StrategyName
from trader.core.intents import Intent, Side
from trader.core.policy import Policy
from trader.core.results import OPERATOR
from trader.core.risk import Approved, Refused, RiskInput, review
from trader.core.risk.change import Revision, review_change
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


def test_a_reduction_of_the_operators_takes_off_whoever_holds_it_and_opens_nothing() -> None:
    wanted = given(with_shares(10, beta=10), account=READING, policy=BOTH_SIDES)
    reduction = replace(EXIT, strategy=OPERATOR)
    assert failures(reduction, wanted) == []
    beyond = replace(reduction, quantity=D(11), is_reduce_only=False)
    assert "OPPOSED" in failures(beyond, wanted)


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


BETA, GAMMA = StrategyName("beta"), StrategyName("gamma")


def a_free_policy(**limits: Any) -> Policy:
    return a_policy(
        position__is_short_allowed=True, position__is_wash_prevented=False,
        exposure__is_enforced=False, **limits,
    )  # fmt: skip


def against(book: Book, **limits: Any) -> RiskInput:
    return given(book, policy=a_free_policy(**limits), account=READING)


def rests(book: Book, number: int, side: Side, quantity: int, **changes: Any) -> None:
    changes.setdefault("strategy", BETA)
    plan_order(book, an_intent(number, side=side, quantity=D(quantity), **changes), number)


@pytest.mark.parametrize(("theirs", "wanted"), [(BUY, SALE), (SELL, INTENT)])
def test_an_entry_meets_no_entry_of_another_on_the_other_side(theirs: Side, wanted: Intent) -> None:
    """From its promise until it is settled: both could fill, and the account would net them."""
    book = a_book()
    rests(book, 1, theirs, 4)
    for event in (
        None,
        ev.OrderSent(OrderId(1)),
        a_status(1),
        ev.CancelSent(OrderId(1), "test"),
        a_status(1, "Cancelled"),
    ):
        if event is not None:
            record(book, event)
        assert failures(replace(wanted, quantity=D(1)), against(book)) == ["OPPOSED"]
    record(book, ev.OrderSettled(OrderId(1), D(0), "test"))
    assert failures(wanted, against(book)) == []


@pytest.mark.parametrize(("theirs", "wanted"), [(BUY, INTENT), (SELL, SALE)])
def test_an_entry_beside_another_on_the_same_side_passes(theirs: Side, wanted: Intent) -> None:
    book = a_book()
    rests(book, 1, theirs, 4)
    assert failures(wanted, against(book)) == []


def test_its_own_entries_another_instruments_and_the_operators_are_nobody_elses() -> None:
    book = a_book()
    rests(book, 1, BUY, 4, strategy=STRATEGY)
    rests(book, 2, BUY, 4, con_id=OTHER_CON)
    rests(book, 3, BUY, 4, strategy=StrategyName("operator"))
    assert failures(SALE, against(book)) == []
    # Which comes first among the strategies makes no difference.
    rests(book, 4, BUY, 4)
    assert failures(SALE, against(book)) == ["OPPOSED"]


@pytest.mark.parametrize(("sign", "theirs", "wanted"), [(1, SELL, INTENT), (-1, BUY, SALE)])
def test_an_exit_of_another_is_no_entry(sign: int, theirs: Side, wanted: Intent) -> None:
    book = with_shares(sign * 10, beta=sign * 10)
    rests(book, 1, theirs, 10)
    assert failures(wanted, against(book)) == []
    # What is beyond that may cross to the other side.
    rests(book, 2, theirs, 1)
    (told,) = (row for row in review(wanted, against(book)).checks if row.code == "OPPOSED")
    assert not told.passed
    assert told.value == "10 in all, own 0, of others 0, of nobody 0, others enter with 1"


@pytest.mark.parametrize(("sign", "theirs", "wanted"), [(1, SELL, INTENT), (-1, BUY, SALE)])
def test_what_closes_nobodys_is_no_entry(sign: int, theirs: Side, wanted: Intent) -> None:
    book = with_shares(sign * 12, beta=sign * 2, gamma=sign * 3, alpha=sign * 1)
    # Nobody's are six; the two that close take them together, and what they hold themselves.
    rests(book, 1, theirs, 5)
    rests(book, 2, theirs, 6, strategy=GAMMA)
    assert failures(wanted, against(book)) == []
    rests(book, 3, theirs, 1, strategy=GAMMA)
    assert failures(wanted, against(book)) == ["OPPOSED"]


@pytest.mark.parametrize(("sign", "theirs", "way_out"), [(1, BUY, SALE), (-1, SELL, INTENT)])
def test_an_exit_leaves_whatever_the_others_enter(sign: int, theirs: Side, way_out: Intent) -> None:
    book = with_shares(sign * 15, alpha=sign * 10)
    rests(book, 1, theirs, 4)
    # Its own ten and nobody's five.
    assert failures(replace(way_out, is_reduce_only=True), against(book)) == []
    assert failures(replace(way_out, quantity=D(15)), against(book)) == []
    crossing = replace(way_out, quantity=D(16))
    assert failures(crossing, against(book)) == ["OPPOSED"]
    assert failures(crossing, against(book, coordination__is_one_sided=False)) == []
    operators = replace(against(book), is_operator=True)
    assert failures(replace(way_out, quantity=D(15)), operators) == []


def test_what_is_held_and_what_is_entered_are_told_together() -> None:
    book = with_shares(15, alpha=4, beta=6)
    rests(book, 1, BUY, 3)
    (row,) = (row for row in review(SALE, against(book)).checks if row.code == "OPPOSED")
    told = "10 in all, own 4, of others 6, of nobody 5, others enter with 3"
    assert (row.value, row.passed) == (told, False)


def test_a_bracket_that_waits_is_its_entry_and_then_an_exit() -> None:
    book = a_book()
    work_bracket(book, a_bracket(1, strategy=BETA))
    assert failures(replace(SALE, quantity=D(1)), against(book)) == ["OPPOSED"]
    # Its legs sell nothing yet.
    assert failures(INTENT, against(book)) == []
    fill(book, 1, 10)
    assert failures(INTENT, against(book)) == []


def test_a_change_is_held_against_the_entries_of_others_too() -> None:
    """It rested when there was nobody else; what was let in meanwhile holds it where it is."""
    book = a_book()
    rests(book, 1, SELL, 4, strategy=STRATEGY)
    record(book, ev.OrderSent(OrderId(1)))
    record(book, a_status(1))
    rests(book, 2, BUY, 4)
    order = book.orders[OrderId(1)]
    more = review_change(order, Revision(quantity=D(5)), against(book))
    assert isinstance(more, Refused)
    assert more.code == "OPPOSED"
    assert isinstance(review_change(order, Revision(quantity=D(3)), against(book)), Approved)


# ---- any sequence

NAMES = (STRATEGY, BETA, GAMMA)
KINDS = (
    "wish",
    "wish",
    "wish",
    "bracket",
    "exit",
    "fill",
    "fill",
    "fill",
    "cancel",
    "end",
    "change",
)
moves = st.tuples(st.sampled_from(KINDS), st.integers(0, 5), st.integers(1, 12), st.integers(0, 40))


class World(Trading):
    """A book with nobody's shares in it, in which three strategies trade one instrument."""

    exits_whole = True

    def __init__(self, nobodys: int) -> None:
        super().__init__(a_book(nobodys, cash=1_000_000), a_free_policy(**MANY))
        self.nobodys = D(nobodys)

    def wished(self, which: int) -> tuple[StrategyName, ConId, Side]:
        return NAMES[which % 3], CON, BUY if which < 3 else SELL

    def worst(self, name: StrategyName, side: Side) -> Decimal:
        """Return how far on a side a strategy may come, from its fills and its orders alone."""
        left = sum(
            (
                row.remaining
                for row in self.book.may_fill()
                if row.terms.strategy == name and row.terms.side is side
            ),
            D(0),
        )
        return max(side.sign * self.held[name, CON] + left, D(0))

    def is_one_sided(self) -> None:
        """Judge that whatever fills, no two of them can be on different sides.

        What nobody holds may be closed by anybody: it is no side of a strategy's.
        """
        longs = {name for name in NAMES if self.worst(name, BUY) > max(-self.nobodys, D(0))}
        shorts = {name for name in NAMES if self.worst(name, SELL) > max(self.nobodys, D(0))}
        for one in longs:
            assert not shorts - {one}, (longs, shorts)
        if self.nobodys == 0:
            for name in NAMES:
                held = self.book.holdings.of(name, CON, self.book.position_of(CON))
                assert held == self.held[name, CON], "it holds what it has traded itself"


@settings(max_examples=150, deadline=None)
@given_any(st.lists(moves, max_size=40), st.sampled_from([0, 0, 5, -5]))
def test_no_two_strategies_can_ever_be_on_two_sides(played: list[Move], nobodys: int) -> None:
    world = World(nobodys)
    for move in played:
        world.play(move)
        world.is_one_sided()


def test_the_sequences_come_far_enough_to_meet() -> None:
    """Otherwise the property would say nothing."""
    world = World(0)
    for move in (
        ("wish", 0, 5, 0), ("bracket", 1, 5, 0), ("fill", 0, 5, 0), ("exit", 0, 1, 0),
        ("change", 0, 1, 1), ("cancel", 0, 1, 1), ("end", 0, 1, -1), ("wish", 5, 5, 0),
    ):  # fmt: skip
        world.play(move)
        world.is_one_sided()
    assert set(world.kinds) == {"wish", "bracket", "fill", "exit", "cancel", "end", "change"}
    assert world.held[STRATEGY, CON] == 5
    assert world.worst(GAMMA, SELL) == 0, "it was refused"


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
