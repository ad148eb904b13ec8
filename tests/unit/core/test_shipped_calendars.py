"""The tables that come with the program: days known by hand, zones, who has which.

The oracle of every day is in test_exchange_oracle.py; here is what no oracle knows: reasons, pauses
within a day, currencies, the broker's names.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.core.calendar import (
    ContractHours,
    Span,
    day_of_session,
    midnight,
    standing,
    trading_day,
)
from trader.core.exchanges import Compared, ExchangeCalendar, hours_on
from trader.core.shipped_calendars import (
    CBOE_INDICES,
    CME_INDICES,
    EURONEXT_STOCKS,
    IDEALPRO,
    LONDON_STOCKS,
    SHIPPED,
    US_STOCKS,
    XETRA_STOCKS,
    calendar_for,
)

NEW_YORK = ZoneInfo("America/New_York")
CALENDARS = st.sampled_from(SHIPPED)
DAYS = st.dates(US_STOCKS.valid_from, US_STOCKS.valid_until)
YEARS = range(2014, 2028)


def shipped(day: date, calendar: ExchangeCalendar = US_STOCKS) -> ContractHours:
    found = hours_on(calendar, day, ZoneInfo(calendar.zone))
    assert found is not None
    return found


def wall(spans: tuple[Span, ...], calendar: ExchangeCalendar) -> str:
    zone = ZoneInfo(calendar.zone)
    return ", ".join(
        f"{one.start_utc.astimezone(zone):%a %H:%M}-{one.end_utc.astimezone(zone):%a %H:%M}"
        for one in spans
    )


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


@pytest.mark.parametrize(
    ("calendar", "day", "note", "regular"),
    [
        (XETRA_STOCKS, date(2026, 5, 25), "", "Mon 09:00-Mon 17:30"),
        (XETRA_STOCKS, date(2021, 5, 24), "Whit Monday", ""),
        (XETRA_STOCKS, date(2017, 10, 31), "500 years of the Reformation", ""),
        (XETRA_STOCKS, date(2026, 12, 30), "last day of the year", "Wed 09:00-Wed 14:00"),
        (XETRA_STOCKS, date(2023, 12, 29), "last day of the year", "Fri 09:00-Fri 14:00"),
        (XETRA_STOCKS, date(2026, 12, 31), "New Year's Eve", ""),
        (LONDON_STOCKS, date(2026, 12, 28), "Boxing Day", ""),
        (LONDON_STOCKS, date(2022, 12, 27), "Christmas Day", ""),
        (LONDON_STOCKS, date(2022, 9, 19), "funeral of Queen Elizabeth II", ""),
        (LONDON_STOCKS, date(2020, 5, 4), "", "Mon 08:00-Mon 16:30"),
        (LONDON_STOCKS, date(2026, 12, 24), "Christmas Eve", "Thu 08:00-Thu 12:30"),
        (LONDON_STOCKS, date(2023, 12, 22), "Christmas Eve", "Fri 08:00-Fri 12:30"),
        (EURONEXT_STOCKS, date(2026, 5, 25), "", "Mon 09:00-Mon 17:30"),
        (EURONEXT_STOCKS, date(2026, 12, 31), "New Year's Eve", "Thu 09:00-Thu 14:05"),
        (EURONEXT_STOCKS, date(2026, 4, 6), "Easter Monday", ""),
    ],
)
def test_european_days_that_are_known_by_hand(
    calendar: ExchangeCalendar, day: date, note: str, regular: str
) -> None:
    assert (calendar.note(day), wall(shipped(day, calendar).regular, calendar)) == (note, regular)


@pytest.mark.parametrize(
    ("day", "trading", "regular"),
    [
        # A day like any other, by the hours of three times.
        (
            date(2014, 3, 3),
            "Sun 17:00-Mon 15:15, Mon 15:30-Mon 16:15",
            "Mon 08:30-Mon 15:15",
        ),
        (
            date(2015, 9, 21),
            "Sun 17:00-Mon 15:15, Mon 15:30-Mon 16:00",
            "Mon 08:30-Mon 15:15, Mon 15:30-Mon 16:00",
        ),
        (date(2021, 6, 28), "Sun 17:00-Mon 16:00", "Mon 08:30-Mon 16:00"),
        # Thanksgiving and the day after, at noon and at a quarter past.
        (date(2026, 11, 26), "Wed 17:00-Thu 12:00", "Thu 08:30-Thu 12:00"),
        (date(2026, 11, 27), "Thu 17:00-Fri 12:15", "Fri 08:30-Fri 12:15"),
        (date(2020, 11, 27), "Thu 17:00-Fri 12:15", "Fri 08:30-Fri 12:15"),
        (date(2026, 6, 19), "Thu 17:00-Fri 12:00", "Fri 08:30-Fri 12:00"),
        (date(2026, 7, 3), "Thu 17:00-Fri 12:00", "Fri 08:30-Fri 12:00"),
        (date(2014, 1, 20), "Sun 17:00-Mon 10:30", "Mon 08:30-Mon 10:30"),
        # The night alone, without a regular session.
        (date(2026, 4, 3), "Thu 17:00-Fri 08:15", ""),
        (date(2025, 1, 9), "Wed 17:00-Thu 08:30", ""),
        # Shut, and open again for the next day in the evening of the holiday.
        (date(2025, 4, 18), "", ""),
        (date(2026, 12, 25), "", ""),
        (date(2024, 12, 26), "Wed 17:00-Thu 16:00", "Thu 08:30-Thu 16:00"),
        (date(2026, 3, 15), "", ""),
    ],
)
def test_days_of_futures_that_are_known_by_hand(day: date, trading: str, regular: str) -> None:
    found = shipped(day, CME_INDICES)
    assert wall(found.trading, CME_INDICES) == trading
    assert wall(found.regular, CME_INDICES) == regular


def test_currencies_are_off_for_a_quarter_of_an_hour_and_over_the_weekend() -> None:
    week = [shipped(date(2026, 11, 22) + timedelta(days=ahead), IDEALPRO) for ahead in range(7)]
    assert [wall(row.trading, IDEALPRO) for row in week] == [
        "",
        "Sun 17:15-Mon 17:00",
        "Mon 17:15-Tue 17:00",
        "Tue 17:15-Wed 17:00",
        "Wed 17:15-Thu 17:00",
        "Thu 17:15-Fri 17:00",
        "",
    ]
    assert all(row.regular == row.trading for row in week)
    assert [shipped(day, IDEALPRO).trading for day in (date(2026, 12, 25), date(2027, 1, 1))] == [
        (), (),
    ]  # fmt: skip


# In these weeks New York has changed its clocks and Europe has not, or the other way about.
BETWEEN = (date(2026, 3, 9), date(2026, 3, 27), date(2026, 10, 26), date(2026, 10, 30))
USUAL = (date(2026, 3, 6), date(2026, 3, 30), date(2026, 10, 23), date(2026, 11, 2))


def test_while_one_side_has_changed_its_clocks_europe_is_an_hour_nearer() -> None:
    """DAT-07: between the two changes of March, and between those of autumn."""

    def apart(day: date, calendar: ExchangeCalendar) -> timedelta:
        return shipped(day).regular[0].start_utc - shipped(day, calendar).regular[0].start_utc

    for days, hours in ((USUAL, 6.5), (BETWEEN, 5.5)):
        for day in days:
            assert apart(day, XETRA_STOCKS) == timedelta(hours=hours)
            assert apart(day, EURONEXT_STOCKS) == timedelta(hours=hours)
            assert apart(day, LONDON_STOCKS) == timedelta(hours=hours)
            # Chicago goes with New York.
            assert apart(day, CME_INDICES) == timedelta()


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


def test_the_night_after_a_change_of_clocks_is_as_long_as_any_other() -> None:
    """Clocks change on a Sunday morning, when futures and currencies are shut."""
    for monday in (date(2026, 3, 9), date(2026, 11, 2)):
        for calendar, hours in ((CME_INDICES, 23), (IDEALPRO, 23.75)):
            (one,) = shipped(monday, calendar).trading
            assert one.end_utc - one.start_utc == timedelta(hours=hours)


@given(DAYS)
def test_the_cities_of_euronext_share_one_clock(day: date) -> None:
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    offsets = {
        at.astimezone(ZoneInfo(f"Europe/{city}")).utcoffset()
        for city in ("Paris", "Amsterdam", "Brussels")
    }
    assert len(offsets) == 1


@given(DAYS, CALENDARS)
def test_every_session_lies_within_its_day_and_regular_hours_within_trading(
    day: date, calendar: ExchangeCalendar
) -> None:
    found = shipped(day, calendar)
    assert bool(found.trading) is not (day.weekday() > 4 or day in calendar.closings(day.year))
    at = found.known.start_utc
    for one in found.trading:
        assert at <= one.start_utc < one.end_utc <= found.known.end_utc
        at = one.end_utc
    for one in found.regular:
        assert any(
            wide.start_utc <= one.start_utc < one.end_utc <= wide.end_utc for wide in found.trading
        )
    rows = found.regular if calendar.compared is Compared.REGULAR else found.trading
    length_s = sum((one.end_utc - one.start_utc).total_seconds() for one in rows)
    is_early = bool(rows) and length_s < calendar.usual_s(day)
    assert is_early is (day in calendar.early_closings(day.year))


def told_week(first: date, calendar: ExchangeCalendar) -> ContractHours:
    """Return a week as one text of the broker has it."""
    zone = ZoneInfo(calendar.zone)
    days = [shipped(first + timedelta(days=ahead), calendar) for ahead in range(7)]
    return ContractHours(
        trading=tuple(one for row in days for one in row.trading),
        regular=tuple(one for row in days for one in row.regular),
        known=Span(midnight(first, zone), midnight(first + timedelta(days=7), zone)),
        zone=zone,
    )


@given(st.dates(date(2014, 1, 2), date(2027, 12, 20)), st.integers(1, 5), CALENDARS, st.data())
def test_every_moment_of_a_session_is_of_the_day_on_which_it_ends(
    first: date, ahead: int, calendar: ExchangeCalendar, data: st.DataObject
) -> None:
    """Of a night as of a day, in weeks with changes of the clock: when it began, what day it is."""
    day, told = first + timedelta(days=ahead), told_week(first, calendar)
    found = shipped(day, calendar)
    for session in found.trading:
        length_s = int((session.end_utc - session.start_utc).total_seconds())
        at_utc = session.start_utc + timedelta(seconds=data.draw(st.integers(0, length_s - 1)))
        assert day_of_session(session, told.zone) == day
        now = standing(told, at_utc)
        assert now is not None
        assert now.is_extended
        assert now.until_close_s is not None
        assert 0 < now.until_close_s <= length_s
        # The trading day holds all of its sessions, whenever it is asked for.
        span = trading_day(told, at_utc)
        assert span is not None
        assert span == trading_day(told, found.trading[0].start_utc)
        assert span.start_utc <= found.trading[0].start_utc
        assert found.trading[-1].end_utc <= span.end_utc
        assert found.known.start_utc <= span.start_utc


@pytest.mark.parametrize("calendar", SHIPPED, ids=lambda row: row.name)
def test_no_closing_is_on_a_weekend_or_in_another_year_nor_a_half_day(
    calendar: ExchangeCalendar,
) -> None:
    for year in YEARS:
        closings, halves = calendar.closings(year), calendar.early_closings(year)
        assert all(one.weekday() < 5 and one.year == year for one in (*closings, *halves))
        assert not closings.keys() & halves.keys()
        assert len(closings) <= 11


@pytest.mark.parametrize("calendar", SHIPPED, ids=lambda row: row.name)
def test_every_row_of_a_table_is_of_use(calendar: ExchangeCalendar) -> None:
    """A rule that gives no day in fourteen years is a slip of the pen."""
    early = [holiday for row in calendar.early for holiday in row.holidays]
    for holiday in (*calendar.shut, *early):
        assert any(holiday.in_year(year) for year in YEARS), holiday
    # No two rows of a table claim one day.
    for year in YEARS:
        found = [day for row in (*calendar.shut, *early) if (day := row.in_year(year))]
        assert len(found) == len(set(found)), year
    assert [row.since for row in calendar.hours] == sorted({row.since for row in calendar.hours})
    assert calendar.hours[0].since == calendar.valid_from


@given(st.dates())
def test_outside_its_time_a_calendar_knows_nothing(day: date) -> None:
    """Neither closed nor open: what is not known must never look like either."""
    is_known = date(2014, 1, 1) <= day <= date(2027, 12, 31)
    for calendar in SHIPPED:
        assert calendar.covers(day) is is_known
        if not is_known:
            assert hours_on(calendar, day, NEW_YORK) is None
            assert calendar.note(day) == ""


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        (("STK", "SMART", "USD", "AAPL", ""), US_STOCKS),
        (("STK", "SMART", "USD", "SPY", "ARCA"), US_STOCKS),
        (("STK", "NASDAQ", "USD", "AAPL", ""), US_STOCKS),
        (("STK", "SMART", "USD", "VUSD", "LSEETF"), LONDON_STOCKS),
        (("STK", "LSE", "GBP", "VOD", ""), LONDON_STOCKS),
        (("STK", "OVERNIGHT", "USD", "AAPL", ""), None),
        (("STK", "SMART", "EUR", "SAP", ""), None),
        (("STK", "SMART", "EUR", "SAP", "IBIS"), XETRA_STOCKS),
        (("STK", "IBIS", "EUR", "SAP", ""), XETRA_STOCKS),
        (("STK", "SBF", "EUR", "AIR", ""), EURONEXT_STOCKS),
        (("STK", "SMART", "EUR", "ASML", "AEB"), EURONEXT_STOCKS),
        (("STK", "SMART", "EUR", "ENI", "BVME"), None),
        (("FUT", "CME", "USD", "ES", ""), CME_INDICES),
        (("FUT", "CME", "USD", "MES", ""), CME_INDICES),
        (("FUT", "CBOT", "USD", "YM", ""), CME_INDICES),
        # Cattle, rates, oil and gold have hours of their own, and Eurex has them by product.
        (("FUT", "CME", "USD", "LE", ""), None),
        (("FUT", "CBOT", "USD", "ZN", ""), None),
        (("FUT", "CBOT", "USD", "ES", ""), None),
        (("FUT", "NYMEX", "USD", "CL", ""), None),
        (("FUT", "COMEX", "USD", "GC", ""), None),
        (("FUT", "EUREX", "EUR", "DAX", ""), None),
        (("FUT", "CME", "USD", "", ""), None),
        (("CASH", "IDEALPRO", "USD", "EUR", ""), IDEALPRO),
        (("CASH", "IDEALPRO", "CNH", "USD", ""), None),
        (("CASH", "SMART", "USD", "EUR", ""), None),
        (("IND", "CBOE", "USD", "VIX", ""), CBOE_INDICES),
        (("IND", "NASDAQ", "USD", "NDX", ""), None),
        (("OPT", "SMART", "USD", "AAPL", ""), None),
    ],
)
def test_each_instrument_has_the_calendar_of_its_place_or_none(
    terms: tuple[str, str, str, str, str], expected: ExchangeCalendar | None
) -> None:
    sec_type, exchange, currency, symbol, primary = terms
    found = calendar_for(sec_type, exchange, currency, symbol=symbol, primary_exchange=primary)
    assert found is expected
