"""The whole exposition, as Prometheus reads it."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from tests.unit.ops.support import NOW, READY
from trader.core.events import OrderSent, Recorded
from trader.core.ids import OrderId, Seq
from trader.ops.metrics import LATENCIES, MetricsObserver


def sample(metrics: MetricsObserver, name: str, **labels: str) -> float | None:
    for family in text_string_to_metric_families(metrics.exposition().decode()):
        for found in family.samples:
            if found.name == name and found.labels == labels:
                return float(found.value)
    return None


def observed() -> MetricsObserver:
    metrics = MetricsObserver(lambda: READY)
    metrics.observe(Recorded(Seq(1), NOW, OrderSent(OrderId(5))))
    return metrics


def test_events_and_status_stand_side_by_side() -> None:
    metrics = observed()
    assert sample(metrics, "trader_events_total", kind="OrderSent") == 1
    assert sample(metrics, "trader_posture", posture="armed") == 1
    assert sample(metrics, "process_resident_memory_bytes") is not None


@pytest.mark.parametrize("name", LATENCIES)
def test_a_latency_of_the_catalogue_is_a_histogram_in_milliseconds(name: str) -> None:
    metrics = MetricsObserver(lambda: READY)
    for ms in (0.4, 12.0, 99_999.0):
        metrics.observe_latency(name, ms)
    assert sample(metrics, f"{name}_count") == 3
    assert sample(metrics, f"{name}_bucket", le="20.0") == 2


def test_an_unknown_latency_is_a_bug() -> None:
    with pytest.raises(AssertionError, match="known: intent_to_ack"):
        MetricsObserver(lambda: READY).observe_latency("latency", 1)


def test_two_daemons_in_one_process_do_not_share_numbers() -> None:
    observed()
    assert sample(MetricsObserver(lambda: READY), "trader_events_total", kind="OrderSent") == 0


def test_the_default_registry_stays_untouched() -> None:
    before = len(list(REGISTRY.collect()))
    observed().exposition()
    assert len(list(REGISTRY.collect())) == before


def test_promtool_finds_fault_only_with_the_names_of_the_catalogue() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: apt-get install prometheus)")
    checked = subprocess.run(
        [promtool, "check", "metrics"],
        input=observed().exposition(),
        capture_output=True,
        check=False,
    )
    said = (checked.stdout + checked.stderr).decode().splitlines()
    ours = [
        line
        for line in said
        if not line.startswith(("intent_to_ack_latency_ms", "intent_to_wire_latency_ms"))
        and not line.startswith(("python_", "process_"))
    ]
    assert not ours, said
