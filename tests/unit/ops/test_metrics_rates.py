"""Counts and their rates of the last minute, side by side."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from trader.ops.metrics_rates import RateCollector


def test_each_count_has_its_rate() -> None:
    now = [0.0]
    errors, streams, pages = {"broker": 0}, {"order_intents": 0}, {"critical": 0}
    registry = CollectorRegistry(auto_describe=False)
    registry.register(RateCollector(lambda: now[0], lambda: errors, lambda: streams, lambda: pages))
    value = registry.get_sample_value
    assert value("error_rate", {"component": "broker"}) == 0
    now[0] = 20.0
    errors["broker"], streams["order_intents"], pages["critical"] = 4, 100, 3
    assert value("trader_errors_total", {"component": "broker"}) == 4
    assert value("trader_stream_events_total", {"stream": "order_intents"}) == 100
    assert value("trader_pages_total", {"severity": "critical"}) == 3
    now[0] = 40.0
    assert value("error_rate", {"component": "broker"}) == 0.1
    assert value("throughput_msg_per_sec", {"stream": "order_intents"}) == 2.5
