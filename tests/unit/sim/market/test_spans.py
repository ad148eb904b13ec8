"""Bar sizes, durations and end times are read in all their written forms, or refused (321)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from trader.sim.market import spans
from trader.sim.market.spans import BarsError, Duration

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1 secs", 1), ("1 sec", 1), ("5 mins", 300), ("1 hour", 3600), ("1 day", 86_400),
     ("1D", 86_400), ("1W", 604_800), ("1 month", 2_592_000)],
)  # fmt: skip
def test_bar_sizes_are_read(text: str, seconds: int) -> None:
    assert spans.read_size(text) == seconds


@pytest.mark.parametrize("text", ["", "7 mins", "1 fortnight", "1 secs; drop"])
def test_other_bar_sizes_are_refused_with_the_legal_ones(text: str) -> None:
    with pytest.raises(BarsError, match=r"Legal ones are: 1 secs, .*1 month") as caught:
        spans.read_size(text)
    assert caught.value.code == 321


@pytest.mark.parametrize(
    ("text", "seconds", "days"),
    [("60 S", 60, 1), ("3600", 3600, 1), ("2 D", 172_800, 2), ("1 W", 604_800, 5),
     ("1 M", 2_592_000, 21), ("2 Y", 63_072_000, 504)],
)  # fmt: skip
def test_durations_are_read(text: str, seconds: int, days: int) -> None:
    found = spans.read_duration(text)
    assert (found.seconds, found.days) == (seconds, days)
    assert spans.read_duration("1 D") == Duration(1, "D")


@pytest.mark.parametrize("text", ["", "0 D", "x D", "1 Q", "-1 D", "366 D", "86401 S", "1 D 2"])
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(BarsError) as caught:
        spans.read_duration(text)
    assert caught.value.code == 321


@pytest.mark.parametrize(
    "text",
    ["20260105 12:00:00", "20260105-12:00:00", "20260105 12:00:00 UTC", "20260105  12:00:00 GMT",
     "20260105 07:00:00 US/Eastern", "20260105 07:00:00 America/New_York",
     "20260105 13:00:00 MET"],
)  # fmt: skip
def test_end_times_are_read_in_every_form(text: str) -> None:
    assert spans.read_moment(text) == NOON
    assert spans.read_end(text, NOON + 5) == NOON
    assert spans.read_end(text, NOON - 5) == NOON - 5


def test_a_date_alone_means_its_end_and_nothing_means_now() -> None:
    assert spans.read_moment("20260105") == NOON + 12 * 3600 - 1
    assert spans.read_end("", 7.0) == 7.0


@pytest.mark.parametrize(
    "text", ["soon", "2026-01-05", "20261305 12:00:00", "20260105 12:00:00 Mars/North", "1"]
)
def test_other_end_times_are_refused(text: str) -> None:
    with pytest.raises(BarsError, match="Format is") as caught:
        spans.read_end(text, NOON)
    assert caught.value.code == 321
