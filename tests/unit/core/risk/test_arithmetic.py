"""What each check counts, against the same amount counted slowly from the orders themselves.

Method: hypothesis draws an account (holdings, orders and foreign orders of two instruments, two
currencies, multipliers, executions without a commission) and an intent. The amounts that the
checks put on record must be those of a walk over all orders, and each verdict that of comparing
the amount with its limit. A sign, a rate or a multiplier in the wrong place shows here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.unit.core.factories import (
    BUY,
    CLIENT,
    CON,
    LINEAGE,
    NOW_S,
    OTHER_CON,
    SELL,
    T0,
    a_quote,
    an_id,
    an_instrument,
    an_intent,
    baselined,
    executed,
    planned,
    record,
    reviewed,
)
from tests.unit.core.policies import a_policy, bent
from tests.unit.core.risk.cases import READING
from trader.core import events as ev
from trader.core.book import Book
from trader.core.ids import ConId, OrderId, PermId, order_ref
from trader.core.instruments import Instrument
from trader.core.intents import Intent, OrderType, Side
from trader.core.marks import Mark, Source
from trader.core.orders import Order
from trader.core.policy import AccountType, Policy, RegimeLimits
from trader.core.risk import RiskInput, review
from trader.core.valuation import valued

D = Decimal
ZERO = D(0)
RATES = {"USD": D(1), "EUR": D(2)}
FRACTION = D("0.5")


@dataclass(frozen=True)
class World:
    """One account with an intent in it."""

    book: Book
    intent: Intent
    instrument: Instrument
    asked: RiskInput
    policy: Policy
    foreign: dict[Side, Decimal]

    @property
    def rate(self) -> Decimal:
        return RATES[self.instrument.currency]

    @property
    def pushes(self) -> Decimal:
        """Return everything that trades on the intent's side, the intent included."""
        own = sum((left(row) for row in self.of(CON) if self.is_mine(row)), start=ZERO)
        return own + self.foreign[self.intent.side] + self.intent.quantity

    @property
    def projected(self) -> Decimal:
        return self.book.position_of(CON) + self.intent.side.sign * self.pushes

    def is_mine(self, order: Order) -> bool:
        return order.terms.side is self.intent.side

    def of(self, con_id: ConId) -> list[Order]:
        return [row for row in self.book.orders.values() if row.terms.con_id == con_id]


def left(order: Order) -> Decimal:
    return order.terms.quantity - order.filled


def worth(order: Order) -> Decimal:
    return left(order) * order.terms.reserve_per_unit


def side_worth(world: World, side: Side, *, currency: str | None = None) -> Decimal:
    """Return what the orders of a side may cost, in one currency or in the account's."""
    return sum(
        (
            worth(row) * (1 if currency else RATES[row.terms.currency])
            for row in world.book.orders.values()
            if row.terms.side is side and currency in (None, row.terms.currency)
        ),
        start=ZERO,
    )


def grows_elsewhere(world: World) -> Decimal:
    """Return by how much the other instrument's exposure can grow, in the account's currency."""
    held = world.book.position_of(OTHER_CON)
    most = ZERO
    for side in Side:
        rows = [row for row in world.of(OTHER_CON) if row.terms.side is side]
        units = sum((left(row) for row in rows), start=ZERO)
        if units:
            grown = max(abs(held + side.sign * units) - abs(held), ZERO)
            most = max(most, sum((worth(row) for row in rows), start=ZERO) * grown / units)
    rows = world.of(OTHER_CON)
    rate = RATES[rows[0].terms.currency] if rows else D(1)
    return most.quantize(D("0.000001"), rounding=ROUND_CEILING) * rate


def grows_here(world: World) -> Decimal:
    """Return by how much the intent's instrument can grow, whichever fills first."""
    asked = world.asked
    assert asked.quote is not None
    assert asked.quote.bid is not None
    assert asked.quote.ask is not None
    assert asked.valuation is not None
    mid = (asked.quote.bid + asked.quote.ask) / 2
    unit = mid * world.instrument.multiplier * world.rate
    held = world.book.position_of(CON)
    ends = []
    for side in Side:
        own = sum((left(row) for row in world.of(CON) if row.terms.side is side), start=ZERO)
        own += world.foreign[side] + (world.intent.quantity if side is world.intent.side else 0)
        ends.append(abs(held + side.sign * own))
    return max(ends) * unit - abs(asked.valuation.of(CON))


