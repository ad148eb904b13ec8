"""The one token bucket in front of the socket, shared by orders and requests."""

from trader.core.halts import Lane
from trader.core.pacing import Bucket, full, taken, wait_s
from trader.ports import Clock

# Waiting in short steps lets a message of a higher lane go first.
_STEP_S = 0.05


class LanePacer:
    """Tokens by lane; see :mod:`trader.core.pacing` for the rule."""

    def __init__(self, clock: Clock, rate_per_s: float, burst: float) -> None:
        self._clock = clock
        self._bucket: Bucket = full(rate_per_s, burst, clock.monotonic())

    def try_take(self, lane: Lane) -> bool:
        """Take a token if the lane may have one now; a cancel may overdraw it a little."""
        now_s = self._clock.monotonic()
        if wait_s(self._bucket, lane, now_s) > 0:
            return False
        self._bucket = taken(self._bucket, now_s)
        return True

    async def take(self, lane: Lane, deadline_s: float) -> bool:
        """Wait for a token until the monotonic ``deadline_s``; False when it passed."""
        while not self.try_take(lane):
            now_s = self._clock.monotonic()
            if now_s >= deadline_s:
                return False
            pause_s = min(wait_s(self._bucket, lane, now_s), _STEP_S, deadline_s - now_s)
            await self._clock.sleep(max(pause_s, 0.001))
        return True
