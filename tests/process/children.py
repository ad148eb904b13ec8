"""A daemon that the simulator starts, kills and starts again, as a scenario says."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.process.harness import (
    KILL_SWITCH,
    Daemon,
    Json,
    Simulator,
    destroy,
    tail,
    until,
)
from trader.ops.control_token import ENDPOINT_FILE_NAME, Endpoint, read_endpoint

HALT = ("--confirm", "HALT TRADING", "--reason", "scenario")


@dataclass
class ChildDaemon(Daemon):
    """A daemon whose process belongs to the simulator."""

    def begin(self) -> None:
        """Have the simulator start it; it is not waited for."""
        self.write_config()
        self.simulator.tell("/child-start", child="daemon")

    def row(self, name: str = "daemon") -> Json:
        """Return what the truth tells of a child."""
        rows: list[Json] = self.simulator.truth()["children"]
        return next(row for row in rows if row["name"] == name)

    def endpoint(self) -> Endpoint | None:
        """Return where the present life listens, once it said so."""
        found = read_endpoint(self.state / ENDPOINT_FILE_NAME)
        return found if found is not None and found.pid == self.row()["pid"] else None

    def await_starts(self, count: int) -> None:
        """Wait until it has been started so often."""
        until(f"{count} starts", lambda: self.row()["starts"] >= count and self.row()["pid"])

    def codes(self) -> list[int]:
        """Return how its lives ended."""
        return [end["code"] for end in self.row()["ends"]]


@contextmanager
def replaying(
    folder: Path,
    scenario: str,
    seed: int,
    *,
    options: tuple[str, ...] = (),
    changes: Mapping[str, object] | None = None,
) -> Iterator[tuple[Simulator, ChildDaemon]]:
    """Give a simulator that plays a scenario, and a daemon that it will start."""
    print(f"seed {seed}")
    state = folder / "state"
    run = [sys.executable, "-m", "trader", "run", "--config", str(folder / "trader.yaml")]
    switch = [sys.executable, str(KILL_SWITCH), "--state", str(state), *HALT]
    words = ["--scenario", scenario, "--child-logs", str(folder)]
    words += ["--child-later", f"daemon={shlex.join(run)}"]
    words += ["--child-later", f"switch={shlex.join(switch)}"]
    words += ["--lockable", f"journal={state / 'journal.db'}", *options]
    simulator = Simulator(folder, seed, tuple(words))
    daemon = ChildDaemon(folder, simulator, changes or {})
    try:
        simulator.start()
        yield simulator, daemon
    except BaseException:
        print(f"---- daemon\n{tail(daemon.log, 60)}\n---- simulator\n{tail(simulator.log, 30)}")
        raise
    finally:
        # The daemon dies with it.
        destroy(simulator.process)
