"""The settings as they are in force, each with where it came from; secrets are never in it.

Read as a start reads them: what cannot be used raises ConfigError here as well.
"""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from trader.config.environment import environment_dry_run
from trader.config.errors import may_be_secret
from trader.config.files import read_mapping
from trader.config.load import Configuration, load
from trader.config.meanings import ENVIRONMENT
from trader.config.redis_secret import PASSWORD_VARIABLE

HIDDEN = "***"
_OURS = ("AGENT_", "EXEC_", "EXECUTION_", "KILL_PNL", "MARKETDATA_", "MAX_DD", "TRADER_")


@dataclass(frozen=True, slots=True)
class Effective:
    """One setting; ``source`` is default, file, the name of a variable, --set or --account."""

    name: str
    value: object
    source: str


@dataclass(frozen=True, slots=True)
class Variable:
    """One name of the environment that is set; ``meaning`` is empty for one that is unknown."""

    name: str
    value: str
    meaning: str
    hint: str = ""


def effective(
    path: Path, environment: Mapping[str, str], assignments: Sequence[str] = (), account: str = ""
) -> tuple[Configuration, tuple[Effective, ...]]:
    """Return the configuration, and each setting of it in order; raises ConfigError."""
    config = load(path, environment, assignments, account)
    written = read_mapping(path)
    overrides = {text.partition("=")[0] for text in assignments}
    named = _named(config, written, environment, account)
    told = _told(config)
    rows = [
        Effective(
            name,
            HIDDEN if is_secret(name, value) else told.get(name, value),
            named.get(name) or _source(name, written, overrides),
        )
        for name, value in _leaves(config.settings, "")
    ]
    source = "DATABASE_URL" if environment.get("DATABASE_URL") else "default"
    return config, (*rows, Effective("journal", config.journal_file, source))


def variables(environment: Mapping[str, str]) -> tuple[Variable, ...]:
    """Return what is set of the names that mean something here, or look as if they should."""
    found = []
    for name in sorted(environment):
        value = environment[name]
        if name in ENVIRONMENT:
            found.append(Variable(name, _shown(name, value), ENVIRONMENT[name]))
        elif name.startswith(_OURS):
            (hint,) = difflib.get_close_matches(name, ENVIRONMENT, n=1) or [""]
            # A stranger's may be a secret, whatever it is called.
            found.append(Variable(name, HIDDEN, "", hint))
    return tuple(found)


def is_secret(name: str, value: object) -> bool:
    """Tell whether a setting may be a secret, by its name; the name of a file is none."""
    last = name.rpartition(".")[2]
    if not isinstance(value, str) or not value or last.endswith("_file"):
        return False
    return may_be_secret(last)


def _shown(name: str, value: str) -> str:
    if name == PASSWORD_VARIABLE:
        return HIDDEN
    if name == "DATABASE_URL" and not value.startswith("sqlite:"):
        # Of another database: it may hold a password.
        return HIDDEN
    return value


def _leaves(model: BaseModel, prefix: str) -> Iterator[tuple[str, object]]:
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            yield from _leaves(value, f"{prefix}{name}.")
        elif isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
            for number, one in enumerate(value):
                yield from _leaves(one, f"{prefix}{name}[{number}].")
        elif isinstance(value, dict):
            yield from ((f"{prefix}{name}.{key}", one) for key, one in value.items())
        else:
            yield f"{prefix}{name}", value


def _named(
    config: Configuration, written: Mapping[str, Any], environment: Mapping[str, str], account: str
) -> dict[str, str]:
    """Return the settings that the environment or an argument of its own has decided."""
    found: dict[str, str] = {}
    if environment.get("TRADER_ACCOUNT") == config.settings.account:
        found["account"] = "TRADER_ACCOUNT"
    if account:
        found["account"] = "--account"
    if environment.get("EXECUTION_HALTED_FILE"):
        found["halt_file"] = "EXECUTION_HALTED_FILE"
    if environment_dry_run(environment):
        found["mode"] = "EXEC_DRY_RUN"
    elif environment.get("AGENT_MODE") == "SHADOW_MODE" and written.get("mode") != "shadow":
        found["mode"] = "AGENT_MODE"
    return found


def _told(config: Configuration) -> dict[str, object]:
    """Return what stands in for a setting that is not set."""
    settings = config.settings
    return {
        "halt_file": config.halt_file,
        "broker.emergency_client_id": settings.broker.second_client_id,
        "sentinel.client_id": settings.sentinel_client_id,
    }


def _source(name: str, written: Mapping[str, Any], overrides: set[str]) -> str:
    if any(name == key or name.startswith((f"{key}.", f"{key}[")) for key in overrides):
        return "--set"
    at: Any = written
    for part in name.replace("[", ".").replace("]", "").split("."):
        if isinstance(at, dict) and part in at:
            at = at[part]
        elif isinstance(at, list) and part.isdecimal() and int(part) < len(at):
            at = at[int(part)]
        else:
            return "default"
    return "file"
