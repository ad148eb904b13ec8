"""What is scraped of the outbox: each stream on its way to each consumer."""

from collections.abc import Callable, Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from trader.engine.status import ConsumerStatus, StreamStatus

_LABELS = ("consumer", "stream")


def outbox_metrics(consumers: Iterable[ConsumerStatus]) -> Iterator[Metric]:
    """Give lag, queue depth, throughput and errors of each, and whether a consumer works."""
    rows = [(consumer.name, stream) for consumer in consumers for stream in consumer.streams]
    if not rows:
        return
    yield _gauges(rows, "trader_stream_pending", "Events that wait", lambda row: row.pending)
    yield _gauges(
        rows,
        "trader_stream_lag_seconds",
        "Since when the oldest of them waits",
        lambda row: row.lag_s,
    )
    yield _counters(rows, "trader_stream_taken", "Events handed over", lambda row: row.taken_count)
    yield _counters(
        rows,
        "trader_stream_errors",
        "Times that events were not taken",
        lambda row: row.error_count,
    )
    working = GaugeMetricFamily(
        "trader_outbox_working", "1 while nothing keeps this consumer", labels=["consumer"]
    )
    for consumer in consumers:
        working.add_metric([consumer.name], float(consumer.state == "running"))
    yield working


_Rows = list[tuple[str, StreamStatus]]
_Value = Callable[[StreamStatus], float]


def _gauges(rows: _Rows, name: str, text: str, value: _Value) -> Metric:
    family = GaugeMetricFamily(name, text, labels=_LABELS)
    for consumer, row in rows:
        family.add_metric([consumer, row.name], float(value(row)))
    return family


def _counters(rows: _Rows, name: str, text: str, value: _Value) -> Metric:
    family = CounterMetricFamily(name, text, labels=_LABELS)
    for consumer, row in rows:
        family.add_metric([consumer, row.name], float(value(row)))
    return family
