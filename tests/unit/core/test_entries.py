"""The entries of the book are values; the tally counts from zero."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, astuple

import pytest

from tests.unit.core.factories import an_execution
from trader.core.entries import Fill, IntentRecord, Tally
from trader.core.ids import OrderId


def test_a_tally_begins_with_nothing_counted() -> None:
    assert set(astuple(Tally())) == {0}


def test_an_entry_cannot_be_changed_after_it_was_made() -> None:
    with pytest.raises(FrozenInstanceError):
        IntentRecord("d", is_approved=True, code="", text="").code = "X"  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        Fill(an_execution(), 1, OrderId(1)).revision = 2  # type: ignore[misc]
