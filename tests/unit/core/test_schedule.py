"""The plan of the days ahead: what it shows is what the review would do, and what it does not know.

Goal: nobody reads a window for new risk out of a plan in which the review would refuse. Method: a
week of random hours, guards and restarts, of which moments are drawn and asked of both. Seeds are
hypothesis' own.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.factories import a_book, an_intent
from tests.unit.core.factories import given as asked_with
from tests.unit.core.policies import a_policy
from trader.core.calendar import (
    ContractHours,
    Span,
    contract_hours,
    next_daily,
    standing,
    stricter,
)
from trader.core.exchanges import ExchangeCalendar, disagreements, hours_on
from trader.core.policy import SessionPolicy, TradingHours
from trader.core.risk import RiskInput, SessionView, review
from trader.core.schedule import (
    Listing,
    PlannedDay,
    SessionTerms,
    Source,
    WeeklyLogin,
    account_days,
    planned_days,
)
from trader.core.shipped_calendars import (
    CME_INDICES,
    IDEALPRO,
    LONDON_STOCKS,
    SHIPPED,
    US_STOCKS,
)

NEW_YORK, CHICAGO = ZoneInfo("America/New_York"), ZoneInfo("America/Chicago")
MONDAY = date(2026, 11, 23)
SESSION_CODES = {"SESSION_CLOSED", "SESSION_GUARD", "RESTART_WINDOW"}
GUARDED = SessionPolicy(TradingHours.REGULAR, open_guard_s=300.0, close_guard_s=600.0)
NIGHTLY = SessionTerms(
    zone=NEW_YORK, restart_at=time(23, 45), weekly_login=WeeklyLogin(6, time(1)), policy=GUARDED
)
WEEK = (
    "20261123:0400-20261123:2000;20261124:0400-20261124:2000;20261125:0400-20261125:2000;"
    "20261126:CLOSED;20261127:0400-20261127:1700"
)
WEEK_REGULAR = (
    "20261123:0930-20261123:1600;20261124:0930-20261124:1600;20261125:0930-20261125:1600;"
    "20261126:CLOSED;20261127:0930-20261127:1300"
)


def week(regular: str = WEEK_REGULAR, trading: str = WEEK) -> ContractHours:
    return contract_hours(trading, regular, NEW_YORK)


def plan(
    told: ContractHours | None = None, terms: SessionTerms = NIGHTLY, count: int = 7
) -> tuple[PlannedDay, ...]:
    return planned_days(Listing(NEW_YORK, told, US_STOCKS), terms, MONDAY, count)


def wall(spans: tuple[Span, ...], zone: ZoneInfo = NEW_YORK) -> list[str]:
    return [
        f"{one.start_utc.astimezone(zone):%a %H:%M}-{one.end_utc.astimezone(zone):%a %H:%M}"
        for one in spans
    ]


def test_a_week_with_a_holiday_and_a_half_day() -> None:
    days = plan(week())
    assert [row.source for row in days] == [Source.BROKER] * 5 + [Source.SHIPPED] * 2
    assert wall(days[0].regular) == ["Mon 09:30-Mon 16:00"]
    assert wall(days[0].trading) == ["Mon 04:00-Mon 20:00"]
    assert wall(days[0].new_risk) == ["Mon 09:35-Mon 15:50"]
    assert [row.is_half_day for row in days] == [False] * 4 + [True] + [False] * 2
    assert wall(days[4].new_risk) == ["Fri 09:35-Fri 12:50"]
    for row in (days[3], *days[5:]):
        assert (row.trading, row.regular, row.new_risk) == ((), (), ())
    assert [row.note for row in days[3:5]] == ["Thanksgiving Day", "day after Thanksgiving"]
    assert not any(row.disagreement for row in days)


def test_without_the_brokers_word_the_shipped_calendar_tells_the_same_week() -> None:
    told, shipped = plan(week()), plan()
    assert {row.source for row in shipped} == {Source.SHIPPED}
    assert shipped == tuple(replace(row, source=Source.SHIPPED) for row in told)


def test_beyond_both_nothing_is_known() -> None:
    listing = Listing(NEW_YORK, None, US_STOCKS)
    last, after = planned_days(listing, NIGHTLY, date(2027, 12, 31), 2)
    assert (last.source, bool(last.regular)) == (Source.SHIPPED, True)
    assert after == PlannedDay(date(2028, 1, 1), Source.UNKNOWN)
    told = contract_hours("20261123:1700-20261124:1600", "20261124:0830-20261124:1500", CHICAGO)
    known, unknown = planned_days(Listing(CHICAGO, told), NIGHTLY, date(2026, 11, 24), 2)
    assert (known.source, unknown.source) == (Source.BROKER, Source.UNKNOWN)


def test_an_evening_session_is_that_of_the_next_day() -> None:
    text = "20261122:1700-20261123:1600;20261123:1700-20261124:1600"
    told = contract_hours(text, "20261123:0830-20261123:1600;20261124:0830-20261124:1600", CHICAGO)
    sunday, monday = planned_days(Listing(CHICAGO, told), NIGHTLY, date(2026, 11, 22), 2)
    assert (sunday.source, sunday.trading) == (Source.BROKER, ())
    assert wall(monday.trading, CHICAGO) == ["Sun 17:00-Mon 16:00"]


def test_a_half_day_is_seen_without_a_calendar_too() -> None:
    days = planned_days(Listing(NEW_YORK, week()), NIGHTLY, MONDAY, 5)
    assert [row.is_half_day for row in days] == [False] * 4 + [True]
    assert [row.note for row in days] == [""] * 5


def test_on_a_day_of_disagreement_the_stricter_window_is_shown_and_said() -> None:
    whole = WEEK_REGULAR.replace("20261127:1300", "20261127:1600")
    days = plan(week(whole, WEEK.replace("20261127:1700", "20261127:2000")))
    assert wall(days[4].regular) == ["Fri 09:30-Fri 16:00"]
    assert wall(days[4].new_risk) == ["Fri 09:35-Fri 12:50"]
    assert "the broker says 09:30-16:00" in days[4].disagreement
    assert [bool(row.disagreement) for row in days] == [False] * 4 + [True] + [False] * 2
    # The calendar has it shut: no new risk, whatever the broker says.
    open_holiday = WEEK_REGULAR.replace("20261126:CLOSED", "20261126:0930-20261126:1600")
    days = plan(week(open_holiday, WEEK.replace("20261126:CLOSED", "20261126:0400-20261126:2000")))
    assert (bool(days[3].regular), days[3].new_risk) == (True, ())


def test_a_restart_in_the_session_splits_the_window() -> None:
    policy = replace(GUARDED, restart_guard_s=1_800.0)
    terms = replace(NIGHTLY, restart_at=time(12), restart_s=600.0, policy=policy)
    (day,) = plan(week(), terms, count=1)
    assert wall(day.new_risk) == ["Mon 09:35-Mon 11:30", "Mon 12:10-Mon 15:50"]


def test_with_extended_hours_each_part_has_its_guards() -> None:
    terms = replace(NIGHTLY, policy=replace(GUARDED, hours=TradingHours.EXTENDED))
    (day,) = plan(week(), terms, count=1)
    # As the review has it: the open of the regular session is an open like that of the first.
    assert wall(day.new_risk) == [
        "Mon 04:05-Mon 09:30",
        "Mon 09:35-Mon 15:50",
        "Mon 16:00-Mon 19:50",
    ]


def test_where_the_policy_asks_for_no_hours_only_restarts_are_left_out() -> None:
    terms = replace(NIGHTLY, policy=SessionPolicy(TradingHours.ALWAYS))
    days = plan(week(), terms, count=4)
    assert wall(days[3].new_risk) == ["Thu 00:00-Thu 23:45", "Thu 23:55-Fri 00:00"]
    none = replace(terms, restart_at=None)
    assert wall(plan(week(), none, count=1)[0].new_risk) == ["Mon 00:00-Tue 00:00"]


@pytest.mark.parametrize(
    ("first", "hours"), [(date(2026, 3, 7), (24, 23, 24)), (date(2026, 10, 31), (24, 25, 24))]
)
def test_days_of_the_account_have_the_length_of_the_wall_clock(
    first: date, hours: tuple[int, ...]
) -> None:
    days = account_days(NIGHTLY, first, 4)
    begins = [row.begins_utc for row in days]
    lengths = tuple((b - a) / timedelta(hours=1) for a, b in pairwise(begins))
    assert lengths == hours
    assert all(len(row.restarts) == 1 for row in days)
    assert [wall(row.restarts)[0][4:9] for row in days] == ["23:45"] * 4


def test_somebody_logs_in_once_a_week_on_the_wall_clock() -> None:
    days = account_days(NIGHTLY, date(2026, 10, 24), 10)
    logins = {row.day: row.login_utc for row in days if row.login_utc is not None}
    assert logins == {
        date(2026, 10, 25): datetime(2026, 10, 25, 5, tzinfo=UTC),
        # The hour that there is twice: the first of them.
        date(2026, 11, 1): datetime(2026, 11, 1, 5, tzinfo=UTC),
    }
    without = account_days(SessionTerms(), MONDAY, 7)
    assert [(row.restarts, row.login_utc) for row in without] == [((), None)] * 7


@pytest.mark.parametrize("text", ["", "Sun", "01:00", "Sunday 01:00", "Sun 25:00", "sun 01:00"])
def test_another_form_of_a_login_is_refused(text: str) -> None:
    assert WeeklyLogin.of("Sun 01:00") == WeeklyLogin(6, time(1))
    with pytest.raises(ValueError, match=r".+"):
        WeeklyLogin.of(text)


# ---- the plan against the review

GUARDS = st.sampled_from([0.0, 1.0, 300.0, 1_800.0, 30_000.0])
POLICIES = st.builds(SessionPolicy, st.sampled_from(TradingHours), GUARDS, GUARDS, GUARDS)
TERMS = st.builds(
    SessionTerms,
    zone=st.sampled_from([NEW_YORK, UTC]),
    restart_at=st.none() | st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    restart_s=st.sampled_from([60.0, 600.0, 7_200.0]),
    policy=POLICIES,
)
REGULARS = st.sampled_from(
    [
        WEEK_REGULAR,
        WEEK_REGULAR.replace("20261127:1300", "20261127:1600"),
        WEEK_REGULAR.replace("20261125:0930", "20261125:1000"),
        WEEK_REGULAR.replace("20261124:0930-20261124:1600", "20261124:0930-1130,1300-1600"),
        WEEK_REGULAR.replace("20261126:CLOSED", "20261126:0930-20261126:1600"),
        WEEK_REGULAR.replace("20261123:0930-20261123:1600", "20261123:CLOSED"),
    ]
)
LONG = WEEK.replace("20261127:1700", "20261127:2000").replace(
    "20261126:CLOSED", "20261126:0400-20261126:2000"
)


def session_checks_pass(view: SessionView, policy: SessionPolicy) -> bool:
    """Ask the review itself."""
    changes: dict[str, Any] = {
        f"session__{name}": getattr(policy, name)
        for name in ("hours", "open_guard_s", "close_guard_s", "restart_guard_s")
    }
    given_input: RiskInput = asked_with(a_book(0), policy=a_policy(**changes), session=view)
    verdict = review(an_intent(1), given_input)
    return all(row.passed for row in verdict.checks if row.code in SESSION_CODES)


def view_at(listing: Listing, terms: SessionTerms, at_utc: datetime) -> SessionView:
    """Say what the daemon's sessions would."""
    told, calendar = listing.told, listing.calendar
    assert told is not None
    assert calendar is not None
    until_s = None
    if terms.restart_at is not None:
        window = next_daily(at_utc, terms.restart_at, terms.zone, terms.restart_s)
        until_s = max((window.start_utc - at_utc).total_seconds(), 0.0)
    found = standing(told, at_utc)
    if found is None:
        return SessionView(None, None, until_restart_s=until_s)
    for row in disagreements(told, calendar, listing.zone):
        other = standing(row.shipped, at_utc)
        if other is not None:
            found = stricter(found, other)
    return SessionView(
        found.is_regular, found.is_extended, found.since_open_s, found.until_close_s, until_s
    )


