"""What works, taken together, is what counting everything anew would give, after any events.

Method: hypothesis draws moves; each becomes an event about orders of two instruments in two
currencies. After every event the aggregates are held against a slow walk over the whole book,
and against those of the book that a checkpoint restores.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import ROUND_CEILING, Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.core.factories import (
    ACCOUNT,
    BUY,
    CLIENT,
    CON,
    OTHER_CON,
    RUN,
    SELL,
    a_book,
    a_status,
    an_echo,
    an_execution,
    an_id,
    an_intent,
    at,
    commissioned,
    executed,
    plan_order,
    record,
    reviewed,
    terms_of,
    work_order,
)
from trader.core import events as ev
from trader.core.book import Book
from trader.core.changes import ChangeTerms
from trader.core.checkpoint import restored, state_of
from trader.core.ids import ConId, ExecId, OrderId, PermId, StrategyName, order_ref
from trader.core.in_flight import InFlight
from trader.core.intents import OrderType, Side
from trader.core.orders import Order, OrderState
from trader.core.tapes import ActKind
from trader.core.working import (
    NOTHING,
    Foreign,
    Totals,
    Working,
    resting_price,
    value_in_base,
)

D = Decimal
CURRENCIES = {CON: "USD", OTHER_CON: "EUR"}
FINEST = D("0.000001")


def slow_terms(row: Order) -> list[ChangeTerms]:
    """Return every set of terms that the broker may hold an order at."""
    wanted = row.change.terms if row.change is not None and row.change.is_open else None
    return [row.terms.changeable, *([] if wanted is None else [wanted])]


def worst_limit(row: Order) -> Decimal | None:
    limits = [terms.limit_price for terms in slow_terms(row) if terms.limit_price is not None]
    if not limits:
        return None
    return max(limits) if row.terms.side is BUY else min(limits)


def counts(row: Order) -> bool:
    """Tell whether an order may still trade: it works, or is over and nothing proves its fills."""
    if row.state in (OrderState.WITHHELD, OrderState.FILLED):
        return False
    if row.state not in (OrderState.CANCELLED, OrderState.REJECTED):
        return True
    if row.settled is None:
        return True
    filled, said = row.settled
    return row.filled != filled or row.broker_filled > max(filled, said)


def slow_left(row: Order) -> Decimal:
    return max(*(terms.quantity - row.filled for terms in slow_terms(row)), D(0))


def slow_value(row: Order) -> Decimal:
    return slow_left(row) * max(terms.reserve_per_unit for terms in slow_terms(row))


def slow_working(book: Book, con_id: ConId) -> Working:
    """Count one instrument's working orders from the orders themselves."""
    orders = [
        row
        for row in book.orders.values()
        if counts(row) and row.terms.con_id == con_id and slow_left(row) > 0
    ]
    buys = [row for row in orders if row.terms.side is BUY]
    sells = [row for row in orders if row.terms.side is SELL]
    prices = {
        side: tuple(
            sorted(
                price
                for row in orders
                if row.terms.side is side
                # What is over trades with no other any more.
                and row.order_id in book.live_orders
                and (price := resting_price(side, row.terms.order_type, worst_limit(row)))
                is not None
            )
        )
        for side in Side
    }
    held = book.position_of(con_id)
    bought = sum((slow_left(row) for row in buys), start=D(0))
    sold = sum((slow_left(row) for row in sells), start=D(0))
    bought_value = sum((slow_value(row) for row in buys), start=D(0))
    sold_value = sum((slow_value(row) for row in sells), start=D(0))
    up = bought_value * max(abs(held + bought) - abs(held), D(0)) / bought if bought else D(0)
    down = sold_value * max(abs(held - sold) - abs(held), D(0)) / sold if sold else D(0)
    return Working(
        currency=CURRENCIES[con_id] if orders else "",
        buys=bought,
        sells=sold,
        buy_count=len(buys),
        sell_count=len(sells),
        buys_value=bought_value,
        sells_value=sold_value,
        bids=prices[BUY],
        asks=prices[SELL],
        adds_value=max(up, down).quantize(FINEST, rounding=ROUND_CEILING),
    )


