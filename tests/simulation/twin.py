"""A daemon that is killed beside one that is not, on the same market: what do they decide?

Both are whole daemons under virtual time with the same seed, and nothing goes wrong but the kills.
Dead, a daemon sees nothing: that it decides as its twin can only be asked for where there was
nothing to be seen. Exactly, and nothing beyond it is proven here:

- The market moves every 20 s and holds still in between. No order slips. What is decided or paid
  a few seconds later is of the same prices, and every price is part of what is compared.
- What a strategy decides at (a move, a step of its grid, the end of a bar, of a pause) lies further
  apart than a kill takes: some 3 s until the strategy is told the market again, and 12 s behind
  its end until the broker tells of a bar that was cut. So a decision may come late, and never
  behind the next one. Kills come at any moment, also across a move, a step of a grid or the end of
  a bar, while orders are on their way, and between the legs of a pair. Where there are bars, kills
  lie more than one bar apart: a broker answers sixty questions for history in ten minutes, whoever
  asks.
- Bars of one interval are told together here, or those of every second instrument some seconds
  later where a plot says so: a broker that is asked for one after the other does the same.
- Compared is each wish with all its terms and its reason, each change and each cancel, by strategy
  and instrument, in their order. When, under which ids, and which of two instruments came first,
  is not.

A wish that was saved as made and whose promise did not reach the disk is lost by a kill between the
two: no moment passes there under virtual time. Unit tests kill there.
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
from trader.core.bars import Bar, BarSource
from trader.core.ids import ConId, IntentId, OrderId
from trader.engine.strategy.runner import RunnerSettings, StrategyRunner
from trader.sim.broker.floor import matching
from trader.sim.settings import Settings
from trader.strategies.base import Strategy, Wish
from trader.wiring import Deployment

Made = Callable[[], Sequence[Strategy]]
# Breaks the program on purpose, in the process that plays it.
Plant = Callable[[], None]
_TICK_S = 20.0
_LOOK_S = 5.0
# Behind the moment at which the broker tells of a bar that was not seen whole.
_FIRST_TICK_S = 15.0
BAR_S = 60
_WARM_BARS = 2
# How often a kill is behind a decision of the twin, at once or for how long it may be.
_NEAR_SHARE = 0.7
_AT_ONCE_S, _SOON_S = 0.25, 9.0


@dataclass(frozen=True, slots=True)
class Plot:
    """What both of a pair play; ``lasts_s`` is for how long, ``kills`` how often one is killed."""

    made: Made
    lasts_s: float
    kills: int
    # At least between two kills.
    apart_s: float
    # Whether no kill may come while a bar ends.
    is_of_bars: bool = True
    # How long an order takes to fill.
    fill_s: float = 0.01
    # How much later a strategy is told the bars of every second one of its instruments.
    bar_lag_s: float = 0.0


@dataclass(slots=True)
class Story:
    """What one of the two has decided, and how it went.

    ``decisions`` are those of each strategy in each instrument, oldest first.
    """

    decisions: dict[str, list[str]] = field(default_factory=dict)
    # When each was made, in seconds since the play began.
    decided_s: list[float] = field(default_factory=list)
    starts: int = 0
    executions: int = 0
    # How often it was killed while it held something.
    holding_kills: int = 0
    problem: str = ""


class TwinWorld(SimulatedWorld):
    """A world in which shipped strategies trade on bars and only kills disturb them."""

    def __init__(self, seed: str, config: Configuration, plot: Plot, story: Story) -> None:
        super().__init__(seed, config)
        self._plot = plot
        self._story = story
        # Until it has warmed up and is armed it decides on what happens to be there, and at the
        # end one of the two may be late.
        self.counts_from_s = inf
        self.begun_s = 0.0
        # Which orders slip is drawn in the order in which they come.
        matching.slips = lambda rng: False
        self._hear()

    def _hear(self) -> None:
        submit, modify, cancel = StrategyRunner.submit, StrategyRunner.modify, StrategyRunner.cancel

        def wished(runner: StrategyRunner, wish: Wish) -> IntentId:
            self._note(runner, wish.con_id, f"{replace(wish, reason='')} {wish.reason}")
            return submit(runner, wish)

        def modified(runner: StrategyRunner, order_id: OrderId, **terms: Any) -> None:
            self._note_order(runner, order_id, f"{terms}")
            modify(runner, order_id, **terms)

        def cancelled(runner: StrategyRunner, order_id: OrderId, reason: str) -> None:
            self._note_order(runner, order_id, f"cancel {reason}")
            cancel(runner, order_id, reason)

        on_bar, symbols = StrategyRunner.on_bar, self._lagging_symbols()

        def told_late(runner: StrategyRunner, bar: Bar) -> None:
            """Hold up what was seen; what the broker tells comes late as it is."""
            found = runner._hub.instruments.get(bar.con_id)
            is_late = found is not None and found.symbol in symbols
            if is_late and bar.source is BarSource.TICKS:
                self.loop.call_later(self._plot.bar_lag_s, on_bar, runner, bar)
            else:
                on_bar(runner, bar)

        StrategyRunner.on_bar = told_late  # type: ignore[method-assign, assignment]
        StrategyRunner.submit = wished  # type: ignore[method-assign, assignment]
        StrategyRunner.modify = modified  # type: ignore[method-assign, assignment]
        StrategyRunner.cancel = cancelled  # type: ignore[method-assign, assignment]

    def _lagging_symbols(self) -> set[str]:
        if not self._plot.bar_lag_s:
            return set()
        return {symbol for one in self._plot.made() for symbol in one.symbols[1::2]}

    def _note_order(self, runner: StrategyRunner, order_id: OrderId, text: str) -> None:
        terms = runner._ledger.book.orders[order_id].terms
        self._note(runner, terms.con_id, f"{terms.side} {terms.order_type}: {text}")

    def _note(self, runner: StrategyRunner, con_id: ConId, text: str) -> None:
        story, now_s = self._story, self.loop.time()
        if not self.counts_from_s <= now_s < self.begun_s + self._plot.lasts_s - BAR_S / 2:
            return
        story.decisions.setdefault(f"{runner.strategy.name} {con_id}", []).append(text)
        story.decided_s.append(now_s - self.begun_s)

    def _broker_settings(self) -> Settings:
        settings, fill_s = super()._broker_settings(), self._plot.fill_s
        return replace(settings, tick_interval_s=_TICK_S, fill_s=(fill_s, fill_s))

    def _deployments(self, config: Configuration) -> tuple[Deployment, ...]:
        return tuple(Deployment(one, RunnerSettings(0.2, 30.0)) for one in self._plot.made())

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
        begun_s = world.begun_s = world.loop.time() - world.wall.time() % BAR_S
        world.counts_from_s = begun_s + _WARM_BARS * BAR_S

        def aim() -> None:
            for kill_s in self._kills_s:
                world.loop.call_at(begun_s + kill_s, world.kill)

        # Not sooner: timers that wait change which of two moments of the warm-up comes first.
        outside(world.loop.call_at, world.counts_from_s, aim)
        while world.loop.time() < begun_s + self._lasts_s:
            await asyncio.sleep(_LOOK_S)
            await self._mend()
            if world.failure is not None:
                raise world.failure


def told(
    seed: int,
    config: Configuration,
    plot: Plot,
    kills_s: Sequence[float] = (),
    plant: Plant = lambda: None,
) -> Story:
    """Play one of the two in a process of its own, and return its story."""

    def say() -> str:
        plant()
        story = Story()
        world = TwinWorld(str(seed), config, plot, story)
        play = TwinPlay(world, kills_s, plot.lasts_s)
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


def drawn_kills(seed: int, plot: Plot, undisturbed: Story) -> list[float]:
    """Return when to kill: most of them soon after the twin has decided something."""
    chance = random.Random(f"{seed}/kills")
    begin_s = _WARM_BARS * BAR_S
    each_s = (plot.lasts_s - 2 * begin_s) / plot.kills
    found = []
    for number in range(plot.kills):
        from_s = begin_s + number * each_s
        until_s = from_s + each_s - plot.apart_s
        near = [one for one in undisturbed.decided_s if from_s <= one < until_s]
        at_s = chance.uniform(from_s, until_s)
        if near and chance.random() < _NEAR_SHARE:
            at_s = chance.choice(near) + 0.02
            at_s += chance.uniform(0, chance.choice((_AT_ONCE_S, _SOON_S)))
        elif plot.is_of_bars:
            # Across the end of a bar, too; not so late that the broker tells of it with the next.
            at_s = at_s // BAR_S * BAR_S + chance.uniform(-3, 45)
        found.append(at_s)
    return found
