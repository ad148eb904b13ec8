"""Every kind of event is counted where an alert would look for it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from prometheus_client import CollectorRegistry

from tests.unit.core.factories import terms_of
from tests.unit.ops.support import NOW
from trader.core import events as ev
from trader.core.executions import Execution
from trader.core.halts import HaltCause
from trader.core.ids import (
    AccountId,
    ClientId,
    ConId,
    ExecId,
    IntentId,
    OrderId,
    OrderRef,
    PermId,
    RunId,
    StrategyName,
    TicketId,
)
from trader.core.intents import Intent, OrderType, Side, TimeInForce
from trader.ops.metrics_events import EVENT_KINDS, EventCounters

INTENT = Intent(
    intent_id=IntentId("abc123-momentum-1"),
    strategy=StrategyName("momentum"),
    con_id=ConId(1),
    side=Side.BUY,
    quantity=Decimal(10),
    order_type=OrderType.MARKET,
    time_in_force=TimeInForce.DAY,
)
PLANNED = ev.OrderPlanned(OrderId(1), ClientId(7), OrderRef("r"), terms_of(INTENT, Decimal(100)))
APPROVED = ev.IntentReviewed(INTENT, "digest", True, "", "", ())
EXECUTION = Execution(
    exec_id=ExecId("a.b.01.01"),
    account=AccountId("DU1"),
    con_id=ConId(1),
    symbol="AAPL",
    side=Side.SELL,
    quantity=Decimal(10),
    price=Decimal("100.5"),
    order_id=OrderId(1),
    client_id=ClientId(7),
    perm_id=PermId(9),
    order_ref=OrderRef(""),
    time_utc=NOW,
)
FINISHED = ev.ReconcileFinished(RunId("r"), "timer", "", 0, 0, 0, 0.2)


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def count(registry: CollectorRegistry, *events: ev.Event) -> EventCounters:
    counters = EventCounters(registry)
    for event in events:
        counters.observe(event)
    return counters


def test_every_kind_is_there_from_the_start_at_zero(registry: CollectorRegistry) -> None:
    count(registry)
    assert len(EVENT_KINDS) > 20
    for kind in EVENT_KINDS:
        assert registry.get_sample_value("trader_events_total", {"kind": kind}) == 0


def test_intents_are_counted_by_outcome_and_refusals_by_code(registry: CollectorRegistry) -> None:
    refused = replace(APPROVED, is_approved=False, code="CASH")
    count(registry, APPROVED, refused, refused)
    value = registry.get_sample_value
    assert value("trader_intents_total", {"outcome": "approved"}) == 1
    assert value("trader_intents_total", {"outcome": "refused"}) == 2
    assert value("trader_refusals_total", {"code": "CASH"}) == 2
    assert value("trader_refusals_total", {"code": "QUANTITY_NEGATIVE"}) == 0


@pytest.mark.parametrize(
    ("event", "state"),
    [
        (ev.OrderSent(OrderId(1)), "sent"),
        (ev.OrderWithheld(OrderId(1), "halt"), "withheld"),
        (ev.CancelSent(OrderId(1), "operator"), "cancel_sent"),
        (ev.OrderUnanswered(OrderId(1), "silence"), "unknown"),
        (ev.OrderProvenAbsent(OrderId(1), RunId("b"), RunId("a")), "proven_absent"),
        (ev.OrderSettled(OrderId(1), Decimal(0), "listed"), "settled"),
    ],
)
def test_each_step_of_an_order_is_counted(
    registry: CollectorRegistry, event: ev.Event, state: str
) -> None:
    count(registry, event)
    assert registry.get_sample_value("trader_orders_total", {"state": state}) == 1


def test_executions_add_up_and_the_recovered_ones_are_told_apart(
    registry: CollectorRegistry,
) -> None:
    count(registry, ev.ExecutionSeen(EXECUTION), ev.ExecutionSeen(EXECUTION, RunId("r")))
    value = registry.get_sample_value
    assert value("trader_executions_total") == 2
    assert value("trader_executions_recovered_total") == 1
    assert value("trader_traded_value_total", {"currency": "USD"}) == 2010.0


def test_errors_halts_and_tickets_are_counted_by_what_they_are(
    registry: CollectorRegistry,
) -> None:
    count(
        registry,
        ev.OrderErrorSeen(OrderId(1), 201, "rejected", ev.Evidence.REJECTS_NEW),
        ev.HaltRaised(HaltCause.OPERATOR, "enough", "ops"),
        ev.TicketOpened(TicketId("t"), "position", None, "text", RunId("r")),
    )
    value = registry.get_sample_value
    labels = {"code": "201", "evidence": "rejects_new"}
    assert value("trader_broker_errors_total", labels) == 1
    assert value("trader_halts_total", {"cause": "operator"}) == 1
    assert value("trader_tickets_total", {"kind": "position"}) == 1


@pytest.mark.parametrize(
    ("event", "outcome"),
    [
        (FINISHED, "clean"),
        (replace(FINISHED, drift_count=2), "repaired"),
        (replace(FINISHED, drift_count=2, ticket_count=1), "ticket"),
        (replace(FINISHED, problem="no end marker"), "failed"),
    ],
)
def test_a_reconciliation_has_one_outcome_and_a_duration(
    registry: CollectorRegistry, event: ev.ReconcileFinished, outcome: str
) -> None:
    count(registry, event)
    value = registry.get_sample_value
    assert value("trader_reconciliations_total", {"outcome": outcome}) == 1
    assert value("trader_reconcile_duration_seconds_sum") == 0.2


def test_each_promise_counts_for_who_wished_for_it(registry: CollectorRegistry) -> None:
    counters = EventCounters(registry, ("momentum", "pairs"))
    value = registry.get_sample_value
    assert value("trader_strategy_orders_total", {"strategy": "pairs"}) == 0
    counters.observe(PLANNED)
    assert value("trader_strategy_orders_total", {"strategy": "momentum"}) == 1
    assert counters.streams == {"market_events": 0, "order_intents": 1, "exec_reports": 0}
