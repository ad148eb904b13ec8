"""No strategy uses more of the account than it is given, whatever fills; and every exit leaves.

Method of the property: hypothesis draws wishes, parts of fills, cancels, ends and changes of two
strategies in two instruments at one price. What each of them may come to hold is counted anew from
the orders and the fills alone, and held against its limit after every move.
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
    NOW_S,
    OTHER_CON,
    SELL,
    STRATEGY,
    a_book,
    a_bracket,
    a_quote,
    a_status,
    a_valuation,
    an_instrument,
    an_intent,
    given,
    plan_bracket,
    plan_order,
    record,
)
from tests.unit.core.policies import a_policy, bent
from tests.unit.core.risk.cases import (
    EXIT,
    INTENT,
    READING,
    SALE,
    asked_of,
    failures,
    unavailable,
    under,
    with_shares,
)
from tests.unit.core.risk.trading import MANY, PRICE, Move, Trading
from trader.core import events as ev
from trader.core.brackets import Role
from trader.core.ids import ConId, OrderId, StrategyName
from trader.core.intents import BracketTerms, Intent, Side
from trader.core.orders import Order
from trader.core.policy import CoordinationPolicy, StrategyLimits
from trader.core.risk import Approved, Refused, RiskInput, review
from trader.core.risk.change import Revision, refusal_by_now, review_change
from trader.core.risk.usage import CHECKS

D = Decimal
SHARE, NOTIONAL = "STRATEGY_SHARE", "STRATEGY_NOTIONAL"
BETA = StrategyName("beta")
TIGHT = {"coordination__share_max": D("0.01"), "coordination__notional_max": D(1_000)}


def told(intent: Intent, wanted: RiskInput, code: str) -> tuple[str, str, bool]:
    """Return value, limit and verdict of one check."""
    (row,) = (row for row in review(intent, wanted).checks if row.code == code)
    return row.value, row.limit, row.passed


def test_each_tells_the_code_of_its_place() -> None:
    assert asked_of(CHECKS) == [SHARE, NOTIONAL]


def test_without_a_limit_nothing_is_asked() -> None:
    sound = given(a_book())
    assert told(INTENT, sound, SHARE) == ("no limit", "the strategy's share", True)
    assert told(INTENT, sound, NOTIONAL) == ("no limit", "the strategy's amount", True)
    blind = replace(sound, valuation=None)
    assert not {SHARE, NOTIONAL} & set(unavailable(INTENT, blind))


def test_what_it_holds_and_what_works_count_beside_the_order() -> None:
    book = with_shares(20, alpha=12, beta=8)
    plan_order(book, an_intent(1, con_id=OTHER_CON, quantity=D(3)), 1)
    plan_order(book, an_intent(2, strategy=BETA, quantity=D(5)), 2)
    exact = under(book, coordination__share_max=D("0.025"), coordination__notional_max=D(2_500))
    exact = replace(exact, account=replace(READING, net_liquidation=D(100_000)))
    assert failures(INTENT, exact) == []
    parts = "held 1200.00, working with this 1300.00"
    assert told(INTENT, exact, SHARE) == (
        f"2500.00 of 100000.00, {parts}",
        "at most 0.025 of it",
        True,
    )
    assert told(INTENT, exact, NOTIONAL) == (f"2500.00, {parts}", "at most 2500", True)
    more = replace(INTENT, quantity=D(11))
    assert failures(more, exact) == [SHARE, NOTIONAL]
    assert told(more, exact, NOTIONAL)[0] == "2600.00, held 1200.00, working with this 1400.00"


def test_a_short_entry_counts_as_a_long_one() -> None:
    both = a_policy(position__is_short_allowed=True, coordination__notional_max=D(1_000))
    wanted = given(a_book(), policy=both, account=READING)
    assert failures(SALE, wanted) == []
    assert failures(replace(SALE, quantity=D(11)), wanted) == [NOTIONAL]


def test_a_sale_below_the_market_counts_at_the_markets_price() -> None:
    both = a_policy(position__is_short_allowed=True, coordination__notional_max=D(1_000) - 1)
    wanted = given(a_book(), policy=both, account=READING)
    assert failures(replace(SALE, limit_price=D(99)), wanted) == [NOTIONAL]
    # A purchase counts at what it may pay, if that is more.
    dear = replace(INTENT, limit_price=D(101))
    assert failures(dear, under(coordination__notional_max=D(1_009))) == [NOTIONAL]
    assert failures(dear, under(coordination__notional_max=D(1_010))) == []


def test_a_multiplier_counts() -> None:
    future = an_instrument(multiplier=D(5), sec_type="FUT")
    short = a_policy(position__is_short_allowed=True, coordination__notional_max=D(5_000))
    wanted = given(a_book(), instrument=future, policy=short, account=READING)
    for price in (D(99), D(100)):
        assert NOTIONAL not in failures(replace(SALE, limit_price=price), wanted)
        assert NOTIONAL in failures(replace(SALE, limit_price=price, quantity=D(11)), wanted)
    less = replace(wanted, policy=bent(short, coordination__notional_max=D(4_999)))
    assert NOTIONAL in failures(replace(SALE, limit_price=D(99)), less)


def test_the_lower_of_both_values_of_the_account_counts() -> None:
    exact = under(coordination__share_max=D("0.01"))
    assert failures(INTENT, exact) == []
    for told_value, found in ((99_999, [SHARE]), (200_000, [])):
        reading = replace(READING, net_liquidation=D(told_value))
        assert failures(INTENT, replace(exact, account=reading)) == found


def test_an_account_that_is_worth_nothing_gives_no_share() -> None:
    wanted = under(coordination__share_max=D("0.5"))
    for nav in (0, -1):
        worth = a_valuation(wanted, nav=D(nav))
        assert SHARE in failures(INTENT, replace(wanted, valuation=worth))
    # An order that adds nothing beside what there is would still have no account to use.
    flat = a_policy(coordination__share_max=D("0.5"), position__is_short_allowed=True)
    over = given(with_shares(10, alpha=10), policy=flat, account=READING)
    ruined = replace(over, valuation=a_valuation(over, nav=D(0)))
    assert SHARE in failures(replace(SALE, quantity=D(12)), ruined)


def test_a_strategy_may_have_limits_of_its_own() -> None:
    rules = CoordinationPolicy(
        share_max=D("0.5"),
        notional_max=D(900),
        strategies=(
            StrategyLimits("beta", share_max=D("0.001")),
            StrategyLimits("alpha", notional_max=D(1_000)),
        ),
    )
    wanted = given(a_book(), policy=replace(a_policy(), coordination=rules))
    assert failures(INTENT, wanted) == []
    assert failures(replace(INTENT, strategy=BETA), wanted) == [SHARE, NOTIONAL]
    assert failures(replace(INTENT, strategy=StrategyName("gamma")), wanted) == [NOTIONAL]
    assert rules.limits_of("alpha") == StrategyLimits("alpha", D("0.5"), D(1_000))
    assert rules.limits_of("beta") == StrategyLimits("beta", D("0.001"), D(900))
    assert CoordinationPolicy().limits_of("x") == StrategyLimits("x", None, None)


@pytest.mark.parametrize(
    "lacking",
    [
        {"valuation": None},
        {"instrument": None},
        {"quote": None},
        {"quote": a_quote(bid=None)},
    ],
)
def test_what_is_not_known_refuses(lacking: dict[str, Any]) -> None:
    blind = given(a_book(), policy=a_policy(**TIGHT), **lacking)
    assert {SHARE, NOTIONAL} <= set(unavailable(replace(INTENT, quantity=D(1)), blind))


def test_a_value_that_is_incomplete_or_old_refuses() -> None:
    small = replace(INTENT, quantity=D(1))
    sound = given(a_book(), policy=a_policy(**TIGHT, exposure__is_enforced=False))
    assert failures(small, sound) == []
    for spoilt in (
        a_valuation(sound, missing=("BBB: no mark",)),
        a_valuation(sound, as_of_s=NOW_S - 10.1),
        a_valuation(sound, as_of_s=NOW_S + 0.1),
        a_valuation(sound, as_of_s=float("nan")),
        a_valuation(sound, rates={}),
    ):
        found = unavailable(small, replace(sound, valuation=spoilt))
        assert {SHARE, NOTIONAL} & set(found), spoilt
    for edge in (NOW_S - 10, NOW_S):
        worth = a_valuation(sound, as_of_s=edge)
        assert unavailable(small, replace(sound, valuation=worth)) == []


def test_an_own_holding_without_a_mark_refuses_what_adds_and_no_exit() -> None:
    book = with_shares(10, alpha=10)
    sound = given(book, policy=a_policy(**TIGHT, exposure__is_enforced=False), account=READING)
    bare = replace(sound, valuation=a_valuation(sound, marks={}))
    assert unavailable(replace(INTENT, quantity=D(1)), bare) == [SHARE, NOTIONAL]
    assert failures(EXIT, bare) == unavailable(EXIT, bare) == []


@pytest.mark.parametrize(("held", "side"), [(10, SELL), (-10, BUY)])
def test_an_exit_leaves_however_far_beyond_its_limit_the_strategy_is(held: int, side: Side) -> None:
    none = a_policy(
        coordination__share_max=D("0.0001"),
        coordination__notional_max=D(1),
        position__is_short_allowed=True,
    )
    book = with_shares(held, alpha=held)
    for wanted in (
        given(book, policy=none, account=READING),
        given(book, policy=none, account=READING, valuation=None),
    ):
        for quantity in (1, 10):
            away = replace(INTENT, side=side, quantity=D(quantity))
            assert not {SHARE, NOTIONAL} & {*failures(away, wanted), *unavailable(away, wanted)}
    further = replace(INTENT, side=side, quantity=D(11))
    assert {SHARE, NOTIONAL} <= set(failures(further, given(book, policy=none, account=READING)))
    sound = given(book, policy=none, account=READING)
    for code, limit in ((SHARE, "the strategy's share"), (NOTIONAL, "the strategy's amount")):
        assert told(replace(INTENT, side=side), sound, code) == ("closes only", limit, True)


def test_an_exit_of_its_own_is_one_where_the_account_could_not_say_so() -> None:
    """The broker shows nothing there, so it shrinks nothing for certain: it is still an exit."""
    none = a_policy(coordination__notional_max=D(1), position__is_short_allowed=True)
    book = with_shares(10, alpha=10)
    wanted = given(book, policy=none, account=READING, broker_position=D(0))
    assert NOTIONAL not in failures(SALE, wanted)
    assert NOTIONAL in failures(replace(SALE, quantity=D(11)), wanted)
    # With what it sells already; what it buys does not make its exits fewer.
    plan_order(book, an_intent(1, side=SELL, quantity=D(4), limit_price=D(104)), 1)
    plan_order(book, an_intent(2, quantity=D(3), limit_price=D(90)), 2)
    wanted = given(book, policy=none, account=READING, broker_position=D(0))
    assert NOTIONAL not in failures(replace(SALE, quantity=D(6)), wanted)
    assert NOTIONAL in failures(replace(SALE, quantity=D(7)), wanted)
    short = given(with_shares(-10, alpha=-10), policy=none, account=READING, broker_position=D(0))
    assert NOTIONAL not in failures(INTENT, short)
    assert NOTIONAL in failures(replace(INTENT, quantity=D(11)), short)
    assert NOTIONAL in failures(SALE, short)
    # Nothing of its own is no exit, whatever others hold.
    alone = given(a_book(), policy=none, account=READING)
    assert NOTIONAL in failures(SALE, alone)
    assert NOTIONAL in failures(INTENT, alone)


def test_what_belongs_to_nobody_is_closed_by_anybody() -> None:
    """It is the account that shrinks, and nobody's part of it that grows."""
    none = a_policy(coordination__notional_max=D(1))
    assert NOTIONAL not in failures(SALE, given(a_book(held=10), policy=none, account=READING))


