"""`python -m trader.sim`: start a gateway simulator and say where it listens.

One JSON line on stdout when it listens, log lines on stderr. Exit codes: 0 stopped by signal or
by the control port, 2 a bad argument or unusable file, 5 a port that cannot be opened.
`python -m trader.sim diff` compares a journal with the truth instead: see trader/sim/oracle.
"""

import argparse
import asyncio
import contextlib
import json
import logging
import os
import secrets
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import NoReturn

import uvloop

from trader.sim.host import play
from trader.sim.host.control import ControlPort
from trader.sim.host.memory import MemoryHost
from trader.sim.host.server import SimServer
from trader.sim.host.simulator import Simulator
from trader.sim.host.store import StateError, saved_seed
from trader.sim.host.transcript import Transcript
from trader.sim.market.history import HistoryError
from trader.sim.oracle.diff import run_diff
from trader.sim.script.inputs import InputError
from trader.sim.script.loader import ScenarioError
from trader.sim.script.scenario import Scenario
from trader.sim.settings import Declared, Settings, SettingsError

EXIT_BAD_ARGUMENT = 2
API_PORT = 7497
EXIT_NOT_STARTED = 5
# Monday 5 January 2026, 14:30 UTC: the exchanges of New York open.
VIRTUAL_EPOCH_S = 1_767_623_400.0
# A scenario that does not end by itself is ended a day after its last step by time.
VIRTUAL_S_MAX = 86_400.0
_DIFF = "trader sim diff --help: compare a daemon's journal with what really happened here."


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Print one line, without the usage text."""
        known = "" if "allowed:" in message else "; allowed: what trader.sim --help lists"
        print(f"trader.sim: {message}{known}", file=sys.stderr)
        raise SystemExit(EXIT_BAD_ARGUMENT)


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        allowed = f"{text!r} is not allowed; allowed: a whole number"
        raise argparse.ArgumentTypeError(allowed) from None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        allowed = f"{text!r} is not allowed; allowed: a number"
        raise argparse.ArgumentTypeError(allowed) from None


def _amount(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite():
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed; allowed: a decimal number")
    return value


def _position(text: str) -> tuple[str, Decimal]:
    symbol, colon, quantity = text.partition(":")
    if not colon or not symbol:
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed; allowed: SYMBOL:QUANTITY")
    return symbol.upper(), _amount(quantity)


def _range_ms(text: str) -> tuple[float, float]:
    low, _, high = text.partition(":")
    try:
        return float(low) / 1000, float(high or low) / 1000
    except ValueError:
        allowed = f"{text!r} is not allowed; allowed: LO:HI in milliseconds"
        raise argparse.ArgumentTypeError(allowed) from None


def _rate(text: str) -> int | None:
    if text == "off":
        return None
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed; allowed: a number or off")
    return int(text)


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        allowed = f"{text!r} is not allowed; allowed: YYYY-MM-DD"
        raise argparse.ArgumentTypeError(allowed) from None


def _child(text: str) -> Declared:
    name, equals, command = text.partition("=")
    try:
        words = tuple(shlex.split(command))
    except ValueError:
        words = ()
    if not (name and equals and words):
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed; allowed: NAME='COMMAND ...'")
    return Declared(name, words)


def _child_later(text: str) -> Declared:
    return replace(_child(text), is_later=True)


def _lockable(text: str) -> tuple[str, Path]:
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed; allowed: NAME=PATH")
    return name, Path(path)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="trader.sim", description="A simulated TWS / IB Gateway.", epilog=_DIFF)
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to bind; loopback unless --allow-remote")
    add("--port", type=_whole, default=None, help=f"API port, 0 for any; default: {API_PORT}")
    add("--control-port", type=_whole, default=None, help="control port (loopback), 0 for any")
    add("--seed", type=_whole, default=None, help="source of all chance; default: drawn and told")
    add("--speed", type=_number, default=1.0, help="a session day lasts 23400/SPEED seconds")
    add("--account", action="append", default=[], metavar="NAME",
        help="account name, once for each account; default: DUSIM and a nonce")  # fmt: skip
    add("--account-kind", default="margin", help="margin, cash or portfolio")
    add("--currency", default="USD", help="base currency of the accounts")
    add("--commissions", default="fixed", help="price list, fixed or tiered")
    add("--cash", type=_amount, default=Decimal(1_000_000), help="cash of each at the start")
    add("--position", type=_position, action="append", default=[], metavar="SYMBOL:QUANTITY",
        help="what the first account holds at the start; once for each")  # fmt: skip
    add("--server-version", type=_whole, default=178, help="157 to 200, best not 158")
    add("--data", type=Path, default=None, help="directory of price files")
    add("--state", type=Path, default=None, help="file of its state, goes on after a kill")
    add("--tick-interval", type=_number, default=0.25, help="seconds between quotes")
    add("--ack-ms", type=_range_ms, default=(0.001, 0.005), metavar="LO:HI",
        help="milliseconds until the broker has an order")  # fmt: skip
    add("--fill-ms", type=_range_ms, default=(0.005, 0.150), metavar="LO:HI",
        help="milliseconds within which it fills")  # fmt: skip
    add("--start-date", type=_date, default=None, help="first historical date to replay")
    add("--sessions", default="always", help="always: never closed; exchange: real calendars")
    add("--zone", default="UTC", help="the gateway's zone: its day, its nights")
    add("--rate-limit", type=_rate, default=50, metavar="N", help="messages a second, or off")
    add("--no-history-pacing", action="store_true", help="do not pace requests for small bars")
    add("--read-only", action="store_true", help="refuse orders as a read-only API does")
    add(
        "--scenario",
        default=None,
        metavar="FILE",
        help="play a scenario: a YAML file or the name of a shipped one; its settings win",
    )
    add("--virtual", action="store_true", help="no sockets, virtual time: needs --scenario")
    add("--transcript", type=Path, default=None, metavar="FILE", help="write down every frame")
    add("--child", type=_child, action="append", default=[], metavar="NAME='COMMAND ...'",
        dest="children", help="a program that runs beside it, for scenarios to kill")  # fmt: skip
    add("--child-later", type=_child_later, action="append", metavar="NAME='COMMAND ...'",
        dest="children", help="the same, started only by an action")  # fmt: skip
    add("--child-logs", type=Path, default=None, metavar="DIR",
        help="a log file for each child; without, they write to stderr")  # fmt: skip
    add("--lockable", type=_lockable, action="append", default=[], metavar="NAME=PATH",
        help="a SQLite file that an action may lock")  # fmt: skip
    add("--allow-remote", action="store_true", help="permit --host beyond loopback")
    return parser


@dataclass(frozen=True, slots=True)
class Invocation:
    """What the arguments mean."""

    settings: Settings
    scenario: Scenario | None = None
    is_virtual: bool = False
    transcript: Path | None = None


def _check_virtual(given: argparse.Namespace) -> None:
    """Refuse a port where there are no sockets. Raises SettingsError."""
    for name, value in (("port", given.port), ("control-port", given.control_port)):
        if given.virtual and value is not None:
            raise SettingsError(
                f"{name}: {value} is not allowed; allowed: none with --virtual, where there are "
                "no sockets"
            )


def read(arguments: list[str]) -> Invocation:
    """Return what the arguments mean. Raises ScenarioError, SettingsError or SystemExit."""
    given = _parser().parse_args(arguments)
    _check_virtual(given)
    seed = given.seed
    if seed is None:
        # What goes on goes on in the market it was in.
        saved = saved_seed(given.state)
        seed = secrets.randbits(32) if saved is None else saved
    # Under virtual time nothing may come from outside, the name of the account included.
    nonce = f"{seed:016X}" if given.virtual else secrets.token_hex(8)
    names = given.account or [f"DUSIM{nonce}"]
    settings = Settings(
        account=names[0], more_accounts=tuple(names[1:]), account_kind=given.account_kind,
        currency=given.currency, commissions=given.commissions, seed=seed,
        host=given.host, port=API_PORT if given.port is None else given.port,
        control_port=given.control_port or 0, speed=given.speed,
        cash=given.cash, positions=tuple(given.position), server_version=given.server_version,
        data=given.data or Path(__file__).parent / "data", state=given.state,
        tick_interval_s=given.tick_interval, ack_s=given.ack_ms, fill_s=given.fill_ms,
        start_date=given.start_date, sessions=given.sessions, is_read_only=given.read_only,
        zone=given.zone,
        rate_limit=given.rate_limit, has_history_pacing=not given.no_history_pacing,
        may_be_remote=given.allow_remote, children=tuple(given.children),
        lockables=tuple(given.lockable), child_logs=given.child_logs,
    )  # fmt: skip
    if given.virtual and settings.children:
        raise SettingsError(
            f"child: {settings.children[0].name} is not allowed; allowed: none with --virtual, "
            "where there are no sockets and no waiting"
        )
    scenario = None if given.scenario is None else play.find(given.scenario)
    if scenario is not None:
        settings = play.settings_for(scenario, settings)
        play.check_processes(scenario, settings, is_virtual=given.virtual)
    elif given.virtual:
        raise SettingsError("virtual: needs a scenario; allowed: --virtual --scenario FILE")
    return Invocation(settings, scenario, given.virtual, given.transcript)


async def serve(call: Invocation, write: Callable[[str], object] | None) -> None:
    """Serve until a signal, the control port or the scenario's end. Raises OSError."""
    settings, scenario = call.settings, call.scenario
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    server = SimServer(settings)
    server.children.check()
    control = ControlPort(server, stopped.set)
    if scenario is not None:
        play.set_time(scenario, server.clock)
    if write is not None:
        server.transcript = Transcript(server.clock, write)
    try:
        await server.start()
        await control.start()
        line = {
            "event": "listening", "host": settings.host, "port": server.port,
            "control_port": control.port, "account": server.exchange.bank.main.name,
            "seed": settings.seed, "server_version": settings.server_version, "pid": os.getpid(),
        }  # fmt: skip
        if scenario is not None:
            line["scenario"] = scenario.name
            play.begin(scenario, play.stage_of(server, server.clock, stopped.set))
        print(json.dumps(line), flush=True)
        _begin_children(server, control.port)
        await stopped.wait()
        await server.children.end()
        if scenario is not None:
            _tell_truth(scenario, server)
    finally:
        await control.stop()
        await server.stop()


