"""``trader sessions``: what it shows of kept hours and of settings, with no daemon."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.unit.config.support import write_files
from trader.cli import main
from trader.commands.sessions import Asked, plan_of
from trader.config import load
from trader.core.calendar import ContractHours, contract_hours
from trader.core.exchanges import CBOE_INDICES, US_STOCKS
from trader.core.policy import SessionPolicy, TradingHours
from trader.core.schedule import SessionTerms, Source
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


# ---- as a person runs it


def test_without_anything_it_shows_what_comes_with_the_program(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sessions("--state", tmp_path, "--days", "3") == 0
    shown = capsys.readouterr().out
    assert "US stocks; America/New_York; the broker has told no hours" in shown
    assert "no daemon has run here (give --config)" in shown
    assert sum(" shipped" in line for line in shown.splitlines()) == 6
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