def slow_total(book: Book, currency: str) -> Totals:
    """Count one currency from the orders and executions themselves."""
    rows = [slow_working(book, con_id) for con_id, name in CURRENCIES.items() if name == currency]
    pending = [
        quantity
        for family, quantity in book.uncommissioned.items()
        if book.fills[family].execution.currency == currency
    ]
    return Totals(
        buys_value=sum((row.buys_value for row in rows), start=D(0)),
        sells_value=sum((row.sells_value for row in rows), start=D(0)),
        adds_value=sum((row.adds_value for row in rows), start=D(0)),
        order_count=sum(row.buy_count + row.sell_count for row in rows),
        order_quantity=sum((row.buys + row.sells for row in rows), start=D(0)),
        pending_count=len(pending),
        pending_quantity=sum(pending, start=D(0)),
    )


def slow_foreign(book: Book, con_id: ConId) -> Foreign:
    rows = [row for row in book.foreign.values() if row.con_id == con_id]
    return Foreign(
        buys=sum((row.quantity for row in rows if row.side is BUY), start=D(0)),
        sells=sum((row.quantity for row in rows if row.side is SELL), start=D(0)),
    )


def slow_flights(book: Book) -> dict[StrategyName, dict[ConId, InFlight]]:
    """Count what each strategy has under way from the orders themselves."""
    found: dict[StrategyName, dict[ConId, InFlight]] = {}
    for row in book.orders.values():
        if counts(row) and slow_left(row) > 0:
            terms = row.terms
            rows = found.setdefault(terms.strategy, {})
            known = rows.get(terms.con_id) or InFlight(CURRENCIES[terms.con_id])
            rows[terms.con_id] = known.beside(terms.side, slow_left(row), slow_value(row))
    return found


def agrees(book: Book) -> None:
    assert book.workings.by_strategy == slow_flights(book)
    for con_id in CURRENCIES:
        assert book.workings.of(con_id) == slow_working(book, con_id)
        assert book.workings.foreign_of(con_id) == slow_foreign(book, con_id)
    for currency in CURRENCIES.values():
        assert book.workings.total(currency) == slow_total(book, currency)
    # What is over leaves nothing behind.
    assert set(book.workings.by_instrument) <= {
        row.terms.con_id for row in book.orders.values() if counts(row)
    }
    assert set(book.settling) == {
        row.order_id
        for row in book.orders.values()
        if row.order_id not in book.live_orders and counts(row)
    }


@st.composite
def moves(draw: st.DrawFn) -> tuple[str, int, int, int]:
    kind = draw(
        st.sampled_from(
            [
                "plan",
                "plan",
                "plan",
                "ack",
                "cancel",
                "cancelled",
                "reject",
                "settle",
                "settle",
                "filled on",
                "absent",
                "silence",
                "fill",
                "fill",
                "correct",
                "commission",
                "foreign",
                "gone",
                "adjust",
                "withhold",
                "modify",
                "modify",
                "modify sent",
                "modify lost",
                "modify withheld",
                "modify refuted",
                "shown",
                "shown",
            ]
        )
    )
    return kind, draw(st.integers(1, 6)), draw(st.integers(1, 30)), draw(st.integers(0, 900))


