"""Which market data subscriptions are asked for again, and when.

A subscription can be refused or taken away with a code (101, 322, 354, 10182, 10197), or fall
silent without a word (INC-011); neither heals while the link stays up. It is asked for again until
quotes come: ever less often, because a thin instrument is silent too. What was denied (101: no line
is free; 354: none is paid for) is asked for again only as often as somebody could have mended it.

What another session has taken comes back in the moment in which that session ends, for every
instrument at once, and nobody says so. One of them is asked for again every few seconds, in turn;
when one has come back, so are all the others (QUA-06).
"""

import random
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from trader.core.backoff import Backoff
from trader.core.ids import ConId

_BACKOFF = Backoff(60.0, 900.0)
_DENIED = Backoff(900.0, 900.0)
# For one of what was taken: two messages each time, however many instruments there are.
_PROBE = Backoff(5.0, 5.0)


@dataclass(slots=True)
class _Ailing:
    """When a subscription is asked for again, and how often it has brought nothing."""

    due_s: float
    failures: int = 1
    is_denied: bool = False


class Renewals:
    """The subscriptions that bring nothing."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._ailing: dict[ConId, _Ailing] = {}
        # In the order in which they are probed.
        self._taken: tuple[ConId, ...] = ()
        self._probe_due_s = 0.0

    def due(
        self,
        ailing: Iterable[ConId],
        now_s: float,
        taken: Iterable[ConId] = (),
        denied: Collection[ConId] = (),
    ) -> tuple[ConId, ...]:
        """Return what is to be asked for again now.

        ``ailing`` is all that brings nothing, ``taken`` what of it another session has taken and
        is waited for, and ``denied`` what the broker will not bring.
        """
        seen = dict.fromkeys(ailing)
        found = dict.fromkeys(self._probed(seen, tuple(dict.fromkeys(taken)), now_s))
        found.update(dict.fromkeys(self._overdue(seen, now_s, denied)))
        return tuple(found)

    def _probed(
        self, seen: Collection[ConId], taken: tuple[ConId, ...], now_s: float
    ) -> tuple[ConId, ...]:
        is_new = not self._taken
        is_back = any(one not in seen for one in self._taken)
        known = [one for one in self._taken if one in taken]
        self._taken = (*known, *(one for one in taken if one not in known))
        if not self._taken:
            return ()
        if not is_back and (is_new or now_s < self._probe_due_s):
            if is_new:
                self._probe_due_s = now_s + _PROBE.wait_s(1, self._chance.random())
            return ()
        self._probe_due_s = now_s + _PROBE.wait_s(1, self._chance.random())
        if is_back:
            return self._taken
        first, *others = self._taken
        self._taken = (*others, first)
        return (first,)

    def _overdue(
        self, seen: Collection[ConId], now_s: float, denied: Collection[ConId]
    ) -> list[ConId]:
        for con_id in [key for key in self._ailing if key not in seen]:
            del self._ailing[con_id]
        due = []
        for con_id in seen:
            known = self._ailing.get(con_id)
            is_denied = con_id in denied
            if known is None or (is_denied and not known.is_denied):
                pause_s = self._pause_s(1, is_denied)
                self._ailing[con_id] = _Ailing(now_s + pause_s, is_denied=is_denied)
            elif now_s >= known.due_s:
                due.append(con_id)
                known.failures += 1
                known.due_s = now_s + self._pause_s(known.failures, is_denied)
        return due

    def _pause_s(self, failures: int, is_denied: bool) -> float:
        backoff = _DENIED if is_denied else _BACKOFF
        return backoff.wait_s(failures, self._chance.random())
