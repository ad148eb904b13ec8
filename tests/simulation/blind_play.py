"""A world in which nothing happens but its market, minute by minute, as a test has it.

The whole daemon buys two instruments of the whole simulator and keeps them; prices are held where
the test puts them. What a blind spot must do is read as an operator reads it: from the status.
"""

from __future__ import annotations

import asyncio
import json
import math
import random
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from typing import Any

from tests.simulation import operating
from tests.simulation.run import Child
from tests.simulation.settings import USUAL_TARGETS
from tests.simulation.strategy import DrawnStrategy
from tests.simulation.world import SimulatedWorld
from trader.config import Configuration
from trader.core.intents import OrderType, Side
from trader.core.market import Quote, fault
from trader.engine.strategy.runner import RunnerSettings
from trader.sim.host import play
from trader.sim.script.actions import perform, registry
from trader.sim.settings import Settings
from trader.strategies.base import Context, OrderStage, OrderUpdate, Wish
from trader.wiring import Deployment

SYMBOLS = ("AAPL", "IBM")
FEWEST = 20
HELD = Decimal(200)
# More than half of what one position may have, and less than all of it.
TOO_LARGE_FOR_HALF = Decimal(450)
_PATIENCE_S = 60
_MINUTE_S = 60.0

Act = tuple[str, Mapping[str, Any]]
# What a minute brings: the change of the logarithm of each price; None where nobody says anything.
Moves = Callable[[random.Random], tuple[float | None, float | None]]


@dataclass(frozen=True, slots=True)
class Injection:
    """A market, from which minute on what is done to it, and when it has to be told."""

    breaker: str
    before: Moves
    after: Moves
    at_minute: int
    within_minutes: int
    acts: tuple[Act, ...] = ()


@dataclass(slots=True)
class Told:
    """What the status said."""

    # Of the last minute before the injection: what stands open, and what new risk may have.
    open_before: list[str] = field(default_factory=list)
    allocation_before: str = ""
    # So many minutes after it the breaker stood open; None: never.
    after_minutes: int | None = None
    text: str = ""
    allocation: str = ""
    posture: str = ""
    pages: dict[str, int] = field(default_factory=dict)
    blind: dict[str, Any] = field(default_factory=dict)
    # Why a large order was refused then; empty when it was sent.
    refused: str = ""
    problem: str = ""


class Keeper(DrawnStrategy):
    """Buys once, when told, and tries for more of the second when told; nothing is drawn."""

    def __init__(self) -> None:
        super().__init__(random.Random(0), 0.0)
        self._asked: set[str] = set()
        self.may_buy = self.wants_more = False
        # The last that it was told of an order.
        self.update: OrderUpdate | None = None

    def on_quote(self, quote: Quote, context: Context) -> None:
        """Buy each once there is a quote of it."""
        for symbol in SYMBOLS if self.may_buy else ():
            instrument = context.instrument(symbol)
            if instrument is None or instrument.con_id != quote.con_id:
                continue
            key = f"{symbol} again" if self.wants_more and symbol == SYMBOLS[1] else symbol
            if key not in self._asked and not fault(quote, context.now_s, 5.0):
                self._asked.add(key)
                quantity = HELD if key == symbol else TOO_LARGE_FOR_HALF
                context.submit(Wish(instrument.con_id, Side.BUY, quantity, OrderType.MARKET))

    def on_order(self, update: OrderUpdate, context: Context) -> None:
        """Keep the last."""
        super().on_order(update, context)
        self.update = update


class BlindWorld(SimulatedWorld):
    """The world of one injection."""

    keeper: Keeper

    def _broker_settings(self) -> Settings:
        return replace(super()._broker_settings(), tick_interval_s=5.0)

    def _deployments(self, config: Configuration) -> tuple[Deployment, ...]:
        self.keeper = Keeper()
        return (Deployment(self.keeper, RunnerSettings(0.5, 5.0)),)

    def act(self, name: str, inputs: Mapping[str, Any]) -> None:
        """Perform an action of the simulator."""
        stage = play.stage_of(self.gateway, self.gateway.clock, lambda: None)
        self.gateway_act(lambda: perform(stage, registry()[name], inputs))


