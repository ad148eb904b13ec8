"""The play of one fault of the market data: while it lasts nothing leaves, and then it trades on.

The strategy is blind: it wants to buy whatever the quote is, so what keeps it from that is the gate
alone. One symbol, which it never buys, stays as it is: its ticks are what wakes the strategy while
the others say nothing. Nobody resumes anything.

Missing bars are a fault of their own: quotes are good again, and what the strategy decides by has a
hole that the broker does not fill. Then it may sell and not buy.
"""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.simulation.faults import CLIENT
from tests.simulation.incident_play import IncidentPlay
from tests.simulation.incident_table import Act, Row
from tests.simulation.incident_world import IncidentWorld
from tests.simulation.steady import SteadyStrategy
from tests.simulation.strategy import SYMBOLS
from tests.simulation.watch import Violation
from trader.config import Configuration
from trader.core.bars import BarSpec
from trader.core.intents import OrderType, Side
from trader.core.market import Quote
from trader.engine.strategy.runner import RunnerSettings
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

    world_kind: type[IncidentWorld] = _BlindWorld

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


_HISTORY = "ushmds"
# The quotes are gone for so long that a third of the bars is missing, and then so long good again,
# while no history is to be had.
_GONE_S, _GOOD_S, _HOLD_S = 40.0, 8.0, 30.0
_LACK = "BARS_INCOMPLETE"


class BarStrategy(SteadyStrategy):
    """Decides by the bars of two minutes: buys a little, and sells a little of what it holds."""

    @property
    def bar_spec(self) -> BarSpec | None:
        return BarSpec(5, 24)

    def _do(self, quote: Quote, context: Context) -> None:
        instrument = context.instrument(SYMBOLS[0])
        if instrument is None or quote.con_id == instrument.con_id:
            return
        is_exit = context.position(quote.con_id) > 0 and self._chance.random() < 0.4
        context.submit(
            Wish(
                con_id=quote.con_id,
                side=Side.SELL if is_exit else Side.BUY,
                quantity=Decimal(1),
                order_type=OrderType.MARKET,
                limit_price=None,
                stop_price=None,
                is_reduce_only=False,
                reason="bars",
            )
        )


class _BarWorld(IncidentWorld):
    def _deployments(self, config: Configuration) -> tuple[Deployment, ...]:
        strategy = BarStrategy(random.Random(f"{self.seed}/{self.starts}"), self.pace)
        strategy.is_resting = self.must_rest or not self.may_begin
        self.strategies = [strategy]
        return (Deployment(strategy, RunnerSettings(_LOOK_S, 1.0)),)


class MissingBarsPlay(DataFaultPlay):
    """A hole in the bars that no history fills, until it does."""

    world_kind = _BarWorld

    def __init__(self, seed: str, config: Configuration) -> None:
        super().__init__(DataFault("missing bars", (), ()), seed, config)

    async def _disturb(self) -> None:
        world = self.world
        await self._until("it trades", lambda: len(world.watch.sent) >= 6)
        await world.act(("farm", {"code": 2105, "farm": _HISTORY}))
        for act in each("distort", kind="no-data"):
            await world.act(act)
        await asyncio.sleep(_GONE_S)
        for act in each("distort", kind="none"):
            await world.act(act)
        await asyncio.sleep(_GOOD_S)
        bought, sold = self._sides()
        await asyncio.sleep(_HOLD_S)
        now_bought, now_sold = self._sides()
        if now_bought > bought:
            raise Violation("bought_on_a_hole", f"{now_bought - bought} times")
        if now_sold == sold:
            raise Violation("locked_in", "nothing was sold while bars were missing")
        if not self._refused():
            raise Violation("not_refused", f"nothing was refused by {_LACK}")
        if not any(title.startswith("bars are missing") for title in world.watch.pages):
            raise Violation("nobody_called", f"{dict(world.watch.pages)}")
        await world.act(("farm", {"code": 2106, "farm": _HISTORY}))
        await self._until("it buys again", lambda: self._sides()[0] > now_bought)

    def _sides(self) -> tuple[int, int]:
        register = self.world.gateway.exchange.register.everything()
        bought = [str(one.side) == "BUY" for one in register if one.client_id == CLIENT]
        return sum(bought), len(bought) - sum(bought)

    def _refused(self) -> int:
        with self.oracle.journal_at_rest() as db:
            rows = db.execute("SELECT payload FROM events WHERE kind = 'IntentReviewed'").fetchall()
        return sum(json.loads(payload)["code"] == _LACK for (payload,) in rows)


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
