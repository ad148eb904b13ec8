"""Gather the facts about the daemon: lock, heartbeat, control port; each by itself, each bounded.

Beats are counted on this process's own clock: what stands in the file is compared, never believed
as a time.
"""

from pathlib import Path

from trader.emergency.vital import Facts, Health
from trader.ops.control_client import NoReply, ask_health
from trader.ops.control_token import ENDPOINT_FILE_NAME, read_endpoint
from trader.ops.fence import FenceFailed, Holder, holder_of
from trader.ops.heartbeat import HEARTBEAT_FILE_NAME, Beat, boot_id, process_of, read_beat
from trader.ports import Clock

LOCK_FILE_NAME = "lock"
# The daemon beats once a second.
_FRESH_S = 3.0
_HEALTH_S = 1.0


class Looker:
    """Looks at one state directory."""

    def __init__(self, state: Path, clock: Clock) -> None:
        self._state = state
        self._clock = clock
        self._boot_id = boot_id()
        self._beat: Beat | None = None
        self._is_first = True
        self._changed_s = float("-inf")

    @property
    def beat(self) -> Beat | None:
        """Return the last sign of life, however old."""
        return self._beat

    def look(self) -> Facts:
        """Look once; takes a second at most, when a daemon does not answer."""
        holder, problem = self._holder()
        is_beating = self._read()
        return Facts(
            holder=holder,
            beat=self._beat,
            is_beating=is_beating,
            health=self._health(holder, problem),
            process=process_of(holder.pid) if holder else None,
            holder_problem=problem,
            boot_id=self._boot_id,
        )

    def _holder(self) -> tuple[Holder | None, str]:
        path = self._state / LOCK_FILE_NAME
        try:
            if not path.exists():
                return None, ""
            return holder_of(path), ""
        except FenceFailed as error:
            return None, str(error)
        except OSError as error:
            return None, f"{path}: {error.strerror or error}"

    def _read(self) -> bool:
        found = read_beat(self._state / HEARTBEAT_FILE_NAME)
        if found is not None and found != self._beat:
            # What lay there before the first look may be from last week.
            if not self._is_first:
                self._changed_s = self._clock.monotonic()
            self._beat = found
        self._is_first = False
        return self._clock.monotonic() - self._changed_s <= _FRESH_S

    def _health(self, holder: Holder | None, problem: str) -> Health:
        endpoint = read_endpoint(self._state / ENDPOINT_FILE_NAME)
        if endpoint is None or (holder is None and not problem):
            return Health.SILENT
        if holder is not None and endpoint.pid != holder.pid:
            return Health.SILENT  # left behind by another life
        try:
            reply = ask_health(endpoint, timeout_s=_HEALTH_S, monotonic=self._clock.monotonic)
        except NoReply:
            return Health.SILENT
        return Health.WELL if reply.status == 200 else Health.UNWELL
