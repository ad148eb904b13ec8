"""A report that was never written has no age, and says so in the status as JSON."""

from __future__ import annotations

from trader.engine.report_rows import ReportRow
from trader.ops.status_json import plain


def test_a_row_is_plain_json() -> None:
    row = ReportRow("parity", "reports/parity/latest.json", "", None, 600.0, False, "", ("why",))
    assert plain(row) == {
        "name": "parity",
        "path": "reports/parity/latest.json",
        "status": "",
        "age_s": None,
        "age_s_max": 600.0,
        "is_stale": False,
        "problem": "",
        "reasons": ["why"],
    }