def unit_value(world: World) -> Decimal:
    assert world.asked.quote is not None
    assert world.asked.quote.bid is not None
    assert world.asked.quote.ask is not None
    mid = (world.asked.quote.bid + world.asked.quote.ask) / 2
    return mid * world.instrument.multiplier * world.rate


def worst_cost(world: World) -> Decimal:
    """Return what the order may cost in its own currency, its commission not included."""
    intent, quote = world.intent, world.asked.quote
    assert quote is not None
    assert quote.ask is not None
    collar = 1 + world.policy.price.collar_fraction_max
    if intent.order_type is OrderType.LIMIT:
        assert intent.limit_price is not None
        price = intent.limit_price
    elif intent.order_type is OrderType.STOP:
        assert intent.stop_price is not None
        price = max(intent.stop_price, quote.ask) * collar
    else:
        price = quote.ask * collar
    return price * intent.quantity * world.instrument.multiplier


def commissions(world: World, currency: str) -> Decimal:
    """Return what orders and unreported executions of a currency may still cost."""
    rows = [row for row in world.book.orders.values() if row.terms.currency == currency]
    live = [row for row in rows if left(row)]
    pending = [row.filled for row in rows if row.filled]
    units = sum((left(row) for row in live), start=ZERO) + sum(pending, start=ZERO)
    cash = world.policy.cash
    return (
        cash.commission_per_order_min * (len(live) + len(pending))
        + cash.commission_per_unit_max * units
    )


def own_commission(world: World) -> Decimal:
    cash = world.policy.cash
    return max(cash.commission_per_order_min, cash.commission_per_unit_max * world.intent.quantity)


def funds_left(world: World, fraction: Decimal = FRACTION) -> Decimal:
    reading = world.asked.account
    assert reading is not None
    assert reading.available_funds is not None
    assert reading.buying_power is not None
    reserved = side_worth(world, BUY) + side_worth(world, SELL)
    reserved += sum((commissions(world, name) * rate for name, rate in RATES.items()), start=ZERO)
    commission = own_commission(world) * world.rate
    cost = worst_cost(world) * world.rate
    return min(
        reading.available_funds - reserved - commission - cost * fraction,
        reading.buying_power - reserved - commission - cost,
    )


def cash_left(world: World) -> Decimal:
    currency = world.instrument.currency
    spent = side_worth(world, BUY, currency=currency) + commissions(world, currency)
    spent += own_commission(world) + (worst_cost(world) if world.intent.side is BUY else 0)
    return world.book.cash[currency] - spent


def expected(world: World) -> dict[str, tuple[str, bool]]:
    """Return for each check of an amount what it must say of it, and whether it passes."""
    valuation, policy = world.asked.valuation, world.policy
    assert valuation is not None
    equity = valuation.nav
    single = abs(world.projected) * unit_value(world)
    gross = valuation.gross + grows_here(world) + grows_elsewhere(world)
    leverage = valuation.gross_by_class.get("STK", ZERO)
    leverage += grows_here(world) + grows_elsewhere(world)
    elsewhere = sum(
        (
            worth(row) * RATES[row.terms.currency]
            for row in world.of(OTHER_CON)
            if world.is_mine(row)
        ),
        start=ZERO,
    )
    net = valuation.net - valuation.of(CON) + world.projected * unit_value(world)
    pushed = net * world.intent.side.sign + elsewhere
    used = 500 + max(grows_here(world), ZERO) * FRACTION + grows_elsewhere(world)
    notional = abs(world.projected) * unit_value(world) / world.rate
    cash = world.book.cash[world.instrument.currency]
    told = f" of {equity:.2f}"
    storm, order = policy.exposure.storm, policy.order
    stocks = policy.exposure.classes[0]
    return {
        "BOX_LIMIT": (f"{single:.2f}{told}", single <= storm.box_max * equity),
        "GROSS_LIMIT": (f"{gross:.2f}{told}", gross <= min(storm.gross_max, D(2)) * equity),
        "NET_LIMIT": (f"{pushed:.2f}{told}", pushed <= storm.net_max * equity),
        "LEVERAGE": (f"{leverage:.2f} STK{told}", leverage <= stocks.leverage_max * equity),
        "MARGIN": (f"{used / equity:.5f}", used / equity <= policy.exposure.margin_usage_max),
        "AVAILABLE_FUNDS": (f"{funds_left(world):.2f} left", funds_left(world) >= 0),
        "CASH_RESERVE": (
            f"{cash_left(world):.2f} left of {cash:.2f}",
            cash_left(world) >= policy.cash.reserve_min,
        ),
        "POSITION_MAX": (
            f"held {world.book.position_of(CON)}, then {world.projected}",
            abs(world.projected) <= policy.position.quantity_max,
        ),
        "POSITION_NOTIONAL_MAX": (f"{notional:.2f}", notional <= policy.position.notional_max),
        "NOTIONAL_MAX": (f"{worst_cost(world):.2f}", worst_cost(world) <= order.notional_max),
        "VIX_ALLOCATION": (
            f"{abs(world.projected)} worth {notional:.2f}",
            abs(world.projected) <= policy.position.quantity_max / 2
            and notional <= policy.position.notional_max / 2,
        ),
    }


