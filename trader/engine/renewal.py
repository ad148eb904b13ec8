"""Which market data subscriptions are asked for again, and when.

A subscription can be refused or taken away with a code (101, 322, 354, 10182, 10197), or fall
silent without a word (INC-011); neither heals while the link stays up. It is asked for again until
quotes come: ever less often, because a closed market is silent too.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from trader.core.ids import ConId

_FIRST_PAUSE_S = 60.0
_PAUSE_S_MAX = 900.0


@dataclass(slots=True)
class _Ailing:
    """When a subscription is asked for again, and how long the pause after that is."""

    due_s: float
    pause_s: float


class Renewals:
    """The subscriptions that bring nothing."""

    def __init__(self) -> None:
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
                self._ailing[con_id] = _Ailing(now_s + _FIRST_PAUSE_S, 2 * _FIRST_PAUSE_S)
            elif now_s >= known.due_s:
                due.append(con_id)
                known.due_s = now_s + known.pause_s
                known.pause_s = min(2 * known.pause_s, _PAUSE_S_MAX)
        return tuple(due)
