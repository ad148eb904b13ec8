"""For each code an intent that keeps the limit exactly, and the same broken by one step.

``CASES[code](0)`` must be approved, ``CASES[code](1)`` refused with this code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from tests.unit.core.factories import (
    BUY,
    CON,
    NOW_S,
    OTHER_CON,
    RUN,
    SELL,
    a_book,
    a_market_intent,
    a_quote,
    a_valuation,
    an_id,
    an_instrument,
    an_intent,
    at,
    executed,
    given,
    plan_order,
    record,
    send_order,
)
from tests.unit.core.policies import CLASSES, a_policy
from trader.core import events as ev
from trader.core.account import AccountReading, MarginPreview
from trader.core.bars import BarsView
from trader.core.book import Book
from trader.core.holdings import Holdings, Owned
from trader.core.ids import IntentId, OrderId, StrategyName, TicketId, order_ref
from trader.core.intents import BracketTerms, Intent, OrderType, TimeInForce
from trader.core.policy import DEFAULT_FORMS, AccountType, RegimeLimits, TradingHours
from trader.core.risk import RiskInput, SessionView, review
from trader.core.risk import case as risk_case
from trader.core.risk.case import UNAVAILABLE
from trader.core.risk.review import CheckFunction
from trader.core.tapes import Act, ActKind

D = Decimal
CENT = D("0.01")
INTENT = an_intent(90)
SALE = replace(INTENT, side=SELL)
EXIT = replace(SALE, is_reduce_only=True)
OTHER_STRATEGY = StrategyName("other")
TICKET = ev.TicketOpened(TicketId("t"), "position", CON, "text", RUN)
READING = AccountReading(
    net_liquidation=D(1_000_000),
    available_funds=D(1_000_000),
    buying_power=D(1_000_000),
    initial_margin=D(0),
    maintenance_margin=D(0),
    settled_cash={"USD": D(1_000_000)},
    unsettled_cash={"USD": D(0), "EUR": D(0)},
    account_type=None,
    as_of_s=NOW_S - 1,
)
OPEN = SessionView(
    is_regular=True, is_extended=True, since_open_s=600, until_close_s=600, until_restart_s=600
)
Case = tuple[Intent, RiskInput]


def failures(intent: Intent, risk_input: RiskInput) -> list[str]:
    """Return the codes of every check that failed over what it saw, in order."""
    checks = review(intent, risk_input).checks
    return [row.code for row in checks if not row.passed and row.value != UNAVAILABLE]


def unavailable(intent: Intent, risk_input: RiskInput) -> list[str]:
    """Return the codes of every check that failed for want of its input."""
    return [row.code for row in review(intent, risk_input).checks if row.value == UNAVAILABLE]


def under(book: Book | None = None, /, **limits: Any) -> RiskInput:
    """Return an input with some limits replaced, each named ``group__limit``."""
    return given(book or a_book(), policy=a_policy(**limits))


def with_orders(number: int, seconds: float = 0.0, **changes: Any) -> Book:
    """Return a book in which that many orders were planned and are over."""
    book = a_book()
    for order_id in range(1, number + 1):
        plan_order(book, an_intent(order_id, **changes), order_id, seconds)
        record(book, ev.OrderWithheld(OrderId(order_id), "test"))
    return book


def with_cancels(number: int) -> Book:
    book = a_book()
    send_order(book)
    for _ in range(number):
        record(book, ev.CancelSent(OrderId(1), "test"))
    record(book, ev.OrderErrorSeen(OrderId(1), 202, "gone", ev.Evidence.CONFIRMS_CANCEL))
    return book


def with_entries(number: int) -> Book:
    book = a_book()
    for order_id in range(1, number + 1):
        send_order(book, an_intent(order_id, quantity=D(1)), order_id)
        fill = executed(order_id, f"x{order_id}.01", 1, order_ref=order_ref(an_id(order_id)))
        record(book, fill)
    return book


def with_changes(number: int) -> Book:
    book = a_book()
    for _ in range(number):
        book.acts.add(Act(at(0), ActKind.MODIFY, OTHER_STRATEGY, CON, OrderId(7), BUY))
    return book


def with_ticket(con_id: int) -> Book:
    book = a_book()
    record(book, replace(TICKET, con_id=type(CON)(con_id)))
    return book


def with_shares(held: int, **shares: int) -> Book:
    """Return a book of which strategies hold parts."""
    book = a_book(held)
    rows = (Owned(StrategyName(name), CON, D(quantity)) for name, quantity in shares.items())
    book.holdings = Holdings(rows)
    return book


def with_own_sale(price: Decimal) -> Book:
    book = a_book()
    plan_order(book, an_intent(1, side=SELL, limit_price=price))
    return book


def exposed(**limits: Any) -> RiskInput:
    """Return an input whose storm has the given limits."""
    storm = replace(RegimeLimits(D(2), D(2), D(1)), **limits)
    return under(exposure__storm=storm)


def _sided(side: Any) -> Intent:
    return replace(INTENT, side=side)


def _quantity(value: Any) -> Callable[[int], Case]:
    return lambda over: (replace(INTENT, quantity=value if over else D(10)), given(a_book()))


def _price(value: Any) -> Callable[[int], Case]:
    return lambda over: (replace(INTENT, limit_price=value if over else D(100)), given(a_book()))


def _in_session(over: int, **changes: Any) -> RiskInput:
    policy = a_policy(
        session__hours=TradingHours.REGULAR,
        session__open_guard_s=600.0,
        session__close_guard_s=600.0,
        session__restart_guard_s=600.0,
    )
    return given(a_book(), policy=policy, session=replace(OPEN, **(changes if over else {})))


def _funds(over: int) -> Case:
    reading = replace(READING, available_funds=D(501) - CENT * over)
    return INTENT, given(a_book(), account=reading)


def _margin(over: int) -> Case:
    limits = under(exposure__margin_usage_max=D("0.01"))
    return INTENT, replace(limits, account=replace(READING, initial_margin=D(500) + over))


def _settled(over: int) -> Case:
    reading = replace(READING, settled_cash={"USD": D(1_001) - CENT * over})
    return INTENT, replace(under(exposure__account_type=AccountType.CASH), account=reading)


def _loss(over: int) -> Case:
    sound = under(exposure__day_loss_max=D("0.5"))
    return INTENT, replace(sound, baseline_equity=D(199_999) + over)


def _valuation(over: int) -> Case:
    sound = given(a_book())
    return INTENT, replace(sound, valuation=a_valuation(sound, as_of_s=NOW_S - 10 - over))


MANY = {"orders_max": 99, "orders_per_strategy_max": 99, "orders_per_instrument_max": 99}


def _counted(book: Book, **limits: int) -> RiskInput:
    return under(book, **{f"rate__{name}": value for name, value in (MANY | limits).items()})


LONG = given(a_book(held=10))


def _bracket(profit: Decimal, stop: Decimal, **changes: Any) -> Intent:
    if changes.get("side") is SELL:
        profit, stop = stop, profit
    return replace(INTENT, bracket=BracketTerms(profit, stop), **changes)


CASES: dict[str, Callable[[int], Case]] = {
    "INTENT_ID_INVALID": lambda over: (
        replace(INTENT, intent_id=IntentId("mine-1") if over else an_id(90)),
        given(a_book()),
    ),
    "QUARANTINED": lambda over: (INTENT, given(with_ticket(CON if over else OTHER_CON))),
    "INSTRUMENT_UNKNOWN": lambda over: (
        INTENT,
        given(a_book(), instrument=an_instrument(con_id=OTHER_CON if over else CON)),
    ),
    "INSTRUMENT_UNTRADEABLE": lambda over: (
        INTENT,
        given(a_book(), instrument=an_instrument(is_tradeable=not over)),
    ),
    "INSTRUMENT_MISMATCH": lambda over: (
        INTENT,
        given(a_book(), instrument=an_instrument(mismatch="multiplier" if over else "")),
    ),
    "SIDE_UNKNOWN": lambda over: (_sided("HOLD" if over else BUY), given(a_book())),
    "FORM_FORBIDDEN": lambda over: (
        INTENT,
        under(
            order__forms=frozenset(
                {("STK", OrderType.LIMIT, TimeInForce.IOC if over else TimeInForce.DAY)}
            )
        ),
    ),
    "QUANTITY_MISSING": _quantity(None),
    "QUANTITY_BOOLEAN": _quantity(True),
    "QUANTITY_NOT_A_NUMBER": _quantity(D("NaN")),
    "QUANTITY_INFINITE": _quantity(D("Infinity")),
    "QUANTITY_NEGATIVE": _quantity(D(-10)),
    "QUANTITY_ZERO": _quantity(D(0)),
    "QUANTITY_ABSURD": _quantity(D("1e30")),
    "QUANTITY_OFF_INCREMENT": lambda over: (
        replace(INTENT, quantity=10 + D("0.5") * over),
        given(a_book()),
    ),
    "PRICE_MISSING": _price(None),
    "PRICE_BOOLEAN": _price(True),
    "PRICE_NOT_A_NUMBER": _price(D("NaN")),
    "PRICE_INFINITE": _price(D("Infinity")),
    "PRICE_NEGATIVE": _price(D(-100)),
    "PRICE_ZERO": _price(D(0)),
    "PRICE_ABSURD": _price(D("1e30")),
    "PRICE_UNWANTED": lambda over: (
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
        under(price__slippage_fraction_max=D("0.9")),
    ),
    "SLIPPAGE": lambda over: (
        replace(INTENT, limit_price=104 + CENT * over),
        under(price__slippage_fraction_max=D("0.04")),
    ),
    "SPREAD": lambda over: (
        INTENT,
        given(
            a_book(),
            policy=a_policy(price__spread_fraction_max=D("0.02")),
            quote=a_quote(bid=D(99), ask=D(101) + CENT * over),
        ),
    ),
    "ILLIQUID": lambda over: (
        a_market_intent(90),
        given(
            a_book(),
            policy=a_policy(price__illiquid_spread_fraction=D("0.02") + D("0.00001") * (1 - over)),
            quote=a_quote(bid=D(99), ask=D(101)),
        ),
    ),
    "BARS_INCOMPLETE": lambda over: (
        INTENT,
        replace(given(a_book()), bars=BarsView(D("0.9") - D("0.0001") * over)),
    ),
    "QUANTITY_MAX": lambda over: (INTENT, under(order__quantity_max=D(10 - over))),
    "NOTIONAL_MAX": lambda over: (INTENT, under(order__notional_max=1_000 - CENT * over)),
    "POSITION_MAX": lambda over: (
        INTENT,
        under(a_book(held=5 + over), position__quantity_max=D(15)),
    ),
    "POSITION_NOTIONAL_MAX": lambda over: (
        INTENT,
        under(a_book(held=5 + over), position__notional_max=D(1_500)),
    ),
    "VIX_ALLOCATION": lambda over: (
        INTENT,
        replace(under(a_book(held=5 + over), position__notional_max=D(3_000)), allocation=D("0.5")),
    ),
    "SHORT_SALE": lambda over: (SALE, given(a_book(held=10 - over), account=READING)),
    "OPPOSED": lambda over: (SALE, given(with_shares(20, beta=10 + over), account=READING)),
    "REDUCE_ONLY": lambda over: (
        EXIT,
        under(a_book(held=10 - over), position__is_short_allowed=True, exposure__is_enforced=False),
    ),
    "CASH_RESERVE": lambda over: (INTENT, given(a_book(cash=2_001 - over))),
    "SETTLED_CASH": _settled,
    "SESSION_CLOSED": lambda over: (INTENT, _in_session(over, is_regular=False)),
    "SESSION_GUARD": lambda over: (INTENT, _in_session(over, until_close_s=599)),
    "RESTART_WINDOW": lambda over: (INTENT, _in_session(over, until_restart_s=599)),
    "ORDER_RATE": lambda over: (INTENT, _counted(with_orders(4 + over), orders_max=5)),
    "ORDER_RATE_STRATEGY": lambda over: (
        INTENT,
        _counted(with_orders(4 + over), orders_per_strategy_max=5),
    ),
    "ORDER_RATE_INSTRUMENT": lambda over: (
        INTENT,
        _counted(with_orders(4 + over, strategy=OTHER_STRATEGY), orders_per_instrument_max=5),
    ),
    "CANCEL_RATE": lambda over: (INTENT, _counted(with_cancels(4 + over), cancels_max=5)),
    "CANCEL_RATE_STRATEGY": lambda over: (
        INTENT,
        _counted(with_cancels(4 + over), cancels_per_strategy_max=5),
    ),
    "MESSAGE_RATE": lambda over: (INTENT, _counted(with_cancels(3 + over), messages_max=5)),
    "MESSAGE_RATE_STRATEGY": lambda over: (
        INTENT,
        _counted(with_cancels(3 + over), messages_per_strategy_max=5),
    ),
    "DAILY_TRADES": lambda over: (
        INTENT,
        _counted(with_orders(4 + over, seconds=-7_200), daily_trades_max=5),
    ),
    "DUPLICATE_PATTERN": lambda over: (INTENT, _counted(with_orders(4 + over), repeats_max=5)),
    "REPEATED_EXECUTION": lambda over: (INTENT, _counted(with_entries(4 + over), executions_max=5)),
    "CHURN": lambda over: (INTENT, _counted(with_changes(4 + over), modifies_max=5)),
    "WASH_TRADE": lambda over: (INTENT, given(with_own_sale(D(100) + CENT * (1 - over)))),
    "VALUATION": _valuation,
    "DAY_LOSS": _loss,
    "CONCENTRATION_HOLD": lambda over: (
        INTENT,
        under(exposure__concentration_hold=D("0.01") - D("0.00001") * over),
    ),
    "BOX_LIMIT": lambda over: (INTENT, exposed(box_max=D("0.01") - D("0.00001") * over)),
    "GROSS_LIMIT": lambda over: (INTENT, exposed(gross_max=D("0.01") - D("0.00001") * over)),
    "NET_LIMIT": lambda over: (INTENT, exposed(net_max=D("0.01") - D("0.00001") * over)),
    "STRATEGY_SHARE": lambda over: (
        INTENT,
        under(coordination__share_max=D("0.01") - D("0.00001") * over),
    ),
    "STRATEGY_NOTIONAL": lambda over: (
        INTENT,
        under(coordination__notional_max=1_000 - CENT * over),
    ),
    "LEVERAGE": lambda over: (
        INTENT,
        under(
            exposure__classes=(
                replace(CLASSES[0], leverage_max=D("0.01") - D("0.00001") * over),
                *CLASSES[1:],
            )
        ),
    ),
    "MARGIN": _margin,
    "AVAILABLE_FUNDS": _funds,
    "WHAT_IF": lambda over: (
        INTENT,
        replace(given(a_book()), what_if=MarginPreview(D(100) + CENT * over, D(100))),
    ),
    "BRACKET_ENTRY": lambda over: (_bracket(D(110), D(95), side=SELL if over else BUY), LONG),
    "BRACKET_FORM": lambda over: (
        _bracket(D(110), D(95), time_in_force=TimeInForce.IOC if over else TimeInForce.DAY),
        under(order__forms=DEFAULT_FORMS),
    ),
    "BRACKET_PRICE": lambda over: (_bracket(D(110), D(95 - 96 * over)), given(a_book())),
    "BRACKET_OFF_TICK": lambda over: (
        _bracket(D(110) + D("0.005") * over, D(95)),
        given(a_book()),
    ),
    "BRACKET_SIDES": lambda over: (_bracket(D(110), D("99.99") + CENT * over), given(a_book())),
    "BRACKET_DISTANCE": lambda over: (_bracket(D(150) + CENT * over, D(95)), given(a_book())),
}


def asked_of(checks: Iterable[tuple[str, CheckFunction]]) -> list[str]:
    """Ask checks about a sound intent; returns the codes under which they are listed.

    Each lets it pass and tells the code of its place.
    """
    case = risk_case.Case(INTENT, given(a_book()))
    found = []
    for code, run in checks:
        told = run(case)
        assert told.passed, told
        assert told.code == code, f"{code} tells {told.code}"
        found.append(code)
    return found
