"""Goal: whatever happens in whatever order, what left the gate was allowed to, and left once.

Method: the real gateway, guard, book and review under virtual time, against an exchange of this
file's own that keeps its own account. A seed draws intents of two strategies, partial fills,
rejections, cancels that lose races, late and repeated words, prices that move, trades by hand,
halts, failing sockets and restarts. An order's end is told after its executions, as the broker
nearly always does. The exchange judges at the moment of each send and of each fill: never while
halted, never without a durable promise, never an intent twice, never beyond a limit whatever
fills first, never cash below zero, never a reduce-only order across zero. ``SEQUENCES=100000``
makes it a soak.
"""

from __future__ import annotations

import asyncio
import os
import random
from dataclasses import dataclass
from decimal import Decimal

import pytest

from tests.unit.core.policies import a_policy
from tests.unit.engine.world import (
    ACCOUNT,
    BUY,
    CLIENT,
    CON,
    LINEAGE,
    SELL,
    VirtualLoop,
    World,
    turns,
)
from trader.core import events as ev
from trader.core.executions import Commission, Execution
from trader.core.halts import HaltCause, Mode, Posture
from trader.core.ids import ClientId, ExecId, OrderId, OrderRef, PermId, StrategyName, intent_id
from trader.core.intents import Intent, OrderType, Side, TimeInForce
from trader.core.orders import OrderState
from trader.core.policy import Policy
from trader.core.risk import ApprovedOrder
from trader.engine.boot import take_over
from trader.engine.outcomes import Outcome
from trader.ports import LinkDown, SendUncertain

