"""Where a drill is played: a simulator, a real daemon and the real kill switch, all of its own.

Everything lives in one new folder. What an operator's shell has set for a real daemon (a halt
file, a database, an account, a limit, the socket of systemd) reaches none of the processes: they
get the few names they need and no other, so that no drill can touch a state that somebody trades
with. However the drill ends, the kernel ends its processes with it.
"""

import contextlib
import ctypes
import http.client
import json
import os
import platform
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from trader import __version__
from trader.ops.build import git_sha
from trader.ops.control_token import ENDPOINT_FILE_NAME, Endpoint, read_endpoint, read_token

ROOT = Path(__file__).resolve().parents[1]
PATIENCE_S = 90.0
_HTTP_S = 10.0
_POLL_S = 0.05
_SWITCH_S = 180.0
_PR_SET_PDEATHSIG = 1
# What a process of a drill may know of the shell it was started from. A list of what it may not
# know would be one name short with the next name that the daemon learns.
_INHERITED = frozenset(
    {"HOME", "LANG", "LANGUAGE", "LD_LIBRARY_PATH", "LOGNAME", "PATH", "TERM", "TMPDIR", "TZ"}
    | {"USER", "VIRTUAL_ENV"}
)
_MARKET = ("--speed", "60", "--tick-interval", "0.1")

Json = dict[str, Any]
T = TypeVar("T")


class DrillStopped(Exception):
    """The drill cannot go on; the message says what was waited for, or what has ended."""


@dataclass(frozen=True, slots=True)
class Heard:
    """An HTTP answer; status 0 where there was none."""

    status: int
    text: str

    @property
    def body(self) -> Json:
        """Return its JSON object; empty where it is none."""
        try:
            found = json.loads(self.text)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


