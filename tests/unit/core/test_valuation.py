"""The account's value is an exact sum, and what cannot be valued is named and not guessed."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.factories import CON, OTHER_CON, an_instrument
from trader.core.positions import Position
from trader.core.valuation import valued

D = Decimal
INSTRUMENTS = {
    CON: an_instrument(),
    OTHER_CON: an_instrument(con_id=OTHER_CON, sec_type="FUT", multiplier=D(50), currency="EUR"),
}
POSITIONS = {CON: Position(CON, "AAA", D(10)), OTHER_CON: Position(OTHER_CON, "BBB", D(-2))}
RATES = {"USD": D(1), "EUR": D("1.1")}


def value(**changes: Any) -> Any:
    given_now: dict[str, Any] = {
        "positions": POSITIONS,
        "marks": {CON: D(100), OTHER_CON: D(20)},
        "instruments": INSTRUMENTS,
        "cash": {"USD": D(5_000), "EUR": D(100)},
        "rates": RATES,
    } | changes
    rates = given_now.pop("rates")
    return valued(*given_now.values(), rates=rates, as_of_s=7.0)


def test_everything_is_added_in_the_accounts_currency() -> None:
    worth = value()
    assert worth.notionals == {CON: D(1_000), OTHER_CON: D(-2_200)}
    assert (worth.gross, worth.net) == (D(3_200), D(-1_200))
    assert worth.nav == 5_000 + 110 - 1_200
    assert worth.gross_by_class == {"STK": D(1_000), "FUT": D(2_200)}
    assert worth.missing == ()
    assert worth.of(CON) == 1_000
    assert worth.as_of_s == 7.0


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"marks": {CON: None, OTHER_CON: D(20)}}, ("AAA (101): no mark",)),
        ({"marks": {OTHER_CON: D(20)}}, ("AAA (101): no mark",)),
        ({"marks": {CON: D("NaN"), OTHER_CON: D(20)}}, ("AAA (101): no mark",)),
        ({"marks": {CON: D(-1), OTHER_CON: D(20)}}, ("AAA (101): no mark",)),
        (
            {"instruments": {OTHER_CON: INSTRUMENTS[OTHER_CON]}},
            ("AAA (101): not a configured instrument",),
        ),
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


@given(
    st.lists(st.tuples(st.integers(-(10**6), 10**6), st.decimals(0, 10**6, places=4)), max_size=20),
    st.decimals(-(10**9), 10**9, places=2),
)
def test_the_sum_is_exact(rows: list[tuple[int, Decimal]], cash: Decimal) -> None:
    """CAP-02: held against fractions, which never round."""
    positions = {
        type(CON)(key): Position(type(CON)(key), "A", D(row[0])) for key, row in enumerate(rows)
    }
    marks = {type(CON)(key): row[1] for key, row in enumerate(rows)}
    worth = value(
        positions=positions,
        marks=marks,
        instruments=dict.fromkeys(positions, an_instrument()),
        cash={"USD": cash},
    )
    exact = sum((Fraction(quantity) * Fraction(mark) for quantity, mark in rows), Fraction(cash))
    assert Fraction(worth.nav) == exact
