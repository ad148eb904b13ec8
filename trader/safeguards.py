"""The breakers with all that they are read from and all that asks them, tied together."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from trader.config import Configuration
from trader.config.session_terms import session_terms
from trader.core.comparison import RunRecord
from trader.core.drifts import sighting
from trader.core.halts import HaltCause
from trader.engine.acts.desk import Desk
from trader.engine.orders.bracket_watch import LOOK_S as BRACKETS_S
from trader.engine.orders.bracket_watch import BracketWatch
from trader.engine.orders.exit_watch import LOOK_S as EXITS_S
from trader.engine.orders.exit_watch import ExitWatch
from trader.engine.orders.gateway import OrderGateway
from trader.engine.orders.late_watch import LOOK_S as LATE_S
from trader.engine.orders.late_watch import LateWatch
from trader.engine.orders.retirement import LOOK_S as RETIREMENT_S
from trader.engine.orders.retirement import Retirement
from trader.engine.risk.action_reviews import LOOK_S as REVIEWS_S
from trader.engine.risk.action_reviews import ActionReviews
from trader.engine.risk.breaker_kill import BreakerKill
from trader.engine.risk.breakers import Breakers
from trader.engine.risk.equity import Equity
from trader.engine.risk.exposure import LOOK_S as EXPOSURE_S
from trader.engine.risk.exposure import Exposure
from trader.engine.risk.probes import Probes
from trader.engine.risk.readings import Readings
from trader.engine.risk.reducing import Reducing
from trader.engine.services import Services
from trader.engine.strategy.output_watch import LOOK_S as OUTPUTS_S
from trader.engine.strategy.output_watch import TASK as OUTPUTS
from trader.engine.strategy.output_watch import OutputWatch
from trader.engine.told.board import Board
from trader.engine.truth.account_log import LOOK_S as ACCOUNT_S
from trader.engine.truth.account_log import AccountLog
from trader.engine.truth.day_result import LOOK_S as RESULT_S
from trader.engine.truth.day_result import DayResult
from trader.engine.truth.inbox import Inbox
from trader.engine.truth.reconciler import Reconciler
from trader.ops.anchors import LOOK_S as ANCHORS_S
from trader.ops.anchors import AnchorLog
from trader.ops.breaker_log import BREAKERS_FILE_NAME, BreakerLog
from trader.ops.calendar_watch import CalendarWatch
from trader.ops.disk import free_share
from trader.ops.host_watch import LOOK_S as HOST_S
from trader.ops.host_watch import HostWatch
from trader.ops.hours_file import HOURS_FILE_NAME
from trader.ops.kept_watch import KeptWatch
from trader.ops.sentinel_watch import LOOK_S as SENTINEL_S
from trader.ops.sentinel_watch import SentinelSettings, SentinelWatch
from trader.ops.slo_log import SloLog
from trader.ports import JournalFailed
from trader.store.archives import archive_folder
from trader.wiring import result_settings, session_settings

# How long a stop waits for what was recorded last.
_DURABLE_S = 1.0
# Without these nobody compares, watches or settles: no new risk once one has not moved for so
# many seconds. Those that wait for the broker have room for a connect with every phase at its
# deadline.
_SAFETY_TASKS_S = {
    "kill-switch-watch": 10.0,
    "staleness-watch": 10.0,
    "watchdog": 10.0,
    "valuer": 10.0,
    "settler": 60.0,
    "link-watch": 180.0,
    "heartbeat": 180.0,
    "reconcile-demand": 180.0,
    "reconcile-orders": 180.0,
    "reconcile-positions": 180.0,
}


class Safeguards:
    """Built once, in the composition root."""

    def __init__(
        self, config: Configuration, services: Services, *, desk: Desk, board: Board
    ) -> None:
        settings, policy = config.settings, config.policy
        self._services, self._desk, self._policy = services, desk, policy
        self._reducing: Reducing | None = None
        self._equity = Equity(services, policy)
        self._probes = Probes(services, partial(free_share, settings.state_dir))
        self._readings = Readings(services, policy=policy, equity=self._equity, probes=self._probes)
        self.breakers = Breakers(
            services,
            policy=policy,
            equity=self._equity,
            readings=self._readings,
            desk=desk,
            audit=BreakerLog(settings.state_dir / "audit_logs" / BREAKERS_FILE_NAME).write,
        )
        self._kill = BreakerKill(
            services,
            desk=desk,
            killed=self.breakers.killed,
            forbidding_entries=self.breakers.forbidding_entries,
            must_flatten=policy.kill.must_flatten,
        )
        self._reviews = ActionReviews(services, policy=policy, desk=desk)
        board.actions = self._reviews.status
        watched = settings.sentinel
        self._sentinel = SentinelWatch(
            SentinelSettings(settings.state_dir, settings.mode, watched.silence_s, watched.check_s),
            services.clock,
            services.pager,
        )
        board.sentinel = self._sentinel.status
        kept = KeptWatch(
            config.journal_file, archive_folder(config.journal_file), services.pager
        ).look
        calendars = _watch_of_calendars(config, services).look
        drill = config.drill
        # Says of what is removed by itself where that does not go on.
        self.pressure: Callable[[], dict[str, str]] = dict
        self._host = HostWatch(
            services.clock,
            drill.names,
            drill.warnings,
            kept=lambda: kept() | calendars() | self.pressure(),
        )
        board.host = self._host.status
        self._readings.time_problem = self._host.time_problem
        self._tasks: list[str] = []
        self._exposure = Exposure(services, policy, self.breakers.outlook)
        board.exposure = self._exposure.status
        self._exits = ExitWatch(services)
        self._brackets = BracketWatch(services)
        services.ledger.observe(self._brackets.on_recorded)
        self._late = LateWatch(services, policy.order)
        self._account_log = AccountLog(services)
        self._retirement = Retirement(services, settings.history_days)
        self._result = DayResult(services, result_settings(config))
        board.result = self._result.status
        services.ledger.observe(self._result.on_recorded)
        self._outputs = _watch_of_outputs(services, board, settings.state_dir)
        book = services.ledger.book
        self._anchors = AnchorLog(settings.state_dir, services.clock, lambda: book.lineage)
        services.ledger.observe(self._readings.on_recorded)
        board.breakers = self.breakers.rows
        board.allocation = self.breakers.allocation
        board.blind = self._readings.blind.status

    def connect(self, reconciler: Reconciler, gateway: OrderGateway, inbox: Inbox) -> None:
        """Have every reconciliation told here, and every review know the market."""
        inbox.on_result = self._result.on_told
        self._reducing = reducing = Reducing(
            self._services,
            gateway=gateway,
            reconciler=reconciler,
            exposure=self._exposure,
            policy=self._policy,
            turn=self._desk.turn,
        )
        reducing.regime_doubt = self.breakers.regime_doubt
        self._exposure.automatic = reducing.automatic
        self._desk.reductions = reducing
        gateway.outlook = self.breakers.outlook
        self.breakers.strategies.cancel = self._exits.cancel = gateway.cancel
        self._brackets.cancel = gateway.cancel
        self._late.cancel, self._late.cancel_ghost = gateway.cancel, gateway.cancel_duplicate
        self._late.ghosts = reconciler.ghosts
        reconciler.observe(self.on_run)

    def on_run(self, record: RunRecord) -> None:
        """Take in what a reconciliation saw."""
        decision = record.decision
        if record.finished.problem or decision is None:
            self._readings.on_run(None, 0)
            return
        self._equity.on_snapshot(decision.question.snapshot)
        pending = frozenset(sighting(drift) for drift in decision.plan.pending)
        unseen = frozenset(sighting(drift) for drift in decision.plan.unseen)
        self._readings.on_run(pending, record.finished.ticket_count, unseen)

    def start(self) -> None:
        """Start their tasks."""
        supervisor = self._services.supervisor

        def start(name: str, work: Callable[[], Awaitable[None]]) -> None:
            self._tasks.append(name)
            supervisor.start(name, work)

        def every(name: str, interval_s: float, work: Callable[[], None]) -> None:
            start(name, lambda: supervisor.every(name, interval_s, work))

        every("action-reviews", REVIEWS_S, self._reviews.look)
        every("sentinel-watch", SENTINEL_S, self._sentinel.look)
        every("host-watch", HOST_S, self._host.look)
        start("journal-probe", self._probes.watch_journal)
        start("disk-probe", self._probes.watch_disk)
        start("breakers", self.breakers.run)
        start("breaker-kill", self._kill.run)
        every("exposure", EXPOSURE_S, self._exposure.look)
        if self._reducing is not None:
            start("reductions", self._reducing.run)
        every("account-log", ACCOUNT_S, self._account_log.look)
        every("retirement", RETIREMENT_S, self._retirement.look)
        every("day-result", RESULT_S, self._result.look)
        every("exit-watch", EXITS_S, self._exits.look)
        every("bracket-watch", BRACKETS_S, self._brackets.look)
        every(OUTPUTS, OUTPUTS_S, self._outputs.look)
        every("late-watch", LATE_S, self._late.look)
        every("chain-anchor", ANCHORS_S, self.anchor)
        self._services.guard.stalled = partial(supervisor.stalled, _SAFETY_TASKS_S)

    async def finish(self) -> None:
        """Note what holds, and end their tasks: nothing that they see is recorded any more."""
        self.breakers.note_posture()
        # Nothing can be sent by now, so that none of them is missed.
        self._services.guard.stalled = str
        await self._services.supervisor.stop(*self._tasks)
        # Who hands events on looks at what is durable.
        ledger = self._services.ledger
        with contextlib.suppress(JournalFailed, TimeoutError):
            async with asyncio.timeout(_DURABLE_S):
                await ledger.durable(ledger.seq)

    def anchor(self) -> None:
        """Write the head of the journal's chain down outside the journal.

        Not of one that the start did not believe, until a person does: what the anchors say last
        is what the next start looks at, and what finds the right journal right again.
        """
        ledger = self._services.ledger
        if HaltCause.JOURNAL_UNPROVEN not in ledger.book.halts:
            self._anchors.write(ledger.head)


def _watch_of_calendars(config: Configuration, services: Services) -> CalendarWatch:
    """Return what compares the broker's hours with the calendars that come with the program."""
    hours_file = config.settings.state_dir / HOURS_FILE_NAME
    calendars = session_settings(config).calendars
    return CalendarWatch(services, hours_file, session_terms(config), calendars)


def _watch_of_outputs(services: Services, board: Board, state_dir: Path) -> OutputWatch:
    """Return what looks at how fresh strategies and the review are, shown and written down."""
    watch = OutputWatch(services, board.runners, SloLog(state_dir).write)
    services.ledger.observe(watch.on_recorded)
    board.outputs, board.risk_age_s = watch.status, watch.risk_age_s
    return watch
