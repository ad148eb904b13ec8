"""When a quote in good form is not believed: a value of before, a stub, a price from nowhere.

At a subscription, and again when a session opens, the broker first shows what it still has: a side
or a last price of an earlier session, stamped by us as if it were new (INC-140). The first value of
a side is believed once the side has told another one, or a trade's own time (tick 45) lies in the
session that is on. A middle far from the last one that was believed is a misprint until several
ticks over some seconds stay with each other: then it is the market, and somebody is told. Between
sessions more may happen than within one.

One of these for each instrument; it takes the ticks in, and gives its doubt.
"""

from dataclasses import dataclass
from decimal import Decimal

from trader.core.amounts import ZERO, is_sound
from trader.core.market import QuoteFault, QuoteRule


@dataclass(frozen=True, slots=True)
class PlausibilityLimits:
    """Of the policy: fractions of the reference or of the middle, and what is evidence enough."""

    jump_fraction_max: Decimal
    gap_fraction_max: Decimal
    stub_spread_fraction: Decimal
    believed_ticks: int
    believed_s: float


@dataclass(frozen=True, slots=True)
class Belief:
    """A price that was believed though it lay outside the band around ``before``."""

    before: Decimal
    now: Decimal


@dataclass(slots=True)
class _Level:
    """Where prices outside the band are staying."""

    mid: Decimal
    since_s: float
    ticks: int = 1


class Plausibility:
    """What is believed of one instrument's prices.

    ``has_band`` is false for what moves by multiples.
    """

    __slots__ = (
        "_before",
        "_close",
        "_good",
        "_has_band",
        "_last",
        "_level",
        "_limits",
        "_session_utc_s",
        "_sides",
        "_since_utc_s",
        "_traded_utc_s",
        "belief",
        "is_closed",
    )

    def __init__(self, limits: PlausibilityLimits, *, has_band: bool = True) -> None:
        self._limits = limits
        self._has_band = has_band
        # Known to be closed: what is shown is of the last session, and rightly so.
        self.is_closed = False
        self._session_utc_s: float | None = None
        self._since_utc_s: float | None = None
        # How often each side, and the last price, have told a value since.
        self._sides = {"bid": 0, "ask": 0}
        self._last = 0
        self._traded_utc_s = float("-inf")
        self._close: Decimal | None = None
        # The middle that is believed: of this session, and of the one before.
        self._good: Decimal | None = None
        self._before: Decimal | None = None
        self._level: _Level | None = None
        # What was believed at last though it was far away; whoever tells it takes it out.
        self.belief: Belief | None = None

    def enter(self, session_utc_s: float | None, now_utc_s: float, *, is_closed: bool) -> None:
        """Note which session is on, by when it began; None while that is not known."""
        self.is_closed, self._session_utc_s = is_closed, session_utc_s
        since = self._since_utc_s
        if since is None:
            self._since_utc_s = now_utc_s
        elif session_utc_s is not None and session_utc_s > since:
            self._since_utc_s = session_utc_s
            self._begin_anew()
            self._before, self._good = self._good or self._before, None

    def subscribed(self) -> None:
        """Note that it was asked for anew: what comes first is what the broker still has.

        The prices that were believed stay the measure of those that come.
        """
        self._since_utc_s = None
        self._traded_utc_s = float("-inf")
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._sides = {"bid": 0, "ask": 0}
        self._last, self._level = 0, None

    def traded(self, epoch_s: Decimal | None) -> None:
        """Note when the last trade was (tick 45, whole seconds)."""
        if epoch_s is not None:
            self._traded_utc_s = float(epoch_s)

    def closed_at(self, price: Decimal | None) -> None:
        """Note the last close (tick 9)."""
        if price is not None and is_sound(price) and price > ZERO:
            self._close = price

    def takes_last(self) -> bool:
        """Count a last price, and tell whether it may be taken for one of this session."""
        self._last += 1
        return self.is_closed or self._last > 1 or self.is_traded

    @property
    def is_traded(self) -> bool:
        """Tell whether a trade's own time lies in the session that is on."""
        session = self._session_utc_s
        return session is not None and self._traded_utc_s >= session

    def doubt(
        self, side: str, bid: Decimal | None, ask: Decimal | None, now_s: float
    ) -> QuoteFault | None:
        """Take a new price of a side in, and say why the two are not believed, or None.

        What is wrong in form is no doubt, and proves nothing.
        """
        self._sides[side] += 1
        if bid is None or ask is None or not (is_sound(bid) and is_sound(ask)):
            return None
        if not ZERO < bid <= ask:
            return None
        found = self._first_of_session() or stub_fault(bid, ask, self._limits.stub_spread_fraction)
        return found or self._outside((bid + ask) / 2, now_s)

    def _first_of_session(self) -> QuoteFault | None:
        if self.is_closed or self.is_traded:
            return None
        first = [side for side, count in self._sides.items() if count < 2]
        if not first:
            return None
        text = f"{' and '.join(first)} told once so far: perhaps of an earlier session"
        return QuoteFault(QuoteRule.FIRST_OF_SESSION, text)

    def _outside(self, mid: Decimal, now_s: float) -> QuoteFault | None:
        reference, band = self._measure()
        if reference is None or is_within(mid, reference, band):
            self._good, self._level = mid, None
            return None
        level, limits = self._level, self._limits
        if level is None or not is_within(mid, level.mid, limits.jump_fraction_max):
            level = self._level = _Level(mid, now_s)
        else:
            level.ticks += 1
        stayed_s = now_s - level.since_s
        if level.ticks >= limits.believed_ticks and stayed_s >= limits.believed_s:
            self.belief = Belief(reference, mid)
            self._good, self._level = mid, None
            return None
        text = f"middle {mid} is further than {band} from {reference}, which was believed"
        return QuoteFault(QuoteRule.OUTSIDE_BAND, text)

    def _measure(self) -> tuple[Decimal | None, Decimal]:
        """Return the price that a new one is held against, and how far from it it may be."""
        if not self._has_band:
            return None, ZERO
        if self._good is not None:
            return self._good, self._limits.jump_fraction_max
        # What was believed is newer than the close, as after a night of extended hours.
        before = self._before if self._before is not None else self._close
        return before, self._limits.gap_fraction_max


def is_within(price: Decimal, reference: Decimal, band: Decimal) -> bool:
    """Tell whether a price is no further from a reference than a share of it."""
    return abs(price - reference) <= band * reference


def stub_fault(bid: Decimal, ask: Decimal, most: Decimal) -> QuoteFault | None:
    """Say that two sides are too far apart to be a market, or None."""
    mid = (bid + ask) / 2
    if ask - bid <= most * mid:
        return None
    return QuoteFault(QuoteRule.STUB_SPREAD, f"spread from {bid} to {ask} is no market")
