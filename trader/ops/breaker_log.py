"""Every verdict of the breakers in a file, with all that it follows from: one JSON line a round.

What changed is written when it changed, and every breaker once a minute. A line read back can be
evaluated again and must give the same verdicts (BRK-09). A disk that does not take a line is logged
and stops nothing.
"""

import json
from pathlib import Path

import structlog

from trader.core.breakers.artefact import Evaluation, as_plain, of_plain
from trader.engine.risk.breakers import Round
from trader.ops.halt_record import utc_text
from trader.ops.json_lines import append_line

_log = structlog.get_logger(__name__)
BREAKERS_FILE_NAME = "breakers.jsonl"
# About ten days; then the file before is kept beside the new one, and the one before that goes.
_BYTES_MAX = 64 * 1024 * 1024


class BreakerLog:
    """Appends to one file and turns it over when it is full."""

    def __init__(self, path: Path, bytes_max: int = _BYTES_MAX) -> None:
        self._path = path
        self._bytes_max = bytes_max

    def write(self, made: Round) -> None:
        """Add a line; never raises for the disk's sake."""
        line = {
            "at_utc": utc_text(made.at_utc),
            "policy_hash": made.policy_hash,
            "is_full": made.is_full,
            "evaluations": [as_plain(kept) for kept in made.evaluations],
        }
        try:
            if append_line(self._path, line) >= self._bytes_max:
                self._path.replace(self._path.with_suffix(".1.jsonl"))
        except OSError as error:
            _log.error("not in the breakers' file", path=str(self._path), problem=str(error))


def evaluations_in(line: str) -> tuple[Evaluation, ...]:
    """Read the evaluations of a line; raises KeyError, TypeError or ValueError when it is none."""
    return tuple(of_plain(row) for row in json.loads(line)["evaluations"])
