"""Trades that closed, with what they cost, and how many lost in a row."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.unit.core.factories import BUY, CON, OTHER_CON, SELL, an_execution
from trader.core.entries import Fill
from trader.core.ids import ConId
from trader.core.round_trips import closed_trades, losses_in_a_row

D = Decimal


def fill(
    signed: int, price: str, commission: str = "0", con_id: ConId = CON
) -> tuple[Fill, Decimal]:
    side = BUY if signed > 0 else SELL
    execution = an_execution(1, exec_id="e.01", quantity=abs(signed), side=side, con_id=con_id)
    return Fill(replace(execution, price=D(price)), 1, None), D(commission)


@pytest.mark.parametrize(
    ("results", "count"),
    [([], 0), ([1], 0), ([-1], 1), ([-1, 1], 0), ([1, -1, -2], 2), ([-1, 0, -1], 1)],
)
def test_losses_are_counted_from_the_newest(results: list[int], count: int) -> None:
    assert losses_in_a_row([D(value) for value in results]) == count


def test_a_trade_counts_when_it_is_closed_and_after_commissions() -> None:
    fills = [fill(10, "100", "1"), fill(-4, "101", "1"), fill(-6, "100", "1")]
    assert closed_trades(fills[:2], {CON: D(6)}) == ()
    assert closed_trades(fills, {CON: D(0)}) == (D(1),)
    assert closed_trades([fill(10, "100", "1"), fill(-10, "100", "1")], {}) == (D(-2),)


def test_a_short_trade_wins_when_the_price_falls() -> None:
    assert closed_trades([fill(-10, "100"), fill(10, "99")], {}) == (D(10),)


def test_a_fill_through_zero_closes_one_trade_and_opens_the_next() -> None:
    fills = [fill(10, "100"), fill(-15, "99", "3"), fill(5, "98", "1")]
    assert closed_trades(fills, {}) == (D(-12), D(3))


def test_instruments_are_trades_of_their_own() -> None:
    fills = [
        fill(1, "10"),
        fill(1, "20", con_id=OTHER_CON),
        fill(-1, "25", con_id=OTHER_CON),
        fill(-1, "9"),
    ]
    assert closed_trades(fills, {}) == (D(5), D(-1))


def test_a_trade_that_had_begun_before_is_left_out() -> None:
    fills = [fill(-10, "90"), fill(5, "100"), fill(-5, "101")]
    assert closed_trades(fills, {CON: D(0)}) == (D(5),)


def test_an_execution_that_was_taken_back_is_no_trade() -> None:
    assert closed_trades([fill(10, "100"), fill(0, "90"), fill(-10, "99")], {}) == (D(-10),)
