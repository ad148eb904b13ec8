"""Cash: set aside at the worst price, and there in any order of fills.

Goal of the last part: whatever is approved, acknowledged, partly filled and cancelled, in
whichever order, the cash is there when everything that buys fills first, at the worst price.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.unit.core.factories import (
    BUY,
    CON,
    SELL,
    a_book,
    a_quote,
    a_status,
    an_execution,
    an_instrument,
    an_intent,
    commissioned,
    executed,
    given,
    plan_order,
    planned,
    record,
    reviewed,
    send_order,
)
from tests.unit.core.policies import a_policy
from tests.unit.core.risk.cases import INTENT, READING, asked_of, failures, unavailable, under
from trader.core import events as ev
from trader.core.book import Book
from trader.core.ids import ClientId, OrderId, OrderRef, PermId
from trader.core.intents import OrderType, Side
from trader.core.policy import AccountType
from trader.core.risk import Approved, review
from trader.core.risk.cash import CHECKS

D = Decimal


def test_cash_of_an_unknown_currency_refuses() -> None:
    instrument = an_instrument(currency="JPY")
    assert "CASH_RESERVE" in unavailable(INTENT, given(a_book(), instrument=instrument))


def test_commissions_not_reported_yet_are_set_aside() -> None:
    book = a_book(cash=3_003)
    send_order(book)
    record(book, executed())
    tight = under(book, cash__reserve_min=D("1000.91"))
    assert failures(an_intent(2), under(book, cash__reserve_min=D("1000.90"))) == []
    assert failures(an_intent(2), tight) == ["CASH_RESERVE"]
    record(book, commissioned(amount=0))
    assert failures(an_intent(2), tight) == []


def test_working_orders_are_set_aside_with_their_commissions() -> None:
    book = a_book(cash=10_000)
    plan_order(book)
    left = 10_000 - 1_000 - D("1.10") - 1_000 - 1
    assert failures(an_intent(2), under(book, cash__reserve_min=left)) == []
    assert failures(an_intent(2), under(book, cash__reserve_min=left + D("0.01"))) == [
        "CASH_RESERVE"
    ]


def test_a_sale_of_what_is_held_needs_no_cash() -> None:
    assert failures(an_intent(side=SELL), given(a_book(held=10, cash=0))) == []


def test_a_second_cover_is_not_an_exit_and_needs_its_cash() -> None:
    """The first one closes the short; what the second buys has to be paid for."""
    book = a_book(held=-10, cash=1_500)
    cover = an_intent(1)
    assert failures(cover, given(book)) == []
    plan_order(book, cover)
    assert failures(an_intent(2), under(book, exposure__is_enforced=False)) == ["CASH_RESERVE"]


def test_a_cash_account_spends_the_lower_of_settled_cash_and_its_own() -> None:
    cash_account = under(a_book(cash=2_001), exposure__account_type=AccountType.CASH)
    assert failures(INTENT, replace(cash_account, account=READING)) == []
    for settled, expected in (({"USD": D(1_000)}, ["SETTLED_CASH"]), ({"USD": D(1_001)}, [])):
        reading = replace(READING, settled_cash=settled)
        assert failures(INTENT, replace(cash_account, account=reading)) == expected


def test_proceeds_that_have_not_settled_are_not_spent_though_own_cash_has_them() -> None:
    """Told before a purchase: what it told as settled has been spent by now."""
    book = a_book(cash=1_500)
    cash_account = under(book, exposure__account_type=AccountType.CASH, cash__reserve_min=D(0))
    reading = replace(READING, settled_cash={"USD": D(2_000)}, unsettled_cash={"USD": D(500)})
    assert failures(INTENT, replace(cash_account, account=reading)) == ["SETTLED_CASH"]
    less = replace(reading, unsettled_cash={"USD": D(499)})
    assert failures(INTENT, replace(cash_account, account=less)) == []


def test_what_was_sold_since_the_broker_told_has_not_settled() -> None:
    book = a_book(held=10, cash=1_010)
    cash_account = under(book, exposure__account_type=AccountType.CASH, cash__reserve_min=D(0))
    asked = replace(cash_account, account=replace(READING, settled_cash={"USD": D(5_000)}))
    assert failures(INTENT, asked) == []
    sold = an_execution(1, "s.01.01", 5, side=SELL, price=D(100), order_ref=OrderRef(""))
    stranger = replace(sold, client_id=ClientId(0), perm_id=PermId(5), order_id=OrderId(0))
    record(book, ev.ExecutionSeen(stranger))
    # 1510 are there by now, and 500 of it are a sale's.
    assert book.cash["USD"] == D(1_510)
    assert failures(replace(INTENT, quantity=D(11)), asked) == ["SETTLED_CASH"]
    assert failures(INTENT, asked) == []
    # Once the broker has told again, its own word counts.
    later = replace(asked, now_utc=asked.now_utc + timedelta(seconds=362))
    assert failures(replace(INTENT, quantity=D(11)), later) == []


def test_cash_of_a_currency_of_which_nothing_is_told_buys_nothing() -> None:
    """A missing value of one currency is no new risk in it, whatever the others hold."""
    book = a_book(cash=10_000)
    book.cash["EUR"] = D(10_000)
    base = under(book, exposure__account_type=AccountType.CASH)
    in_euro = replace(base, instrument=an_instrument(currency="EUR"), account=READING)
    assert "SETTLED_CASH" in unavailable(INTENT, in_euro)
    told = replace(READING, settled_cash={"USD": D(0), "EUR": D(1_001)})
    settled = next(
        row for row in review(INTENT, replace(in_euro, account=told)).checks
        if row.code == "SETTLED_CASH"
    )  # fmt: skip
    assert settled.passed
    assert settled.value == "0.00 left of 1001.00"


def test_a_cash_account_without_word_on_settled_cash_buys_nothing() -> None:
    cash_account = under(exposure__account_type=AccountType.CASH)
    assert "SETTLED_CASH" in unavailable(INTENT, cash_account)
    for silent in (replace(READING, settled_cash={}), replace(READING, unsettled_cash={})):
        assert "SETTLED_CASH" in unavailable(INTENT, replace(cash_account, account=silent))


def test_the_stricter_type_of_account_counts() -> None:
    told = replace(READING, account_type=AccountType.CASH, settled_cash={"USD": D(5)})
    assert failures(INTENT, given(a_book(), account=told)) == ["SETTLED_CASH"]
    loose = replace(told, account_type=AccountType.PORTFOLIO_MARGIN)
    cash_account = under(exposure__account_type=AccountType.CASH)
    assert failures(INTENT, replace(cash_account, account=loose)) == ["SETTLED_CASH"]


@pytest.mark.parametrize(
    ("intent", "reserve"),
    [
        (an_intent(limit_price=D(103)), "10300"),
        (an_intent(order_type=OrderType.MARKET, limit_price=None), "10605"),
        (an_intent(order_type=OrderType.STOP, limit_price=None, stop_price=D(104)), "10920"),
        (an_intent(order_type=OrderType.STOP, limit_price=None, stop_price=D(98)), "10605"),
    ],
)
def test_a_buy_is_reserved_at_the_worst_price_of_its_type(intent: Any, reserve: str) -> None:
    policy = a_policy(order__notional_max=D(10**6), position__notional_max=D(10**6))
    sound = given(
        a_book(cash=1_000_000),
        quote=a_quote(bid=D(100), ask=D(101)),
        instrument=an_instrument(multiplier=D(100)),
        policy=policy,
    )
    verdict = review(intent, sound)
    assert isinstance(verdict, Approved)
    assert verdict.reserve_per_unit == D(reserve)


# ---- cash under any order of events


class CashIsThere(RuleBasedStateMachine):
    """Approve, acknowledge, fill and cancel at random; buys fill at most at their collar.

    The commission of an order is charged as the broker charges it: over all its fills at most
    the worst of its whole quantity. Short sales are off, as they need margin.
    """

    POLICY = a_policy(
        **{f"rate__{name}": 10_000 for name in ("orders_max", "orders_per_strategy_max")},
        **{f"rate__{name}": 10_000 for name in ("orders_per_instrument_max", "repeats_max")},
        rate__daily_trades_max=10_000,
        rate__executions_max=10_000,
        cash__reserve_min=Decimal(500),
        price__collar_fraction_max=Decimal("0.10"),
        price__slippage_fraction_max=Decimal("0.10"),
        position__is_wash_prevented=False,
        exposure__is_enforced=False,
    )

    @initialize(held=st.integers(0, 60), cash=st.integers(0, 6_000))
    def begin(self, held: int, cash: int) -> None:
        self.book = a_book(held, cash)
        self.number = 0
        self.fills = 0
        # What each order may cost at most per unit, and the commission charged so far.
        self.caps: dict[OrderId, Decimal] = {}
        self.charged: dict[OrderId, Decimal] = {}
        self.start = Decimal(cash)

    @rule(
        side=st.sampled_from([BUY, BUY, SELL]),
        quantity=st.integers(1, 40),
        kind=st.sampled_from(list(OrderType)),
        bid=st.integers(20, 120),
        spread=st.integers(0, 6),
        offset=st.integers(-8, 8),
        is_operator=st.booleans(),
        is_reduce_only=st.booleans(),
    )
    def want(
        self,
        side: Side,
        quantity: int,
        kind: OrderType,
        bid: int,
        spread: int,
        offset: int,
        is_operator: bool,
        is_reduce_only: bool,
    ) -> None:
        self.number += 1
        price = D(bid + offset)
        intent = an_intent(
            self.number,
            side=side,
            quantity=D(quantity),
            order_type=kind,
            limit_price=price if kind is OrderType.LIMIT else None,
            stop_price=price if kind is OrderType.STOP else None,
            is_reduce_only=is_reduce_only,
        )
        ask = D(bid + spread)
        quote = a_quote(bid=D(bid), ask=ask)
        verdict = review(
            intent, given(self.book, quote=quote, policy=self.POLICY, is_operator=is_operator)
        )
        if not isinstance(verdict, Approved):
            return
        order_id = OrderId(self.number)
        record(self.book, reviewed(intent))
        record(self.book, planned(intent, self.number, verdict.reserve_per_unit))
        record(self.book, ev.OrderSent(order_id))
        collar = {
            OrderType.LIMIT: price,
            OrderType.MARKET: ask * D("1.1"),
            OrderType.STOP: max(price, ask) * D("1.1"),
        }
        self.caps[order_id] = collar[kind]
        self.charged[order_id] = D(0)

    @precondition(lambda self: self.book.live_orders)
    @rule(
        data=st.data(), word=st.sampled_from(["ack", "silence", "cancel", "cancelled", "rejected"])
    )
    def say(self, data: st.DataObject, word: str) -> None:
        order_id = data.draw(st.sampled_from(sorted(self.book.live_orders)))
        events: dict[str, ev.Event] = {
            "ack": a_status(order_id),
            "silence": ev.OrderUnanswered(order_id, "test"),
            "cancel": ev.CancelSent(order_id, "test"),
            "cancelled": a_status(order_id, status="Cancelled"),
            "rejected": ev.OrderErrorSeen(order_id, 201, "no", ev.Evidence.REJECTS_NEW),
        }
        record(self.book, events[word])

    @precondition(lambda self: self.book.live_orders)
    @rule(data=st.data(), percent=st.integers(1, 100), is_reported=st.booleans())
    def fill_some(self, data: st.DataObject, percent: int, is_reported: bool) -> None:
        order_id = data.draw(st.sampled_from(sorted(self.book.live_orders)))
        remaining = self.book.live_orders[order_id].remaining
        quantity = max(D(int(remaining * percent / 100)), D(1))
        cents = data.draw(st.integers(1_000, int(self.caps[order_id] * 100)))
        self.fill(self.book, self.charged, order_id, quantity, D(cents) / 100, is_reported)

    def fill(
        self,
        book: Book,
        charged: dict[OrderId, Decimal],
        order_id: OrderId,
        quantity: Decimal,
        price: Decimal,
        is_reported: bool,
    ) -> None:
        order = book.orders[order_id]
        self.fills += 1
        exec_id = f"x{self.fills}.01"
        execution = an_execution(
            order_id,
            exec_id,
            quantity,
            side=order.terms.side,
            price=price,
            order_ref=order.order_ref,
        )
        record(book, ev.ExecutionSeen(execution))
        filled = book.orders[order_id].filled
        due = self.POLICY.cash.worst_commission(filled) - charged[order_id]
        charged[order_id] += due
        if is_reported:
            record(book, ev.CommissionSeen(commission_of(exec_id, due)))
        else:
            # Taken by the broker, and not told yet.
            book.unreported = getattr(book, "unreported", D(0)) + due  # type: ignore[attr-defined]

    @invariant()
    def the_cash_is_there_when_everything_that_buys_fills_first(self) -> None:
        if not hasattr(self, "book"):
            return
        book, charged = deepcopy(self.book), dict(self.charged)
        floor = min(self.start, self.POLICY.cash.reserve_min)
        for side in (BUY, SELL):
            for order in sorted(book.live_orders.values(), key=lambda row: row.order_id):
                if order.terms.side is side:
                    price = self.caps[order.order_id] if side is BUY else D(10)
                    self.fill(book, charged, order.order_id, order.remaining, price, True)
            owed = getattr(book, "unreported", D(0))
            assert book.cash["USD"] - owed >= floor
            assert book.position_of(CON) >= 0

    @invariant()
    def no_order_ever_fills_beyond_its_quantity(self) -> None:
        for order in getattr(self, "book", Book()).orders.values():
            assert order.filled <= order.terms.quantity


def commission_of(exec_id: str, amount: Decimal) -> Any:
    return replace(commissioned(exec_id).commission, amount=amount)


TestCashIsThere = CashIsThere.TestCase
TestCashIsThere.settings = settings(max_examples=150, stateful_step_count=30)


def test_only_purchases_ask_for_settled_cash_and_a_closing_one_does_not() -> None:
    policy = a_policy(exposure__account_type=AccountType.CASH)
    sale = an_intent(90, side=SELL, is_reduce_only=False)
    unread = given(a_book(held=5), policy=policy)
    assert "SETTLED_CASH" not in unavailable(sale, unread)
    cover = given(a_book(held=-10), policy=policy)
    assert "SETTLED_CASH" not in unavailable(an_intent(90), cover)
    assert "SETTLED_CASH" in unavailable(an_intent(90), given(a_book(), policy=policy))


def test_each_check_is_asked_and_tells_its_own_code() -> None:
    assert asked_of(CHECKS) == ["CASH_RESERVE", "SETTLED_CASH"]