AMOUNTS = st.integers(1, 40).map(D)
HOLDINGS = st.integers(-30, 30).map(D)
SIDES = st.sampled_from(Side)
ORDERS = st.lists(
    st.tuples(st.sampled_from([CON, OTHER_CON]), SIDES, AMOUNTS, AMOUNTS, st.booleans()),
    max_size=5,
)
# Each limit is near what an account like this one uses, so that both verdicts happen.
POLICIES = st.builds(
    lambda box, gross, net, leverage, margin, units, notional: a_policy(
        exposure__storm=RegimeLimits(gross, net, box),
        exposure__classes=(
            replace(a_policy().exposure.classes[0], leverage_max=leverage),
            *a_policy().exposure.classes[1:],
        ),
        exposure__margin_usage_max=margin,
        position__quantity_max=units,
        position__notional_max=notional,
        position__is_short_allowed=True,
        order__notional_max=notional,
        cash__reserve_min=D(1_000),
        price__collar_fraction_max=D("0.25"),
        price__spread_fraction_max=D("0.9"),
    ),
    *[st.integers(1, 60).map(lambda part: D(part) / 20)] * 4,
    st.integers(1, 40).map(lambda part: D(part) / 20),
    st.integers(10, 80).map(D),
    st.integers(1_000, 60_000).map(D),
)


def intents() -> st.SearchStrategy[Intent]:
    kinds = st.sampled_from([OrderType.LIMIT, OrderType.MARKET, OrderType.STOP])

    def made(side: Side, quantity: Decimal, kind: OrderType, price: int) -> Intent:
        return an_intent(
            90,
            side=side,
            quantity=quantity,
            order_type=kind,
            limit_price=D(price) if kind is OrderType.LIMIT else None,
            stop_price=D(price) if kind is OrderType.STOP else None,
        )

    return st.builds(made, SIDES, AMOUNTS, kinds, st.integers(40, 60))


def a_book_of(drawn: Any, currencies: dict[ConId, str]) -> Book:
    """Return a book with holdings, cash, orders of ours and of others, and some fills."""
    held, orders, foreign, cash = drawn
    book = Book()
    record(book, ev.JournalOpened(LINEAGE))
    holdings = tuple(
        ev.Holding(con_id, "AAA", quantity, D(50), D(1))
        for con_id, quantity in zip((CON, OTHER_CON), held, strict=True)
        if quantity
    )
    amounts = tuple((currency, D(cash)) for currency in RATES)
    record(book, replace(baselined(), holdings=holdings, cash=amounts))
    for number, (con_id, side, quantity, price, is_begun) in enumerate(orders, 1):
        wish = an_intent(number, con_id=con_id, side=side, quantity=quantity + 1)
        promise = planned(wish, number, price)
        terms = replace(promise.terms, currency=currencies[con_id])
        record(book, reviewed(wish))
        record(book, replace(promise, terms=terms))
        record(book, ev.OrderSent(OrderId(number)))
        if is_begun:
            ref = order_ref(an_id(number))
            changes = {"con_id": con_id, "side": side, "currency": currencies[con_id]}
            fill = executed(number, f"x{number}.01", 1, order_ref=ref, **changes)
            record(book, fill)
    for side, quantity in zip(Side, foreign, strict=True):
        row = ev.ForeignOrderSeen(
            PermId(700 + side.sign), CLIENT, CON, "AAA", side, quantity, "LMT", "x"
        )
        if quantity:
            record(book, row)
    return book


