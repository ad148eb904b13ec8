"""The demo: simulator and daemon as two processes that talk only through the TWS socket.

No account, no file to edit. The daemon arms itself only for the account whose name holds the
nonce that this demo's own simulator announced.
"""

import argparse
import ctypes
import http.client
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from trader.config.errors import ConfigError
from trader.config.files import read_mapping
from trader.ops.control_client import NoReply, ask_status
from trader.ops.control_token import ENDPOINT_FILE_NAME, Endpoint, read_endpoint
from trader.ops.last_status import LAST_STATUS_FILE_NAME
from trader.ops.status_text import one_line, status_lines

_ROOT = Path(__file__).resolve().parents[2]
_PR_SET_PDEATHSIG = 1
_START_TIMEOUT_S = 30.0
_DRAIN_TIMEOUT_S = 70.0
_LINE_INTERVAL_S = 5.0
# What an operator's shell sets for a real daemon: none of it may reach the demo's, which has an
# account, a journal and a halt file of its own.
_FOREIGN_NAMES = frozenset({"AGENT_MODE", "DATABASE_URL", "TRADER_ACCOUNT", "PYTHONOPTIMIZE"})
_FOREIGN_PREFIX = "EXEC"


class DemoFailed(Exception):
    """Something the demo needs did not come up; the message says what and where to look."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the demo's arguments."""
    parser.add_argument(
        "--for", dest="seconds", type=float, metavar="SECONDS", help="end by itself after that long"
    )
    parser.add_argument("--seed", type=int, default=7, help="draws the market (default: 7)")
    parser.add_argument(
        "--speed", type=float, default=600.0, help="market time per time (default: 600)"
    )
    parser.add_argument(
        "--state", type=Path, help="where to keep the run (default: a new folder below state/demo)"
    )
    parser.add_argument("--port", type=int, default=0, help="of the page (default: any free one)")
    parser.add_argument(
        "--strategies", type=Path, metavar="FILE",
        help="a file with a section `strategies`: these trade instead of momentum, under its "
        "`targets_file` if it names one",
    )  # fmt: skip
    parser.add_argument(
        "--shadow", action="store_true",
        help="a second set of the strategies trades beside them as if: see trader shadow parity",
    )  # fmt: skip


@dataclass(slots=True)
class _Run:
    """One demo: its processes and what they announced."""

    state: Path
    children: list["subprocess.Popen[str]"] = field(default_factory=list)
    simulator: dict[str, Any] = field(default_factory=dict)
    endpoint: Endpoint | None = None
    started_s: float = 0.0
    first_fill_s: float | None = None
    stop_count: int = 0
    last_line_s: float = float("-inf")
    shown_lines: int = 0


