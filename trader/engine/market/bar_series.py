"""The bars of one instrument and size: what is held, what is missing, what is to be asked for.

Nothing here waits or asks; the keeper does. What is held is bounded, in order, and one bar for
each interval.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from math import inf

from trader.core.bars import (
    Bar,
    BarBuilder,
    BarSource,
    BarSpec,
    Completeness,
    completeness,
    gaps,
    merged,
    start_of,
)
from trader.core.calendar import Span
from trader.core.ids import ConId

# The broker's history lags a little: what ended less than this ago is not asked for yet.
SETTLE_S = 10.0
# How long after its end a bar that the broker told of is still one that has just ended.
LATE = timedelta(seconds=30)
_NOTHING = Completeness(expected=0, received=0, from_ticks=0)


class BarSeries:
    """Feeds one builder and keeps what it makes, with what the broker has told besides."""

    def __init__(self, con_id: ConId, spec: BarSpec, now_utc: datetime) -> None:
        self.con_id = con_id
        self.spec = spec
        self.bars: tuple[Bar, ...] = ()
        # How many of them are not whole, and how many the broker told.
        self.part = self.told_count = 0
        self._builder = BarBuilder(con_id, spec.size_s)
        self._step = timedelta(seconds=spec.size_s)
        # Bars are expected from here on: from the first whole interval, or from what was told.
        self._since_utc = start_of(now_utc, spec.size_s) + self._step
        # What ended before this was asked for and answered, whatever the answer had.
        self._answered_utc: datetime | None = None
        # The end of the interval in which the subscription began anew.
        self._renewed_utc = self._since_utc
        # The start of the bar that listeners were told of last.
        self._shown_utc: datetime | None = None
        # As of the last inspection, which was then (monotonic).
        self.completeness = _NOTHING
        self.inspected_s = -inf
        self.to_ask = spec.count
        # When it may be asked for (monotonic), how often in a row that failed, and why last.
        self.due_s = 0.0
        self.failures = 0
        self.is_asking = False
        self.problem = ""

    @property
    def is_warm(self) -> bool:
        """Tell whether as many bars are there as somebody wants, each of them whole."""
        return len(self.bars) >= self.spec.count and self.part == 0

    @property
    def is_answered(self) -> bool:
        """Tell whether the broker has told of the past before."""
        return self._answered_utc is not None

    @property
    def behind_s(self) -> float:
        """Return how far our clock has to go until bars go on; 0.0 unless it was set back."""
        return self._builder.behind_s

    def take(self, price: Decimal | None, now_utc: datetime) -> Bar | None:
        """Take the price that holds from now on; returns the bar that has ended by now."""
        bar = self._builder.take(price, now_utc)
        if bar is None:
            return None
        if self.bars and bar.start_utc <= self.bars[-1].start_utc:
            # The broker has told of it already: its clock is ahead of ours.
            self._hold(merged(self.bars, (bar,), self.spec.count))
        else:
            if len(self.bars) == self.spec.count:
                self._count_in(self.bars[0], -1)
            self._count_in(bar, 1)
            self.bars = (*self.bars[-self.spec.count + 1 :], bar) if self.spec.count > 1 else (bar,)
        return bar

    def shown(self, bar: Bar, now_utc: datetime) -> bool:
        """Tell whether listeners are to be told of a bar, and note that they were.

        Each once and in order, only whole ones. The broker's word on an interval that we did not
        see whole must come soon, and before the next one has ended: later is too late to act on.
        """
        late = now_utc - bar.end_utc
        is_newest = timedelta(0) <= late < min(self._step, LATE)
        is_later = self._shown_utc is None or bar.start_utc > self._shown_utc
        if not (bar.is_whole and is_later and (is_newest or bar.source is BarSource.TICKS)):
            return False
        self._shown_utc = bar.start_utc
        return True

    def _hold(self, bars: tuple[Bar, ...]) -> None:
        self.bars = bars
        self.part = self.told_count = 0
        for bar in bars:
            self._count_in(bar, 1)

    def _count_in(self, bar: Bar, number: int) -> None:
        self.part += 0 if bar.is_whole else number
        self.told_count += number if bar.source is BarSource.HISTORY else 0

    def doubt(self, since_utc: datetime) -> None:
        """Take back that bars are whole that ended when nobody knows what held."""
        self._hold(
            tuple(
                replace(bar, is_whole=False)
                if bar.end_utc > since_utc and bar.source is BarSource.TICKS
                else bar
                for bar in self.bars
            )
        )
        self._builder.doubt(since_utc)
        if self._answered_utc is not None:
            self._answered_utc = min(self._answered_utc, start_of(since_utc, self.spec.size_s))

    def renewed(self, now_utc: datetime) -> None:
        """Note that the subscription began anew: what it cut off is asked for once it can be."""
        self._renewed_utc = start_of(now_utc, self.spec.size_s) + self._step
        self.due_s = 0.0

    def told(self, found: Sequence[Bar], asked_utc: datetime, now_utc: datetime) -> None:
        """Take the answer to a question for ``to_ask`` bars that was asked at a moment."""
        self._hold(merged(self.bars, found, self.spec.count))
        if found:
            self._since_utc = min(self._since_utc, found[0].start_utc)
        is_late = now_utc - asked_utc > timedelta(seconds=SETTLE_S)
        if is_late and self.to_ask < self.spec.count:
            # It waited for its turn, and its bars are counted back from when it left: what it was
            # asked for may lie before them. All that is kept is always enough.
            self._answered_utc = None
            self.to_ask = self.spec.count
        else:
            self._answered_utc = self._settled(asked_utc)
            self.to_ask = 0
        self.failures = 0
        self.problem = ""

    def inspect(self, now_utc: datetime, sessions: Iterable[Span], day_start: datetime) -> None:
        """Count what is there of what the sessions should have brought, and what to ask for."""
        sessions = tuple(sessions)
        until_utc = self._settled(now_utc)
        ended_utc = start_of(now_utc, self.spec.size_s)
        # Older ones are not kept, so nobody can miss them.
        oldest_utc = ended_utc - self.spec.count * self._step
        since_utc = max(self._since_utc, oldest_utc, day_start)
        self.completeness = completeness(
            self.bars, self.spec.size_s, sessions, Span(since_utc, max(since_utc, until_utc))
        )
        late = Span(until_utc, ended_utc)
        is_flowing = not gaps(self.bars, self.spec.size_s, (late,), late)
        if self._answered_utc is None:
            self.to_ask = self.spec.count
        else:
            # While prices are gone there is more to come: all of a gap is asked for at once.
            self.to_ask = self._wanted(until_utc, oldest_utc, sessions) if is_flowing else 0

    def _wanted(self, until_utc: datetime, oldest_utc: datetime, sessions: Iterable[Span]) -> int:
        """Return how many bars, up to the last that has settled, are to be asked for."""
        answered_utc = self._answered_utc or oldest_utc
        since_utc = max(answered_utc, oldest_utc)
        if since_utc >= until_utc:
            return 0
        within = Span(since_utc, until_utc)
        if answered_utc < self._renewed_utc <= until_utc:
            # Once after each beginning, what it cut off is asked for in a session or out of it.
            sessions = (within,)
        missing = gaps(self.bars, self.spec.size_s, sessions, within)
        return self._count(missing[0], until_utc) if missing else 0

    def _count(self, first_utc: datetime, until_utc: datetime) -> int:
        # With those that end while it is asked.
        count = (until_utc - first_utc) // self._step + 1
        return min(count + int(SETTLE_S // self.spec.size_s), self.spec.count)

    def _settled(self, now_utc: datetime) -> datetime:
        return start_of(now_utc - timedelta(seconds=SETTLE_S), self.spec.size_s)