def test_the_operator_closes_whatever_the_limits_say() -> None:
    none = a_policy(coordination__notional_max=D(1))
    book = with_shares(10, beta=10)
    plan_order(book, an_intent(1, side=SELL, strategy=BETA, quantity=D(4)), 1)
    wanted = given(book, policy=none, account=READING)
    assert NOTIONAL in failures(EXIT, wanted)
    assert NOTIONAL not in failures(EXIT, replace(wanted, is_operator=True))


def test_a_quantity_that_is_none_is_not_judged() -> None:
    wanted = under(**TIGHT)
    assert {SHARE, NOTIONAL} <= set(unavailable(replace(INTENT, quantity=D(-1)), wanted))


def test_the_whole_of_a_bracket_counts_as_its_entry() -> None:
    entry = replace(INTENT, bracket=BracketTerms(D(110), D(95)))
    assert failures(entry, under(coordination__notional_max=D(1_000))) == []
    book = a_book()
    plan_bracket(book, a_bracket(1))
    assert failures(INTENT, under(book, coordination__notional_max=D(2_000))) == []
    assert failures(INTENT, under(book, coordination__notional_max=D(1_999))) == [NOTIONAL]


def test_a_change_counts_once_beside_what_it_changes() -> None:
    book = a_book()
    plan_order(book)
    record(book, ev.OrderSent(OrderId(1)))
    record(book, a_status())
    order, limited = book.orders[OrderId(1)], under(book, coordination__notional_max=D(1_500))
    assert isinstance(review_change(order, Revision(quantity=D(15)), limited), Approved)
    verdict = review_change(order, Revision(quantity=D(16)), limited)
    assert isinstance(verdict, Refused)
    assert verdict.code == NOTIONAL
    assert isinstance(review_change(order, Revision(quantity=D(9)), under(book)), Approved)
    # A promise that waited for the disk is on the list of what works by then.
    assert refusal_by_now(order, an_intent(1), limited) is None
    tight = under(book, coordination__notional_max=D(999))
    assert (refusal_by_now(order, an_intent(1), tight) or "").startswith(NOTIONAL)


