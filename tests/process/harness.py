"""Real processes for the process tests: a simulator, a daemon, and the waiting in between.

Every wait is for a condition and has a deadline; nothing sleeps for luck. Each process leads a
group of its own, dies with the test process, and is killed with its group when a test ends.
"""

from __future__ import annotations

import ctypes
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import yaml

from tests.targets import TARGETS
from trader.ops.control_client import NoReply, Reply, ask_status, ask_verb
from trader.ops.control_token import ENDPOINT_FILE_NAME, Endpoint, read_endpoint

ROOT = Path(__file__).resolve().parents[2]
KILL_SWITCH = ROOT / "scripts" / "kill_switch.py"
SYMBOLS = ("AAPL", "IBM", "MSFT", "GOOG")
# For a machine that does several other things: what should take a second may take this long.
PATIENCE_S = 60.0
_POLL_S = 0.02
_PR_SET_PDEATHSIG = 1
# What an operator's shell may hold must not reach a test's daemon.
_NOT_INHERITED = ("EXEC", "TRADER", "AGENT_MODE", "DATABASE_URL")
# Only what a bare halt leaves behind; anything else is a finding.
HALTED_BY_US = frozenset({"operator", "halt_file"})

Json = dict[str, Any]
T = TypeVar("T")


def until(what: str, look: Callable[[], T | None], deadline_s: float = PATIENCE_S) -> T:
    """Return the first true answer of ``look``; fail with ``what`` when none comes in time."""
    end_s = time.monotonic() + deadline_s
    while True:
        answer = look()
        if answer:
            return answer
        assert time.monotonic() < end_s, f"not within {deadline_s:g} s: {what}; last: {answer!r}"
        time.sleep(_POLL_S)


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a child."""
    own = {key: value for key, value in os.environ.items() if not key.startswith(_NOT_INHERITED)}
    return {**own, "PYTHONPATH": str(ROOT), **(extra or {})}


def die_with_parent() -> None:
    """Ask the kernel, in a child, to kill it when the test process ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def spawn(
    words: list[str], log: Path, extra: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """Start ``python -m WORDS``, its stderr appended to ``log``, its stdout a pipe."""
    with log.open("a") as stderr:
        return subprocess.Popen(
            [sys.executable, "-m", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            cwd=ROOT,
            env=environment(extra),
            start_new_session=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - the tests have one thread
        )


def destroy(process: subprocess.Popen[str] | None) -> None:
    """Kill a process with its group and take its end; a stopped one too."""
    if process is None:
        return
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(PATIENCE_S)
    if process.stdout is not None:
        process.stdout.close()


def quiet_zone(now: datetime) -> str:
    """Return a zone in which neither midnight nor the gateway's night comes during a test.

    A gateway forgets its executions at midnight; a daemon that was down then can only open
    tickets, and tests of other things must not meet that by the hour at which they run.
    """
    minute = now.hour * 60 + now.minute
    is_near = minute >= 23 * 60 + 45 or 2 * 60 + 15 <= minute < 2 * 60 + 35
    return "America/New_York" if is_near else "UTC"


@dataclass
class Simulator:
    """One simulator on a fixed port, whatever process serves it."""

    folder: Path
    seed: int
    options: tuple[str, ...] = ()
    has_state: bool = False
    process: subprocess.Popen[str] | None = None
    port: int = 0
    control_port: int = 0
    account: str = ""
    zone: str = ""

    @property
    def log(self) -> Path:
        """Return where its stderr goes."""
        return self.folder / "simulator.log"

    def start(self) -> None:
        """Start it and read its announcement; a later start takes port and account again."""
        words = ["trader.sim", "--port", str(self.port), "--control-port", "0"]
        words += ["--seed", str(self.seed), "--speed", "600", "--tick-interval", "0.03"]
        # Chosen once: a gateway that is started again stands where it stood.
        self.zone = self.zone or quiet_zone(datetime.now(UTC))
        words += ["--fill-ms", "2:25", "--zone", self.zone, *self.options]
        if self.account:
            words += ["--account", self.account]
        if self.has_state:
            words += ["--state", str(self.folder / "simulator.json")]
        self.process = spawn(words, self.log)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the simulator did not start: {self.log.read_text()[-2000:]}"
        said = json.loads(line)
        self.port, self.control_port = said["port"], said["control_port"]
        self.account = said["account"]

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        assert self.process is not None
        os.kill(self.process.pid, number)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End the process and take its end."""
        self.send(number)
        assert self.process is not None
        self.process.wait(PATIENCE_S)
        destroy(self.process)

    def tell(self, path: str, **body: object) -> Json:
        """Ask the control port for a fault; anything but 200 fails the test."""
        return self._ask("POST", path, json.dumps(body))

    def truth(self) -> Json:
        """Return what really happened."""
        return self._ask("GET", "/truth", None)

    def _ask(self, method: str, path: str, body: str | None) -> Json:
        connection = http.client.HTTPConnection("127.0.0.1", self.control_port, timeout=PATIENCE_S)
        try:
            connection.request(method, path, body)
            response = connection.getresponse()
            answer: Json = json.loads(response.read())
            assert response.status == 200, f"{path} {body}: {answer}"
            return answer
        finally:
            connection.close()

    def frame_times(self) -> list[float]:
        """Return when each placeOrder frame was read, CLOCK_MONOTONIC."""
        return [frame["received_monotonic_s"] for frame in self.truth()["place_frames"]]


@dataclass
class Daemon:
    """One daemon's configuration and state, whatever process serves it."""

    folder: Path
    simulator: Simulator
    changes: Mapping[str, object] = field(default_factory=dict)
    process: subprocess.Popen[str] | None = None

    @property
    def state(self) -> Path:
        """Return the state directory."""
        return self.folder / "state"

    @property
    def log(self) -> Path:
        """Return where its stderr goes."""
        return self.folder / "daemon.log"

    @property
    def journal(self) -> Path:
        """Return the journal."""
        return self.state / "journal.db"

    @property
    def config(self) -> Path:
        """Return the configuration file."""
        return self.folder / "trader.yaml"

    def write_config(self) -> Path:
        """Write the configuration for heavy order flow, with this daemon's changes."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "targets.yaml").write_text(yaml.safe_dump(TARGETS))
        settings = _settings(self.simulator, self.state, ROOT / "config" / "assets.csv")
        for key, value in self.changes.items():
            *parents, last = key.split(".")
            at = settings
            for parent in parents:
                at = at.setdefault(parent, {})
            at[last] = value
        self.config.write_text(yaml.safe_dump(settings))
        return self.config

    def start(
        self, module: str = "trader", extra: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Start the process; it is not waited for."""
        assert self.process is None or self.process.poll() is not None, "it runs already"
        destroy(self.process)
        words = [module, "run", "--config", str(self.write_config())]
        self.process = spawn(words, self.log, extra)
        return self.process

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        assert self.process is not None
        os.kill(self.process.pid, number)

    def kill(self) -> None:
        """Kill it at once and take its end."""
        self.send(signal.SIGKILL)
        assert self.ended() == -signal.SIGKILL, "the daemon had ended before the kill"

    def ended(self, deadline_s: float = PATIENCE_S) -> int:
        """Wait for the end of the process; returns its exit code."""
        assert self.process is not None
        code = self.process.wait(deadline_s)
        destroy(self.process)
        return code

    def endpoint(self) -> Endpoint | None:
        """Return where this very process listens, once it said so."""
        assert self.process is not None
        code = self.process.poll()
        assert code is None, f"the daemon ended with {code}:\n{tail(self.log)}"
        found = read_endpoint(self.state / ENDPOINT_FILE_NAME)
        return found if found is not None and found.pid == self.process.pid else None

    def status(self) -> Json | None:
        """Return its status, or None while it does not answer."""
        endpoint = self.endpoint()
        if endpoint is None:
            return None
        try:
            return ask_status(endpoint, timeout_s=10, monotonic=time.monotonic).body
        except NoReply:
            return None

    def causes(self) -> dict[str, str] | None:
        """Return why it is halted, or None while it does not answer."""
        status = self.status()
        return None if status is None else dict(status["causes"])

    def verb(self, name: str, reason: str = "process test") -> Reply:
        """Ask for an operator's verb."""
        endpoint = until("the control port", self.endpoint)
        asked = {"reason": reason, "by": "process test"}
        return ask_verb(endpoint, name, asked, timeout_s=PATIENCE_S, monotonic=time.monotonic)

    def await_armed(self, deadline_s: float = PATIENCE_S) -> Json:
        """Wait until it may trade."""

        def look() -> Json | None:
            status = self.status()
            return status if status is not None and status["posture"] == "armed" else None

        try:
            return until("armed", look, deadline_s)
        except AssertionError as error:
            raise AssertionError(f"{error}; causes: {self.causes()}") from error

    def await_cause(self, *names: str, deadline_s: float = PATIENCE_S) -> dict[str, str]:
        """Wait until one of these causes halts it; returns every cause."""

        def look() -> dict[str, str] | None:
            causes = self.causes()
            return causes if causes and any(name in causes for name in names) else None

        return until(f"halted by {' or '.join(names)}", look, deadline_s)

    def await_orders(self, count: int, deadline_s: float = PATIENCE_S) -> None:
        """Wait until it has sent that many more orders than now."""
        self._await_more("orders_sent", count, deadline_s)

    def await_refusals(self, count: int) -> None:
        """Wait until it has refused that many more intents than now."""
        self._await_more("refusals", count, PATIENCE_S)

    def _await_more(self, what: str, count: int, deadline_s: float) -> None:
        before = until("a status", self.status)["tally"][what]

        def look() -> bool:
            status = self.status()
            return status is not None and status["tally"][what] >= before + count

        until(f"{count} more {what} than {before}", look, deadline_s)

    def halt(self) -> None:
        """Halt by the operator's verb."""
        assert self.verb("halt").is_done

    def resume(self) -> None:
        """Resume, from nothing but a halt of ours."""
        causes = until("causes", self.causes)
        assert set(causes) <= HALTED_BY_US, f"more than our halt: {causes}"
        reply = self.verb("resume")
        assert reply.is_done, f"{reply.text}: {reply.details}"


@contextmanager
def world(
    folder: Path,
    seed: int,
    *,
    changes: Mapping[str, object] | None = None,
    options: tuple[str, ...] = (),
    has_state: bool = False,
) -> Iterator[tuple[Simulator, Daemon]]:
    """Give a running simulator and a daemon to start; end both, and show both on a failure."""
    print(f"seed {seed}")
    simulator = Simulator(folder, seed, options, has_state)
    daemon = Daemon(folder, simulator, changes or {})
    try:
        simulator.start()
        yield simulator, daemon
    except BaseException:
        print(f"---- daemon\n{tail(daemon.log, 60)}\n---- simulator\n{tail(simulator.log)}")
        raise
    finally:
        destroy(daemon.process)
        destroy(simulator.process)


def tail(path: Path, lines: int = 15) -> str:
    """Return the last lines of a log."""
    if not path.exists():
        return "(no log)"
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])


