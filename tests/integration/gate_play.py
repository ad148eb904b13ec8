"""One drawn sequence: the real gateway, guard, book, review, reconciler, settler and breakers under
virtual time, against :mod:`tests.integration.exchange`, which judges every send and every fill.

A seed draws intents of two strategies in two instruments, changes, partial fills, rejections,
cancels that lose races, words in any order and twice, prices that move, trades by hand, halts,
breakers, failing sockets, slow disks, reconciliations and restarts. Only two things are never
drawn, because one stream of bytes cannot do them: echoes of one order overtake neither each other
nor the answer to a change, and a complete snapshot overtakes none of these.
"""

from __future__ import annotations

import asyncio
import random
from decimal import Decimal

from tests.integration.exchange import Exchange, Resting, Word, bold_price
from tests.unit.core.policies import a_policy
from tests.unit.engine.breaker_world import Breaking
from tests.unit.engine.world import (
    ACCOUNT,
    BUY,
    CON,
    LINEAGE,
    OTHER_CON,
    SELL,
    VirtualLoop,
    World,
    an_instrument,
    turns,
)
from trader.core import events as ev
from trader.core.breakers.rules import Action, BreakerName
from trader.core.halts import HaltCause, Mode
from trader.core.ids import ConId, OrderId, StrategyName, intent_id
from trader.core.intents import Intent, OrderType, Side, TimeInForce
from trader.core.orders import OrderState
from trader.core.risk import ApprovedChange, ApprovedOrder
from trader.core.risk.change import Revision
from trader.engine.boot import take_over
from trader.engine.outcomes import Outcome
from trader.ports import LinkDown, SendUncertain, SnapshotUnavailable

STEPS = 70
ZERO = Decimal(0)
CENT = Decimal("0.01")
# The least leaves cash short of the limits, the most leaves only the limits.
START_CASH = (2_500, 6_000, 20_000)
STRATEGIES = (StrategyName("alpha"), StrategyName("beta"))
CON_IDS = (CON, OTHER_CON)
SETTLE_S = 4.0
# How far a list of executions may lag behind: less than the settle window, as the broker's does.
LIST_LAG_S = 3.0
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


