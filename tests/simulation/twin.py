"""A daemon that is killed beside one that is not, on the same market: what do they decide?

Both are whole daemons under virtual time with the same seed, and nothing goes wrong but the kills.
The market moves every 20 s: that an order leaves a few seconds later, because its bar came by the
broker's history, makes no other price.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from math import inf
from typing import Any

from tests.simulation.loop import Deadlock, Livelock
from tests.simulation.oracle import Oracle
from tests.simulation.play import Play
from tests.simulation.processes import outside
from tests.simulation.run import Child
from tests.simulation.watch import Violation
from tests.simulation.world import SimulatedWorld
from trader.config import Configuration
from trader.core.ids import IntentId
from trader.engine.runner import RunnerSettings, StrategyRunner
from trader.sim.settings import Settings
from trader.strategies.base import Strategy, Wish
from trader.wiring import Deployment

Made = Callable[[], Sequence[Strategy]]
_TICK_S = 20.0
_LOOK_S = 5.0
# Behind the moment at which the broker tells of a bar that was not seen whole.
_FIRST_TICK_S = 15.0
BAR_S = 60
_WARM_BARS = 2


@dataclass(slots=True)
class Story:
    """What one of the two has decided, and how it went.

    ``decisions`` are those of each strategy in each instrument, oldest first.
    """

    decisions: dict[str, list[str]] = field(default_factory=dict)
    starts: int = 0
    executions: int = 0
    # How often it was killed while it held something.
    holding_kills: int = 0
    problem: str = ""


class TwinWorld(SimulatedWorld):
    """A world in which shipped strategies trade on bars and only kills disturb them."""

    def __init__(self, seed: str, config: Configuration, made: Made, story: Story) -> None:
        super().__init__(seed, config)
        self._made = made
        self._story = story
        # Until it has warmed up and is armed it decides on what happens to be there.
        self.counts_from_s = inf
        self._hear_wishes()

    def _hear_wishes(self) -> None:
        submit, story = StrategyRunner.submit, self._story

        def heard(runner: StrategyRunner, wish: Wish) -> IntentId:
            if self.loop.time() >= self.counts_from_s:
                # What was paid for an entry, and its stop with it, is the market's and no decision.
                reason = wish.reason.partition(" is at or beyond ")[0]
                line = story.decisions.setdefault(f"{runner.strategy.name} {wish.con_id}", [])
                line.append(f"{wish.side.value} {wish.quantity}: {reason}")
            return submit(runner, wish)

        StrategyRunner.submit = heard  # type: ignore[method-assign, assignment]

    def _broker_settings(self) -> Settings:
        settings = super()._broker_settings()
        return replace(settings, tick_interval_s=_TICK_S, fill_s=(0.01, 0.01))

    def _deployments(self, config: Configuration) -> tuple[Deployment, ...]:
        return tuple(Deployment(one, RunnerSettings(0.2, 30.0)) for one in self._made())

    def _away_s(self, chance: random.Random) -> float:
        return 1.0

    def kill(self) -> None:
        """Kill the daemon as ``kill -9`` does."""
        held: Counter[str] = Counter()
        for row in self.gateway.exchange.trades.since(0.0):
            sign = 1 if row.side == "BUY" else -1
            held[row.instrument.symbol] += sign * int(row.quantity)
        self._story.holding_kills += any(held.values())
        self.crash("twin", has_power=True)


class TwinPlay(Play):
    """One of the two, from its start to the end of its time."""

    def __init__(self, world: TwinWorld, kills_s: Sequence[float], lasts_s: float) -> None:
        self.world = world
        self.oracle = Oracle(world)
        self._kills_s = kills_s
        self._lasts_s = lasts_s

    async def play(self) -> None:
        """Trade, be killed, and trade on."""
        world = self.world
        assert isinstance(world, TwinWorld)
        # Prices move between the ends of bars, never at one.
        await asyncio.sleep(BAR_S + _FIRST_TICK_S - world.wall.time() % BAR_S)
        await world.open()
        begun_s = world.loop.time() - world.wall.time() % BAR_S
        world.counts_from_s = begun_s + _WARM_BARS * BAR_S
        for kill_s in self._kills_s:
            outside(world.loop.call_at, begun_s + kill_s, world.kill)
        while world.loop.time() < begun_s + self._lasts_s:
            await asyncio.sleep(_LOOK_S)
            await self._mend()
            if world.failure is not None:
                raise world.failure


def told(
    seed: int, config: Configuration, made: Made, kills_s: Sequence[float], lasts_s: float
) -> Story:
    """Play one of the two in a process of its own, and return its story."""

    def say() -> str:
        story = Story()
        world = TwinWorld(str(seed), config, made, story)
        play = TwinPlay(world, kills_s, lasts_s)
        asyncio.set_event_loop(world.loop)
        try:
            world.loop.run_until_complete(play.play())
        except (Violation, Deadlock, Livelock) as error:
            story.problem = f"{type(error).__name__}: {error}"
        story.starts = world.starts
        story.executions = len(list(world.gateway.exchange.trades.since(0.0)))
        world.clean_up()
        return json.dumps(asdict(story))

    said, status = Child(say).said()
    assert said, f"the child ended without a word, status {status}"
    values: dict[str, Any] = json.loads(said)
    return Story(**values)


def drawn_kills(seed: int, lasts_s: float, count: int) -> list[float]:
    """Return when to kill: in the middle of bars, not while one is being decided on.

    Some bars apart, since a broker answers sixty questions for history in ten minutes, whoever
    asks: a daemon that is killed every minute is refused the bar that its restart cut off.
    """
    chance = random.Random(f"{seed}/kills")
    step = (lasts_s / BAR_S - 2 * _WARM_BARS) / count
    bars = (_WARM_BARS + int(step * number) + chance.randint(0, 1) for number in range(count))
    return [BAR_S * bar + chance.uniform(3, 45) for bar in bars]