def run(given: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Run the demo until its time is over or Ctrl-C; returns the exit code."""
    if given.seconds is not None and not 0 < given.seconds <= 86_400:
        print(f"demo: --for is {given.seconds:g}, allowed is above 0, up to 86400", file=sys.stderr)
        return 2
    state = (
        given.state or _ROOT / "state" / "demo" / f"{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}"
    )
    demo = _Run(state=state.resolve(), started_s=time.monotonic())
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: setattr(demo, "stop_count", demo.stop_count + 1))
    try:
        strategies = strategies_in(given.strategies) if given.strategies is not None else {}
        _make_state(demo.state)
        _start(demo, given, strategies, environment)
        _watch(demo, given.seconds)
        return _finish(demo)
    except (DemoFailed, OSError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    finally:
        _end_children(demo)


def own_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without what an operator has set for a real daemon."""
    return {
        name: value
        for name, value in environment.items()
        if name not in _FOREIGN_NAMES and not name.startswith(_FOREIGN_PREFIX)
    }


def die_with_parent() -> None:
    """Have the kernel end this child, in order, when the process that started it ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _make_state(state: Path) -> None:
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    if any(state.iterdir()):
        # Its journal belongs to the account of an earlier simulator, which no longer exists.
        raise DemoFailed(f"--state is {state}, allowed is an empty or a new folder")


def strategies_in(path: Path) -> dict[str, str]:
    """Return the settings that have the strategies of a file trade; raises DemoFailed.

    Paths are as the file means them: relative to itself.
    """
    try:
        found = read_mapping(path)
        section, targets_file = found.get("strategies"), found.get("targets_file")
    except ConfigError as error:
        raise DemoFailed("; ".join(error.problems)) from None
    if not isinstance(section, dict):
        raise DemoFailed(f"--strategies is {path}, allowed is a file with a section `strategies`")
    if isinstance(section.get("folder"), str):
        section["folder"] = os.path.abspath(path.parent / section["folder"])
    settings = {"strategies": json.dumps(section)}
    if isinstance(targets_file, str):
        settings["targets_file"] = os.path.abspath(path.parent / targets_file)
    return settings


def _start(
    run: _Run,
    given: argparse.Namespace,
    strategies: Mapping[str, str],
    environment: Mapping[str, str],
) -> None:
    print(f"demo: simulator and daemon start; everything they say is in {run.state}", flush=True)
    own = own_environment(environment)
    market = ["--seed", str(given.seed), "--speed", str(given.speed), "--tick-interval", "0.1"]
    words = ["trader.sim", "--port", "0", "--control-port", "0", *market]
    _spawn(run, "simulator", words, own)
    run.simulator = _announcement(run)
    settings = {
        "account": run.simulator["account"],
        "state_dir": run.state,
        "broker.port": run.simulator["port"],
        "control.port": given.port,
        "shadow.beside": str(given.shadow).lower(),
        **strategies,
    }
    words = ["trader", "run", "--config", str(_ROOT / "config" / "demo.yaml")]
    words += [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    _spawn(run, "daemon", words, own)
    run.endpoint = _await_endpoint(run)
    print(f"demo: account {run.simulator['account']}, seed {given.seed}, generated market")
    print(f"demo: the simulator's control port is {run.simulator['control_port']}")
    print(f"demo: the operator's page is http://{run.endpoint.host}:{run.endpoint.port}/")


def _announcement(run: _Run) -> dict[str, Any]:
    """Return the line in which the simulator says where it listens."""
    (simulator,) = run.children
    assert simulator.stdout is not None
    if not select.select([simulator.stdout], [], [], _START_TIMEOUT_S)[0]:
        raise DemoFailed(f"the simulator did not come up within {_START_TIMEOUT_S:g} s")
    line = simulator.stdout.readline()
    if not line:
        simulator.wait(_START_TIMEOUT_S)
        raise _ended(run, "simulator", simulator)
    announced: dict[str, Any] = json.loads(line)
    return announced


def _spawn(
    run: _Run, name: str, words: list[str], environment: Mapping[str, str]
) -> "subprocess.Popen[str]":
    """Start a child that ends with us, deaf to the terminal's Ctrl-C: we stop it in order."""
    with (run.state / f"{name}.log").open("w") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", *words],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=_ROOT,
            env={**environment, "PYTHONPATH": str(_ROOT)},
            start_new_session=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - this process has one thread
        )
    run.children.append(child)
    return child


def _await_endpoint(run: _Run) -> Endpoint:
    deadline_s = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline_s:
        _check_children(run)
        endpoint = read_endpoint(run.state / ENDPOINT_FILE_NAME)
        if endpoint is not None:
            return endpoint
        time.sleep(0.05)
    raise DemoFailed(f"the daemon did not come up within {_START_TIMEOUT_S:g} s")


def _check_children(run: _Run) -> None:
    for child, name in zip(run.children, ("simulator", "daemon"), strict=False):
        if child.poll() is not None:
            raise _ended(run, name, child)


def _ended(run: _Run, name: str, child: "subprocess.Popen[str]") -> DemoFailed:
    """Say how a child ended that should not have, with the end of its log."""
    code = child.returncode
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
    end = _tail(run.state / f"{name}.log")
    return DemoFailed(f"the {name} {how}; " + (f"its log ends with\n{end}" if end else "no log"))


def _tail(path: Path) -> str:
    return "\n".join(f"  {line}" for line in path.read_text(errors="replace").splitlines()[-5:])


def _watch(run: _Run, seconds: float | None) -> None:
    """Show the status once a second until the time is over or somebody stops us."""
    while not run.stop_count:
        elapsed_s = time.monotonic() - run.started_s
        if seconds is not None and elapsed_s >= seconds:
            break
        _check_children(run)
        status = _status(run)
        if status is not None:
            _show(run, status, elapsed_s, sys.stdout)
        time.sleep(0.2 if run.first_fill_s is None else 0.5)


def _status(run: _Run) -> dict[str, Any] | None:
    assert run.endpoint is not None
    try:
        reply = ask_status(run.endpoint, timeout_s=2.0, monotonic=time.monotonic)
    except NoReply:
        return None
    return reply.body


def _show(run: _Run, status: dict[str, Any], elapsed_s: float, out: TextIO) -> None:
    if run.first_fill_s is None and status["tally"]["executions"]:
        run.first_fill_s = elapsed_s
        run.last_line_s = float("-inf")
    if out.isatty():
        # A line that wraps would be two on the screen, and the rewind would miss by one.
        width = shutil.get_terminal_size().columns - 1
        lines = [f"-- demo, {elapsed_s:.0f} s, Ctrl-C to stop --", *status_lines(status)]
        lines = [line[:width] for line in lines]
        rewind = f"\x1b[{run.shown_lines}F\x1b[J" if run.shown_lines else ""
        out.write(rewind + "\n".join(lines) + "\n")
        run.shown_lines = len(lines)
    elif elapsed_s - run.last_line_s >= _LINE_INTERVAL_S:
        run.last_line_s = elapsed_s
        out.write(f"{elapsed_s:5.0f} s  {one_line(status)}\n")
    out.flush()