def event_of(book: Book, move: tuple[str, int, int, int]) -> ev.Event | None:
    """Turn a move into an event that the daemon could record now, or None."""
    kind, number, size, _ = move
    order_id = OrderId(number)
    order = book.orders.get(order_id)
    match kind:
        case "foreign":
            return ev.ForeignOrderSeen(
                PermId(number),
                CLIENT,
                CON if number % 2 else OTHER_CON,
                "AAA",
                SELL if size % 3 else BUY,
                D(size),
                "MKT",
                "Submitted",
            )
        case "gone":
            return ev.ForeignOrderGone(PermId(number))
        case "adjust":
            con_id = CON if number % 2 else OTHER_CON
            return ev.PositionAdjusted(con_id, "AAA", D(0), D(size - 15), "booked", "me")
        case "commission":
            return commissioned(f"x{number}.{size % 3}.01", size)
    if order is None:
        return None
    if kind == "modify":
        return modification(order, size) if is_changeable(order) else None
    asked = order.change.number if order.change else 0
    wanted = order.change.terms if order.change else order.terms.changeable
    about: dict[str, ev.Event] = {
        "ack": a_status(number),
        "cancel": ev.CancelSent(order_id, "x"),
        "cancelled": a_status(number, status="Cancelled"),
        "reject": ev.OrderErrorSeen(order_id, 201, "no", ev.Evidence.REJECTS_NEW),
        "settle": ev.OrderSettled(order_id, order.filled, "x"),
        "filled on": a_status(number, status="Cancelled", filled=D(size // 3)),
        "absent": ev.OrderProvenAbsent(order_id, RUN, RUN),
        "silence": ev.OrderUnanswered(order_id, "x"),
        "withhold": ev.OrderWithheld(order_id, "x"),
        "modify sent": ev.ModifySent(order_id, asked),
        "modify lost": ev.ModifyUnanswered(order_id, asked, "x"),
        "modify withheld": ev.ModifyWithheld(order_id, asked, "x"),
        "modify refuted": ev.ModifyRefuted(order_id, asked, RUN),
        "shown": an_echo(
            number,
            quantity=wanted.quantity,
            limit_price=wanted.limit_price,
            stop_price=wanted.stop_price,
        ),
        "fill": fill_of(book, number, f"x{number}.{size % 3}.01", size),
        "correct": fill_of(book, number, f"x{number}.{size % 3}.02", size // 2),
    }
    return about.get(kind)


def is_changeable(order: Order) -> bool:
    return not order.is_final and order.open_change is None


def modification(order: Order, size: int) -> ev.ModifyPlanned:
    """Ask for another quantity and, where the order has one, for another price."""
    was = order.terms.changeable
    price = D(80 + size)
    wanted = ChangeTerms(
        D(max(size, 1)),
        None if was.limit_price is None else price,
        None if was.stop_price is None else price,
        D(90) + size / D(8),
    )
    return ev.ModifyPlanned(
        order.order_id, 1 + (order.change.number if order.change else 0), wanted, "x"
    )


def fill_of(book: Book, number: int, exec_id: str, quantity: int) -> ev.ExecutionSeen:
    order = book.orders[OrderId(number)]
    execution = an_execution(
        number,
        exec_id,
        quantity,
        side=order.terms.side,
        con_id=order.terms.con_id,
        currency=order.terms.currency,
        order_ref=order.order_ref,
    )
    return ev.ExecutionSeen(execution)


def plan(book: Book, size: int, seconds: float) -> None:
    number = book.order_id_high + 1
    kind = list(OrderType)[size % 3]
    con_id = CON if size % 4 else OTHER_CON
    intent = an_intent(
        number,
        strategy=StrategyName("alpha" if size % 2 else "beta"),
        con_id=con_id,
        side=BUY if size % 5 else SELL,
        quantity=D(size),
        order_type=kind,
        limit_price=D(90 + size) if kind is OrderType.LIMIT else None,
        stop_price=D(90 + size) if kind is OrderType.STOP else None,
        is_reduce_only=size % 7 == 0,
    )
    terms = replace(terms_of(intent, D(100) + size / D(8)), currency=CURRENCIES[con_id])
    record(book, reviewed(intent), seconds)
    planned = ev.OrderPlanned(OrderId(number), CLIENT, order_ref(intent.intent_id), terms)
    record(book, planned, seconds)


def slow_count(events: list[tuple[float, ev.Event]], book: Book, kind: ActKind, now: float) -> int:
    """Count from the events themselves what was done in the last ten minutes."""
    kinds = {ActKind.ORDER: ev.OrderPlanned, ActKind.CANCEL: ev.CancelSent}
    return sum(1 for when, event in events if isinstance(event, kinds[kind]) and when >= now - 600)


@settings(max_examples=150, deadline=None)
@given(wished=st.lists(moves(), max_size=60))
def test_the_aggregates_are_those_of_counting_anew_after_any_events(
    wished: list[tuple[str, int, int, int]],
) -> None:
    book = a_book(held=20)
    done: list[tuple[float, ev.Event]] = []
    now = 0.0
    for move in wished:
        now += move[3]
        if move[0] == "plan":
            plan(book, move[2], now)
            planned = ev.OrderPlanned(OrderId(0), CLIENT, order_ref(an_id()), terms_of(an_intent()))
            done.append((now, planned))
        else:
            event = event_of(book, move)
            if event is None or not book.is_news(event):
                continue
            record(book, event, now)
            done.append((now, event))
        agrees(book)
        since = at(now) - timedelta(seconds=600)
        for kind in (ActKind.ORDER, ActKind.CANCEL):
            assert book.acts.count(since, (kind.value,)) == slow_count(done, book, kind, now)
    again = restored(state_of(book))
    assert again.workings == book.workings
    assert again.acts == book.acts
    assert again.planned == book.planned
    agrees(again)


# ---- one thing at a time


def test_nothing_works_in_an_empty_book() -> None:
    book = a_book()
    assert book.workings.of(CON) is NOTHING
    assert book.workings.total("USD") == Totals()
    assert NOTHING.best_bid is None
    assert NOTHING.best_ask is None


def test_an_order_counts_from_its_promise_until_it_is_settled() -> None:
    """INC-024, INC-037, INC-044."""
    book = a_book()
    plan_order(book)
    for event in (
        ev.OrderSent(OrderId(1)),
        a_status(),
        ev.CancelSent(OrderId(1), "x"),
        ev.OrderUnanswered(OrderId(1), "x"),
    ):
        record(book, event)
        assert book.workings.of(CON).buys == 10
        assert book.workings.total("USD").buys_value == 1_000
    record(book, a_status(status="Cancelled"))
    assert book.workings.of(CON).buys == 10
    assert book.workings.total("USD").buys_value == 1_000
    # It cannot meet another order of ours any more.
    assert book.workings.of(CON).best_bid is None
    record(book, ev.OrderSettled(OrderId(1), D(0), "test"))
    assert book.workings.of(CON) is NOTHING
    assert book.workings.by_currency == {}


def test_a_partial_fill_leaves_what_remains() -> None:
    book = a_book()
    work_order(book)
    record(book, executed(quantity=4))
    assert book.workings.of(CON).buys == 6
    assert book.workings.total("USD") == Totals(
        buys_value=D(600),
        adds_value=D(600),
        order_count=1,
        order_quantity=D(6),
        pending_count=1,
        pending_quantity=D(4),
    )


@pytest.mark.parametrize(
    ("held", "side", "quantity", "adds"),
    [
        (0, BUY, 10, 1_000),
        (0, SELL, 10, 1_000),
        (10, SELL, 10, 0),
        (10, SELL, 20, 0),
        (10, SELL, 30, 1_000),
        (-10, BUY, 10, 0),
        (-10, BUY, 30, 1_000),
        (10, BUY, 10, 1_000),
    ],
)
def test_only_what_makes_the_position_larger_adds_to_gross_exposure(
    held: int, side: Side, quantity: int, adds: int
) -> None:
    book = a_book(held)
    plan_order(book, an_intent(1, side=side, quantity=D(quantity)))
    assert book.workings.of(CON).adds_value == adds


def test_a_position_that_changes_makes_its_orders_add_another_amount() -> None:
    book = a_book(held=10)
    plan_order(book, an_intent(1, side=SELL))
    assert book.workings.total("USD").adds_value == 0
    record(book, ev.PositionAdjusted(CON, "AAA", D(10), D(0), "booked", "me"))
    assert book.workings.total("USD").adds_value == 1_000


def test_the_best_own_prices_are_those_that_can_trade_at_once() -> None:
    book = a_book()
    for number, price in enumerate((99, 101, 100), start=1):
        plan_order(book, an_intent(number, limit_price=D(price)), number)
    stop = an_intent(4, side=SELL, order_type=OrderType.STOP, limit_price=None, stop_price=D(90))
    plan_order(book, stop, 4)
    assert book.workings.of(CON).best_bid == 101
    assert book.workings.of(CON).best_ask is None
    record(book, ev.OrderWithheld(OrderId(2), "x"))
    assert book.workings.of(CON).bids == (D(99), D(100))


def test_a_market_order_trades_with_every_price() -> None:
    assert resting_price(BUY, OrderType.MARKET, None) == D("Infinity")
    assert resting_price(SELL, OrderType.MARKET, None) == 0
    assert resting_price(SELL, OrderType.STOP, None) is None
    assert resting_price(SELL, OrderType.LIMIT, D(5)) == 5


@pytest.mark.parametrize(
    ("amounts", "expected"),
    [({}, D(0)), ({"USD": D(5)}, D(5)), ({"USD": D(5), "EUR": D(2)}, D(7)), ({"JPY": D(1)}, None)],
)
def test_amounts_are_added_in_the_base_currency_or_not_at_all(
    amounts: dict[str, Decimal], expected: Any
) -> None:
    assert value_in_base(amounts, {"USD": D(1), "EUR": D(1)}) == expected


def test_a_baseline_tells_the_orders_that_work_already() -> None:
    book = a_book()
    plan_order(book, an_intent(1, side=SELL))
    holding = ev.Holding(CON, "AAA", D(10), D(90), D(1))
    record(
        book, ev.AccountBaselined(ACCOUNT, (holding,), (("USD", D(5)),), (ExecId("b.01"),), "me")
    )
    assert book.workings.of(CON).adds_value == 0
