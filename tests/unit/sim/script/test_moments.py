"""Spans and moments are read as written, across changes of daylight saving."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from trader.sim.script.inputs import InputError
from trader.sim.script.moments import next_moment, span_s


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(5, 5.0), (0.25, 0.25), ("200ms", 0.2), ("3 m", 180.0), ("1.5h", 5400.0), ("2d", 172_800.0),
     ("7", 7.0)],
)  # fmt: skip
def test_spans_are_seconds(value: object, seconds: float) -> None:
    assert span_s("wait", value) == pytest.approx(seconds)


@pytest.mark.parametrize("value", ["", "5x", "-1s", True, None, [], "s"])
def test_what_is_no_span_is_refused(value: object) -> None:
    with pytest.raises(InputError, match="wait"):
        span_s("wait", value)


@pytest.mark.parametrize(
    ("text", "now", "then"),
    [
        ("23:45", "2026-11-23T14:00:00", "2026-11-23T23:45:00"),
        ("14:00", "2026-11-23T14:00:00", "2026-11-24T14:00:00"),
        ("23:45 America/New_York", "2026-11-23T14:00:00", "2026-11-24T04:45:00"),
        # The clocks go back on Sunday the 1st of November 2026: an hour more until then.
        ("23:45 America/New_York", "2026-11-01T04:00:00", "2026-11-02T04:45:00"),
        ("Sun 01:00 America/New_York", "2026-11-23T14:00:00", "2026-11-29T06:00:00"),
        # They go forward on the 8th of March.
        ("Sun 23:45 America/New_York", "2026-03-07T12:00:00", "2026-03-09T03:45:00"),
    ],
)
def test_a_moment_is_the_next_of_its_kind(text: str, now: str, then: str) -> None:
    now_s = datetime.fromisoformat(now).replace(tzinfo=UTC).timestamp()
    found = datetime.fromtimestamp(next_moment("at", text, now_s), UTC)
    assert found == datetime.fromisoformat(then).replace(tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "25:00", "12:60", "Foo 12:00", "12:00 Nowhere/Land", "noon"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="at"):
        next_moment("at", text, 0.0)
