"""Writes the periodic reports in turn, and calls somebody for one that is stale or says it must.

One write at a time, beside the loop: a disk that does not answer makes reports old, and holds
nobody up. Whether they are old is looked at by another task, which such a disk does not stop. What
a report has to say to a person is said before it is written, and once for as long as it stands.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from trader.core.reports.content import Content, ReportStatus, Stamp, evidence_of
from trader.core.reports.freshness import is_stale
from trader.core.reports.table import REPORTS, TERMS, ReportName, Terms
from trader.engine.report_rows import ReportRow
from trader.engine.services import Services
from trader.ports import WorldError

log = structlog.get_logger(__name__)

LOOK_S = 1.0
# What could not be written is tried again so soon, or at its own interval if that is shorter.
_AGAIN_S = 30.0
# A start knows little; so long, what lacked data is looked at again so soon.
_YOUNG_S = 300.0
_SOON_S = 15.0
# So long may a report fail to be written before somebody is called.
UNWRITTEN_S_MAX = 120.0
_REASONS_MAX = 5

# Writes one report and its copies; raises WorldError.
Write = Callable[[Terms, Stamp, Content], Awaitable[None]]
# Says what a report has to say now, or None while there is nothing new.
Build = Callable[[], Content | None]


@dataclass(frozen=True, slots=True)
class Identity:
    """What stands in every report and does not change while the process lives."""

    account: str
    version: str
    git_sha: str


@dataclass(slots=True)
class _Standing:
    """Where one report is; monotonic seconds."""

    due_s: float = float("-inf")
    # What waits to be written, and when it was put there.
    waiting: tuple[Content, float] | None = None
    # Of when the subject of the newest one is.
    as_of_s: float | None = None
    told: Content | None = None
    problem: str = ""
    failing_since_s: float | None = None
    alarms: tuple[str, ...] = field(default=())


class Reporter:
    """The desk of the reports: what is due is built, said and written."""

    def __init__(
        self,
        services: Services,
        *,
        identity: Identity,
        write: Write,
        builders: Mapping[ReportName, Build],
    ) -> None:
        self._clock = services.clock
        self._supervisor = services.supervisor
        self._ledger = services.ledger
        self._guard = services.guard
        self._pager = services.pager
        self._identity = identity
        self._write = write
        self._builders = dict(builders)
        self._started_s = services.clock.monotonic()
        self._standings = {terms.name: _Standing() for terms in REPORTS}
        # One file has one writer at a time.
        self._turn = asyncio.Lock()
        # What somebody was called for by the watch, until it is over.
        self._called: dict[str, None] = {}

    def put(self, name: ReportName, content: Content) -> None:
        """Have a report written soon; a newer one takes the place of what still waits."""
        self._call_for(self._standings[name], content)
        self._standings[name].waiting = (content, self._clock.monotonic())

    async def run(self) -> None:
        """Write what is due, for ever."""
        while True:
            await self.turn()
            await self._clock.sleep(LOOK_S)

    async def turn(self) -> None:
        """Write everything that is due now, one after the other."""
        async with self._turn:
            for terms in REPORTS:
                standing = self._standings[terms.name]
                if self._clock.monotonic() < standing.due_s:
                    continue
                build = self._builders.get(terms.name)
                content = build() if build is not None else None
                if content is not None:
                    self.put(terms.name, content)
                if standing.waiting is not None:
                    await self._written(terms, standing)

    async def _written(self, terms: Terms, standing: _Standing) -> None:
        assert standing.waiting is not None
        waiting = content, put_s = standing.waiting
        try:
            await self._write(terms, self._stamp(terms, content, put_s), content)
        except WorldError as error:
            now_s = self._clock.monotonic()
            if not standing.problem:
                log.warning("report not written", report=terms.name, problem=str(error))
                standing.failing_since_s = now_s
            standing.problem = str(error) or type(error).__name__
            standing.due_s = now_s + min(terms.interval_s or _AGAIN_S, _AGAIN_S)
            return
        if standing.waiting is waiting:
            standing.waiting = None
        standing.problem, standing.failing_since_s = "", None
        standing.as_of_s, standing.told = put_s - content.age_s, content
        # What is looked for elsewhere, or written when it happens, is never kept waiting.
        is_timed = terms.name in self._builders and terms.interval_s is not None
        standing.due_s = put_s + (self.pause_s(terms.name, content) if is_timed else 0.0)

    def pause_s(self, name: ReportName, content: Content) -> float:
        """Return when to look anew: of what the first minutes do not know yet, sooner."""
        interval_s = TERMS[name].interval_s or 0.0
        is_young = self._clock.monotonic() - self._started_s < _YOUNG_S
        lacks = content.status is ReportStatus.INSUFFICIENT
        return min(interval_s, _SOON_S) if lacks and is_young else interval_s

    def _stamp(self, terms: Terms, content: Content, put_s: float) -> Stamp:
        now_utc, identity, book = self._clock.utc(), self._identity, self._ledger.book
        age_s = self._clock.monotonic() - put_s + content.age_s
        account = str(book.account or identity.account)
        return Stamp(
            report=terms.name,
            status=content.status,
            reasons=content.reasons,
            as_of_utc=now_utc - timedelta(seconds=age_s),
            written_utc=now_utc,
            age_s_max=terms.age_s_max,
            account=account,
            mode=self._guard.mode,
            evidence=evidence_of(self._guard.mode, account),
            lineage=book.lineage or "",
            seq=book.seq,
            version=identity.version,
            git_sha=identity.git_sha,
        )

    # ---- calling somebody

    def _call_for(self, standing: _Standing, content: Content) -> None:
        for alarm in content.alarms:
            if alarm.title not in standing.alarms:
                self._pager.page("critical", alarm.title, alarm.text)
        standing.alarms = tuple(alarm.title for alarm in content.alarms)

    def watch(self) -> None:
        """Call somebody, once each, for what is stale, missing or cannot be written."""
        for row in self.status():
            standing, name = self._standings[ReportName(row.name)], row.name
            since_s = standing.failing_since_s
            failing_s = 0.0 if since_s is None else self._clock.monotonic() - since_s
            text = f"{row.path}: {row.problem}"
            self._call_once(f"report {name} cannot be written", text, failing_s > UNWRITTEN_S_MAX)
            age = "never written" if row.age_s is None else f"{row.age_s:.0f} s old"
            text = f"{row.path} is {age}, allowed {row.age_s_max or 0:g} s"
            self._call_once(f"report {name} is stale", text, row.is_stale)

    def _call_once(self, title: str, text: str, is_wrong: bool) -> None:
        if not is_wrong and title in self._called:
            del self._called[title]
            log.info("over", what=title)
        elif is_wrong and title not in self._called:
            self._called[title] = None
            self._pager.page("warning", title, text)

    # ---- for others to see

    def status(self) -> tuple[ReportRow, ...]:
        """Return every report; one that was never written is as old as this process."""
        now_s = self._clock.monotonic()
        return tuple(self._row(terms, self._standings[terms.name], now_s) for terms in REPORTS)

    def _row(self, terms: Terms, standing: _Standing, now_s: float) -> ReportRow:
        told = standing.told
        since_s = self._started_s if standing.as_of_s is None else standing.as_of_s
        return ReportRow(
            name=terms.name.value,
            path=terms.path,
            status="" if told is None else told.status.value,
            age_s=None if standing.as_of_s is None else now_s - standing.as_of_s,
            age_s_max=terms.age_s_max,
            is_stale=is_stale(now_s - since_s, terms.age_s_max),
            problem=standing.problem,
            reasons=() if told is None else told.reasons[:_REASONS_MAX],
        )

    def told(self, name: ReportName) -> Content | None:
        """Return what the newest written report says."""
        assert name in TERMS
        return self._standings[name].told