def _settings(simulator: Simulator, state: Path, assets: Path) -> Json:
    return {
        "mode": "demo",
        "account": simulator.account,
        "state_dir": str(state),
        "assets_file": str(assets),
        "targets_file": "targets.yaml",
        "checkpoint_interval_s": 2,
        # A machine under load must not look like a fault of the daemon.
        "loop_lag_s_max": 5,
        "broker": {
            "port": simulator.port,
            # The simulator's day begins at midnight UTC.
            "zone": "UTC",
            "messages_per_s": 30,
            "messages_burst": 15,
            "heartbeat_interval_s": 1,
            "heartbeat_deadline_s": 2,
            "heartbeat_age_s_max": 5,
            "silence_s_max": 6,
            "ack_deadline_s": 2,
            "backoff_s_min": 0.1,
            "backoff_s_max": 1,
        },
        "reconcile": {
            "orders_interval_s": 5,
            "positions_interval_s": 10,
            "quiet_s": 0.5,
            "absence_s": 0.5,
            "cash_lag_s": 0.5,
        },
        "control": {"port": 0},
        "strategies": {
            "momentum": {
                "symbols": list(SYMBOLS),
                "quantity": 7,
                "sample_s": 0.03,
                "lookback_samples": 2,
                "entry_fraction": 0.000001,
                "stop_fraction": 0.5,
                "target_fraction": 0.5,
                "pause_s": 0.02,
                "look_interval_s": 0.02,
                "checkpoint_interval_s": 1,
                # It wishes at every look, also while halted: nearly 3,000 times a minute.
                "wishes_per_minute_max": 100_000,
            }
        },
    }
