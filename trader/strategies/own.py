"""What a strategy of one's own begins from: name, symbols, checked parameters, and its memory.

``trader strategy new NAME`` writes one. All that :attr:`kept` holds comes back after a restart.
"""

import json
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from trader.core.executions import Execution
from trader.core.ids import StrategyName
from trader.core.market import MarketView
from trader.strategies.base import ChangeResult, Context, WishResult


class Parameters(BaseModel):
    """Parameters with their ranges, as fields of pydantic; what is not a field is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


P = TypeVar("P", bound=Parameters)


class OwnStrategy(Generic[P]):
    """A strategy that does nothing yet: override what the strategy is about."""

    # The class of its parameters; the settings are read with it.
    Parameters: ClassVar[type[Parameters]] = Parameters

    def __init__(self, name: str, symbols: tuple[str, ...], parameters: P) -> None:
        self._name = StrategyName(name)
        self._symbols = symbols
        self.parameters = parameters
        # What JSON can hold; a decimal as text. Kept before anything leaves.
        self.kept: dict[str, Any] = {}

    @property
    def name(self) -> StrategyName:
        """Return the name that its intents carry."""
        return self._name

    @property
    def symbols(self) -> tuple[str, ...]:
        """Return the symbols whose quotes it wants."""
        return self._symbols

    def on_market(self, view: MarketView, context: Context) -> None:
        """Look at the market; called when a quote changed, conflated under load."""

    def on_fill(self, execution: Execution, context: Context) -> None:
        """Learn of a fill of one of its own orders."""

    def on_result(self, result: WishResult, context: Context) -> None:
        """Learn what became of a wish."""

    def on_change(self, result: ChangeResult, context: Context) -> None:
        """Learn what has become of a change of an order."""

    def checkpoint(self) -> str:
        """Return what is kept, as JSON text."""
        return json.dumps(self.kept, sort_keys=True, allow_nan=False)

    def restore(self, state: str) -> None:
        """Take up what was kept; raises ValueError if it cannot be read."""
        kept = json.loads(state)
        if not isinstance(kept, dict):
            raise ValueError(f"kept is {state[:200]!r}, allowed is a JSON object")
        self.kept = kept
