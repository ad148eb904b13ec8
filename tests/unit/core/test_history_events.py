"""The event names what left, so that a replay lets the same go."""

from __future__ import annotations

from tests.unit.core.factories import a_book
from tests.unit.core.test_retiring import LATER, filled, let_go
from trader.core.history_events import HistoryRetired


def test_a_replay_of_the_event_lets_the_same_go() -> None:
    book, again = a_book(), a_book()
    filled(book, 3)
    filled(again, 3)
    event = let_go(book)
    assert isinstance(event, HistoryRetired)
    assert event.before_utc == LATER
    again.seq = book.seq
    again._on_retired(event, LATER)
    assert again.past == book.past
    assert again.orders == book.orders
