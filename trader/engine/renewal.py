"""Which market data subscriptions are asked for again, and when.

A subscription can be refused or taken away with a code (101, 322, 354, 10182, 10197), or fall
silent without a word (INC-011); neither heals while the link stays up. It is asked for again until
quotes come: ever less often, because a closed market is silent too.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass

from trader.core.backoff import Backoff
from trader.core.ids import ConId

_BACKOFF = Backoff(60.0, 900.0)


@dataclass(slots=True)
class _Ailing:
    """When a subscription is asked for again, and how often it has brought nothing."""

    due_s: float
    failures: int = 1


class Renewals:
    """The subscriptions that bring nothing."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._ailing: dict[ConId, _Ailing] = {}

    def due(self, ailing: Iterable[ConId], now_s: float) -> tuple[ConId, ...]:
        """Return what is to be asked for again now; ``ailing`` is all that brings nothing."""
        seen = dict.fromkeys(ailing)
        for con_id in [key for key in self._ailing if key not in seen]:
            del self._ailing[con_id]
        due = []
        for con_id in seen:
            known = self._ailing.get(con_id)
            if known is None:
                self._ailing[con_id] = _Ailing(now_s + self._pause_s(1))
            elif now_s >= known.due_s:
                due.append(con_id)
                known.failures += 1
                known.due_s = now_s + self._pause_s(known.failures)
        return tuple(due)

    def _pause_s(self, failures: int) -> float:
        return _BACKOFF.wait_s(failures, self._chance.random())
