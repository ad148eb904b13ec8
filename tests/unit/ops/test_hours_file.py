"""Kept hours are read back as they were told; a file that is not ours says nothing at all."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from trader.core.calendar import contract_hours
from trader.core.policy import SessionPolicy, TradingHours
from trader.core.schedule import SessionTerms, WeeklyLogin
from trader.ops.hours_file import (
    HOURS_FILE_NAME,
    HoursUnreadable,
    Kept,
    KeptHours,
    read_hours,
    write_hours,
    zone_name,
)

NEW_YORK = ZoneInfo("America/New_York")
# Over a change of the clock, with two sessions on one day and a day without any.
HOURS = contract_hours(
    "20261030:0400-20261030:2000;20261031:CLOSED;20261102:0400-20261102:2000",
    "20261030:0930-1200,1300-1600;20261031:CLOSED;20261102:0930-20261102:1600",
    NEW_YORK,
)
TOLD = datetime(2026, 10, 30, 9, 15, 0, 250, tzinfo=UTC)
KEPT = Kept(
    (
        KeptHours(1, "AAPL", "STK", "SMART", "USD", HOURS, TOLD),
        KeptHours(3, "SAP", "STK", "SMART", "EUR", HOURS, TOLD, primary_exchange="IBIS"),
        KeptHours(2, "VIX", "IND", "CBOE", "USD", HOURS, TOLD, is_tradeable=False),
    ),
    SessionTerms(
        zone=ZoneInfo("Europe/Berlin"),
        restart_at=time(23, 45),
        restart_s=420.0,
        weekly_login=WeeklyLogin(6, time(1, 5)),
        policy=SessionPolicy(TradingHours.EXTENDED, 1.0, 2.0, 3.0),
        is_simulated=True,
    ),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / HOURS_FILE_NAME


@pytest.mark.parametrize("kept", [KEPT, Kept((), SessionTerms())])
def test_what_was_kept_is_read_back(path: Path, kept: Kept) -> None:
    write_hours(path, kept)
    assert read_hours(path) == kept


def test_nothing_kept_is_no_error(path: Path) -> None:
    assert read_hours(path) is None


def test_it_is_replaced_as_a_whole(path: Path) -> None:
    write_hours(path, KEPT)
    write_hours(path, Kept((), SessionTerms()))
    assert read_hours(path) == Kept((), SessionTerms())
    assert [row.name for row in path.parent.iterdir()] == [HOURS_FILE_NAME]


def spoiled(place: tuple[Any, ...], value: object, path: Path) -> None:
    write_hours(path, KEPT)
    body = json.loads(path.read_text())
    part = body
    for name in place[:-1]:
        part = part[name]
    part[place[-1]] = value
    path.write_text(json.dumps(body))


def test_rows_of_an_earlier_program_do_not_say_where_a_stock_is_listed(path: Path) -> None:
    write_hours(path, KEPT)
    body = json.loads(path.read_text())
    for row in body["instruments"]:
        del row["primary_exchange"]
    path.write_text(json.dumps(body))
    found = read_hours(path)
    assert found is not None
    assert [row.primary_exchange for row in found.rows] == [""] * 3


ROW = ("instruments", 0)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("schema",), 2),
        (("instruments",), {"a": 1}),
        (("instruments",), None),
        ((*ROW, "zone"), "Bad/Zone"),
        ((*ROW, "zone"), "../../etc/passwd"),
        ((*ROW, "told_utc"), "2026-10-30T09:15:00"),
        ((*ROW, "told_utc"), "yesterday"),
        ((*ROW, "known"), ["2026-10-31T00:00:00+00:00", "2026-10-30T00:00:00+00:00"]),
        ((*ROW, "known"), []),
        ((*ROW, "regular"), [["2026-10-30T13:30:00+00:00"]]),
        ((*ROW, "con_id"), "x"),
        (("terms", "restart_at"), "25:00"),
        (("terms", "weekly_login_at"), "Someday 01:00"),
        (("terms", "hours"), "whenever"),
        (("terms",), []),
    ],
)
def test_a_part_that_is_wrong_makes_all_of_it_unknown(
    path: Path, place: tuple[Any, ...], value: object
) -> None:
    spoiled(place, value, path)
    with pytest.raises(HoursUnreadable, match=HOURS_FILE_NAME):
        read_hours(path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000])
def test_a_torn_or_strange_file_is_said_and_not_guessed_at(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(HoursUnreadable):
        read_hours(path)


def test_what_is_no_file_or_too_large_is_not_read(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(HoursUnreadable, match="allowed is a file"):
        read_hours(path)
    path.rmdir()
    with path.open("wb") as file:
        file.truncate(17 * 1024 * 1024)
    with pytest.raises(HoursUnreadable, match="allowed is a file"):
        read_hours(path)


def test_a_zone_is_kept_by_its_name() -> None:
    assert [zone_name(zone) for zone in (NEW_YORK, UTC)] == ["America/New_York", "UTC"]