# ---- any sequence

LIMIT = D(3_000)
NAMES = (STRATEGY, BETA)
KINDS = ("wish", "wish", "wish", "bracket", "exit", "fill", "fill", "cancel", "end", "change")
moves = st.tuples(st.sampled_from(KINDS), st.integers(0, 7), st.integers(1, 25), st.integers(1, 40))


class World(Trading):
    """A book in which two strategies trade two instruments at one price, each up to a limit."""

    def __init__(self) -> None:
        policy = a_policy(
            position__is_short_allowed=True,
            position__is_wash_prevented=False,
            coordination__notional_max=LIMIT,
            **MANY,
        )
        super().__init__(a_book(cash=1_000_000), policy)

    def wished(self, which: int) -> tuple[StrategyName, ConId, Side]:
        return NAMES[which % 2], CON if which & 2 else OTHER_CON, BUY if which & 4 else SELL

    def change(self, order: Order, quantity: Decimal) -> int:
        number = super().change(order, quantity)
        if number and (quantity - order.filled) % 2:
            record(self.book, ev.ModifyRefuted(order.order_id, number, "run"))  # type: ignore[arg-type]
        return number

    def may_use(self, name: StrategyName) -> Decimal:
        """Count anew the most that a strategy may come to hold, from its orders and its fills."""
        total = D(0)
        for con_id in (CON, OTHER_CON):
            held = self.held[name, con_id]
            sides = {BUY: D(0), SELL: D(0)}
            for row in self.book.may_fill():
                terms = row.terms
                is_own = terms.strategy == name and terms.con_id == con_id
                if is_own and (terms.bracket is None or terms.bracket.role is not Role.TAKE_PROFIT):
                    sides[terms.side] += row.remaining
            total += max(abs(held), abs(held + sides[BUY]), abs(held - sides[SELL])) * PRICE
        return total

    def exits_leave(self) -> None:
        for (name, con_id), held in self.held.items():
            side = SELL if held > 0 else BUY
            out = any(
                row.terms.strategy == name and row.terms.con_id == con_id and row.terms.side is side
                for row in self.book.may_fill()
            )
            if held == 0 or out:
                continue
            for quantity in (D(1), abs(held)):
                exit_now = an_intent(
                    9_000, strategy=name, con_id=con_id, side=side, quantity=quantity
                )
                tight = replace(
                    self.policy,
                    coordination=replace(
                        self.policy.coordination, notional_max=D(1), share_max=D(1)
                    ),
                )
                wanted = replace(self.given(con_id), policy=tight, valuation=None)
                found = {*failures(exit_now, wanted), *unavailable(exit_now, wanted)}
                assert not {SHARE, NOTIONAL, "OPPOSED"} & found


@settings(max_examples=120, deadline=None)
@given_any(st.lists(moves, max_size=40))
def test_no_sequence_of_approvals_fills_cancels_and_changes_goes_beyond_a_limit(
    played: list[Move],
) -> None:
    world = World()
    for move in played:
        world.play(move)
        for name in NAMES:
            assert world.may_use(name) <= LIMIT
        world.exits_leave()


def test_the_sequences_reach_the_limit() -> None:
    """Otherwise the property would say nothing."""
    world = World()
    for move in (("wish", 6, 20, 0), ("wish", 6, 20, 0), ("wish", 4, 10, 0), ("fill", 0, 20, 0)):
        world.play(move)
    assert world.kinds["wish"] == 2
    assert world.may_use(STRATEGY) == LIMIT
