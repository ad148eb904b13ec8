"""History requests are read field by field."""

from __future__ import annotations

from typing import Any

from tests.unit.sim.support import contract
from trader.sim.wire.requests_history import parse_history


def test_a_history_request_is_read() -> None:
    history: list[Any] = [20, 8, *contract(), 0, "", "1 min", "1 D", 1, "TRADES", 2, 1, ""]
    read = parse_history([str(value) for value in history])
    assert (read.bar_size, read.duration, read.format_date) == ("1 min", "1 D", 2)
    assert read.keep_up_to_date
