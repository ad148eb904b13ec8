"""The market data in the terminal: one line when all is well."""

from __future__ import annotations

from typing import Any

from trader.ops.data_text import data_lines

WELL: dict[str, Any] = {
    "used": 5,
    "lines_max": 100,
    "denied": [],
    "is_taken": False,
    "expected": 4,
    "waiting": [],
    "unusable": [],
    "farms": [{"name": "ushmds", "state": "inactive", "code": 2107, "since_utc": "then"}],
    "delay_p99_s": 0.005,
}


def test_all_is_well_in_one_line() -> None:
    assert data_lines(WELL) == [
        "data        5 of 100 lines, 4 of 4 open instruments usable, to a strategy within 5 ms "
        "(p99)"
    ]
    assert data_lines(None) == []


def test_each_thing_that_is_not_has_a_line_of_its_own() -> None:
    farm = {"name": "usfarm", "state": "broken", "code": 2103, "since_utc": "10:31"}
    ill = {"denied": ["GOOG"], "waiting": ["AAPL", "IBM"], "unusable": ["MSFT"]}
    lines = data_lines({**WELL, **ill, "is_taken": True, "farms": [farm], "delay_p99_s": None})
    assert [line.strip() for line in lines] == [
        "data        5 of 100 lines, 1 of 4 open instruments usable",
        "GOOG: no line, or none paid for",
        "AAPL, IBM: no price though the session is on",
        "MSFT: must not be traded on",
        "another session of this user has taken the market data (10197)",
        "farm usfarm broken since 10:31 (2103)",
    ]
