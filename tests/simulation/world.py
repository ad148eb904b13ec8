"""One seed's world: a broker with its gateway, one host, and the daemon that it runs and restarts.

The daemon is the production one from `trader.app.run_daemon` down: client, engine, journal, control
port. The broker is the simulator from its server down. Both live in one loop under virtual time.
"""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from typing import Any

from tests.simulation import ambient
from tests.simulation.disk import Disk
from tests.simulation.loop import SimulatedLoop
from tests.simulation.network import Pipe
from tests.simulation.processes import CURRENT, Process, outside
from tests.simulation.reached import count_drifts, count_moves
from tests.simulation.settings import ACCOUNT, PORT, relative
from tests.simulation.strategy import NAMES, DrawnStrategy, crowd_in
from tests.simulation.vfs import SimulatedVfs
from tests.simulation.watch import Promise, Violation, Watch
from trader.app import World as DaemonWorld
from trader.app import run_daemon
from trader.config import Configuration
from trader.core.comparison import RunRecord
from trader.core.ids import OrderId
from trader.engine.orders.gateway import OrderGateway
from trader.engine.strategy.runner import RunnerSettings
from trader.ops.pager import LogPager
from trader.ports import WorldError
from trader.sim.host.server import SimServer
from trader.sim.settings import Settings
from trader.store.codec import encoder
from trader.store.runs import RunArchive
from trader.wiring import Deployment

_FIRST_PID = 100_001
_PLACE_ORDER, _CANCEL_ORDER = b"3\0", b"4\0"


