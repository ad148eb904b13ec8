"""The last status of a daemon that went down in order."""

from __future__ import annotations

import json
from pathlib import Path

from structlog.testing import capture_logs

from tests.unit.ops.support import READY
from trader.ops.last_status import write_status


def test_the_last_status_is_what_the_control_port_served(tmp_path: Path) -> None:
    path = tmp_path / "last_status.json"
    write_status(path, READY)
    written = json.loads(path.read_text())
    assert written["posture"] == "armed"
    assert written["money"]["pnl"] == "249.75"


def test_a_last_status_that_cannot_be_written_is_logged_and_stops_nothing(tmp_path: Path) -> None:
    with capture_logs() as logs:
        write_status(tmp_path / "absent" / "last_status.json", READY)
    assert [line["event"] for line in logs] == ["last status not written"]
