"""Ticks to quote fields: no sentinel becomes a price, no delayed tick a live one."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.core.ids import ConId
from trader.ibkr.quotes import Subscriptions
from trader.ports import QuoteTick

CON_ID = ConId(265598)


@pytest.fixture
def quotes() -> Subscriptions:
    return subscribed()


def subscribed() -> Subscriptions:
    made = Subscriptions()
    made.add(9, CON_ID)
    return made


@pytest.mark.parametrize(
    ("tick_type", "field", "size_field"),
    [(1, "bid", "bid_size"), (2, "ask", "ask_size"), (4, "last", None)],
)
def test_a_price_brings_its_size_along(
    quotes: Subscriptions, tick_type: int, field: str, size_field: str | None
) -> None:
    got = list(quotes.price(9, tick_type, ("190.10", "300"), 1.5))
    expected = [QuoteTick(CON_ID, field, Decimal("190.10"), 1.5)]
    if size_field:
        expected.append(QuoteTick(CON_ID, size_field, Decimal(300), 1.5))
    assert got == expected


def test_prices_in_hundredths_are_passed_on_in_the_currency_and_sizes_as_they_are() -> None:
    quotes = Subscriptions()
    quotes.add(9, CON_ID, magnifier=100)
    got = list(quotes.price(9, 1, ("15468", "300"), 1.5))
    assert [tick.value for tick in got] == [Decimal("154.68"), Decimal(300)]
    assert next(quotes.price(9, 2, ("-1", "0"), 1.5)).value is None
    # Asked for again, a subscription brings its own.
    assert quotes.remove(CON_ID) == [9]
    quotes.add(9, CON_ID)
    assert next(quotes.price(9, 1, ("15468", "300"), 1.5)).value == 15468


@pytest.mark.parametrize(
    ("price", "size", "expected"),
    [
        ("-1", "0", None),
        ("-1", "300", None),
        ("-100", "5", None),
        ("0", "0", None),
        ("0.0", "", None),
        ("nan", "1", None),
        ("", "1", None),
        ("1.7976931348623157E308", "1", None),
        ("0", "5", Decimal(0)),
        ("16.68", "0", Decimal("16.68")),
    ],
)
def test_what_stands_for_no_data_is_no_price(
    quotes: Subscriptions, price: str, size: str, expected: Decimal | None
) -> None:
    assert next(quotes.price(9, 1, (price, size), 0.0)).value == expected


@given(st.integers(-5, 200))
def test_only_the_live_tick_types_become_fields(tick_type: int) -> None:
    quotes = subscribed()
    fields = {tick.field for tick in quotes.price(9, tick_type, ("1", "1"), 0.0)}
    sized = quotes.size(9, tick_type, "1", 0.0)
    fields |= {sized.field} if sized else set()
    live = {0: {"bid_size"}, 1: {"bid", "bid_size"}, 2: {"ask", "ask_size"}, 3: {"ask_size"}}
    assert fields == {**live, 4: {"last"}, 9: {"close"}}.get(tick_type, set())


@pytest.mark.parametrize(
    ("text", "expected"), [("1776094024", Decimal(1776094024)), ("", None), ("soon", None)]
)
def test_the_time_of_the_last_trade_is_a_number_or_none(
    quotes: Subscriptions, text: str, expected: Decimal | None
) -> None:
    assert quotes.last_time(9, text, 1.5) == QuoteTick(CON_ID, "traded", expected, 1.5)
    assert quotes.last_time(10, text, 1.5) is None


def test_a_size_below_zero_is_no_size(quotes: Subscriptions) -> None:
    got = quotes.size(9, 0, "-1", 0.0)
    assert got is not None
    assert got.value is None


@pytest.mark.parametrize(("value", "expected"), [(0.0, 0), (1.0, 1), (2.0, 2), (-1.0, None)])
def test_a_trading_halt_is_passed_on(
    quotes: Subscriptions, value: float, expected: int | None
) -> None:
    got = quotes.generic(9, 49, value, 0.0)
    assert got is not None
    assert (got.field, got.value) == ("halted", expected)
    assert quotes.generic(9, 48, value, 0.0) is None


def test_whether_ticks_are_live_is_passed_on(quotes: Subscriptions) -> None:
    assert quotes.data_type(9, 3, 2.0) == QuoteTick(CON_ID, "data_type", Decimal(3), 2.0)


def test_nothing_is_said_for_a_subscription_that_was_given_up(quotes: Subscriptions) -> None:
    assert quotes.remove(CON_ID) == [9]
    assert list(quotes.price(9, 1, ("1", "1"), 0.0)) == []
    assert quotes.size(9, 0, "1", 0.0) is None
    assert quotes.generic(9, 49, 1.0, 0.0) is None
    assert quotes.data_type(9, 1, 0.0) is None
    assert quotes.con_id_of(9) is None


def test_subscriptions_do_not_outlive_the_connection(quotes: Subscriptions) -> None:
    quotes.clear()
    assert quotes.con_id_of(9) is None


def test_lines_that_were_given_up_are_known_as_such_and_not_for_ever() -> None:
    quotes = Subscriptions()
    for request_id in range(10_002):
        quotes.add(request_id, CON_ID)
        quotes.remove(CON_ID)
    assert not quotes.is_retired(1)
    assert quotes.is_retired(2)
    assert quotes.is_retired(10_001)
    assert not quotes.is_retired(10_002)