@dataclass(slots=True)
class Stage:
    """One folder with its processes."""

    folder: Path
    environment: Mapping[str, str]
    seed: int
    # Words for the simulator, and what the daemon's configuration has in place of its own.
    market: tuple[str, ...] = _MARKET
    settings: Mapping[str, object] = field(default_factory=dict)
    config: Path = ROOT / "config" / "demo.yaml"
    # The module that is the daemon; another one where a drill itself is tried.
    program: str = "trader"
    simulator: "subprocess.Popen[str] | None" = None
    daemon: "subprocess.Popen[str] | None" = None
    announced: Json = field(default_factory=dict)

    @property
    def state(self) -> Path:
        """Return the daemon's state directory."""
        return self.folder / "state"

    # ---- processes

    def start_simulator(self) -> None:
        """Start the simulator and read where it listens; raises DrillStopped."""
        words = ["trader.sim", "--port", "0", "--control-port", "0", "--seed", str(self.seed)]
        words += self.market
        self.simulator = self._spawn("simulator", words)
        assert self.simulator.stdout is not None
        if not select.select([self.simulator.stdout], [], [], PATIENCE_S)[0]:
            raise DrillStopped(f"the simulator did not come up within {PATIENCE_S:g} s")
        line = self.simulator.stdout.readline()
        if not line:
            raise DrillStopped(f"the simulator ended: {self.log_end('simulator')}")
        self.announced = json.loads(line)

    def start_daemon(self) -> None:
        """Start the daemon; it is not waited for."""
        assert self.daemon is None or self.daemon.poll() is not None, "it runs already"
        settings = {
            **self.settings,
            "account": self.announced["account"],
            "state_dir": self.state,
            "broker.port": self.announced["port"],
            "broker.host": "127.0.0.1",
            "control.port": 0,
        }
        words = [self.program, "run", "--config", str(self.config)]
        words += [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
        self.daemon = self._spawn("daemon", words)

    def kill_daemon(self) -> int:
        """Kill the daemon at once; returns its exit code."""
        assert self.daemon is not None, "no daemon was started"
        self.daemon.kill()
        return self.daemon.wait(PATIENCE_S)

    def end(self) -> None:
        """End everything that was started, by its own process."""
        for child in (self.daemon, self.simulator):
            if child is None:
                continue
            if child.poll() is None:
                # With whatever it has started itself; one that is stopped dies as well.
                os.killpg(child.pid, signal.SIGKILL)
                child.wait(PATIENCE_S)
            if child.stdout is not None:
                child.stdout.close()

    def _spawn(self, name: str, words: Sequence[str]) -> "subprocess.Popen[str]":
        with (self.folder / f"{name}.log").open("a") as log:
            return subprocess.Popen(
                [sys.executable, "-m", *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=ROOT,
                env={**stage_environment(self.environment), "PYTHONPATH": str(ROOT)},
                start_new_session=True,
                preexec_fn=killed_with_parent,  # noqa: PLW1509 - this process has one thread
            )

    # ---- the operator's ways

    def kill_switch(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run the kill switch as an operator does; raises DrillStopped when it does not end."""
        script = str(ROOT / "scripts" / "kill_switch.py")
        try:
            return subprocess.run(
                [sys.executable, script, "--state", str(self.state), *words],
                capture_output=True,
                text=True,
                env=stage_environment(self.environment),
                timeout=_SWITCH_S,
                check=False,
                preexec_fn=killed_with_parent,
            )
        except subprocess.TimeoutExpired:
            raise DrillStopped(f"the kill switch did not end within {_SWITCH_S:g} s") from None

    def endpoint(self) -> Endpoint | None:
        """Return where the daemon listens, once it said so."""
        found = read_endpoint(self.state / ENDPOINT_FILE_NAME)
        is_own = found is not None and self.daemon is not None and found.pid == self.daemon.pid
        return found if is_own else None

    def get(self, path: str) -> Heard:
        """GET a path of the daemon."""
        return self._ask("GET", path, None, {})

    def status(self) -> Json:
        """Return the daemon's status; empty without an answer."""
        return self.get("/ops/status").body

    def order(self, key: str, **terms: object) -> Heard:
        """Place an order of AAPL over HTTP, as one's own program does."""
        body = {"symbol": "AAPL", "mode": "DEMO", "reason": "kill switch drill", **terms}
        headers = {**self._credentials(), "Idempotency-Key": key}
        return self._ask("POST", "/api/v1/orders", json.dumps(body), headers)

    def resume_without_reason(self) -> Heard:
        """Ask for a resume over HTTP and say nothing of why."""
        body = json.dumps({"reason": "", "by": "drill"})
        return self._ask("POST", "/ops/resume", body, self._credentials())

    def _credentials(self) -> dict[str, str]:
        endpoint = self.endpoint()
        token = None if endpoint is None else read_token(endpoint.token_file)
        return {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def _ask(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> Heard:
        endpoint = self.endpoint()
        if endpoint is None:
            return Heard(0, "no daemon listens")
        connection = http.client.HTTPConnection(endpoint.host, endpoint.port, timeout=_HTTP_S)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return Heard(response.status, response.read().decode(errors="replace"))
        except (OSError, http.client.HTTPException) as error:
            return Heard(0, f"no answer: {error}")
        finally:
            connection.close()

    # ---- the witness

    def truth(self) -> Json:
        """Return what really happened at the broker; raises DrillStopped."""
        return self._control("GET", "/truth", None)

    def health(self) -> Json:
        """Return how the simulator is; raises DrillStopped."""
        return self._control("GET", "/health", None)

    def tell(self, path: str, **body: object) -> None:
        """Have the simulator do something to the daemon; raises DrillStopped."""
        self._control("POST", path, json.dumps(body))

    def _control(self, method: str, path: str, body: str | None) -> Json:
        port = self.announced["control_port"]
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_HTTP_S)
        try:
            connection.request(method, path, body)
            response = connection.getresponse()
            content = response.read().decode(errors="replace")
            if response.status != 200:
                raise DrillStopped(f"the simulator refused {path}: {content}")
            found: Json = json.loads(content)
            return found
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise DrillStopped(f"the simulator does not answer {path}: {error}") from None
        finally:
            connection.close()

    # ---- what is left behind

    def log_rows(self) -> list[Json]:
        """Return the daemon's log, line by line; a line that is no JSON is left out."""
        rows = []
        with contextlib.suppress(OSError):
            for line in (self.folder / "daemon.log").read_text(errors="replace").splitlines():
                with contextlib.suppress(ValueError):
                    rows.append(json.loads(line))
        return [row for row in rows if isinstance(row, dict)]

    def log_end(self, name: str) -> str:
        """Return the last lines of a process's log."""
        path = self.folder / f"{name}.log"
        return " | ".join(path.read_text(errors="replace").splitlines()[-3:])

    def until(self, what: str, look: Callable[[], T | None]) -> T:
        """Return the first answer of ``look`` that is not empty; raises DrillStopped."""
        end_s = time.monotonic() + PATIENCE_S
        while True:
            found = look()
            if found:
                return found
            if time.monotonic() > end_s:
                raise DrillStopped(f"waited {PATIENCE_S:g} s for {what}")
            if self.simulator is not None and self.simulator.poll() is not None:
                raise DrillStopped(f"the simulator ended: {self.log_end('simulator')}")
            time.sleep(_POLL_S)


def stage_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what a process of a drill gets of an operator's environment."""
    return {
        name: value
        for name, value in environment.items()
        if name in _INHERITED or name.startswith("LC_")
    }


def killed_with_parent() -> None:
    """Have the kernel kill this child when the process that started it ends, however it ends.

    Not SIGTERM: a process that a drill has stopped would never see it.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def open_orders(truth: Json) -> list[str]:
    """Return the orders that work at the broker, in words."""
    return [
        f"{row['side']} {row['symbol']} {row['status']}"
        for row in truth["orders"]
        if row["status"].endswith("ubmitted")
    ]


def held(truth: Json) -> list[str]:
    """Return what the account holds at the broker, in words."""
    return [
        f"{row['quantity']} {row['symbol']}"
        for row in truth["positions"]
        if Decimal(row["quantity"])
    ]


def crossings(truth: Json) -> list[str]:
    """Walk the executions; return where a position went through zero."""
    quantities: dict[str, Decimal] = {}
    found = []
    for row in truth["executions"]:
        before = quantities.get(row["symbol"], Decimal(0))
        sign = 1 if row["side"] == "BUY" else -1
        after = quantities[row["symbol"]] = before + sign * Decimal(row["quantity"])
        if before * after < 0:
            found.append(f"{row['symbol']} from {before} to {after}")
    return found


def metric(exposition: str, name: str) -> str:
    """Return a metric's value as it is written, its labels included in ``name``."""
    for line in exposition.splitlines():
        if line.startswith(f"{name} "):
            return line.removeprefix(f"{name} ")
    return "missing"


def versions() -> dict[str, str]:
    """Return what a drill was played with, for its report."""
    return {
        "trader": __version__,
        "commit": git_sha({}, ROOT)[:12] or "no checkout",
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
    }


def utc_now() -> datetime:
    """Return the moment."""
    return datetime.now(UTC)


def say(line: str) -> None:
    """Print a line at once, with what the terminal cannot show spelled out."""
    encoding = sys.stdout.encoding or "utf-8"
    print(line.encode(encoding, "backslashreplace").decode(encoding), flush=True)


def signals_end(names: Sequence[str] = ("SIGTERM",)) -> None:
    """Have these signals end the drill like Ctrl-C does, so that its processes are ended too."""
    for name in names:
        signal.signal(getattr(signal, name), signal.default_int_handler)
