"""Finds a strategy by its import path or entry point, and makes it with checked parameters.

``package.module:Class`` is an import path; a word without a colon is the class of a strategy that
comes with the program, or an entry point of the group ``trader.strategies``. Importing runs the
strategy's module: only what is about to trade, or what a person asks about, is loaded.
"""

import importlib
import inspect
import math
import sys
from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from pydantic import ValidationError

from trader.config.errors import NOT_SHOWN, may_be_secret, shown
from trader.core.bars import BarSpec
from trader.strategies.base import Strategy
from trader.strategies.own import Parameters

GROUP = "trader.strategies"
# What comes with the program beside momentum, which has a section of its own.
SHIPPED = MappingProxyType({
    "BracketMomentumStrategy": "trader.strategies.bracket_momentum:BracketMomentumStrategy",
    "EnsembleStrategy": "trader.strategies.ensemble:EnsembleStrategy",
    "MeanReversionStrategy": "trader.strategies.mean_reversion:MeanReversionStrategy",
    "PairsTradingStrategy": "trader.strategies.pairs_trading:PairsTradingStrategy",
})  # fmt: skip
_METHODS = (
    "on_start", "on_fill", "on_order", "on_session", "on_bar", "on_quote", "on_timer",
    "checkpoint", "restore",
)  # fmt: skip
# What a module of somebody's own can raise while it is imported or made; an end of the program
# asked for in there is none of the daemon's.
_ANYTHING = (Exception, SystemExit)


class StrategyUnusable(ValueError):
    """A strategy cannot be made; ``field`` is that of its settings, or empty for all of them."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(problem)
        self.field = field


def strategy_class(use: str, folder: Path | None = None) -> type:
    """Return the class that a text names; raises StrategyUnusable.

    ``folder`` is looked in behind everything that is installed.
    """
    if folder is not None and str(folder) not in sys.path:
        sys.path.append(str(folder))
    path = SHIPPED.get(use, use)
    found = _imported(path) if ":" in path else _entry(path)
    if not isinstance(found, type):
        raise StrategyUnusable("use", f"{use!r}, allowed is a class; it is {type(found).__name__}")
    missing = [name for name in _METHODS if not callable(getattr(found, name, None))]
    if missing:
        raise StrategyUnusable(
            "use", f"{use!r}, allowed is a strategy; it has no {', '.join(missing)}"
        )
    waiting = [name for name in _METHODS if inspect.iscoroutinefunction(getattr(found, name))]
    if waiting:
        raise StrategyUnusable(
            "use", f"{use!r}, allowed is one that never waits; async is {', '.join(waiting)}"
        )
    return found


def made(cls: type, name: str, symbols: tuple[str, ...], values: Mapping[str, Any]) -> Strategy:
    """Make a strategy that calls itself what it is called; raises StrategyUnusable."""
    model: type[Parameters] = getattr(cls, "Parameters", Parameters)
    try:
        parameters = model(**values)
    except ValidationError as error:
        raise StrategyUnusable(*_line_of(error)) from None
    try:
        strategy = cast(Strategy, cls(name, symbols, parameters))
        said = strategy.name, tuple(strategy.symbols)
        wants = strategy.bar_spec, strategy.closing_s
    except _ANYTHING as error:
        raise StrategyUnusable("", f"cannot be made: {_words(error)}") from error
    # Its intents carry the one, and quotes come for the other.
    if said != (name, symbols):
        raise StrategyUnusable(
            "",
            f"{shown(name)} of {', '.join(symbols)}, allowed is what the strategy says of itself: "
            f"{shown(said[0])} of {', '.join(said[1])}",
        )
    _check_wants(*wants)
    return strategy


def _check_wants(bar_spec: object, closing_s: object) -> None:
    if not (bar_spec is None or isinstance(bar_spec, BarSpec)):
        raise StrategyUnusable("", f"bar_spec is {bar_spec!r}, allowed is a BarSpec or None")
    is_number = isinstance(closing_s, int | float) and not isinstance(closing_s, bool)
    if not is_number or not 0 <= cast(float, closing_s) < math.inf:
        raise StrategyUnusable("", f"closing_s is {closing_s!r}, allowed are seconds from 0 on")


def _imported(use: str) -> object:
    module_name, _, names = use.partition(":")
    try:
        found: object = importlib.import_module(module_name)
    except _ANYTHING as error:
        problem = f"{use!r}, allowed is PACKAGE.MODULE:CLASS; the import fails: {_words(error)}"
        raise StrategyUnusable("use", problem) from error
    for name in names.split("."):
        found = getattr(found, name, None)
    if found is None:
        raise StrategyUnusable("use", f"{use!r}, allowed is a class that {module_name} has")
    return found


def _entry(use: str) -> object:
    found = {one.name: one for one in entry_points(group=GROUP)}
    if use not in found:
        known = ", ".join(sorted(found)) or "none is installed"
        raise StrategyUnusable(
            "use",
            f"{use!r}, allowed is PACKAGE.MODULE:CLASS, one that comes with the program "
            f"({', '.join(SHIPPED)}), or an entry point of {GROUP}: {known}",
        )
    try:
        return found[use].load()
    except _ANYTHING as error:
        raise StrategyUnusable("use", f"{use!r}, its import fails: {_words(error)}") from error


def _line_of(error: ValidationError) -> tuple[str, str]:
    """Return the first thing that is wrong: its field, and value and what is allowed."""
    first = error.errors()[0]
    field = ".".join(("parameters", *map(str, first["loc"])))
    if first["type"] == "missing":
        return field, "not given, allowed is a value: it has no default"
    value = NOT_SHOWN if may_be_secret(field) else repr(first["input"])
    if first["type"] == "extra_forbidden":
        return field, f"{value}, allowed is nothing: there is no such parameter"
    message = first["msg"]
    return field, f"{value}, allowed is: {message[:1].lower()}{message[1:]}"


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
