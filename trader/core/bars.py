"""Bars: what one is, how ticks become one, and which are missing; pure.

A price holds from the moment at which it was told until another is told, or until it is not good
any more. A bar is what held during one interval: it opens with the price in force at its start,
so the close of one is the open of the next. Intervals are those of the hour, for everybody the
same. What nobody watched is never invented: an interval without a good price has no bar, one that
was watched in part has a bar that says so.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from trader.core.calendar import Span
from trader.core.frozen import replace
from trader.core.ids import ConId
from trader.core.market import Quote, fault
from trader.core.moments import microseconds_of, moment_of

# Those of the broker that divide an hour, so that every hour begins with a new bar.
SIZES_S = (5, 10, 15, 30, 60, 120, 180, 300, 600, 900, 1200, 1800)
# What one question to the broker brings of every size: 3,600 seconds of the smallest.
COUNT_MAX = 720
# Longer than this without a look, and nobody knows what held in between: the daemon was stopped,
# or its clock was set forward.
LOOK_S_MAX = 2.0
# A bar is whole though its price was gone for so long in all, or for a tenth of the interval if
# that is less: bid and ask arrive one after the other, and are crossed until both have.
BLINK_S_MAX = 1.0

_SECOND_US = 1_000_000


class BarSource(StrEnum):
    """Where a bar is from: made here of the quotes that came, or told by the broker afterwards."""

    TICKS = "ticks"
    HISTORY = "history"


@dataclass(frozen=True, slots=True)
class Bar:
    """Prices of one interval that starts at ``start_utc``.

    ``is_whole`` says that the price was known from its start to its end.
    """

    con_id: ConId
    start_utc: datetime
    size_s: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    source: BarSource = BarSource.TICKS
    is_whole: bool = True

    @property
    def end_utc(self) -> datetime:
        """Return the moment that is the first not in it."""
        return self.start_utc + timedelta(seconds=self.size_s)


@dataclass(frozen=True, slots=True)
class BarSpec:
    """What bars somebody wants: of so many seconds, with the last ``count`` of them kept."""

    size_s: int
    count: int

    def __post_init__(self) -> None:
        """Refuse what cannot be kept; raises ValueError."""
        checked_size(self.size_s)
        if isinstance(self.count, bool) or not isinstance(self.count, int):
            raise ValueError(f"count {self.count!r} of bars is no whole number")
        if not 1 <= self.count <= COUNT_MAX:
            raise ValueError(f"count {self.count} of bars is not allowed: 1 to {COUNT_MAX}")


def checked_size(size_s: int) -> int:
    """Return a size in seconds that bars may have; raises ValueError otherwise."""
    if isinstance(size_s, bool) or size_s not in SIZES_S:
        allowed = ", ".join(str(one) for one in SIZES_S)
        raise ValueError(f"bars of size_s {size_s!r} are not allowed; allowed: {allowed}")
    return int(size_s)


def start_of(at_utc: datetime, size_s: int) -> datetime:
    """Return the start of the interval that holds a moment."""
    return moment_of(_floor(microseconds_of(at_utc), size_s * _SECOND_US))


def price_in(
    quote: Quote | None, now_s: float, age_s_max: float, *, is_index: bool
) -> Decimal | None:
    """Return the price that bars are made of, or None when the quote is not good.

    It is the middle of bid and ask, as of the broker's MIDPOINT; an index has its last value alone.
    """
    if quote is None:
        return None
    if is_index:
        quote = replace(quote, bid=quote.last, ask=quote.last, received_s=quote.last_s)
    return quote.mid if fault(quote, now_s, age_s_max) is None else None


class BarBuilder:
    """Makes the bars of one instrument and size of the prices it is told; knows no clock.

    Whoever feeds it calls at least every ``LOOK_S_MAX`` seconds, also when nothing has changed.
    Bars come out in their order and each interval once, whatever the clock does: after one that
    was set back there is none until it has passed what was there before.
    """

    __slots__ = (
        "_behind_us",
        "_blind_us",
        "_close",
        "_con_id",
        "_high",
        "_low",
        "_now_us",
        "_open",
        "_price",
        "_size_us",
        "_start_us",
    )

    def __init__(self, con_id: ConId, size_s: int) -> None:
        self._con_id = con_id
        self._size_us = checked_size(size_s) * _SECOND_US
        # The latest moment that was told, None before the first.
        self._now_us: int | None = None
        # What holds since then; None while there is no good price.
        self._price: Decimal | None = None
        self._start_us = 0
        # How much of the interval so far had no price, or nobody who looked.
        self._blind_us = 0
        # How far the clock has fallen behind the latest moment.
        self._behind_us = 0
        self._open = self._high = self._low = self._close = None  # type: Decimal | None

    @property
    def start_utc(self) -> datetime | None:
        """Return the start of the interval under way; None before the first moment."""
        return None if self._now_us is None else moment_of(self._start_us)

    @property
    def behind_s(self) -> float:
        """Return how far the clock has to go until bars go on; 0.0 unless it was set back."""
        return self._behind_us / _SECOND_US

    def take(self, price: Decimal | None, at_utc: datetime) -> Bar | None:
        """Take the price that holds from a moment on, None while there is no good one.

        Returns the bar that has ended by then.
        """
        ended = self.passed(at_utc)
        self._price = price
        self._see(price)
        return ended

    def passed(self, at_utc: datetime) -> Bar | None:
        """Take in that it is later and nothing has changed; returns the bar that has ended."""
        at_us = microseconds_of(at_utc)
        if self._now_us is None:
            self._now_us = at_us
            self._begin(at_us, None)
            if at_us > self._start_us:
                # Cut off by the beginning, however little of it is missing.
                self._blind_us = self._size_us
            return None
        since_us = at_us - self._now_us
        if since_us < 0:
            # The time until it has caught up is in this interval twice.
            self._blind_us += max(-since_us - self._behind_us, 0)
            self._behind_us = -since_us
            return None
        self._behind_us = 0
        if since_us > LOOK_S_MAX * _SECOND_US:
            # Nobody looked: what was good before says nothing of now.
            self._price = None
        is_seen = self._price is not None
        end_us = self._start_us + self._size_us
        if not is_seen:
            self._blind_us += min(at_us, end_us) - self._now_us
        elif since_us > 0 and self._open is None:
            self._see(self._price)
        self._now_us = at_us
        if at_us < end_us:
            return None
        ended = self._ended()
        self._begin(at_us, self._price)
        return ended

    def doubt(self, since_utc: datetime) -> None:
        """Take back that anybody has looked since a moment."""
        if self._now_us is not None:
            since_us = max(microseconds_of(since_utc), self._start_us)
            self._blind_us += max(self._now_us - since_us, 0)

    def _begin(self, at_us: int, price: Decimal | None) -> None:
        self._start_us = _floor(at_us, self._size_us)
        self._blind_us = at_us - self._start_us if price is None else 0
        self._open = self._high = self._low = self._close = None
        # At the very start another may be told, and then this one held for no time in it.
        if at_us > self._start_us:
            self._see(price)

    def _see(self, price: Decimal | None) -> None:
        if price is None:
            return
        if self._open is None or self._high is None or self._low is None:
            self._open = self._high = self._low = price
        elif price > self._high:
            self._high = price
        elif price < self._low:
            self._low = price
        self._close = price

    def _ended(self) -> Bar | None:
        if self._open is None or self._high is None or self._low is None or self._close is None:
            return None
        return Bar(
            con_id=self._con_id,
            start_utc=moment_of(self._start_us),
            size_s=self._size_us // _SECOND_US,
            open=self._open,
            high=self._high,
            low=self._low,
            close=self._close,
            is_whole=self._blind_us <= min(BLINK_S_MAX * _SECOND_US, self._size_us / 10),
        )


def merged(held: Iterable[Bar], found: Iterable[Bar], count: int) -> tuple[Bar, ...]:
    """Return the last ``count`` bars of both, oldest first, one for each interval.

    A whole bar of ours stays, whatever is told of it later; anything else gives way to the
    broker's, and of two answers the later one counts.
    """
    kept = {bar.start_utc: bar for bar in held}
    for bar in found:
        known = kept.get(bar.start_utc)
        if known is None or _rank(bar) >= _rank(known):
            kept[bar.start_utc] = bar
    return tuple(kept[start] for start in sorted(kept)[-count:])


def _rank(bar: Bar) -> int:
    if not bar.is_whole:
        return 0
    return 2 if bar.source is BarSource.TICKS else 1


def expected(size_s: int, sessions: Iterable[Span], within: Span) -> Iterator[datetime]:
    """Give the start of every interval that lies wholly in one session and in ``within``."""
    size_us = size_s * _SECOND_US
    limits = microseconds_of(within.start_utc), microseconds_of(within.end_utc)
    for one in sessions:
        first_us = max(microseconds_of(one.start_utc), limits[0])
        last_us = min(microseconds_of(one.end_utc), limits[1]) - size_us
        # Rounded up: one that the session or the span cuts is expected of nobody.
        for start_us in range(-_floor(-first_us, size_us), last_us + 1, size_us):
            yield moment_of(start_us)


def gaps(
    bars: Iterable[Bar], size_s: int, sessions: Iterable[Span], within: Span
) -> tuple[datetime, ...]:
    """Return the start of every expected interval that has no whole bar, oldest first."""
    known = {bar.start_utc for bar in bars if bar.is_whole}
    return tuple(start for start in expected(size_s, sessions, within) if start not in known)


@dataclass(frozen=True, slots=True)
class Completeness:
    """How many bars there should be, how many whole ones are there, how many of them we made."""

    expected: int
    received: int
    from_ticks: int

    @property
    def share(self) -> Decimal | None:
        """Return the part that is there, from 0 to 1; None while nothing is expected yet."""
        return Decimal(self.received) / self.expected if self.expected else None


@dataclass(frozen=True, slots=True)
class BarsView:
    """What is known of the bars that somebody decides by, in one instrument.

    ``share`` is the part of the session that is there and whole, from 0 to 1; None while none is
    expected yet. ``unknown`` says why nobody knows, and is empty where it is known.
    """

    share: Decimal | None = None
    unknown: str = ""
    text: str = ""
    is_wanted: bool = True

    def lack(self, share_min: Decimal) -> str:
        """Say what there is too little of, or nothing where there is enough."""
        if not self.is_wanted:
            return ""
        if self.unknown:
            return f"not known: {self.unknown}"
        is_enough = self.share is None or self.share >= share_min
        return "" if is_enough else f"{self.share:.4f}, {self.text}"


# Of somebody who looks at no bars.
NO_BARS = BarsView(is_wanted=False)


def completeness(
    bars: Sequence[Bar], size_s: int, sessions: Iterable[Span], within: Span
) -> Completeness:
    """Count what is there of what the sessions should have brought."""
    known = {bar.start_utc: bar for bar in bars if bar.is_whole}
    wanted = tuple(expected(size_s, sessions, within))
    found = [known[start] for start in wanted if start in known]
    from_ticks = sum(1 for bar in found if bar.source is BarSource.TICKS)
    return Completeness(expected=len(wanted), received=len(found), from_ticks=from_ticks)


def _floor(at_us: int, size_us: int) -> int:
    return at_us // size_us * size_us
