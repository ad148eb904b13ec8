"""The strategies of one's own that the settings name, made as a start makes them."""

from collections.abc import Iterator
from pathlib import Path

from trader.config.model import OwnStrategySection, StrategiesSection
from trader.config.strategy_loading import StrategyUnusable, made, strategy_class
from trader.strategies.base import Strategy


def own_strategies(
    section: StrategiesSection,
) -> Iterator[tuple[OwnStrategySection, Strategy]]:
    """Make each strategy anew, with its settings; raises StrategyUnusable."""
    for one in section.own:
        yield one, _strategy(one, section.folder)


def own_strategy_problems(section: StrategiesSection) -> list[str]:
    """Say why strategies cannot be used, one line each; importing them runs their modules."""
    problems = []
    for number, one in enumerate(section.own):
        try:
            _strategy(one, section.folder)
        except StrategyUnusable as error:
            where = f"strategies.own.{number}"
            problems.append(
                f"{where}.{error.field} is {error}" if error.field else f"{where} is {error}"
            )
    return problems


def _strategy(one: OwnStrategySection, folder: Path | None) -> Strategy:
    return made(strategy_class(one.use, folder), one.name, one.symbols, one.parameters)
