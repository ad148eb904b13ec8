"""One long day under virtual time: heavy flow and no faults, to see what grows.

The daemon is the production one, at the pace of production; only its book forgets after hours
instead of days, so that forgetting is part of the day. The disk is a real one: a journal in memory
would be the largest thing that grows. The garbage collector is on, as in production, and every
sample is taken behind a full collection. The link breaks once an hour, and the gateway restarts at
midnight.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

from tests.simulation import operating
from tests.simulation.loop import Deadlock, Livelock
from tests.simulation.run import Child
from tests.simulation.settings import ACCOUNT, PORT, ROOT, configuration
from tests.simulation.strategy import DrawnStrategy
from tests.simulation.weigh import Scales, Weight
from tests.simulation.world import SimulatedWorld
from trader.app import Daemon
from trader.config import Configuration
from trader.engine.strategy.runner import RunnerSettings
from trader.sim.broker.floor.trades import Trades
from trader.sim.broker.orders.register import Register
from trader.sim.gateway.orders import owned
from trader.sim.host import keeper
from trader.sim.model.orders import Execution, Order
from trader.sim.settings import Settings
from trader.wiring import Deployment

_HOUR_S = 3600.0
_LOOK_S = 30.0
# When the link breaks, counted from the full hour: between two samples.
_BREAK_S = 400.0
_STATE = Path("state")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
# How long the book remembers here, and how far back the broker tells executions: it must not tell
# what the book has let go.
HISTORY_H = 0.5
_TOLD_S = 300.0
_PACE = 0.9
_LOOK_INTERVAL_S = 1.0
# By the first part of the name below the state directory.
CLASSES = {
    "journal.db": "journal",
    "journal.db-wal": "log of the journal",
    "journal.db-shm": "log of the journal",
    "outbox": "streams",
    "audit_logs": "audit logs",
    "results": "runs",
    "reports": "reports",
    "archive": "archive",
}
_SETTINGS: dict[str, Any] = {
    "mode": "demo",
    "account": ACCOUNT,
    "assets_file": str(ROOT / "config" / "assets.csv"),
    "targets_file": "targets.yaml",
    "broker": {"port": PORT, "zone": "UTC"},
    "outbox": {"rotate_bytes": 1 << 20, "kept_files": 4},
    "control": {"port": 0},
}


@dataclass(slots=True)
class Sample:
    """What there was at one moment; ``resident_mb`` is the whole process, simulator and all."""

    hour: float
    resident_mb: float
    daemon_mb: float
    simulator_mb: float
    daemon_objects: int
    objects: int
    files_mb: dict[str, float]
    events: int
    book: dict[str, int]
    sent: int
    posture: str
    # By its way, the elements of each container of the daemon; kept in the last two alone.
    elements: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class DayResult:
    """What became of a day."""

    problem: str = ""
    samples: list[Sample] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Plan:
    """How long, how often a sample is taken, and how long book and broker remember."""

    hours: float = 24.0
    sample_s: float = 900.0
    history_s: float = HISTORY_H * _HOUR_S
    told_s: float = _TOLD_S


class DayWorld(SimulatedWorld):
    """A world without faults, whose files are files."""

    def __init__(self, seed: str, config: Configuration, plan: Plan) -> None:
        self._plan = plan
        super().__init__(seed, config)
        # The simulation switches it off, so that every run of a seed is the same.
        gc.enable()
        self.loop.trace.add = lambda line: None  # type: ignore[method-assign]
        self.sent = 0
        self.daemon: Daemon | None = None
        self._hold_daemon()
        self._shorten_the_brokers_day()

    def _put_disk(self) -> None:
        """Leave SQLite and the runs to the file system."""

    def _shorten_the_brokers_day(self) -> None:
        """Have the broker tell what happened within minutes only, and keep little in its memory.

        It must not tell what the book has let go; and the lists of a whole day, asked for every few
        seconds, would be most of what the machine does.
        """
        traded, completed = Trades.since, Register.completed_since

        def from_s(epoch_s: float) -> float:
            return max(epoch_s, self.gateway.clock.time() - self._plan.told_s)

        def trades_since(trades: Trades, epoch_s: float) -> Iterator[Execution]:
            return traded(trades, from_s(epoch_s))

        def completed_since(register: Register, epoch_s: float) -> Iterator[Order]:
            return completed(register, from_s(epoch_s))

        Trades.since = trades_since  # type: ignore[method-assign, assignment]
        Register.completed_since = completed_since  # type: ignore[method-assign, assignment]
        keeper.KEPT, keeper.SLACK, owned.ENDED_MAX = 1_000, 100, 1_000

    def _hold_daemon(self) -> None:
        made = Daemon.__init__

        def held(daemon: Daemon, *arguments: Any) -> None:
            made(daemon, *arguments)
            self.daemon = daemon

        Daemon.__init__ = held  # type: ignore[method-assign, assignment]

    def _broker_settings(self) -> Settings:
        usual = super()._broker_settings()
        return replace(usual, speed=60, tick_interval_s=1.0, cash=Decimal(5_000_000))

    def _deployments(self, config: Configuration) -> tuple[Deployment, ...]:
        strategy = DrawnStrategy(random.Random(f"{self.seed}/strategy"), _PACE)
        self.strategies = [strategy]
        return (Deployment(strategy, RunnerSettings(_LOOK_INTERVAL_S, 30.0)),)

    def forget(self) -> None:
        """Let go what the judgement of a short day would need."""
        watch = self.watch
        self.sent += len(watch.sent)
        watch.sent.clear()
        watch.cancels_promised.clear()
        watch.cancels_left_s.clear()
        watch.runs.clear()


def day_configuration(folder: Path, plan: Plan) -> Configuration:
    """Return the daemon's configuration: production's but for how long the book remembers."""
    config = configuration(folder, settings=_SETTINGS)
    # Below what the settings allow: eight days would be longer than the day.
    short = {"history_days": plan.history_s / (24 * _HOUR_S)}
    return replace(config, settings=config.settings.model_copy(update=short))


class Day:
    """One long day from its first start to its last sample."""

    def __init__(self, seed: str, config: Configuration, plan: Plan) -> None:
        self.world = DayWorld(seed, config, plan)
        self._plan = plan
        self.result = DayResult()
        self.on_sample: Callable[[Sample], None] = lambda sample: None

    def run(self) -> DayResult:
        """Play, and return the samples."""
        world = self.world
        asyncio.set_event_loop(world.loop)
        try:
            world.loop.run_until_complete(self._play())
        except (AssertionError, Deadlock, Livelock) as error:
            self.result.problem = f"{type(error).__name__}: {error}"
        return self.result

    async def _play(self) -> None:
        world = self.world
        await world.open()
        began_s = world.loop.time()
        world.loop.create_task(self._break(began_s), name="breaks")
        next_s = began_s
        while world.loop.time() < began_s + self._plan.hours * _HOUR_S:
            await asyncio.sleep(_LOOK_S)
            self._check()
            answer = await operating.status()
            if world.loop.time() >= next_s:
                next_s += self._plan.sample_s
                hour = (world.loop.time() - began_s) / _HOUR_S
                self._take(hour, str(answer.body.get("posture", "no answer")))

    def _check(self) -> None:
        world = self.world
        if world.failure is not None:
            raise world.failure
        assert world.starts == 1, f"the daemon ended: {world.last_end}"
        assert not world.loop.strays, world.loop.strays

    async def _break(self, began_s: float) -> None:
        """Break the link at each hour, and restart the gateway at midnight."""
        loop, world = self.world.loop, self.world
        for hour in count():
            await asyncio.sleep(began_s + hour * _HOUR_S + _BREAK_S - loop.time())
            # The first hour begins at 15:00 UTC.
            if hour % 24 == 9:
                world.gateway_act(lambda: world.gateway.go_down("fin"))
                await asyncio.sleep(120)
                world.gateway_act(world.gateway.come_up)
            else:
                loop.network.reset()

    def _take(self, hour: float, posture: str) -> None:
        world, daemon = self.world, self.world.daemon
        assert daemon is not None, "no daemon was built"
        world.forget()
        gc.collect()
        book, resident_mb = daemon.ledger.book, _resident_mb()
        own, simulator, objects = weighed_apart(daemon, world.gateway)
        sample = Sample(
            hour=round(hour, 4),
            resident_mb=resident_mb,
            daemon_mb=round(own.size_bytes / 1e6, 4),
            simulator_mb=round(simulator.size_bytes / 1e6, 4),
            daemon_objects=own.objects,
            objects=objects,
            files_mb=files_mb(_STATE),
            events=book.seq,
            book={
                "orders": len(book.orders),
                "live": len(book.live_orders),
                "intents": len(book.intents),
                "fills": len(book.fills),
            },
            sent=world.sent,
            posture=posture,
            elements=dict(own.elements),
        )
        self.result.samples.append(sample)
        self.on_sample(sample)


def weighed_apart(daemon: object, gateway: object) -> tuple[Weight, Weight, int]:
    """Weigh both in a child, and count all objects there.

    The walk remembers every object that it has seen: here that would be the largest thing that
    grows, and most of what is measured.
    """

    def told() -> str:
        scales, count = Scales(), len(gc.get_objects())
        weights = [scales.weigh(root) for root in (daemon, gateway)]
        rows = [[one.size_bytes, one.objects, dict(one.elements)] for one in weights]
        return json.dumps([rows, count])

    text, status = Child(told).said()
    assert text, f"the child ended without a word, status {status}"
    rows, count = json.loads(text)
    own, simulator = (Weight(size, number, Counter(ways)) for size, number, ways in rows)
    return own, simulator, count


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return round(pages * _PAGE_BYTES / 1e6, 3)


def files_mb(folder: Path) -> dict[str, float]:
    """Return the size of what lies below a state directory, by class."""
    found: Counter[str] = Counter()
    for path in folder.rglob("*"):
        if path.is_file():
            first = path.relative_to(folder).parts[0]
            found[CLASSES.get(first, "others")] += path.stat().st_size
    return {name: round(size / 1e6, 4) for name, size in sorted(found.items())}
