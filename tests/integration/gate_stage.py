"""The stage of a drawn sequence: the daemon's real parts on one side, the exchange on the other.

What the daemon sends reaches the exchange, what the exchange says reaches the daemon in any order,
and at the end everything is said and both must hold the same account. The broker's lists lag a
little; where they lag for longer than an order settles, a status has said how much is owed.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from decimal import Decimal

from tests.integration.exchange import Exchange, Word
from tests.unit.core.policies import a_policy
from tests.unit.engine.breaker_world import Breaking
from tests.unit.engine.world import CON, OTHER_CON, World, an_instrument
from trader.core import events as ev
from trader.core.breakers.rules import Action, BreakerName
from trader.core.drifts import DriftKind
from trader.core.halts import HaltCause
from trader.core.ids import ConId, OrderId, StrategyName
from trader.core.intents import Intent
from trader.core.risk import ApprovedChange, ApprovedOrder
from trader.core.snapshots import BrokerSnapshot
from trader.engine.operator import Answer
from trader.engine.outcomes import Outcome
from trader.ports import SendUncertain, SnapshotUnavailable

ZERO = Decimal(0)
CENT = Decimal("0.01")
# The least leaves cash short of the limits, the most leaves only the limits.
START_CASH = (2_500, 6_000, 20_000)
STRATEGIES = (StrategyName("alpha"), StrategyName("beta"))
CON_IDS = (CON, OTHER_CON)
SETTLE_S = 4.0
# How far lists may lag behind: less than the settle window, unless a status has said what is owed.
LIST_LAG_S = 1.5
OWED_S = 12.0
# Close to what the account can carry, so that limits and cash are met all the time.
POLICY = a_policy(
    order__quantity_max=Decimal(40),
    order__notional_max=Decimal(4_000),
    order__settle_s=SETTLE_S,
    position__quantity_max=Decimal(55),
    position__notional_max=Decimal(7_000),
    cash__reserve_min=ZERO,
    price__quote_age_s_max=30.0,
    exposure__is_enforced=False,
    rate__orders_max=7,
    rate__orders_per_strategy_max=5,
    rate__orders_per_instrument_max=7,
    rate__daily_trades_max=12,
    rate__repeats_max=100,
    rate__executions_max=1_000,
)
# Two that these sequences trip and reset by themselves: one reduces, one halts.
BREAKERS: dict[str, dict[str, object]] = {
    **{name.value: {"is_enabled": False} for name in BreakerName},
    "unanswered": {"limit": Decimal(2), "hold_s": 5.0},
    "quote_staleness": {"action": Action.HALT, "confirmations": 1, "hold_s": 3.0},
}


class Stage:
    """Both sides of one sequence, and what passes between them."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        # Of its own, so that it shifts no other draw. Three sequences of seven correct executions;
        # those in the list of regressions do not, and stay what they were found as.
        self.correcting = random.Random(~seed) if seed % 7 > 3 else None
        self.held = self.chance.choice([0, 0, 20])
        self.cash = self.chance.choice(START_CASH)
        self.exchange = Exchange(POLICY, self.held, self.cash)
        self.numbers = dict.fromkeys(STRATEGIES, 0)
        self.intents: list[Intent] = []
        self.tasks: list[asyncio.Task[Outcome] | asyncio.Task[Answer]] = []
        self.mids = dict.fromkeys(CON_IDS, Decimal(100))
        self.fault = ""
        self.trips = self.changes = self.corrections = 0
        self.world = World(policy=POLICY, held=self.held, cash=self.cash, deadline_s=3.0)
        self.attach()

    def attach(self) -> None:
        world = self.world
        world.hub.add(an_instrument(con_id=OTHER_CON, symbol="BBB"))
        world.broker.on_place = self._on_place
        world.broker.on_change = self._on_change
        world.broker.word = self._lists
        world.broker.list_word = self._listed
        self.breaking = Breaking(world, **BREAKERS)
        self.settling = asyncio.create_task(world.settler.run())
        for con_id in CON_IDS:
            self.quote(con_id)
        self.breaking.breakers.round()

    # ---- what reaches the exchange

    def _on_place(self, order: ApprovedOrder) -> None:
        if self._is_lost():
            self.exchange.take(order, self.world)
        if self.fault:
            self.fault = ""
            raise SendUncertain("the socket broke in the middle of the order")
        self.exchange.take(order, self.world)

    def _on_change(self, change: ApprovedChange) -> None:
        self.changes += 1
        if self._is_lost():
            self.exchange.take_change(change, self.world)
        if self.fault:
            self.fault = ""
            raise SendUncertain("the socket broke in the middle of the change")
        self.exchange.take_change(change, self.world)

    def _is_lost(self) -> bool:
        """Tell whether the socket breaks, and the exchange has all of it nevertheless."""
        return self.fault == "lost" and self.chance.random() < 0.5

    def _lists(self) -> BrokerSnapshot:
        clock = self.world.clock
        return self.exchange.snapshot(clock.utc(), clock.monotonic())

    def _listed(self) -> BrokerSnapshot | SnapshotUnavailable:
        return SnapshotUnavailable("drawn") if self.chance.random() < 0.2 else self._lists()

    def listed_s(self) -> float:
        """Draw from when on the broker's lists hold what is executed now."""
        return self.world.clock.monotonic() + self.chance.choice([0, 0, LIST_LAG_S])

    def quote(self, con_id: ConId) -> None:
        half = Decimal(self.chance.choice(["0.02", "0.10", "1.00"])) / 2
        mid = self.mids[con_id]
        bid, ask = (mid - half).quantize(CENT), (mid + half).quantize(CENT)
        self.world.quote(str(bid), str(ask), con_id)
        self.exchange.quoted(con_id, ask, self.world.clock.monotonic())

    # ---- what the exchange says

    async def speak(self) -> None:
        """Say one thing that is to be said: any, sometimes twice."""
        said = self.exchange.said
        if not said:
            return
        word = said.pop(self._place_of(self.chance.randrange(len(said))))
        for _ in range(self.chance.choice([1, 1, 2])):
            self.say(word)

    def _place_of(self, drawn: int) -> int:
        """Return the place of what is said next: the first answer of an order before its others."""
        order_id = answered(self.exchange.said[drawn])
        if order_id is None:
            return drawn
        answers = (answered(word) for word in self.exchange.said)
        return next(place for place, other in enumerate(answers) if other == order_id)

    def say_now(self, is_meant: Callable[[Word], bool]) -> None:
        """Say some of what is to be said, before all else."""
        said, self.exchange.said = self.exchange.said, []
        for word in said:
            if is_meant(word):
                self.say(word)
            else:
                self.exchange.said.append(word)

    def say(self, word: Word) -> None:
        self.exchange.told(word, self.world.clock.monotonic())
        self.world.say(word)

    # ---- the end

    async def stop(self) -> None:
        self.settling.cancel()
        await asyncio.gather(self.settling, return_exceptions=True)

    def judge(self) -> None:
        """Fail on a rule that was broken, and on anything that broke inside the daemon."""
        assert not self.exchange.broken, self.exchange.broken
        for task in [task for task in self.tasks if task.done()]:
            self.tasks.remove(task)
            if not task.cancelled():
                task.result()
        assert not self.settling.done(), self.settling.exception()

    async def settle(self) -> None:
        """Once everything has been said, the book is the exchange's account and owes nothing."""
        for row in self.exchange.orders.values():
            if row.asked is not None:
                self.exchange.answer_change(row, self.chance.random() < 0.7)
        while self.exchange.said:
            await self.speak()
        self.restore_link()
        book = self.world.book
        self.world.gateway.mark_unanswered(0.0, "the sequence is over")
        for _ in range(3):
            await asyncio.sleep(3 * SETTLE_S)
            await self.world.reconciler.run_once("end")
        for con_id in CON_IDS:
            assert book.position_of(con_id) == self.exchange.positions[con_id], f"of {con_id}"
        assert book.cash["USD"] == self.exchange.cash
        odd = (ev.TicketOpened, ev.CashAdjusted, ev.PositionAdjusted)
        found = [row.event for row in self.world.journal.rows if isinstance(row.event, odd)]
        found = [event for event in found if not _is_of_what_is_owed(event)]
        assert not found, f"a sound broker was doubted: {found}"
        assert not book.settling, f"never settled: {list(book.settling)}"
        live = {row.order.order_id: row.left for row in self.exchange.live()}
        known = {row.order_id: row.remaining for row in book.live_orders.values()}
        assert known == live, f"{known} live in the book, {live} at the exchange"
        self.judge()

    def restore_link(self) -> None:
        for level in (HaltCause.LINK, HaltCause.UPSTREAM):
            self.world.guard.clear_level(level)


def _is_of_what_is_owed(event: ev.Event) -> bool:
    """Tell whether it is the ticket of executions that were too late for two looks."""
    return isinstance(event, ev.TicketOpened) and event.kind == DriftKind.EXECUTION_OWED


def answered(word: Word) -> OrderId | None:
    """Return the order of which a word shows the terms, or answers a change of them."""
    match word:
        case ev.OpenOrderSeen(order_id=order_id):
            return order_id
        case ev.OrderErrorSeen(order_id=order_id, evidence=ev.Evidence.REJECTS_NEW):
            return order_id
        case _:
            return None