def _begin_children(server: SimServer, control_port: int) -> None:
    """Start the declared programs. Raises SettingsError."""
    try:
        server.begin_children(control_port)
    except InputError as error:
        raise SettingsError(str(error)) from None


def play_virtually(call: Invocation, write: Callable[[str], object] | None) -> None:
    """Play a scenario to its end with no sockets and no waiting."""
    assert call.scenario is not None, "read() demands one"
    host = MemoryHost(call.settings, epoch_s=VIRTUAL_EPOCH_S)
    play.set_time(call.scenario, host.clock)
    if write is not None:
        host.transcript = Transcript(host.clock, write)
    host.start()
    line = {"event": "playing", "scenario": call.scenario.name, "seed": call.settings.seed}
    print(json.dumps(line), flush=True)
    has_ended: list[bool] = []
    play.begin(call.scenario, play.stage_of(host, host.clock, lambda: has_ended.append(True)))
    until_s = host.clock.monotonic() + play.timed_s(call.scenario) + VIRTUAL_S_MAX
    while not has_ended and host.clock.monotonic() < until_s:
        assert host.clock.step(), "a simulator that runs has timers"
    _tell_truth(call.scenario, host)
    host.stop()


@contextlib.contextmanager
def _paper(path: Path) -> Iterator[Callable[[str], object]]:
    """Open the transcript. Raises SettingsError."""
    try:
        stream = path.open("w", encoding="utf-8")
    except OSError as error:
        reason = error.strerror or str(error)
        raise SettingsError(
            f"transcript: {path} is not allowed ({reason}); allowed: a file that can be written"
        ) from None
    with stream:
        yield stream.write


