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
from decimal import Decimal

from tests.integration.exchange import Resting, Word, bold_price
from tests.integration.gate_stage import (
    CENT,
    CON_IDS,
    OWED_S,
    POLICY,
    STRATEGIES,
    ZERO,
    Stage,
    answered,
)
from tests.unit.engine.world import (
    ACCOUNT,
    BUY,
    CON,
    LINEAGE,
    OTHER_CON,
    SELL,
    VirtualLoop,
    World,
    turns,
)
from trader.core import events as ev
from trader.core.halts import HaltCause, Mode
from trader.core.ids import ConId, OrderId, intent_id
from trader.core.intents import Intent, OrderType, Side, TimeInForce
from trader.core.orders import OrderState
from trader.core.risk.change import Revision
from trader.engine.boot import take_over
from trader.ports import LinkDown

STEPS = 70


class Play(Stage):
    """One sequence: a seed draws every move."""

    # ---- the sequence

    async def run(self) -> None:
        """Make every step, then let everything be said and settle."""
        # The baseline was accepted before the first order, and is on disk.
        await self.world.ledger.durable(self.world.ledger.seq)
        moves = (
            (self.submit, 12), (self.change, 9), (self.answer, 4), (self.fill, 5), (self.speak, 9),
            (self.acknowledge, 5), (self.reject, 1), (self.cancel, 3), (self.race, 4),
            (self.move_price, 3), (self.pass_time, 4), (self.repeat, 1), (self.halt, 0.7),
            (self.resume, 4), (self.break_socket, 1), (self.hold_disk, 2), (self.release_disk, 5),
            (self.restart, 1), (self.sell_by_hand, 1), (self.reconcile, 1), (self.evaluate, 3),
            (self.liquidate, 0.5),
        )  # fmt: skip
        acts = [act for act, _ in moves]
        weights = [weight for _, weight in moves]
        for _ in range(STEPS):
            (act,) = self.chance.choices(acts, weights)
            await act()
            self.correct()
            await turns(self.chance.choice([1, 3, 6]))
            self.judge()
        self.world.journal.release()
        await turns(10)
        self.judge()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        try:
            await self.settle()
        finally:
            await self.stop()

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
        if not working and self.chance.random() < 0.8:
            return await self.acknowledge()  # nobody changes what nobody has told of
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
        self.exchange.fill(row, quantity, self._fill_price(row), self.listed_s())

    def _fill_price(self, row: Resting) -> Decimal:
        mid = self.mids[row.con_id]
        worst = bold_price(row, mid)
        return worst if not row.is_buy or self.chance.random() < 0.5 else min(worst, mid)

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
        """Fill a part, lose the rest to a cancel, and tell the end before the fill (INC-024).

        Some brokers' lists are late for longer than an order settles: then the last status has
        said how much filled, and that is what the order goes on counting for.
        """
        rows = self.exchange.live()
        if not rows:
            return
        row = self.chance.choice(rows)
        order_id, left = row.order.order_id, row.left
        is_owed = self.chance.random() < 0.3
        if left > 1:
            part = Decimal(self.chance.randint(1, int(left) - 1))
            listed_s = self.listed_s() + (OWED_S if is_owed else 0)
            self.exchange.fill(row, part, self._fill_price(row), listed_s)
        self.world.gateway.cancel(order_id, "drawn")
        self.exchange.end(row, 202, ev.Evidence.CONFIRMS_CANCEL, "Cancelled")
        self.say_now(lambda word: _is_end_of(word, order_id, with_status=is_owed))
        if self.chance.random() < 0.4:
            await self.pass_time()
        if self.chance.random() < 0.6:
            await self.submit()

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

    def correct(self) -> None:
        """Have the broker correct the price of an execution, which may not be told of yet."""
        chance, history = self.correcting, self.exchange.history
        if chance is None or not history or chance.random() > 0.06:
            return
        trade = chance.choice(history[-6:])
        # The better price for us, or a cent: what a correction costs was set aside by nobody.
        move = Decimal(chance.choice([-2, -1, -1, 1, 40, 300])) * CENT
        row = trade.execution
        price = max(row.price - move * row.side.sign, CENT)
        now_s = self.world.clock.monotonic()
        is_paid_anew = chance.random() < 0.6
        self.world.say(self.exchange.correct(trade, price, now_s, is_paid_anew=is_paid_anew))
        self.corrections += 1

    async def move_price(self) -> None:
        con_id = self.chance.choice(CON_IDS)
        move = 1 + Decimal(self.chance.randint(-60, 60)) / 1000
        self.mids[con_id] = max(self.mids[con_id] * move, Decimal(5)).quantize(CENT)
        self.quote(con_id)

    async def pass_time(self) -> None:
        await asyncio.sleep(self.chance.choice([0.1, 1, 4.5, 5, 20, 40]))
        self.world.gateway.mark_unanswered(4.0, "no answer in time")
        for con_id in CON_IDS:
            if self.chance.random() < 0.8:
                self.quote(con_id)
        if self.chance.random() < 0.8:
            await self.evaluate()

    async def evaluate(self) -> None:
        """Have the breakers look, as they do each second."""
        before = len(self.world.book.safety.standings)
        self.breaking.breakers.round()
        self.trips += len(self.world.book.safety.standings) > before

    async def reconcile(self) -> None:
        """Compare with the broker's lists; what is said on the same stream before comes before."""
        self.say_now(lambda word: answered(word) is not None)
        await self.world.reconciler.run_once("drawn")

    async def halt(self) -> None:
        if self.chance.random() < 0.5:
            self.world.switch.active = "drawn"
        else:
            self.world.guard.latch(HaltCause.OPERATOR, "drawn", "test")

    async def liquidate(self) -> None:
        """Have the operator close everything, while all else goes on."""
        self.tasks.append(asyncio.create_task(self.world.desk.liquidate(by="drawn")))

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
        await self.stop()
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
        self.attach()
        await self._recover()
        if self.chance.random() < 0.8:
            world.arm()

    async def _recover(self) -> None:
        """Reconcile; what was being said to the dead process is lost, or comes all the same."""
        said = [word for word in self.exchange.said if answered(word) is None]
        self.exchange.said = [word for word in said if self.chance.random() < 0.3]
        self.restore_link()
        await self.world.reconciler.run_once("connected")


def _is_end_of(word: Word, order_id: OrderId, *, with_status: bool) -> bool:
    match word:
        case ev.OrderErrorSeen(order_id=found, code=202):
            return found == order_id
        case ev.OrderStatusSeen(order_id=found, status="Cancelled"):
            return with_status and found == order_id
        case _:
            return False


def play(seed: int) -> Play:
    """Play one sequence to its end."""

    async def whole() -> Play:
        one = Play(seed)
        await one.run()
        return one

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(whole())