def _finish(run: _Run) -> int:
    """Drain the daemon, hold its last word against the simulator's truth, and sum up."""
    print("demo: draining: gate shut, working orders cancelled, book reconciled", flush=True)
    _, daemon = run.children
    code = _drained(run, daemon)
    path = run.state / LAST_STATUS_FILE_NAME
    if not path.exists():
        raise _ended(run, "daemon", daemon)
    status = json.loads(path.read_text())
    differences = _differences(status, _truth(run))
    _summarize(run, status, differences, code)
    return 0 if code == 0 and not differences else 1


def _drained(run: _Run, daemon: "subprocess.Popen[str]") -> int:
    """Ask the daemon to go down and wait, however often somebody presses Ctrl-C."""
    daemon.send_signal(signal.SIGTERM)
    stop_count = run.stop_count
    deadline_s = time.monotonic() + _DRAIN_TIMEOUT_S
    while (code := daemon.poll()) is None:
        if time.monotonic() > deadline_s:
            raise DemoFailed(f"the daemon did not drain within {_DRAIN_TIMEOUT_S:g} s")
        if run.stop_count > stop_count:
            stop_count = run.stop_count
            print("demo: still draining, the summary follows", flush=True)
        time.sleep(0.05)
    return code


def _truth(run: _Run) -> dict[str, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", run.simulator["control_port"], timeout=5)
    try:
        connection.request("GET", "/truth")
        truth: dict[str, Any] = json.loads(connection.getresponse().read())
        return truth
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise DemoFailed(f"the simulator does not tell its truth: {error}") from None
    finally:
        connection.close()


def _differences(status: dict[str, Any], truth: dict[str, Any]) -> list[str]:
    """Compare the daemon's last word with what really happened, by the simulator's books."""
    ours = {row["con_id"]: float(row["quantity"]) for row in status["positions"]}
    theirs = {row["con_id"]: float(row["quantity"]) for row in truth["positions"]}
    found = [
        f"position {con_id}: book {ours.get(con_id, 0.0):g}, simulator {theirs.get(con_id, 0.0):g}"
        for con_id in sorted({*ours, *theirs})
        if ours.get(con_id, 0.0) != theirs.get(con_id, 0.0)
    ]
    booked, happened = status["tally"]["executions"], len(truth["executions"])
    if booked != happened:
        found.append(f"executions: book {booked}, simulator {happened}")
    money = status["money"]
    if money is None:
        return found  # stopped before the baseline: the book has no cash to compare
    cash, real = float(money["cash"]), float(truth["cash"][money["currency"]])
    if abs(cash - real) > 0.005:
        found.append(f"cash: book {cash:.2f}, simulator {real:.2f}")
    return found


def _summarize(run: _Run, status: dict[str, Any], differences: list[str], code: int) -> None:
    tally, money = status["tally"], status["money"]
    fill = "no fill" if run.first_fill_s is None else f"first fill after {run.first_fill_s:.1f} s"
    held = ", ".join(
        f"{row['symbol']} {float(row['quantity']):g}"
        for row in status["positions"]
        if float(row["quantity"])
    )
    print("\nsummary")
    print(f"  intents     {tally['intents']}")
    print(f"  refusals    {tally['refusals']}")
    print(f"  orders      {tally['orders_sent']}")
    print(f"  fills       {tally['executions']} ({fill})")
    print(f"  P&L         {_result(money)}")
    print(f"  held        {held or 'nothing'}")
    print(f"  drifts      {tally['drifts']} in {tally['reconciliations']} reconciliations")
    for line in differences:
        print(f"  DIFFERENCE  {line}")
    verdict = "book and simulator differ" if differences else "book equals the simulator's truth"
    print(f"  verdict     {verdict}; daemon exit code {code}")
    print(f"  records     {run.state}")


def _result(money: dict[str, Any] | None) -> str:
    if money is None:
        return "none, the account was not taken over yet"
    return (
        f"{_amount(money['pnl'])} {money['currency']} after commissions of "
        f"{_amount(money['commission_paid'])}"
    )


def _amount(text: str | None) -> str:
    return "unknown" if text is None else f"{float(text):,.2f}"


def _end_children(run: _Run) -> None:
    for child in reversed(run.children):
        if child.poll() is None:
            child.terminate()
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        if child.stdout is not None:
            child.stdout.close()
