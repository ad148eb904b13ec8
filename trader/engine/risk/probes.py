"""Readings that have to be waited for: the disk's room, and how long a commit takes.

They run beside the breakers' own round, so that a disk that does not answer makes a reading old
and the round goes on (BRK-10).
"""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal

from trader.core.breakers.machine import Reading
from trader.engine.services import Services
from trader.ports import JournalFailed, WorldError

_INTERVAL_S = 1.0
_DISK_INTERVAL_S = 5.0
_WAIT_S = 10.0

# Returns the free share of the disk; raises WorldError.
FreeShare = Callable[[], Awaitable[Decimal]]


class Probes:
    """Keeps the last answer of each, and when a wait for one began."""

    def __init__(self, services: Services, free_share: FreeShare) -> None:
        self._clock = services.clock
        self._ledger = services.ledger
        self._supervisor = services.supervisor
        self._free_share = free_share
        self._disk: Reading | None = None
        self._journal: Reading | None = None
        self._waiting_since_s: float | None = None

    def disk(self) -> Reading:
        """Return the free share of the disk, as it was last told."""
        return self._disk or Reading(None, self._clock.monotonic(), text="not looked at yet")

    def journal(self) -> Reading:
        """Return how long the last commit took, or the present one has been taking so far."""
        now_s = self._clock.monotonic()
        if self._waiting_since_s is not None:
            waited_s = now_s - self._waiting_since_s
            last = self._journal.value if self._journal is not None else None
            value = max(Decimal(repr(waited_s)), last or Decimal(0))
            return Reading(value, now_s, text="seconds, still waiting")
        return self._journal or Reading(None, now_s, text="not measured yet")

    async def watch_journal(self) -> None:
        """Wait for the newest event to be durable, once a second."""
        while True:
            self._supervisor.beat("journal-probe")
            await self.probe_journal()
            await self._clock.sleep(_INTERVAL_S)

    async def probe_journal(self) -> None:
        """Measure one commit."""
        began_s = self._waiting_since_s = self._clock.monotonic()
        try:
            async with asyncio.timeout(_WAIT_S):
                await self._ledger.durable(self._ledger.seq)
        except (JournalFailed, TimeoutError) as error:
            problem = str(error) or f"no answer within {_WAIT_S:g} s"
            self._journal = Reading(None, self._clock.monotonic(), text=problem)
        else:
            now_s = self._clock.monotonic()
            self._journal = Reading(Decimal(repr(now_s - began_s)), now_s, text="seconds")
        finally:
            self._waiting_since_s = None

    async def watch_disk(self) -> None:
        """Ask for the disk's free share, every few seconds."""
        while True:
            self._supervisor.beat("disk-probe")
            await self.probe_disk()
            await self._clock.sleep(_DISK_INTERVAL_S)

    async def probe_disk(self) -> None:
        """Ask once."""
        try:
            async with asyncio.timeout(_WAIT_S):
                share = await self._free_share()
        except (WorldError, TimeoutError) as error:
            problem = str(error) or f"no answer within {_WAIT_S:g} s"
            self._disk = Reading(None, self._clock.monotonic(), text=problem)
            return
        self._disk = Reading(share, self._clock.monotonic(), text="of the disk is free")
