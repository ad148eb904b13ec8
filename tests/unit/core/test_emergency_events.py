"""What left without the daemon is named once and for all, so that each start takes it in once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from tests.unit.core import factories as make
from trader.core import emergency_events as em
from trader.core.ids import OrderId, OrderRef, PermId

ORDER = em.EmergencyOrderKnown(
    order_ref=OrderRef("kill-abc123-1"),
    client_id=make.CLIENT,
    order_id=OrderId(9),
    account=make.ACCOUNT,
    con_id=make.CON,
    symbol="AAA",
    side=make.SELL,
    quantity=Decimal(10),
    sent_utc=make.T0,
    by="desk",
)
CANCEL = em.EmergencyCancelKnown(
    OrderRef(""), make.CLIENT, OrderId(1), PermId(9001), "AAA", False, make.T0, "desk"
)


def test_the_same_thing_is_taken_in_once_and_another_is_another() -> None:
    book = make.a_book()
    again = replace(CANCEL, sent_utc=make.T0 + timedelta(seconds=5))
    for event in (ORDER, CANCEL, again, replace(ORDER, order_ref=OrderRef("kill-abc123-2"))):
        assert book.is_news(event)
        make.record(book, event)
        assert not book.is_news(event)
    assert len(book.emergencies) == 4
