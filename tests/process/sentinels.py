"""A sentinel beside a test's daemon, as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.process.harness import PATIENCE_S, Daemon, Json, destroy, spawn, tail, until
from trader.ops.sentinel_file import SENTINEL_FILE_NAME, SentinelRecord, read_record

# Short, and still several looks; systemd's part is played by the tests.
QUICK: Mapping[str, object] = {
    "sentinel.check_s": 0.3,
    "sentinel.silence_s": 3,
    "sentinel.start_s": 20,
    "sentinel.open_risk_grace_s": 4,
    "sentinel.watchdog_s": 1,
    "sentinel.restart_s": 0.5,
    "sentinel.link_wait_s": 5,
    "sentinel.retry_s_min": 0.5,
    "sentinel.retry_s_max": 2,
}


@dataclass
class SentinelProcess:
    """One sentinel of one daemon."""

    daemon: Daemon
    process: subprocess.Popen[str] | None = None

    @property
    def log(self) -> Path:
        """Return where its stderr goes."""
        return self.daemon.folder / "sentinel.log"

    def start(self) -> None:
        """Start it; returns once it has begun to watch."""
        words = ["trader", "sentinel", "--config", str(self.daemon.write_config())]
        before = self.log.read_text().count("silence_s") if self.log.exists() else 0
        self.process = spawn(words, self.log)
        until("the sentinel", lambda: self.log.read_text().count("silence_s") > before)

    def kill(self) -> None:
        """Kill it with its liquidator, as systemd does."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        destroy(self.process)

    @property
    def record(self) -> SentinelRecord | None:
        """Return what it says of itself."""
        return read_record(self.daemon.state / SENTINEL_FILE_NAME)

    def await_state(self, *states: str, deadline_s: float = PATIENCE_S) -> SentinelRecord:
        """Wait until it is in one of these states."""

        def look() -> SentinelRecord | None:
            assert self.process is not None
            assert self.process.poll() is None, f"the sentinel ended:\n{tail(self.log)}"
            record = self.record
            return record if record is not None and record.state in states else None

        return until(f"sentinel {' or '.join(states)}", look, deadline_s)

    def said(self, message: str) -> list[Json]:
        """Return its log lines with this message."""
        lines = self.log.read_text().splitlines()
        rows: list[Json] = [json.loads(line) for line in lines if line.startswith("{")]
        return [row for row in rows if row.get("message") == message]

    @property
    def actions(self) -> int:
        """Return how often it has acted."""
        return len(self.said("sentinel acts"))


@contextmanager
def sentinel_of(daemon: Daemon) -> Iterator[SentinelProcess]:
    """Give a sentinel to start; it ends with the test, and shows its log on a failure."""
    watch = SentinelProcess(daemon)
    try:
        yield watch
    except BaseException:
        print(f"---- sentinel\n{tail(watch.log, 60)}")
        raise
    finally:
        destroy(watch.process)
