"""A restore gives the book another name and lifts its order ids; all else is as it was."""

from __future__ import annotations

from tests.unit.core.factories import LINEAGE, a_book, plan_order, record
from trader.core.checkpoint import restored, state_of
from trader.core.ids import Lineage, OrderId
from trader.core.journal_events import JournalRestored


def test_new_intents_have_another_name_and_known_orders_are_still_found() -> None:
    book = a_book()
    order_id = plan_order(book)
    known = book.orders[order_id]
    event = JournalRestored(
        Lineage("new001"), (LINEAGE,), OrderId(500), "9:ab", "copy.db", "", "lost", "ann"
    )
    record(book, event)
    assert (book.lineage, book.order_id_high) == ("new001", 500)
    assert book.lineages == (LINEAGE, "new001")
    assert book.order_of_intent(known.terms.intent_id) == known
    again = restored(state_of(book))
    assert (again.lineages, again.order_id_high) == (book.lineages, 500)
