"""The periodic reports with all that they are decided from and all that writes them, tied together.

What they say is decided in :mod:`trader.core.reports`. Nothing here is in the way of an order, and
a mistake in it ends its own task and not the daemon: somebody is called, and the reports grow old.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog

from trader import __version__
from trader.config import Configuration
from trader.core.reports.content import Content, ReportStatus
from trader.core.reports.integrity import integrity_content
from trader.core.reports.ledger import Day, sanity_content
from trader.core.reports.table import (
    INTEGRITY_FOLDER,
    SNAPSHOTS_DAILY,
    SNAPSHOTS_FULL,
    TERMS,
    ReportName,
)
from trader.engine.services import Services
from trader.engine.supervisor import Ended
from trader.engine.told.board import Board
from trader.engine.told.report_sources import ReportSources
from trader.engine.told.reporter import Identity, Reporter
from trader.engine.truth.reconciler import Reconciler
from trader.ops.build import git_sha
from trader.ops.report_files import ReportFiles, body_of
from trader.store.day_rows import day_rows
from trader.store.integrity import Resumed, Walker, resumed_from
from trader.store.rows import JournalUnusable

log = structlog.get_logger(__name__)

WATCH_S = 5.0
# Before the first reconciliation there is nothing to hold the rows against.
_NOT_YET_S = 5.0
# One look at the rows; where it was cut off the next one goes on.
_LOOK_S_MAX = 240.0
_DISK_S = 10.0
# On the way down nobody waits longer for them.
_LAST_S = 2.0

Look = Callable[[], Awaitable[Content | None]]


class Reports:
    """Built once, in the composition root."""

    def __init__(
        self,
        config: Configuration,
        services: Services,
        board: Board,
        environment: Mapping[str, str],
    ) -> None:
        settings = config.settings
        self._services = services
        self._journal_file = config.journal_file
        self._state_dir = settings.state_dir
        kept = settings.retention
        days_of = {
            SNAPSHOTS_FULL: kept.snapshots_days,
            SNAPSHOTS_DAILY: kept.reports_days,
            INTEGRITY_FOLDER: kept.reports_days,
        }
        self._files = ReportFiles(settings.state_dir, days_of)
        self._walker: Walker | None = None
        self.sources = ReportSources(
            services,
            board,
            recurrent_runs=settings.reports.recurrent_runs,
            insufficient_runs=settings.reports.insufficient_runs,
        )
        self.reporter = Reporter(
            services,
            identity=Identity(settings.account, __version__, git_sha(environment)),
            write=self._files.write,
            builders={
                ReportName.RECONCILIATION: self.sources.reconciliation_report,
                ReportName.RUNTIME: self.sources.runtime_report,
                ReportName.SNAPSHOT: self.sources.snapshot_report,
                ReportName.PARITY: self.sources.parity_report,
                ReportName.RISK: self.sources.risk_report,
                ReportName.WRITER: self.sources.writer_report,
            },
        )
        self.sources.fills_status = self._fills_status
        board.reports = self.reporter.status

    def connect(self, reconciler: Reconciler) -> None:
        """Have every reconciliation and every checkpoint told here as well."""
        reconciler.observe(self.sources.on_run)
        self._services.ledger.on_checkpoint = self.sources.on_checkpoint

    def start(self) -> None:
        """Start their tasks."""
        supervisor, watch = self._services.supervisor, self.reporter.watch
        self._begin("reports", lambda: supervisor.every("reports", WATCH_S, watch))
        self._begin("report-writer", self.reporter.run)
        self._begin("report-integrity", lambda: self._rounds(ReportName.INTEGRITY, self.integrity))
        self._begin("report-sanity", lambda: self._rounds(ReportName.SANITY, self.sanity))

    def _begin(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        self._services.supervisor.start(name, work, self._on_failure)

    def _on_failure(self, ended: Ended) -> None:
        text = f"task {ended.name}: {ended.problem}; the daemon goes on without it"
        self._services.pager.page("critical", "reports are not written", text)

    async def finish(self) -> None:
        """Write what still waits at the end: the last reconciliation, the last checkpoint."""
        is_over = asyncio.Event()

        async def write() -> None:
            await self.reporter.turn()

        self._services.supervisor.start("report-last", write, lambda ended: is_over.set())
        try:
            async with asyncio.timeout(_LAST_S):
                await is_over.wait()
        except TimeoutError:
            log.warning("the last reports are not written")

    async def _rounds(self, name: ReportName, look: Look) -> None:
        while True:
            content = await look()
            if content is not None:
                self.reporter.put(name, content)
            pause_s = _NOT_YET_S if content is None else self.reporter.pause_s(name, content)
            await self._services.clock.sleep(pause_s)

    # ---- looking at the rows

    async def integrity(self) -> Content:
        """Look at the journal's rows; returns what the report says."""
        walker = self._walker = self._walker or self._first_walker()
        problem = ""
        try:
            async with asyncio.timeout(_LOOK_S_MAX):
                await walker.look(self._services.ledger.head)
        except JournalUnusable as error:
            problem = str(error)
        except TimeoutError:
            problem = f"the rows were not read within {_LOOK_S_MAX:g} s"
        head = self._services.ledger.head
        return integrity_content(
            walker.flaws,
            walker.coverage(),
            head=(head.seq, head.digest),
            problem=problem,
            now_utc=self._services.clock.utc(),
        )

    def _first_walker(self) -> Walker:
        book = self._services.ledger.book
        return Walker(self._journal_file, self._services.clock, book, self._resumed())

    def _resumed(self) -> Resumed | None:
        """Find how far the last process had come; without it all is looked at from the start."""
        path = self._state_dir / TERMS[ReportName.INTEGRITY].path
        try:
            body = body_of(path)
        except (OSError, ValueError) as error:
            log.warning("the last integrity report says nothing", problem=str(error))
            return None
        return (
            None if body is None else resumed_from(body, self._services.ledger.book.lineage or "")
        )

    async def sanity(self) -> Content | None:
        """Hold the day's rows against the broker's list; None before there is a list."""
        taken, ledger, clock = self.sources.snapshot, self._services.ledger, self._services.clock
        if taken is None:
            return None
        snapshot, at_s = taken
        # What the same reconciliation has recorded must be in the rows before they are read.
        problem = await ledger.made_durable(clock.monotonic() + _DISK_S)
        if problem is not None:
            return sanity_content(None, problem)
        try:
            rows = await day_rows(self._journal_file, snapshot.window_utc)
        except JournalUnusable as error:
            return sanity_content(None, str(error))
        own = (row for row in snapshot.executions if row.account == snapshot.account)
        day = Day(
            since_utc=snapshot.window_utc,
            executions=tuple(row.exec_id for row in own),
            rows=rows.counts,
            recorded=rows.executions,
            row_count=rows.row_count,
            baselined=frozenset(ledger.book.baselined_fills),
        )
        return sanity_content(day, age_s=clock.monotonic() - at_s)

    def _fills_status(self) -> ReportStatus | None:
        told = self.reporter.told(ReportName.SANITY)
        return None if told is None else told.status
