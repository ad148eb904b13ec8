"""Every moment is a whole number of microseconds, and that number is the moment again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.core.moments import microseconds_of, moment_of

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOON = datetime(2026, 3, 2, 12, 0, 0, 5, tzinfo=UTC)


@given(at_utc=st.datetimes(timezones=st.just(UTC)))
def test_a_moment_becomes_whole_microseconds_without_rounding(at_utc: datetime) -> None:
    assert EPOCH + timedelta(microseconds=microseconds_of(at_utc)) == at_utc
    assert moment_of(microseconds_of(at_utc)) == at_utc
    assert moment_of(microseconds_of(at_utc)).tzinfo is UTC


def test_another_zone_is_the_same_moment() -> None:
    there = NOON.astimezone(timezone(timedelta(hours=-5)))
    assert microseconds_of(there) == microseconds_of(NOON)


def test_a_time_without_a_zone_is_a_mistake_of_ours() -> None:
    with pytest.raises(AssertionError, match="time without a zone: 2026-03-02 12:00:00"):
        microseconds_of(NOON.replace(tzinfo=None))


def test_beyond_the_years_there_are_is_no_moment() -> None:
    with pytest.raises(OverflowError):
        moment_of(10**18)