class SimulatedWorld:
    """Everything of one seed."""

    def __init__(self, seed: str, config: Configuration, *, keeps_trace: bool = False) -> None:
        self.seed = seed
        self.config = relative(config)
        self.config.settings.state_dir.mkdir()
        self.loop = SimulatedLoop(seed, keeps_trace=keeps_trace)
        self.wall = ambient.Wall(self.loop)
        ambient.install(self.loop, self.wall, seed)
        self.clock = ambient.DaemonClock(self.loop, self.wall)
        # Whether the crash that is planned next leaves the host its power.
        self.has_power_at_crash = True
        self.watch = Watch(self.loop.time)
        self._listen()
        self.starts = 0
        self.strategy_count, self.pace = crowd_in(seed)
        self.disk = Disk(random.Random(f"{seed}/disk"))
        # Where whatever belongs to nobody writes, and what the oracle looks at.
        self._limbo = Disk(random.Random(f"{seed}/limbo"))
        self.looked_at: Disk | None = None
        self._put_disk()
        self.loop.network.link_port = PORT
        self.loop.network.on_sent = self._on_sent
        self.process = Process("no daemon yet", is_dead=True)
        # Told of each life of the daemon as it begins.
        self.on_boot: Callable[[], None] = lambda: None
        # The process that has seen the signal to end, and since when.
        self.draining: Process | None = None
        self.draining_from_s = 0.0
        self.strategies: list[DrawnStrategy] = []
        self.must_rest = False
        self.last_end = ""
        self.failure: Violation | None = None
        self._gateway_process = Process("gateway")
        self.gateway: SimServer

    def _put_disk(self) -> None:
        """Have the journal and the runs on a disk that can fail."""
        self._vfs = SimulatedVfs(
            self._disk_of_caller, lambda: int(self.wall.time() * 1000), self.loop.trace.add
        )
        self._vfs.install()
        RunArchive.write = self._archive  # type: ignore[method-assign, assignment]

    def _archive(self, record: RunRecord) -> None:
        """Keep the text of a run, as a file would have it."""
        self.watch.runs.append(encoder(RunRecord)(record))
        if record.decision is not None:
            count_drifts(self.watch.reached, record.decision.answer.drifts)

    def _listen(self) -> None:
        """Hear what the daemon takes on, and what it calls a person for."""
        cancel, send, watch = OrderGateway.cancel, LogPager._send, self.watch
        count_moves(watch.reached)

        def heard_cancel(gateway: OrderGateway, order_id: OrderId, reason: str) -> str | None:
            problem = cancel(gateway, order_id, reason)
            if problem is None:
                promise = Promise(self.loop.time(), order_id, self.starts)
                watch.cancels_promised.append(promise)
            return problem

        def heard_page(pager: LogPager, severity: str, title: str, text: str, *more: Any) -> None:
            watch.paged(title, text)
            send(pager, severity, title, text, *more)

        OrderGateway.cancel = heard_cancel  # type: ignore[method-assign, assignment]
        LogPager._send = heard_page  # type: ignore[method-assign, assignment]

    def _disk_of_caller(self) -> Disk:
        if self.looked_at is not None:
            return self.looked_at
        process = CURRENT.get() or self.loop.current
        return process.disk if process is not None and process.disk is not None else self._limbo

    def _on_sent(self, content: bytes) -> None:
        kind, rest = content[4:6], content[6:]
        if kind == _PLACE_ORDER:
            is_draining = self.process is self.draining
            self.watch.left(int(rest.split(b"\0", 1)[0]), is_draining=is_draining)
        elif kind == _CANCEL_ORDER:
            # A version comes before the id.
            order_id = int(rest.split(b"\0", 2)[1])
            self.watch.cancels_left_s[order_id] = self.loop.time()

    # ---- the broker

    async def open(self) -> None:
        """Start the broker and its gateway, then the daemon."""
        settings = self._broker_settings()
        start = self._gateway_process.run(self.loop.create_task, self._start_gateway(settings))
        await start
        self.boot()

    def _broker_settings(self) -> Settings:
        seed = random.Random(f"{self.seed}/broker").getrandbits(32)
        return Settings(
            account=ACCOUNT, seed=seed, port=PORT, speed=600, tick_interval_s=0.25,
            cash=Decimal(1_000_000), fill_s=(0.002, 0.2),
        )  # fmt: skip

    async def _start_gateway(self, settings: Settings) -> None:
        self.gateway = SimServer(settings)
        await self.gateway.start()

    def gateway_act(self, act: Callable[[], object]) -> None:
        """Have something happen in the gateway's process."""
        self._gateway_process.run(act)

    # ---- the host

    def boot(self) -> None:
        """Start the daemon, as the service manager does."""
        self.starts += 1
        process = self.process = Process(f"daemon-{self.starts}", disk=self.disk)
        process.on_crash = self.disk.on_crash = self.crash
        world = DaemonWorld(
            clock=self.clock,
            chance=random.Random(f"{self.seed}/daemon/{self.starts}"),
            environment={},
            pid=_FIRST_PID + self.starts,
            deployments=self._deployments,
        )
        self.on_boot()
        task = process.run(self.loop.create_task, run_daemon(self.config, world))
        process.run(task.add_done_callback, self._on_exit)

    def _deployments(self, config: Configuration) -> tuple[Deployment, ...]:
        self.strategies = []
        for name in NAMES[: self.strategy_count]:
            chance = random.Random(f"{self.seed}/{name}/{self.starts}")
            strategy = DrawnStrategy(chance, self.pace, name)
            strategy.is_resting = self.must_rest
            self.strategies.append(strategy)
        return tuple(Deployment(one, RunnerSettings(0.2, 1.0)) for one in self.strategies)

    def rest(self) -> None:
        """Have the strategy want nothing any more, after restarts too."""
        self.must_rest = True
        for strategy in self.strategies:
            strategy.is_resting = True

    def _on_exit(self, task: asyncio.Task[Any]) -> None:
        process = CURRENT.get()
        if process is not self.process or process.is_dead:
            return
        error = task.exception()
        self.last_end = f"{task.result()!r}" if error is None else repr(error)
        self.loop.trace.add(f"exit {self.last_end}")
        self.watch.faults["exit"] += 1
        if error is not None and not isinstance(error, WorldError):
            self.failure = Violation("daemon_raised", f"the daemon raised {error!r}")
        self._down(has_power=True)

    def crash(self, where: str, *, has_power: bool | None = None) -> None:
        """Kill the daemon here and now, or take the power from its host."""
        has_power = self.has_power_at_crash if has_power is None else has_power
        self.watch.faults[f"crash at {where}" if has_power else f"power loss at {where}"] += 1
        self._down(has_power=has_power)

    def _down(self, *, has_power: bool) -> None:
        process = self.process
        if process.is_dead:
            return
        far = [pipe.other for pipe in process.pipes if pipe.is_link]
        chance = random.Random(f"{self.seed}/host/{self.starts}")
        self.disk = self.disk.after_crash(has_power=has_power)
        self.loop.kill(process, sends_fin=has_power)
        if not has_power:
            for end in far:
                # The gateway's host notices a silent peer by its own time-outs.
                outside(self.loop.call_later, chance.uniform(5, 40), self._time_out, end)
        outside(self.loop.call_later, self._away_s(chance), self._boot_again)

    def _away_s(self, chance: random.Random) -> float:
        """Return how long the service manager takes to start it again."""
        return chance.uniform(0.5, 5)

    def _time_out(self, end: Pipe) -> None:
        end.break_off(TimeoutError(110, "Connection timed out"))

    def _boot_again(self) -> None:
        if self.process.is_dead:
            self.boot()

    def terminate(self) -> None:
        """Have the service manager stop the daemon; it is started again."""
        process = self.process
        if self.loop.send_signal(process, signal.SIGTERM):
            # Behind the handler, in the same process: it waits as long as that is stopped.
            process.run(self.loop.call_soon, self._seen, process)
        elif not process.is_dead:
            # Nobody listens yet: the signal's own effect ends the process.
            self._down(has_power=True)

    def _seen(self, process: Process) -> None:
        if self.draining is not process:
            self.draining, self.draining_from_s = process, self.loop.time()

    def clean_up(self) -> None:
        """Let go of what the kernel would take back."""
        with suppress(OSError):
            self.process.die()
