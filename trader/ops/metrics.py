"""Prometheus metrics, derived: recorded events are counted, the status is read at each scrape.

So the numbers and the journal cannot disagree, and the engine does not know Prometheus. The
registry is our own; the names in milliseconds and without a prefix are those of the requirement
catalogue (OBS-03, 04, 06), all others follow Prometheus' habits.
"""

from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

from trader.core.events import Recorded
from trader.engine.status import Status
from trader.ops.metrics_events import EventCounters
from trader.ops.metrics_status import StatusCollector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
LATENCIES = {
    "intent_to_ack_latency_ms": "From an intent to the broker's first answer about its order",
    "intent_to_wire_latency_ms": "From an intent to the last byte handed to the socket",
}
_LATENCY_BUCKETS_MS = (1, 2, 5, 10, 20, 35, 50, 75, 100, 150, 250, 500, 1000, 2500, 5000, 15000)


class MetricsObserver:
    """All metrics of one daemon."""

    def __init__(self, status: Callable[[], Status]) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)
        self._events = EventCounters(self._registry)
        self._latencies = {
            name: Histogram(name, text, buckets=_LATENCY_BUCKETS_MS, registry=self._registry)
            for name, text in LATENCIES.items()
        }
        self._registry.register(StatusCollector(status))

    def observe(self, recorded: Recorded) -> None:
        """Count one recorded event; called by the ledger after the book has it."""
        self._events.observe(recorded.event)

    def observe_latency(self, name: str, ms: float) -> None:
        """Add one measurement to a latency of the catalogue; ``name`` is one of LATENCIES."""
        assert name in self._latencies, f"latency {name!r}, known: {', '.join(LATENCIES)}"
        assert ms >= 0, f"{name} = {ms} ms"
        self._latencies[name].observe(ms)

    def exposition(self) -> bytes:
        """Return everything in the Prometheus text format."""
        return generate_latest(self._registry)