SEQUENCES = int(os.environ.get("SEQUENCES", "2000"))
# So many parts, each with seeds of its own, so that a red one is found and run again quickly.
PARTS = 10
STEPS = 70
ZERO = Decimal(0)
Word = ev.ExecutionSeen | ev.CommissionSeen | ev.OrderStatusSeen | ev.OrderErrorSeen
# The least leaves cash short of the limits, the most leaves only the limits.
START_CASH = (2_500, 6_000, 20_000)
STRATEGIES = (StrategyName("alpha"), StrategyName("beta"))
# Close to what the account can carry, so that limits and cash are met all the time.
POLICY = a_policy(
    order__quantity_max=Decimal(40),
    order__notional_max=Decimal(4_000),
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


@dataclass(slots=True)
class Resting:
    """One order as the exchange has it."""

    order: ApprovedOrder
    perm_id: PermId
    left: Decimal
    paid: Decimal = ZERO
    filled: Decimal = ZERO
    is_alive: bool = True


class Exchange:
    """The other side: its account is the truth, and it notes each rule that is broken.

    It notes and does not raise: it is called from inside the daemon, which might swallow it.
    """

    def __init__(self, policy: Policy, held: int, cash: int) -> None:
        self.policy = policy
        self.broken: list[str] = []
        self.cash = Decimal(cash)
        self.position = Decimal(held)
        self.orders: dict[OrderId, Resting] = {}
        self.refs: set[str] = set()
        # What is still to be said, and every fill that the broker's lists would tell again.
        self.said: list[Word] = []
        self.history: list[Word] = []

    def live(self) -> list[Resting]:
        return [row for row in self.orders.values() if row.is_alive and row.left > ZERO]

    def _rule(self, is_kept: bool, text: str) -> None:
        if not is_kept:
            self.broken.append(text)

    def take(self, order: ApprovedOrder, world: World) -> None:
        """Accept an order, after judging whether it may have left."""
        terms = order.terms
        posture = world.guard.posture()
        may_reduce = posture is Posture.REDUCE_ONLY and terms.is_reduce_only
        self._rule(posture is Posture.ARMED or may_reduce, f"sent while {posture}")
        self._rule(not world.switch.active, "sent under the kill switch")
        self._rule(order.order_ref not in self.refs, f"{order.order_ref} was sent twice")
        self._rule(order.order_id not in self.orders, f"order id {order.order_id} was used twice")
        self._rule(
            world.broker.placed[-1].was_promised, "a byte left before the promise was durable"
        )
        self.refs.add(order.order_ref)
        row = Resting(order, PermId(9_000 + len(self.orders)), terms.quantity)
        self.orders[order.order_id] = row
        self._judge_limits(row)

    def _judge_limits(self, row: Resting) -> None:
        """Hold everything that may still fill against the limits, in the worst order."""
        terms, limits = row.order.terms, self.policy
        buys = sum((one.left for one in self.live() if one.order.terms.side is BUY), start=ZERO)
        sells = sum((one.left for one in self.live() if one.order.terms.side is SELL), start=ZERO)
        highest, lowest = self.position + buys, self.position - sells
        if terms.is_reduce_only:
            exits = sells if terms.side is SELL else buys
            self._rule(exits <= abs(self.position), f"exits of {exits} on {self.position}")
            return
        self._rule(terms.quantity <= limits.order.quantity_max, "an order above its limit")
        worst = highest if terms.side is BUY else lowest
        self._rule(abs(worst) <= limits.position.quantity_max, f"{worst} is beyond the limit")
        self._rule(lowest >= ZERO, f"a short position of {lowest} was possible")
        if terms.side is BUY:
            self._judge_cash()

    def _judge_cash(self) -> None:
        """Whatever fills first and whatever it costs, the cash must last."""
        worst = self.cash
        for one in self.live():
            terms = one.order.terms
            worst -= self._commission_left(one)
            if terms.side is BUY:
                worst -= one.left * terms.reserve_per_unit
        self._rule(worst >= self.policy.cash.reserve_min, f"cash could fall to {worst}")

    def _commission_left(self, one: Resting) -> Decimal:
        return self.policy.cash.worst_commission(one.order.terms.quantity) - one.paid

    def fill(self, row: Resting, quantity: Decimal, price: Decimal) -> None:
        """Trade a part, and have the words about it said in any order."""
        terms = row.order.terms
        before = self.position
        row.left -= quantity
        row.filled += quantity
        self.position += quantity * terms.side.sign
        commission = self.policy.cash.worst_commission(row.filled) - row.paid
        row.paid += commission
        self.cash -= quantity * terms.side.sign * price + commission
        self._rule(self.position >= ZERO, f"short by {self.position}")
        self._rule(not terms.is_reduce_only or before * self.position >= ZERO, "crossed zero")
        self._rule(self.cash >= ZERO, f"cash is {self.cash}")
        exec_id = ExecId(f"0001.{len(self.history):04x}.01")
        execution = Execution(
            exec_id=exec_id,
            account=ACCOUNT,
            con_id=CON,
            symbol="AAA",
            side=terms.side,
            quantity=quantity,
            price=price,
            order_id=row.order.order_id,
            client_id=CLIENT,
            perm_id=row.perm_id,
            order_ref=row.order.order_ref,
            time_utc=None,
        )
        words = (
            ev.ExecutionSeen(execution),
            ev.CommissionSeen(Commission(exec_id, commission, "USD")),
        )
        self.history += words
        self.said += words
        self.tell(row, "Filled" if row.left == ZERO else "Submitted")

    def trade_by_hand(self, quantity: Decimal, price: Decimal) -> ev.ExecutionSeen:
        """Sell without any order of ours; returns the word that is said at once."""
        self.position -= quantity
        self.cash += quantity * price
        seen = ev.ExecutionSeen(
            Execution(
                exec_id=ExecId(f"0002.{len(self.history):04x}.01"),
                account=ACCOUNT,
                con_id=CON,
                symbol="AAA",
                side=SELL,
                quantity=quantity,
                price=price,
                order_id=OrderId(0),
                client_id=ClientId(0),
                perm_id=PermId(1),
                order_ref=OrderRef(""),
                time_utc=None,
            )
        )
        paid = ev.CommissionSeen(Commission(seen.execution.exec_id, ZERO, "USD"))
        self.history += [seen, paid]
        self.said.append(paid)
        return seen

    def tell(self, row: Resting, status: str) -> None:
        """Say a status of an order, as it is now."""
        seen = ev.OrderStatusSeen(
            order_id=row.order.order_id,
            client_id=CLIENT,
            perm_id=row.perm_id,
            status=status,
            filled=row.filled,
            remaining=row.left,
            why_held="",
        )
        self.said.append(seen)

    def end(self, row: Resting, code: int, evidence: ev.Evidence, status: str) -> None:
        """Take an order off, by rejection or cancel."""
        row.is_alive = False
        error = ev.OrderErrorSeen(row.order.order_id, code, "drawn by the test", evidence)
        self.said.append(error)
        self.tell(row, status)


class Play:
    """One sequence: a seed, the engine of the moment, and the exchange that outlives it."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.held = self.chance.choice([0, 0, 20])
        self.cash = self.chance.choice(START_CASH)
        self.exchange = Exchange(POLICY, self.held, self.cash)
        self.world = World(policy=POLICY, held=self.held, cash=self.cash, deadline_s=3.0)
        self.numbers = dict.fromkeys(STRATEGIES, 0)
        self.intents: list[Intent] = []
        self.tasks: list[asyncio.Task[Outcome]] = []
        self.mid = Decimal(100)
        self.place_fault = ""
        self._attach()

    def _attach(self) -> None:
        self.world.broker.on_place = self._on_place
        self._quote()

    def _on_place(self, order: ApprovedOrder) -> None:
        if self.place_fault == "lost":
            self.place_fault = ""
            # Some bytes left, and nobody knows whether the exchange has them all.
            if self.chance.random() < 0.5:
                self.exchange.take(order, self.world)
            raise SendUncertain("the socket broke in the middle of the order")
        self.exchange.take(order, self.world)

    def _quote(self) -> None:
        spread = self.chance.choice(["0.02", "0.10", "1.00"])
        half = Decimal(spread) / 2
        bid, ask = (self.mid - half).quantize(Decimal("0.01")), (self.mid + half)
        self.world.quote(str(bid), str(ask.quantize(Decimal("0.01"))))

    async def run(self) -> None:
        """Make every step, then let everything be said."""
        # The baseline was accepted before the first order, and is on disk.
        await self.world.ledger.durable(self.world.ledger.seq)
        moves = (
            (self.submit, 10), (self.fill, 8), (self.speak, 12), (self.acknowledge, 4),
            (self.reject, 1), (self.cancel, 3), (self.move_price, 3), (self.pass_time, 4),
            (self.repeat, 1), (self.halt, 1), (self.resume, 2), (self.break_socket, 1),
            (self.hold_disk, 2), (self.release_disk, 4), (self.restart, 1), (self.sell_by_hand, 1),
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
        await self._settle()

    def _judge(self) -> None:
        """Fail on a rule that was broken, and on anything that broke inside the daemon."""
        assert not self.exchange.broken, self.exchange.broken
        for task in [task for task in self.tasks if task.done()]:
            self.tasks.remove(task)
            if not task.cancelled():
                task.result()

    async def _settle(self) -> None:
        """Once everything has been said, the book is the exchange's account."""
        while self.exchange.said:
            await self.speak()
        book = self.world.book
        assert book.position_of(CON) == self.exchange.position
        assert book.cash["USD"] == self.exchange.cash

    # ---- what strategies do

    async def submit(self) -> None:
        """Submit an intent, sometimes several at once."""
        for _ in range(self.chance.choice([1, 1, 1, 3])):
            intent = self._drawn_intent()
            self.intents.append(intent)
            self.tasks.append(asyncio.create_task(self.world.gateway.submit(intent)))

    def _drawn_intent(self) -> Intent:
        chance = self.chance
        strategy = chance.choice(STRATEGIES)
        self.numbers[strategy] += 1
        side: Side = chance.choice([BUY, BUY, SELL])
        kind = chance.choice([OrderType.MARKET, OrderType.LIMIT, OrderType.STOP])
        price = (self.mid * (1 + Decimal(chance.randint(-30, 30)) / 1000)).quantize(Decimal("0.01"))
        return Intent(
            intent_id=intent_id(LINEAGE, strategy, self.numbers[strategy]),
            strategy=strategy,
            con_id=CON,
            side=side,
            quantity=Decimal(chance.choice([1, 5, 10, 20, 40, 41])),
            order_type=kind,
            time_in_force=TimeInForce.DAY,
            limit_price=price if kind is OrderType.LIMIT else None,
            stop_price=price if kind is OrderType.STOP else None,
            is_reduce_only=chance.random() < (0.6 if side is SELL else 0.1),
        )

    async def repeat(self) -> None:
        """Submit an intent again, as a replay after a restart would."""
        if self.intents:
            again = self.chance.choice(self.intents)
            self.tasks.append(asyncio.create_task(self.world.gateway.submit(again)))

    # ---- what the exchange does

    async def fill(self) -> None:
        rows = self.exchange.live()
        if not rows:
            return
        row = self.chance.choice(rows)
        terms = row.order.terms
        quantity = row.left if self.chance.random() < 0.5 else max(row.left // 3, Decimal(1))
        self.exchange.fill(row, quantity, self._fill_price(row))
        assert terms.quantity >= row.filled

    def _fill_price(self, row: Resting) -> Decimal:
        terms = row.order.terms
        if terms.side is SELL:
            return terms.limit_price or max(self.mid * Decimal("0.9"), Decimal(1))
        # The worst that the review reserved for is the worst that a market of the collar gives.
        worst = terms.limit_price or terms.reserve_per_unit
        return worst if self.chance.random() < 0.5 else min(worst, self.mid)

    async def speak(self) -> None:
        """Say one thing that is to be said: any, sometimes twice."""
        said = self.exchange.said
        if not said:
            return
        word = said.pop(self._next_word(self.chance.randrange(len(said))))
        for _ in range(self.chance.choice([1, 1, 2])):
            self.world.say(word)

    def _next_word(self, drawn: int) -> int:
        """Return the place of what is said next: an order's end comes after its executions."""
        word = self.exchange.said[drawn]
        match word:
            case ev.OrderErrorSeen(order_id=order_id):
                pass
            case ev.OrderStatusSeen(order_id=order_id, status="Cancelled" | "Inactive"):
                pass
            case _:
                return drawn
        executions = (
            place
            for place, other in enumerate(self.exchange.said)
            if isinstance(other, ev.ExecutionSeen) and other.execution.order_id == order_id
        )
        return next(executions, drawn)

    async def acknowledge(self) -> None:
        for row in self.exchange.live():
            self.exchange.tell(row, "Submitted")

    async def reject(self) -> None:
        fresh = [row for row in self.exchange.live() if row.filled == ZERO]
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
        if row is not None and row.is_alive and row.left > ZERO and self.chance.random() < 0.6:
            self.exchange.end(row, 202, ev.Evidence.CONFIRMS_CANCEL, "Cancelled")

    # ---- what else happens

    async def sell_by_hand(self) -> None:
        """Somebody sells at the terminal, while nothing of ours rests that could cross it."""
        held = self.exchange.position
        if held > ZERO and not self.exchange.live():
            quantity = Decimal(self.chance.randint(1, int(held)))
            self.world.say(self.exchange.trade_by_hand(quantity, self.mid))

    async def move_price(self) -> None:
        move = 1 + Decimal(self.chance.randint(-60, 60)) / 1000
        self.mid = max(self.mid * move, Decimal(5)).quantize(Decimal("0.01"))
        self._quote()

    async def pass_time(self) -> None:
        await asyncio.sleep(self.chance.choice([0.1, 1, 5, 20, 40]))
        self.world.gateway.mark_unanswered(4.0, "no answer in time")
        if self.chance.random() < 0.8:
            self._quote()

    async def halt(self) -> None:
        if self.chance.random() < 0.5:
            self.world.switch.active = "drawn"
        else:
            self.world.guard.latch(HaltCause.OPERATOR, "drawn", "test")

    async def resume(self) -> None:
        self.world.switch.active = ""
        self.world.arm()

    async def break_socket(self) -> None:
        self.place_fault = "lost"
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
        self.tasks.clear()
        self.world = World(policy=POLICY, is_armed=False, is_baselined=False, deadline_s=3.0)
        self.world.broker.next_id = dead.broker.next_id
        for recorded in rows[1:]:
            self.world.ledger.record(recorded.event)
        take_over(self.world.ledger, lineage=LINEAGE, version="1", mode=Mode.PAPER, account=ACCOUNT)
        await self.world.ledger.durable(self.world.ledger.seq)
        self._recover()
        self._attach()
        if self.chance.random() < 0.8:
            self.world.arm()

    def _recover(self) -> None:
        """Say again what the broker's lists tell a new process: executions, and what became."""
        known = set(self.world.book.orders)
        for row in self.exchange.orders.values():
            assert row.order.order_id in known, "an order lives that no promise tells of"
        # What was being said to the dead process is lost. Nothing is armed before the broker's
        # lists have said it again.
        self.exchange.said.clear()
        words = [*self.exchange.history]
        self.chance.shuffle(words)
        self.world.say(*words)
        for row in self.exchange.orders.values():
            status = "Submitted" if row.is_alive and row.left > ZERO else "Cancelled"
            self.exchange.tell(row, "Filled" if row.left == ZERO else status)


def play(seed: int) -> Play:
    """Play one sequence to its end."""

    async def whole() -> Play:
        one = Play(seed)
        await one.run()
        return one

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(whole())


@pytest.mark.timeout(120 + SEQUENCES)
@pytest.mark.parametrize("part", range(PARTS))
def test_nothing_unsafe_leaves_in_any_sequence(part: int) -> None:
    sent = states = 0
    for number in range(SEQUENCES // PARTS):
        seed = part * 1_000_000 + number
        try:
            one = play(seed)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
        sent += len(one.exchange.orders)
        states += sum(
            order.state in (OrderState.FILLED, OrderState.CANCELLED, OrderState.REJECTED)
            for order in one.world.book.orders.values()
        )
    # A gate that lets nothing out would pass everything above.
    assert sent > 2 * (SEQUENCES // PARTS), f"only {sent} orders in {SEQUENCES // PARTS} sequences"
    assert states > sent / 3
