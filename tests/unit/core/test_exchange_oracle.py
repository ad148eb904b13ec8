"""DAT-07: each day from 2014 to 2027 against exchange_calendars, and against the simulator's own.

Goal: no day that we believe to be open is shut, and none ends earlier than we believe. Method:
every date of fourteen years, its open and its close in UTC. A difference is explained in
tests/calendar_differences.yaml or fails; an explanation without a difference fails too.
"""

from __future__ import annotations

import warnings
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from trader.core.exchanges import CBOE_INDICES, US_STOCKS, ExchangeCalendar, hours_on
from trader.sim.reference import calendar as simulated

FIRST, LAST = date(2014, 1, 1), date(2027, 12, 31)
EXPLAINED = Path(__file__).resolve().parents[2] / "calendar_differences.yaml"
PAIRS = {"XNYS": US_STOCKS, "XCBF": CBOE_INDICES}

Session = tuple[datetime, datetime] | None


def days() -> list[date]:
    return [FIRST + timedelta(days=ahead) for ahead in range((LAST - FIRST).days + 1)]


def of_calendar(calendar: ExchangeCalendar, day: date) -> Session:
    found = hours_on(calendar, day, ZoneInfo(calendar.zone))
    assert found is not None
    return (found.regular[0].start_utc, found.regular[0].end_utc) if found.regular else None


@cache
def oracle(name: str) -> dict[date, Session]:
    """Return the sessions of an exchange, as the library has them."""
    # Loaded here: it brings pandas, and most runs of single tests do not need it.
    import exchange_calendars  # noqa: PLC0415

    # What its own insides will have to change for a later pandas is no business of ours.
    with warnings.catch_warnings(action="ignore"):
        found: Any = exchange_calendars.get_calendar(name, start=str(FIRST), end=str(LAST))
        rows = tuple(found.schedule.itertuples())
    return {
        row.Index.date(): (
            row.open.to_pydatetime().astimezone(UTC),
            row.close.to_pydatetime().astimezone(UTC),
        )
        for row in rows
    }


def words(session: Session, zone: str) -> str:
    if session is None:
        return "closed"
    opens, closes = (at.astimezone(ZoneInfo(zone)) for at in session)
    return f"{opens:%H:%M}-{closes:%H:%M}"


@pytest.mark.parametrize("name", PAIRS)
def test_every_day_is_that_of_the_oracle_or_explained(name: str) -> None:
    calendar, known = PAIRS[name], oracle(name)
    assert len(known) > 3_500
    found = {
        day: (words(ours, calendar.zone), words(known.get(day), calendar.zone))
        for day in days()
        if (ours := of_calendar(calendar, day)) != known.get(day)
    }
    explained = {
        day: (row["ours"], row["oracle"])
        for day, row in yaml.safe_load(EXPLAINED.read_text("utf-8"))[name].items()
    }
    assert found == explained


def test_the_calendar_speaks_of_the_years_that_are_compared_and_of_no_other() -> None:
    assert {(row.valid_from, row.valid_until) for row in PAIRS.values()} == {(FIRST, LAST)}


def test_every_difference_has_a_reason() -> None:
    rows = yaml.safe_load(EXPLAINED.read_text("utf-8"))
    assert rows.keys() == PAIRS.keys()
    assert all(len(row["why"]) > 10 for known in rows.values() for row in known.values())


def test_the_exchanges_of_the_simulator_keep_the_same_days() -> None:
    """Its rules are those since 2022, without what follows no rule."""
    differing = []
    for day in days():
        if day.year < 2022:
            continue
        theirs = simulated.trading_day("US-STOCKS", day)
        session = None if theirs is None else (theirs.open_s, theirs.close_s)
        ours = of_calendar(US_STOCKS, day)
        if session != (ours and (ours[0].timestamp(), ours[1].timestamp())):
            differing.append(day)
    assert differing == [date(2025, 1, 9)]