@st.composite
def worlds(draw: st.DrawFn) -> World:
    currencies = {con_id: draw(st.sampled_from(sorted(RATES))) for con_id in (CON, OTHER_CON)}
    foreign = draw(st.tuples(*[st.integers(0, 9).map(D)] * 2))
    held = draw(st.tuples(HOLDINGS, HOLDINGS))
    book = a_book_of((held, draw(ORDERS), foreign, draw(st.integers(3_000, 20_000))), currencies)
    policy = draw(POLICIES)
    instrument = an_instrument(
        currency=currencies[CON], multiplier=draw(st.sampled_from([D(1), D(10)]))
    )
    marks: dict[ConId, Mark | str] = {
        CON: Mark(D(48), currencies[CON], "STK", Source.QUOTE, NOW_S),
        OTHER_CON: Mark(D(7), currencies[OTHER_CON], "STK", Source.QUOTE, NOW_S),
    }
    asked = RiskInput(
        book=book,
        instrument=instrument,
        quote=a_quote(bid=D(48), ask=D(52)),
        policy=policy,
        now_utc=T0,
        now_s=NOW_S,
        valuation=valued(book.positions, marks, book.cash, rates=RATES, as_of_s=NOW_S),
        account=replace(
            READING,
            net_liquidation=None,
            available_funds=D(9_000),
            buying_power=D(12_000),
            initial_margin=D(500),
        ),
        allocation=D("0.5"),
    )
    assert asked.valuation is not None
    assume(asked.valuation.nav > 0)
    return World(
        book, draw(intents()), instrument, asked, policy, dict(zip(Side, foreign, strict=True))
    )


def shrinks(world: World) -> bool:
    """Tell whether the intent takes off what is held and no other order takes off already."""
    held, intent = world.book.position_of(CON), world.intent
    return held * intent.side.sign < 0 and world.pushes <= abs(held)


@given(worlds())
@settings(max_examples=200)
def test_each_amount_is_that_of_counting_every_order(world: World) -> None:
    """CAP-08, CAP-10, CAP-15, CAP-17, CAP-23, CAP-24, CAP-25."""
    rows = {row.code: row for row in review(world.intent, world.asked).checks}
    for code, (value, passed) in expected(world).items():
        if shrinks(world):
            assert rows[code].passed or code == "NOTIONAL_MAX", code
        else:
            told = rows[code].value.replace(" (above the warning)", "")
            assert (code, told, rows[code].passed) == (code, value, passed)


@given(worlds())
def test_a_cash_account_pays_with_what_is_settled_and_in_full(world: World) -> None:
    """The lower of settled cash and our own but for fresh sales, without leverage on the order."""
    settled = D(8_000)
    currency = world.instrument.currency
    reading = replace(world.asked.account, settled_cash={currency: settled})  # type: ignore[type-var]
    policy = bent(world.policy, exposure__account_type=AccountType.CASH)
    asked = replace(world.asked, account=reading, policy=policy)
    rows = {row.code: row for row in review(world.intent, asked).checks}
    assume(world.intent.side is BUY and not shrinks(world))
    cash = world.book.cash[currency]
    fills = [fill.execution for fill in world.book.fills.values()]
    # All of them are younger than the broker's word.
    sold = sum(row.cash_change for row in fills if row.side is SELL and row.currency == currency)
    spendable = min(settled, cash - sold)
    left_over = cash_left(world) - cash + spendable
    told = (rows["SETTLED_CASH"].value, rows["SETTLED_CASH"].passed)
    assert told == (f"{left_over:.2f} left of {spendable:.2f}", left_over >= 0)
    assert rows["AVAILABLE_FUNDS"].value == f"{funds_left(world, D(1)):.2f} left"
    assert rows["MARGIN"].passed is (world.projected >= 0)
