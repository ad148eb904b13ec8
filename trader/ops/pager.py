"""Wake somebody: a critical log line and a line in the audit file, once per minute and title.

The audit file is for reading back who was told what; the log line is what a log shipper alerts
on. A page never raises: it is called on paths that are already in trouble.
"""

from dataclasses import dataclass
from pathlib import Path

import structlog

from trader.ops.halt_record import utc_text
from trader.ops.json_lines import append_line, append_turning
from trader.ports import Clock

_log = structlog.get_logger(__name__)
DEDUP_WINDOW_S = 60.0
# Titles remembered at once; beyond that the oldest is forgotten and would be paged again.
_TITLES_MAX = 256


@dataclass(slots=True)
class _Told:
    at_s: float
    repeats: int = 0


class LogPager:
    """Pages into the log and into ``path``: implements ``trader.ports.Pager``."""

    def __init__(self, clock: Clock, path: Path, *, may_turn_over: bool = False) -> None:
        """``may_turn_over`` is for the daemon alone: the sentinel adds to the same file."""
        self._clock = clock
        self._path = path
        self._append = append_turning if may_turn_over else append_line
        self._told: dict[str, _Told] = {}
        # Pages that went out, by severity.
        self.counts: dict[str, int] = dict.fromkeys(("warning", "critical"), 0)

    def page(self, severity: str, title: str, text: str) -> None:
        """Send a page, or count it when the same title was paged within the last minute."""
        now = self._clock.monotonic()
        told = self._told.pop(title, None)
        if told is not None and now - told.at_s < DEDUP_WINDOW_S:
            told.repeats += 1
            self._told[title] = told
            return
        self._told[title] = _Told(now)
        if len(self._told) > _TITLES_MAX:
            del self._told[next(iter(self._told))]
        self._send(severity, title, text, told.repeats if told else 0)

    def _send(self, severity: str, title: str, text: str, repeats: int) -> None:
        self.counts[severity] = self.counts.get(severity, 0) + 1
        _log.critical("page", severity=severity, title=title, text=text, repeats=repeats)
        line = {
            "at_utc": utc_text(self._clock.utc()),
            "severity": severity,
            "title": title,
            "text": text,
            # How often the page before this one was asked for again inside its window.
            "repeats": repeats,
        }
        try:
            self._append(self._path, line)
        except OSError as error:
            _log.error(
                "the page is not in the audit file", path=str(self._path), problem=str(error)
            )
