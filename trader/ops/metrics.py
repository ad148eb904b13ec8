"""Prometheus metrics, derived: recorded events are counted, the status is read at each scrape.

So the numbers and the journal cannot disagree, and the engine does not know Prometheus. The
registry is our own; the names in milliseconds and without a prefix are those of the requirement
catalogue (OBS-03, 04, 06), all others follow Prometheus' habits.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

from trader.core.events import Recorded
from trader.engine.status import Status
from trader.ops.error_counts import ErrorCounts
from trader.ops.metrics_events import EventCounters
from trader.ops.metrics_rates import RateCollector
from trader.ops.metrics_status import StatusCollector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
LATENCIES = {
    "intent_to_decision_latency_ms": "From an intent that left to the approval of risk",
    "intent_to_wire_latency_ms": "From an intent to the last byte handed to the socket",
    "intent_to_ack_latency_ms": "From an intent to the broker's first answer about its order",
    "intent_to_fill_latency_ms": "From an intent to the first execution of its order",
}
_LATENCY_BUCKETS_MS = (1, 2, 5, 10, 20, 35, 50, 75, 100, 150, 250, 500, 1000, 2500, 5000, 15000)
# What waits for its price fills after minutes or hours.
_FILL_BUCKETS_MS = (*_LATENCY_BUCKETS_MS, 60_000, 300_000, 1_800_000, 7_200_000)
REUSES = ("intent", "key")


@dataclass(frozen=True, slots=True)
class Sources:
    """What is counted elsewhere: errors by component, pages by severity; and who may order."""

    monotonic: Callable[[], float]
    errors: ErrorCounts
    pages: Mapping[str, int]
    strategies: tuple[str, ...] = ()


class MetricsObserver:
    """All metrics of one daemon."""

    def __init__(self, status: Callable[[], Status], sources: Sources) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)
        self._events = EventCounters(self._registry, sources.strategies)
        self._latencies = {
            name: Histogram(name, text, buckets=_buckets_of(name), registry=self._registry)
            for name, text in LATENCIES.items()
        }
        self._reuses = Counter(
            "trader_ids_reused",
            "Ids that came again with another content",
            ["what"],
            registry=self._registry,
        )
        for what in REUSES:
            self._reuses.labels(what)
        self._registry.register(StatusCollector(status))
        self._errors, events = sources.errors, self._events
        rates = RateCollector(
            sources.monotonic, self._error_counts, lambda: events.streams, lambda: sources.pages
        )
        self._registry.register(rates)

    def _error_counts(self) -> dict[str, int]:
        return {**self._errors.counts, "broker": self._events.broker_errors}

    def observe(self, recorded: Recorded) -> None:
        """Count one recorded event; called by the ledger after the book has it."""
        self._events.observe(recorded.event)

    def observe_latency(self, name: str, ms: float) -> None:
        """Add one measurement to a latency of the catalogue; ``name`` is one of LATENCIES."""
        assert name in self._latencies, f"latency {name!r}, known: {', '.join(LATENCIES)}"
        assert ms >= 0, f"{name} = {ms} ms"
        self._latencies[name].observe(ms)

    def observe_reuse(self, what: str) -> None:
        """Count an id that came again with another content; ``what`` is one of REUSES."""
        assert what in REUSES, f"reuse of {what!r}, known: {', '.join(REUSES)}"
        self._reuses.labels(what).inc()

    def exposition(self) -> bytes:
        """Return everything in the Prometheus text format."""
        return generate_latest(self._registry)


def _buckets_of(name: str) -> tuple[int, ...]:
    return _FILL_BUCKETS_MS if name == "intent_to_fill_latency_ms" else _LATENCY_BUCKETS_MS
