"""The real client understands scanner results of every type."""

from __future__ import annotations

from tests.unit.sim.wire.client import heard
from tests.unit.sim.wire.samples import AAPL, CALL, EVERY, only
from trader.sim.wire.messages_scanner import scanner_data


def test_each_row_has_sixteen_fields_and_a_rank_from_zero() -> None:
    frame = scanner_data(9, list(EVERY.values()))
    assert len(only(frame)) == 4 + 16 * len(EVERY)
    calls = heard(178, frame)
    assert [values[1] for name, values in calls if name == "scannerData"] == [*range(len(EVERY))]
    assert calls[-1] == ("scannerDataEnd", (9,))


def test_a_row_is_written_as_recorded() -> None:
    assert only(scanner_data(9, [AAPL]))[4:] == [
        "0", "265598", "AAPL", "STK", "", "0", "", "SMART", "USD", "AAPL", "NMS", "NMS",
        "", "", "", "",
    ]  # fmt: skip
    assert only(scanner_data(9, [CALL]))[8:11] == ["20261218", "202.5", "C"]


def test_nothing_found_is_an_empty_list() -> None:
    assert only(scanner_data(9, [])) == ["20", "3", "9", "0"]
