"""Who asked for what, and what came of it: one JSON line for each request that may change anything.

Refused ones are written too. The line is in the file before the answer leaves; a disk that does
not take it is logged and does not prevent a halt. Full files are kept: they are records.
"""

from pathlib import Path

import structlog

from trader.ops.halt_record import utc_text
from trader.ops.json_lines import append_turning
from trader.ports import Clock

_log = structlog.get_logger(__name__)
AUDIT_FILE_NAME = "operators.jsonl"
_TEXT_MAX = 500


class AuditLog:
    """Appends to one file."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock

    def write(self, *, who: str, role: str, verb: str, asked: str, outcome: str) -> None:
        """Add a line; never raises."""
        line = {
            "at_utc": utc_text(self._clock.utc()),
            "who": who[:_TEXT_MAX],
            "role": role,
            "verb": verb[:_TEXT_MAX],
            "asked": asked[:_TEXT_MAX],
            "outcome": outcome[:_TEXT_MAX],
        }
        _log.info("operator", **line)
        try:
            append_turning(self._path, line)
        except OSError as error:
            _log.error("not in the audit file", path=str(self._path), problem=str(error))
