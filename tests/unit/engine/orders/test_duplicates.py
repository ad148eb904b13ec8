"""What lives twice is cancelled at every look, seldom after five, and a person is called once."""

from __future__ import annotations

from tests.unit.engine.world import Pages
from trader.core.ids import OrderId, PermId
from trader.engine.orders.duplicates import Duplicates

TWICE = {OrderId(7): (PermId(70), PermId(71))}


def test_it_is_cancelled_until_it_is_gone_and_begins_anew() -> None:
    duplicates, sent = Duplicates(Pages()), []
    duplicates.cancel = lambda order_id, reason: sent.append((order_id, reason))
    assert duplicates.take_off(TWICE, 0.0)
    assert duplicates.take_off(TWICE, 2.0)
    assert not duplicates.take_off({}, 4.0)
    assert sent == [(7, "the broker holds it more than once")] * 2
    for look in range(5):
        assert duplicates.take_off(TWICE, 10.0 + look)
    assert len(sent) == 7


def test_after_five_in_vain_a_person_is_called_and_it_is_tried_each_minute() -> None:
    pager = Pages()
    duplicates, sent_s = Duplicates(pager), []
    now_s = 0.0
    duplicates.cancel = lambda *_: sent_s.append(now_s)
    for now_s in range(0, 200, 2):
        is_hopeful = duplicates.take_off(TWICE, float(now_s))
        assert is_hopeful is (now_s < 10)
    assert sent_s == [0, 2, 4, 6, 8, 68, 128, 188]
    assert pager.titles() == ["order 7 cannot be cancelled"]
