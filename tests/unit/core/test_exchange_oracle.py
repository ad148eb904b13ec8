"""DAT-07: each day from 2014 to 2027 against exchange_calendars, and against the simulator's own.

Goal: no day that we believe to be open is shut, and none ends earlier than we believe. Method:
every date of fourteen years, its open and its close in UTC. A difference is explained in
tests/calendar_differences.yaml or fails; an explanation without a difference fails too.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from trader.core.calendar import contract_hours
from trader.core.exchanges import Compared, ExchangeCalendar, disagreements, hours_on, is_same_clock
from trader.core.shipped_calendars import (
    CBOE_INDICES,
    CME_INDICES,
    EURONEXT_STOCKS,
    IDEALPRO,
    LONDON_STOCKS,
    SHIPPED,
    US_STOCKS,
    XETRA_STOCKS,
)
from trader.sim.reference import calendar as simulated
from trader.sim.reference import hours as told_by_simulator

FIRST, LAST = date(2014, 1, 1), date(2027, 12, 31)
EXPLAINED = Path(__file__).resolve().parents[2] / "calendar_differences.yaml"
PAIRS = {
    "XNYS": US_STOCKS,
    "XCBF": CBOE_INDICES,
    "CMES": CME_INDICES,
    "XETR": XETRA_STOCKS,
    "XLON": LONDON_STOCKS,
    "XPAR": EURONEXT_STOCKS,
    "XAMS": EURONEXT_STOCKS,
    "XBRU": EURONEXT_STOCKS,
}
# The hours of every day, where the oracle has others: under this key, with the days they are of.
EVERY_DAY = "every day"

Session = tuple[datetime, datetime] | None
Words = tuple[str, str]


def days() -> list[date]:
    return [FIRST + timedelta(days=ahead) for ahead in range((LAST - FIRST).days + 1)]


@cache
def of_calendar(calendar: ExchangeCalendar) -> Mapping[date, Session]:
    """Return from when until when each day is open; what is off in between is not looked at."""
    found: dict[date, Session] = {}
    for day in days():
        hours = hours_on(calendar, day, ZoneInfo(calendar.zone))
        assert hours is not None
        rows = hours.regular if calendar.compared is Compared.REGULAR else hours.trading
        found[day] = (rows[0].start_utc, rows[-1].end_utc) if rows else None
    return found


@cache
def oracle(name: str) -> Mapping[date, Session]:
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


def differences(name: str) -> dict[date, Words]:
    """Return every day on which the two say something else, with both words."""
    calendar, known = PAIRS[name], oracle(name)
    return {
        day: (words(ours, calendar.zone), words(known.get(day), calendar.zone))
        for day, ours in of_calendar(calendar).items()
        if ours != known.get(day)
    }


def explained(name: str) -> tuple[list[dict[str, Any]], dict[date, Words]]:
    """Return what is explained of all days between two, and of single ones."""
    rows = dict(yaml.safe_load(EXPLAINED.read_text("utf-8"))[name])
    every_day = rows.pop(EVERY_DAY, [])
    return every_day, {day: (row["ours"], row["oracle"]) for day, row in rows.items()}


@pytest.mark.parametrize("name", PAIRS)
def test_every_day_is_that_of_the_oracle_or_explained(name: str) -> None:
    assert len(oracle(name)) > 3_500
    found = differences(name)
    every_day, single = explained(name)
    for row in every_day:
        covered = [
            day
            for day, said in found.items()
            if row["since"] <= day <= row["until"] and said == (row["ours"], row["oracle"])
        ]
        assert len(covered) > 400, f"{row} explains nothing, or single days"
        for day in covered:
            del found[day]
    assert found == single


@pytest.mark.parametrize("name", PAIRS)
def test_sessions_move_with_the_clocks_of_their_place_as_the_oracles_do(name: str) -> None:
    """Clocks change on other Sundays in America and in Europe: the open of each Monday, in UTC."""
    calendar, known = PAIRS[name], oracle(name)
    ours = of_calendar(calendar)
    zone, hours = ZoneInfo(calendar.zone), set()
    for year in range(FIRST.year, LAST.year + 1):
        for month in (3, 4, 10, 11):
            for day in (date(year, month, number) for number in range(1, 31)):
                session = ours[day]
                if session is None:
                    continue
                # What the oracle has shut is a difference, and explained.
                expected = known.get(day)
                assert expected is None or session[0] == expected[0], day
                hours.add((session[0].hour, session[0].astimezone(zone).hour))
    assert len(hours) == 2
    assert len({on_the_wall for _, on_the_wall in hours}) == 1


def test_the_calendars_speak_of_the_years_that_are_compared_and_of_no_other() -> None:
    assert {(row.valid_from, row.valid_until) for row in SHIPPED} == {(FIRST, LAST)}


def test_every_calendar_has_an_oracle_but_that_of_currencies() -> None:
    assert {row.name for row in SHIPPED} - {row.name for row in PAIRS.values()} == {IDEALPRO.name}


def test_every_difference_has_a_reason() -> None:
    rows = yaml.safe_load(EXPLAINED.read_text("utf-8"))
    assert rows.keys() == PAIRS.keys()
    for name in PAIRS:
        every_day = rows[name].pop(EVERY_DAY, [])
        assert all(len(row["why"]) > 10 for row in (*rows[name].values(), *every_day))


# The simulator keeps rules of its own (those since 2022, without what follows no rule, Xetra
# without half days and London's on their own date alone): a third opinion.
SIMULATED: dict[str, tuple[ExchangeCalendar, list[str]]] = {
    "US-STOCKS": (US_STOCKS, ["2025-01-09"]),
    "FX": (IDEALPRO, []),
    "CME": (CME_INDICES, ["2023-04-07", "2025-01-09", "2026-04-03"]),
    "IBIS": (
        XETRA_STOCKS,
        ["2022-12-30", "2023-12-29", "2024-12-30", "2025-12-30", "2026-12-30", "2027-12-30"],
    ),
    "LSE": (
        LONDON_STOCKS,
        [
            "2022-05-30", "2022-06-02", "2022-06-03", "2022-09-19", "2022-12-23", "2022-12-30",
            "2023-05-08", "2023-12-22", "2023-12-29",
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SIMULATED)
def test_the_exchanges_of_the_simulator_keep_the_same_days(name: str) -> None:
    calendar, expected = SIMULATED[name]
    differing = []
    for day, ours in of_calendar(calendar).items():
        if day.year < 2022:
            continue
        session = None
        theirs = simulated.trading_day(name, day)
        if theirs is not None:
            is_regular = calendar.compared is Compared.REGULAR
            session = (
                (theirs.open_s, theirs.close_s) if is_regular else (theirs.start_s, theirs.end_s)
            )
        if session != (ours and (ours[0].timestamp(), ours[1].timestamp())):
            differing.append(day.isoformat())
    assert differing == expected


@pytest.mark.parametrize("name", SIMULATED)
def test_what_the_simulator_tells_of_its_hours_is_doubted_on_those_days_alone(name: str) -> None:
    """As a gateway writes them, asked every seven hours of two years: the first day is a part."""
    calendar, expected = SIMULATED[name]
    zone, doubted = ZoneInfo(calendar.zone), set()
    at_utc = datetime(2025, 12, 29, tzinfo=UTC)
    while at_utc.year < 2027:
        text = told_by_simulator.hours(name, at_utc.timestamp())
        told = contract_hours(text.trading, text.liquid, ZoneInfo(text.zone))
        assert is_same_clock(told, zone), at_utc
        doubted |= {row.day.isoformat() for row in disagreements(told, calendar, zone)}
        at_utc += timedelta(hours=7)
    known = {day for day in expected if "2025-12-29" <= day <= "2027-01-06"}
    assert doubted == known
