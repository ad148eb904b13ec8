"""The risk review: each check refuses alone, missing data refuses, and cash never goes negative.

Goal of the last part: whatever is approved, acknowledged, partly filled and cancelled, in
whichever order, the cash is there when everything that buys fills first, at the worst price.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given as given_any
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.unit.core.factories import (
    BUY,
    CLIENT,
    CON,
    NOW_S,
    OTHER_CON,
    RUN,
    SELL,
    a_book,
    a_market_intent,
    a_quote,
    a_status,
    an_execution,
    an_id,
    an_instrument,
    an_intent,
    at,
    commissioned,
    executed,
    given,
    limits,
    plan_order,
    planned,
    record,
    reviewed,
    send_order,
    terms_of,
    work_order,
)
from trader.core import events as ev
from trader.core.book import Book
from trader.core.ids import IntentId, OrderId, TicketId, order_ref
from trader.core.intents import Intent, OrderType, Side
from trader.core.risk import Approved, ApprovedOrder, Refused, RiskInput, review

D = Decimal


def codes(intent: Intent, risk_input: RiskInput) -> list[str]:
    """Return the codes of every check that failed, in order."""
    verdict = review(intent, risk_input)
    failed = [check.code for check in verdict.checks if not check.passed]
    if isinstance(verdict, Refused):
        assert verdict.code == failed[0]
        assert verdict.text.startswith(f"{failed[0]}: ")
    return failed


def test_a_sound_intent_is_approved_with_every_check_on_record() -> None:
    verdict = review(an_intent(), given(a_book()))
    assert isinstance(verdict, Approved)
    assert verdict.reserve_per_unit == 100
    assert {check.code for check in verdict.checks} == set(AT_LIMIT)
    assert all(check.passed for check in verdict.checks)


# ---- one limit broken by one step

TICKET = ev.TicketOpened(TicketId("t"), "position", CON, "text", RUN)


def with_orders(number: int, seconds: float = 0.0) -> Book:
    """Return a book in which that many orders were planned and are over."""
    book = a_book()
    for order_id in range(1, number + 1):
        plan_order(book, order_id=order_id, seconds=seconds)
        record(book, ev.OrderWithheld(OrderId(order_id), "test"))
    return book


def with_ticket(con_id: int) -> Book:
    book = a_book()
    record(book, replace(TICKET, con_id=type(CON)(con_id)))
    return book


INTENT = an_intent(90)
SALE = replace(INTENT, side=SELL)
EXIT = replace(SALE, is_reduce_only=True)
SHORTS = limits(is_short_allowed=True)
CENT = Decimal("0.01")


def under(limit: str, value: int | Decimal, book: Book | None = None) -> RiskInput:
    """Return an input with one limit replaced."""
    return given(book or a_book(), limits=limits(**{limit: value}))


# For each code an intent and its surroundings that keep the limit exactly when ``over`` is 0, and
# break it by one step when it is 1.
AT_LIMIT: dict[str, Callable[[int], tuple[Intent, RiskInput]]] = {
    "INTENT_ID_INVALID": lambda over: (
        replace(INTENT, intent_id=IntentId("mine-1") if over else an_id(90)),
        given(a_book()),
    ),
    "INSTRUMENT_UNKNOWN": lambda over: (
        INTENT,
        given(a_book(), instrument=an_instrument(is_tradeable=not over)),
    ),
    "QUANTITY_INVALID": lambda over: (
        replace(INTENT, quantity=10 + D("0.5") * over),
        given(a_book()),
    ),
    "PRICE_INVALID": lambda over: (
        replace(INTENT, stop_price=D(100) if over else None),
        given(a_book()),
    ),
    "PRICE_OFF_TICK": lambda over: (
        replace(INTENT, limit_price=100 + CENT / 2 * over),
        given(a_book()),
    ),
    "QUOTE_UNUSABLE": lambda over: (
        INTENT,
        given(a_book(), quote=a_quote(received_s=NOW_S - 10 - over)),
    ),
    "PRICE_COLLAR": lambda over: (
        replace(INTENT, limit_price=105 + CENT * over),
        given(a_book()),
    ),
    "QUANTITY_MAX": lambda over: (INTENT, under("order_quantity_max", D(10 - over))),
    "NOTIONAL_MAX": lambda over: (INTENT, under("order_notional_max", 1_000 - CENT * over)),
    "POSITION_MAX": lambda over: (
        INTENT,
        under("position_quantity_max", D(15), a_book(held=5 + over)),
    ),
    "POSITION_NOTIONAL_MAX": lambda over: (
        INTENT,
        under("position_notional_max", D(1_500), a_book(held=5 + over)),
    ),
    "SHORT_SALE": lambda over: (SALE, given(a_book(held=10 - over))),
    "REDUCE_ONLY": lambda over: (EXIT, given(a_book(held=10 - over), limits=SHORTS)),
    "CASH_RESERVE": lambda over: (INTENT, given(a_book(cash=2_001 - over))),
    "ORDER_RATE": lambda over: (INTENT, given(with_orders(4 + over))),
    "DAILY_ORDERS": lambda over: (
        INTENT,
        under("orders_per_day_max", 5, with_orders(4 + over, seconds=-100)),
    ),
    "QUARANTINED": lambda over: (INTENT, given(with_ticket(CON if over else OTHER_CON))),
}


def test_every_check_of_a_review_is_tried() -> None:
    assert list(AT_LIMIT) == [check.code for check in review(INTENT, given(a_book())).checks]


# A broken quote takes the reference of the collar away with it.
ALSO = {"QUOTE_UNUSABLE": ["PRICE_COLLAR"]}


@pytest.mark.parametrize("code", list(AT_LIMIT))
def test_a_limit_kept_exactly_approves(code: str) -> None:
    assert codes(*AT_LIMIT[code](0)) == []


@pytest.mark.parametrize("code", list(AT_LIMIT))
def test_a_limit_broken_by_one_step_refuses_alone(code: str) -> None:
    assert codes(*AT_LIMIT[code](1)) == [code, *ALSO.get(code, [])]


# ---- numbers that are none, and data that is missing

NOT_NUMBERS = ["NaN", "sNaN", "Infinity", "-Infinity", "1e30", "9e999999", "-1e30"]


@pytest.mark.parametrize("quantity", [*NOT_NUMBERS, "0", "-10", "0.1", "1e-30"])
def test_a_quantity_that_is_none_refuses_without_raising(quantity: str) -> None:
    for intent in (an_intent(quantity=D(quantity)), a_market_intent(quantity=D(quantity))):
        for side in (BUY, SELL):
            assert codes(replace(intent, side=side), given(a_book(10)))[0] == "QUANTITY_INVALID"


@pytest.mark.parametrize("price", [*NOT_NUMBERS, "0", "-100"])
@pytest.mark.parametrize("name", ["limit_price", "stop_price"])
def test_a_price_that_is_none_refuses_without_raising(name: str, price: str) -> None:
    kind = OrderType.LIMIT if name == "limit_price" else OrderType.STOP
    prices: dict[str, Any] = {"limit_price": None, "stop_price": None, name: D(price)}
    found = codes(an_intent(order_type=kind, **prices), given(a_book()))
    assert found[0] == "PRICE_INVALID"


@pytest.mark.parametrize(
    ("kind", "limit", "stop"),
    [
        (OrderType.LIMIT, None, None),
        (OrderType.LIMIT, D(100), D(100)),
        (OrderType.LIMIT, None, D(100)),
        (OrderType.STOP, None, None),
        (OrderType.STOP, D(100), D(100)),
        (OrderType.MARKET, D(100), None),
        (OrderType.MARKET, None, D(100)),
    ],
)
def test_an_order_type_has_its_own_prices_and_no_other(
    kind: OrderType, limit: Decimal | None, stop: Decimal | None
) -> None:
    intent = an_intent(order_type=kind, limit_price=limit, stop_price=stop)
    assert codes(intent, given(a_book()))[0] == "PRICE_INVALID"


@pytest.mark.parametrize(
    "quote",
    [
        None,
        a_quote(bid=None),
        a_quote(ask=None),
        a_quote(received_s=None),
        a_quote(received_s=NOW_S - 11),
        a_quote(received_s=NOW_S + 1),
        a_quote(bid=D(101)),
        a_quote(data_type=3),
        a_quote(is_halted=True),
        a_quote(bid=D(0)),
        a_quote(bid=D("NaN")),
        a_quote(ask=D("sNaN")),
        a_quote(ask=D("Infinity")),
        a_quote(con_id=OTHER_CON),
    ],
)
@pytest.mark.parametrize("intent", [an_intent(), a_market_intent()])
@pytest.mark.parametrize("is_operator", [False, True])
def test_without_a_good_quote_nothing_passes(quote: Any, intent: Intent, is_operator: bool) -> None:
    """INC-019, INC-058, INC-141; also for the operator, whose exits need a price as well."""
    exit_intent = replace(intent, side=SELL, is_reduce_only=True)
    found = codes(exit_intent, given(a_book(held=10), quote=quote, is_operator=is_operator))
    assert found[0] == "QUOTE_UNUSABLE"


@pytest.mark.parametrize(
    "instrument", [None, an_instrument(con_id=OTHER_CON), an_instrument(is_tradeable=False)]
)
def test_an_instrument_that_is_not_the_configured_one_refuses(instrument: Any) -> None:
    found = codes(an_intent(), given(a_book(), instrument=instrument))
    assert found[0] == "INSTRUMENT_UNKNOWN"


def test_cash_of_an_unknown_currency_refuses() -> None:
    instrument = an_instrument(currency="JPY")
    assert codes(an_intent(), given(a_book(), instrument=instrument)) == ["CASH_RESERVE"]


NUMBERS = st.decimals() | st.sampled_from(["10", "100", "0.01"]).map(Decimal)


@given_any(
    st.builds(
        an_intent,
        side=st.sampled_from([BUY, SELL]),
        quantity=NUMBERS,
        order_type=st.sampled_from(list(OrderType)),
        limit_price=st.none() | NUMBERS,
        stop_price=st.none() | NUMBERS,
        is_reduce_only=st.booleans(),
    ),
    st.builds(a_quote, bid=st.none() | NUMBERS, ask=st.none() | NUMBERS),
    st.integers(-20, 20),
    st.booleans(),
)
def test_a_review_always_ends_in_a_verdict(
    intent: Intent, quote: Any, held: int, is_operator: bool
) -> None:
    verdict = review(intent, given(a_book(held), quote=quote, is_operator=is_operator))
    if isinstance(verdict, Approved):
        assert verdict.reserve_per_unit.is_finite()
        assert verdict.reserve_per_unit > 0


# ---- projections


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
def test_an_order_counts_as_if_it_filled_from_its_promise_to_its_end(
    events: tuple[ev.Event, ...],
) -> None:
    """INC-037, INC-044: also while it is cancelling, held or unknown."""
    book = a_book()
    plan_order(book)
    for event in events:
        record(book, event)
    tight = limits(position_quantity_max=D(19), cash_reserve_min=D(98_000))
    found = codes(an_intent(2), given(book, limits=tight))
    assert found == ["POSITION_MAX", "CASH_RESERVE"]
    record(book, a_status(status="Cancelled"))
    if book.orders[OrderId(1)].is_final:
        assert codes(an_intent(2), given(book, limits=tight)) == []


def test_working_orders_of_another_instrument_do_not_count_to_the_position() -> None:
    book = a_book()
    plan_order(book, an_intent(1, con_id=OTHER_CON))
    assert codes(an_intent(2), given(book, limits=limits(position_quantity_max=D(10)))) == []


def test_a_working_sell_makes_no_room_for_a_buy() -> None:
    """It may not fill: the worst order of events counts."""
    book = a_book(held=10)
    plan_order(book, an_intent(1, side=SELL))
    tight = limits(position_quantity_max=D(19))
    assert codes(an_intent(2), given(book, limits=tight)) == ["POSITION_MAX"]


def test_commissions_not_reported_yet_are_set_aside() -> None:
    book = a_book(cash=3_002)
    send_order(book)
    record(book, executed())
    exact = given(book)
    assert codes(an_intent(2), exact) == []
    assert codes(an_intent(2), given(book, limits=limits(cash_reserve_min=D("1000.01")))) == [
        "CASH_RESERVE"
    ]
    record(book, commissioned(amount=0))
    assert codes(an_intent(2), given(book, limits=limits(cash_reserve_min=D("1000.01")))) == []


# ---- exits


@pytest.mark.parametrize("held", [50, -50])
def test_an_exit_from_a_position_far_over_its_limit_remains_possible(held: int) -> None:
    """A tightened limit must not lock the position in."""
    side = SELL if held > 0 else BUY
    tight = limits(position_quantity_max=D(20), position_notional_max=D(2_000))
    intent = an_intent(side=side, is_reduce_only=True)
    assert codes(intent, given(a_book(held), limits=tight)) == []
    wrong = replace(intent, side=side.opposite, is_reduce_only=False)
    loose = replace(tight, is_short_allowed=True)
    assert codes(wrong, given(a_book(held), limits=loose)) == [
        "POSITION_MAX",
        "POSITION_NOTIONAL_MAX",
    ]


def test_a_sale_of_what_is_held_needs_no_cash() -> None:
    assert codes(an_intent(side=SELL), given(a_book(held=10, cash=0))) == []


def test_a_second_cover_is_not_an_exit_and_needs_its_cash() -> None:
    """The first one closes the short; what the second buys has to be paid for."""
    book = a_book(held=-10, cash=1_500)
    cover = an_intent(1)
    assert codes(cover, given(book)) == []
    plan_order(book, cover)
    assert codes(an_intent(2), given(book)) == ["CASH_RESERVE"]


def test_two_exits_never_close_more_than_is_held() -> None:
    """INC-032."""
    book = a_book(held=10)
    loose = limits(is_short_allowed=True)
    half = an_intent(1, side=SELL, quantity=D(6), is_reduce_only=True)
    assert codes(half, given(book, limits=loose)) == []
    work_order(book, half)
    assert codes(replace(half, intent_id=an_id(2)), given(book, limits=loose)) == ["REDUCE_ONLY"]
    rest = replace(half, intent_id=an_id(3), quantity=D(4))
    assert codes(rest, given(book, limits=loose)) == []


@pytest.mark.parametrize(("held", "side"), [(0, SELL), (0, BUY), (10, BUY), (-10, SELL)])
def test_a_reduce_only_intent_without_something_to_reduce_is_refused(held: int, side: Side) -> None:
    intent = an_intent(side=side, is_reduce_only=True)
    assert "REDUCE_ONLY" in codes(intent, given(a_book(held)))


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
    loose = limits(is_short_allowed=True, orders_per_window_max=100)
    exits: list[tuple[OrderId, Intent]] = []
    for number, (side, quantity, is_cancelling) in enumerate(wanted, start=1):
        intent = an_intent(number, side=side, quantity=D(quantity), is_reduce_only=True)
        if isinstance(review(intent, given(book, limits=loose)), Approved):
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


# ---- rate, and the operator


def test_the_daily_count_looks_back_a_day_and_empties_by_itself() -> None:
    """It must not need a new order to forget the old ones: none could ever be sent again."""
    book = with_orders(5)
    full = limits(orders_per_day_max=5, orders_per_window_max=100)
    assert codes(an_intent(90), given(book, limits=full)) == ["DAILY_ORDERS"]
    next_day = given(book, limits=full, now_utc=at(86_401))
    assert codes(an_intent(90), next_day) == []


def test_the_rate_looks_back_one_window() -> None:
    book = with_orders(5)
    assert codes(an_intent(90), given(book, now_utc=at(60))) == ["ORDER_RATE"]
    assert codes(an_intent(90), given(book, now_utc=at(60.5))) == []


def crowded(held: int = 10, orders: int = 10) -> Book:
    book = a_book(held)
    for order_id in range(1, orders + 1):
        plan_order(book, order_id=order_id)
        record(book, ev.OrderWithheld(OrderId(order_id), "test"))
    return book


TIGHT = limits(
    order_quantity_max=D(5), order_notional_max=D(500), orders_per_day_max=5, cash_reserve_min=D(0)
)


def test_entries_leave_room_for_the_exits_and_exits_have_an_end_too() -> None:
    """A stop must still leave after a busy minute."""
    room = limits(orders_per_day_max=5, orders_per_window_max=5)
    full = ["ORDER_RATE", "DAILY_ORDERS"]
    assert codes(an_intent(90), given(crowded(orders=5), limits=room)) == full
    assert codes(EXIT, given(crowded(orders=5), limits=room)) == []
    assert codes(EXIT, given(crowded(orders=9), limits=room)) == []
    assert codes(EXIT, given(crowded(orders=10), limits=room)) == full


def test_an_operators_exit_passes_the_limits_of_rate_and_size() -> None:
    sound = given(crowded(), limits=TIGHT)
    assert codes(EXIT, sound) == ["QUANTITY_MAX", "NOTIONAL_MAX", "ORDER_RATE", "DAILY_ORDERS"]
    assert codes(EXIT, replace(sound, is_operator=True)) == []


def test_an_operators_entry_passes_no_limit_of_size() -> None:
    entry = an_intent(90)
    found = codes(entry, given(crowded(), limits=TIGHT, is_operator=True))
    assert found == ["QUANTITY_MAX", "NOTIONAL_MAX"]


@pytest.mark.parametrize(
    ("code", "intent", "changes"),
    [
        ("INSTRUMENT_UNKNOWN", EXIT, {"instrument": None}),
        ("QUANTITY_INVALID", replace(EXIT, quantity=D("9.5")), {}),
        ("PRICE_OFF_TICK", replace(EXIT, limit_price=D("100.001")), {}),
        ("QUOTE_UNUSABLE", EXIT, {"quote": None}),
        ("PRICE_COLLAR", replace(EXIT, limit_price=D(90)), {}),
        ("REDUCE_ONLY", replace(EXIT, quantity=D(11)), {"limits": limits(is_short_allowed=True)}),
        ("SHORT_SALE", replace(EXIT, quantity=D(11)), {}),
        ("QUARANTINED", EXIT, {}),
    ],
)
def test_an_operators_exit_is_held_against_reality_all_the_same(
    code: str, intent: Intent, changes: dict[str, Any]
) -> None:
    book = a_book(held=10)
    if code == "QUARANTINED":
        record(book, TICKET)
    assert code in codes(intent, given(book, is_operator=True, **changes))


# ---- the price a buy is reserved at


@pytest.mark.parametrize(
    ("intent", "reserve"),
    [
        (an_intent(limit_price=D(103)), "10300"),
        (a_market_intent(), "10605"),
        (an_intent(order_type=OrderType.STOP, limit_price=None, stop_price=D(104)), "10920"),
        (an_intent(order_type=OrderType.STOP, limit_price=None, stop_price=D(98)), "10605"),
    ],
)
def test_a_buy_is_reserved_at_the_worst_price_of_its_type(intent: Intent, reserve: str) -> None:
    quote = a_quote(bid=D(100), ask=D(101))
    instrument = an_instrument(multiplier=D(100))
    verdict = review(
        intent,
        given(
            a_book(cash=1_000_000),
            quote=quote,
            instrument=instrument,
            limits=limits(order_notional_max=D(10**6), position_notional_max=D(10**6)),
        ),
    )
    assert isinstance(verdict, Approved)
    assert verdict.reserve_per_unit == D(reserve)


def test_a_market_order_is_refused_when_the_spread_is_wider_than_the_collar() -> None:
    quote = a_quote(bid=D(90), ask=D(110))
    assert codes(a_market_intent(), given(a_book(), quote=quote)) == ["PRICE_COLLAR"]


# ---- proof


def test_an_approval_can_only_be_made_by_the_review() -> None:
    with pytest.raises(AssertionError, match="review only"):
        Approved(an_intent(), (), an_instrument(), D(100), object())


@pytest.mark.parametrize("change", [{"quantity": D(11)}, {"side": SELL}, {"intent_id": an_id(2)}])
def test_an_order_cannot_be_made_from_another_approval(change: dict[str, Any]) -> None:
    approval = review(an_intent(), given(a_book()))
    assert isinstance(approval, Approved)
    ref = order_ref(an_id())
    good = terms_of(an_intent())
    assert ApprovedOrder(approval, OrderId(1), CLIENT, ref, good).terms is good
    with pytest.raises(AssertionError):
        ApprovedOrder(approval, OrderId(1), CLIENT, ref, replace(good, **change))


# ---- cash under any order of events


class CashIsThere(RuleBasedStateMachine):
    """Approve, acknowledge, fill and cancel at random; buys fill at most at their collar.

    The commission of an order is charged as the broker charges it: over all its fills at most
    the worst of its whole quantity. Short sales are off, as they need margin.
    """

    LIMITS = limits(
        orders_per_window_max=10_000,
        orders_per_day_max=10_000,
        cash_reserve_min=Decimal(500),
        collar_fraction_max=Decimal("0.10"),
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
            intent, given(self.book, quote=quote, limits=self.LIMITS, is_operator=is_operator)
        )
        if isinstance(verdict, Refused):
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
        due = self.LIMITS.worst_commission(filled) - charged[order_id]
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
        floor = min(self.start, self.LIMITS.cash_reserve_min)
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
