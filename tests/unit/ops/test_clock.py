from __future__ import annotations

from datetime import timedelta

from trader.ops.clock import SystemClock
from trader.ports import Clock


async def test_time_moves_forward_and_the_wall_time_is_utc() -> None:
    clock: Clock = SystemClock()
    before = clock.monotonic()
    await clock.sleep(0.01)
    assert clock.monotonic() - before >= 0.009
    assert clock.utc().utcoffset() == timedelta(0)
