"""What leaves the book leaves it whole, and only what was said to leave."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.unit.core.factories import T0, a_book, an_intent, record, work_order
from tests.unit.core.test_retiring import filled
from trader.core.checkpoint import restored, state_of
from trader.core.history_events import HistoryRetired
from trader.core.ids import ExecFamily, OrderId

LATER = T0 + timedelta(days=9)


def gone(number: int) -> HistoryRetired:
    return HistoryRetired(
        LATER,
        (an_intent(number).intent_id,),
        (OrderId(number),),
        (ExecFamily(f"{number}.01"),),
    )


def test_the_others_stay_as_they_were() -> None:
    book, alone = a_book(), a_book()
    for one in (book, alone):
        filled(one, 2)
        work_order(one, an_intent(3), 3)
    filled(book, 4)
    record(book, gone(4))
    assert book.orders == alone.orders
    assert book.fills == alone.fills
    assert book.commissions == alone.commissions
    assert book.perm_ids == alone.perm_ids
    assert set(book.intents) == set(alone.intents)


def test_a_checkpoint_keeps_what_left() -> None:
    book = a_book()
    filled(book, 4)
    record(book, gone(4))
    again = restored(state_of(book))
    assert again.past == book.past
    assert again.is_retired(an_intent(4).intent_id)
    assert state_of(again) == state_of(book)


def test_what_is_not_there_cannot_leave() -> None:
    book = a_book()
    with pytest.raises(KeyError):
        record(book, gone(4))
