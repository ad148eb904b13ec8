"""Put file, environment and command line together; all of it is good, or nothing is returned."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from trader.config.environment import (
    effective_mode,
    environment_halt,
    halt_file_of,
    journal_file_of,
    tightened,
)
from trader.config.errors import ConfigError, lines_of, shown
from trader.config.files import (
    is_setting_name,
    read_assets,
    read_mapping,
    value_in,
)
from trader.config.model import Settings
from trader.config.relations import relation_problems
from trader.config.signature import live_policy_problems, policy_warnings
from trader.config.targets import read_targets
from trader.core.contradictions import contradictions
from trader.core.instruments import InstrumentSpec
from trader.core.policy import Policy

_PATHS = ("state_dir", "assets_file", "targets_file", "halt_file")


@dataclass(frozen=True, slots=True)
class Configuration:
    """Settings with what the files they name contain, and what the environment adds."""

    settings: Settings
    policy: Policy
    instruments: tuple[InstrumentSpec, ...]
    halt_file: Path
    journal_file: Path
    environment_halt: str
    # What keeps the policy from arming live: the daemon does not start, what stops it still does.
    live_problems: tuple[str, ...] = ()
    # What may be and should not go unnoticed; told when the daemon starts.
    warnings: tuple[str, ...] = ()


def load(
    path: Path,
    environment: Mapping[str, str],
    assignments: Sequence[str] = (),
    account: str = "",
) -> Configuration:
    """Read a configuration file; raises ConfigError with every problem of a kind.

    ``assignments`` are ``key=value`` texts with dotted keys. They and ``account`` win over the
    environment, which wins over the file. Relative paths in the file are relative to the file,
    those of an assignment to the current directory.
    """
    values = read_mapping(path)
    _make_absolute(values, path.parent)
    if environment.get("TRADER_ACCOUNT"):
        values["account"] = environment["TRADER_ACCOUNT"]
    for assignment in assignments:
        _assign(values, assignment)
    if account:
        values["account"] = account
    _make_absolute(values, Path())
    settings = _settings(path, values, environment)
    policy = read_targets(settings.targets_file)
    instruments = read_assets(settings.assets_file)
    problems = [
        *(f"{settings.targets_file}: {text}" for text in contradictions(policy)),
        *(f"{path}: {text}" for text in relation_problems(settings, instruments)),
    ]
    if problems:
        raise ConfigError(problems)
    return Configuration(
        settings=settings,
        policy=tightened(policy, environment),
        instruments=instruments,
        halt_file=halt_file_of(settings, environment),
        journal_file=journal_file_of(settings, environment),
        environment_halt=environment_halt(environment),
        live_problems=live_policy_problems(settings.mode, settings.targets_file, policy),
        warnings=policy_warnings(settings.mode, settings.targets_file, policy),
    )


def _settings(path: Path, values: dict[str, Any], environment: Mapping[str, str]) -> Settings:
    try:
        settings = Settings(**values)
    except ValidationError as error:
        raise ConfigError(lines_of(path, Settings, error)) from None
    mode = effective_mode(settings.mode, environment)
    return settings if mode is settings.mode else settings.model_copy(update={"mode": mode})


def _make_absolute(values: dict[str, Any], folder: Path) -> None:
    for key in _PATHS:
        text = values.get(key)
        if isinstance(text, str) and text:
            # Not Path.resolve(): what a text names is asked of the disk where it is used.
            values[key] = Path(os.path.abspath(folder / text))


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