@given(TERMS, REGULARS, st.integers(0, 5 * 86_400 - 1))
def test_the_windows_are_those_of_the_review(terms: SessionTerms, text: str, second: int) -> None:
    told = week(text, LONG)
    at_utc = told.known.start_utc + timedelta(seconds=second, milliseconds=500)
    day = at_utc.astimezone(NEW_YORK).date()
    listing = Listing(NEW_YORK, told, US_STOCKS)
    (row,) = planned_days(listing, terms, day, 1)
    is_planned = any(one.holds(at_utc) for one in row.new_risk)
    assert is_planned is session_checks_pass(view_at(listing, terms, at_utc), terms.policy)


@given(TERMS, REGULARS)
def test_windows_are_apart_in_order_and_never_wider_than_without_a_calendar(
    terms: SessionTerms, text: str
) -> None:
    told = week(text, LONG)
    checked = planned_days(Listing(NEW_YORK, told, US_STOCKS), terms, MONDAY, 5)
    plain = planned_days(Listing(NEW_YORK, told), terms, MONDAY, 5)
    for one, other in zip(checked, plain, strict=True):
        for before, after in pairwise(one.new_risk):
            assert before.start_utc < before.end_utc < after.start_utc
        for span in one.new_risk:
            assert any(
                wide.start_utc <= span.start_utc and span.end_utc <= wide.end_utc
                for wide in other.new_risk
            )


