"""A strategy's runner in a world of its own."""

from __future__ import annotations

from tests.unit.engine.world import World
from trader.engine.runner import RunnerSettings, StrategyRunner
from trader.strategies.base import Strategy


def a_runner(world: World, strategy: Strategy) -> StrategyRunner:
    """Return a runner that hears of everything recorded; it is not started."""
    runner = StrategyRunner(
        world.services,
        strategy=strategy,
        gateway=world.gateway,
        settings=RunnerSettings(look_interval_s=0.1, checkpoint_interval_s=30.0),
    )
    world.ledger.observe(runner.on_recorded)
    return runner
