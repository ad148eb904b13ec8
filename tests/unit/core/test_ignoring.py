"""A ticket waits until a time, whatever is done to the clock, and never longer than allowed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.core.ids import TicketId
from trader.core.ignoring import IGNORED_MAX, Ignored, ignored_from, until_in
from trader.core.ticket_events import TicketIgnored

T0 = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
NAME = TicketId("run-position-AAA")


def granted(until: timedelta = HOUR) -> Ignored:
    return ignored_from(TicketIgnored(NAME, T0 + until, "asked", "me"), T0)


def test_it_holds_from_its_beginning_until_its_end() -> None:
    row = granted()
    assert row.holds(T0)
    assert row.holds(T0 + HOUR - timedelta(microseconds=1))
    assert not row.holds(T0 + HOUR)


def test_a_clock_set_back_before_its_beginning_ends_it() -> None:
    row = granted()
    assert row.holds(T0 - MINUTE), "a disciplined clock steps by less than a minute"
    assert not row.holds(T0 - MINUTE - timedelta(microseconds=1))


def test_a_clock_set_back_before_what_was_recorded_since_ends_it() -> None:
    row = granted()
    half = T0 + HOUR / 2
    assert row.holds(half, half)
    assert row.holds(half - MINUTE, half)
    assert not row.holds(half - 2 * MINUTE, half)


def test_an_older_record_does_not_shorten_it() -> None:
    assert granted().holds(T0, T0 - timedelta(days=3))


def test_an_event_of_any_length_grants_no_more_than_allowed() -> None:
    row = granted(timedelta(days=300))
    assert row.until_utc == T0 + IGNORED_MAX


@given(
    length_s=st.integers(1, 7 * 86_400),
    steps=st.lists(st.integers(0, 86_400), max_size=20),
    backs=st.lists(st.integers(0, 86_400), max_size=20),
)
def test_a_clock_that_is_set_back_again_and_again_wins_a_minute_each_time_at_most(
    length_s: int, steps: list[int], backs: list[int]
) -> None:
    """It is over with the first step back that is longer than that, and time does the rest."""
    row = granted(timedelta(seconds=length_s))
    now, recorded, really = T0, T0, timedelta()
    for step, back in zip(steps, backs, strict=False):
        now += timedelta(seconds=step)
        if not row.holds(now, recorded):
            break
        really += timedelta(seconds=step)
        recorded = max(recorded, now)
        now -= timedelta(seconds=back)
        if not row.holds(now, recorded):
            break
    assert really <= timedelta(seconds=length_s) + len(steps) * MINUTE


@pytest.mark.parametrize(
    "text", ["2026-03-02T16:00:00Z", "2026-03-02T17:00+01:00", "2026-03-02T16:00:00.000000+00:00"]
)
def test_a_time_with_its_zone_is_read_as_utc(text: str) -> None:
    assert until_in(text, T0) == T0 + HOUR


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("2026-03-02T16:00:00", "has no zone"),
        ("tomorrow", "is no time"),
        ("", "is no time"),
        ("0001-01-01T00:00+14:00", "is no time"),
        ("2026-03-02T15:00:00Z", "later than now"),
        ("2026-03-01T15:00:00Z", "later than now"),
        ("2026-03-09T15:00:01Z", "at most 7 days ahead"),
    ],
)
def test_another_text_is_refused_with_what_is_allowed(text: str, told: str) -> None:
    refused = until_in(text, T0)
    assert isinstance(refused, str)
    assert told in refused
    assert "such as 2026-03-02T16:00Z" in refused


def test_seven_days_are_allowed_to_the_second() -> None:
    assert until_in("2026-03-09T15:00:00Z", T0) == T0 + IGNORED_MAX
