"""Put file, environment and command line together; all of it is good, or nothing is returned."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from trader.config.environment import (
    effective_mode,
    environment_halt,
    environment_problems,
    halt_file_of,
    journal_file_of,
    live_authority_problems,
    tightened,
)
from trader.config.errors import ConfigError, Problems, lines_of, shown
from trader.config.files import (
    is_setting_name,
    read_assets,
    read_mapping,
    value_in,
)
from trader.config.model import Settings
from trader.config.redis_secret import redis_password, redis_secret_problems
from trader.config.relations import ACCOUNT_MISSING, policy_problems, relation_problems
from trader.config.signature import live_policy_problems, policy_warnings
from trader.config.switches import Drill, drill_of, switch_problems
from trader.config.targets import read_targets
from trader.core.contradictions import contradictions
from trader.core.halts import Mode
from trader.core.instruments import InstrumentSpec
from trader.core.policy import Policy

_PATHS = ("state_dir", "assets_file", "targets_file", "halt_file")
# Paths that stand in a section.
_SECTION_PATHS = (
    (("outbox",), "folder"),
    (("strategies",), "folder"),
    (("outbox", "redis"), "password_file"),
    (("outbox", "redis"), "ca_file"),
)


@dataclass(frozen=True, slots=True)
class Configuration:
    """Settings with what the files they name contain, and what the environment adds."""

    settings: Settings
    policy: Policy
    instruments: tuple[InstrumentSpec, ...]
    halt_file: Path
    journal_file: Path
    environment_halt: str
    # What keeps the daemon from starting in its mode; what stops it still does.
    start_problems: tuple[str, ...] = ()
    # What may be and should not go unnoticed; told when the daemon starts.
    warnings: tuple[str, ...] = ()
    # The switches of a drill; they stay in the status for as long as the daemon runs.
    drill: Drill = field(default_factory=Drill)
    # Asked at every connect; no representation, because the environment is in it.
    redis_password: Callable[[], str] = field(default=str, repr=False)


def load(
    path: Path,
    environment: Mapping[str, str],
    assignments: Sequence[str] = (),
    account: str = "",
) -> Configuration:
    """Read a configuration file; raises ConfigError with every problem that can be seen at once.

    What settings are not together is told once each of them is right alone.
    ``assignments`` are ``key=value`` texts with dotted keys. They and ``account`` win over the
    environment, which wins over the file. Relative paths in the file are relative to the file,
    those of an assignment to the current directory.
    """
    problems = Problems()
    values = problems.of(lambda: _values(path, environment, assignments, account))
    problems.add(environment_problems(environment))
    settings = policy = instruments = None
    if values is not None:
        settings = problems.of(lambda: _settings(path, values, environment))
        targets, assets = values.get("targets_file"), values.get("assets_file")
        # The files are looked at even where a setting beside their names is wrong.
        if isinstance(targets, Path):
            policy = problems.of(lambda: read_targets(targets))
        if isinstance(assets, Path):
            instruments = problems.of(lambda: read_assets(assets))
        if policy is not None:
            problems.add(f"{targets}: {text}" for text in contradictions(policy))
        if settings is not None:
            problems.add(f"{path}: {text}" for text in relation_problems(settings, instruments))
            problems.add(f"{path}: {text}" for text in redis_secret_problems(settings, environment))
        elif values.get("account", "") == "":
            problems.add([f"{path}: {ACCOUNT_MISSING}"])
    if problems.lines:
        mode = settings.mode if settings is not None else _mode_in(values)
        problems.add(_start_problems(mode, settings, policy, environment))
    problems.raise_if_any()
    assert settings is not None, "what is missing was told"
    assert policy is not None, "what is missing was told"
    assert instruments is not None, "what is missing was told"
    return _configuration(settings, policy, instruments, environment)


def _configuration(
    settings: Settings,
    policy: Policy,
    instruments: tuple[InstrumentSpec, ...],
    environment: Mapping[str, str],
) -> Configuration:
    targets, drill = settings.targets_file, drill_of(settings.mode, environment)
    return Configuration(
        settings=settings,
        policy=tightened(policy, environment),
        instruments=instruments,
        halt_file=halt_file_of(settings, environment),
        journal_file=journal_file_of(settings, environment),
        environment_halt=environment_halt(environment),
        start_problems=_start_problems(settings.mode, settings, policy, environment),
        warnings=(*policy_warnings(settings.mode, targets, policy), *drill.warnings),
        drill=drill,
        redis_password=partial(_redis_password, settings, environment),
    )


def _redis_password(settings: Settings, environment: Mapping[str, str]) -> str:
    redis = settings.outbox.redis
    return redis_password(redis, environment) if redis is not None else ""


def _start_problems(
    mode: Mode | None,
    settings: Settings | None,
    policy: Policy | None,
    environment: Mapping[str, str],
) -> tuple[str, ...]:
    """List what keeps the daemon from starting in its mode, as far as what is given tells."""
    problems: list[str] = []
    if settings is not None and policy is not None:
        problems += live_policy_problems(settings.mode, settings.targets_file, policy)
        # Whoever closes positions without the daemon must not be kept from it by this.
        problems += policy_problems(settings, policy)
    if settings is not None:
        problems += live_authority_problems(settings, environment)
    if mode is not None:
        problems += switch_problems(mode, environment)
    return tuple(problems)


def _mode_in(values: Mapping[str, Any] | None) -> Mode | None:
    """Return the mode that is written, where the settings around it are wrong."""
    word = (values or {}).get("mode")
    return next((mode for mode in Mode if mode.value == word), None)


def state_dir_in(
    path: Path, environment: Mapping[str, str], assignments: Sequence[str] = ()
) -> Path | None:
    """Return the state directory that is written, where the settings around it are wrong."""
    try:
        found = _values(path, environment, assignments, "").get("state_dir")
    except ConfigError:
        return None
    return found if isinstance(found, Path) else None


def _values(
    path: Path, environment: Mapping[str, str], assignments: Sequence[str], account: str
) -> dict[str, Any]:
    """Return what file, environment and command line say, before any of it is checked."""
    values = read_mapping(path)
    _make_absolute(values, path.parent)
    if environment.get("TRADER_ACCOUNT"):
        values["account"] = environment["TRADER_ACCOUNT"]
    for assignment in assignments:
        _assign(values, assignment)
    if account:
        values["account"] = account
    _make_absolute(values, Path())
    return values


def _settings(path: Path, values: dict[str, Any], environment: Mapping[str, str]) -> Settings:
    try:
        settings = Settings(**values)
    except ValidationError as error:
        raise ConfigError(lines_of(path, Settings, error)) from None
    mode = effective_mode(settings.mode, environment)
    return settings if mode is settings.mode else settings.model_copy(update={"mode": mode})


def _make_absolute(values: dict[str, Any], folder: Path) -> None:
    sections = ((_section(values, names), key) for names, key in _SECTION_PATHS)
    for holder, key in (*((values, key) for key in _PATHS), *sections):
        text = holder.get(key) if isinstance(holder, dict) else None
        if isinstance(holder, dict) and isinstance(text, str) and text:
            # Not Path.resolve(): what a text names is asked of the disk where it is used.
            holder[key] = Path(os.path.abspath(folder / text))


def _section(values: dict[str, Any], names: tuple[str, ...]) -> object:
    found: object = values
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _assign(values: dict[str, Any], assignment: str) -> None:
    key, equals, text = assignment.partition("=")
    if not equals or not all(map(is_setting_name, key.split("."))):
        raise ConfigError(
            [f"--set {shown(assignment)}: allowed is KEY=VALUE, for example broker.port=7497"]
        )
    *parents, last = key.split(".")
    at = values
    for parent in parents:
        at = at.setdefault(parent, {})
        if not isinstance(at, dict):
            raise ConfigError([f"--set {shown(assignment)}: {parent} is not a section"])
    at[last] = value_in(text, f"--set {key}")
