"""Counters fed by recorded events. They start at zero with the process, as Prometheus expects."""

from collections.abc import Iterable
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Histogram

from trader.core import events as ev
from trader.core.risk.codes import CODES
from trader.core.streams import STREAM_OF, Stream

EVENT_KINDS = tuple(kind.__name__ for kind in get_args(ev.Event))
# What befell an order, by the event that says so.
_ORDER_STATES: dict[type, str] = {
    ev.OrderPlanned: "planned",
    ev.OrderSent: "sent",
    ev.OrderWithheld: "withheld",
    ev.CancelSent: "cancel_sent",
    ev.OrderUnanswered: "unknown",
    ev.OrderProvenAbsent: "proven_absent",
    ev.OrderSettled: "settled",
}
_RECONCILE_OUTCOMES = ("clean", "repaired", "ticket", "failed")
_DURATION_BUCKETS_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class EventCounters:
    """One counter per thing worth alerting on."""

    def __init__(self, registry: CollectorRegistry, strategies: Iterable[str] = ()) -> None:
        # Of this process: errors of the broker, and the events of each stream.
        self.broker_errors = 0
        self.streams: dict[str, int] = dict.fromkeys(Stream, 0)

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(name, text, labels, registry=registry)

        self._events = counter("trader_events", "Recorded events", "kind")
        self._intents = counter("trader_intents", "Intents reviewed", "outcome")
        self._refusals = counter("trader_refusals", "Intents refused, by stable code", "code")
        self._orders = counter("trader_orders", "Steps of our orders", "state")
        self._strategy_orders = counter(
            "trader_strategy_orders", "Orders promised, by who wished for them", "strategy"
        )
        for strategy in strategies:
            self._strategy_orders.labels(strategy)
        self._errors = counter(
            "trader_broker_errors", "Errors the broker sent about an order", "code", "evidence"
        )
        self._executions = counter("trader_executions", "Executions booked, corrections included")
        self._recovered = counter(
            "trader_executions_recovered", "Executions that only a reconciliation found"
        )
        self._traded = counter("trader_traded_value", "Quantity times price traded", "currency")
        self._halts = counter("trader_halts", "Latched halt causes raised", "cause")
        self._tickets = counter("trader_tickets", "Tickets opened", "kind")
        self._reconciliations = counter(
            "trader_reconciliations", "Reconciliation runs finished", "outcome"
        )
        self._durations = Histogram(
            "trader_reconcile_duration_seconds",
            "Time one reconciliation took",
            buckets=_DURATION_BUCKETS_S,
            registry=registry,
        )
        self._start_at_zero()

    def _start_at_zero(self) -> None:
        # A series that appears with its first event has no rate for that event: the first
        # refusal would raise no alert.
        for kind in EVENT_KINDS:
            self._events.labels(kind)
        for state in _ORDER_STATES.values():
            self._orders.labels(state)
        for row in CODES:
            self._refusals.labels(row.code)
        for outcome in ("approved", "refused"):
            self._intents.labels(outcome)
        for outcome in _RECONCILE_OUTCOMES:
            self._reconciliations.labels(outcome)

    def observe(self, event: ev.Event) -> None:
        """Count one event."""
        self._events.labels(type(event).__name__).inc()
        if (stream := STREAM_OF[type(event)]) is not None:
            self.streams[stream] += 1
        if state := _ORDER_STATES.get(type(event)):
            self._orders.labels(state).inc()
        match event:
            case ev.IntentReviewed(is_approved=is_approved, code=code):
                self._intents.labels("approved" if is_approved else "refused").inc()
                if not is_approved:
                    self._refusals.labels(code).inc()
            case ev.OrderPlanned(terms=terms):
                self._strategy_orders.labels(terms.strategy).inc()
            case ev.OrderErrorSeen(code=code_number, evidence=evidence):
                self.broker_errors += 1
                self._errors.labels(str(code_number), evidence).inc()
            case ev.ExecutionSeen():
                self._count_execution(event)
            case ev.HaltRaised(cause=cause):
                self._halts.labels(cause).inc()
            case ev.TicketOpened(kind=kind):
                self._tickets.labels(kind).inc()
            case ev.ReconcileFinished():
                self._reconciliations.labels(_outcome(event)).inc()
                self._durations.observe(event.duration_s)
            case _:
                pass

    def _count_execution(self, event: ev.ExecutionSeen) -> None:
        execution = event.execution
        self._executions.inc()
        if event.run_id is not None:
            self._recovered.inc()
        value = abs(execution.cash_change)
        if value.is_finite():
            self._traded.labels(execution.currency).inc(float(value))


def _outcome(event: ev.ReconcileFinished) -> str:
    if event.problem:
        return "failed"
    if event.ticket_count:
        return "ticket"
    return "repaired" if event.drift_count else "clean"