# ---- sessions that begin on the evening before

# Thanksgiving week, as the broker tells it of a future: the Friday before it, and its six days.
NIGHTS = (
    "20261119:1700-20261120:1600;20261121:CLOSED;20261122:1700-20261123:1600;"
    "20261123:1700-20261124:1600;20261124:1700-20261125:1600;20261125:1700-20261126:1200;"
    "20261126:1700-20261127:1215;20261128:CLOSED"
)
LIQUID = (
    "20261120:0830-20261120:1600;20261123:0830-20261123:1600;20261124:0830-20261124:1600;"
    "20261125:0830-20261125:1600;20261126:0830-20261126:1200;20261127:0830-20261127:1215"
)
LIQUID_BUT_ONE = LIQUID.replace("20261124:0830-20261124:1600;", "")
SUNDAY = date(2026, 11, 22)
EXTENDED = SessionPolicy(TradingHours.EXTENDED, 300.0, 600.0)
# The gateway restarts at 23:45 in New York: within the session that began in the evening.
BY_NIGHT = replace(NIGHTLY, policy=EXTENDED)


def futures(trading: str = NIGHTS, regular: str = LIQUID) -> Listing:
    return Listing(CHICAGO, contract_hours(trading, regular, CHICAGO), CME_INDICES)


def test_a_week_of_futures_with_two_half_days_by_either_word() -> None:
    told = planned_days(futures(), BY_NIGHT, SUNDAY, 7)
    shipped = planned_days(Listing(CHICAGO, None, CME_INDICES), BY_NIGHT, SUNDAY, 7)
    assert shipped == tuple(replace(row, source=Source.SHIPPED) for row in told)
    assert [row.source for row in told] == [Source.BROKER] * 7
    assert [wall(row.trading, CHICAGO) for row in told] == [
        [],
        ["Sun 17:00-Mon 16:00"],
        ["Mon 17:00-Tue 16:00"],
        ["Tue 17:00-Wed 16:00"],
        ["Wed 17:00-Thu 12:00"],
        ["Thu 17:00-Fri 12:15"],
        [],
    ]
    assert [row.is_half_day for row in told] == [False] * 4 + [True, True, False]
    assert told[4].note == "Thanksgiving Day"


