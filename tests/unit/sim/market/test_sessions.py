"""A span of history is the same days for every size of bar."""

from __future__ import annotations

from datetime import date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from trader.sim.market.sessions import cuts, days_back, ends, is_of_days
from trader.sim.market.spans import DAY_S, Duration

# Saturday, 11 April 2026, when a month of sessions of AAPL was asked of a real gateway.
SATURDAY_S = datetime(2026, 4, 11, 13, 52, tzinfo=ZoneInfo("America/New_York")).timestamp()


def dates(calendar: str, duration: Duration, end_s: float = SATURDAY_S) -> list[date]:
    return [day.day for day in days_back(calendar, end_s, duration, regular=True)][::-1]


def test_a_month_begins_on_the_date_after_that_of_the_month_before() -> None:
    found = dates("US-STOCKS", Duration(1, "M"))
    assert (found[0], found[-1], len(found)) == (date(2026, 3, 12), date(2026, 4, 10), 21)


@pytest.mark.parametrize(
    ("duration", "calendar", "count"),
    [
        (Duration(3, "D"), "US-STOCKS", 3), (Duration(1, "W"), "US-STOCKS", 5),
        (Duration(1, "Y"), "US-STOCKS", 249), (Duration(7200, "S"), "US-STOCKS", 1),
        (Duration(1, "W"), "ALWAYS", 7), (Duration(1, "Y"), "ALWAYS", 365),
        (Duration(10, "D"), "ALWAYS MET", 10),
    ],
)  # fmt: skip
def test_days_are_counted_and_longer_units_go_by_the_wall(
    duration: Duration, calendar: str, count: int
) -> None:
    assert len(dates(calendar, duration)) == count


def test_a_day_belongs_to_a_span_as_soon_as_it_has_begun() -> None:
    monday_s = datetime(2026, 4, 13, 9, 0, tzinfo=ZoneInfo("America/New_York")).timestamp()
    found = {
        regular: next(days_back("US-STOCKS", monday_s, Duration(1, "D"), regular=regular)).day
        for regular in (True, False)
    }
    assert found == {True: date(2026, 4, 10), False: date(2026, 4, 13)}
    # The evening of a future's Sunday is its Monday.
    sunday_s = datetime(2026, 4, 12, 18, 0, tzinfo=ZoneInfo("America/Chicago")).timestamp()
    evening = next(days_back("CME", sunday_s, Duration(1, "D"), regular=False))
    assert evening.day == date(2026, 4, 13)


@pytest.mark.parametrize("regular", [True, False])
@pytest.mark.parametrize("size_s", [5, 60, 1800, 3600, 14_400])
def test_cuts_fill_each_session_on_round_times(size_s: int, regular: bool) -> None:
    days = list(days_back("US-STOCKS", SATURDAY_S, Duration(2, "D"), regular=regular))[::-1]
    found = list(cuts(days, size_s, (0.0, SATURDAY_S), regular=regular))
    for day in days:
        start_s, end_s = ends(day, regular=regular)
        own = [one for one in found if start_s <= one[0] < end_s]
        assert own[0][0] == start_s
        assert own[-1][1] == end_s
        assert all(one[1] == other[0] for one, other in pairwise(own))
        assert all(start % size_s == 0 for start, _ in own[1:])
    assert not is_of_days(size_s)
    assert is_of_days(DAY_S)


def test_cuts_end_where_the_span_ends() -> None:
    day = list(days_back("US-STOCKS", SATURDAY_S, Duration(1, "D"), regular=True))
    opened = day[0].open_s
    assert list(cuts(day, 3600, (0.0, opened + 2400), regular=True)) == [
        (opened, opened + 1800), (opened + 1800, opened + 2400),
    ]  # fmt: skip
