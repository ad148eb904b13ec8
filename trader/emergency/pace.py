"""The message rate of an emergency: the daemon's own rule, without the daemon's engine."""

from trader.core.halts import Lane
from trader.core.pacing import full, taken, wait_s
from trader.ports import Clock

_STEP_S = 0.05


class Pace:
    """One token bucket: implements ``trader.ports.Pacer``."""

    def __init__(self, clock: Clock, rate_per_s: float, burst: float) -> None:
        self._clock = clock
        self._bucket = full(rate_per_s, burst, clock.monotonic())

    def try_take(self, lane: Lane) -> bool:
        """Take a token if the lane may have one now."""
        now_s = self._clock.monotonic()
        if wait_s(self._bucket, lane, now_s) > 0:
            return False
        self._bucket = taken(self._bucket, now_s)
        return True

    async def take(self, lane: Lane, deadline_s: float) -> bool:
        """Wait for a token until the monotonic ``deadline_s``; False when it passed."""
        while not self.try_take(lane):
            if self._clock.monotonic() >= deadline_s:
                return False
            await self._clock.sleep(_STEP_S)
        return True
