"""What facts about the machine are judged to be."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from trader.core.halts import Mode
from trader.doctor.findings import Level
from trader.doctor.machine import Unit, Written, clock, differences, directives, disk, memory, unit
from trader.engine.host import TimeServiceStatus

SHIPPED = (Path(__file__).resolve().parents[3] / "systemd" / "trader.service").read_text()
FREE_MIN = Decimal("0.02")
MB = 1024 * 1024


@pytest.mark.parametrize(
    ("took_s", "free", "level", "word"),
    [
        (0.01, "0.5", Level.OK, "10 ms, 50% free"),
        (0.3, "0.5", Level.WARN, "300 ms"),
        (2.5, "0.5", Level.FAIL, "2500 ms"),
        (0.01, "0.09", Level.WARN, "9% free"),
        (0.01, "0.019", Level.FAIL, "2% free"),
    ],
)
def test_a_disk_is_judged_by_time_and_room(
    took_s: float, free: str, level: Level, word: str
) -> None:
    found = disk(Written("s", took_s, Decimal(free)), FREE_MIN)
    assert (found.level, word in found.seen) == (level, True)


def test_a_disk_that_takes_nothing_fails_and_one_that_is_not_there_is_unknown() -> None:
    refused = disk(Written("s", None, None, "s: Read-only file system"), FREE_MIN)
    assert (refused.level, refused.seen) == (Level.FAIL, "s: Read-only file system")
    assert disk(Written("s", None, None), FREE_MIN).level is Level.UNKNOWN


@pytest.mark.parametrize(
    ("available", "level"),
    [(2048, Level.OK), (511, Level.WARN), (100, Level.FAIL), (None, Level.UNKNOWN)],
)
def test_memory_that_is_left(available: int | None, level: Level) -> None:
    left = available * MB if available is not None else None
    assert memory(left, 4096 * MB).level is level


@pytest.mark.parametrize(
    ("is_synchronised", "problem", "mode", "level"),
    [
        (True, "", Mode.LIVE, Level.OK),
        (False, "unsynchronised", Mode.PAPER, Level.WARN),
        (False, "unsynchronised", Mode.LIVE, Level.FAIL),
        (None, "cannot be asked", Mode.LIVE, Level.UNKNOWN),
    ],
)
def test_the_clock_is_what_the_kernel_says(
    is_synchronised: bool | None, problem: str, mode: Mode, level: Level
) -> None:
    assert clock(TimeServiceStatus(is_synchronised, 0.001, 0.1, problem), mode).level is level


def shown(**changes: str) -> dict[str, str]:
    usual = {"LoadState": "loaded", "ActiveState": "active", "UnitFileState": "enabled"}
    return usual | {"NeedDaemonReload": "no", "DropInPaths": "", "Result": "success"} | changes


def trader(rows: dict[str, str] | None, installed: str | None = SHIPPED) -> Unit:
    return Unit("trader.service", rows, installed, SHIPPED, "" if rows else "no systemd")


@pytest.mark.parametrize(
    ("rows", "level", "word"),
    [
        (shown(), Level.OK, "as shipped"),
        (shown(DropInPaths="/etc/x.conf"), Level.OK, "/etc/x.conf"),
        (None, Level.UNKNOWN, "no systemd"),
        (shown(LoadState="not-found"), Level.WARN, "no unit is installed"),
        (shown(ActiveState="failed", Result="watchdog"), Level.FAIL, "watchdog"),
        (shown(NeedDaemonReload="yes"), Level.WARN, "has not read it"),
        (shown(UnitFileState="disabled"), Level.WARN, "disabled"),
    ],
)
def test_a_unit_by_what_systemd_shows(rows: dict[str, str] | None, level: Level, word: str) -> None:
    found = unit(trader(rows), 90.0)
    assert (found.name, found.level, word in found.seen) == ("unit-trader", level, True)


def test_a_unit_that_differs_says_where() -> None:
    found = unit(trader(shown(), SHIPPED.replace("WatchdogSec=30", "WatchdogSec=0")), 90.0)
    assert found.level is Level.WARN
    assert "-WatchdogSec=30; +WatchdogSec=0" in found.seen


def test_comments_and_ones_own_places_are_no_difference() -> None:
    moved = SHIPPED.replace("/opt/trader", "/srv/mine").replace("User=trader", "User=me")
    assert differences(SHIPPED, "# mine\n" + moved.replace("Group=trader", "Group=me")) == []


def test_systemd_must_wait_as_long_as_the_drain() -> None:
    short = SHIPPED.replace("TimeoutStopSec=90", "TimeoutStopSec=20")
    assert directives(short)["TimeoutStopSec"] == "20"
    found = unit(trader(shown(), short), 90.0)
    assert (found.level, "TimeoutStopSec is 20 s" in found.seen) == (Level.FAIL, True)
    assert unit(trader(shown(), short), None).level is Level.WARN, "of other units it is no drain"


def test_a_unit_that_cannot_be_compared_is_not_ok() -> None:
    assert unit(Unit("trader.service", shown(), SHIPPED, None)).level is Level.UNKNOWN
    assert unit(Unit("trader.service", shown(), None, SHIPPED)).level is Level.UNKNOWN
