"""What a drill may do to its world, and what it asks of it: effects, and no judgement."""

import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from trader.chaos_drill import small_disk
from trader.chaos_drill.views import is_well
from trader.drill_stage import ROOT, DrillStopped, Json, Stage, stage_environment
from trader.ops.halt_record import HALT_FILE_NAME
from trader.ops.kill import HALT_PHRASE, RESUME_PHRASE

_REASON = "chaos drill"
_LOOK_S = 0.05
_END_S = 90.0
_TOOL_S = 120.0
_FILE_SIZE = 4_096
T = TypeVar("T")


@dataclass(slots=True)
class Scene:
    """One world under attack."""

    stage: Stage

    # ---- what the broker's side does

    def tell(self, action: str, **inputs: object) -> None:
        """Have the simulator do something; raises DrillStopped."""
        self.stage.tell(f"/{action}", **inputs)

    def await_listening(self) -> None:
        """Wait until the gateway takes connections."""
        self.stage.until("a gateway that listens", lambda: self.stage.health()["is_listening"])

    # ---- what happens to the daemon's process and files

    def kill_with_an_order_unanswered(self) -> None:
        """Kill the daemon while an order is at the broker that it has not heard of."""
        seen = len(self.stage.truth()["place_frames"])
        self.tell("ack", lo_ms=1500, hi_ms=1500)
        # In no rhythm but the order's own: the kill must come before the answer does.
        self.stage.until("an order on its way", lambda: self._frames() > seen)
        self.stage.kill_daemon()

    def _frames(self) -> int:
        return len(self.stage.truth()["place_frames"])

    def fill_disk(self) -> None:
        """Leave no byte on the disk that holds the state."""
        small_disk.fill(self.stage.state)

    def empty_disk(self) -> None:
        """Give the space back."""
        small_disk.empty(self.stage.state)

    def limit_files(self, size: int = _FILE_SIZE) -> None:
        """Let every write of the daemon behind so many bytes of a file fail with an I/O error."""
        daemon = self._daemon()
        _, hard = resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (size, hard))

    def unlimit_files(self) -> None:
        """Let it write again."""
        daemon = self._daemon()
        _, hard = resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (hard, hard))

    def lose_halt_file(self) -> None:
        """Remove the halt file."""
        (self.stage.state / HALT_FILE_NAME).unlink()

    def spoil_halt_file(self) -> None:
        """Leave of the halt file what a torn write leaves."""
        (self.stage.state / HALT_FILE_NAME).write_bytes(b'{"active": fal\x00\x00')

    # ---- what the operator does, as the runbook says

    def start_daemon(self) -> None:
        """Start the daemon."""
        self.stage.start_daemon()

    def restart_daemon(self) -> None:
        """Stop the daemon in order, and start it; raises DrillStopped."""
        self.end_daemon()
        self.stage.start_daemon()

    def end_daemon(self) -> int:
        """Stop the daemon in order; returns its exit code. Raises DrillStopped."""
        daemon = self._daemon()
        daemon.send_signal(signal.SIGTERM)
        try:
            return daemon.wait(_END_S)
        except subprocess.TimeoutExpired:
            raise DrillStopped(f"the daemon did not end within {_END_S:g} s of SIGTERM") from None

    def halt(self) -> None:
        """Throw the kill switch; raises DrillStopped."""
        self._switch("--confirm", HALT_PHRASE, "--reason", _REASON)

    def resume(self) -> None:
        """Release the halt; raises DrillStopped."""
        words = ("--clear", "--confirm", RESUME_PHRASE, "--reason", _REASON)
        self._switch(*words)

    def _switch(self, *words: str) -> None:
        done = self.stage.kill_switch(*words)
        if done.returncode:
            raise DrillStopped(f"the kill switch ended with {done.returncode}: {done.stderr}")

    # ---- what is seen

    def look(self) -> Json:
        """Return the status; empty where nobody answers."""
        return self.stage.status()

    def await_well(self, patience_s: float) -> float | None:
        """Wait until the daemon is READY; returns when that was seen, by CLOCK_MONOTONIC."""
        return self.watch(patience_s, lambda status: time.monotonic() if is_well(status) else None)

    def watch(self, patience_s: float, judge: Callable[[Json], T | None]) -> T | None:
        """Return the first answer about a status that is not None, or None when none comes."""
        end_s = time.monotonic() + patience_s
        while True:
            found = judge(self.look())
            if found is not None or time.monotonic() > end_s:
                return found
            time.sleep(_LOOK_S)

    def tool(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run a command of ``trader`` as an operator does; raises DrillStopped."""
        try:
            return subprocess.run(
                [sys.executable, "-m", "trader", *words],
                capture_output=True,
                text=True,
                cwd=ROOT,
                env={**stage_environment(self.stage.environment), "PYTHONPATH": str(ROOT)},
                timeout=_TOOL_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise DrillStopped(f"trader {words[0]} did not end within {_TOOL_S:g} s") from None

    def has_ended(self) -> bool:
        """Tell whether no daemon runs."""
        return self.stage.daemon is None or self.stage.daemon.poll() is not None

    def _daemon(self) -> "subprocess.Popen[str]":
        daemon = self.stage.daemon
        if daemon is None or daemon.poll() is not None:
            code = None if daemon is None else daemon.returncode
            raise DrillStopped(f"the daemon has ended with {code}: {self.stage.log_end('daemon')}")
        return daemon
