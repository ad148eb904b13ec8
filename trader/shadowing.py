"""The shadow of a living daemon: strategies on the same ticks, in a compartment without a broker.

In mode shadow it takes the place of the real strategies; with ``shadow.beside`` a second set of
them trades there beside those that are real. Nothing of it reaches the daemon's book, its results
or its reconciliation, and every decision is a line in a file, for ``trader shadow``.
"""

from collections.abc import Callable
from dataclasses import replace

import structlog

from trader import __version__
from trader.config import Configuration
from trader.core.amounts import ZERO
from trader.core.decisions import Row
from trader.core.halts import HaltCause, Mode, Restraint
from trader.core.ids import SHADOW
from trader.core.moments import microseconds_of
from trader.core.regime import Outlook
from trader.engine.market.bar_keeper import BarKeeper
from trader.engine.orders.gateway import OrderGateway
from trader.engine.services import Services
from trader.engine.shadow_status import ShadowStatus
from trader.engine.strategy.decision_log import DecisionLog
from trader.engine.strategy.runner import StrategyRunner
from trader.engine.strategy.shadow import Shadow, Surroundings
from trader.engine.supervisor import Ended
from trader.engine.told.board import Board
from trader.ops.json_lines import append_turning
from trader.wiring import Deployment, shadow_terms

log = structlog.get_logger(__name__)

SHADOW_FOLDER_NAME = "shadow"
DECISIONS_FILE_NAME = "decisions.jsonl"
ALIVE_TASK = "shadow-record"
ALIVE_S = 30.0


class ShadowRunner(StrategyRunner):
    """A strategy's task in the compartment; beside it the real one may run under its own name."""

    @property
    def task_name(self) -> str:
        """Return the name of the task."""
        return f"shadow:{self.strategy.name}"


class Shadowing:
    """Built once, in the composition root; the strategies are of its own making."""

    def __init__(
        self,
        config: Configuration,
        services: Services,
        gateway: OrderGateway,
        bars: BarKeeper,
        deployments: tuple[Deployment, ...],
    ) -> None:
        self._services = services
        self._terms = shadow_terms(config, SHADOW)
        self._path = config.settings.state_dir / SHADOW_FOLDER_NAME / DECISIONS_FILE_NAME
        self._mode, self._account = config.settings.mode, config.settings.account
        self._file_problem = ""
        around = Surroundings(
            services.clock, services.supervisor, services.hub, services.sessions, services.pager
        )
        self.shadow = shadow = Shadow(around, self._terms, __version__)
        shadow.follow(self._restraint, self._is_up)
        self._gateway = gateway
        shadow.gateway.outlook = self._outlook
        shadow.gateway.bars_of = gateway.bars_of
        self._log = DecisionLog(shadow.services, self._put)
        shadow.ledger.observe(self._log.on_recorded)
        runners = tuple(
            row.runner(ShadowRunner, shadow.services, shadow.gateway, bars) for row in deployments
        )
        for runner in runners:
            shadow.ledger.observe(runner.on_recorded)
            bars.follow(runner.on_bar)
        self.is_beside = config.settings.mode is not Mode.SHADOW
        self.runners = runners

    def start(self, board: Board) -> None:
        """Start the compartment and its strategies, and show them."""
        board.shadow = self.status
        self._put(self._begin())
        self.shadow.start()
        for runner in self.runners:
            runner.start()
        self._services.supervisor.start(ALIVE_TASK, self._live, self._on_end)

    def _begin(self) -> Row:
        """Return what a record begins with: whose market it is of, and which strategies decide."""
        return {
            "kind": "begin",
            "at_us": self._at_us(),
            "program": __version__,
            "mode": str(self._mode),
            "account": self._account,
            "strategies": " ".join(str(row.strategy.name) for row in self.runners),
        }

    async def _live(self) -> None:
        try:
            await self._services.supervisor.every(ALIVE_TASK, ALIVE_S, self._put_alive)
        finally:
            # On the way down: until here it was there.
            self._put_alive()

    def _put_alive(self) -> None:
        # Who decides nothing for an hour is told from who was not there by these rows alone.
        if not self.shadow.problem:
            self._put({"kind": "alive", "at_us": self._at_us()})

    def _on_end(self, ended: Ended) -> None:
        text = f"{ended.name}: {ended.problem}; nothing else is touched by it"
        self._services.pager.page("warning", "the shadow no longer says that it lives", text)

    def _at_us(self) -> int:
        return microseconds_of(self._services.clock.utc())

    def status(self) -> ShadowStatus:
        """Return what it has come to."""
        book = self.shadow.ledger.book
        valuation = self.shadow.services.valuer.current()
        problems = [self.shadow.problem, self._file_problem]
        problems += [f"{row.strategy.name}: {row.problem}" for row in self.runners if row.problem]
        return ShadowStatus(
            is_beside=self.is_beside,
            strategies=tuple(str(row.strategy.name) for row in self.runners),
            problem="; ".join(text for text in problems if text),
            decisions=tuple(sorted(self._log.counts.items())),
            working_count=len(book.live_orders),
            positions=tuple(
                (row.symbol, row.quantity)
                for row in book.positions.values()
                if row.quantity != ZERO
            ),
            value=None if valuation is None or valuation.missing else valuation.nav,
            began_with=self._terms.cash,
            place=str(self._path),
        )

    def _restraint(self) -> Restraint:
        """Return all that holds the daemon back: what it may not do, its shadow does not either."""
        guard = self._services.guard
        asked = guard.restraint()
        return replace(asked, causes=guard.causes(), restrictions=guard.restrictions())

    def _outlook(self) -> Outlook:
        # Asked each time: the daemon's gateway is told of the market later than this is made.
        return self._gateway.outlook()

    def _is_up(self) -> bool:
        guard = self._services.guard
        return self._services.broker.is_connected and not guard.has(HaltCause.UPSTREAM)

    def _put(self, row: Row) -> None:
        try:
            append_turning(self._path, row)
        except OSError as error:
            problem = f"{self._path}: {error.strerror or error}"
            if not self._file_problem:
                log.warning("decisions are not written", problem=problem)
                self._services.pager.page("warning", "decisions of the shadow are lost", problem)
            self._file_problem = problem
            return
        self._file_problem = ""


def shadowing_of(
    config: Configuration,
    services: Services,
    gateway: OrderGateway,
    bars: BarKeeper,
    deployments: Callable[[Configuration], tuple[Deployment, ...]],
) -> Shadowing | None:
    """Return the shadow of a daemon, or None where the settings want none."""
    settings = config.settings
    if settings.mode is Mode.SHADOW or settings.shadow.beside:
        return Shadowing(config, services, gateway, bars, deployments(config))
    return None
