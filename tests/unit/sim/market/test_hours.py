"""The two ways of keeping hours: always open, and by the exchange's calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.sim.market.hours import SESSION_S, AlwaysOpen, ExchangeHours

US = "US-STOCKS"


def at(text: str) -> float:
    """Return a moment in UTC; New York is five hours behind in winter."""
    return datetime.strptime(text + " +0000", "%Y-%m-%d %H:%M %z").timestamp()


MONDAY = at("2026-01-12 12:00")


@given(st.integers(-(10**7), 10**7))
def test_always_open_days_follow_without_a_pause(elapsed: int) -> None:
    moment = AlwaysOpen().moment(US, elapsed, 0.0)
    assert moment.day * SESSION_S + moment.fraction * SESSION_S == pytest.approx(elapsed)
    assert moment.is_open


def test_always_open_gives_today_and_the_weekdays_before() -> None:
    found = list(islice(AlwaysOpen().days_back(US, at("2026-01-10 12:00"), 7), 3))
    assert found == [(date(2026, 1, 10), 7), (date(2026, 1, 9), 6), (date(2026, 1, 8), 5)]
    assert AlwaysOpen().spans(US, 1.0, 2.0, regular=True) == [(1.0, 2.0)]
    assert AlwaysOpen().start_of(US, 86_400.0 * 3, 2, regular=True) == 86_400.0


@pytest.mark.parametrize(
    ("text", "day", "fraction", "pre_share", "is_open"),
    [
        ("2026-01-12 08:59", -1, 1.0, 1.0, False),
        ("2026-01-12 09:00", 0, 0.0, 0.0, True),
        ("2026-01-12 11:45", 0, 0.0, 0.5, True),
        ("2026-01-12 14:30", 0, 0.0, 1.0, True),
        ("2026-01-12 17:45", 0, 0.5, 1.0, True),
        ("2026-01-12 22:00", 0, 1.0, 1.0, True),
        ("2026-01-13 02:00", 0, 1.0, 1.0, False),
        ("2026-01-16 17:45", 4, 0.5, 1.0, True),
        ("2026-01-17 17:45", 4, 1.0, 1.0, False),
        # Martin Luther King's day is a Monday without a session.
        ("2026-01-19 17:45", 4, 1.0, 1.0, False),
        ("2026-01-20 17:45", 6, 0.5, 1.0, True),
    ],
)
def test_a_stock_follows_its_sessions(
    text: str, day: int, fraction: float, pre_share: float, is_open: bool
) -> None:
    moment = ExchangeHours(MONDAY).moment(US, 0.0, at(text))
    assert (moment.day, moment.fraction, moment.is_open) == (day, fraction, is_open)
    assert moment.pre_share == pytest.approx(pre_share)
    assert moment.is_thin == (is_open and fraction in (0.0, 1.0) and text[-5:] != "14:30")


def test_while_closed_the_last_active_moment_is_the_end_of_the_session() -> None:
    hours = ExchangeHours(MONDAY)
    assert hours.moment(US, 0.0, at("2026-01-13 05:00")).active_s == at("2026-01-13 01:00")
    # The order of asking does not matter, whatever was asked last.
    assert hours.moment(US, 0.0, at("2026-01-12 17:45")).fraction == 0.5
    assert hours.moment(US, 0.0, at("2026-01-13 05:00")).active_s == at("2026-01-13 01:00")


def test_daylight_saving_moves_the_session_by_an_hour_of_utc() -> None:
    hours = ExchangeHours(MONDAY)
    assert hours.moment(US, 0.0, at("2026-03-06 14:29")).pre_share < 1
    assert hours.moment(US, 0.0, at("2026-03-09 13:30")).pre_share == 1


def test_days_back_leave_out_weekends_and_holidays() -> None:
    found = islice(ExchangeHours(MONDAY).days_back(US, at("2026-01-20 17:00"), 0), 3)
    assert list(found) == [
        (date(2026, 1, 20), 6), (date(2026, 1, 16), 4), (date(2026, 1, 15), 3),
    ]  # fmt: skip


def test_spans_are_the_sessions_cut_to_what_is_asked() -> None:
    hours = ExchangeHours(MONDAY)
    first, last = at("2026-01-12 15:00"), at("2026-01-13 15:00")
    assert hours.spans(US, first, last, regular=True) == [
        (first, at("2026-01-12 21:00")), (at("2026-01-13 14:30"), last),
    ]  # fmt: skip
    assert hours.spans(US, at("2026-01-17 00:00"), at("2026-01-18 23:00"), regular=True) == []


def test_days_of_trading_are_counted_back_over_a_weekend() -> None:
    hours, end = ExchangeHours(MONDAY), at("2026-01-12 16:00")
    assert hours.start_of(US, end, 1, regular=True) == at("2026-01-12 14:30")
    assert hours.start_of(US, end, 2, regular=True) == at("2026-01-09 14:30")
    assert hours.start_of(US, at("2026-01-12 08:00"), 1, regular=False) == at("2026-01-09 09:00")


def test_coins_trade_on_every_day_of_the_week() -> None:
    hours = ExchangeHours(MONDAY)
    moment = hours.moment("CRYPTO", 0.0, at("2026-01-18 12:00"))
    assert moment.is_open
    assert moment.day == 6
    assert datetime.fromtimestamp(MONDAY, UTC).weekday() == 0
