"""The other side of the gate: an exchange with an account of its own, which judges what it gets.

It judges from what it knows itself: its orders, its position, its cash, and the journal, which it
reads as a stranger would. It never asks the daemon what it thinks and never imports its review.
It notes and does not raise: it is called from inside the daemon, which might swallow that.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from tests.unit.engine.world import ACCOUNT, BUY, CLIENT, CON, CONS, SELL, World, a_snapshot
from trader.core import breaker_events as be
from trader.core import events as ev
from trader.core.executions import Commission, Execution
from trader.core.ids import ClientId, ConId, ExecId, OrderId, OrderRef, PermId, exec_family
from trader.core.intents import OrderType
from trader.core.policy import Policy
from trader.core.risk import ApprovedChange, ApprovedOrder
from trader.core.snapshots import BrokerSnapshot, CompletedOrderRow, OpenOrderRow, PositionRow

ZERO = Decimal(0)
SYMBOLS = {con_id: symbol for symbol, con_id in CONS.items()}
Word = (
    ev.ExecutionSeen | ev.CommissionSeen | ev.OrderStatusSeen | ev.OrderErrorSeen | ev.OpenOrderSeen
)
# A promise waits for the disk this long at most: prices are judged as they were meanwhile.
PROMISE_S = 3.0
# How far two looks of the tests' engine lie apart before what neither shows is not there.
ABSENCE_S = 2.0


@dataclass(frozen=True, slots=True)
class Held:
    """The terms at which the exchange holds an order; ``unit`` is the most that a unit costs."""

    quantity: Decimal
    limit_price: Decimal | None
    stop_price: Decimal | None
    unit: Decimal


@dataclass(slots=True)
class Resting:
    """One order as the exchange has it; ``asked`` is a change that is on its way."""

    order: ApprovedOrder
    perm_id: PermId
    held: Held
    asked: Held | None = None
    asked_s: float = 0.0
    filled: Decimal = ZERO
    paid: Decimal = ZERO
    is_alive: bool = True
    # How it ended, in the broker's word.
    end: str = ""

    @property
    def con_id(self) -> ConId:
        return self.order.terms.con_id

    @property
    def is_buy(self) -> bool:
        return self.order.terms.side is BUY

    @property
    def left(self) -> Decimal:
        return self.held.quantity - self.filled if self.is_alive else ZERO

    @property
    def left_max(self) -> Decimal:
        """Return what it may still fill, whichever of its terms come to hold."""
        quantity = self.held.quantity
        if self.asked is not None:
            quantity = max(quantity, self.asked.quantity)
        return quantity - self.filled if self.is_alive else ZERO

    @property
    def unit_max(self) -> Decimal:
        return max(self.held.unit, ZERO if self.asked is None else self.asked.unit)


@dataclass(slots=True)
class Trade:
    """One execution, and from when on the broker's lists hold it: not before it has been told."""

    execution: Execution
    # None for a correction after which no commission was reported anew.
    paid: Commission | None
    listed_s: float


@dataclass(slots=True)
class Journal:
    """What the journal says of halts and breakers, read row by row by somebody else."""

    halts: dict[str, str] = field(default_factory=dict)
    tripped: dict[str, str] = field(default_factory=dict)
    read: int = 0

    def look(self, world: World) -> None:
        rows = world.journal.rows
        for row in rows[self.read :]:
            match row.event:
                case ev.HaltRaised(cause=cause, reason=reason):
                    self.halts[cause] = reason
                case ev.HaltCleared(cause=cause):
                    self.halts.pop(cause, None)
                case be.BreakerTripped(name=name, action=action):
                    self.tripped[name] = action
                case be.BreakerReset(name=name):
                    self.tripped.pop(name, None)
                case _:
                    pass
        self.read = len(rows)


