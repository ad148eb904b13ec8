"""All reports of a daemon are written from its own parts, and a mistake in one ends no daemon."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.unit.config.support import loaded
from tests.unit.engine.world import POLICY, World, an_execution
from tests.unit.store.support import running, tampered
from trader.core import events as ev
from trader.core.comparison import RunRecord
from trader.core.ids import ExecId
from trader.core.reports.content import Content, ReportStatus
from trader.core.reports.table import REPORTS, TERMS, ReportName
from trader.engine.told.board import About, Board
from trader.ops.report_files import found_in
from trader.reports import Reports
from trader.store.journal import SqliteJournal


@dataclass
class Stage:
    """A daemon's parts around a real journal, and its reports."""

    world: World
    reports: Reports
    journal: SqliteJournal
    state: Path
    board: Board
    archived: list[RunRecord]

    def status(self, name: ReportName) -> str:
        found = found_in(self.state / TERMS[name].path)
        return found.problem or str(found.status)


@asynccontextmanager
async def staged(tmp_path: Path) -> AsyncIterator[Stage]:
    world = World()
    config = replace(loaded(tmp_path, state_dir=str(tmp_path)), policy=POLICY)
    async with running(config.journal_file) as journal:
        for recorded in world.journal.rows:
            journal.append(recorded)
        # The engine's own journal is in memory; from here on it writes a real one.
        world.ledger._journal = journal
        board = Board(
            world.services, journal=journal, link=world.link, runners=(), policy=POLICY,
            about=About("1", "USD"),
        )  # fmt: skip
        archived: list[RunRecord] = []
        world.reconciler.observe(archived.append)
        reports = Reports(config, world.services, board, {"GIT_SHA": "abc1234"})
        reports.connect(world.reconciler)
        stage = Stage(world, reports, journal, tmp_path, board, archived)
        yield stage


async def test_every_report_is_there_after_a_run_and_a_checkpoint(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.world.reconciler.run_once("timed orders")
        await stage.world.ledger.checkpoint()
        for look, name in (
            (stage.reports.integrity, ReportName.INTEGRITY),
            (stage.reports.sanity, ReportName.SANITY),
        ):
            content = await look()
            assert content is not None
            stage.reports.reporter.put(name, content)
        await stage.reports.reporter.turn()
        assert len(stage.archived) == 1
        assert {terms.name.value: stage.status(terms.name) for terms in REPORTS} == {
            "reconciliation": "ok",
            "exchange_snapshots": "ok",
            "parity": "insufficient_data",
            "portfolio_risk": "insufficient_data",
            "ops_db_writer": "pass",
            "ops_db": "insufficient_data",
            "event_store": "ok",
            "runtime_state": "ok",
        }
        assert {row.name: row.status for row in stage.board.status().reports}["event_store"] == "ok"


async def test_a_corrupt_row_turns_the_integrity_report_to_fail_and_calls_somebody(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path) as stage:
        await stage.world.ledger.durable(stage.world.ledger.seq)
        content = await stage.reports.integrity()
        assert content.status is ReportStatus.OK
        tampered(tmp_path / "journal.db", "UPDATE events SET payload = '{}' WHERE seq = 2")
        content = await stage.reports.integrity()
        assert content.status is ReportStatus.FAIL
        stage.reports.reporter.put(ReportName.INTEGRITY, content)
        assert stage.world.pager.titles() == ["the journal is not what was written"]


async def test_a_journal_that_cannot_be_read_fails_its_reports_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with staged(tmp_path) as stage:
        await stage.world.reconciler.run_once("timed orders")
        await stage.world.ledger.durable(stage.world.ledger.seq)
        stage.reports._journal_file = tmp_path / "gone.db"
        sanity = await stage.reports.sanity()
        assert sanity is not None
        assert sanity.status is ReportStatus.FAIL
        assert (await stage.reports.integrity()).status is ReportStatus.FAIL


async def test_executions_of_the_day_are_held_against_the_rows(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        world = stage.world
        assert await stage.reports.sanity() is None
        seen = an_execution(exec_id=ExecId("e.01.01"))
        world.ledger.record(ev.ExecutionSeen(seen))
        world.broker.word = lambda: world.mirror(executions=(seen,))
        await world.reconciler.run_once("timed orders")
        content = await stage.reports.sanity()
        assert content is not None
        assert (content.status, content.reasons) == (ReportStatus.PASS, ())
        lost = replace(seen, exec_id=ExecId("lost.01.01"))
        assert stage.reports.sources.snapshot is not None
        snapshot, at_s = stage.reports.sources.snapshot
        stage.reports.sources.snapshot = replace(snapshot, executions=(seen, lost)), at_s
        content = await stage.reports.sanity()
        assert content is not None
        assert content.status is ReportStatus.FAIL


async def test_a_mistake_in_a_report_ends_its_task_and_not_the_daemon(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        called = asyncio.Event()

        def broken() -> Content | None:
            asyncio.get_running_loop().call_soon(called.set)
            raise AssertionError("our bug")

        stage.reports.reporter._builders[ReportName.RISK] = broken
        stage.reports._begin("report-writer", stage.reports.reporter.run)
        await called.wait()
        await asyncio.sleep(0)
        (page,) = stage.world.pager.sent
        assert page[:2] == ("critical", "reports are not written")
        assert "AssertionError: our bug" in page[2]
        assert not stage.world.supervisor.root_ended.done()
        await stage.world.supervisor.stop()


async def test_the_end_writes_the_last_run_and_the_last_checkpoint(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.world.reconciler.run_once("drain")
        await stage.world.ledger.checkpoint()
        await stage.reports.finish()
        assert stage.status(ReportName.RECONCILIATION) == "ok"
        assert stage.status(ReportName.RUNTIME) == "ok"
        assert stage.world.pager.sent == []
        await stage.world.supervisor.stop()
