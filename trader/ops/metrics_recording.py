"""What is scraped of the market's record: whether it works, how much it is, what is missing."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from trader.engine.recording_status import RecordingStatus


def recording_metrics(status: RecordingStatus | None) -> Iterator[Metric]:
    """Give its state and its counts; nothing where the settings want no record."""
    if status is None:
        return
    is_working = float(status.state == "running")
    yield GaugeMetricFamily(
        "trader_recording_working", "1 while the market is recorded", value=is_working
    )
    for name, text, count in (
        ("rows", "Rows of the market that were written", status.row_count),
        ("lost", "Rows of the market that were not", status.lost_count),
        ("bytes", "Bytes that they take, compressed", status.byte_count),
    ):
        yield CounterMetricFamily(f"trader_recording_{name}", text, value=float(count))
