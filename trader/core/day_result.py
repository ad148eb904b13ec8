"""Whether the broker's own figure of the day's result moves as ours does (CAP-31).

The broker reckons position now x price now - position at its reset x price at its reset + net
amount traded since (guide to TWS, Profit and Loss). Three things of it are not ours, so the two
figures are never simply held against each other:

- *Its day is another one.* An instrument is reset five minutes before midnight of its own zone,
  or when the user of TWS has said; our day begins with the account's, at midnight. So only what
  both have moved by since one moment of the same day at the broker is compared, and around a
  reset nothing is. What either had counted before cannot matter, nor where a day began.
- *Its prices are others*: the last one where ours is the middle, and outside regular hours the
  close of the day before. So nothing is compared unless what is held trades in regular hours on
  quotes of our own, and a share of what is held, at both ends, is allowed to differ.
- *Whether commissions are in it is not written down.* So it may be either way, with all of them
  or with none, and what may still be paid is allowed to differ.

The day's result does not depend on which lots a sale closes. The split into realised and open
does, and counts commissions in the price paid, so these two are shown and not compared.

The broker calls these figures informational: nothing is credited or debited by them. So a
difference alone is a finding that is recorded, shown and paged, and no halt. Only if its net
liquidation, which margin calls and statements go by, has moved away from our value as well, is
it a ticket, which halts like any other: then two words of the broker contradict the book.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from decimal import Decimal

from trader.core.amounts import ZERO
from trader.core.calendar import next_daily

# So long before and after a reset the figures of different instruments are of different days.
RESET_MARGIN_S = 600.0


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What may differ: an amount, and a share of what is held; ``readings`` in a row are needed."""

    amount: Decimal
    share: Decimal
    readings: int


@dataclass(frozen=True, slots=True)
class Point:
    """Both figures at one moment, in the account's currency."""

    # The broker's day, and what of the book moved without a trade: only within it they compare.
    span: str
    told: Decimal
    # What the account is worth by our book; commissions that were reported are in it.
    own: Decimal
    # The gross worth of what is held.
    held: Decimal
    commission_paid: Decimal
    commission_pending: Decimal
    # When the broker's figure was told; monotonic seconds.
    at_s: float
    at_utc: datetime


@dataclass(frozen=True, slots=True)
class Comparison:
    """How far the two have moved apart since ``since``; counts are of readings in a row.

    ``difference`` is the smaller of two: with our commissions in the broker's figure, or without.
    """

    since: Point
    now: Point
    difference: Decimal = ZERO
    allowed: Decimal = ZERO
    apart: int = 0
    together: int = 0

    @property
    def is_apart(self) -> bool:
        """Tell whether the newest reading alone differs by more than is allowed."""
        return self.apart > 0


def followed(known: Comparison | None, point: Point, tolerance: Tolerance) -> Comparison:
    """Return the comparison after one more reading; one of another span begins it anew.

    A reading that was counted already is not counted again.
    """
    if known is None or known.since.span != point.span:
        return Comparison(point, point)
    if point.at_s <= known.now.at_s:
        return known
    since = known.since
    difference, allowed = _difference(since, point), _allowed(since, point, tolerance)
    is_apart = abs(difference) > allowed
    return Comparison(
        since=since,
        now=point,
        difference=difference,
        allowed=allowed,
        apart=known.apart + 1 if is_apart else 0,
        together=0 if is_apart else known.together + 1,
    )


def _difference(since: Point, now: Point) -> Decimal:
    apart = (now.told - since.told) - (now.own - since.own)
    return min(apart, apart - (now.commission_paid - since.commission_paid), key=abs)


def _allowed(since: Point, now: Point, tolerance: Tolerance) -> Decimal:
    marks = tolerance.share * (since.held + now.held)
    pending = since.commission_pending + now.commission_pending
    return tolerance.amount + marks + pending


def day_at_broker(now_utc: datetime, zone: tzinfo, resets: tuple[time, ...]) -> str | None:
    """Name the broker's day by when it began, in an order that sorts; None around a reset."""
    assert resets, "a broker that never begins a day"
    margin = timedelta(seconds=RESET_MARGIN_S)
    if any(_next(now_utc - margin, at, zone) <= now_utc + margin for at in resets):
        return None
    begun = max(_last(now_utc, at, zone) for at in resets)
    return f"{begun.astimezone(zone):%Y-%m-%d %H:%M}"


def _next(now_utc: datetime, at: time, zone: tzinfo) -> datetime:
    return next_daily(now_utc, at, zone, 0.0).start_utc


def _last(now_utc: datetime, at: time, zone: tzinfo) -> datetime:
    """Return when a clock of the zone last showed ``at``."""
    begun = _next(now_utc - timedelta(days=2), at, zone)
    while (following := _next(begun, at, zone)) <= now_utc:
        begun = following
    return begun
