"""All runtime state together: intents, orders, fills, positions, cash, halts, tickets.

The book is a fold over recorded events and nothing else: the same events in the same order give
the same book, live or replayed. Only the ledger may call :meth:`Book.apply`; everybody else
reads.
"""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any, get_args

from trader.core import account_record, quarantine, safety
from trader.core import breaker_events as be
from trader.core import emergency_events as em
from trader.core import events as ev
from trader.core.account_events import AccountEvent
from trader.core.amending import Step, after_error, after_fill, after_plan, after_step, after_word
from trader.core.amounts import ZERO
from trader.core.book_strategies import StrategyFold
from trader.core.bracket_life import recounted
from trader.core.entries import Decision, Fill, IntentRecord, decide, take_request
from trader.core.executions import Commission, Execution, delta, stranger_key
from trader.core.frozen import maker, replace
from trader.core.history_events import HistoryRetired
from trader.core.ids import ConId, ExecFamily, OrderId, exec_family
from trader.core.intents import Side
from trader.core.journal_events import JournalRestored
from trader.core.orders import (
    ABSENT_NOTE,
    Order,
    OrderEvent,
    OrderState,
    corrected,
    event_of_status,
    kept,
    moved,
    settled,
)
from trader.core.positions import Position, traded
from trader.core.quarantine_events import QuarantineEvent
from trader.core.request_events import RequestEvent
from trader.core.results import OPERATOR
from trader.core.risk_actions import DOWNGRADED, RiskAction, RiskActionKind
from trader.core.strategy_events import StrategyCheckpointed
from trader.core.tapes import Act, ActKind, Sale, Traded, pattern_of
from trader.core.ticket_events import CashBooked, TicketCounted, TicketIgnored, TradeBooked

# Each is made for every order.
_made_record, _made_order, _made_act = maker(IntentRecord), maker(Order), maker(Act)


