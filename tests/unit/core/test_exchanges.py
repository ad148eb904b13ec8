"""What a calendar says of a day, whose time it is in, and doubts about the broker's word.

The tables have tests of their own (test_shipped_calendars.py, test_exchange_oracle.py).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.core.calendar import ContractHours, Span, contract_hours, standing
from trader.core.exchanges import (
    RENEW_DAYS,
    ExchangeCalendar,
    disagreements,
    frame_of,
    hours_on,
    is_same_clock,
)
from trader.core.shipped_calendars import (
    CME_INDICES,
    EURONEXT_STOCKS,
    IDEALPRO,
    SHIPPED,
    US_STOCKS,
    XETRA_STOCKS,
)

NEW_YORK, CHICAGO = ZoneInfo("America/New_York"), ZoneInfo("America/Chicago")
DAYS = st.dates(US_STOCKS.valid_from, US_STOCKS.valid_until)
INNER_DAYS = st.dates(date(2014, 1, 2), date(2027, 12, 30))
CALENDARS = st.sampled_from(SHIPPED)
SECOND = timedelta(seconds=1)
# Thanksgiving week of 2026, as the broker tells it of a future.
EVENINGS = (
    "20261122:1700-20261123:1600;20261123:1700-20261124:1600;20261124:1700-20261125:1600;"
    "20261125:1700-20261126:1200;20261126:1700-20261127:1215;20261128:CLOSED"
)


def shipped(day: date, calendar: ExchangeCalendar = US_STOCKS) -> ContractHours:
    found = hours_on(calendar, day, ZoneInfo(calendar.zone))
    assert found is not None
    return found


def told(text: str, trading: str = "") -> ContractHours:
    return contract_hours(trading or text, text, NEW_YORK)


def evenings(text: str = EVENINGS) -> ContractHours:
    return contract_hours(text, "", CHICAGO)


def test_a_day_is_as_long_as_the_clock_makes_it() -> None:
    lengths = [
        (found := shipped(day)).known.end_utc - found.known.start_utc
        for day in (date(2026, 3, 8), date(2026, 3, 9), date(2026, 11, 1))
    ]
    assert [row / timedelta(hours=1) for row in lengths] == [23, 24, 25]


@given(INNER_DAYS, CALENDARS)
def test_each_moment_is_of_exactly_one_day(day: date, calendar: ExchangeCalendar) -> None:
    zone = ZoneInfo(calendar.zone)
    before, now, after = (
        frame_of(calendar, day + timedelta(days=ahead), zone) for ahead in (-1, 0, 1)
    )
    assert before.end_utc == now.start_utc < now.end_utc == after.start_utc
    assert (now.end_utc - now.start_utc) / timedelta(hours=1) in {23, 24, 25}
    # Noon is of the day that the wall shows, whenever that began.
    assert now.holds(datetime(day.year, day.month, day.day, 12, tzinfo=zone).astimezone(UTC))


@given(INNER_DAYS, CALENDARS)
def test_of_the_time_of_a_day_it_speaks_and_of_no_other(
    day: date, calendar: ExchangeCalendar
) -> None:
    found = shipped(day, calendar)
    assert standing(found, found.known.start_utc) is not None
    assert standing(found, found.known.end_utc - SECOND) is not None
    assert standing(found, found.known.start_utc - SECOND) is None
    assert standing(found, found.known.end_utc) is None


def test_the_evening_of_futures_is_the_next_days() -> None:
    sunday, monday = (frame_of(CME_INDICES, date(2026, 11, day), CHICAGO) for day in (22, 23))
    evening = datetime(2026, 11, 22, 17, tzinfo=CHICAGO).astimezone(UTC)
    assert (sunday.end_utc, monday.start_utc) == (evening, evening)
    found = standing(shipped(date(2026, 11, 23), CME_INDICES), evening)
    assert found is not None
    assert (found.is_extended, found.since_open_s, found.until_close_s) == (True, 0, 23 * 3600)


def test_it_says_how_long_it_lasts() -> None:
    assert US_STOCKS.days_left(date(2027, 12, 31)) == 0
    assert US_STOCKS.days_left(date(2028, 1, 1)) == -1
    assert US_STOCKS.days_left(date(2027, 10, 2)) == RENEW_DAYS


def test_a_whole_day_is_as_long_as_the_exchange_was_open_then() -> None:
    assert US_STOCKS.usual_s(date(2026, 11, 26)) == 6.5 * 3600
    days = (date(2015, 9, 18), date(2015, 9, 21), date(2021, 6, 27), date(2021, 6, 28))
    assert [CME_INDICES.usual_s(day) / 3600 for day in days] == [23, 22.75, 22.75, 23]


def test_hours_of_another_wall_clock_are_those_of_another_exchange() -> None:
    text = "20260406:0930-20260406:1600"
    assert is_same_clock(contract_hours(text, text, ZoneInfo("US/Eastern")), NEW_YORK)
    assert not is_same_clock(contract_hours(text, text, ZoneInfo("Europe/London")), NEW_YORK)
    # As the broker names the zone of Xetra.
    assert is_same_clock(contract_hours(text, text, ZoneInfo("MET")), ZoneInfo("Europe/Berlin"))
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


def written(spans: tuple[Span, ...], day: date, zone: ZoneInfo) -> list[str]:
    """Write sessions as the broker does."""
    return [
        f"{one.start_utc.astimezone(zone):%Y%m%d:%H%M}-{one.end_utc.astimezone(zone):%Y%m%d:%H%M}"
        for one in spans
    ] or [f"{day:%Y%m%d}:CLOSED"]


@given(st.dates(date(2014, 1, 2), date(2027, 12, 24)), CALENDARS, st.integers(1, 7))
def test_a_broker_who_says_what_the_calendar_says_is_not_doubted(
    first: date, calendar: ExchangeCalendar, count: int
) -> None:
    """Of any week of any exchange."""
    zone = ZoneInfo(calendar.zone)
    trading: list[str] = []
    regular: list[str] = []
    for ahead in range(count):
        day = first + timedelta(days=ahead)
        found = hours_on(calendar, day, zone)
        assert found is not None
        trading += written(found.trading, day, zone)
        regular += written(found.regular, day, zone)
    hours = contract_hours(";".join(trading), ";".join(regular), zone)
    assert disagreements(hours, calendar, zone) == ()


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


@pytest.mark.parametrize(
    ("end", "early", "is_doubted"),
    [
        ("1730", "1400", False),
        ("1735", "1405", False),
        ("1750", "1420", False),
        ("1751", "1421", True),
        ("1729", "1359", True),
    ],
)
def test_a_closing_auction_may_be_counted_in_or_not(end: str, early: str, is_doubted: bool) -> None:
    """The broker counts it in at some exchanges of Europe, and on half days as on whole ones."""
    berlin = ZoneInfo("Europe/Berlin")
    hours = contract_hours(f"20260521:0900-{end}", f"20260521:0900-{end}", berlin)
    assert bool(disagreements(hours, XETRA_STOCKS, berlin)) is is_doubted
    hours = contract_hours(f"20261230:0900-{early}", f"20261230:0900-{early}", berlin)
    assert bool(disagreements(hours, XETRA_STOCKS, berlin)) is is_doubted
    # An open at another time, or a pause, is another day in any case.
    for text in (f"20260521:0930-{end}", f"20260521:0900-1200,1300-{end}"):
        hours = contract_hours(text, text, berlin)
        assert disagreements(hours, XETRA_STOCKS, berlin)
    # In New York the closing auction is at the close.
    assert disagreements(told("20261125:0930-1605"), US_STOCKS, NEW_YORK)


# As gateways have told them and people have published: a pair of currencies on a Tuesday, which
# began on Monday evening (Monday itself is not in the text), a stock in Amsterdam, one in New York.
PAIR = (
    "20221205:1715-20221206:1700;20221206:1715-20221207:1700;20221207:1715-20221208:1700;"
    "20221208:1715-20221209:1700;20221210:CLOSED;20221211:1715-20221212:1700"
)
AMSTERDAM = (
    "20190806:0800-20190806:2000;20190807:0800-20190807:2000",
    "20190806:0900-20190806:1730;20190807:0900-20190807:1730",
)
APPLE = (
    "20251214:CLOSED;20251215:0400-20251215:2000;20251216:0400-20251216:2000",
    "20251214:CLOSED;20251215:0930-20251215:1600;20251216:0930-20251216:1600",
)


@pytest.mark.parametrize(
    ("texts", "zone", "calendar"),
    [
        ((PAIR, PAIR), "US/Eastern", IDEALPRO),
        (AMSTERDAM, "MET", EURONEXT_STOCKS),
        (APPLE, "US/Eastern", US_STOCKS),
    ],
)
def test_texts_of_real_gateways_are_not_doubted(
    texts: tuple[str, str], zone: str, calendar: ExchangeCalendar
) -> None:
    hours = contract_hours(*texts, ZoneInfo(zone))
    assert is_same_clock(hours, ZoneInfo(calendar.zone))
    assert disagreements(hours, calendar, ZoneInfo(calendar.zone)) == ()


def test_of_futures_the_session_is_compared_and_what_is_liquid_is_the_brokers_to_say() -> None:
    for liquid in ("20261123:0830-20261123:1600", "20261123:0830-20261123:1500"):
        hours = contract_hours(EVENINGS, liquid, CHICAGO)
        assert disagreements(hours, CME_INDICES, CHICAGO) == ()


def test_a_whole_session_on_the_evening_before_a_holiday_is_a_disagreement() -> None:
    text = EVENINGS.replace("20261126:1200", "20261126:1600")
    (found,) = disagreements(evenings(text), CME_INDICES, CHICAGO)
    assert found.text == (
        "2026-11-26: the broker says Wed 17:00-16:00, "
        f"calendar {CME_INDICES.version} says Wed 17:00-12:00"
    )
    # It speaks from the evening on which that day begins.
    begun = datetime(2026, 11, 25, 17, tzinfo=CHICAGO).astimezone(UTC)
    assert found.shipped.known.start_utc == begun


def test_the_day_before_the_first_evening_that_was_told_is_not_called_closed() -> None:
    """The broker's text begins with the session that is on: on Monday evening with Tuesday's."""
    monday_evening = EVENINGS.partition(";")[2]
    assert disagreements(evenings(monday_evening), CME_INDICES, CHICAGO) == ()
    assert disagreements(evenings(), CME_INDICES, CHICAGO) == ()


def test_of_days_beyond_the_calendar_there_is_none() -> None:
    text = "20271231:0930-20271231:1600;20280101:0930-20280101:1600"
    assert disagreements(told(text), US_STOCKS, NEW_YORK) == ()
