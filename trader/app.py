"""The composition root: builds every object once, in order, and runs the daemon.

The way up: lock, journal, restore, control port, connect, reconcile, then armed or halted and
inspectable. The way down is :mod:`trader.engine.acts.drain`.
"""

import asyncio
import os
import random
import secrets
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from trader import __version__
from trader.config import Configuration
from trader.core.book import Book
from trader.core.checkpoint import restored
from trader.core.events import ExecutionSeen
from trader.core.halts import HaltCause, Mode
from trader.core.ids import AccountId, Lineage
from trader.demo_arming import DemoArming
from trader.emergency.settings import reach_of
from trader.engine.acts.desk import Desk
from trader.engine.acts.drain import Drain, ExitCode
from trader.engine.acts.standing import StandingOrders
from trader.engine.boot import take_over
from trader.engine.guard import Guard
from trader.engine.ledger import Ledger
from trader.engine.link import FIRST_CONNECT, LinkWatch
from trader.engine.orders.door import OrderDoor
from trader.engine.orders.gateway import GatewaySettings, OrderGateway
from trader.engine.orders.order_rows import OrderRows
from trader.engine.pacer import LanePacer
from trader.engine.services import Services
from trader.engine.sessions import Sessions
from trader.engine.strategy.runner import StrategyRunner
from trader.engine.supervisor import Supervisor
from trader.engine.told.board import About, Board
from trader.engine.truth.inbox import Inbox
from trader.engine.truth.reconciler import Reconciler
from trader.engine.truth.settler import Settler
from trader.engine.valuer import INTERVAL_S as VALUER_INTERVAL_S
from trader.engine.valuer import Valuer
from trader.engine.watch import Watches
from trader.ibkr.broker import IbkrBroker
from trader.ibkr.veto import Veto
from trader.market_data import MarketData, market_hub
from trader.ops.audit import AUDIT_FILE_NAME
from trader.ops.clock import SystemClock
from trader.ops.control_token import (
    ENDPOINT_FILE_NAME,
    TOKEN_FILE_NAME,
    Endpoint,
    load_or_create,
    remove_endpoint,
    write_endpoint,
)
from trader.ops.emergency_history import events_of, executions_of, highest_used, shown
from trader.ops.emergency_record import EMERGENCY_FILE_NAME
from trader.ops.error_counts import ErrorCounts
from trader.ops.halt_file import HaltFile, HaltFileControl
from trader.ops.heartbeat import HEARTBEAT_FILE_NAME, Heartbeat, Phase
from trader.ops.http import HttpServer, HttpSettings, Served
from trader.ops.instance_lock import InstanceLock, journal_lock
from trader.ops.last_status import LAST_STATUS_FILE_NAME, write_status
from trader.ops.lock_wait import take_in_turn
from trader.ops.metrics import MetricsObserver, Sources
from trader.ops.notify import Notifier, watchdog_interval_s
from trader.ops.pager import LogPager
from trader.ops.reach import REACH_FILE_NAME, write_reach
from trader.ops.roles import TOKENS_FILE_NAME
from trader.ops.standing_file import StandingOrderFile
from trader.ops.standing_order import STANDING_FILE_NAME
from trader.ops.state_dir import audit_folder, writing_state
from trader.outlets import Outlets
from trader.ports import Clock, Pacer, Pager
from trader.proof import ChainWalk, journal_doubt
from trader.reports import Reports
from trader.safeguards import Safeguards
from trader.shadowing import shadowing_of
from trader.store.journal import SqliteJournal
from trader.store.runs import RUNS_FOLDER, RunArchive
from trader.wiring import (
    Deployment,
    broker_settings,
    deployments,
    drain_settings,
    guard_limits,
    link_settings,
    liquidation_settings,
    reconcile_settings,
    session_settings,
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class World:
    """What a daemon is built on, and what trades; a simulation hands in another one."""

    clock: Clock
    chance: random.Random
    environment: Mapping[str, str]
    pid: int
    deployments: Callable[[Configuration], tuple[Deployment, ...]] = deployments
    # Told of every log line; in the metrics.
    errors: ErrorCounts = field(default_factory=ErrorCounts)


def real_world(environment: Mapping[str, str], errors: ErrorCounts) -> World:
    """Return the world of a real process."""
    seed = secrets.randbits(64)
    return World(SystemClock(), random.Random(seed), environment, os.getpid(), errors=errors)


class Daemon:
    """Every object of one daemon, built once."""

    def __init__(
        self, config: Configuration, world: World, journal: SqliteJournal, book: Book
    ) -> None:
        settings = config.settings
        self._config = config
        self._world = world
        self.journal = journal
        # Shows outside that the event loop turns: the sentinel looks at it.
        self.show_life: Callable[[], None] | None = None
        clock = world.clock
        pages = audit_folder(settings.state_dir) / "pages.jsonl"
        pager = LogPager(clock, pages, may_turn_over=True)
        self._pages = pager.counts
        pacer = LanePacer(clock, settings.broker.messages_per_s, settings.broker.messages_burst)
        self.supervisor = Supervisor(clock)
        self.ledger = ledger = Ledger(book, journal, clock)
        self.guard = Guard(
            ledger=ledger,
            clock=clock,
            kill_switch=HaltFile(config.halt_file),
            pager=pager,
            mode=settings.mode,
            limits=guard_limits(config),
        )
        self.inbox, self.services = self._services(pacer, pager)
        self._build_engine()
        self._connect_parts(settings.state_dir)

    def _services(self, pacer: Pacer, pager: Pager) -> tuple[Inbox, Services]:
        config, clock = self._config, self._world.clock
        hub = market_hub(config, clock)
        inbox = Inbox(
            ledger=self.ledger,
            guard=self.guard,
            hub=hub,
            supervisor=self.supervisor,
            account=AccountId(config.settings.account),
        )
        sessions = Sessions(hub, clock, session_settings(config))
        valuer = Valuer(
            self.ledger.book,
            hub,
            clock,
            sessions=sessions,
            currency=config.settings.currency,
            exposure=config.policy.exposure,
        )
        broker = IbkrBroker(broker_settings(config), clock=clock, pacer=pacer, sink=inbox.put)
        broker.veto = Veto(self.guard.mode, HaltFile(config.halt_file), config.environment_halt)
        # An id that an emergency has used in our name is never given out again.
        broker.raise_order_ids(highest_used(self._emergency_file, broker.client_id))
        services = Services(
            clock=clock,
            supervisor=self.supervisor,
            ledger=self.ledger,
            guard=self.guard,
            hub=hub,
            valuer=valuer,
            sessions=sessions,
            broker=broker,
            pacer=pacer,
            pager=pager,
        )
        return inbox, services

    def _build_engine(self) -> None:
        config, services, clock = self._config, self.services, self._world.clock
        settings = config.settings
        self.gateway = OrderGateway(
            services,
            settings=GatewaySettings(settings.intent_deadline_s, config.policy),
        )
        self.reconciler = Reconciler(
            services, inbox=self.inbox, settings=reconcile_settings(config)
        )
        self.settler = Settler(
            services, inbox=self.inbox, reconciler=self.reconciler, policy=config.policy.order
        )
        self.link = LinkWatch(
            services,
            gateway=self.gateway,
            reconciler=self.reconciler,
            chance=self._world.chance,
            settings=link_settings(config),
        )
        self.desk = Desk(
            services,
            gateway=self.gateway,
            reconciler=self.reconciler,
            halt_control=HaltFileControl(config.halt_file, clock),
            settings=liquidation_settings(config),
        )
        file = StandingOrderFile(settings.state_dir / STANDING_FILE_NAME)
        self.standing = StandingOrders(services, gateway=self.gateway, desk=self.desk, file=file)
        self.drain = Drain(
            services,
            gateway=self.gateway,
            reconciler=self.reconciler,
            settings=drain_settings(config),
        )
        trading, chance = self._world.deployments(config), self._world.chance
        self.market = MarketData(config, services, [row.strategy for row in trading], chance)
        self.bars, self.gateway.bars_of = self.market.bars, self.market.gate.view
        shadow = shadowing_of(config, services, self.gateway, self.bars, self._world.deployments)
        self.shadowing = shadow
        self._real = self._runners(trading) if shadow is None or shadow.is_beside else ()
        self.runners = self._real or (shadow.runners if shadow is not None else ())
        self.board = Board(
            services,
            journal=self.journal,
            link=self.link,
            runners=self.runners,
            policy=config.policy,
            about=About(__version__, settings.currency),
        )
        self.board.emergency = shown(self._emergency_file)
        self.board.broken_counts = self.inbox.quarantine.broken_counts
        names = tuple(str(runner.strategy.name) for runner in self._real)
        told = Sources(clock.monotonic, self._world.errors, self._pages, names)
        self.metrics = MetricsObserver(self.board.status, told)
        self.watches = Watches(services, gateway=self.gateway, link=self.link, desk=self.desk)
        self.safeguards = Safeguards(config, services, desk=self.desk, board=self.board)
        self.board.data, self.board.bars = self.market.status, self.market.gate.status
        self.outlets = Outlets(
            config, services, self.journal, chance=chance, board=self.board, bars=self.bars
        )
        self.safeguards.pressure = self.outlets.housekeeping.pressure
        self.reports = Reports(config, services, self.board, self._world.environment)

    @property
    def _emergency_file(self) -> Path:
        return self._config.settings.state_dir / EMERGENCY_FILE_NAME

    def _connect_parts(self, state_dir: Path) -> None:
        """Tie the callbacks; the observers see each event in this order."""
        self.inbox.wake_reconciler = self.reconciler.wake
        self.inbox.on_link_word = self.link.on_word
        self.inbox.on_account = self.services.valuer.on_account
        self.safeguards.connect(self.reconciler, self.gateway, self.inbox)
        self.reconciler.observe(RunArchive(state_dir / RUNS_FOLDER, __version__).write)
        self.reports.connect(self.reconciler)
        self.gateway.answers.observe = self.metrics.observe_latency
        self.gateway.answers.on_reuse = self.metrics.observe_reuse
        self.gateway.offset_of = self.reconciler.offset_of
        self.ledger.observe(self.services.valuer.on_recorded)
        self.ledger.observe(self.gateway.on_recorded)
        self.ledger.observe(self.metrics.observe)
        self.ledger.observe(self.board.on_recorded)
        for runner in self._real:
            self.ledger.observe(runner.on_recorded)
            self.bars.follow(runner.on_bar)

    def _runners(self, trading: tuple[Deployment, ...]) -> tuple[StrategyRunner, ...]:
        services, gateway, bars = self.services, self.gateway, self.bars
        return tuple(row.runner(StrategyRunner, services, gateway, bars) for row in trading)

    # ---- running

    async def serve(self) -> ExitCode:
        """Run until a signal or the end of a root task; returns the exit code.

        Raises WorldError, with every task ended, when it cannot begin: the control port is taken.
        """
        self.supervisor.start("journal-writer", self.journal.run)
        try:
            await self._take_over()
            http = await self._start_http()
            try:
                return await self._serve_until_end()
            finally:
                remove_endpoint(self._config.settings.state_dir / ENDPOINT_FILE_NAME)
                await http.stop()
        finally:
            # The journal's writer is one of them, and nobody else would ever end it.
            await self.supervisor.stop()

    async def _take_over(self) -> None:
        settings = self._config.settings
        doubt = await journal_doubt(self.journal, self.ledger.book, settings.state_dir)
        asked = take_over(
            self.ledger,
            lineage=Lineage(f"{self._world.chance.getrandbits(30):06x}"[-6:]),
            version=__version__,
            mode=settings.mode,
            account=AccountId(settings.account),
            strategies=tuple(runner.strategy.name for runner in self.runners),
        )
        if doubt:
            self.guard.latch(HaltCause.JOURNAL_UNPROVEN, doubt, by="start")
        self._take_in_emergency(settings.state_dir)
        await self.ledger.durable(self.ledger.seq)
        log.info("journal open", seq=self.ledger.seq, orders_to_ask_about=len(asked))

    def _take_in_emergency(self, state_dir: Path) -> None:
        """Book what was executed without the daemon, and leave behind how to do it again."""
        book = self.ledger.book
        assert book.lineage is not None, "the journal was just taken over"
        self.desk.before_baseline = executions_of(self._emergency_file, *book.lineages)
        if book.account is not None:
            for known in events_of(self._emergency_file, *book.lineages):
                self.ledger.note(known)
            for execution in self.desk.before_baseline:
                self.inbox.note_execution(ExecutionSeen(execution))
        with writing_state():
            write_reach(state_dir / REACH_FILE_NAME, reach_of(self._config, book.lineage))

    async def _serve_until_end(self) -> ExitCode:
        stopped = self._catch_signals()
        self._catch_strays()
        notifier = Notifier(self._world.environment)
        self._start_tasks(notifier)
        notifier.ready()
        reason, failure = await self._until_end(stopped)
        notifier.stopping()
        return await self._go_down(reason, failure)

    async def _go_down(self, reason: str, failure: ExitCode | None) -> ExitCode:
        for runner in self.runners:
            runner.is_stopping = True
        code = await self.drain.run(reason, failure)
        # What is recorded behind the last handing over would wait for the next start.
        await self.safeguards.finish()
        await self.outlets.finish()
        await self.reports.finish()
        write_status(self._config.settings.state_dir / LAST_STATUS_FILE_NAME, self.board.status())
        log.info("stopped", reason=reason, exit_code=int(code))
        return code

    async def _until_end(self, stopped: "asyncio.Future[str]") -> tuple[str, ExitCode | None]:
        ends: tuple[asyncio.Future[Any], ...] = (stopped, self.supervisor.root_ended)
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if stopped.done():
            return stopped.result(), None
        root = self.supervisor.root_ended.result()
        log.error("root task ended", task=root.name, problem=root.problem)
        if root.name == FIRST_CONNECT:
            return f"no broker: {root.problem}", ExitCode.NO_BROKER
        if root.name != "journal-writer":
            self.guard.latch(HaltCause.INVARIANT, f"{root.name}: {root.problem}", by="supervisor")
        return f"root task {root.name} ended: {root.problem}", ExitCode.HALTED_BY_INVARIANT

    def _catch_strays(self) -> None:
        """Make an error that no task and no handler took our bug: halt, and go down."""

        def on_stray(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
            problem = f"{context.get('message')}: {context.get('exception')!r}"
            if isinstance(context.get("exception"), OSError):
                log.warning("a connection broke", problem=problem)  # a browser went away
                return
            self.guard.latch(HaltCause.INVARIANT, problem, by="event loop")
            self.supervisor.end_daemon("event loop", problem)

        asyncio.get_running_loop().set_exception_handler(on_stray)

    def _catch_signals(self) -> "asyncio.Future[str]":
        loop = asyncio.get_running_loop()
        stopped: asyncio.Future[str] = loop.create_future()

        def on_signal(name: str) -> None:
            # The gate shuts in the handler itself: no order leaves after the signal was seen.
            self.drain.shut_gate(name)
            if not stopped.done():
                stopped.set_result(name)

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, on_signal, number.name)
        return stopped

    async def _start_http(self) -> HttpServer:
        settings = self._config.settings
        token_file = settings.state_dir / TOKEN_FILE_NAME
        with writing_state():
            token = load_or_create(token_file)
        served = Served(
            status=self.board.status,
            desk=self.desk,
            metrics=self.metrics,
            door=OrderDoor(self.services, self.gateway),
            orders=OrderRows(self.ledger.book),
        )
        http = HttpServer(
            served,
            self._world.clock,
            HttpSettings(
                tokens_file=settings.state_dir / TOKENS_FILE_NAME,
                audit_file=audit_folder(settings.state_dir) / AUDIT_FILE_NAME,
                host=settings.control.host,
                port=settings.control.port,
                token=token,
            ),
        )
        port = await http.start()
        endpoint = Endpoint(
            host=settings.control.host,
            port=port,
            token_file=token_file,
            pid=self._world.pid,
            halt_file=self._config.halt_file,
        )
        with writing_state():
            write_endpoint(settings.state_dir / ENDPOINT_FILE_NAME, endpoint)
        log.info("control port", host=settings.control.host, port=port)
        return http

    def _start_tasks(self, notifier: Notifier) -> None:
        settings, start = self._config.settings, self.supervisor.start
        reconcile = settings.reconcile
        doubt = partial(self.guard.latch, HaltCause.JOURNAL_UNPROVEN, by="chain-walk")
        start("chain-walk", ChainWalk(self.journal, self._world.clock, doubt).run)
        start("inbox", self.inbox.run)
        start("link-watch", self.link.run)
        start("heartbeat", self.link.beat)
        start("reconcile-demand", self.reconciler.run_on_demand)
        start("settler", self.settler.run)
        timed = self.reconciler.run_timed
        start("reconcile-orders", lambda: timed("orders", reconcile.orders_interval_s))
        start("reconcile-positions", lambda: timed("positions", reconcile.positions_interval_s))
        start("checkpoint", lambda: self.watches.checkpoint(settings.checkpoint_interval_s))
        start("kill-switch-watch", self.watches.kill_switch)
        start("standing-order", self.standing.run)
        start("staleness-watch", self.watches.staleness)
        self.safeguards.start()
        self.outlets.start()
        self.reports.start()
        self.market.start()
        refresh = self.services.valuer.refresh
        start("valuer", lambda: self.supervisor.every("valuer", VALUER_INTERVAL_S, refresh))
        start("equity", lambda: self.supervisor.every("equity", 1.0, self.board.sample_equity))
        interval_s = watchdog_interval_s(self._world.environment, self._world.pid)
        tell = notifier.watchdog
        start("watchdog", lambda: self.watches.watchdog(tell, interval_s, self.show_life))
        if self.shadowing is not None:
            self.shadowing.start(self.board)
        for runner in self._real:
            runner.start()
        if settings.mode is Mode.DEMO:
            arming = DemoArming(self.services, self.desk, self._config.halt_file)
            self.link.on_connected = arming.run


async def run_daemon(config: Configuration, world: World) -> ExitCode:
    """Open the journal, build the daemon, serve, close; raises WorldError if it cannot start."""
    lock = InstanceLock(config.settings.state_dir / "lock")
    await take_in_turn(lock, world.pid, world.clock, Notifier(world.environment))
    heart = Heartbeat(config.settings.state_dir / HEARTBEAT_FILE_NAME, world.pid)
    own_journal = journal_lock(config.journal_file)
    try:
        heart.beat(Phase.STARTING)
        own_journal.take(world.pid)
        journal = await SqliteJournal.open(config.journal_file, world.clock)
        try:
            daemon = Daemon(config, world, journal, await restore(journal))
            daemon.show_life = heart.beat
            code = await daemon.serve()
        finally:
            await journal.close()
        daemon.safeguards.anchor()
        heart.beat(Phase.ENDED, int(code))
        return code
    finally:
        heart.close()
        own_journal.release()
        lock.release()


async def restore(journal: SqliteJournal) -> Book:
    """Return the book that a journal holds: its newest checkpoint and the events after it."""
    loaded = await journal.load()
    for text in loaded.skipped:
        log.warning("checkpoint skipped", problem=text)
    book = restored(loaded.state) if loaded.state is not None else Book()
    async for recorded in loaded.events:
        book.apply(recorded)
    return book
