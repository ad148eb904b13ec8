"""The real clock. The only place besides the supervisor where time comes from."""

import asyncio
import time
from datetime import UTC, datetime


class SystemClock:
    """Time of this machine: implements ``trader.ports.Clock``."""

    def monotonic(self) -> float:
        """Return seconds that never step back."""
        return time.monotonic()

    def utc(self) -> datetime:
        """Return the wall time, in UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)
