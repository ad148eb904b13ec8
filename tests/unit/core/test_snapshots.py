"""A snapshot speaks of one account, and what it does not list is flat."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.factories import CON, OTHER_ACCOUNT, OTHER_CON, a_position_row, a_snapshot


def test_an_instrument_that_is_not_listed_is_flat() -> None:
    """INC-009: position rows list only what is not zero."""
    assert a_snapshot().position_of(CON) == 0


def test_a_position_is_that_of_the_snapshots_account() -> None:
    """INC-137."""
    rows = (
        a_position_row(10),
        a_position_row(99, account=OTHER_ACCOUNT),
        a_position_row(7, con_id=OTHER_CON),
    )
    snapshot = a_snapshot(positions=rows)
    assert snapshot.position_of(CON) == 10
    assert snapshot.position_of(OTHER_CON) == 7


@given(st.data())
def test_rows_repeated_and_shuffled_say_the_same(data: st.DataObject) -> None:
    rows = [a_position_row(10), a_position_row(-3, con_id=OTHER_CON)]
    arrived = data.draw(st.permutations(rows + rows))
    snapshot = a_snapshot(positions=tuple(arrived))
    assert snapshot.position_of(CON) == Decimal(10)
    assert snapshot.position_of(OTHER_CON) == Decimal(-3)
