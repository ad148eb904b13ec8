"""A compartment without a broker over a hub that a test moves, and a strategy to live in it."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from typing import Any

from tests.unit.engine.world import CON, POLICY, UTC_DAYS, LoopClock, Pages, an_instrument
from trader.core.ids import REPLAY, Lineage
from trader.core.market import LIVE
from trader.core.policy import Policy
from trader.engine.hub import MarketHub
from trader.engine.market.bar_keeper import BarKeeper, bars_wanted
from trader.engine.sessions import Sessions
from trader.engine.strategy.runner import RunnerSettings, StrategyRunner
from trader.engine.strategy.shadow import Shadow, ShadowTerms, Surroundings
from trader.engine.supervisor import Supervisor
from trader.ports import QuoteTick
from trader.strategies.base import Strategy

LATENCY_S = 0.05


def shadow_terms(lineage: Lineage = REPLAY, policy: Policy = POLICY, **changes: Any) -> ShadowTerms:
    values: dict[str, Any] = {
        "lineage": lineage,
        "policy": policy,
        "currency": "USD",
        "cash": Decimal(100_000),
        "latency_s": LATENCY_S,
        "intent_deadline_s": 5.0,
        "messages_per_s": 40.0,
        "messages_burst": 40.0,
    }
    return ShadowTerms(**{**values, **changes})


class ShadowSite:
    """A compartment, running, with a market for AAA."""

    def __init__(self, **changes: Any) -> None:
        self.clock = LoopClock()
        self.supervisor = Supervisor(self.clock)
        self.hub = MarketHub(self.clock)
        self.pages = Pages()
        self.sessions = Sessions(self.hub, self.clock, UTC_DAYS)
        around = Surroundings(self.clock, self.supervisor, self.hub, self.sessions, self.pages)
        self.shadow = Shadow(around, shadow_terms(**changes), "0.1.0")
        self.book = self.shadow.ledger.book
        self.hub.add(an_instrument())
        self.shadow.start()

    def quote(self, bid: str, ask: str, size: str = "1000") -> None:
        """Tell a whole quote, tick by tick."""
        rows = {"data_type": str(LIVE), "bid": bid, "bid_size": size, "ask": ask, "ask_size": size}
        for field, value in rows.items():
            self.hub.on_tick(QuoteTick(CON, field, Decimal(value), self.clock.monotonic()))

    def run(self, strategy: Strategy) -> StrategyRunner:
        """Have a strategy trade in it, as a daemon does."""
        bars = BarKeeper(self.shadow.services, bars_wanted([strategy]), random.Random(0))
        runner = StrategyRunner(
            self.shadow.services,
            strategy=strategy,
            gateway=self.shadow.gateway,
            settings=RunnerSettings(0.1, 30.0),
            bars_of=bars.bars,
        )
        self.shadow.ledger.observe(runner.on_recorded)
        bars.follow(runner.on_bar)
        bars.start()
        runner.start()
        return runner

    async def stop(self) -> None:
        await self.supervisor.stop()


def kept(state: dict[str, int]) -> str:
    return json.dumps(state, sort_keys=True)
