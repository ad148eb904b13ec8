"""The watch over calendars: hours are kept when told, doubts are said, and each is paged once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from structlog.testing import capture_logs

from tests.unit.engine.world import CON, OTHER_CON, World, an_instrument
from trader.core.calendar import contract_hours
from trader.core.frozen import replace
from trader.core.schedule import SessionTerms
from trader.core.shipped_calendars import SHIPPED, US_STOCKS
from trader.engine.sessions import Sessions, SessionSettings
from trader.ops.calendar_watch import CalendarWatch, ending_texts
from trader.ops.hours_file import HOURS_FILE_NAME, read_hours

NEW_YORK = ZoneInfo("America/New_York")
TERMS = SessionTerms(zone=NEW_YORK)
HOURS = contract_hours("20261125:0400-2000", "20261125:0930-1600", NEW_YORK)
# The day before Thanksgiving is a whole one.
SHORT = contract_hours("20261125:0400-1700", "20261125:0930-1300", NEW_YORK)


class Hand:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now_utc = datetime(2026, 11, 25, 15, tzinfo=UTC)

    def utc(self) -> datetime:
        return self.now_utc

    def monotonic(self) -> float:
        return self.now_utc.timestamp()

    async def sleep(self, seconds: float) -> None:
        self.now_utc += timedelta(seconds=seconds)


class Watched:
    """A watch over a world's instruments, beside a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.clock = Hand()
        self.world = World()
        self.world.hub.instruments.clear()
        sessions = Sessions(
            self.world.hub, self.clock, SessionSettings(NEW_YORK, calendars=SHIPPED)
        )
        self.services = replace(self.world.services, clock=self.clock, sessions=sessions)
        self.path = folder / HOURS_FILE_NAME
        self.watch = self.begun_anew()

    def begun_anew(self) -> CalendarWatch:
        return CalendarWatch(self.services, self.path, TERMS, SHIPPED)

    def kept(self) -> list[str]:
        found = read_hours(self.path)
        assert found is not None
        assert found.terms == TERMS
        return [row.symbol for row in found.rows]


@pytest.fixture
async def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


async def test_what_the_broker_tells_is_kept_and_a_start_does_not_forget_it(
    watched: Watched,
) -> None:
    assert watched.watch.look() == {}
    assert watched.kept() == []
    watched.world.hub.add(an_instrument(hours=HOURS))
    watched.world.hub.add(an_instrument(con_id=OTHER_CON, symbol="BBB"))
    watched.watch.look()
    assert watched.kept() == ["AAA"]
    watched.world.hub.instruments.clear()
    watched.begun_anew().look()
    assert watched.kept() == ["AAA"]


async def test_hours_that_are_told_again_are_of_now(watched: Watched) -> None:
    watched.world.hub.add(an_instrument(hours=HOURS))
    watched.watch.look()
    before = watched.path.stat().st_ino
    watched.clock.now_utc += timedelta(hours=6)
    watched.watch.look()
    # Nothing was told: nothing is written.
    assert watched.path.stat().st_ino == before
    watched.world.hub.add(an_instrument(hours=replace(HOURS)))
    watched.watch.look()
    found = read_hours(watched.path)
    assert found is not None
    assert [row.told_utc for row in found.rows] == [watched.clock.now_utc]


async def test_what_is_configured_no_more_is_kept_for_a_month(watched: Watched) -> None:
    watched.world.hub.add(an_instrument(hours=HOURS))
    watched.watch.look()
    watched.world.hub.instruments.clear()
    watched.clock.now_utc = HOURS.known.end_utc + timedelta(days=30) - timedelta(seconds=1)
    watched.begun_anew().look()
    assert watched.kept() == ["AAA"]
    watched.clock.now_utc += timedelta(seconds=1)
    watched.begun_anew().look()
    assert watched.kept() == []


