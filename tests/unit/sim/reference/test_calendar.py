"""Calendars say the truth at every moment, over years, weekends, holidays and clock changes."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trader.sim.reference import calendar
from trader.sim.reference.calendar import AUCTION_S, NAMES, Phase

FIRST_S = datetime(2019, 1, 1, tzinfo=UTC).timestamp()
LAST_S = datetime(2035, 1, 1, tzinfo=UTC).timestamp()
MOMENTS = st.floats(FIRST_S, LAST_S, allow_nan=False)
CLOSING = [name for name in NAMES if not calendar.never_closes(name)]


def at(text: str, zone: str = "America/New_York") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


@pytest.mark.parametrize(
    ("moment", "phase"),
    [
        ("2026-04-06 03:59:59", Phase.CLOSED),
        ("2026-04-06 04:00:00", Phase.PRE),
        ("2026-04-06 09:29:59", Phase.PRE),
        ("2026-04-06 09:30:00", Phase.OPENING),
        ("2026-04-06 09:30:01", Phase.REGULAR),
        ("2026-04-06 15:59:59", Phase.REGULAR),
        ("2026-04-06 16:00:00", Phase.CLOSING),
        ("2026-04-06 16:00:01", Phase.POST),
        ("2026-04-06 19:59:59", Phase.POST),
        ("2026-04-06 20:00:00", Phase.CLOSED),
        ("2026-04-04 12:00:00", Phase.CLOSED),
        ("2026-04-03 12:00:00", Phase.CLOSED),
        ("2025-07-03 13:00:00", Phase.CLOSING),
        ("2025-07-03 16:59:59", Phase.POST),
        ("2025-07-03 17:00:00", Phase.CLOSED),
    ],
)
def test_a_stock_day_goes_through_its_phases(moment: str, phase: Phase) -> None:
    assert calendar.phase("US-STOCKS", at(moment)) is phase


@pytest.mark.parametrize(
    ("moment", "phase", "day"),
    [
        ("2025-05-22 15:59", Phase.REGULAR, date(2025, 5, 22)),
        ("2025-05-22 16:00", Phase.CLOSED, date(2025, 5, 23)),
        ("2025-05-22 17:00", Phase.PRE, date(2025, 5, 23)),
        ("2025-05-23 08:30", Phase.REGULAR, date(2025, 5, 23)),
        ("2025-05-23 17:00", Phase.CLOSED, date(2025, 5, 26)),
        ("2025-05-25 16:59", Phase.CLOSED, date(2025, 5, 26)),
        ("2025-05-25 17:00", Phase.PRE, date(2025, 5, 26)),
        ("2025-05-26 12:00", Phase.CLOSED, date(2025, 5, 27)),
        ("2025-05-26 17:00", Phase.PRE, date(2025, 5, 27)),
        ("2025-12-25 16:00", Phase.CLOSED, date(2025, 12, 26)),
        ("2025-12-25 17:00", Phase.PRE, date(2025, 12, 26)),
    ],
)
def test_a_futures_day_begins_the_evening_before(moment: str, phase: Phase, day: date) -> None:
    moment_s = at(moment, "America/Chicago")
    assert (calendar.phase("CME", moment_s), calendar.day_of("CME", moment_s)) == (phase, day)


def test_currencies_trade_from_sunday_to_friday_with_a_pause() -> None:
    is_open = [
        calendar.phase("FX", at(f"2026-04-{text}")) is Phase.REGULAR
        for text in ("05 17:14", "05 17:15", "06 03:00", "06 17:00", "06 17:15", "10 16:59")
    ]
    assert is_open == [False, True, True, False, True, True]
    assert calendar.phase("FX", at("2026-04-10 17:30")) is Phase.CLOSED


def test_an_exchange_without_evening_trade_ends_with_its_auction() -> None:
    close_s = at("2026-04-07 17:30", "Europe/Berlin")
    phases = [calendar.phase("IBIS", close_s + n) for n in (-1.0, 0.0, AUCTION_S)]
    assert phases == [Phase.REGULAR, Phase.CLOSING, Phase.CLOSED]


@pytest.mark.parametrize("name", [name for name in NAMES if name not in CLOSING])
def test_what_never_closes_never_changes(name: str) -> None:
    sunday_s = at("2026-04-05 03:00")
    assert calendar.phase(name, sunday_s) is Phase.REGULAR
    assert calendar.next_change(name, sunday_s) == math.inf
    assert calendar.day_of(name, sunday_s) == date(2026, 4, 5)


def test_an_unknown_calendar_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"calendar: 'MOON' is not known; allowed: ALWAYS, "):
        calendar.phase("MOON", FIRST_S)


@settings(max_examples=300, derandomize=True, deadline=None)
@given(st.sampled_from(CLOSING), MOMENTS)
def test_the_phase_holds_until_the_next_change_and_not_beyond(name: str, moment_s: float) -> None:
    change_s = calendar.next_change(name, moment_s)
    now = calendar.phase(name, moment_s)
    assert change_s > moment_s
    for share in (0.25, 0.5, 0.75, 0.999):
        assert calendar.phase(name, moment_s + (change_s - moment_s) * share) is now
    assert calendar.phase(name, change_s) is not now


@settings(max_examples=300, derandomize=True, deadline=None)
@given(st.sampled_from(CLOSING), MOMENTS)
def test_open_means_within_the_day_that_is_named(name: str, moment_s: float) -> None:
    found = calendar.day_at(name, moment_s)
    assert (found is None) == (calendar.phase(name, moment_s) is Phase.CLOSED)
    assert found is None or found.day == calendar.day_of(name, moment_s)
    assert calendar.is_open(name, moment_s, outside_rth=True) == (found is not None)
    if calendar.is_open(name, moment_s):
        assert calendar.phase(name, moment_s) in (Phase.OPENING, Phase.REGULAR, Phase.CLOSING)


@pytest.mark.parametrize("name", CLOSING)
def test_trading_days_follow_one_another_without_overlap(name: str) -> None:
    day, last_s = date(2019, 1, 1), 0.0
    while day.year < 2035:
        found = calendar.trading_day(name, day)
        day += timedelta(days=1)
        if found is None:
            continue
        assert last_s < found.start_s <= found.open_s < found.close_s <= found.end_s
        assert found.boundaries() == sorted(found.boundaries())
        last_s = found.boundaries()[-1]


@pytest.mark.parametrize(
    ("name", "zone", "days"),
    [
        ("US-STOCKS", "America/New_York", ("2026-03-09", "2026-11-02")),
        ("CME", "America/Chicago", ("2026-03-09", "2026-11-02")),
        ("LSE", "Europe/London", ("2026-03-30", "2026-10-26")),
    ],
)
def test_the_open_keeps_its_wall_time_when_clocks_change(
    name: str, zone: str, days: tuple[str, str]
) -> None:
    for text in days:
        day = date.fromisoformat(text)
        after = calendar.trading_day(name, day)
        before = calendar.trading_day(name, day - timedelta(days=3))
        assert after is not None
        assert before is not None
        clocks = {
            datetime.fromtimestamp(one.open_s, ZoneInfo(zone)).time() for one in (before, after)
        }
        assert len(clocks) == 1
        # In between lies a weekend of an hour more or less.
        assert abs(after.open_s - before.open_s - 3 * 86_400) == 3600


def test_a_currency_day_is_an_hour_shorter_or_longer_when_clocks_change() -> None:
    hours = [
        (day.end_s - day.start_s) / 3600
        for text in ("2026-03-06", "2026-03-09", "2026-11-02")
        if (day := calendar.trading_day("FX", date.fromisoformat(text))) is not None
    ]
    # Sunday's clock change at 2:00 is over when the week begins at 17:15.
    assert hours == [23.75, 23.75, 23.75]
    always = [
        (day.end_s - day.start_s) / 3600
        for text in ("2026-03-08", "2026-11-01", "2026-11-03")
        if (day := calendar.trading_day("CRYPTO", date.fromisoformat(text))) is not None
    ]
    assert always == [23.0, 25.0, 24.0]
