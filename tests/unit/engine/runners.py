"""A strategy's runner in a world of its own."""

from __future__ import annotations

from tests.unit.engine.world import World
from trader.engine.strategy.runner import BarsOf, RunnerSettings, StrategyRunner
from trader.strategies.base import Strategy


def a_runner(
    world: World, strategy: Strategy, bars_of: BarsOf = lambda con_id, size_s: ()
) -> StrategyRunner:
    """Return a runner that hears of everything recorded; it is not started."""
    runner = StrategyRunner(
        world.services,
        strategy=strategy,
        gateway=world.gateway,
        settings=RunnerSettings(look_interval_s=0.1, checkpoint_interval_s=30.0),
        bars_of=bars_of,
    )
    world.ledger.observe(runner.on_recorded)
    return runner
