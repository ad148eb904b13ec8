"""A breach is in both files under one id, and a disk that takes nothing stops nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from trader.core.ids import StrategyName
from trader.engine.strategy.output_watch import SloEvent, SloStep
from trader.ops.slo_log import SloLog

OPEN = SloEvent(
    breach_id="output:alpha:1", step=SloStep.OPEN, at_utc=datetime(2026, 3, 2, 15, tzinfo=UTC),
    objective="strategy_output_age", strategy=StrategyName("alpha"), age_s=301.23456,
    age_s_max=300.0, text="no quote or bar answered",
)  # fmt: skip


def test_each_step_is_a_line_in_both_files_under_one_id(tmp_path: Path) -> None:
    log = SloLog(tmp_path)
    log.write(OPEN)
    log.write(replace(OPEN, step=SloStep.CLOSE, text="it puts out again"))
    events = (tmp_path / "ops_slo_events.jsonl").read_text()
    assert (tmp_path / "audit_logs" / "slo.jsonl").read_text() == events
    first, second = map(json.loads, events.splitlines())
    assert first == {
        "id": "output:alpha:1",
        "step": "open",
        "at_utc": "2026-03-02T15:00:00.000Z",
        "objective": "strategy_output_age",
        "strategy": "alpha",
        "age_s": 301.235,
        "age_s_max": 300.0,
        "text": "no quote or bar answered",
    }
    assert (second["id"], second["step"]) == ("output:alpha:1", "close")


def test_one_file_that_takes_nothing_does_not_keep_the_other_from_it(tmp_path: Path) -> None:
    (tmp_path / "ops_slo_events.jsonl").mkdir()
    SloLog(tmp_path).write(OPEN)
    assert (tmp_path / "audit_logs" / "slo.jsonl").read_text().count("\n") == 1
