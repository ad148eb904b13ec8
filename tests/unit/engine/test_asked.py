"""A cancel is asked for once, and again after half a minute; nothing is remembered for ever."""

from __future__ import annotations

from dataclasses import dataclass

from tests.unit.store.support import CountingClock
from trader.core.ids import OrderId
from trader.engine.asked import AGAIN_S, Asked

ONE, TWO = OrderId(1), OrderId(2)


@dataclass
class Hand(CountingClock):
    """Moved by hand."""

    now_s: float = 100.0

    def monotonic(self) -> float:
        return self.now_s


def test_it_is_asked_at_once_and_again_when_half_a_minute_has_passed() -> None:
    clock = Hand()
    asked = Asked(clock)
    assert asked.is_due(ONE)
    assert asked.is_first(ONE)
    asked.note(ONE)
    assert not asked.is_due(ONE)
    assert not asked.is_first(ONE)
    assert asked.is_due(TWO)
    clock.now_s += AGAIN_S - 0.1
    assert not asked.is_due(ONE)
    clock.now_s += 0.1
    assert asked.is_due(ONE)
    assert not asked.is_first(ONE)
    asked.note(ONE)
    assert not asked.is_due(ONE)


def test_what_is_over_is_forgotten() -> None:
    asked = Asked(Hand())
    asked.note(ONE)
    asked.note(TWO)
    asked.keep({TWO: "lives"})
    assert asked.is_first(ONE)
    assert not asked.is_first(TWO)