def test_guards_and_restart_of_a_night_are_those_of_its_session() -> None:
    (thursday,) = planned_days(futures(), BY_NIGHT, date(2026, 11, 26), 1)
    assert wall(thursday.new_risk, CHICAGO) == [
        "Wed 17:05-Wed 22:45",
        "Wed 22:55-Thu 08:30",
        "Thu 08:35-Thu 11:50",
    ]
    regular = replace(BY_NIGHT, policy=replace(EXTENDED, hours=TradingHours.REGULAR))
    (thursday,) = planned_days(futures(), regular, date(2026, 11, 26), 1)
    assert wall(thursday.new_risk, CHICAGO) == ["Thu 08:35-Thu 11:50"]


def test_of_a_night_without_a_day_after_it_there_is_a_short_plan() -> None:
    """Good Friday with the report on jobs: no regular session at all."""
    listing = Listing(CHICAGO, None, CME_INDICES)
    (friday,) = planned_days(listing, BY_NIGHT, date(2026, 4, 3), 1)
    assert (friday.regular, friday.is_half_day) == ((), True)
    assert wall(friday.new_risk, CHICAGO) == ["Thu 17:05-Thu 22:45", "Thu 22:55-Fri 08:05"]
    regular = replace(BY_NIGHT, policy=replace(EXTENDED, hours=TradingHours.REGULAR))
    assert planned_days(listing, regular, date(2026, 4, 3), 1)[0].new_risk == ()


