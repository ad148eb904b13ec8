"""The whole exposition, as Prometheus reads it."""

from __future__ import annotations

import subprocess

import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from tests.monitoring.programs import needs, program
from tests.unit.ops.support import NOW, READY, SOURCES
from trader.core.events import Evidence, OrderErrorSeen, OrderSent, Recorded
from trader.core.ids import OrderId, Seq
from trader.ops.metrics import LATENCIES, MetricsObserver


def sample(metrics: MetricsObserver, name: str, **labels: str) -> float | None:
    for family in text_string_to_metric_families(metrics.exposition().decode()):
        for found in family.samples:
            if found.name == name and found.labels == labels:
                return float(found.value)
    return None


def observed() -> MetricsObserver:
    metrics = MetricsObserver(lambda: READY, SOURCES)
    metrics.observe(Recorded(Seq(1), NOW, OrderSent(OrderId(5))))
    return metrics


def test_events_and_status_stand_side_by_side() -> None:
    metrics = observed()
    assert sample(metrics, "trader_events_total", kind="OrderSent") == 1
    assert sample(metrics, "trader_posture", posture="armed") == 1
    assert sample(metrics, "process_resident_memory_bytes") is not None


@pytest.mark.parametrize("name", LATENCIES)
def test_a_latency_of_the_catalogue_is_a_histogram_in_milliseconds(name: str) -> None:
    metrics = MetricsObserver(lambda: READY, SOURCES)
    for ms in (0.4, 12.0, 99_999.0):
        metrics.observe_latency(name, ms)
    assert sample(metrics, f"{name}_count") == 3
    assert sample(metrics, f"{name}_bucket", le="20.0") == 2


def test_an_unknown_latency_is_a_bug() -> None:
    with pytest.raises(AssertionError, match="known: intent_to_decision"):
        MetricsObserver(lambda: READY, SOURCES).observe_latency("latency", 1)


def test_what_waits_for_its_price_has_buckets_of_hours() -> None:
    metrics = MetricsObserver(lambda: READY, SOURCES)
    metrics.observe_latency("intent_to_fill_latency_ms", 6_000_000)
    assert sample(metrics, "intent_to_fill_latency_ms_bucket", le="1.8e+06") == 0
    assert sample(metrics, "intent_to_fill_latency_ms_bucket", le="7.2e+06") == 1


def test_ids_that_came_again_are_counted_from_zero() -> None:
    metrics = MetricsObserver(lambda: READY, SOURCES)
    assert sample(metrics, "trader_ids_reused_total", what="key") == 0
    metrics.observe_reuse("intent")
    assert sample(metrics, "trader_ids_reused_total", what="intent") == 1
    with pytest.raises(AssertionError, match="known: intent, key"):
        metrics.observe_reuse("order")


def test_the_brokers_errors_are_those_of_a_component() -> None:
    metrics = MetricsObserver(lambda: READY, SOURCES)
    event = OrderErrorSeen(OrderId(5), 201, "rejected", Evidence.REJECTS_NEW)
    metrics.observe(Recorded(Seq(1), NOW, event))
    assert sample(metrics, "trader_errors_total", component="broker") == 1
    assert sample(metrics, "trader_errors_total", component="ibkr") == 0
    assert sample(metrics, "trader_stream_events_total", stream="exec_reports") == 1
    assert sample(metrics, "trader_pages_total", severity="critical") == 0


def test_two_daemons_in_one_process_do_not_share_numbers() -> None:
    observed()
    assert (
        sample(MetricsObserver(lambda: READY, SOURCES), "trader_events_total", kind="OrderSent")
        == 0
    )


def test_the_default_registry_stays_untouched() -> None:
    before = len(list(REGISTRY.collect()))
    observed().exposition()
    assert len(list(REGISTRY.collect())) == before


@needs("promtool")
def test_promtool_finds_fault_only_with_the_names_of_the_catalogue() -> None:
    checked = subprocess.run(
        [program("promtool"), "check", "metrics"],
        input=observed().exposition(),
        capture_output=True,
        check=False,
    )
    said = (checked.stdout + checked.stderr).decode().splitlines()
    ours = [
        line
        for line in said
        if not line.startswith((*LATENCIES, "throughput_msg_per_sec"))
        and not line.startswith(("python_", "process_"))
    ]
    assert not ours, said
