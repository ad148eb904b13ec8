"""Position algebra: quantities add up, and no money appears or vanishes."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.factories import CON
from trader.core.positions import Position, adjusted, traded

TRADES = st.lists(
    st.tuples(
        st.integers(-500, 500).filter(bool).map(Decimal),
        st.decimals(min_value="0.01", max_value=1_000, places=2),
    ),
    max_size=30,
)
PRICES = st.decimals(min_value="0.01", max_value=1_000, places=2)
# Averages are quotients: 28 digits, so far less than a billionth of a cent is lost.
ROUNDING = Decimal("1e-12")


def after(trades: list[tuple[Decimal, Decimal]], multiplier: int = 1) -> Position:
    position = Position(CON, "AAA", multiplier=Decimal(multiplier))
    for quantity, price in trades:
        position = traded(position, quantity, price)
    return position


@given(TRADES)
def test_the_quantity_is_the_sum_of_the_trades(trades: list[tuple[Decimal, Decimal]]) -> None:
    assert after(trades).quantity == sum(quantity for quantity, _ in trades)


@given(TRADES, PRICES, st.sampled_from([1, 100]))
def test_cash_and_value_together_are_the_realised_and_the_open_result(
    trades: list[tuple[Decimal, Decimal]], mark: Decimal, multiplier: int
) -> None:
    position = after(trades, multiplier)
    cash = -sum((quantity * price * multiplier for quantity, price in trades), start=Decimal(0))
    value = position.quantity * mark * multiplier
    assert abs(cash + value - position.realized - position.unrealized(mark)) < ROUNDING * 10**6


@given(TRADES)
def test_a_flat_position_has_no_average_price(trades: list[tuple[Decimal, Decimal]]) -> None:
    position = after(trades)
    assert (position.average_price == 0) == (position.quantity == 0)


@given(TRADES)
def test_the_average_lies_among_the_prices_traded(trades: list[tuple[Decimal, Decimal]]) -> None:
    position = after(trades)
    if position.quantity:
        prices = [price for _, price in trades]
        assert min(prices) - ROUNDING <= position.average_price <= max(prices) + ROUNDING


@given(TRADES, PRICES)
def test_taking_a_trade_back_at_its_own_price_restores_the_result(
    trades: list[tuple[Decimal, Decimal]], mark: Decimal
) -> None:
    """A correction is booked as a reversal: it must neither earn nor lose."""
    before = after(trades)
    undone = traded(traded(before, Decimal(7), Decimal(50)), Decimal(-7), Decimal(50))
    assert undone.quantity == before.quantity
    total = before.realized + before.unrealized(mark)
    assert abs(undone.realized + undone.unrealized(mark) - total) < ROUNDING * 10**6


@pytest.mark.parametrize(
    ("trades", "quantity", "average", "realized"),
    [
        ([(10, 100), (10, 110)], 20, 105, 0),
        ([(10, 100), (-4, 110)], 6, 100, 40),
        ([(10, 100), (-10, 90)], 0, 0, -100),
        # Crossing zero closes at the old average and opens at the price of the trade.
        ([(10, 100), (-15, 110)], -5, 110, 100),
        ([(-10, 100), (15, 90)], 5, 90, 100),
        ([(-10, 100), (-10, 110)], -20, 105, 0),
        ([(-10, 100), (4, 90)], -6, 100, 40),
    ],
)
def test_adding_averages_and_closing_realises(
    trades: list[tuple[int, int]], quantity: int, average: int, realized: int
) -> None:
    position = after([(Decimal(number), Decimal(price)) for number, price in trades])
    assert position.quantity == quantity
    assert position.average_price == average
    assert position.realized == realized


@pytest.mark.parametrize("held", [-5, 0, 5])
def test_a_trade_of_nothing_changes_nothing(held: int) -> None:
    position = Position(CON, "AAA", Decimal(held), Decimal(100 if held else 0))
    assert traded(position, Decimal(0), Decimal(50)) == position


def test_the_open_result_of_a_short_grows_as_the_price_falls() -> None:
    short = Position(CON, "AAA", Decimal(-2), Decimal(100), multiplier=Decimal(50))
    assert short.unrealized(Decimal(90)) == 1_000
    assert short.unrealized(Decimal(110)) == -1_000


@pytest.mark.parametrize(
    ("held", "told", "average"), [(5, 7, 100), (5, 2, 100), (5, -2, 90), (0, 3, 90), (-5, -1, 100)]
)
def test_what_was_not_held_has_cost_what_the_broker_says(
    held: int, told: int, average: int
) -> None:
    position = Position(CON, "AAA", Decimal(held), Decimal(100 if held else 0))
    now = adjusted(position, Decimal(told), Decimal(90))
    assert (now.quantity, now.average_price) == (Decimal(told), Decimal(average))
