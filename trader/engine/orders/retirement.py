"""Lets the book's history go, a little at a time: memory and checkpoints stay as large as a week.

The cutoff is by the broker's clock, which is the one that stamps executions: a clock of ours that
is ahead must not let go what the broker may tell again.
"""

from datetime import datetime, timedelta

from trader.core.retiring import retirable
from trader.engine.services import Services

LOOK_S = 30.0
# A refused intent is only kept for whoever asks again: after a crash, or a lost answer.
_REFUSED_FOR = timedelta(hours=1)
# How much younger than now, by the host, the broker's word on the time may be.
_BEAT_AGE_S_MAX = 60.0


class Retirement:
    """Looks for what may go, and records that it went."""

    def __init__(self, services: Services, history_days: int) -> None:
        self._ledger = services.ledger
        self._guard = services.guard
        self._clock = services.clock
        self._kept_for = timedelta(days=history_days)

    def look(self) -> None:
        """Let go what may go, while the broker's clock is known and the book is whole."""
        told_utc = self._broker_utc()
        if told_utc is None or self._ledger.failure is not None:
            return
        now_utc = min(told_utc, self._clock.utc())
        event = retirable(self._ledger.book, now_utc - self._kept_for, now_utc - _REFUSED_FOR)
        if event is not None:
            self._ledger.record(event)

    def _broker_utc(self) -> datetime | None:
        beat, age_s = self._guard.heartbeat, self._guard.heartbeat_age_s()
        if beat is None or age_s is None or not age_s <= _BEAT_AGE_S_MAX:
            return None
        return None if self._guard.book_may_lack() is not None else beat.server_utc
