"""The local market is never kinder than the quote, and always does the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.core.ids import ConId, OrderId
from trader.core.intents import OrderType, Side, TimeInForce
from trader.core.market import LIVE, Quote
from trader.core.matching import LocalFill, Look, Matched, Resting, Room, is_matchable, match

CON = ConId(1)
BUY, SELL = Side.BUY, Side.SELL
MARKET, LIMIT, STOP = OrderType.MARKET, OrderType.LIMIT, OrderType.STOP
D = Decimal


def order(side: Side = BUY, kind: OrderType = MARKET, price: str = "", **more: object) -> Resting:
    made = Resting(OrderId(1), CON, side, D(10), kind, TimeInForce.DAY)
    if kind is LIMIT:
        made = replace(made, limit_price=D(price))
    if kind is STOP:
        made = replace(made, stop_price=D(price))
    return replace(made, **more)  # type: ignore[arg-type]


def look(bid: str, ask: str, size: str | None = "100", **more: object) -> Look:
    shown = None if size is None else D(size)
    quote = Quote(CON, D(bid), D(ask), shown, shown, data_type=LIVE, received_s=100.0)
    return replace(Look(quote, 100.0, 10.0), **more)  # type: ignore[arg-type]


def outcome(found: Matched) -> tuple[Decimal, Decimal] | None:
    return None if found.fill is None else (found.fill.quantity, found.fill.price)


@pytest.mark.parametrize(
    ("resting", "price"),
    [
        (order(BUY), "101"),
        (order(SELL), "99"),
        # Reached on arrival: the other side's price, never better.
        (order(BUY, LIMIT, "102"), "101"),
        (order(BUY, LIMIT, "101"), "101"),
        (order(SELL, LIMIT, "98"), "99"),
        # Reached while it waited: its own limit, and not the better price.
        (order(BUY, LIMIT, "102", has_waited=True), "102"),
        (order(SELL, LIMIT, "98", has_waited=True), "98"),
        # Between the sides and at its own side nothing is certain.
        (order(BUY, LIMIT, "100.99"), None),
        (order(BUY, LIMIT, "99"), None),
        (order(SELL, LIMIT, "99.01"), None),
        # A stop waits for the side that it will meet, and pays it.
        (order(BUY, STOP, "101"), "101"),
        (order(BUY, STOP, "101.01"), None),
        (order(SELL, STOP, "99"), "99"),
        (order(SELL, STOP, "98.99"), None),
        (order(SELL, STOP, "90", is_elected=True), "99"),
    ],
)
def test_what_an_order_pays(resting: Resting, price: str | None) -> None:
    found = match(resting, look("99", "101"), Room())
    assert outcome(found) == (None if price is None else (D(10), D(price)))
    assert found.is_over is (price is not None)


def test_a_stop_that_was_elected_stays_so_when_the_market_comes_back() -> None:
    room = Room()
    found = match(order(SELL, STOP, "99"), look("99", "101", "4"), room)
    assert outcome(found) == (D(4), D(99))
    room.told("bid_size")
    found = match(found.order, look("105", "106", "4"), room)
    assert outcome(found) == (D(4), D(105))


@pytest.mark.parametrize(
    "blind",
    [
        look("99", "101", is_open=False),
        look("99", "101", now_s=111.0),
        look("101", "99"),
        look("99", "101", None),
        look("99", "101", "0"),
        Look(None, 100.0, 10.0),
        Look(replace(look("99", "101").quote, is_halted=True), 100.0, 10.0),  # type: ignore[type-var]
        Look(replace(look("99", "101").quote, data_type=3), 100.0, 10.0),  # type: ignore[type-var]
        Look(replace(look("99", "101").quote, bid=None), 100.0, 10.0),  # type: ignore[type-var]
    ],
)
def test_what_must_not_be_traded_on_fills_nothing(blind: Look) -> None:
    for resting in (order(), order(BUY, LIMIT, "500"), order(SELL, STOP, "500")):
        assert match(resting, blind, Room()).fill is None


def test_a_limit_that_has_met_no_market_yet_has_not_waited() -> None:
    """Blind on arrival, it pays the first price that there is, as it would have."""
    blind = match(order(BUY, LIMIT, "102"), look("99", "101", is_open=False), Room()).order
    assert outcome(match(blind, look("99", "101"), Room())) == (D(10), D(101))


def test_what_was_taken_is_gone_for_everybody_until_its_size_is_told_anew() -> None:
    room, market = Room(), look("99", "101", "15")
    assert outcome(match(order(), market, room)) == (D(10), D(101))
    second = match(order(), market, room)
    assert outcome(second) == (D(5), D(101))
    assert not second.is_over
    assert match(second.order, market, room).fill is None
    room.told("bid_size")
    room.told("last")
    room.told("ask")
    assert match(second.order, market, room).fill is None
    assert outcome(match(order(SELL), market, room)) == (D(10), D(99))
    room.told("ask_size")
    assert outcome(match(second.order, market, room)) == (D(5), D(101))


def test_an_immediate_order_is_over_after_its_first_look() -> None:
    ioc = order(BUY, LIMIT, "101", time_in_force=TimeInForce.IOC)
    part = match(ioc, look("99", "101", "3"), Room())
    assert (outcome(part), part.is_over) == ((D(3), D(101)), True)
    nothing = match(ioc, look("99", "101", is_open=False), Room())
    assert (nothing.fill, nothing.is_over) == (None, True)


def test_every_type_has_rules_or_is_known_to_have_none() -> None:
    assert all(is_matchable(kind) for kind in (MARKET, LIMIT, STOP))
    with pytest.raises(AssertionError, match="nothing left"):
        match(order(filled=D(10)), look("99", "101"), Room())


# ---- whatever happens

prices = st.integers(9_000, 11_000).map(lambda ticks: D(ticks) / 100)
quotes = st.tuples(prices, prices, st.none() | st.integers(0, 40), st.booleans(), st.booleans())
orders = st.tuples(
    st.sampled_from([BUY, SELL]),
    st.sampled_from([MARKET, LIMIT, STOP]),
    prices,
    st.integers(1, 50),
    st.sampled_from([TimeInForce.DAY, TimeInForce.IOC]),
)


def played(
    asked: Sequence[tuple[Side, OrderType, Decimal, int, TimeInForce]],
    market: Sequence[tuple[Decimal, Decimal, int | None, bool, bool]],
) -> list[tuple[LocalFill, Look]]:
    resting = [
        Resting(
            OrderId(number), CON, side, D(size), kind, tif,
            price if kind is LIMIT else None, price if kind is STOP else None,
        )
        for number, (side, kind, price, size, tif) in enumerate(asked)
    ]  # fmt: skip
    room, found = Room(), []
    for bid, ask, size, is_new, is_open in market:
        if is_new:
            room.told("bid_size")
            room.told("ask_size")
        now = look(str(bid), str(ask), None if size is None else str(size), is_open=is_open)
        kept = []
        for one in resting:
            matched = match(one, now, room)
            if matched.fill is not None:
                found.append((matched.fill, now))
            if not matched.is_over:
                kept.append(matched.order)
        resting = kept
    return found


@given(asked=st.lists(orders, max_size=6), market=st.lists(quotes, max_size=12))
def test_no_fill_is_better_than_the_quote_or_worse_than_the_limit_or_more_than_was_wished(
    asked: list[tuple[Side, OrderType, Decimal, int, TimeInForce]],
    market: list[tuple[Decimal, Decimal, int | None, bool, bool]],
) -> None:
    fills = played(asked, market)
    assert fills == played(asked, market), "the same market did something else"
    totals: dict[int, Decimal] = {}
    shown: dict[tuple[int, Side], Decimal] = {}
    for fill, now in fills:
        side, kind, price, size, _ = asked[fill.order_id]
        quote = now.quote
        assert quote is not None
        assert quote.bid is not None
        assert quote.ask is not None
        assert quote.bid <= quote.ask
        assert now.is_open
        assert fill.price >= quote.ask if side is BUY else fill.price <= quote.bid
        if kind is LIMIT:
            assert (fill.price - price) * side.sign <= 0
        totals[fill.order_id] = totals.get(fill.order_id, D(0)) + fill.quantity
        assert 0 < totals[fill.order_id] <= size
        key = id(now), side
        shown[key] = shown.get(key, D(0)) + fill.quantity
        assert shown[key] <= (quote.ask_size or 0)
