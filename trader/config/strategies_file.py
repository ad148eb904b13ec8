"""Strategies from a file of their own, in place of those that the settings name."""

from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from trader.config.errors import ConfigError, lines_of
from trader.config.files import read_mapping
from trader.config.load import Configuration
from trader.config.model import StrategiesSection
from trader.config.relations import relation_problems


def with_strategies(config: Configuration, path: Path) -> Configuration:
    """Return the configuration with the section ``strategies`` of another file.

    Raises ConfigError where it is not right, or not together with the rest.
    """
    found = read_mapping(path)
    extra = sorted(set(found) - {"strategies"})
    if extra or "strategies" not in found:
        named = ", ".join(extra) or "nothing"
        raise ConfigError([f"{path}: it has {named}, allowed is the section strategies alone"])
    section = found["strategies"]
    folder = section.get("folder") if isinstance(section, dict) else None
    if isinstance(folder, str) and folder:
        section["folder"] = (path.parent / folder).absolute()
    try:
        strategies = StrategiesSection.model_validate(section)
    except ValidationError as error:
        raise ConfigError(lines_of(path, StrategiesSection, error)) from None
    settings = config.settings.model_copy(update={"strategies": strategies})
    problems = [f"{path}: {text}" for text in relation_problems(settings, config.instruments)]
    if problems:
        raise ConfigError(problems)
    return replace(config, settings=settings)
