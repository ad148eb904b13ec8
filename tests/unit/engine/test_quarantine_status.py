"""The status shows how much is in the quarantine, and the newest letters without their fields."""

from __future__ import annotations

from datetime import UTC, datetime

from trader.core.ids import Seq
from trader.core.quarantine import Quarantine, after
from trader.core.quarantine_events import (
    MessageNotKept,
    MessageQuarantined,
    MessageRepeated,
    QuarantineEvent,
)
from trader.engine.quarantine_status import quarantine_status

T0 = datetime(2026, 3, 2, tzinfo=UTC)


def test_the_newest_letters_are_shown_and_all_are_counted() -> None:
    quarantine = Quarantine()
    events: list[QuarantineEvent] = [
        *(MessageQuarantined(f"k{n}", 11, 178, ("11",), False, "short") for n in range(12)),
        MessageRepeated("k11", 4),
        MessageNotKept(5, 8),
    ]
    for number, event in enumerate(events, start=1):
        quarantine = after(quarantine, event, Seq(number), T0)
    shown = quarantine_status(quarantine, {11: 20, 5: 8})
    assert (shown.open_count, shown.kept_count) == (12, 12)
    assert shown.not_kept == ((5, 8),)
    assert shown.broken == ((5, 8), (11, 20))
    assert [row.key for row in shown.rows] == [f"k{n}" for n in range(11, 1, -1)]
    assert [row.count for row in shown.rows[:2]] == [4, 1]
