"""Lag, queue depth, throughput and errors of each stream are what the status says (EVT-33)."""

from __future__ import annotations

from dataclasses import replace

from prometheus_client import CollectorRegistry

from tests.unit.ops.support import READY
from trader.engine.status import ConsumerStatus, StreamStatus
from trader.ops.metrics_outbox import outbox_metrics
from trader.ops.metrics_status import StatusCollector

REPORTS = StreamStatus("exec_reports", pending=3, lag_s=1.5, taken_count=40, error_count=2)
MARKET = StreamStatus("market_events", pending=0, lag_s=0.0, taken_count=7, error_count=0)
FILES = ConsumerStatus("files", "running", "", 120, 118, (MARKET, REPORTS))
STUCK = ConsumerStatus("other", "failing", "disk full", 80, 80, (REPORTS,))


def test_each_stream_of_each_consumer_has_its_series() -> None:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(StatusCollector(lambda: replace(READY, outbox=(FILES, STUCK))))
    value = registry.get_sample_value
    labels = {"consumer": "files", "stream": "exec_reports"}
    assert value("trader_stream_pending", labels) == 3
    assert value("trader_stream_lag_seconds", labels) == 1.5
    assert value("trader_stream_taken_total", labels) == 40
    assert value("trader_stream_errors_total", labels) == 2
    assert value("trader_stream_taken_total", {**labels, "stream": "market_events"}) == 7
    assert value("trader_stream_pending", {**labels, "consumer": "other"}) == 3
    assert value("trader_outbox_working", {"consumer": "files"}) == 1
    assert value("trader_outbox_working", {"consumer": "other"}) == 0


def test_without_a_consumer_there_is_nothing_to_scrape() -> None:
    assert list(outbox_metrics(())) == []