def test_who_asks_for_no_hours_plans_from_evening_to_evening() -> None:
    terms = replace(NIGHTLY, restart_at=None, policy=SessionPolicy(TradingHours.ALWAYS))
    days = planned_days(futures(), terms, SUNDAY, 3)
    assert [wall(row.new_risk, CHICAGO) for row in days] == [
        ["Sat 17:00-Sun 17:00"],
        ["Sun 17:00-Mon 17:00"],
        ["Mon 17:00-Tue 17:00"],
    ]


def test_a_day_that_the_broker_told_from_its_evening_on_is_the_calendars() -> None:
    """Asked on a Monday evening, it may tell nothing of the session that has just ended."""
    later = NIGHTS[NIGHTS.index("20261123:1700") :]
    days = planned_days(futures(later, ""), BY_NIGHT, date(2026, 11, 23), 2)
    assert [row.source for row in days] == [Source.SHIPPED, Source.BROKER]
    assert wall(days[0].trading, CHICAGO) == ["Sun 17:00-Mon 16:00"]
    assert not any(row.disagreement for row in days)


def test_a_week_between_two_changes_of_clocks_is_right_in_utc() -> None:
    """In the last week of October 2026 Europe is in winter and America is not."""
    monday = date(2026, 10, 26)
    found = {}
    for calendar in (US_STOCKS, LONDON_STOCKS, CME_INDICES, IDEALPRO):
        zone = ZoneInfo(calendar.zone)
        (day,) = planned_days(Listing(zone, None, calendar), NIGHTLY, monday, 1)
        found[calendar.name] = wall(day.trading, ZoneInfo("UTC"))
    assert found == {
        "US stocks": ["Mon 08:00-Tue 00:00"],
        "London": ["Mon 08:00-Mon 16:30"],
        "CME stock index futures": ["Sun 22:00-Mon 21:00"],
        "IDEALPRO currencies": ["Sun 21:15-Mon 21:00"],
    }


