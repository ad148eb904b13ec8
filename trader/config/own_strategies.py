"""The strategies of one's own that the settings name, made as a start makes them."""

from collections.abc import Iterator

from trader.config.errors import shown
from trader.config.model import OwnStrategySection, StrategiesSection
from trader.config.strategy_loading import StrategyUnusable, made, strategy_class
from trader.strategies.base import Strategy


def own_strategies(
    section: StrategiesSection,
) -> Iterator[tuple[OwnStrategySection, Strategy]]:
    """Make each strategy anew, with its settings; raises StrategyUnusable."""
    for one in section.own:
        cls = strategy_class(one.use, section.folder)
        yield one, made(cls, one.name, one.symbols, one.parameters)


def own_strategy_problems(section: StrategiesSection) -> list[str]:
    """Say why strategies cannot be used, one line each; importing them runs their modules."""
    problems = []
    for number, one in enumerate(section.own):
        where = f"strategies.own.{number}"
        try:
            strategy = made(
                strategy_class(one.use, section.folder), one.name, one.symbols, one.parameters
            )
        except StrategyUnusable as error:
            field = f"{where}.{error.field}" if error.field else where
            problems.append(f"{field} is {error}")
            continue
        # What a class makes of what it was given: intents carry the one, quotes come for the other.
        said = strategy.name, tuple(strategy.symbols)
        if said != (one.name, one.symbols):
            problems.append(
                f"{where} is {shown(one.name)} of {', '.join(one.symbols)}, allowed is what the "
                f"strategy says of itself: {shown(said[0])} of {', '.join(said[1])}"
            )
    return problems
