"""The account's value is an exact sum, and what cannot be valued is named and not guessed."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.factories import CON, OTHER_CON
from trader.core.marks import Mark, Source
from trader.core.positions import Position
from trader.core.valuation import valued

D = Decimal
MARKS = {
    CON: Mark(D(100), "USD", "STK", Source.QUOTE, 5.0),
    OTHER_CON: Mark(D(1_000), "EUR", "FUT", Source.BROKER, 3.0),
}
POSITIONS = {CON: Position(CON, "AAA", D(10)), OTHER_CON: Position(OTHER_CON, "BBB", D(-2))}
RATES = {"USD": D(1), "EUR": D("1.1")}


def value(**changes: Any) -> Any:
    given_now: dict[str, Any] = {
        "positions": POSITIONS,
        "marks": MARKS,
        "cash": {"USD": D(5_000), "EUR": D(100)},
        "rates": RATES,
    } | changes
    rates = given_now.pop("rates")
    return valued(*given_now.values(), rates=rates, as_of_s=7.0)


def test_everything_is_added_in_the_accounts_currency() -> None:
    worth = value()
    assert worth.notionals == {CON: D(1_000), OTHER_CON: D(-2_200)}
    assert (worth.gross, worth.net) == (D(3_200), D(-1_200))
    # The future was sold at nothing, and is bought back at 2,200 to be rid of it.
    assert worth.nav == 5_000 + 110 - 1_200
    assert worth.gross_by_class == {"STK": D(1_000), "FUT": D(2_200)}
    assert worth.missing == ()
    assert worth.of(CON) == 1_000
    assert (worth.as_of_s, worth.oldest_s, worth.marks) == (7.0, 3.0, MARKS)


def test_a_future_is_exposure_and_only_its_open_result_is_owned() -> None:
    """INC-088: a quarter of a million of notional is no quarter of a million of money."""
    held = {CON: Position(CON, "ESZ6", D(2), average_price=D(5_000), multiplier=D(50))}
    marks = {CON: Mark(D(5_010) * 50, "USD", "FUT", Source.BROKER, 5.0)}
    worth = value(positions=held, marks=marks, cash={"USD": D(100_000)})
    assert worth.gross == worth.net == 501_000
    assert worth.nav == 101_000


def test_currencies_that_were_traded_are_cash_and_counted_once() -> None:
    held = {CON: Position(CON, "EUR", D(1_000), average_price=D("1.1"))}
    marks = {CON: Mark(D("1.2"), "USD", "CASH", Source.QUOTE, 5.0)}
    worth = value(positions=held, marks=marks, cash={"USD": D(100)})
    assert (worth.gross, worth.nav) == (D(1_200), D(100))


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"marks": MARKS | {CON: "it is Sunday"}}, ("AAA (101): it is Sunday",)),
        ({"marks": {OTHER_CON: MARKS[OTHER_CON]}}, ("AAA (101): no mark",)),
        ({"rates": {"USD": D(1)}}, ("BBB (102): no rate for EUR", "EUR: no rate")),
    ],
)
def test_what_cannot_be_valued_is_named(changes: dict[str, Any], missing: tuple[str, ...]) -> None:
    """CAP-30: flagged, never taken for zero."""
    assert value(**changes).missing == missing


def test_what_is_flat_needs_neither_mark_nor_rate() -> None:
    flat = {con_id: Position(con_id, "AAA") for con_id in POSITIONS}
    worth = value(positions=flat, marks={}, cash={"USD": D(5), "JPY": D(0)}, rates={"USD": D(1)})
    assert worth.missing == ()
    assert worth.nav == 5
    assert worth.of(CON) == 0
    assert worth.oldest_s == worth.as_of_s


@given(
    st.lists(st.tuples(st.integers(-(10**6), 10**6), st.decimals(0, 10**6, places=4)), max_size=20),
    st.decimals(-(10**9), 10**9, places=2),
)
def test_the_sum_is_exact(rows: list[tuple[int, Decimal]], cash: Decimal) -> None:
    """CAP-02: held against fractions, which never round."""
    positions = {
        type(CON)(key): Position(type(CON)(key), "A", D(row[0])) for key, row in enumerate(rows)
    }
    marks = {type(CON)(key): replace(MARKS[CON], unit_value=row[1]) for key, row in enumerate(rows)}
    worth = value(
        positions=positions,
        marks=marks,
        cash={"USD": cash},
    )
    exact = sum((Fraction(quantity) * Fraction(mark) for quantity, mark in rows), Fraction(cash))
    assert Fraction(worth.nav) == exact
