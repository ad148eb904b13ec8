"""Moments as whole microseconds since 1970, exactly, and back.

So they are kept and compared. By way of a float of seconds some of 2038 are a microsecond off.
"""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds_of(at_utc: datetime) -> int:
    """Return a moment as microseconds since 1970."""
    assert at_utc.tzinfo is not None, f"time without a zone: {at_utc}"
    return (at_utc - _EPOCH) // _MICROSECOND


def moment_of(at_us: int) -> datetime:
    """Return microseconds since 1970 as a moment; raises OverflowError beyond the year 9999."""
    return _EPOCH + timedelta(microseconds=at_us)
