"""What a drill must never touch, and the refusal to begin where it could.

The drills make a state, ports and an account of their own, and give their processes nothing of the
operator's environment. This is the second line: whatever is named on the command line is held
against everything that a live daemon of this machine is known to use. What cannot be read refuses.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trader.config import ConfigError
from trader.config.environment import journal_file_in
from trader.config.files import read_mapping
from trader.drill_stage import Json

# What a simulator calls its accounts; no account of the broker has such a name.
SIMULATED_PREFIX = "DUSIM"
_DRILL_MODE = "demo"
# Where TWS and the gateway listen unless somebody has moved them.
BROKER_PORTS = frozenset({4001, 4002, 7496, 7497})
# A drill's configuration may shape the daemon, and may not say whom it talks to.
_NOT_ITS_OWN = ("account", "halt_file", "broker.host", "broker.port", "control.port")


@dataclass(frozen=True, slots=True)
class Live:
    """What the daemons of this machine use, as far as their configurations and the shell tell."""

    configs: tuple[Path, ...] = ()
    # Directories with a state, a journal or a halt file.
    folders: tuple[Path, ...] = ()
    accounts: frozenset[str] = frozenset()
    ports: frozenset[int] = BROKER_PORTS


@dataclass(frozen=True, slots=True)
class Target:
    """What the simulator that was started says of itself."""

    host: str
    port: int
    control_port: int
    account: str
    pid: int


def live_of(configs: Iterable[Path], environment: Mapping[str, str]) -> Live:
    """Read what a live daemon uses; raises ConfigError for a file that cannot be read."""
    found = [(path.resolve(), read_mapping(path)) for path in configs]
    live = [(path, values) for path, values in found if values.get("mode") != _DRILL_MODE]
    folders: list[Path] = []
    for path, values in live:
        state = _below(path.parent, values.get("state_dir"))
        folders += [state] if state else []
        halt_file = _below(path.parent, values.get("halt_file"))
        folders += [halt_file.parent] if halt_file else []
    if environment.get("EXECUTION_HALTED_FILE"):
        folders.append(Path(environment["EXECUTION_HALTED_FILE"]).resolve().parent)
    if environment.get("DATABASE_URL"):
        folders.append(journal_file_in(Path(), environment).resolve().parent)
    accounts = {str(values["account"]) for _, values in live if values.get("account")}
    accounts |= {environment["TRADER_ACCOUNT"]} if environment.get("TRADER_ACCOUNT") else set()
    numbers = [
        _part(values, part).get("port") for _, values in live for part in ("broker", "control")
    ]
    ports = {number for number in numbers if isinstance(number, int)}
    return Live(
        configs=tuple(path for path, _ in live),
        folders=tuple(dict.fromkeys(folders)),
        accounts=frozenset(accounts),
        ports=BROKER_PORTS | ports,
    )


def plan_problems(state: Path, config: Path, live: Live) -> list[str]:
    """Say why the drills must not be played in ``state`` by ``config``; empty when they may."""
    problems = []
    place = state.resolve()
    for folder in live.folders:
        if place == folder or place in folder.parents or folder in place.parents:
            problems.append(
                f"--state is {state}, which is or holds or lies in {folder} of a live daemon; "
                "allowed is a new folder elsewhere"
            )
    if state.exists() and (not state.is_dir() or any(state.iterdir())):
        problems.append(f"--state is {state}, allowed is a new or an empty folder")
    if config.resolve() in live.configs:
        problems.append(
            f"--config is {config}, which is a live daemon's; allowed is one of mode {_DRILL_MODE}"
        )
        return problems
    try:
        values = read_mapping(config)
    except ConfigError as error:
        return [*problems, *(f"--config: {line}" for line in error.problems)]
    if values.get("mode") != _DRILL_MODE:
        problems.append(
            f"--config {config}: mode is {values.get('mode')!r}, allowed is {_DRILL_MODE!r}: "
            "drills are played against the simulator alone"
        )
    problems += [
        f"--config {config}: {name} is set, allowed is to leave it out: drills bring their own"
        for name in _named(values)
    ]
    return problems


def target_problems(target: Target, child_pid: int, live: Live) -> list[str]:
    """Say why this is not the simulator that was started; empty when it is."""
    problems = []
    if target.host != "127.0.0.1":
        problems.append(f"the target's host is {target.host!r}, allowed is '127.0.0.1'")
    for name, port in (("port", target.port), ("control port", target.control_port)):
        if port in live.ports:
            problems.append(f"the target's {name} is {port}, which a live daemon or TWS uses")
    if not target.account.startswith(SIMULATED_PREFIX):
        problems.append(
            f"the target's account is {target.account!r}, allowed is a simulator's "
            f"({SIMULATED_PREFIX}...)"
        )
    if target.account in live.accounts:
        problems.append(f"the target's account is {target.account!r}, which is a live daemon's")
    if target.pid != child_pid:
        problems.append(
            f"the target is process {target.pid}, allowed is the simulator that the drill has "
            f"started ({child_pid})"
        )
    return problems


def target_of(announced: Json) -> Target:
    """Return what a simulator has announced; raises LookupError, TypeError or ValueError."""
    return Target(
        host=str(announced["host"]),
        port=int(announced["port"]),
        control_port=int(announced["control_port"]),
        account=str(announced["account"]),
        pid=int(announced["pid"]),
    )


def _named(values: Mapping[str, Any]) -> list[str]:
    found = []
    for name in _NOT_ITS_OWN:
        part, _, last = name.rpartition(".")
        held = _part(values, part) if part else values
        # Any free port is nobody's.
        if last in held and (name, held[last]) != ("control.port", 0):
            found.append(name)
    return found


def _part(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = values.get(name)
    return part if isinstance(part, dict) else {}


def _below(folder: Path, name: object) -> Path | None:
    return (folder / name).resolve() if isinstance(name, str) and name else None
