"""All runtime state together: intents, orders, fills, positions, cash, halts, tickets.

The book is a fold over recorded events and nothing else: the same events in the same order give
the same book, live or replayed. Only the ledger may call :meth:`Book.apply`; everybody else
reads.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

from trader.core import events as ev
from trader.core.amounts import ZERO
from trader.core.executions import Commission, Execution, delta
from trader.core.halts import HaltCause, Mode
from trader.core.ids import (
    AccountId,
    ClientId,
    ConId,
    ExecFamily,
    IntentId,
    Lineage,
    OrderId,
    OrderRef,
    PermId,
    RunId,
    Seq,
    StrategyName,
    TicketId,
    exec_family,
    intent_id_in,
)
from trader.core.orders import ABSENT_NOTE, Order, OrderEvent, OrderState, event_of_status, moved
from trader.core.positions import Position, traded

# The daily order count looks back this far at most.
_DAY = timedelta(hours=24)
# How long the key of a request at the API door is remembered, at the least.
_KEYS_KEPT = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class IntentRecord:
    """What became of an intent; asked again, it answers the same."""

    digest: str
    is_approved: bool
    code: str
    text: str
    order_id: OrderId | None = None


@dataclass(frozen=True, slots=True)
class Fill:
    """An execution in the book; ``order_id`` is None when the order is not ours."""

    execution: Execution
    revision: int
    order_id: OrderId | None


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """What a key of the API door was used for, and when first."""

    digest: str
    intent_id: IntentId
    at_utc: datetime


@dataclass(slots=True)
class Tally:
    """Counts since the journal began, for the summary and the metrics."""

    intents: int = 0
    refusals: int = 0
    orders_sent: int = 0
    executions: int = 0
    drifts: int = 0
    repairs: int = 0
    reconciliations: int = 0


class Book:
    """The state that recorded events amount to."""

    def __init__(self) -> None:
        self.seq = Seq(0)
        self.lineage: Lineage | None = None
        self.account: AccountId | None = None
        self.mode: Mode | None = None
        self.intents: dict[IntentId, IntentRecord] = {}
        self.orders: dict[OrderId, Order] = {}
        self.live_orders: dict[OrderId, Order] = {}
        self.fills: dict[ExecFamily, Fill] = {}
        self.baselined_fills: dict[ExecFamily, None] = {}
        self.commissions: dict[ExecFamily, Commission] = {}
        self.uncommissioned: dict[ExecFamily, Decimal] = {}
        self.positions: dict[ConId, Position] = {}
        self.cash: dict[str, Decimal] = {}
        self.commission_paid: dict[str, Decimal] = {}
        self.foreign: dict[PermId, ev.ForeignOrderSeen] = {}
        self.halts: dict[HaltCause, str] = {HaltCause.FRESH_INSTALL: "no halt record yet"}
        self.tickets: dict[TicketId, ev.TicketOpened] = {}
        self.strategies: dict[StrategyName, ev.StrategyCheckpointed] = {}
        # In the order in which they came, so that the oldest go first.
        self.requests: dict[str, RequestRecord] = {}
        self.absent_since: dict[OrderId, tuple[RunId, datetime]] = {}
        self.order_id_high = OrderId(0)
        self.planned_times: deque[datetime] = deque()
        self.last_reconcile: tuple[datetime, ev.ReconcileFinished] | None = None
        # The seq of the last event that touched an order or an instrument, for reconciliation.
        self.touched: dict[OrderId | tuple[str, ConId], Seq] = {}
        self.tally = Tally()
        self.perm_ids: dict[PermId, OrderId] = {}

    # ---- reading

    def order_of_intent(self, intent: IntentId) -> Order | None:
        """Return the order made from an intent, if any."""
        record = self.intents.get(intent)
        if record is None or record.order_id is None:
            return None
        return self.orders.get(record.order_id)

    def find_order(
        self, *, order_ref: OrderRef, perm_id: PermId, order_id: OrderId, client_id: ClientId
    ) -> Order | None:
        """Return our order that the broker speaks of, by the strongest identity it gives.

        ``orderRef`` first, then ``permId``; the order id is a session-scoped alias and counts
        only together with our client id, and never against a reference that names another order.
        """
        intent = intent_id_in(order_ref)
        if intent is not None:
            return self.order_of_intent(intent)
        if perm_id and perm_id in self.perm_ids:
            return self.orders[self.perm_ids[perm_id]]
        candidate = self.orders.get(order_id)
        if candidate is None or candidate.client_id != client_id or order_ref:
            return None
        is_other = candidate.perm_id and perm_id and candidate.perm_id != perm_id
        return None if is_other else candidate

    def position_of(self, con_id: ConId) -> Decimal:
        """Return the signed quantity held of an instrument."""
        position = self.positions.get(con_id)
        return position.quantity if position else ZERO

    def is_news(self, event: ev.Event) -> bool:
        """Tell whether a fact says anything that the book does not hold already.

        The broker repeats itself (INC-034); a repetition is neither applied nor journalled.
        """
        match event:
            case ev.OrderStatusSeen() | ev.OpenOrderSeen():
                order = self.order_named(event)
                if order is None:
                    return False
                # Any word about an order that was missing from a snapshot says that it lives.
                is_missed = order.order_id in self.absent_since
                return is_missed or self._order_after(order, event, None) != order
            case ev.ExecutionSeen(execution=execution):
                return self._is_new_execution(execution)
            case ev.CommissionSeen(commission=commission):
                return self._is_new_commission(commission)
            case ev.ForeignOrderSeen(perm_id=perm_id):
                return self.foreign.get(perm_id) != event
            case ev.ForeignOrderGone(perm_id=perm_id):
                return perm_id in self.foreign
            case _:
                return True

    def order_named(self, event: ev.OrderStatusSeen | ev.OpenOrderSeen) -> Order | None:
        """Return our order that a status or an echo is about."""
        ref = event.order_ref if isinstance(event, ev.OpenOrderSeen) else OrderRef("")
        return self.find_order(
            order_ref=ref,
            perm_id=event.perm_id,
            order_id=event.order_id,
            client_id=event.client_id,
        )

    def orders_since(self, since: datetime) -> int:
        """Count the orders planned at or after ``since`` (within the last day)."""
        return sum(1 for at in reversed(self.planned_times) if at >= since)

    def _is_new_execution(self, execution: Execution) -> bool:
        family, revision = exec_family(execution.exec_id)
        if family in self.baselined_fills:
            return False
        known = self.fills.get(family)
        return known is None or revision > known.revision

    def _is_new_commission(self, commission: Commission) -> bool:
        family, revision = exec_family(commission.exec_id)
        if family in self.baselined_fills:
            return False
        known = self.commissions.get(family)
        # The commission of an older revision, replayed, must not undo the newer one's (INC-048).
        return known is None or (commission != known and revision >= exec_family(known.exec_id)[1])

    # ---- the fold

    def apply(self, recorded: ev.Recorded) -> None:
        """Apply the next event; the sequence must be dense."""
        assert recorded.seq == self.seq + 1, f"seq {recorded.seq} after {self.seq}"
        self.seq = recorded.seq
        handler = _HANDLERS.get(type(recorded.event))
        if handler is not None:
            handler(self, recorded.event, recorded.at_utc)

    def put_order(self, order: Order) -> None:
        """Store an order and keep the indices true; for the fold and for restoring only."""
        self.orders[order.order_id] = order
        self.touched[order.order_id] = self.seq
        if order.perm_id:
            # It names one order for good: the first that the broker gave it to.
            self.perm_ids.setdefault(order.perm_id, order.order_id)
        if order.is_final:
            self.live_orders.pop(order.order_id, None)
            self.absent_since.pop(order.order_id, None)
        else:
            self.live_orders[order.order_id] = order

    def _move(self, order_id: OrderId, event: OrderEvent, at: datetime, note: str = "") -> None:
        order = self.orders.get(order_id)
        if order is not None:
            self.put_order(moved(order, event, at, note))

    def _on_journal_opened(self, event: ev.JournalOpened, at: datetime) -> None:
        self.lineage = event.lineage

    def _on_daemon_started(self, event: ev.DaemonStarted, at: datetime) -> None:
        self.mode = event.mode

    def _on_baselined(self, event: ev.AccountBaselined, at: datetime) -> None:
        self.account = event.account
        self.positions = {
            row.con_id: Position(
                con_id=row.con_id,
                symbol=row.symbol,
                quantity=row.quantity,
                average_price=row.average_price,
                multiplier=row.multiplier,
            )
            for row in event.holdings
        }
        self.cash = dict(event.cash)
        for exec_id in event.exec_ids:
            self.baselined_fills[ExecFamily(exec_id)] = None

    def _on_reviewed(self, event: ev.IntentReviewed, at: datetime) -> None:
        known = self.intents.get(event.intent.intent_id)
        # A second review would forget the order, and the intent could become another one.
        assert known is None or known.order_id is None, f"{event.intent.intent_id} has an order"
        self.tally.intents += 1
        self.tally.refusals += not event.is_approved
        self.intents[event.intent.intent_id] = IntentRecord(
            digest=event.digest,
            is_approved=event.is_approved,
            code=event.code,
            text=event.text,
        )

    def _on_planned(self, event: ev.OrderPlanned, at: datetime) -> None:
        intent = event.terms.intent_id
        assert event.order_id > self.order_id_high, f"order id {event.order_id} used before"
        record = self.intents[intent]
        assert record.order_id is None, f"intent {intent} already has order {record.order_id}"
        self.order_id_high = event.order_id
        self.intents[intent] = replace(record, order_id=event.order_id)
        self.planned_times.append(at)
        while self.planned_times[0] < at - _DAY:
            self.planned_times.popleft()
        self.put_order(
            Order(
                order_id=event.order_id,
                client_id=event.client_id,
                order_ref=event.order_ref,
                terms=event.terms,
                planned_utc=at,
            )
        )

    def _on_sent(self, event: ev.OrderSent, at: datetime) -> None:
        self.tally.orders_sent += 1
        self._move(event.order_id, OrderEvent.MADE_DURABLE, at)
        self._move(event.order_id, OrderEvent.SENT, at)

    def _on_withheld(self, event: ev.OrderWithheld, at: datetime) -> None:
        self._move(event.order_id, OrderEvent.MADE_DURABLE, at)
        self._move(event.order_id, OrderEvent.WITHHELD, at, event.reason)

    def _on_cancel_sent(self, event: ev.CancelSent, at: datetime) -> None:
        self._move(event.order_id, OrderEvent.CANCEL_SENT, at, event.reason)

    def _on_order_word(self, event: ev.OrderStatusSeen | ev.OpenOrderSeen, at: datetime) -> None:
        order = self.order_named(event)
        if order is not None:
            self.absent_since.pop(order.order_id, None)
            self.put_order(self._order_after(order, event, at))

    def _order_after(
        self, order: Order, event: ev.OrderStatusSeen | ev.OpenOrderSeen, at: datetime | None
    ) -> Order:
        what = event_of_status(event.status)
        after = order
        if what is not None:
            after = moved(order, what, at or order.planned_utc)
        filled = event.filled if isinstance(event, ev.OrderStatusSeen) else order.broker_filled
        return replace(
            after,
            perm_id=event.perm_id or after.perm_id,
            broker_status=event.status or after.broker_status,
            broker_filled=max(filled, order.broker_filled),
        )

    def _on_order_error(self, event: ev.OrderErrorSeen, at: datetime) -> None:
        order = self.orders.get(event.order_id)
        if order is None:
            return
        note = f"{event.code} {event.text}"
        match event.evidence:
            case ev.Evidence.REJECTS_NEW:
                # On a working order the same code refuses a change and leaves it alive (INC-015).
                is_alive = order.state in (OrderState.WORKING, OrderState.CANCELLING)
                if not is_alive or order.broker_status == "Inactive":
                    self._move(event.order_id, OrderEvent.REJECT_CONFIRMED, at, note)
            case ev.Evidence.CONFIRMS_CANCEL:
                self._move(event.order_id, OrderEvent.CANCEL_CONFIRMED, at, note)
            case ev.Evidence.REFUSES_CANCEL:
                self._move(event.order_id, OrderEvent.CANCEL_REFUSED, at, note)
            case ev.Evidence.UNCLEAR if order.state is OrderState.SENT:
                self._move(event.order_id, OrderEvent.UNANSWERED, at, note)
            case _:
                pass

    def _on_execution(self, event: ev.ExecutionSeen, at: datetime) -> None:
        execution = event.execution
        if not self._is_new_execution(execution):
            return
        family, revision = exec_family(execution.exec_id)
        known = self.fills.get(family)
        change = delta(known.execution if known else None, execution)
        order = self.find_order(
            order_ref=execution.order_ref,
            perm_id=execution.perm_id,
            order_id=execution.order_id,
            client_id=execution.client_id,
        )
        if order is None and known is not None and known.order_id is not None:
            order = self.orders[known.order_id]
        # One order id can end up on a contract it was not meant for (INC-156): such a fill is
        # booked where it happened and never counted towards the order.
        is_ours = order is not None and order.terms.con_id == execution.con_id
        owner = order.order_id if order is not None and is_ours else None
        self.fills[family] = Fill(execution=execution, revision=revision, order_id=owner)
        self.tally.executions += known is None
        commission = self.commissions.get(family)
        if commission is None:
            self.uncommissioned[family] = execution.quantity
        elif known is None:
            self._pay(commission.currency, commission.amount)
        if known is not None:
            self._trade(known.execution, change.trades[:1])  # the reversal, where it happened
        self._trade(execution, change.trades[1:] if known else change.trades)
        self.cash[execution.currency] = self.cash.get(execution.currency, ZERO) + change.cash
        if order is not None and is_ours:
            if known is not None and known.order_id is None:
                change = delta(None, execution)  # the order has not counted the one before
            self._fill_order(order, execution, change.quantity, change.cash, at)

    def _trade(self, execution: Execution, trades: tuple[tuple[Decimal, Decimal], ...]) -> None:
        position = self.positions.get(execution.con_id) or Position(
            con_id=execution.con_id, symbol=execution.symbol, multiplier=execution.multiplier
        )
        for quantity, price in trades:
            position = traded(position, quantity, price)
        self.positions[execution.con_id] = position
        self.touched["position", execution.con_id] = self.seq

    def _fill_order(
        self, order: Order, execution: Execution, quantity: Decimal, cash: Decimal, at: datetime
    ) -> None:
        filled = order.filled + quantity
        value = order.filled_value - cash * order.terms.side.sign / execution.multiplier
        order = replace(
            order,
            filled=filled,
            filled_value=value,
            perm_id=execution.perm_id or order.perm_id,
            changed_utc=at,
        )
        self.absent_since.pop(order.order_id, None)
        if filled >= order.terms.quantity:
            order = moved(order, OrderEvent.FILL_COMPLETED, at)
        else:
            # A partial fill proves that the broker has the order (INC-013).
            order = moved(order, OrderEvent.ACKNOWLEDGED, at)
        self.put_order(order)

    def _on_commission(self, event: ev.CommissionSeen, at: datetime) -> None:
        commission = event.commission
        if not self._is_new_commission(commission):
            return
        family, _ = exec_family(commission.exec_id)
        before = self.commissions.get(family)
        self.commissions[family] = commission
        self.uncommissioned.pop(family, None)
        # It moves cash together with its execution: one without may be another account's, whose
        # executions never get here (INC-078, INC-137).
        if family in self.fills:
            if before is not None:
                self._pay(before.currency, -before.amount)
            self._pay(commission.currency, commission.amount)

    def _pay(self, currency: str, amount: Decimal) -> None:
        self.cash[currency] = self.cash.get(currency, ZERO) - amount
        self.commission_paid[currency] = self.commission_paid.get(currency, ZERO) + amount

    def _on_unanswered(self, event: ev.OrderUnanswered, at: datetime) -> None:
        self._move(event.order_id, OrderEvent.MADE_DURABLE, at)
        self._move(event.order_id, OrderEvent.UNANSWERED, at, event.reason)

    def _on_absent(self, event: ev.OrderAbsentSeen, at: datetime) -> None:
        self.absent_since[event.order_id] = (event.run_id, at)

    def _on_proven_absent(self, event: ev.OrderProvenAbsent, at: datetime) -> None:
        note = f"{ABSENT_NOTE} {event.first_run_id} and {event.run_id}"
        self._move(event.order_id, OrderEvent.PROVEN_ABSENT, at, note)

    def _on_foreign(self, event: ev.ForeignOrderSeen, at: datetime) -> None:
        self.foreign[event.perm_id] = event

    def _on_foreign_gone(self, event: ev.ForeignOrderGone, at: datetime) -> None:
        self.foreign.pop(event.perm_id, None)

    def _on_halt(self, event: ev.HaltRaised, at: datetime) -> None:
        self.halts[event.cause] = event.reason

    def _on_halt_cleared(self, event: ev.HaltCleared, at: datetime) -> None:
        self.halts.pop(event.cause, None)

    def _on_ticket(self, event: ev.TicketOpened, at: datetime) -> None:
        self.tickets[event.ticket_id] = event

    def _on_ticket_closed(self, event: ev.TicketClosed, at: datetime) -> None:
        self.tickets.pop(event.ticket_id, None)

    def _on_cash_adjusted(self, event: ev.CashAdjusted, at: datetime) -> None:
        self.cash[event.currency] = event.after

    def _on_position_adjusted(self, event: ev.PositionAdjusted, at: datetime) -> None:
        known = self.positions.get(event.con_id) or Position(event.con_id, event.symbol)
        self.positions[event.con_id] = replace(known, quantity=event.after)
        self.touched["position", event.con_id] = self.seq

    def _on_reconciled(self, event: ev.ReconcileFinished, at: datetime) -> None:
        self.tally.reconciliations += not event.problem
        self.tally.drifts += event.drift_count
        self.tally.repairs += event.repair_count
        self.last_reconcile = (at, event)

    def _on_strategy(self, event: ev.StrategyCheckpointed, at: datetime) -> None:
        self.strategies[event.strategy] = event

    def _on_request(self, event: ev.RequestReceived, at: datetime) -> None:
        assert event.key not in self.requests, f"key {event.key!r} used before"
        self.requests[event.key] = RequestRecord(event.digest, event.intent_id, at)
        # Two at a time, so that the old ones go however many there are.
        for key in [*islice(self.requests, 2)]:
            if self.requests[key].at_utc < at - _KEYS_KEPT:
                del self.requests[key]


_HANDLERS: dict[type, Callable[[Book, Any, datetime], None]] = {
    ev.JournalOpened: Book._on_journal_opened,
    ev.DaemonStarted: Book._on_daemon_started,
    ev.AccountBaselined: Book._on_baselined,
    ev.IntentReviewed: Book._on_reviewed,
    ev.OrderPlanned: Book._on_planned,
    ev.OrderSent: Book._on_sent,
    ev.OrderWithheld: Book._on_withheld,
    ev.CancelSent: Book._on_cancel_sent,
    ev.OrderStatusSeen: Book._on_order_word,
    ev.OpenOrderSeen: Book._on_order_word,
    ev.OrderErrorSeen: Book._on_order_error,
    ev.ExecutionSeen: Book._on_execution,
    ev.CommissionSeen: Book._on_commission,
    ev.OrderUnanswered: Book._on_unanswered,
    ev.OrderAbsentSeen: Book._on_absent,
    ev.OrderProvenAbsent: Book._on_proven_absent,
    ev.ForeignOrderSeen: Book._on_foreign,
    ev.ForeignOrderGone: Book._on_foreign_gone,
    ev.HaltRaised: Book._on_halt,
    ev.HaltCleared: Book._on_halt_cleared,
    ev.TicketOpened: Book._on_ticket,
    ev.TicketClosed: Book._on_ticket_closed,
    ev.CashAdjusted: Book._on_cash_adjusted,
    ev.PositionAdjusted: Book._on_position_adjusted,
    ev.ReconcileFinished: Book._on_reconciled,
    ev.StrategyCheckpointed: Book._on_strategy,
    ev.RequestReceived: Book._on_request,
}
