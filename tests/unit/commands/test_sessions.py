"""``trader sessions``: what it shows of kept hours and of settings, with no daemon."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time, timedelta, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.unit.config.support import write_files
from trader.cli import main
from trader.commands.sessions import Asked, plan_of
from trader.config import Configuration, load
from trader.core.calendar import ContractHours, Span, contract_hours
from trader.core.policy import SessionPolicy, TradingHours
from trader.core.schedule import SessionTerms, Source
from trader.core.shipped_calendars import (
    CBOE_INDICES,
    CME_INDICES,
    SHIPPED,
    US_STOCKS,
    XETRA_STOCKS,
)
from trader.ops.hours_file import HOURS_FILE_NAME, Kept, KeptHours, write_hours

NEW_YORK = ZoneInfo("America/New_York")
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
TEXT = "20261125:0930-1600;20261126:CLOSED;20261127:0930-1300"
HOURS = contract_hours(TEXT, TEXT, ZoneInfo("US/Eastern"))
TERMS = SessionTerms(zone=NEW_YORK, restart_at=time(23, 45), policy=SessionPolicy())


def kept(*rows: tuple[str, ContractHours], terms: SessionTerms = TERMS, **changes: Any) -> Kept:
    told = {"sec_type": "STK", "exchange": "SMART", "currency": "USD", **changes}
    return Kept(
        tuple(
            KeptHours(number, symbol, hours=hours, told_utc=NOW - timedelta(hours=2), **told)
            for number, (symbol, hours) in enumerate(rows)
        ),
        terms,
    )


def sessions(*words: str | Path) -> int:
    return main(["sessions", *map(str, words)])


def test_what_trades_alike_stands_together_and_the_calendar_goes_on_where_the_broker_ends() -> None:
    plan = plan_of(Asked(None, kept(("MSFT", HOURS), ("AAPL", HOURS))), NOW)
    (venue,) = plan.venues
    assert (venue.symbols, venue.calendar) == (("AAPL", "MSFT"), US_STOCKS)
    assert [row.source for row in venue.days] == [Source.BROKER] * 3 + [Source.SHIPPED] * 4
    assert venue.days[2].is_half_day
    assert plan.terms == TERMS
    assert [len(row.restarts) for row in plan.account] == [1] * 7
    assert plan.warnings == ()


def test_other_hours_are_a_venue_of_their_own() -> None:
    short = contract_hours("20261125:0930-1300", "20261125:0930-1300", NEW_YORK)
    plan = plan_of(Asked(None, kept(("AAPL", HOURS), ("IBM", short))), NOW)
    assert [row.symbols for row in plan.venues] == [("AAPL",), ("IBM",)]
    (warning,) = plan.warnings
    assert warning.startswith("IBM: 2026-11-25: the broker says 09:30-13:00, calendar ")
    assert warning.endswith("; the stricter counts for new risk")


def test_the_settings_name_instruments_of_which_nobody_has_told_anything(tmp_path: Path) -> None:
    config = load(write_files(tmp_path, session__hours="regular"), {})
    plan = plan_of(Asked(config, kept(("AAPL", HOURS), ("OLD", HOURS))), NOW)
    rows = {row.symbols: row for row in plan.venues}
    assert rows.keys() == {("AAPL",), ("IBM",), ("VIX",)}
    assert rows["IBM",].told_utc is None
    assert {row.source for row in rows["IBM",].days} == {Source.SHIPPED}
    assert (rows["VIX",].calendar, rows["VIX",].is_tradeable) == (CBOE_INDICES, False)
    assert plan.terms is not None
    assert plan.terms.policy.hours is TradingHours.REGULAR


def test_of_a_simulated_exchange_no_calendar_speaks() -> None:
    terms = SessionTerms(is_simulated=True)
    plan = plan_of(Asked(None, kept(("AAPL", HOURS), terms=terms)), NOW)
    (venue,) = plan.venues
    assert [row.source for row in venue.days] == [Source.BROKER] * 3 + [Source.UNKNOWN] * 4


def test_hours_on_another_wall_clock_have_no_calendar() -> None:
    london = contract_hours("20261125:0800-1630", "20261125:0800-1630", ZoneInfo("Europe/London"))
    (venue,) = plan_of(Asked(None, kept(("EUROPE", london))), NOW).venues
    assert venue.calendar is None
    assert [row.source for row in venue.days[:2]] == [Source.BROKER, Source.UNKNOWN]


def test_a_calendar_that_ends_soon_is_a_warning() -> None:
    at_utc = datetime(2027, 10, 3, 12, tzinfo=UTC)
    plan = plan_of(Asked(None, kept(("AAPL", HOURS))), at_utc)
    assert [text for text in plan.warnings if "ends in 89 days, on 2027-12-31" in text]


WORLD = """\
symbol,sec_type,exchange,currency,primary_exchange,tradeable
AAPL,STK,SMART,USD,NASDAQ,yes
ES,FUT,CME,USD,,yes
SAP,STK,SMART,EUR,IBIS,yes
VOD,STK,LSE,GBP,,yes
AIR,STK,SBF,EUR,,yes
ASML,STK,AEB,EUR,,yes
EUR,CASH,IDEALPRO,USD,,yes
DAX,FUT,EUREX,EUR,,yes
"""


def world_of(folder: Path) -> Configuration:
    """Return settings for one instrument of each exchange, guarded and restarted every night."""
    path = write_files(
        folder,
        {"broker": {"restart_at": "23:45", "zone": "America/New_York"}},
        session__hours="extended",
        session__close_guard_s=900,
    )
    (folder / "assets.csv").write_text(WORLD)
    return load(path, {})


def spans(found: tuple[Span, ...], zone: tzinfo) -> str:
    return ", ".join(
        f"{one.start_utc.astimezone(zone):%a %H:%M}-{one.end_utc.astimezone(zone):%a %H:%M}"
        for one in found
    )


def test_one_monday_of_every_exchange_is_shown_in_its_own_zone(tmp_path: Path) -> None:
    """In this week Europe has put its clocks back and America has not."""
    now_utc = datetime(2026, 10, 26, 10, tzinfo=UTC)
    plan = plan_of(Asked(world_of(tmp_path), None, days=1), now_utc)
    shown = {
        ", ".join(venue.symbols): (
            getattr(venue.zone, "key", ""),
            spans(venue.days[0].trading, venue.zone),
            spans(venue.days[0].new_risk, venue.zone),
            spans(venue.days[0].trading, UTC),
        )
        for venue in plan.venues
    }
    assert shown == {
        "AAPL": (
            "America/New_York",
            "Mon 04:00-Mon 20:00",
            "Mon 04:00-Mon 15:45, Mon 16:00-Mon 19:45",
            "Mon 08:00-Tue 00:00",
        ),
        "ES": (
            "America/Chicago",
            "Sun 17:00-Mon 16:00",
            "Sun 17:00-Sun 22:45, Sun 22:55-Mon 15:45",
            "Sun 22:00-Mon 21:00",
        ),
        "SAP": (
            "Europe/Berlin", "Mon 09:00-Mon 17:30", "Mon 09:00-Mon 17:15", "Mon 08:00-Mon 16:30",
        ),
        "VOD": (
            "Europe/London", "Mon 08:00-Mon 16:30", "Mon 08:00-Mon 16:15", "Mon 08:00-Mon 16:30",
        ),
        "AIR, ASML": (
            "Europe/Paris", "Mon 09:00-Mon 17:30", "Mon 09:00-Mon 17:15", "Mon 08:00-Mon 16:30",
        ),
        "EUR": (
            "America/New_York",
            "Sun 17:15-Mon 17:00",
            "Sun 17:15-Sun 23:45, Sun 23:55-Mon 16:45",
            "Sun 21:15-Mon 21:00",
        ),
        # There is none for Eurex: without the broker's word nothing is known.
        "DAX": ("America/New_York", "", "", ""),
    }  # fmt: skip
    dax = plan.venues[-1]
    assert (dax.calendar, dax.days[0].source) == (None, Source.UNKNOWN)


def test_where_a_stock_is_listed_is_the_brokers_to_say_if_nobody_wrote_it_down() -> None:
    text = "20261223:0900-1730;20261224:CLOSED"
    hours = contract_hours(text, text, ZoneInfo("MET"))
    told = kept(("SAP", hours), currency="EUR", primary_exchange="IBIS")
    plan = plan_of(Asked(None, told), datetime(2026, 12, 23, 10, tzinfo=UTC))
    (venue,) = plan.venues
    assert venue.calendar is XETRA_STOCKS
    assert [row.source for row in venue.days] == [Source.BROKER] * 2 + [Source.SHIPPED] * 5
    assert venue.days[1].note == "Christmas Eve"
    assert plan.warnings == ()
    (unlisted,) = plan_of(Asked(None, kept(("SAP", hours), currency="EUR")), NOW).venues
    assert unlisted.calendar is None


def test_an_evening_that_the_broker_tells_otherwise_is_doubted_with_both_words() -> None:
    chicago = ZoneInfo("US/Central")
    hours = contract_hours(
        "20261124:1700-20261125:1600;20261125:1700-20261126:1600", "20261125:0830-1600", chicago
    )
    told = kept(("ES", hours), sec_type="FUT", exchange="CME")
    plan = plan_of(Asked(None, told), NOW)
    (venue,) = plan.venues
    assert venue.calendar is CME_INDICES
    assert plan.warnings == (
        "ES: 2026-11-26: the broker says Wed 17:00-16:00, calendar "
        f"{CME_INDICES.version} says Wed 17:00-12:00; the stricter counts for new risk",
    )


# ---- as a person runs it


def test_without_anything_it_shows_what_comes_with_the_program(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sessions("--state", tmp_path, "--days", "3") == 0
    shown = capsys.readouterr().out
    assert "US stocks; America/New_York; the broker has told no hours" in shown
    assert "no daemon has run here (give --config)" in shown
    assert sum(" shipped" in line for line in shown.splitlines()) == 3 * len(SHIPPED)
    assert list(tmp_path.iterdir()) == []


def test_kept_hours_are_shown_as_json_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_hours(tmp_path / HOURS_FILE_NAME, kept(("AAPL", HOURS), ("IBM", HOURS)))
    assert sessions("--state", tmp_path, "--json", "--symbol", "IBM", "--days", "2") == 0
    body = json.loads(capsys.readouterr().out)
    assert [row["symbols"] for row in body["venues"]] == [["IBM"]]
    assert len(body["venues"][0]["days"]) == len(body["account"]) == 2


def test_a_symbol_that_nobody_knows_is_refused_with_those_that_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_hours(tmp_path / HOURS_FILE_NAME, kept(("AAPL", HOURS), ("IBM", HOURS)))
    assert sessions("--state", tmp_path, "--symbol", "AAPLE") == 1
    assert "--symbol is AAPLE, allowed is AAPL, IBM" in capsys.readouterr().err


@pytest.mark.parametrize("days", ["0", "61", "-1", "1.5", "x", ""])
def test_a_wrong_number_of_days_is_wrong_usage(
    days: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        sessions(f"--days={days}")
    assert ended.value.code == 2
    assert "allowed is 1 to 60" in capsys.readouterr().err


def test_a_file_that_cannot_be_read_is_said_and_the_calendar_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / HOURS_FILE_NAME).write_text("{")
    assert sessions("--state", tmp_path) == 0
    told = capsys.readouterr()
    assert "warning:" in told.err
    assert HOURS_FILE_NAME in told.err
    assert "US stocks" in told.out


def test_settings_are_read_as_a_start_reads_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_files(
        tmp_path, {"broker": {"restart_at": "23:45", "weekly_login_at": "Sun 01:00"}}
    )
    assert sessions("--config", path) == 0
    shown = capsys.readouterr().out
    assert "AAPL, IBM; America/New_York" in shown
    assert shown.count("23:45-23:55") == 7
    assert shown.rstrip().count(" 01:00") >= 1
    bad = write_files(tmp_path, {"broker": {"weekly_login_at": "Sunday"}})
    assert sessions("--config", bad) == 1
    assert "broker.weekly_login_at is 'Sunday', allowed is" in capsys.readouterr().err
