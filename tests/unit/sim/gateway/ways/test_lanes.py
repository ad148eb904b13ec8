"""Requests go up in their order; a cut link holds both directions."""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.unit.sim.support import hand_clock
from trader.sim.broker.exchange import Latency
from trader.sim.clock import Timer, VirtualClock
from trader.sim.gateway.ways.faults import Faults
from trader.sim.gateway.ways.lanes import NEWS, Lanes


def lanes(ack: Latency) -> tuple[VirtualClock, Faults, Lanes]:
    clock, faults = hand_clock(), Faults()
    return clock, faults, Lanes(clock, faults, random.Random(1), ack)


def note(seen: list[int], number: int) -> Callable[[], None]:
    return lambda: seen.append(number)


def test_a_client_s_requests_never_overtake_one_another() -> None:
    clock, _, one = lanes(Latency(0.001, 0.1))
    seen: list[int] = []
    for number in range(50):
        one.up(7, note(seen, number))
    clock.advance(5)
    assert seen == list(range(50))


class LateClock(VirtualClock):
    """Timers of a real loop: each a little late, the later set one not always the later."""

    def __init__(self) -> None:
        super().__init__(0.0)
        self._rng = random.Random(3)

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        return super().call_later(delay_s + self._rng.uniform(0, 0.01), callback)


def test_a_timer_that_fires_too_late_does_not_change_the_order() -> None:
    clock, seen = LateClock(), list[int]()
    one = Lanes(clock, Faults(), random.Random(1), Latency(0.0002, 0.001))
    for number in range(50):
        one.up(7, note(seen, number))
    clock.advance(5)
    assert seen == list(range(50))


def test_without_latency_a_request_arrives_at_once() -> None:
    _, _, one = lanes(Latency(0, 0))
    seen: list[int] = []
    one.up(7, note(seen, 1))
    assert seen == [1]


def test_a_cut_link_lets_news_go_before_requests_and_loses_what_is_not_replayed() -> None:
    _, faults, one = lanes(Latency(0, 0))
    seen: list[int] = []
    faults.is_upstream_down = True
    one.up(7, note(seen, 3))
    one.down("orders", note(seen, 1))
    one.down("commissions", note(seen, 2))
    assert seen == []
    faults.is_upstream_down = False
    one.release(("orders",))
    assert seen == [1, 3]
    one.release(NEWS)
    assert seen == [1, 3]


def test_news_may_flow_although_the_link_is_flagged_as_lost() -> None:
    _, faults, one = lanes(Latency(0, 0))
    seen: list[int] = []
    faults.is_upstream_down = faults.is_delivering = True
    one.down("orders", note(seen, 1))
    assert seen == [1]
