"""The play of one fault of the market data: while it lasts nothing leaves, and then it trades on.

The strategy is blind: it wants to buy whatever the quote is, so what keeps it from that is the gate
alone. One symbol, which it never buys, stays as it is: its ticks are what wakes the strategy while
the others say nothing. Nobody resumes anything.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.simulation.incident_play import IncidentPlay
from tests.simulation.incident_table import Act, Row
from tests.simulation.incident_world import IncidentWorld
from tests.simulation.steady import SteadyStrategy
from tests.simulation.strategy import SYMBOLS
from trader.config import Configuration
from trader.core.intents import OrderType, Side
from trader.core.market import Quote
from trader.engine.runner import RunnerSettings
from trader.strategies.base import Context, Wish
from trader.wiring import Deployment

# A scenario that itself only touches the first tick of one symbol.
SCENARIO = "inc-140-yesterdays-price-first"
_LOOK_S = 0.5
SPOILT = SYMBOLS[1:]


@dataclass(frozen=True, slots=True)
class DataFault:
    """What is done to the data, what is done again and again meanwhile, and what ends it.

    ``blind_s`` is how long the daemon may go on before it must have noticed.
    """

    name: str
    begin: tuple[Act, ...]
    end: tuple[Act, ...]
    meanwhile: tuple[tuple[Act, ...], ...] = ()
    blind_s: float = 0.5
    lasts_s: float = 12.0
    pages: tuple[str, ...] = ()


def each(action: str, **inputs: Any) -> tuple[Act, ...]:
    """Return an action for every symbol that is spoilt."""
    return tuple((action, {"symbol": symbol, **inputs}) for symbol in SPOILT)


class BlindStrategy(SteadyStrategy):
    """Buys a little of anything, whatever its quote says."""

    def _is_unfit(self, quote: Quote, now_s: float) -> bool:
        return False

    def _do(self, quote: Quote, context: Context) -> None:
        instrument = context.instrument(SYMBOLS[0])
        if instrument is None or quote.con_id == instrument.con_id:
            return
        price = next((p for p in (quote.ask, quote.bid) if p and p.is_finite() and p > 0), None)
        kind = self._chance.choice((OrderType.MARKET, OrderType.LIMIT))
        limit = (price or Decimal(100)).quantize(Decimal("0.01"))
        context.submit(
            Wish(
                con_id=quote.con_id,
                side=Side.BUY,
                quantity=Decimal(1),
                order_type=kind,
                limit_price=limit if kind is OrderType.LIMIT else None,
                stop_price=None,
                is_reduce_only=False,
                reason="blind",
            )
        )


class _BlindWorld(IncidentWorld):
    def _deployments(self, config: Configuration) -> tuple[Deployment, ...]:
        strategy = BlindStrategy(random.Random(f"{self.seed}/{self.starts}"), self.pace)
        strategy.is_resting = self.must_rest or not self.may_begin
        self.strategies = [strategy]
        return (Deployment(strategy, RunnerSettings(_LOOK_S, 1.0)),)


class DataFaultPlay(IncidentPlay):
    """One fault from its beginning to the orders after its end."""

    world_kind = _BlindWorld

    def __init__(self, fault: DataFault, seed: str, config: Configuration) -> None:
        row = Row(SCENARIO, pages=fault.pages, patience_s=1_200)
        super().__init__(row, seed, config)
        self.fault = fault

    async def _disturb(self) -> None:
        world, fault = self.world, self.fault
        await self._until("it trades", lambda: len(world.watch.sent) >= 2)
        for act in fault.begin:
            await world.act(act)
        await asyncio.sleep(fault.blind_s)
        world.watch.halted()
        until_s, turn = world.loop.time() + fault.lasts_s, 0
        while world.loop.time() < until_s:
            await asyncio.sleep(4 * _LOOK_S)
            if fault.meanwhile:
                for act in fault.meanwhile[turn % len(fault.meanwhile)]:
                    await world.act(act)
            turn += 1
        self.oracle.check_now()
        world.watch.resuming()
        for act in fault.end:
            await world.act(act)


FAULTS = (
    *(
        DataFault(kind, each("distort", kind=kind), each("distort", kind="none"))
        for kind in ("no-data", "zero", "nan", "no-bid", "no-ask", "crossed")
    ),
    DataFault(
        "prices from nowhere that do not stay",
        each("distort", kind="offset", amount="150"),
        each("distort", kind="none"),
        meanwhile=(
            each("distort", kind="offset", amount="900"),
            each("distort", kind="offset", amount="150"),
        ),
        lasts_s=30.0,
    ),
    DataFault("halted", each("halt"), each("reopen")),
    DataFault("silent", each("silence"), (), blind_s=6.0, lasts_s=20.0),
    DataFault(
        "delayed in the middle of the day",
        each("market-data-type", type="delayed"),
        each("market-data-type", type="live"),
    ),
    DataFault(
        "frozen in the middle of the day",
        each("market-data-type", type="frozen"),
        each("market-data-type", type="live"),
    ),
    DataFault(
        "another session",
        (("competing-session", {"on": True}),),
        (("competing-session", {"on": False}),),
        pages=("no quotes of AAPL",),
    ),
)