def test_an_evening_that_begins_in_the_time_of_the_day_before_is_held_to_that_days_word() -> None:
    """The broker ends Tuesday at 15:00 and begins Wednesday at 16:00: we know neither."""
    text = NIGHTS.replace("24:1600;20261124:1700", "24:1500;20261124:1600")
    terms = replace(NIGHTLY, restart_at=None, policy=SessionPolicy(TradingHours.EXTENDED))
    (wednesday,) = planned_days(futures(text, ""), terms, date(2026, 11, 25), 1)
    assert wall(wednesday.trading, CHICAGO) == ["Tue 16:00-Wed 16:00"]
    assert wall(wednesday.new_risk, CHICAGO) == ["Tue 17:00-Wed 16:00"]


TEXTS_OF_NIGHTS = st.sampled_from(
    [
        (NIGHTS, LIQUID),
        # Nobody has told the broker of the holiday; or it has one that we do not know.
        (NIGHTS.replace("20261126:1200", "20261126:1600"), LIQUID),
        (NIGHTS.replace("20261124:1700-20261125:1600", "20261125:CLOSED"), ""),
        # It opens earlier or later in the evening than we believe, and pauses in the afternoon.
        (NIGHTS.replace("20261122:1700", "20261122:1600"), LIQUID),
        (NIGHTS.replace("20261122:1700", "20261122:1900"), LIQUID),
        (NIGHTS.replace("25:1600", "25:1515,20261125:1530-20261125:1600"), ""),
        (NIGHTS[NIGHTS.index("20261123:1700") :], ""),
        # A short day, and then an early evening, which is the short day's time for the calendar.
        (NIGHTS.replace("24:1600;20261124:1700", "24:1500;20261124:1600"), LIQUID_BUT_ONE),
    ]
)  # fmt: skip


@given(TERMS, TEXTS_OF_NIGHTS, st.integers(0, 7 * 86_400 - 1))
def test_the_windows_of_a_night_are_those_of_the_review(
    terms: SessionTerms, texts: tuple[str, str], second: int
) -> None:
    """Whatever day a moment is of: exactly the plans of the days around it let it pass."""
    listing = futures(*texts)
    assert listing.told is not None
    at_utc = listing.told.known.start_utc + timedelta(seconds=second, milliseconds=500)
    day = at_utc.astimezone(CHICAGO).date()
    rows = planned_days(listing, terms, day - timedelta(days=1), 3)
    by_broker = [row for row in rows if row.source is Source.BROKER]
    is_planned = any(one.holds(at_utc) for row in by_broker for one in row.new_risk)
    frames = [
        hours.known
        for row in by_broker
        if (hours := hours_on(CME_INDICES, row.day, CHICAGO)) is not None
    ]
    if any(one.holds(at_utc) for one in frames):
        assert is_planned is session_checks_pass(view_at(listing, terms, at_utc), terms.policy)


@given(st.sampled_from(SHIPPED), st.data(), TERMS)
def test_every_window_of_a_shipped_day_lies_within_its_session(
    calendar: ExchangeCalendar, data: st.DataObject, terms: SessionTerms
) -> None:
    day = data.draw(st.dates(calendar.valid_from, calendar.valid_until))
    zone = ZoneInfo(calendar.zone)
    (row,) = planned_days(Listing(zone, None, calendar), terms, day, 1)
    shipped = hours_on(calendar, day, zone)
    assert shipped is not None
    assert (row.regular, row.trading) == (shipped.regular, shipped.trading)
    allowed = {
        TradingHours.REGULAR: row.regular,
        TradingHours.EXTENDED: row.trading,
        TradingHours.ALWAYS: (shipped.known,),
    }[terms.policy.hours]
    for span in row.new_risk:
        assert any(
            one.start_utc <= span.start_utc and span.end_utc <= one.end_utc for one in allowed
        )
