"""Message pacing by priority: cancels first, then reducing orders, then new ones, then data.

IBKR answers more than 50 messages a second with error 100 and then drops the connection
(INC-061), and has frozen far below that in bursts (INC-094). A token bucket holds the rate; each
lane leaves the tokens of the lanes above it untouched, so a storm of data requests can never
make a cancel wait.
"""

from dataclasses import dataclass

from trader.core.frozen import maker, replace
from trader.core.halts import Lane

# The share of the bucket that must remain after a message of this lane.
_RESERVED = {
    Lane.CANCEL: 0.0,
    Lane.OPERATOR: 0.0,
    Lane.REDUCE: 0.15,
    Lane.NEW: 0.3,
    Lane.DATA: 0.5,
}


# A cancel does not wait for others to be read; a storm of them does: what is configured leaves the
# broker's limit this much room, and no more.
_CANCEL_OVERDRAFT = 4.0


@dataclass(frozen=True, slots=True)
class Bucket:
    """Tokens at one instant; ``rate`` tokens flow in a second, ``size`` is the most it holds."""

    rate: float
    size: float
    tokens: float
    at_s: float


_made = maker(Bucket)


def full(rate: float, size: float, now_s: float) -> Bucket:
    """Return a full bucket."""
    assert rate > 0, f"rate {rate}"
    assert size >= 2, f"size {size}"
    return Bucket(rate=rate, size=size, tokens=size, at_s=now_s)


def refilled(bucket: Bucket, now_s: float) -> Bucket:
    """Return the bucket at ``now_s``; a clock that steps back adds nothing."""
    return replace(bucket, tokens=_tokens(bucket, now_s), at_s=max(now_s, bucket.at_s))


def wait_s(bucket: Bucket, lane: Lane, now_s: float) -> float:
    """Return how long a message of this lane has to wait; 0.0 when it may go now."""
    least = 1.0 - _CANCEL_OVERDRAFT if lane is Lane.CANCEL else 1.0
    missing = _RESERVED[lane] * bucket.size + least - _tokens(bucket, now_s)
    # A billionth of a token is rounding, not a reason to wait.
    return missing / bucket.rate if missing > 1e-9 else 0.0


def taken(bucket: Bucket, now_s: float) -> Bucket:
    """Return the bucket after one message; cancels may overdraw it, by one bucket at most."""
    tokens = max(_tokens(bucket, now_s) - 1.0, -bucket.size)
    return _made(bucket.rate, bucket.size, tokens, max(now_s, bucket.at_s))


def _tokens(bucket: Bucket, now_s: float) -> float:
    elapsed_s = max(now_s - bucket.at_s, 0.0)
    return min(bucket.tokens + elapsed_s * bucket.rate, bucket.size)