def _tell_truth(scenario: Scenario, simulator: Simulator) -> None:
    told = {"event": "truth", "scenario": scenario.name, "seed": simulator.settings.seed}
    print(json.dumps(told | {"truth": simulator.truth()}), flush=True)


def _run(call: Invocation) -> int:
    """Serve or play, and return the exit code. Raises what `main` tells in one line."""
    try:
        with contextlib.ExitStack() as stack:
            paper = None if call.transcript is None else _paper(call.transcript)
            write = None if paper is None else stack.enter_context(paper)
            if call.is_virtual:
                play_virtually(call, write)
            else:
                uvloop.run(serve(call, write))
    except OSError as error:
        asked = call.settings
        where = f"host {asked.host}, port {asked.port}, control-port {asked.control_port}"
        allowed = "an address of this machine, ports that are free"
        print(f"trader.sim: {where}: cannot listen: {error}; allowed: {allowed}", file=sys.stderr)
        return EXIT_NOT_STARTED
    return 0


def main(arguments: list[str]) -> int:
    """Run the simulator, or its comparison with a journal, and return the exit code."""
    if arguments[:1] == ["diff"]:
        return run_diff(arguments[1:])
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    try:
        return _run(read(arguments))
    except (SettingsError, HistoryError, StateError, ScenarioError) as error:
        print(f"trader.sim: {error}", file=sys.stderr)
        return EXIT_BAD_ARGUMENT