async def test_a_file_that_cannot_be_read_is_nothing_known_and_a_line_in_the_log(
    watched: Watched,
) -> None:
    watched.path.write_text("{")
    with capture_logs() as lines:
        watched.watch.look()
    assert [line["event"] for line in lines] == ["kept trading hours are not known"]
    assert watched.kept() == []


async def test_a_disk_that_takes_nothing_is_told_once_and_tried_again(watched: Watched) -> None:
    watched.path.mkdir()
    (watched.path / "in the way").touch()
    watched.world.hub.add(an_instrument(hours=HOURS))
    with capture_logs() as lines:
        watched.watch.look()
        watched.watch.look()
    assert [line["event"] for line in lines].count("trading hours not kept") == 1
    (watched.path / "in the way").unlink()
    watched.path.rmdir()
    watched.watch.look()
    assert watched.kept() == ["AAA"]


async def test_a_doubt_is_told_for_as_long_as_it_lasts_and_paged_once(watched: Watched) -> None:
    watched.world.hub.add(an_instrument(hours=SHORT))
    for _ in range(3):
        found = watched.watch.look()
        assert found == {
            "hours": "AAA 2026-11-25: the broker says 09:30-13:00, "
            f"calendar {US_STOCKS.version} says 09:30-16:00"
        }
    watched.world.hub.add(an_instrument(hours=HOURS))
    assert watched.watch.look() == {}
    assert watched.world.pager.titles() == ["trading hours in doubt"]


async def test_a_doubt_that_lasts_does_not_hide_the_next_one(watched: Watched) -> None:
    watched.world.hub.add(an_instrument(hours=SHORT))
    watched.watch.look()
    # Another of the same exchange says nothing new; a day that is told shut does.
    watched.world.hub.add(an_instrument(con_id=OTHER_CON, symbol="BBB", hours=SHORT))
    watched.watch.look()
    assert watched.world.pager.titles() == ["trading hours in doubt"]
    text = "20261124:CLOSED;20261125:0930-20261125:1300"
    watched.world.hub.add(an_instrument(hours=contract_hours(text, text, NEW_YORK)))
    watched.watch.look()
    watched.watch.look()
    assert watched.world.pager.titles() == ["trading hours in doubt"] * 2
    _, _, said = watched.world.pager.sent[-1]
    assert "AAA 2026-11-24: the broker says closed" in said
    assert "2026-11-25" not in said


async def test_of_many_doubts_the_first_are_said_and_the_rest_counted(watched: Watched) -> None:
    for number in range(5):
        watched.world.hub.add(an_instrument(con_id=CON + number, symbol=f"S{number}", hours=SHORT))
    text = watched.watch.look()["hours"]
    assert [name in text for name in ("S0", "S2", "S3")] == [True, True, False]
    assert text.endswith("; and 2 more")


async def test_a_calendar_that_runs_out_is_told_ninety_days_before(watched: Watched) -> None:
    """DAT-07: its last day is the 31st of December 2027."""
    watched.clock.now_utc = datetime(2027, 10, 1, 21, 59, tzinfo=UTC)
    assert watched.watch.look() == {}
    # Midnight in Berlin; in London and in Chicago it is later.
    watched.clock.now_utc += timedelta(minutes=1)
    text = watched.watch.look()["calendar"]
    assert "ends in 90 days, on 2027-12-31" in text
    assert [text.count(row.name) for row in SHIPPED] == [1] * len(SHIPPED)
    assert text.count("2027-12-31") == 1
    assert watched.world.pager.titles() == ["trading calendar runs out"]


def test_one_that_has_ended_says_so() -> None:
    last = datetime(2028, 1, 1, 4, 59, tzinfo=UTC)

    def said(at_utc: datetime) -> list[str]:
        return list(ending_texts((US_STOCKS,), at_utc))

    assert "of US stocks ends in 0 days" in said(last)[0]
    assert "has ended on 2027-12-31" in said(last + timedelta(minutes=1))[0]
    assert said(last - timedelta(days=92)) == []
