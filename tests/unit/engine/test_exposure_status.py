"""What is seen of exposure can be told as JSON, to the last field."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from trader.engine.exposure_status import ConcentrationStatus, ExposureStatus, ReductionStatus
from trader.ops.status_json import plain

D = Decimal


def test_every_field_can_be_told() -> None:
    plan = ReductionStatus(datetime(2026, 3, 2, tzinfo=UTC), "storm", ("gross",), ("SELL 1",), ())
    row = ConcentrationStatus("AAA", 101, D("-10.50"), D("0.21"), "hold")
    seen = ExposureStatus(
        "warning", ("much",), "storm", D(1), None, D(1), D("0.4"), D("0.25"), D("0.2"), (row,), plan
    )
    told = plain(seen)
    assert isinstance(told, dict)
    assert told["concentrations"] == [
        {"symbol": "AAA", "con_id": 101, "value": "-10.50", "share": "0.21", "level": "hold"}
    ]
    assert told["reduction"] == {
        "since_utc": "2026-03-02T00:00:00.000Z",
        "regime": "storm",
        "exceeded": ["gross"],
        "orders": ["SELL 1"],
        "remains": [],
        "automatic": "",
    }
    assert (told["status"], told["net"], told["problem"]) == ("warning", None, "")
    bare = plain(replace(seen, reduction=None))
    assert isinstance(bare, dict)
    assert bare["reduction"] is None