def targets(limits: Mapping[str, float], fewest: int = FEWEST) -> dict[str, Any]:
    """Return the policy of the simulated daemon, with these limits of blind spots."""
    rules = USUAL_TARGETS["breaker"]["rules"]
    blind = {name: {"limit": limit} for name, limit in limits.items()}
    return {
        **USUAL_TARGETS,
        "breaker": {"rules": {**rules, **blind}},
        "blind": {"minutes_min": fewest},
    }


class BlindPlay:
    """One injection from the first start to what the status said."""

    def __init__(self, seed: str, config: Configuration, injection: Injection) -> None:
        self.world = BlindWorld(seed, config)
        self._chance = random.Random(seed)
        self._injection = injection
        self._prices = dict.fromkeys(SYMBOLS, 100.0)
        self.told = Told()

    def run(self) -> Told:
        """Play it."""
        asyncio.set_event_loop(self.world.loop)
        self.world.loop.run_until_complete(self._play())
        self.told.pages = dict(self.world.watch.pages)
        self.world.clean_up()
        return self.told

    async def _play(self) -> None:
        self.world.watch.resuming()
        await self.world.open()
        if not await self._is_armed():
            self.told.problem = "never armed"
            return
        self.world.keeper.may_buy = True
        injection, told = self._injection, self.told
        for _ in range(injection.at_minute):
            await self._minute(injection.before)
        body = (await operating.status()).body
        told.open_before, told.allocation_before = self._open(body), body["allocation"]
        for name, inputs in injection.acts:
            self.world.act(name, inputs)
        for minute in range(injection.within_minutes):
            await self._minute(injection.after)
            body = (await operating.status()).body
            if injection.breaker in self._open(body):
                told.after_minutes = minute + 1
                break
        row = next(row for row in body["breakers"] if row["name"] == injection.breaker)
        told.text, told.blind = row["text"], body["blind"]
        told.allocation, told.posture = body["allocation"], body["posture"]
        await self._try_more()

    async def _is_armed(self) -> bool:
        for _ in range(_PATIENCE_S):
            await asyncio.sleep(1)
            answer = await operating.status()
            if answer.code and answer.body["posture"] == "armed":
                return True
        return False

    async def _minute(self, moves: Moves) -> None:
        for symbol, move in zip(SYMBOLS, moves(self._chance), strict=True):
            if move is None:
                continue
            self._prices[symbol] *= math.exp(move)
            price = str(Decimal(self._prices[symbol]).quantize(Decimal("0.01")))
            self.world.act("price", {"symbol": symbol, "price": price})
        await asyncio.sleep(_MINUTE_S)

    async def _try_more(self) -> None:
        keeper = self.world.keeper
        keeper.update, keeper.wants_more = None, True
        self.world.act("price", {"symbol": SYMBOLS[1], "price": "100"})
        for _ in range(_PATIENCE_S):
            await asyncio.sleep(1)
            update: OrderUpdate | None = keeper.update
            if update is not None:
                self.told.refused = update.code if update.stage is OrderStage.REFUSED else ""
                return
        self.told.problem = "no answer to the last order"

    @staticmethod
    def _open(body: dict[str, Any]) -> list[str]:
        return [row["name"] for row in body["breakers"] if row["phase"] != "closed"]


def played(seed: str, config: Configuration, injection: Injection) -> Told:
    """Play an injection in a child of its own."""
    text, status = Child(
        lambda: json.dumps(asdict(BlindPlay(seed, config, injection).run()))
    ).said()
    assert text, f"the child ended without a word, status {status}"
    return Told(**json.loads(text))
