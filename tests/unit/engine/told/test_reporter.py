"""Each report is written at its cadence, and somebody is called once for what is wrong with it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from tests.unit.engine.world import LINEAGE, World, running
from trader.core.reports.content import Alarm, Content, ReportStatus, Stamp
from trader.core.reports.table import REPORTS, TERMS, ReportName, Terms
from trader.engine.report_rows import ReportRow
from trader.engine.told.reporter import UNWRITTEN_S_MAX, Build, Identity, Reporter
from trader.ports import WorldError

IDENTITY = Identity("DU1", "1.2.3", "abc1234")
NAME = ReportName.PARITY
OK = Content(ReportStatus.OK, (), None)
LACKING = Content(ReportStatus.INSUFFICIENT, ("no data",), None)


@dataclass
class Files:
    """Files that keep what was written, and fail or hang on request."""

    error: str = ""
    hangs: bool = False

    def __post_init__(self) -> None:
        self.written: list[tuple[float, ReportName, Stamp, Content]] = []
        self.at_once = 0

    async def write(self, terms: Terms, stamp: Stamp, content: Content) -> None:
        self.at_once += 1
        assert self.at_once == 1, "two writes at once"
        await asyncio.sleep(10_000 if self.hangs else 0.01)
        self.at_once -= 1
        if self.error:
            raise WorldError(self.error)
        self.written.append((asyncio.get_running_loop().time(), terms.name, stamp, content))

    def times(self, name: ReportName) -> list[float]:
        first_s = self.written[0][0]
        return [round(at_s - first_s) for at_s, written, _, _ in self.written if written is name]


def a_reporter(
    world: World, files: Files, builders: Mapping[ReportName, Build] | None = None
) -> Reporter:
    given = {NAME: lambda: OK} if builders is None else builders
    return Reporter(world.services, identity=IDENTITY, write=files.write, builders=given)


def row_of(reporter: Reporter, name: ReportName) -> ReportRow:
    return next(row for row in reporter.status() if row.name == name)


@pytest.mark.parametrize("terms", [row for row in REPORTS if row.interval_s is not None])
async def test_a_timed_report_is_written_at_its_cadence(terms: Terms) -> None:
    world, files = World(), Files()
    reporter = a_reporter(world, files, {terms.name: lambda: OK})
    assert terms.interval_s is not None
    with running(reporter.run):
        await asyncio.sleep(3 * terms.interval_s + 5)
    first, second, third, fourth = files.times(terms.name)
    assert first == 0
    assert fourth == pytest.approx(3 * terms.interval_s, abs=4)
    assert third - second == pytest.approx(terms.interval_s, abs=2)


async def test_what_happens_is_written_at_once_and_the_newest_counts() -> None:
    world, files = World(), Files()
    reporter = a_reporter(world, files, {})
    with running(reporter.run):
        await asyncio.sleep(100)
        assert files.written == []
        newer = Content(ReportStatus.FAIL, (), None)
        reporter.put(ReportName.RECONCILIATION, OK)
        reporter.put(ReportName.RECONCILIATION, newer)
        await asyncio.sleep(1.5)
    assert [content for _, _, _, content in files.written] == [newer]


async def test_the_stamp_says_whose_of_when_and_up_to_which_event() -> None:
    world, files = World(), Files()
    reporter = a_reporter(world, files, {NAME: lambda: Content(ReportStatus.OK, (), None, age_s=7)})
    await reporter.turn()
    (_, _, stamp, _) = files.written[0]
    assert (stamp.report, stamp.lineage, stamp.seq) == ("parity", LINEAGE, world.book.seq)
    assert (stamp.version, stamp.git_sha, stamp.account) == ("1.2.3", "abc1234", "DU1")
    assert (stamp.evidence, stamp.mode) == ("paper", world.guard.mode)
    assert (stamp.written_utc - stamp.as_of_utc).total_seconds() == 7


async def test_the_age_is_that_of_what_it_is_about() -> None:
    world, files = World(), Files()
    reporter = a_reporter(world, files, {NAME: lambda: Content(ReportStatus.OK, (), None, age_s=7)})
    assert row_of(reporter, NAME).age_s is None
    await reporter.turn()
    await asyncio.sleep(100)
    assert row_of(reporter, NAME).age_s == pytest.approx(107, abs=0.1)


@pytest.mark.parametrize("terms", [row for row in REPORTS if row.age_s_max is not None])
async def test_it_is_stale_a_second_after_its_age_and_not_one_before(terms: Terms) -> None:
    world, files = World(), Files()
    reporter = a_reporter(world, files, {})
    assert terms.age_s_max is not None
    reporter.put(terms.name, OK)
    await reporter.turn()
    await asyncio.sleep(terms.age_s_max - 1.1)
    reporter.watch()
    assert not row_of(reporter, terms.name).is_stale
    title = f"report {terms.name} is stale"
    assert title not in world.pager.titles()
    await asyncio.sleep(2)
    for _ in range(3):
        reporter.watch()
    assert row_of(reporter, terms.name).is_stale
    assert world.pager.titles().count(title) == 1
    reporter.put(terms.name, OK)
    await reporter.turn()
    reporter.watch()
    await asyncio.sleep(terms.age_s_max + 2)
    reporter.watch()
    assert world.pager.titles().count(title) == 2


async def test_one_that_was_never_written_is_as_old_as_the_process() -> None:
    world = World()
    reporter = a_reporter(world, Files(), {})
    reporter.watch()
    assert world.pager.sent == []
    await asyncio.sleep(301)
    reporter.watch()
    assert world.pager.titles() == ["report portfolio_risk is stale"]
    assert "never written" in world.pager.sent[0][2]


async def test_one_that_cannot_be_written_is_shown_and_called_for_after_a_while() -> None:
    world, files = World(), Files(error="reports/parity: No space left on device")
    reporter = a_reporter(world, files)
    title = f"report {NAME} cannot be written"
    with running(reporter.run):
        await asyncio.sleep(UNWRITTEN_S_MAX - 30)
        reporter.watch()
        assert row_of(reporter, NAME).problem == files.error
        assert title not in world.pager.titles()
        await asyncio.sleep(60)
        reporter.watch()
        reporter.watch()
        assert world.pager.titles().count(title) == 1
        # Tried again all the time, so it is there soon after there is room.
        files.error = ""
        await asyncio.sleep(32)
        assert row_of(reporter, NAME).problem == ""
        assert files.times(NAME) == [0]


async def test_a_disk_that_hangs_makes_reports_old_and_holds_nobody_up() -> None:
    world, files = World(), Files(hangs=True)
    reporter = a_reporter(world, files)
    with running(reporter.run):
        await asyncio.sleep(601)
        reporter.watch()
    assert files.at_once == 1
    assert f"report {NAME} is stale" in world.pager.titles()


async def test_an_alarm_is_told_once_for_as_long_as_it_stands_even_without_a_disk() -> None:
    world, files = World(), Files(error="full")
    reporter = a_reporter(world, files, {})
    bad = Content(ReportStatus.FAIL, (), None, (Alarm("bad", "the first"),))
    worse = Content(
        ReportStatus.FAIL, (), None, (Alarm("bad", "the second"), Alarm("worse", "too"))
    )
    for content in (bad, bad, worse, OK, bad):
        reporter.put(NAME, content)
        await reporter.turn()
    assert world.pager.sent == [
        ("critical", "bad", "the first"),
        ("critical", "worse", "too"),
        ("critical", "bad", "the first"),
    ]


async def test_what_a_start_does_not_know_yet_is_looked_at_again_soon_and_later_not() -> None:
    world, files = World(), Files()
    reporter = a_reporter(world, files, {NAME: lambda: LACKING})
    with running(reporter.run):
        await asyncio.sleep(40)
        assert len(files.written) == 3
        await asyncio.sleep(600)
        files.written.clear()
        await asyncio.sleep(2 * (TERMS[NAME].interval_s or 0))
        assert len(files.written) == 2


async def test_two_turns_never_write_at_once() -> None:
    world, files = World(), Files()
    reporter = a_reporter(world, files)
    reporter.put(ReportName.WRITER, OK)
    await asyncio.gather(reporter.turn(), reporter.turn())
    assert [name for _, name, _, _ in files.written] == [NAME, ReportName.WRITER]


async def test_the_newest_written_one_can_be_asked_for() -> None:
    reporter = a_reporter(World(), Files())
    assert reporter.told(NAME) is None
    await reporter.turn()
    assert reporter.told(NAME) is OK