class Exchange:
    """The truth about one account, and a note of each rule that was broken."""

    def __init__(self, policy: Policy, held: int, cash: int) -> None:
        self.policy = policy
        self.broken: list[str] = []
        self.cash = self.first_cash = Decimal(cash)
        self.positions = {CON: Decimal(held), CONS["BBB"]: ZERO}
        self.first_positions = dict(self.positions)
        self.orders: dict[OrderId, Resting] = {}
        self.refs: set[str] = set()
        self.journal = Journal()
        # What was asked for a unit, and when (monotonic), by instrument.
        self.asks: dict[ConId, list[tuple[float, Decimal]]] = {con_id: [] for con_id in SYMBOLS}
        # What is still to be said, and every execution in its order.
        self.said: list[Word] = []
        self.history: list[Trade] = []

    def live(self) -> list[Resting]:
        return [row for row in self.orders.values() if row.left > ZERO]

    def _rule(self, is_kept: bool, text: str) -> None:
        if not is_kept:
            self.broken.append(text)

    def quoted(self, con_id: ConId, ask: Decimal, now_s: float) -> None:
        """Note a price, and forget those that no promise can be of."""
        asks = self.asks[con_id]
        asks.append((now_s, ask))
        while len(asks) > 1 and asks[1][0] < now_s - PROMISE_S:
            del asks[0]

    # ---- what the daemon sends

    def take(self, order: ApprovedOrder, world: World) -> None:
        """Accept an order, after judging whether it may have left."""
        terms = order.terms
        # An operator closes positions while halted, and nothing else.
        if terms.strategy != "operator":
            self._judge_gate(world, is_exit=terms.is_reduce_only)
        else:
            self._rule(terms.is_reduce_only, "an operator's order that adds risk")
        self._rule(order.order_ref not in self.refs, f"{order.order_ref} was sent twice")
        self._rule(order.order_id not in self.orders, f"order id {order.order_id} was used twice")
        was_promised = world.broker.placed[-1].was_promised
        self._rule(was_promised, "a byte left before the promise was durable")
        self.refs.add(order.order_ref)
        unit = terms.reserve_per_unit
        held = Held(terms.quantity, terms.limit_price, terms.stop_price, unit)
        row = Resting(order, PermId(9_000 + len(self.orders)), held)
        self._judge_unit(row, held, world)
        self.orders[order.order_id] = row
        self._judge_limits(row)

    def take_change(self, change: ApprovedChange, world: World) -> None:
        """Take a change in, which is answered later; one that comes too late is refused."""
        order, terms = change.order, change.terms
        row = self.orders[order.order_id]
        wanted = Held(terms.quantity, terms.limit_price, terms.stop_price, terms.reserve_per_unit)
        is_exit = terms.is_reduce_only
        lessens = _is_less(row, wanted)
        is_less = is_exit or lessens
        self._judge_gate(world, is_exit=is_less)
        _, durable = world.broker.changed[-1]
        was_promised = any(
            isinstance(event, ev.ModifyPlanned)
            and event.order_id == order.order_id
            and event.terms.quantity == terms.quantity
            for event in durable
        )
        self._rule(was_promised, "a change left before its promise was durable")
        now_s = world.clock.monotonic()
        # One that has been on its way for longer than the daemon waits for an absence is lost.
        is_lost = now_s - row.asked_s >= ABSENCE_S
        is_alone = row.asked is None or is_lost
        self._rule(is_alone, f"two changes of order {order.order_id} at once")
        if row.left == ZERO:
            self._refuse_change(row, 104)
            return
        row.asked, row.asked_s = wanted, now_s
        if not lessens:
            # What only lessens costs no more than what was set aside when it left.
            self._judge_unit(row, wanted, world)
        if not is_less or is_exit:
            self._judge_limits(row)

    def answer_change(self, row: Resting, is_taken: bool) -> None:
        """Make an order what it was asked to be, or leave it as it is; say which."""
        wanted, row.asked = row.asked, None
        assert wanted is not None, "no change to answer"
        if not is_taken or wanted.quantity <= row.filled:
            self._refuse_change(row, 110)
            return
        row.held = wanted
        self.echo(row)

    def _refuse_change(self, row: Resting, code: int) -> None:
        refuses = ev.Evidence.REJECTS_NEW
        self.said.append(ev.OrderErrorSeen(row.order.order_id, code, "drawn", refuses))

    def _judge_gate(self, world: World, *, is_exit: bool) -> None:
        self.journal.look(world)
        self._rule(not world.switch.active, "sent under the kill switch")
        self._rule(not self.journal.halts, f"sent while halted by {self.journal.halts}")
        tripped = self.journal.tripped
        is_open = not tripped or (is_exit and set(tripped.values()) == {"reduce_only"})
        self._rule(is_open, f"sent while {tripped} is tripped")

    def _judge_unit(self, row: Resting, held: Held, world: World) -> None:
        """What was set aside for a unit is at least what the collar of the price allows."""
        if not row.is_buy:
            return
        if held.limit_price is not None:
            self._rule(held.unit >= held.limit_price, f"{held.unit} for {held.limit_price}")
            return
        lowest = min(ask for _, ask in self.asks[row.con_id])
        worst = max(lowest, held.stop_price or ZERO) * (1 + self.policy.price.collar_fraction_max)
        self._rule(held.unit >= worst, f"{held.unit} set aside where it may cost {worst}")

    def _judge_limits(self, row: Resting) -> None:
        """Hold everything that may still fill against the limits, in the worst order."""
        terms, limits = row.order.terms, self.policy
        mine = [one for one in self.live() if one.con_id == row.con_id]
        buys = sum((one.left_max for one in mine if one.is_buy), start=ZERO)
        sells = sum((one.left_max for one in mine if not one.is_buy), start=ZERO)
        position = self.positions[row.con_id]
        highest, lowest = position + buys, position - sells
        if terms.is_reduce_only:
            exits = buys if row.is_buy else sells
            self._rule(exits <= abs(position), f"exits of {exits} on {position}")
            return
        largest = max(row.held.quantity, ZERO if row.asked is None else row.asked.quantity)
        self._rule(largest <= limits.order.quantity_max, "an order above its limit")
        worst = highest if row.is_buy else lowest
        self._rule(abs(worst) <= limits.position.quantity_max, f"{worst} is beyond the limit")
        self._rule(lowest >= ZERO, f"a short position of {lowest} was possible")
        if row.is_buy:
            self._judge_cash()

    def _judge_cash(self) -> None:
        """Whatever fills first and whatever it costs, the cash must last."""
        worst = self.cash
        for one in self.live():
            worst -= self.policy.cash.worst_commission(one.left_max + one.filled) - one.paid
            if one.is_buy:
                worst -= one.left_max * one.unit_max
        self._rule(worst >= self.policy.cash.reserve_min, f"cash could fall to {worst}")

    # ---- what happens here

    def fill(self, row: Resting, quantity: Decimal, price: Decimal, listed_s: float) -> None:
        """Trade a part, and have the words about it said in any order."""
        terms = row.order.terms
        before = self.positions[row.con_id]
        row.filled += quantity
        commission = self.policy.cash.worst_commission(row.filled) - row.paid
        row.paid += commission
        self.positions[row.con_id] = after = before + quantity * terms.side.sign
        self.cash -= quantity * terms.side.sign * price + commission
        self._rule(after >= ZERO, f"short by {after}")
        self._rule(not terms.is_reduce_only or before * after >= ZERO, "crossed zero")
        self._rule(self.cash >= ZERO, f"cash is {self.cash}")
        exec_id = ExecId(f"0001.{len(self.history):04x}.01")
        execution = Execution(
            exec_id=exec_id,
            account=ACCOUNT,
            con_id=row.con_id,
            symbol=SYMBOLS[row.con_id],
            side=terms.side,
            quantity=quantity,
            price=price,
            order_id=row.order.order_id,
            client_id=CLIENT,
            perm_id=row.perm_id,
            order_ref=row.order.order_ref,
            time_utc=None,
        )
        paid = Commission(exec_id, commission, "USD")
        self.history.append(Trade(execution, paid, listed_s))
        self.said += [ev.ExecutionSeen(execution), ev.CommissionSeen(paid)]
        self.tell(row, "Filled" if row.left == ZERO else "Submitted")
        if row.left == ZERO:
            self._over(row, "Filled")

    def correct(
        self, trade: Trade, price: Decimal, now_s: float, *, is_paid_anew: bool
    ) -> ev.ExecutionSeen:
        """Say that an execution had another price (INC-048); returns the word said at once.

        The broker reports the next revision of the same execution, and its commission again or not.
        """
        family, _ = exec_family(trade.execution.exec_id)
        revisions = self._revisions(family)
        newest = revisions[-1].execution
        self.cash -= newest.signed_quantity * (price - newest.price)
        exec_id = ExecId(f"{family}.{len(revisions) + 1:02d}")
        execution = replace(newest, exec_id=exec_id, price=price)
        paid = None
        if is_paid_anew:
            known = next(row.paid for row in reversed(revisions) if row.paid is not None)
            paid = replace(known, exec_id=exec_id)
            self.said.append(ev.CommissionSeen(paid))
        for row in revisions:
            row.listed_s = min(row.listed_s, now_s)
        self.history.append(Trade(execution, paid, now_s))
        return ev.ExecutionSeen(execution)

    def _revisions(self, family: str) -> list[Trade]:
        """Return what was said of one execution, the newest last."""
        return [row for row in self.history if exec_family(row.execution.exec_id)[0] == family]

    def trade_by_hand(
        self, con_id: ConId, quantity: Decimal, price: Decimal, now_s: float
    ) -> ev.ExecutionSeen:
        """Sell without any order of ours; returns the word that is said at once."""
        self.positions[con_id] -= quantity
        self.cash += quantity * price
        execution = Execution(
            exec_id=ExecId(f"0002.{len(self.history):04x}.01"),
            account=ACCOUNT,
            con_id=con_id,
            symbol=SYMBOLS[con_id],
            side=SELL,
            quantity=quantity,
            price=price,
            order_id=OrderId(0),
            client_id=ClientId(0),
            perm_id=PermId(1),
            order_ref=OrderRef(""),
            time_utc=None,
        )
        paid = Commission(execution.exec_id, ZERO, "USD")
        self.history.append(Trade(execution, paid, now_s))
        self.said.append(ev.CommissionSeen(paid))
        return ev.ExecutionSeen(execution)

    def end(self, row: Resting, code: int, evidence: ev.Evidence, status: str) -> None:
        """Take an order off, by rejection or cancel."""
        self.said.append(ev.OrderErrorSeen(row.order.order_id, code, "drawn", evidence))
        self.tell(row, status)
        self._over(row, status)

    def _over(self, row: Resting, status: str) -> None:
        row.is_alive, row.end = False, status
        if row.asked is not None:
            row.asked = None
            self._refuse_change(row, 104)

    # ---- what it says

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

    def echo(self, row: Resting) -> None:
        """Say the terms of an order, as they are now."""
        shown = self._open_row(row)
        self.said.append(
            ev.OpenOrderSeen(
                order_id=shown.order_id,
                client_id=shown.client_id,
                perm_id=shown.perm_id,
                order_ref=shown.order_ref,
                account=shown.account,
                con_id=shown.con_id,
                symbol=shown.symbol,
                side=shown.side,
                quantity=shown.quantity,
                order_type=shown.order_type,
                limit_price=shown.limit_price,
                status=shown.status,
                stop_price=shown.stop_price,
                time_in_force=shown.time_in_force,
            )
        )

    def _open_row(self, row: Resting) -> OpenOrderRow:
        terms = row.order.terms
        return OpenOrderRow(
            order_id=row.order.order_id,
            client_id=CLIENT,
            perm_id=row.perm_id,
            order_ref=row.order.order_ref,
            account=ACCOUNT,
            con_id=row.con_id,
            symbol=SYMBOLS[row.con_id],
            side=terms.side,
            quantity=row.held.quantity,
            order_type=terms.order_type,
            limit_price=row.held.limit_price,
            status="Submitted",
            stop_price=row.held.stop_price,
            time_in_force=terms.time_in_force.value,
        )

    def told(self, word: Word, now_s: float) -> None:
        """Note that a word is said: what it tells of is in the lists from here on."""
        if isinstance(word, ev.ExecutionSeen):
            for trade in self.history:
                if trade.execution.exec_id == word.execution.exec_id:
                    trade.listed_s = min(trade.listed_s, now_s)

    def snapshot(self, now_utc: datetime, now_s: float) -> BrokerSnapshot:
        """Return what the broker's lists say now: one account, some executions behind the truth."""
        # What has been on its way for so long was lost: two looks without it are to prove that.
        for resting in self.orders.values():
            if resting.asked is not None and now_s - resting.asked_s >= ABSENCE_S:
                resting.asked = None
        listed = [trade for trade in self.history if trade.listed_s <= now_s]
        positions, cash = dict(self.first_positions), self.first_cash
        # Of each execution the newest revision counts, and the newest commission.
        newest = {exec_family(trade.execution.exec_id)[0]: trade.execution for trade in listed}
        paid = {
            exec_family(trade.execution.exec_id)[0]: trade.paid.amount
            for trade in listed
            if trade.paid is not None
        }
        for family, row in newest.items():
            positions[row.con_id] += row.signed_quantity
            cash -= row.signed_quantity * row.price + paid[family]
        over = [row for row in self.orders.values() if not row.is_alive]
        return a_snapshot(
            started_utc=now_utc,
            finished_utc=now_utc,
            window_utc=now_utc - timedelta(hours=12),
            open_orders=tuple(self._open_row(row) for row in self.live()),
            completed_orders=tuple(_completed_row(row) for row in over),
            executions=tuple(trade.execution for trade in listed),
            commissions=tuple(trade.paid for trade in listed if trade.paid is not None),
            positions=tuple(
                PositionRow(ACCOUNT, con_id, SYMBOLS[con_id], quantity, Decimal(100))
                for con_id, quantity in positions.items()
                if quantity
            ),
            cash={"USD": cash},
        )


def _is_less(row: Resting, wanted: Held) -> bool:
    """Tell whether a change only takes risk away from an order."""
    held = row.held
    if wanted.quantity > held.quantity or wanted.stop_price != held.stop_price:
        return False
    if wanted.limit_price is None or held.limit_price is None:
        return wanted.limit_price == held.limit_price
    if row.is_buy:
        return wanted.limit_price <= held.limit_price
    return wanted.limit_price >= held.limit_price


def _completed_row(row: Resting) -> CompletedOrderRow:
    return CompletedOrderRow(
        perm_id=row.perm_id,
        order_ref=row.order.order_ref,
        account=ACCOUNT,
        con_id=row.con_id,
        status="Filled" if row.end == "Filled" else "Cancelled",
        # Of the order the broker always knows how much has filled.
        filled=row.filled,
        note="",
    )


def bold_price(row: Resting, mid: Decimal) -> Decimal:
    """Return the worst price at which an order may fill."""
    if row.is_buy:
        # The worst that was set aside is the worst that a market of the collar gives.
        return row.held.limit_price or row.held.unit
    if row.order.terms.order_type is OrderType.LIMIT and row.held.limit_price is not None:
        return row.held.limit_price
    return max(mid * Decimal("0.9"), Decimal(1))