class Book(StrategyFold):
    """The state that recorded events amount to."""

    # ---- what is news

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
            case em.EmergencyOrderKnown() | em.EmergencyCancelKnown():
                return event.key not in self.emergencies
            case _:
                return True

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
        self.changed_order = None
        handler = _HANDLERS.get(type(recorded.event))
        if handler is not None:
            handler(self, recorded.event, recorded.at_utc)

    def put_order(self, order: Order) -> None:
        """Store an order and keep the indices true; for the fold and for restoring only."""
        order = kept(self.orders.get(order.order_id), order)
        order_id = order.order_id
        counted = self.live_orders.get(order_id) or self.settling.get(order_id)
        self.workings.change(counted, order, self.position_of(order.terms.con_id))
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
        if order.is_settling:
            self.settling[order.order_id] = order
        else:
            self.settling.pop(order.order_id, None)
        for leg in recounted(self.orders, order):
            self.put_order(leg)
        self.changed_order = order.order_id

    def _move(self, order_id: OrderId, at: datetime, *events: OrderEvent, note: str = "") -> None:
        order = self.orders.get(order_id)
        if order is not None:
            for event in events:
                order = moved(order, event, at, note)
            self.put_order(order)

    def _on_journal(self, event: ev.JournalOpened | JournalRestored, at: datetime) -> None:
        self.lineage = event.lineage
        if isinstance(event, JournalRestored):
            self.former, self.order_id_high = event.former, event.order_id_floor

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
        for con_id in self.workings.by_instrument:
            self.workings.hold(con_id, self.position_of(con_id))
        for con_id in self.holdings.instruments():
            self.holdings.capped(con_id, self.position_of(con_id))
        self.cash = dict(event.cash)
        for exec_id in event.exec_ids:
            self.baselined_fills[ExecFamily(exec_id)] = None
        for row in event.traded:
            self.strangers.add(row)
        self.quarantine = quarantine.after_baseline(self.quarantine, self.seq)

    def _on_reviewed(self, event: ev.IntentReviewed, at: datetime) -> None:
        known = self.intents.get(event.intent.intent_id)
        # A second review would forget the order, and the intent could become another one.
        assert known is None or known.order_id is None, f"{event.intent.intent_id} has an order"
        self.tally.intents += 1
        self.tally.refusals += not event.is_approved
        if event.code == DOWNGRADED:
            whose = f"{event.intent.strategy}:{event.intent.con_id}"
            kind = RiskActionKind.DOWNGRADE
            self.actions.add(RiskAction(self.seq, at, kind, whose, event.text))
        self.intents[event.intent.intent_id] = _made_record(
            digest=event.digest,
            is_approved=event.is_approved,
            code=event.code,
            text=event.text,
            at_utc=at,
        )

    def _on_planned(self, event: ev.OrderPlanned, at: datetime) -> None:
        intent = event.terms.intent_id
        assert event.order_id > self.order_id_high, f"order id {event.order_id} used before"
        record = self.intents[intent]
        assert record.order_id is None, f"intent {intent} already has order {record.order_id}"
        self.order_id_high = event.order_id
        self.intents[intent] = replace(record, order_id=event.order_id)
        self.planned.add(at)
        order = _made_order(event.order_id, event.client_id, event.order_ref, event.terms, at)
        self.put_order(order)
        self._act(order, ActKind.ORDER, at)

    def _on_sent(self, event: ev.OrderSent, at: datetime) -> None:
        self.tally.orders_sent += 1
        self._move(event.order_id, at, OrderEvent.MADE_DURABLE, OrderEvent.SENT)

    def _on_withheld(self, event: ev.OrderWithheld, at: datetime) -> None:
        steps = OrderEvent.MADE_DURABLE, OrderEvent.WITHHELD
        self._move(event.order_id, at, *steps, note=event.reason)

    def _act(self, order: Order, kind: ActKind, at: datetime) -> None:
        """Put on the tape what was done to an order, for the counts of the review."""
        row = order.terms
        same = pattern_of(row.side, row.quantity, row.order_type, row.limit_price, row.stop_price)
        pattern = same if kind is ActKind.ORDER else ""
        act = _made_act(at, kind, row.strategy, row.con_id, order.order_id, row.side, pattern)
        self.acts.add(act)

    def _on_cancel_sent(self, event: ev.CancelSent, at: datetime) -> None:
        if event.order_id in self.orders:
            self._act(self.orders[event.order_id], ActKind.CANCEL, at)
        self._move(event.order_id, at, OrderEvent.CANCEL_SENT, note=event.reason)

    def _on_modify_planned(self, event: ev.ModifyPlanned, at: datetime) -> None:
        order = self.orders[event.order_id]
        self.put_order(after_plan(order, event, at))
        self._act(order, ActKind.MODIFY, at)
        decide(self.requests, event.request, Decision(True, "", "approved", event.number))

    def _on_modify_refused(self, event: ev.ModifyRefused, at: datetime) -> None:
        decide(self.requests, event.request, Decision(False, event.code, event.text))

    def _on_modify_step(self, event: Step, at: datetime) -> None:
        order = self.orders.get(event.order_id)
        if order is not None:
            self.put_order(after_step(order, event, at))

    def _on_order_word(self, event: ev.OrderStatusSeen | ev.OpenOrderSeen, at: datetime) -> None:
        order = self.order_named(event)
        if order is not None:
            self.absent_since.pop(order.order_id, None)
            self.put_order(self._order_after(order, event, at))

    def _order_after(
        self, order: Order, event: ev.OrderStatusSeen | ev.OpenOrderSeen, at: datetime | None
    ) -> Order:
        what = event_of_status(event.status)
        at = at or order.planned_utc
        after = order if what is None else moved(order, what, at)
        filled = event.filled if isinstance(event, ev.OrderStatusSeen) else order.broker_filled
        after = replace(
            after,
            perm_id=event.perm_id or after.perm_id,
            broker_status=event.status or after.broker_status,
            broker_filled=max(filled, order.broker_filled),
        )
        return after_word(after, event, at)

    def _on_order_error(self, event: ev.OrderErrorSeen, at: datetime) -> None:
        order = self.orders.get(event.order_id)
        if order is None:
            return
        note = f"{event.code} {event.text}"
        changed = after_error(order, event.evidence, at, note)
        if changed is not None:
            self.put_order(changed)
            return
        match event.evidence:
            case ev.Evidence.REJECTS_NEW:
                # On a working order the same code refuses a change and leaves it alive (INC-015).
                is_alive = order.state in (OrderState.WORKING, OrderState.CANCELLING)
                if not is_alive or order.broker_status == "Inactive":
                    self._move(event.order_id, at, OrderEvent.REJECT_CONFIRMED, note=note)
            case ev.Evidence.CONFIRMS_CANCEL:
                self._move(event.order_id, at, OrderEvent.CANCEL_CONFIRMED, note=note)
            case ev.Evidence.REFUSES_CANCEL:
                self._move(event.order_id, at, OrderEvent.CANCEL_REFUSED, note=note)
            case ev.Evidence.UNCLEAR if order.state is OrderState.SENT:
                self._move(event.order_id, at, OrderEvent.UNANSWERED, note=note)
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
        if order is None:
            self.strangers.add(Traded(stranger_key(execution), execution.time_utc or at))
        commission = self.commissions.get(family)
        if commission is None:
            self._pend(family, known.execution if known else None, execution)
        elif known is None:
            self._pay(commission.currency, commission.amount, owner)
        if known is not None:
            self._trade(known.execution, change.trades[:1])  # the reversal, where it happened
        self._trade(execution, change.trades[1:] if known else change.trades)
        self._hold(execution.con_id, change.trades, owner)
        self.cash[execution.currency] = self.cash.get(execution.currency, ZERO) + change.cash
        if execution.side is Side.SELL:
            self.sales.add(Sale(at, execution.currency, change.cash))
        if order is not None and is_ours:
            if known is not None and known.order_id is None:
                change = delta(None, execution)  # the order has not counted the one before
            elif known is not None:
                order = corrected(order, change.quantity)
            self._fill_order(order, execution, change.quantity, change.cash, at)
        self.results.trade(self._strategy_of(owner), execution, change.trades)
        self._leave_untold(self._strategy_of(owner), execution)

    def _hold(
        self, con_id: ConId, trades: tuple[tuple[Decimal, Decimal], ...], owner: OrderId | None
    ) -> None:
        """Give a trade to the strategy whose order it is of; the operator's is nobody's."""
        strategy = self._strategy_of(owner)
        moved = sum((quantity for quantity, _ in trades), start=ZERO)
        whose = None if strategy == OPERATOR else strategy
        self.holdings.traded(whose, con_id, moved, self.position_of(con_id))

    def _pend(self, family: ExecFamily, before: Execution | None, now: Execution) -> None:
        """Expect a commission for an execution, in place of what it said before."""
        if before is not None and family in self.uncommissioned:
            self.workings.pend(before.currency, -1, -self.uncommissioned[family])
        self.uncommissioned[family] = now.quantity
        self.workings.pend(now.currency, 1, now.quantity)

    def _trade(self, execution: Execution, trades: tuple[tuple[Decimal, Decimal], ...]) -> None:
        position = self.positions.get(execution.con_id) or Position(
            con_id=execution.con_id, symbol=execution.symbol, multiplier=execution.multiplier
        )
        for quantity, price in trades:
            position = traded(position, quantity, price)
        self._put_position(position)

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
        if quantity == filled > ZERO and not order.terms.is_reduce_only:
            self._act(order, ActKind.ENTRY, at)
        order = after_fill(order, at)
        if order.filled < order.quantity_max:
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
        pending = self.uncommissioned.pop(family, None)
        if pending is not None:
            self.workings.pend(self.fills[family].execution.currency, -1, -pending)
        # It moves cash together with its execution: one without may be another account's, whose
        # executions never get here (INC-078, INC-137).
        if family in self.fills:
            owner = self.fills[family].order_id
            if before is not None:
                self._pay(before.currency, -before.amount, owner)
            self._pay(commission.currency, commission.amount, owner)

    def _on_unanswered(self, event: ev.OrderUnanswered, at: datetime) -> None:
        steps = OrderEvent.MADE_DURABLE, OrderEvent.UNANSWERED
        self._move(event.order_id, at, *steps, note=event.reason)

    def _on_absent(self, event: ev.OrderAbsentSeen, at: datetime) -> None:
        self.absent_since[event.order_id] = (event.run_id, at)

    def _on_proven_absent(self, event: ev.OrderProvenAbsent, at: datetime) -> None:
        note = f"{ABSENT_NOTE} {event.first_run_id} and {event.run_id}"
        self._move(event.order_id, at, OrderEvent.PROVEN_ABSENT, note=note)
        # Both snapshots had every execution, and the second was asked for long after the first.
        self._settle(event.order_id)

    def _on_settled(self, event: ev.OrderSettled, at: datetime) -> None:
        self._settle(event.order_id)

    def _settle(self, order_id: OrderId) -> None:
        order = self.orders.get(order_id)
        if order is not None:
            self.put_order(settled(order))

    def _on_foreign(self, event: ev.ForeignOrderSeen, at: datetime) -> None:
        self._on_foreign_gone(event, at)
        self.foreign[event.perm_id] = event
        self.workings.meet(event.con_id, event.side, event.quantity)

    def _on_foreign_gone(
        self, event: ev.ForeignOrderGone | ev.ForeignOrderSeen, at: datetime
    ) -> None:
        known = self.foreign.pop(event.perm_id, None)
        if known is not None:
            self.workings.meet(known.con_id, known.side, -known.quantity)

    def _on_halt(self, event: ev.HaltRaised, at: datetime) -> None:
        self.halts[event.cause] = event.reason

    def _on_halt_cleared(self, event: ev.HaltCleared, at: datetime) -> None:
        self.halts.pop(event.cause, None)

    def _on_breaker(self, event: be.BreakerEvent, at: datetime) -> None:
        # One that falls back from probing goes on with what it did.
        goes_on = {str(row.name) for row in self.safety.standings}
        self.safety = safety.after(self.safety, event, at)
        self.actions.take(event, self.seq, at, goes_on)

    def _on_emergency(self, event: em.EmergencyEvent, at: datetime) -> None:
        self.emergencies[event.key] = None

    def _on_account(self, event: AccountEvent, at: datetime) -> None:
        self.account_record = account_record.after(self.account_record, event)

    def _on_quarantine(self, event: QuarantineEvent, at: datetime) -> None:
        self.quarantine = quarantine.after(self.quarantine, event, self.seq, at)

    def _on_reconciled(self, event: ev.ReconcileFinished, at: datetime) -> None:
        self.tally.reconciliations += not event.problem
        self.tally.drifts += event.drift_count
        self.tally.repairs += event.repair_count
        self.last_reconcile = (at, event)

    def _on_request(self, event: RequestEvent, at: datetime) -> None:
        take_request(self.requests, event, at)


