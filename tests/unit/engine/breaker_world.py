"""An engine with its breakers, in virtual time: what an account is worth is in the test's hands."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Any

from tests.unit.engine.world import CON, POLICY, World, a_snapshot
from trader.core.breakers.machine import Phase
from trader.core.breakers.rules import BreakerName, Rules
from trader.core.policy import Policy
from trader.engine.risk.breaker_kill import BreakerKill
from trader.engine.risk.breakers import Breakers, Round
from trader.engine.risk.equity import Equity
from trader.engine.risk.probes import Probes
from trader.engine.risk.readings import Readings

D = Decimal
# 1000 shares at 100 and no cash: a price is a thousandth of the account.
HELD = 1_000


def rules_with(**changes: dict[str, Any]) -> Policy:
    """Return the policy of the engine's tests with some rules changed; prices may be wide."""
    rules = Rules()
    for name, values in changes.items():
        rules = replace(rules, **{name: replace(getattr(rules, name), **values)})
    return replace(POLICY, breaker=replace(POLICY.breaker, rules=rules))


class Breaking:
    """A world of the engine's tests with breakers on top."""

    def __init__(self, world: World | None = None, **changes: dict[str, Any]) -> None:
        self._build(world, rules_with(**changes))

    @classmethod
    def under(cls, policy: Policy, world: World | None = None) -> Breaking:
        """Build it under a whole policy."""
        made = cls.__new__(cls)
        made._build(world, policy)
        return made

    def _build(self, world: World | None, policy: Policy) -> None:
        self.world = world = world or World(held=HELD, cash=0, policy=policy)
        self.free = D("0.5")
        self.audited: list[Round] = []
        self.equity = Equity(world.services, policy)
        self.probes = Probes(world.services, self.free_share)
        self.readings = Readings(
            world.services, policy=policy, equity=self.equity, probes=self.probes
        )
        self.breakers = Breakers(
            world.services,
            policy=policy,
            equity=self.equity,
            readings=self.readings,
            desk=world.desk,
            audit=self.audited.append,
        )
        self.kill = BreakerKill(
            world.services,
            desk=world.desk,
            killed=self.breakers.killed,
            forbidding_entries=self.breakers.forbidding_entries,
            must_flatten=policy.kill.must_flatten,
        )
        world.ledger.observe(self.readings.on_recorded)

    async def free_share(self) -> Decimal:
        return self.free

    async def settle(self) -> Breaking:
        """Let every reading be there and good."""
        self.readings.on_run(frozenset(), 0)
        await self.at("100")
        return self

    async def at(self, *prices: str) -> None:
        """Let a second pass for each price, with everything else well, and evaluate."""
        for price in prices:
            await asyncio.sleep(1)
            await self.well()
            mid = D(price)
            self.world.quote(str(mid - D("0.01")), str(mid + D("0.01")))
            self.breakers.round()

    async def still(self, seconds: int) -> None:
        """Let seconds pass in which no price comes, and evaluate in each."""
        for _ in range(seconds):
            await asyncio.sleep(1)
            await self.well()
            self.breakers.round()

    async def well(self) -> None:
        """Keep the readings young that no price makes."""
        guard = self.world.guard
        guard.note_lag(0.0)
        guard.heartbeat_s = self.world.clock.monotonic()
        await self.probes.probe_disk()
        await self.probes.probe_journal()

    def told(self, value: str) -> None:
        """Have the broker say what the account is worth."""
        self.equity.on_snapshot(a_snapshot(net_liquidation=D(value)))

    def phase(self, name: BreakerName) -> Phase:
        standing = self.world.book.safety.standing_of(name)
        return Phase.CLOSED if standing is None else standing.phase

    def posture(self) -> str:
        return self.world.guard.posture()


__all__ = ["CON", "HELD", "Breaking", "rules_with"]
