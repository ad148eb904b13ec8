"""The plan as lines and as JSON: every window on the right day, in the zone that is said."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from trader.core.calendar import ContractHours, contract_hours
from trader.core.policy import SessionPolicy, TradingHours
from trader.core.schedule import Listing, SessionTerms, WeeklyLogin, account_days, planned_days
from trader.core.shipped_calendars import CME_INDICES, US_STOCKS
from trader.ops.sessions_text import Plan, VenuePlan, plan_body, plan_lines

NEW_YORK, CHICAGO = ZoneInfo("America/New_York"), ZoneInfo("America/Chicago")
WEDNESDAY = date(2026, 11, 25)
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
TERMS = SessionTerms(
    zone=NEW_YORK,
    restart_at=time(23, 45),
    weekly_login=WeeklyLogin(4, time(1)),
    policy=SessionPolicy(TradingHours.REGULAR, 300.0, 600.0),
)


def venue(told: ContractHours | None = None) -> VenuePlan:
    listing = Listing(NEW_YORK, told, US_STOCKS)
    days = planned_days(listing, TERMS, WEDNESDAY, 3)
    told_utc = None if told is None else NOW - timedelta(hours=3)
    return VenuePlan(("AAPL", "IBM"), NEW_YORK, US_STOCKS, told_utc, days)


PLAN = Plan(NOW, TERMS, (venue(),), account_days(TERMS, WEDNESDAY, 3), ("look",))


def test_the_week_is_a_table_in_the_exchanges_time_and_in_utc() -> None:
    lines = plan_lines(PLAN)
    assert lines[0] == (
        "AAPL, IBM; America/New_York; the broker has told no hours; calendar "
        f"US stocks {US_STOCKS.version} until 2027-12-31"
    )
    assert [re.split(r" {2,}", line.strip()) for line in lines[1:5]] == [
        ["day", "session", "UTC", "with extended", "new risk", "by"],
        ["Wed 2026-11-25", "09:30-16:00", "14:30-21:00", "04:00-20:00", "09:35-15:50", "shipped"],
        ["Thu 2026-11-26", "closed", "none", "shipped", "Thanksgiving Day"],
        [
            "Fri 2026-11-27", "09:30-13:00", "14:30-18:00", "04:00-17:00", "09:35-12:50",
            "shipped", "half day: day after Thanksgiving",
        ],
    ]  # fmt: skip


def test_the_accounts_days_have_restart_and_login() -> None:
    lines = plan_lines(PLAN)
    assert "account: its day is that of America/New_York" in lines
    friday = lines[-1].split()
    assert friday == [
        "Fri", "2026-11-27", "05:00", "23:45-23:55", "Sat", "04:45-Sat", "04:55", "01:00",
    ]  # fmt: skip
    assert not lines[-2].endswith("01:00")


def test_what_the_broker_told_is_said_with_its_age_and_a_disagreement_with_both_words() -> None:
    text = "20261125:0930-1600;20261126:0930-1600;20261127:0930-1300"
    lines = plan_lines(replace(PLAN, venues=(venue(contract_hours(text, text, NEW_YORK)),)))
    assert "hours told 3 h ago" in lines[0]
    assert "none" in lines[3]
    assert "Thanksgiving Day: 2026-11-26: the broker says 09:30-16:00" in lines[3]


def test_an_evening_session_shows_its_weekday_and_midnight_is_24() -> None:
    text = "20261124:1700-20261125:1600;20261126:0000-20261127:0000"
    days = planned_days(Listing(CHICAGO, contract_hours(text, text, CHICAGO)), TERMS, WEDNESDAY, 3)
    row = VenuePlan(("ES",), CHICAGO, None, NOW + timedelta(seconds=1), days)
    lines = plan_lines(replace(PLAN, venues=(row,)))
    assert "in the future" in lines[0]
    assert "no calendar" in lines[0]
    assert "Tue 17:00-16:00" in lines[2]
    assert "00:00-24:00" in lines[3]
    assert lines[4].split() == ["Fri", "2026-11-27", "unknown", "none"]


def test_a_night_without_a_regular_session_is_not_called_open_or_closed() -> None:
    """Good Friday of 2026: futures trade until the report on jobs has been digested."""
    days = planned_days(Listing(CHICAGO, None, CME_INDICES), TERMS, date(2026, 4, 3), 2)
    row = VenuePlan(("ES",), CHICAGO, CME_INDICES, None, days)
    lines = plan_lines(replace(PLAN, venues=(row,)))
    assert [re.split(r" {2,}", line.strip()) for line in lines[2:4]] == [
        [
            "Fri 2026-04-03", "extended only", "Thu 17:00-08:15", "none", "shipped",
            "half day: Good Friday, with the report on jobs",
        ],
        ["Sat 2026-04-04", "closed", "none", "shipped"],
    ]  # fmt: skip
    (body,) = json.loads(json.dumps(plan_body(replace(PLAN, venues=(row,)))))["venues"]
    assert [day["state"] for day in body["days"]] == ["open", "closed"]


def test_an_index_and_unknown_settings_show_no_window_for_new_risk() -> None:
    index = replace(venue(), is_tradeable=False)
    for plan in (replace(PLAN, venues=(index,)), replace(PLAN, terms=None)):
        assert "09:35-15:50" not in "\n".join(plan_lines(plan))
        (row,) = json.loads(json.dumps(plan_body(plan)))["venues"]
        assert [day["new_risk"] for day in row["days"]] == [[], [], []]
    assert "no daemon has run here" in plan_lines(replace(PLAN, terms=None))[-1]


def test_json_has_every_moment_in_utc() -> None:
    body = json.loads(json.dumps(plan_body(PLAN)))
    (row,) = body["venues"]
    assert (row["symbols"], row["calendar_until"]) == (["AAPL", "IBM"], "2027-12-31")
    assert [day["state"] for day in row["days"]] == ["open", "closed", "open"]
    assert [day["is_half_day"] for day in row["days"]] == [False, False, True]
    assert row["days"][2]["new_risk"] == [
        {"start_utc": "2026-11-27T14:35:00+00:00", "end_utc": "2026-11-27T17:50:00+00:00"}
    ]
    assert body["account"][2]["login_utc"] == "2026-11-27T06:00:00+00:00"
    assert body["account"][0]["restarts"] == [
        {"start_utc": "2026-11-26T04:45:00+00:00", "end_utc": "2026-11-26T04:55:00+00:00"}
    ]
    assert (body["warnings"], body["is_simulated"]) == (["look"], False)
