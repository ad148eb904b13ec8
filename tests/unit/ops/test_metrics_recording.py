"""The record of the market is scraped as the status has it; without one there is nothing."""

from __future__ import annotations

from dataclasses import replace

from prometheus_client import CollectorRegistry

from tests.unit.ops.support import READY
from trader.engine.recording_status import RecordingStatus
from trader.ops.metrics_recording import recording_metrics
from trader.ops.metrics_status import StatusCollector

FAILING = RecordingStatus("failing", "no room", "file", 100, 7, 900, 3.5)


def test_its_state_and_its_counts_have_their_series() -> None:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(StatusCollector(lambda: replace(READY, recording=FAILING)))
    value = registry.get_sample_value
    assert value("trader_recording_working") == 0
    assert value("trader_recording_rows_total") == 100
    assert value("trader_recording_lost_total") == 7
    assert value("trader_recording_bytes_total") == 900
    (working, *_) = recording_metrics(replace(FAILING, state="running"))
    assert working.samples[0].value == 1


def test_without_a_record_there_is_nothing_to_scrape() -> None:
    assert list(recording_metrics(None)) == []
