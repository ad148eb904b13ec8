"""One timer a moment, and nothing left of orders that ended."""

from __future__ import annotations

from tests.unit.sim.support import EPOCH_S, hand_clock
from trader.sim.broker.orders.alarms import Alarms

NOW = EPOCH_S + 1000.0


def test_orders_are_looked_at_in_their_order_at_their_moment() -> None:
    clock, rung = hand_clock(), list[int]()
    alarms = Alarms(clock, rung.append)
    for perm_id in (3, 1, 2):
        alarms.set(perm_id, NOW + 10)
    alarms.set(4, NOW + 20)
    assert len(alarms) == 2
    clock.advance(9)
    assert rung == []
    clock.advance(2)
    assert rung == [3, 1, 2]
    clock.advance(10)
    assert rung == [3, 1, 2, 4]
    assert len(alarms) == 0


def test_a_forgotten_order_is_not_looked_at() -> None:
    clock, rung = hand_clock(), list[int]()
    alarms = Alarms(clock, rung.append)
    alarms.set(1, NOW + 10)
    alarms.set(2, NOW + 10)
    alarms.set(1, NOW + 30)
    alarms.forget(1)
    alarms.forget(1)
    clock.advance(40)
    assert rung == [2]


def test_never_is_not_waited_for() -> None:
    clock = hand_clock()
    alarms = Alarms(clock, lambda _perm_id: None)
    alarms.set(1, float("inf"))
    assert len(alarms) == 0
