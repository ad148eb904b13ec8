"""The shipped calendars: days known by hand, clock changes, and doubts about the broker's word.

The oracle of every day is in test_exchange_oracle.py; here is what no oracle knows.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.core.calendar import ContractHours, Span, contract_hours, standing
from trader.core.exchanges import (
    CBOE_INDICES,
    RENEW_DAYS,
    SHIPPED,
    US_STOCKS,
    ExchangeCalendar,
    calendar_for,
    disagreements,
    hours_on,
    is_same_clock,
)

NEW_YORK = ZoneInfo("America/New_York")
DAYS = st.dates(US_STOCKS.valid_from, US_STOCKS.valid_until)


def shipped(day: date, calendar: ExchangeCalendar = US_STOCKS) -> ContractHours:
    found = hours_on(calendar, day, ZoneInfo(calendar.zone))
    assert found is not None
    return found


def told(text: str, trading: str = "") -> ContractHours:
    return contract_hours(trading or text, text, NEW_YORK)


@pytest.mark.parametrize(
    ("day", "note"),
    [
        (date(2018, 12, 5), "mourning for President G. H. W. Bush"),
        (date(2025, 1, 9), "mourning for President Carter"),
        (date(2021, 6, 18), ""),
        (date(2022, 6, 20), "Juneteenth"),
        (date(2021, 12, 31), ""),
        (date(2027, 12, 24), "Christmas Day"),
        (date(2026, 7, 3), "Independence Day"),
        (date(2026, 7, 2), ""),
        (date(2026, 11, 27), "day after Thanksgiving"),
        (date(2024, 3, 29), "Good Friday"),
    ],
)
def test_days_that_are_known_by_hand(day: date, note: str) -> None:
    assert US_STOCKS.note(day) == note
    is_half = note.startswith(("day after", "eve"))
    assert bool(shipped(day).regular) is (not note or is_half)


def test_both_changes_of_the_clock_move_the_open_in_utc_and_not_on_the_wall() -> None:
    """DAT-07: New York changes in March and November, Europe on other Sundays."""
    opens = {
        date(2026, 3, 6): 14,
        date(2026, 3, 9): 13,
        date(2026, 3, 30): 13,
        date(2026, 10, 26): 13,
        date(2026, 10, 30): 13,
        date(2026, 11, 2): 14,
    }
    for day, hour in opens.items():
        span = shipped(day).regular[0]
        assert span.start_utc == datetime(day.year, day.month, day.day, hour, 30, tzinfo=UTC)
        assert span.start_utc.astimezone(NEW_YORK).time() == time(9, 30)
        assert span.end_utc - span.start_utc == timedelta(hours=6.5)


def test_a_day_is_as_long_as_the_clock_makes_it() -> None:
    lengths = [
        (found := shipped(day)).known.end_utc - found.known.start_utc
        for day in (date(2026, 3, 8), date(2026, 3, 9), date(2026, 11, 1))
    ]
    assert [row / timedelta(hours=1) for row in lengths] == [23, 24, 25]


@given(DAYS, st.sampled_from(SHIPPED))
def test_every_session_opens_before_it_closes_and_within_its_day(
    day: date, calendar: ExchangeCalendar
) -> None:
    found = shipped(day, calendar)
    assert len(found.regular) == len(found.trading) <= 1
    for regular, trading in zip(found.regular, found.trading, strict=True):
        assert found.known.start_utc <= trading.start_utc <= regular.start_utc
        assert regular.start_utc < regular.end_utc <= trading.end_utc <= found.known.end_utc
        is_half = (regular.end_utc - regular.start_utc).total_seconds() < calendar.usual_s
        assert is_half is (day in calendar.early_closings(day.year))
    assert bool(found.regular) is not (day.weekday() > 4 or day in calendar.closings(day.year))


@given(DAYS)
def test_no_closing_is_on_a_weekend_or_in_another_year_nor_a_half_day(day: date) -> None:
    closings = US_STOCKS.closings(day.year)
    halves = US_STOCKS.early_closings(day.year)
    assert all(one.weekday() < 5 and one.year == day.year for one in (*closings, *halves))
    assert not closings.keys() & halves.keys()
    assert 8 <= len(closings) <= 11


@given(st.dates())
def test_outside_its_time_a_calendar_knows_nothing(day: date) -> None:
    """Neither closed nor open: what is not known must never look like either."""
    is_known = date(2014, 1, 1) <= day <= date(2027, 12, 31)
    for calendar in SHIPPED:
        assert calendar.covers(day) is is_known
        if not is_known:
            assert hours_on(calendar, day, NEW_YORK) is None
            assert calendar.note(day) == ""


def test_it_says_how_long_it_lasts() -> None:
    assert US_STOCKS.days_left(date(2027, 12, 31)) == 0
    assert US_STOCKS.days_left(date(2028, 1, 1)) == -1
    assert US_STOCKS.days_left(date(2027, 10, 2)) == RENEW_DAYS


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        (("STK", "SMART", "USD"), US_STOCKS),
        (("STK", "SMART", "USD", "ARCA"), US_STOCKS),
        (("STK", "NASDAQ", "USD"), US_STOCKS),
        (("STK", "SMART", "USD", "LSEETF"), None),
        (("STK", "LSE", "USD"), None),
        (("STK", "OVERNIGHT", "USD"), None),
        (("STK", "SMART", "EUR"), None),
        (("FUT", "CME", "USD"), None),
        (("IND", "CBOE", "USD"), CBOE_INDICES),
        (("IND", "NASDAQ", "USD"), None),
    ],
)
def test_each_instrument_has_the_calendar_of_its_place_or_none(
    terms: tuple[str, str, str], expected: ExchangeCalendar | None
) -> None:
    assert calendar_for(*terms) is expected


def test_hours_of_another_wall_clock_are_those_of_another_exchange() -> None:
    text = "20260406:0930-20260406:1600"
    assert is_same_clock(contract_hours(text, text, ZoneInfo("US/Eastern")), NEW_YORK)
    assert not is_same_clock(contract_hours(text, text, ZoneInfo("Europe/London")), NEW_YORK)
    # In July Chile keeps New York's time; one of its weeks in September does not.
    santiago = ZoneInfo("America/Santiago")
    july = "20260706:0930-20260706:1600"
    assert is_same_clock(contract_hours(july, july, santiago), NEW_YORK)
    autumn = "20260904:0930-20260904:1600;20260907:0930-20260907:1600"
    assert not is_same_clock(contract_hours(autumn, autumn, santiago), NEW_YORK)


def test_the_same_word_is_no_disagreement() -> None:
    week = (
        "20261125:0930-20261125:1600;20261126:CLOSED;20261127:0930-20261127:1300;"
        "20261128:CLOSED;20261129:CLOSED;20261130:0930-20261130:1600"
    )
    assert disagreements(told(week), US_STOCKS, NEW_YORK) == ()
    # How long there is trading before and after is the broker's to say.
    longer = "20261125:0300-20261125:2100;20261126:CLOSED;20261127:0400-20261127:2000"
    regular = "20261125:0930-20261125:1600;20261126:CLOSED;20261127:0930-20261127:1300"
    assert disagreements(told(regular, longer), US_STOCKS, NEW_YORK) == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("20250109:0930-20250109:1600", "the broker says 09:30-16:00, calendar {} says closed"),
        ("20250110:CLOSED", "the broker says closed, calendar {} says 09:30-16:00"),
        (
            "20261127:0930-20261127:1600",
            "the broker says 09:30-16:00, calendar {} says 09:30-13:00",
        ),
        (
            "20261125:0930-20261125:1200,1300-1600",
            "the broker says 09:30-12:00, 13:00-16:00, calendar {} says 09:30-16:00",
        ),
    ],
)
def test_another_word_is_one_and_says_both(text: str, words: str) -> None:
    (found,) = disagreements(told(text), US_STOCKS, NEW_YORK)
    assert found.text == f"{found.day}: {words.format(US_STOCKS.version)}"
    assert found.shipped == shipped(found.day)


def test_trading_of_any_kind_on_a_day_that_is_shut_is_a_disagreement() -> None:
    found = disagreements(
        told("20261126:CLOSED", "20261126:0400-20261126:2000"), US_STOCKS, NEW_YORK
    )
    assert [row.day for row in found] == [date(2026, 11, 26)]


def test_of_days_beyond_the_calendar_there_is_none() -> None:
    text = "20271231:0930-20271231:1600;20280101:0930-20280101:1600"
    assert disagreements(told(text), US_STOCKS, NEW_YORK) == ()


@given(DAYS, st.integers(0, 86_399))
def test_a_disagreement_speaks_of_its_day_alone(day: date, second: int) -> None:
    found = shipped(day)
    at_utc = found.known.start_utc + timedelta(seconds=second)
    assert standing(found, at_utc) is not None or not found.known.holds(at_utc)
    assert standing(found, found.known.end_utc) is None
    assert standing(found, found.known.start_utc - timedelta(seconds=1)) is None
    assert isinstance(found.known, Span)
