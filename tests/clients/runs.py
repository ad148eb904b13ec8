"""Which clients run, at which server versions, and the scenario that each of them plays.

All runs of a wave are started before any thread is, then play at the same time; what a step found
wrong is kept as text for the test of that step.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.clients.driver import CLIENTS, Driver
from tests.clients.environments import MissingError, node_modules_of, python_of
from tests.clients.scenario import account, linked, market, more_market, orders, session
from tests.clients.scenario.stage import FIRST, PRICE, Stage
from tests.process.harness import Simulator, destroy, tail

AT_ONCE = 6
NEVER = 10**6
# Steps that the protocol knows from a version on.
SINCE = {"schedule": 165}
SEED = 7
OPTIONS = (
    "--speed", "1", "--tick-interval", "0.05", "--ack-ms", "0.2:1", "--fill-ms", "1:4",
    "--position", "AAPL:100",
)  # fmt: skip

Step = Callable[[Stage], None]
# In the order in which they are played.
STEPS: dict[str, Step] = {
    step.__name__: step
    for step in (
        session.connect, market.begin_bars, session.current_time, market.contract_known,
        market.contract_unknown, market.ticks, market.history, market.history_unknown,
        more_market.snapshot, more_market.symbols, more_market.market_rule,
        more_market.option_chain, more_market.head_timestamp, more_market.schedule,
        more_market.history_kept, more_market.tick_by_tick, more_market.depth,
        orders.market_order, orders.limit_order, orders.limit_fill, orders.stop_order,
        orders.refusals, orders.old_order_id, linked.bracket, linked.bracket_cancelled,
        linked.oca, linked.trail, linked.what_if, session.second_client,
        session.duplicate_client_id, orders.global_cancel, account.open_orders,
        account.completed_orders, account.executions, account.positions,
        account.account_updates, account.account_summary, account.profit_and_loss,
        account.profit_and_loss_single, market.bars, session.reconnect, session.leave,
    )
}  # fmt: skip


@dataclass(frozen=True)
class Client:
    """One third-party client library."""

    name: str
    # The highest server version that it speaks.
    version_max: int
    # Its lock file, or the folder with package-lock.json.
    lock: Path
    script: Path
    # Steps that the library's own nature makes impossible, with the version from which they work.
    # Each has its reason in a comment.
    lacks: Mapping[str, int] = field(default_factory=dict)
    is_raw: bool = True

    def words(self) -> tuple[list[str], dict[str, str]]:
        """Return how to start its script: words and environment. Raises MissingError."""
        if self.lock.is_dir():
            return ["node", str(self.script)], {"NODE_PATH": str(node_modules_of(self.lock))}
        return [str(python_of(self.lock)), str(self.script)], {}


_OFFICIAL = CLIENTS / "official"
CLIENT_LIST = (
    Client("nautilus_ibapi", 225, _OFFICIAL / "nautilus_ibapi.lock", _OFFICIAL / "puppet.py"),
    Client("ibapi", 157, _OFFICIAL / "ibapi.lock", _OFFICIAL / "puppet.py"),
    Client(
        "ib_async", 178, CLIENTS / "ib_async" / "ib_async.lock",
        CLIENTS / "ib_async" / "puppet.py",
        # It asserts by itself that an order which is done is not placed again.
        {"old_order_id": NEVER},
        is_raw=False,
    ),
    Client(
        "stoqey", 193, CLIENTS / "stoqey", CLIENTS / "stoqey" / "puppet.js",
        # Its decoder forgets a field that completed orders had below 177 and open orders too,
        # where it reads it.
        {"completed_orders": 177},
    ),
)  # fmt: skip
# The server versions that each client meets. 178 is the simulator's own; below and above lie
# layouts that differ.
VERSIONS = {
    "nautilus_ibapi": (157, 163, 173, 176, 178, 193, 200),
    "ibapi": (157, 178),
    "ib_async": (157, 178, 200),
    "stoqey": (157, 176, 178, 193),
}


@dataclass(frozen=True)
class Run:
    """One client against a simulator of one server version."""

    client: Client
    server_version: int

    @property
    def name(self) -> str:
        """Return how tests call it."""
        return f"{self.client.name}-{self.server_version}"

    @property
    def version(self) -> int:
        """Return the version that both sides must agree on."""
        return min(self.server_version, self.client.version_max)

    def lacks(self, step: str) -> bool:
        """Say whether the client cannot play a step at this version."""
        return self.version < max(self.client.lacks.get(step, 0), SINCE.get(step, 0))


RUNS = [Run(client, version) for client in CLIENT_LIST for version in VERSIONS[client.name]]


@dataclass
class Outcome:
    """What became of one run: each step's failure, and what was left over at the end."""

    failures: dict[str, str] = field(default_factory=dict)
    unexpected: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    # Why the simulator did not start, if it did not.
    no_start: str = ""
    exit_code: int | None = None
    missing: MissingError | None = None


def steps_of(run: Run) -> dict[str, Step]:
    """Return the steps that a run plays, in their order."""
    return {name: step for name, step in STEPS.items() if not run.lacks(name)}


def play_all(runs: Iterable[Run], folder: Path) -> dict[str, Outcome]:
    """Play the runs, a few at a time; returns what became of each, by its name."""
    waiting, outcomes = list(runs), {}
    while waiting:
        wave, waiting = waiting[:AT_ONCE], waiting[AT_ONCE:]
        outcomes.update(_play_wave(wave, folder))
    return outcomes


def _play_wave(wave: list[Run], folder: Path) -> dict[str, Outcome]:
    outcomes = {run.name: Outcome() for run in wave}
    stages: dict[str, Stage] = {}
    try:
        for run in wave:
            try:
                stages[run.name] = _set_up(run, folder / run.name)
            except MissingError as error:
                outcomes[run.name].missing = error
            except AssertionError as error:
                outcomes[run.name].no_start = str(error)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            jobs = [
                pool.submit(_play, run, outcomes[run.name], stages[run.name])
                for run in wave
                if run.name in stages
            ]
            for job in jobs:
                job.result()
    finally:
        for stage in stages.values():
            stage.driver.destroy()
            destroy(stage.simulator.process)
    return outcomes


def _set_up(run: Run, folder: Path) -> Stage:
    words, extra = run.client.words()
    folder.mkdir(parents=True)
    options = (*OPTIONS, "--server-version", str(run.server_version))
    simulator = Simulator(folder, SEED, options)
    driver = Driver(words, folder / "client.log", extra)
    try:
        simulator.start()
        driver.start()
    except BaseException:
        destroy(simulator.process)
        raise
    return Stage(simulator, driver, run.version, run.client.is_raw)


def _play(run: Run, outcome: Outcome, stage: Stage) -> None:
    driver = stage.driver
    for name, step in steps_of(run).items():
        try:
            step(stage)
        except Exception:
            # As a test framework does: the test of this step raises it again, as text.
            outcome.failures[name] = f"{traceback.format_exc()}\n{tail(driver.log)}"
            _clean_up(stage)
    outcome.exit_code = driver.stop()
    outcome.unexpected = [str(row) for row in driver.untaken_errors()]
    outcome.problems = driver.problems()


def _clean_up(stage: Stage) -> None:
    """After a failed step, take away what could make the next ones fail for the same reason."""
    try:
        stage.pin(PRICE)
        stage.tell("global_cancel", FIRST)
        stage.driver.settle(0.3)
    except (AssertionError, OSError):
        return
    stage.driver.forgive_all()
