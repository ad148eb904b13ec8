"""The strategies beside momentum that the settings name, made as a start makes them."""

from collections.abc import Iterator
from pathlib import Path

from trader.config.model import OwnStrategySection, StrategiesSection
from trader.config.strategy_loading import StrategyUnusable, made, strategy_class
from trader.core.policy import AccountType, Policy
from trader.strategies.base import Strategy

_SHORT = (
    "{use!r}, allowed is one that never sells short; for this one the policy needs "
    "position.is_short_allowed: true, and an exposure.account_type other than cash"
)


def may_short(policy: Policy) -> bool:
    """Tell whether the policy takes an order that leaves a short position."""
    is_cash = policy.exposure.account_type is AccountType.CASH
    return policy.position.is_short_allowed and not is_cash


def own_strategies(
    section: StrategiesSection,
) -> Iterator[tuple[OwnStrategySection, Strategy]]:
    """Make each strategy anew, with its settings; raises StrategyUnusable."""
    for one in section.own:
        yield one, _strategy(one, section.folder)


def own_strategy_problems(section: StrategiesSection, *, may_short: bool = False) -> list[str]:
    """Say why strategies cannot be used, one line each; importing them runs their modules.

    One that sells short is refused here, before it has one leg of two, where the policy would
    refuse its orders; it says so by ``sells_short``.
    """
    problems = []
    for number, one in enumerate(section.own):
        try:
            strategy = _strategy(one, section.folder)
            if not may_short and getattr(strategy, "sells_short", False) is True:
                raise StrategyUnusable("use", _SHORT.format(use=one.use))
        except StrategyUnusable as error:
            where = f"strategies.own.{number}"
            problems.append(
                f"{where}.{error.field} is {error}" if error.field else f"{where} is {error}"
            )
    return problems


def _strategy(one: OwnStrategySection, folder: Path | None) -> Strategy:
    return made(strategy_class(one.use, folder), one.name, one.symbols, one.parameters)
