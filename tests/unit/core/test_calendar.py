"""Hours are read to the minute, in their zone, over changes of the clock; the unknown stays so.

Goal: no order on a wrong idea of the time. Method: days that are known by hand, the two days of
a year with another length, and properties over random calendars: what is written is read back,
and a daily window is always within a day and a bit. Seeds are hypothesis' own.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.core.calendar import (
    ContractHours,
    SessionStage,
    Span,
    Standing,
    UnreadableHours,
    contract_hours,
    day_of,
    day_span,
    next_daily,
    session_now,
    stage_of,
    standing,
    stricter,
    trading_day,
)

NEW_YORK = ZoneInfo("America/New_York")
LONDON = ZoneInfo("Europe/London")
ZONES = [NEW_YORK, LONDON, ZoneInfo("Asia/Tokyo"), ZoneInfo("Australia/Lord_Howe"), UTC]
TRADING = "20260406:0400-20260406:2000;20260407:CLOSED;20260408:0400-20260408:2000"
REGULAR = "20260406:0930-20260406:1600;20260407:CLOSED;20260408:0930-20260408:1600"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def hours(trading: str = TRADING, regular: str = REGULAR) -> ContractHours:
    return contract_hours(trading, regular, NEW_YORK)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-04-06 07:59:59", Standing(False, False)),
        ("2026-04-06 08:00:00", Standing(False, True, 0, 16 * 3600)),
        ("2026-04-06 13:29:59", Standing(False, True, 19_799, 16 * 3600 - 19_799)),
        ("2026-04-06 13:30:00", Standing(True, True, 0, 23_400)),
        ("2026-04-06 19:59:59", Standing(True, True, 23_399, 1)),
        ("2026-04-06 20:00:00", Standing(False, True, 43_200, 14_400)),
        ("2026-04-07 00:00:00", Standing(False, False)),
        ("2026-04-07 15:00:00", Standing(False, False)),
        ("2026-04-08 14:00:00", Standing(True, True, 1_800, 21_600)),
    ],
)
def test_a_day_has_its_sessions_and_their_edges(at: str, expected: Standing) -> None:
    assert standing(hours(), utc(at)) == expected


@pytest.mark.parametrize("at", ["2026-04-06 03:59:59", "2026-04-09 04:00:00", "2027-01-01 00:00"])
def test_beyond_the_listed_days_nothing_is_known(at: str) -> None:
    assert standing(hours(), utc(at)) is None


@pytest.mark.parametrize(
    ("at", "begun", "until", "is_closed"),
    [
        ("2026-04-06 07:59:59", None, "2026-04-06 08:00", True),
        ("2026-04-06 08:00:00", "2026-04-06 08:00", "2026-04-06 13:30", False),
        ("2026-04-06 13:30:00", "2026-04-06 13:30", "2026-04-06 20:00", False),
        ("2026-04-06 20:00:00", "2026-04-06 08:00", "2026-04-07 00:00", False),
        ("2026-04-07 12:00:00", None, "2026-04-08 08:00", True),
        ("2026-05-01 12:00:00", None, None, False),
    ],
)
def test_the_session_that_is_on_and_how_long_that_holds(
    at: str, begun: str | None, until: str | None, is_closed: bool
) -> None:
    found = session_now(hours(), utc(at))
    assert found.begun_utc == (None if begun is None else utc(begun))
    assert found.until_utc == (None if until is None else utc(until))
    assert found.is_closed == is_closed
    assert found.is_regular == (begun == "2026-04-06 13:30")
    assert session_now(None, utc(at)).until_utc is None


def test_the_listed_days_are_known_to_the_last_minute() -> None:
    assert standing(hours(), utc("2026-04-06 04:00:00")) == Standing(False, False)
    assert standing(hours(), utc("2026-04-09 03:59:59")) == Standing(False, False)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("20260406:0930-1200,1300-1600", 2),
        ("20260406:0930-20260406:1200,20260406:1300-20260406:1600", 2),
        ("20260406:0930-1200,20260406:1300-20260406:1600;20260407:CLOSED", 2),
        ("20260405:1800-20260406:1700;20260406:1800-20260407:1700", 2),
        ("20260406:0000-20260406:2400", 1),
        ("20260406:0930-1600;20260406:0930-1600;", 1),
    ],
)
def test_every_form_of_a_list_is_read(text: str, count: int) -> None:
    assert len(hours(text, "").trading) == count


def test_a_session_over_midnight_belongs_to_both_days() -> None:
    futures = hours("20260405:1800-20260406:1700", "")
    assert futures.known == Span(utc("2026-04-05 04:00"), utc("2026-04-07 04:00"))
    assert standing(futures, utc("2026-04-06 03:59")) == Standing(False, True, 21_540, 61_260)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ";",
        "CLOSED",
        "20260406",
        "20260406:closed",
        "20260406:0930",
        "20260406:1600-0930",
        "20260406:0930-0930",
        "20260406:0930-1660",
        "20260406:0930-2500",
        "20260406:930-1600",
        "20261306:0930-1600",
        "2026046:0930-1600",
        "20260406:0930-1200,1100-1600",
        "20260406:٠٩٣٠-1600",
        "20260406:0930-1600-1700",
    ],
)
def test_what_cannot_be_read_is_not_guessed(text: str) -> None:
    with pytest.raises(UnreadableHours):
        hours(text, "")


def test_regular_hours_outside_the_trading_hours_are_not_believed() -> None:
    with pytest.raises(UnreadableHours, match="outside"):
        hours(TRADING, "20260406:0330-20260406:1600")


@pytest.mark.parametrize(
    ("day", "open_utc"),
    [
        ("20260306", "14:30"),  # Friday before and Monday after the clocks go forward
        ("20260309", "13:30"),
        ("20261030", "13:30"),
        ("20261102", "14:30"),
    ],
)
def test_the_open_moves_in_utc_when_the_clocks_are_changed(day: str, open_utc: str) -> None:
    read = hours(f"{day}:0930-1600", f"{day}:0930-1600")
    assert f"{read.regular[0].start_utc:%H:%M}" == open_utc


@pytest.mark.parametrize(
    ("now", "length_h"),
    [("2026-03-08 12:00", 23), ("2026-11-01 12:00", 25), ("2026-07-01 12:00", 24)],
)
def test_a_day_of_the_wall_clock_has_the_length_it_has(now: str, length_h: int) -> None:
    day = day_span(utc(now), NEW_YORK)
    assert day.holds(utc(now))
    assert day.end_utc - day.start_utc == timedelta(hours=length_h)


def test_a_day_is_that_of_its_zone() -> None:
    late = utc("2026-04-07 03:59")
    assert (day_of(late, NEW_YORK), day_of(late, UTC)) == ("2026-04-06", "2026-04-07")


@pytest.mark.parametrize(
    ("now", "start"),
    [
        ("2026-04-06 12:00:00", "2026-04-07 03:45:00"),
        ("2026-04-07 03:44:59", "2026-04-07 03:45:00"),
        ("2026-04-07 03:54:59", "2026-04-07 03:45:00"),
        ("2026-04-07 03:55:00", "2026-04-08 03:45:00"),
        ("2026-11-01 12:00:00", "2026-11-02 04:45:00"),
    ],
)
def test_the_restart_is_at_the_gateways_wall_clock(now: str, start: str) -> None:
    # INC-153
    assert next_daily(utc(now), time(23, 45), NEW_YORK, 600).start_utc == utc(start)


def test_a_window_over_midnight_is_still_on_the_day_after() -> None:
    window = next_daily(utc("2026-04-07 04:10"), time(23, 45), NEW_YORK, 3_600)
    assert window.holds(utc("2026-04-07 04:10"))


MOMENTS = st.integers(1_577_923_200, 2_082_672_000).map(
    lambda epoch_s: datetime.fromtimestamp(epoch_s, UTC)
)


@given(MOMENTS, st.times(), st.sampled_from(ZONES), st.floats(1, 7_200))
def test_the_next_window_is_on_or_within_a_day_and_an_hour(
    now: datetime, at: time, zone: ZoneInfo, length_s: float
) -> None:
    window = next_daily(now, at, zone, length_s)
    assert window.end_utc > now
    assert window.start_utc <= now + timedelta(hours=26)
    # No earlier one is still on: the one before it ended before now.
    assert window.start_utc - now < timedelta(hours=25, minutes=1) or not window.holds(now)


@given(MOMENTS, st.sampled_from(ZONES))
def test_every_moment_lies_in_its_own_day_and_days_meet(now: datetime, zone: ZoneInfo) -> None:
    day = day_span(now, zone)
    assert day.holds(now)
    assert day_of(now, zone) == day_of(day.start_utc, zone)
    assert day_span(day.end_utc, zone).start_utc == day.end_utc


SESSIONS = st.lists(
    st.tuples(st.integers(0, 1_439), st.integers(0, 1_439)).filter(lambda one: one[0] < one[1]),
    min_size=1,
    max_size=4,
)


@given(st.dates(date(2025, 1, 1), date(2027, 12, 1)), SESSIONS, st.booleans())
def test_what_is_written_is_read_back(day: date, edges: list[tuple[int, int]], old: bool) -> None:
    ordered: list[tuple[int, int]] = []
    for start, end in sorted(edges):
        if not ordered or start >= ordered[-1][1]:
            ordered.append((start, end))

    def clock(minute: int) -> str:
        return f"{minute // 60:02}{minute % 60:02}"

    head = f"{day:%Y%m%d}:"
    second = "" if old else head
    parts = [f"{clock(start)}-{second}{clock(end)}" for start, end in ordered]
    text = head + f",{second}".join(parts) + f";{day + timedelta(days=1):%Y%m%d}:CLOSED"
    read = contract_hours(text, "", UTC)
    midnight = datetime.combine(day, time(), UTC)
    assert [
        ((one.start_utc - midnight).seconds // 60, (one.end_utc - midnight).seconds // 60)
        for one in read.trading
    ] == ordered
    for minute in range(0, 2_880, 7):
        found = standing(read, midnight + timedelta(minutes=minute))
        assert found is not None
        assert found.is_extended == any(start <= minute < end for start, end in ordered)


CHICAGO = ZoneInfo("America/Chicago")
# From Sunday evening on, an hour of pause each afternoon; Chicago is five hours behind.
GLOBEX = "20260405:1700-20260406:1600;20260406:1700-20260407:1600;20260407:1700-20260408:1600"


@pytest.mark.parametrize(
    ("at", "start", "end"),
    [
        # Sunday before the first session, then Monday's day from Sunday evening to its pause.
        ("2026-04-05 21:59:59", "2026-04-05 05:00:00", "2026-04-05 22:00:00"),
        ("2026-04-05 22:00:00", "2026-04-05 22:00:00", "2026-04-06 22:00:00"),
        ("2026-04-06 04:59:59", "2026-04-05 22:00:00", "2026-04-06 22:00:00"),
        ("2026-04-06 05:00:00", "2026-04-05 22:00:00", "2026-04-06 22:00:00"),
        ("2026-04-06 21:30:00", "2026-04-05 22:00:00", "2026-04-06 22:00:00"),
        ("2026-04-06 22:00:00", "2026-04-06 22:00:00", "2026-04-07 22:00:00"),
    ],
)
def test_an_evening_session_belongs_to_the_day_on_which_it_ends(
    at: str, start: str, end: str
) -> None:
    """CAP-07: neither the midnight of UTC nor that of a wall parts a trading day."""
    globex = contract_hours(GLOBEX, GLOBEX, CHICAGO)
    assert trading_day(globex, utc(at)) == Span(utc(start), utc(end))


@pytest.mark.parametrize(
    ("text", "at", "start", "length_h"),
    [
        # The nights in which New York changes its clocks: 23 hours, and 25.
        ("20260308:0930-20260308:1600", "2026-03-08 12:00:00", "2026-03-08 05:00:00", 23),
        ("20261101:0930-20261101:1600", "2026-11-01 12:00:00", "2026-11-01 04:00:00", 25),
        ("20260406:0930-20260406:1600", "2026-04-06 04:00:00", "2026-04-06 04:00:00", 24),
    ],
)
def test_a_day_without_an_evening_session_is_the_exchanges_own_from_midnight_on(
    text: str, at: str, start: str, length_h: int
) -> None:
    found = trading_day(hours(text, text), utc(at))
    assert found == Span(utc(start), utc(start) + timedelta(hours=length_h))


def test_a_session_that_ends_at_midnight_belongs_to_the_day_before() -> None:
    late = hours("20260406:1000-20260406:2400", "20260406:1000-20260406:1600")
    found = trading_day(late, utc("2026-04-06 20:00:00"))
    assert found == Span(utc("2026-04-06 04:00:00"), utc("2026-04-07 04:00:00"))


def test_a_day_that_was_not_told_is_not_known() -> None:
    assert trading_day(hours(), utc("2026-04-09 12:00:00")) is None


@given(st.integers(0, 3 * 24 * 60 - 1), st.sampled_from([GLOBEX, TRADING]))
def test_each_moment_lies_in_its_own_trading_day(minute: int, text: str) -> None:
    known = contract_hours(text, text, CHICAGO)
    now = known.known.start_utc + timedelta(minutes=minute)
    day = trading_day(known, now)
    assert day is not None
    assert day.holds(now)
    # Every moment of it says the same, so that what is kept until its end is right.
    assert trading_day(known, day.end_utc - timedelta(seconds=1)) == day


def test_a_session_that_ends_at_midnight_says_nothing_of_the_day_that_begins_there() -> None:
    """Closed would forgive an old price; nobody has said so."""
    text = "20260406:0000-20260407:0000"
    told = contract_hours(text, text, NEW_YORK)
    assert told.known == Span(utc("2026-04-06T04:00"), utc("2026-04-07T04:00"))
    assert standing(told, utc("2026-04-07T04:00")) is None
    until = "20260406:0000-20260406:2400"
    assert contract_hours(until, until, NEW_YORK) == told


STANDINGS = st.builds(
    lambda is_regular, is_extended, since, until: Standing(
        is_regular=is_regular and is_extended,
        is_extended=is_extended,
        since_open_s=float(since) if is_extended else None,
        until_close_s=float(until) if is_extended else None,
    ),
    st.booleans(),
    st.booleans(),
    st.integers(0, 86_400),
    st.integers(0, 86_400),
)


@given(STANDINGS, STANDINGS)
def test_of_two_words_the_stricter_allows_no_more_than_either(one: Standing, two: Standing) -> None:
    both = stricter(one, two)
    assert both == stricter(two, one)
    assert stricter(one, one) == one
    for single in (one, two):
        assert single.is_regular or not both.is_regular
        assert single.is_extended or not both.is_extended
        for name in ("since_open_s", "until_close_s"):
            seconds, allowed = getattr(both, name), getattr(single, name)
            assert seconds is None or (allowed is not None and seconds <= allowed)


@pytest.mark.parametrize(
    ("now", "stage"),
    [
        (None, SessionStage.UNKNOWN),
        (Standing(is_regular=False, is_extended=False), SessionStage.CLOSED),
        (Standing(False, True, 60.0, 60.0), SessionStage.EXTENDED),
        (Standing(True, True, 60.0, 901.0), SessionStage.OPEN),
        (Standing(True, True, 60.0, 900.0), SessionStage.CLOSING),
        # Open, and nobody knows for how long.
        (Standing(True, True), SessionStage.CLOSING),
    ],
)
def test_a_stage_follows_from_where_the_day_stands(
    now: Standing | None, stage: SessionStage
) -> None:
    assert stage_of(now, 900.0) is stage
