"""Who watches the watcher: the daemon shows its sentinel, and calls somebody where none is.

The sentinel says of itself, in two files, that it lives and what it decided. The daemon only
reads them: it depends on it for nothing, but a person must not believe in a watch that is gone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from trader.core.halts import Mode
from trader.engine.status import SentinelStatus
from trader.ops.heartbeat import boot_id, read_beat, since_boot_s
from trader.ops.sentinel_file import (
    SENTINEL_BEAT_FILE_NAME,
    SENTINEL_FILE_NAME,
    is_alive,
    read_record,
)
from trader.ports import Clock, Pager

log = structlog.get_logger(__name__)

LOOK_S = 5.0
# A restart of its unit takes a few seconds; both may also be started together.
_MISSING_S = 30.0
_MISSING = "no sentinel is running: nobody cancels for a daemon that is dead"


@dataclass(frozen=True, slots=True)
class SentinelSettings:
    """Where the sentinel writes, when it acts (seconds), and whether it has to be there."""

    state: Path
    mode: Mode
    silence_s: float
    check_s: float


class SentinelWatch:
    """Reads what the sentinel shows."""

    def __init__(
        self,
        settings: SentinelSettings,
        clock: Clock,
        pager: Pager,
        boottime_s: Callable[[], float] | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._pager = pager
        self._boottime_s = boottime_s or since_boot_s
        self._boot_id = boot_id()
        self._missing_since_s: float | None = None
        self._is_told = False
        self._seen: tuple[float, SentinelStatus] | None = None

    def status(self) -> SentinelStatus:
        """Return what is to be seen of it, at most a second old."""
        now_s = self._clock.monotonic()
        if self._seen is None or not 0 <= now_s - self._seen[0] < 1.0:
            self._seen = now_s, self._read()
        return self._seen[1]

    def look(self) -> None:
        """Call somebody, once, when a live daemon has had no sentinel for a while."""
        now_s, seen = self._clock.monotonic(), self.status()
        if not seen.warning:
            self._missing_since_s, self._is_told = None, False
            return
        if self._missing_since_s is None:
            self._missing_since_s = now_s
        if now_s - self._missing_since_s >= _MISSING_S and not self._is_told:
            self._is_told = True
            log.warning("sentinel", problem=seen.warning)
            self._pager.page("warning", "no sentinel", seen.warning)

    def _read(self) -> SentinelStatus:
        settings = self._settings
        record = read_record(settings.state / SENTINEL_FILE_NAME)
        lives = is_alive(settings.state, self._boot_id)
        age_s = self._look_age_s() if lives else None
        # Twice the interval of its looks and a little: it also beats while it acts.
        is_late = age_s is not None and age_s > 2 * settings.check_s + 2.0
        warning = ""
        if settings.mode is Mode.LIVE and not lives:
            warning = _MISSING
        elif settings.mode is Mode.LIVE and is_late:
            warning = f"the sentinel has not looked for {age_s:.0f} s"
        return SentinelStatus(
            is_running=lives,
            state="" if record is None else record.state,
            text="" if record is None else record.text,
            since="" if record is None else record.at,
            outcome="" if record is None else record.outcome,
            look_age_s=age_s,
            silence_s_max=settings.silence_s,
            warning=warning,
        )

    def _look_age_s(self) -> float | None:
        beat = read_beat(self._settings.state / SENTINEL_BEAT_FILE_NAME)
        return None if beat is None else max(self._boottime_s() - beat.boottime_s, 0.0)
