"""Hours of a daemon that trades on bars and records its market, and the replay of the record.

Nothing is drawn but prices: no faults. Strategies that need a run of bars before they decide are in
the middle of their day from the first minute on, because the broker tells of the past.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.simulation import operating
from tests.simulation.day import DayWorld, Plan
from tests.simulation.loop import Deadlock, Livelock
from tests.simulation.settings import ACCOUNT, PORT, ROOT, configuration
from trader.app import Daemon
from trader.config import Configuration
from trader.core.decisions import Row
from trader.core.halts import Mode
from trader.engine.market.recording import MarketEvent, events_in
from trader.engine.strategy.decision_log import DecisionLog
from trader.engine.strategy.runner import RunnerSettings
from trader.ops.recording_files import MARKET_FOLDER_NAME, Tail, lines_of
from trader.replay.play import Played, play
from trader.sim.settings import Settings
from trader.strategies.ensemble import EnsembleParameters, EnsembleStrategy
from trader.strategies.mean_reversion import MeanReversionParameters, MeanReversionStrategy
from trader.wiring import Deployment

_PACE = RunnerSettings(0.5, 30.0)
_LOOK_S = 30.0
_SETTINGS: dict[str, Any] = {
    "mode": "demo",
    "account": ACCOUNT,
    "assets_file": str(ROOT / "config" / "assets.csv"),
    "targets_file": "targets.yaml",
    "broker": {"port": PORT, "zone": "UTC"},
    "control": {"port": 0},
    "market_data": {"record": True},
}


def bar_strategies() -> tuple[Deployment, ...]:
    """Return both that warm up: each in two symbols of its own, so that neither minds the other.

    Their stops are out of reach: what they decide follows from bars, and not from a fill's price.
    """
    reversion = MeanReversionParameters(
        bar_s=15, window=20, entry_z=1.5, stop_fraction=0.5, pause_s=30, is_flat_at_close=False
    )
    ensemble = EnsembleParameters(
        bar_s=15, stop_atrs=100, entry_vote=0.25, pause_s=30, is_flat_at_close=False
    )
    return (
        Deployment(MeanReversionStrategy("reversion", ("AAPL", "IBM"), reversion), _PACE),
        Deployment(EnsembleStrategy("ensemble", ("MSFT", "GOOG"), ensemble), _PACE),
    )


@dataclass(slots=True)
class Lived:
    """What a daemon decided, and where what it heard is."""

    problem: str = ""
    rows: list[Row] = field(default_factory=list)


class RecordedWorld(DayWorld):
    """A world without faults in which a daemon trades on bars."""

    def __init__(self, seed: str, config: Configuration) -> None:
        self.rows: list[Row] = []
        super().__init__(seed, config, Plan())
        self._hear_decisions()

    def _shorten_the_brokers_day(self) -> None:
        """Leave the broker's day as long as it is."""

    def _hear_decisions(self) -> None:
        made, rows = Daemon.__init__, self.rows

        def heard(daemon: Daemon, *arguments: Any) -> None:
            made(daemon, *arguments)
            log = DecisionLog(daemon.services, rows.append)
            daemon.ledger.observe(log.on_recorded)

        Daemon.__init__ = heard  # type: ignore[method-assign, assignment]

    def _broker_settings(self) -> Settings:
        return replace(super()._broker_settings(), speed=20)

    def _deployments(self, config: Configuration) -> tuple[Deployment, ...]:
        return bar_strategies()


def lived(seed: str, folder: Path, hours: float) -> Lived:
    """Run a daemon for so many hours in the current directory; its record is below ``state``."""
    world = RecordedWorld(seed, configuration(folder, settings=_SETTINGS))
    found = Lived(rows=world.rows)

    async def live() -> None:
        await world.open()
        end_s = world.loop.time() + hours * 3600
        while world.loop.time() < end_s:
            await asyncio.sleep(_LOOK_S)
            await operating.status()
            if world.failure is not None:
                raise world.failure
            assert world.starts == 1, f"the daemon ended: {world.last_end}"
        # What is written twice a second is on disk.
        await asyncio.sleep(1)

    asyncio.set_event_loop(world.loop)
    try:
        world.loop.run_until_complete(live())
    except (AssertionError, Deadlock, Livelock) as error:
        found.problem = f"{type(error).__name__}: {error}"
    return found


def events_below(state: Path) -> Iterator[MarketEvent]:
    """Give every event that was recorded below a state directory."""
    for path in sorted((state / MARKET_FOLDER_NAME).iterdir()):
        yield from events_in(lines_of(path, Tail({})))


def replayed(folder: Path, state: Path, put: Callable[[Row], None]) -> Played:
    """Play what a daemon has recorded to the same strategies, made anew."""
    return play(replay_configuration(folder), bar_strategies(), events_below(state), put)


def replay_configuration(folder: Path) -> Configuration:
    """Return the settings of the daemon, in a mode that sends nothing."""
    return configuration(folder, settings={**_SETTINGS, "mode": Mode.SHADOW.value})


def text_of(rows: list[Row]) -> str:
    """Return rows as what can be compared byte for byte."""
    return "\n".join(json.dumps(row, sort_keys=True) for row in rows)