class Play:
    """One sequence: a seed, the engine of the moment, and the exchange that outlives it."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.held = self.chance.choice([0, 0, 20])
        self.cash = self.chance.choice(START_CASH)
        self.exchange = Exchange(POLICY, self.held, self.cash)
        self.numbers = dict.fromkeys(STRATEGIES, 0)
        self.intents: list[Intent] = []
        self.tasks: list[asyncio.Task[Outcome]] = []
        self.mids = dict.fromkeys(CON_IDS, Decimal(100))
        self.fault = ""
        self.trips = self.changes = 0
        self.world = World(policy=POLICY, held=self.held, cash=self.cash, deadline_s=3.0)
        self._attach()

    def _attach(self) -> None:
        world = self.world
        world.hub.add(an_instrument(con_id=OTHER_CON, symbol="BBB"))
        world.broker.on_place = self._on_place
        world.broker.on_change = self._on_change
        world.broker.word = lambda: self.exchange.snapshot(world.clock.utc())
        world.broker.list_word = self._listed
        self.breaking = Breaking(world, **BREAKERS)
        self.settling = asyncio.create_task(world.settler.run())
        for con_id in CON_IDS:
            self._quote(con_id)
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

    def _listed(self) -> object:
        if self.chance.random() < 0.2:
            return SnapshotUnavailable("drawn")
        lag_s = self.chance.uniform(0, LIST_LAG_S)
        now_s = self.world.clock.monotonic()
        return self.exchange.list_until(self.world.clock.utc(), now_s - lag_s)

    def _quote(self, con_id: ConId) -> None:
        half = Decimal(self.chance.choice(["0.02", "0.10", "1.00"])) / 2
        mid = self.mids[con_id]
        bid, ask = (mid - half).quantize(CENT), (mid + half).quantize(CENT)
        self.world.quote(str(bid), str(ask), con_id)
        self.exchange.quoted(con_id, ask, self.world.clock.monotonic())

    # ---- the sequence

    async def run(self) -> None:
        """Make every step, then let everything be said and settle."""
        # The baseline was accepted before the first order, and is on disk.
        await self.world.ledger.durable(self.world.ledger.seq)
        moves = (
            (self.submit, 12), (self.change, 5), (self.answer, 4), (self.fill, 6), (self.speak, 9),
            (self.acknowledge, 5), (self.reject, 1), (self.cancel, 3), (self.race, 4),
            (self.move_price, 3), (self.pass_time, 4), (self.repeat, 1), (self.halt, 1),
            (self.resume, 4), (self.break_socket, 1), (self.hold_disk, 2), (self.release_disk, 5),
            (self.restart, 1), (self.sell_by_hand, 1), (self.reconcile, 1), (self.evaluate, 2),
        )  # fmt: skip
        acts = [act for act, _ in moves]
        weights = [weight for _, weight in moves]
        for _ in range(STEPS):
            (act,) = self.chance.choices(acts, weights)
            await act()
            await turns(self.chance.choice([1, 3, 6]))
            self._judge()
        self.world.journal.release()
        await turns(10)
        self._judge()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        try:
            await self._settle()
        finally:
            await self._stop()

    async def _stop(self) -> None:
        self.settling.cancel()
        await asyncio.gather(self.settling, return_exceptions=True)

    def _judge(self) -> None:
        """Fail on a rule that was broken, and on anything that broke inside the daemon."""
        assert not self.exchange.broken, self.exchange.broken
        for task in [task for task in self.tasks if task.done()]:
            self.tasks.remove(task)
            if not task.cancelled():
                task.result()
        assert not self.settling.done(), self.settling.exception()

    async def _settle(self) -> None:
        """Once everything has been said, the book is the exchange's account and owes nothing."""
        for row in self.exchange.orders.values():
            if row.asked is not None:
                self.exchange.answer_change(row, self.chance.random() < 0.7)
        while self.exchange.said:
            await self.speak()
        self._restore_link()
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
        assert not found, f"a sound broker was doubted: {found}"
        assert not book.settling, f"never settled: {list(book.settling)}"
        live = {row.order.order_id: row.left for row in self.exchange.live()}
        known = {row.order_id: row.remaining for row in book.live_orders.values()}
        assert known == live, f"{known} live in the book, {live} at the exchange"
        self._judge()

    def _restore_link(self) -> None:
        for level in (HaltCause.LINK, HaltCause.UPSTREAM):
            self.world.guard.clear_level(level)

    # ---- what strategies do

    async def submit(self) -> None:
        """Submit an intent, sometimes several at once."""
        for _ in range(self.chance.choice([1, 1, 1, 3])):
            intent = self._drawn_intent()
            self.intents.append(intent)
            self.tasks.append(asyncio.create_task(self.world.gateway.submit(intent)))

    def _drawn_intent(self) -> Intent:
        chance = self.chance
        strategy, con_id = chance.choice(STRATEGIES), chance.choice([CON, CON, OTHER_CON])
        self.numbers[strategy] += 1
        side: Side = chance.choice([BUY, BUY, SELL])
        kind = chance.choice([OrderType.MARKET, OrderType.LIMIT, OrderType.STOP])
        price = self._drawn_price(con_id)
        return Intent(
            intent_id=intent_id(LINEAGE, strategy, self.numbers[strategy]),
            strategy=strategy,
            con_id=con_id,
            side=side,
            quantity=Decimal(chance.choice([1, 5, 10, 15, 20, 30, 38, 41])),
            order_type=kind,
            time_in_force=TimeInForce.DAY,
            limit_price=price if kind is OrderType.LIMIT else None,
            stop_price=price if kind is OrderType.STOP else None,
            is_reduce_only=chance.random() < (0.6 if side is SELL else 0.1),
        )

    def _drawn_price(self, con_id: ConId) -> Decimal:
        move = 1 + Decimal(self.chance.randint(-30, 30)) / 1000
        return (self.mids[con_id] * move).quantize(CENT)

    async def change(self) -> None:
        """Change a working order: its size, its price or both."""
        live = self.world.gateway.working_orders()
        working = [row for row in live if row.state is OrderState.WORKING]
        if not live:
            return
        order = self.chance.choice(working or live)
        price = self._drawn_price(order.terms.con_id)
        is_priced = self.chance.random() < 0.6
        sizes: list[Decimal | None] = [None, *map(Decimal, (1, 5, 15, 30, 40))]
        revision = Revision(
            quantity=self.chance.choice(sizes),
            limit_price=price if is_priced and order.terms.limit_price is not None else None,
            stop_price=price if is_priced and order.terms.stop_price is not None else None,
            reason="drawn",
        )
        work = self.world.gateway.modify(order.order_id, revision)
        self.tasks.append(asyncio.create_task(work))

    async def repeat(self) -> None:
        """Submit an intent again, as a replay after a restart would."""
        if self.intents:
            again = self.chance.choice(self.intents)
            self.tasks.append(asyncio.create_task(self.world.gateway.submit(again)))

    # ---- what the exchange does

    async def answer(self) -> None:
        """Have the exchange take a change that is on its way, or refuse it."""
        rows = [row for row in self.exchange.orders.values() if row.asked is not None]
        if rows:
            self.exchange.answer_change(self.chance.choice(rows), self.chance.random() < 0.7)

    async def fill(self) -> None:
        rows = self.exchange.live()
        if not rows:
            return
        row = self.chance.choice(rows)
        quantity = row.left if self.chance.random() < 0.5 else max(row.left // 3, Decimal(1))
        self.exchange.fill(row, quantity, self._fill_price(row), self.world.clock.monotonic())

    def _fill_price(self, row: Resting) -> Decimal:
        mid = self.mids[row.con_id]
        worst = bold_price(row, mid)
        return worst if not row.is_buy or self.chance.random() < 0.5 else min(worst, mid)

    async def speak(self) -> None:
        """Say one thing that is to be said: any, sometimes twice."""
        said = self.exchange.said
        if not said:
            return
        word = said.pop(self._place_of(self.chance.randrange(len(said))))
        for _ in range(self.chance.choice([1, 1, 2])):
            self.world.say(word)

    def _place_of(self, drawn: int) -> int:
        """Return the place of what is said next: the first answer of an order before its others."""
        order_id = answered(self.exchange.said[drawn])
        if order_id is None:
            return drawn
        answers = (answered(word) for word in self.exchange.said)
        return next(place for place, other in enumerate(answers) if other == order_id)

    async def acknowledge(self) -> None:
        """Have the exchange tell of every order, and of some of them at once."""
        said = self.exchange.said
        for row in self.exchange.live():
            self.exchange.tell(row, "Submitted")
            if self.chance.random() < 0.6:
                self.world.say(said.pop())
            if self.chance.random() < 0.3:
                self.exchange.echo(row)

    async def reject(self) -> None:
        fresh = [row for row in self.exchange.live() if row.filled == ZERO and row.asked is None]
        if fresh:
            row = self.chance.choice(fresh)
            self.exchange.end(row, 201, ev.Evidence.REJECTS_NEW, "Inactive")

    async def cancel(self) -> None:
        """Cancel by the gateway; the exchange may have filled it, or lose the cancel."""
        live = self.world.gateway.working_orders()
        if not live:
            return
        order_id = self.chance.choice(live).order_id
        self.world.gateway.cancel(order_id, "drawn")
        row = self.exchange.orders.get(order_id)
        if row is not None and row.left > ZERO and self.chance.random() < 0.6:
            self.exchange.end(row, 202, ev.Evidence.CONFIRMS_CANCEL, "Cancelled")

    async def race(self) -> None:
        """Fill a part, lose the rest to a cancel, and tell the end before the fill (INC-024)."""
        rows = self.exchange.live()
        if not rows:
            return
        row = self.chance.choice(rows)
        order_id, left = row.order.order_id, row.left
        if left > 1:
            part = Decimal(self.chance.randint(1, int(left) - 1))
            self.exchange.fill(row, part, self._fill_price(row), self.world.clock.monotonic())
        self.world.gateway.cancel(order_id, "drawn")
        self.exchange.end(row, 202, ev.Evidence.CONFIRMS_CANCEL, "Cancelled")
        (ended,) = [word for word in self.exchange.said if _is_end_of(word, order_id)]
        self.exchange.said.remove(ended)
        self.world.say(ended)

    # ---- what else happens

    async def sell_by_hand(self) -> None:
        """Somebody sells at the terminal, while nothing of ours rests that could cross it."""
        con_id = self.chance.choice(CON_IDS)
        held = self.exchange.positions[con_id]
        if held > ZERO and not self.exchange.live():
            quantity = Decimal(self.chance.randint(1, int(held)))
            now_s = self.world.clock.monotonic()
            mid = self.mids[con_id]
            self.world.say(self.exchange.trade_by_hand(con_id, quantity, mid, now_s))

    async def move_price(self) -> None:
        con_id = self.chance.choice(CON_IDS)
        move = 1 + Decimal(self.chance.randint(-60, 60)) / 1000
        self.mids[con_id] = max(self.mids[con_id] * move, Decimal(5)).quantize(CENT)
        self._quote(con_id)

    async def pass_time(self) -> None:
        await asyncio.sleep(self.chance.choice([0.1, 1, 4.5, 5, 20, 40]))
        self.world.gateway.mark_unanswered(4.0, "no answer in time")
        for con_id in CON_IDS:
            if self.chance.random() < 0.8:
                self._quote(con_id)
        if self.chance.random() < 0.8:
            await self.evaluate()

    async def evaluate(self) -> None:
        """Have the breakers look, as they do each second."""
        before = len(self.world.book.safety.standings)
        self.breaking.breakers.round()
        self.trips += len(self.world.book.safety.standings) > before

    async def reconcile(self) -> None:
        """Compare with the broker's lists; what is said on the same stream before comes before."""
        for word in [word for word in self.exchange.said if answered(word) is not None]:
            self.exchange.said.remove(word)
            self.world.say(word)
        await self.world.reconciler.run_once("drawn")

    async def halt(self) -> None:
        if self.chance.random() < 0.5:
            self.world.switch.active = "drawn"
        else:
            self.world.guard.latch(HaltCause.OPERATOR, "drawn", "test")

    async def resume(self) -> None:
        self.world.switch.active = ""
        self.world.arm()

    async def break_socket(self) -> None:
        self.fault = "lost"
        if self.chance.random() < 0.3:
            self.world.broker.place_error = LinkDown("not connected")
            await turns(3)
            self.world.broker.place_error = None

    async def hold_disk(self) -> None:
        """Make promises wait, so that the next steps happen between review and send."""
        self.world.journal.hold()

    async def release_disk(self) -> None:
        self.world.journal.release()

    async def restart(self) -> None:
        """Kill the process: what was not durable is gone, and a new one reads the journal."""
        for task in self.tasks:
            task.cancel()
        dead = self.world
        rows = dead.journal.rows[: dead.journal.durable_seq]
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self._stop()
        self.tasks.clear()
        self.world = world = World(
            policy=POLICY, is_armed=False, is_baselined=False, deadline_s=3.0
        )
        world.broker.next_id = dead.broker.next_id
        for recorded in rows[1:]:
            world.ledger.record(recorded.event)
        take_over(world.ledger, lineage=LINEAGE, version="1", mode=Mode.PAPER, account=ACCOUNT)
        await world.ledger.durable(world.ledger.seq)
        for row in self.exchange.orders.values():
            assert row.order.order_id in world.book.orders, "no promise tells of a living order"
        # The exchange reads a journal anew as well.
        self.exchange.journal = type(self.exchange.journal)()
        self._attach()
        await self._recover()
        if self.chance.random() < 0.8:
            world.arm()

    async def _recover(self) -> None:
        """Reconcile; what was being said to the dead process is lost, or comes all the same."""
        said = [word for word in self.exchange.said if answered(word) is None]
        self.exchange.said = [word for word in said if self.chance.random() < 0.3]
        self._restore_link()
        await self.world.reconciler.run_once("connected")


def answered(word: Word) -> OrderId | None:
    """Return the order of which a word shows the terms, or answers a change of them."""
    match word:
        case ev.OpenOrderSeen(order_id=order_id):
            return order_id
        case ev.OrderErrorSeen(order_id=order_id, evidence=ev.Evidence.REJECTS_NEW):
            return order_id
        case _:
            return None


def _is_end_of(word: Word, order_id: OrderId) -> bool:
    return isinstance(word, ev.OrderErrorSeen) and (word.code, word.order_id) == (202, order_id)


def play(seed: int) -> Play:
    """Play one sequence to its end."""

    async def whole() -> Play:
        one = Play(seed)
        await one.run()
        return one

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(whole())
