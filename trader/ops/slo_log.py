"""Breaches of service objectives in ``ops_slo_events.jsonl``, and once more in the audit logs.

Each is opened, told again while it lasts, and closed, under one id. A disk that does not take a
line is logged and stops nothing.
"""

from pathlib import Path

import structlog

from trader.engine.strategy.output_watch import SloEvent
from trader.ops.halt_record import utc_text
from trader.ops.json_lines import append_turning
from trader.ops.state_dir import AUDIT_FOLDER_NAME

_log = structlog.get_logger(__name__)
SLO_FILE_NAME = "ops_slo_events.jsonl"
SLO_AUDIT_FILE_NAME = "slo.jsonl"


class SloLog:
    """Appends to both files."""

    def __init__(self, state_dir: Path) -> None:
        self._paths = state_dir / SLO_FILE_NAME, state_dir / AUDIT_FOLDER_NAME / SLO_AUDIT_FILE_NAME

    def write(self, event: SloEvent) -> None:
        """Add a line to each; never raises for the disk's sake."""
        row = {
            "id": event.breach_id,
            "step": str(event.step),
            "at_utc": utc_text(event.at_utc),
            "objective": event.objective,
            "strategy": str(event.strategy),
            "age_s": round(event.age_s, 3),
            "age_s_max": event.age_s_max,
            "text": event.text,
        }
        for path in self._paths:
            try:
                append_turning(path, row)
            except OSError as error:
                _log.error("breach not written", path=str(path), problem=str(error))
