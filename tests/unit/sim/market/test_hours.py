"""The two ways of keeping hours: always open, and by the exchange's calendar."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.sim.market.hours import SESSION_S, AlwaysOpen, Course, ExchangeHours

US = "US-STOCKS"


def at(text: str) -> float:
    """Return a moment in UTC; New York is five hours behind in winter."""
    return datetime.strptime(text + " +0000", "%Y-%m-%d %H:%M %z").timestamp()


MONDAY = at("2026-01-12 12:00")


ALWAYS = "ALWAYS"


@given(st.integers(0, 10**7))
def test_always_open_days_follow_without_a_pause(elapsed: int) -> None:
    moment = AlwaysOpen(MONDAY).moment(ALWAYS, MONDAY + elapsed)
    assert moment.day * SESSION_S + moment.fraction * SESSION_S == pytest.approx(elapsed)
    assert moment.is_open


@pytest.mark.parametrize(
    ("text", "day", "fraction"),
    [
        # Noon in London is seven in New York: seven hours of the date have gone by.
        ("2026-01-12 12:00", 0, 0.0),
        ("2026-01-12 11:59", -1, 419 / 420),
        ("2026-01-12 05:00", -1, 0.0),
        ("2026-01-11 17:00", -2, 0.5),
        ("2026-01-10 05:00", -3, 0.0),
        ("2026-01-12 18:30", 1, 0.0),
    ],
)
def test_before_the_start_each_date_has_a_day_of_the_files(
    text: str, day: int, fraction: float
) -> None:
    hours = AlwaysOpen().begun(MONDAY, SESSION_S)
    moment = hours.moment(ALWAYS, at(text))
    assert moment.day == day
    assert moment.fraction == pytest.approx(fraction)
    assert hours.date_of(ALWAYS, moment.day) == date.fromisoformat(text[:10])
    assert hours.day_before(ALWAYS, day) == day - 1


@pytest.mark.parametrize("hours", [AlwaysOpen(MONDAY), ExchangeHours(MONDAY)])
@pytest.mark.parametrize("seed", range(5))
def test_every_moment_lies_in_a_stretch_of_its_own_day(
    hours: AlwaysOpen | ExchangeHours, seed: int
) -> None:
    rng = random.Random(seed)
    calendar = ALWAYS if isinstance(hours, AlwaysOpen) else US
    first_s = MONDAY + rng.randrange(-20 * 86_400, 10 * 86_400)
    last_s = first_s + rng.randrange(1, 8 * 86_400)
    found = hours.stretches(calendar, first_s, last_s)
    assert found[0].start_s <= first_s
    assert found[-1].end_s > last_s
    assert all(one.end_s == other.start_s for one, other in pairwise(found))
    for one in found:
        within_s = one.start_s + (one.end_s - one.start_s) * rng.random()
        moment = hours.moment(calendar, within_s)
        assert moment.day == one.day
        assert (one.course is Course.WALK) == (0 < moment.fraction < 1)
        assert (one.course is Course.PRE) == (moment.pre_share < 1)


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
    moment = ExchangeHours(MONDAY).moment(US, at(text))
    assert (moment.day, moment.fraction, moment.is_open) == (day, fraction, is_open)
    assert moment.pre_share == pytest.approx(pre_share)
    assert moment.is_thin == (is_open and fraction in (0.0, 1.0) and text[-5:] != "14:30")


def test_while_closed_the_last_active_moment_is_the_end_of_the_session() -> None:
    hours = ExchangeHours(MONDAY)
    assert hours.moment(US, at("2026-01-13 05:00")).active_s == at("2026-01-13 01:00")
    # The order of asking does not matter, whatever was asked last.
    assert hours.moment(US, at("2026-01-12 17:45")).fraction == 0.5
    assert hours.moment(US, at("2026-01-13 05:00")).active_s == at("2026-01-13 01:00")


def test_daylight_saving_moves_the_session_by_an_hour_of_utc() -> None:
    hours = ExchangeHours(MONDAY)
    assert hours.moment(US, at("2026-03-06 14:29")).pre_share < 1
    assert hours.moment(US, at("2026-03-09 13:30")).pre_share == 1


def test_a_day_has_its_date_and_the_day_before_it_may_be_some_numbers_back() -> None:
    hours = ExchangeHours(MONDAY)
    assert hours.date_of(US, 6) == date(2026, 1, 20)
    assert (hours.day_before(US, 6), hours.day_before(US, 4), hours.day_before(US, 0)) == (4, 3, -1)
    assert hours.date_of("CRYPTO", 6) == date(2026, 1, 18)


def test_spans_are_the_sessions_cut_to_what_is_asked() -> None:
    hours = ExchangeHours(MONDAY)
    first, last = at("2026-01-12 15:00"), at("2026-01-13 15:00")
    assert hours.spans(US, first, last, regular=True) == [
        (first, at("2026-01-12 21:00")), (at("2026-01-13 14:30"), last),
    ]  # fmt: skip
    assert hours.spans(US, at("2026-01-17 00:00"), at("2026-01-18 23:00"), regular=True) == []


def test_coins_trade_on_every_day_of_the_week() -> None:
    hours = ExchangeHours(MONDAY)
    moment = hours.moment("CRYPTO", at("2026-01-18 12:00"))
    assert moment.is_open
    assert moment.day == 6
    assert datetime.fromtimestamp(MONDAY, UTC).weekday() == 0
