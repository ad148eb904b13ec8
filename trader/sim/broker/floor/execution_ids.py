"""Identifiers the broker issues: permanent order ids and execution ids.

Both stay unique over restarts of the simulator, with or without saved state: they begin at the
wall time of the start. An execution id looks like `0000e0d5.67fe667b.01.01`; its last part
counts corrections.
"""

from trader.sim.clock import Clock


class ExecutionIds:
    """Count permanent ids and execution ids upwards."""

    def __init__(self, clock: Clock) -> None:
        started_ms = int(clock.time() * 1000)
        self.last_perm_id = started_ms // 1000
        self._epoch = f"{(started_ms >> 32) & 0xFFFFFFFF:08x}.{started_ms & 0xFFFFFFFF:08x}"
        self._count = 0

    def next_perm_id(self) -> int:
        """Return a permanent id above all earlier ones."""
        self.last_perm_id += 1
        return self.last_perm_id

    def next_exec_id(self) -> str:
        """Return an execution id never issued before, revision 01."""
        self._count += 1
        return f"{self._epoch}.{self._count:02x}.01"


def revised(exec_id: str) -> str:
    """Return the id of the next correction of an execution."""
    stem, revision = exec_id.rsplit(".", 1)
    return f"{stem}.{int(revision) + 1:02d}"
