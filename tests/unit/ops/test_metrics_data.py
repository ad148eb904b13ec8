"""What is scraped of the market data."""

from __future__ import annotations

from datetime import UTC, datetime

from trader.engine.data_status import DataStatus
from trader.engine.guard import FarmWord
from trader.ops.metrics_data import data_metrics

DATA = DataStatus(
    used=4,
    lines_max=100,
    denied=("GOOG",),
    is_taken=True,
    expected=4,
    waiting=("IBM",),
    unusable=(),
    usable_share=0.75,
    rules=(("crossed", 1), ("no_quote", 1)),
    farms=(FarmWord("usfarm", "broken", 2103, datetime(2026, 3, 2, tzinfo=UTC)),),
    delay_p95_s=0.001,
    delay_p99_s=0.005,
    delay_sum_s=0.5,
    buckets=((0.001, 90), (0.005, 99), (float("inf"), 100)),
)


def test_every_figure_has_a_gauge() -> None:
    found = {
        (row.name, *row.labels.values()): row.value
        for metric in data_metrics(DATA)
        for row in metric.samples
    }
    assert found["trader_data_lines_used",] == 4
    assert found["trader_data_lines_max",] == 100
    assert found["trader_data_lines_denied",] == 1
    assert found["trader_data_taken",] == 1
    assert found["trader_data_waiting",] == 1
    assert found["trader_data_usable_share",] == 0.75
    assert found["trader_quotes_held", "crossed"] == 1
    assert found["trader_quotes_held", "old"] == 0
    assert found["trader_farm_state", "usfarm", "broken"] == 1
    assert found["trader_farm_state", "usfarm", "ok"] == 0
    assert found["trader_quote_delay_seconds_bucket", "0.005"] == 99
    assert found["trader_quote_delay_seconds_count",] == 100
    assert found["trader_quote_delay_seconds_sum",] == 0.5


def test_nothing_is_scraped_while_nobody_watches() -> None:
    assert list(data_metrics(None)) == []
