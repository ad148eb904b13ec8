"""The entries of the book are values; the tally counts from zero."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, astuple

import pytest

from tests.unit.core.factories import T0, an_execution
from trader.core.entries import Fill, IntentRecord, Past, Tally
from trader.core.history_events import HistoryRetired
from trader.core.ids import IntentId, OrderId


def test_a_tally_begins_with_nothing_counted() -> None:
    assert set(astuple(Tally())) == {0}


def test_an_entry_cannot_be_changed_after_it_was_made() -> None:
    with pytest.raises(FrozenInstanceError):
        IntentRecord("d", is_approved=True, code="", text="").code = "X"  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        Fill(an_execution(), 1, OrderId(1)).revision = 2  # type: ignore[misc]


def test_the_past_knows_the_highest_number_of_all_that_left() -> None:
    def gone(*numbers: int) -> HistoryRetired:
        intents = tuple(IntentId(f"abc123-alpha-{number}") for number in numbers)
        orders = tuple(OrderId(10 * number) for number in numbers)
        return HistoryRetired(T0, intents, orders, ())

    past = Past().after(gone(3, 2)).after(gone(1)).after(HistoryRetired(T0, (), (), ()))
    assert (past.numbers, past.order_id) == ({"abc123-alpha": 3}, 30)
    assert [past.has_number(IntentId(f"abc123-alpha-{number}")) for number in (1, 3, 4)] == [
        True,
        True,
        False,
    ]
    assert not past.has_number(IntentId("abc124-alpha-1"))
    assert not past.has_number(IntentId("no number"))
    assert past.before_utc is None
