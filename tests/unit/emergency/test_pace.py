"""Cancels go before data, and no faster than the broker reads; a wait ends at its deadline."""

from __future__ import annotations

from tests.unit.ops.support import FakeClock
from trader.core.halts import Lane
from trader.emergency.pace import Pace


async def test_data_waits_and_a_cancel_does_not() -> None:
    clock = FakeClock()
    pace = Pace(clock, rate_per_s=10.0, burst=4.0)
    while pace.try_take(Lane.DATA):
        pass
    assert not pace.try_take(Lane.DATA)
    assert pace.try_take(Lane.CANCEL)
    began_s = clock.monotonic()
    assert await pace.take(Lane.DATA, began_s + 5)
    assert clock.monotonic() > began_s


async def test_a_deadline_ends_the_wait() -> None:
    clock = FakeClock()
    pace = Pace(clock, rate_per_s=0.01, burst=2.0)
    while pace.try_take(Lane.DATA):
        pass
    assert not await pace.take(Lane.DATA, clock.monotonic() + 0.2)


def test_a_storm_of_cancels_waits_as_well() -> None:
    # INC-061
    clock = FakeClock()
    pace = Pace(clock, rate_per_s=30.0, burst=15.0)
    assert sum(pace.try_take(Lane.CANCEL) for _ in range(100)) == 19
