"""The bars that a strategy is yet to be told, and those that its state knows of.

Bars of one interval end together and are told one after the other, some of them by the broker and
seconds later. So what is known is kept for each instrument: one time for all of them would have a
kill in between cost those that were still to come (STR-01). And who decides on several instruments
looks at the bars of all: behind a restart nothing is told before what was told can be read again.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from trader.core.bars import Bar
from trader.core.ids import ConId
from trader.core.strategy_events import BarsKnown
from trader.engine.market.bar_series import LATE

_WAITING_MAX = 10_000


class StrategyBars:
    """Bars of one strategy: each is told once, also over a restart."""

    def __init__(self, known: Iterable[BarsKnown], now_utc: datetime) -> None:
        self._waiting: deque[Bar] = deque()
        # The end of the latest bar that is known of an instrument; that of None is of every one.
        self._until_utc: dict[ConId | None, datetime] = {}
        # Of this size are all that are known; None where nobody wrote it down.
        self._size_s: int | None = None
        # The end of the one that this process has told last.
        self._told_utc: datetime | None = None
        for row in known:
            self._size_s = row.size_s
            con_ids = (None,) if row.con_ids is None else row.con_ids
            if row.until_utc > now_utc:
                # The clock was set back: what ends from here on is new, whatever it is of.
                con_ids = (None,)
            self._until_utc |= dict.fromkeys(con_ids, min(row.until_utc, now_utc))

    def add(self, bar: Bar) -> None:
        """Have a bar wait until it is told; of too many the oldest gives way."""
        if len(self._waiting) >= _WAITING_MAX:
            self._waiting.popleft()
        self._waiting.append(bar)

    def take(self, now_utc: datetime) -> Bar | None:
        """Return the bar that is told now, None when all are told: its state knows of it then."""
        while self._waiting:
            bar = self._waiting.popleft()
            if not self._is_known(bar, now_utc):
                self._know(bar)
                return bar
        return None

    def is_behind(self, bars_of: Callable[[ConId], Sequence[Bar]], now_utc: datetime) -> bool:
        """Tell whether bars wait while one that its state knows of, and of now, cannot be read."""
        if not self._waiting or self._size_s not in (None, self._waiting[0].size_s):
            return False
        for con_id, until_utc in self._until_utc.items():
            if con_id is not None and abs(now_utc - until_utc) < LATE:
                found = bars_of(con_id)
                if not found or found[-1].end_utc < until_utc:
                    return True
        return False

    def drop_late(self, now_utc: datetime) -> None:
        """Leave to history what ended too long ago to act on, while nothing could be told."""
        self._waiting = deque(bar for bar in self._waiting if now_utc - bar.end_utc < LATE)

    def clear(self) -> None:
        """Forget what waits: there is nobody to tell."""
        self._waiting.clear()

    def known(self) -> tuple[BarsKnown, ...]:
        """Return what a state of now knows of, for a restart.

        What lies further from the latest than a bar may be late never comes again: it is left out.
        """
        told_utc = self._told_utc
        found: dict[datetime, list[ConId | None]] = {}
        for con_id, until_utc in self._until_utc.items():
            if told_utc is None or abs(told_utc - until_utc) < LATE:
                found.setdefault(until_utc, []).append(con_id)
        return tuple(
            row for until_utc in sorted(found) for row in self._rows(until_utc, found[until_utc])
        )

    def _rows(self, until_utc: datetime, con_ids: list[ConId | None]) -> Iterable[BarsKnown]:
        if None in con_ids:
            yield BarsKnown(until_utc, self._size_s, None)
        named = sorted(one for one in con_ids if one is not None)
        if named:
            yield BarsKnown(until_utc, self._size_s, tuple(named))

    def _is_known(self, bar: Bar, now_utc: datetime) -> bool:
        if self._size_s not in (None, bar.size_s):
            return False
        found = (self._until_utc.get(key) for key in (bar.con_id, None))
        # Beyond now: the clock was set back since.
        return any(until is not None and bar.end_utc <= until <= now_utc for until in found)

    def _know(self, bar: Bar) -> None:
        if self._size_s not in (None, bar.size_s):
            # It asks for bars of another size than before.
            self._until_utc.clear()
        self._size_s, self._told_utc = bar.size_s, bar.end_utc
        self._until_utc[bar.con_id] = bar.end_utc
