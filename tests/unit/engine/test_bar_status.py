"""What is shown of bars is plain: every field can be written as JSON."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal

from trader.engine.bar_status import BarRow
from trader.ops.status_json import plain

ROW = BarRow(
    symbol="AAPL", size_s=60, wanted=120, held=118, part=1, told=90, expected=30, received=28,
    share=Decimal("0.9333"), is_warm=False, newest_utc=datetime(2026, 4, 6, 13, 30, tzinfo=UTC),
    problem="pacing: Historical data request pacing violation",
)  # fmt: skip


def test_a_row_is_shown_as_it_is() -> None:
    shown = plain(ROW)

    assert isinstance(shown, dict)
    assert shown.keys() == asdict(ROW).keys()
    assert shown["share"] == "0.9333"
    assert shown["newest_utc"].startswith("2026-04-06T13:30:00")
    assert (shown["held"], shown["is_warm"]) == (118, False)


def test_what_is_held_back_says_why_and_keeps_everything_else() -> None:
    held = ROW.held_back("0.5000, AAPL 60 s: 30 of 60")

    assert held.hold == "0.5000, AAPL 60 s: 30 of 60"
    assert held.held_back("") == ROW