_HANDLERS: dict[type, Callable[[Book, Any, datetime], None]] = {
    **dict.fromkeys((ev.JournalOpened, JournalRestored), Book._on_journal),
    ev.DaemonStarted: Book._on_daemon_started,
    ev.AccountBaselined: Book._on_baselined,
    ev.IntentReviewed: Book._on_reviewed,
    ev.OrderPlanned: Book._on_planned,
    ev.OrderSent: Book._on_sent,
    ev.OrderWithheld: Book._on_withheld,
    ev.CancelSent: Book._on_cancel_sent,
    ev.ModifyPlanned: Book._on_modify_planned,
    ev.ModifyRefused: Book._on_modify_refused,
    ev.ModifySent: Book._on_modify_step,
    ev.ModifyWithheld: Book._on_modify_step,
    ev.ModifyUnanswered: Book._on_modify_step,
    ev.ModifyRefuted: Book._on_modify_step,
    ev.OrderStatusSeen: Book._on_order_word,
    ev.OpenOrderSeen: Book._on_order_word,
    ev.OrderErrorSeen: Book._on_order_error,
    ev.ExecutionSeen: Book._on_execution,
    ev.CommissionSeen: Book._on_commission,
    ev.OrderUnanswered: Book._on_unanswered,
    ev.OrderAbsentSeen: Book._on_absent,
    ev.OrderProvenAbsent: Book._on_proven_absent,
    ev.OrderSettled: Book._on_settled,
    ev.ForeignOrderSeen: Book._on_foreign,
    ev.ForeignOrderGone: Book._on_foreign_gone,
    ev.HaltRaised: Book._on_halt,
    ev.HaltCleared: Book._on_halt_cleared,
    ev.TicketOpened: Book._on_ticket,
    ev.TicketClosed: Book._on_ticket_closed,
    TicketIgnored: Book._on_ticket_ignored,
    TicketCounted: Book._on_ticket_counted,
    TradeBooked: Book._on_trade_booked,
    CashBooked: Book._on_cash_booked,
    ev.CashAdjusted: Book._on_cash_adjusted,
    ev.PositionAdjusted: Book._on_position_adjusted,
    ev.ReconcileFinished: Book._on_reconciled,
    StrategyCheckpointed: Book._on_strategy,
    **dict.fromkeys(get_args(RequestEvent), Book._on_request),
    **dict.fromkeys(get_args(be.BreakerEvent), Book._on_breaker),
    **dict.fromkeys(get_args(em.EmergencyEvent), Book._on_emergency),
    **dict.fromkeys(get_args(AccountEvent), Book._on_account),
    **dict.fromkeys(get_args(QuarantineEvent), Book._on_quarantine),
    HistoryRetired: Book._on_retired,
}
