"""What a strategy of one's own begins from: name, symbols, checked parameters, and its memory.

``trader strategy new NAME`` writes one. All that :attr:`kept` holds comes back after a restart.
"""

import json
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from trader.core.bars import Bar, BarSpec
from trader.core.executions import Execution
from trader.core.ids import ConId, StrategyName
from trader.core.market import Quote
from trader.strategies.base import Context, OrderUpdate, SessionChange

CLOSING_S = 900.0


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

    @property
    def bar_spec(self) -> BarSpec | None:
        """Return which bars it wants; none unless this is overridden."""
        return None

    @property
    def closing_s(self) -> float:
        """Return how long before the end of a session it wants to be told (seconds)."""
        return CLOSING_S

    def symbol_of(self, con_id: ConId, context: Context) -> str | None:
        """Return which of its symbols an instrument is; None if it is none of them."""
        for symbol in self._symbols:
            instrument = context.instrument(symbol)
            if instrument is not None and instrument.con_id == con_id:
                return symbol
        return None

    def on_start(self, context: Context) -> None:
        """Begin, after what was kept has been taken up."""

    def on_fill(self, execution: Execution, context: Context) -> None:
        """Learn of a fill of one of its own orders."""

    def on_order(self, update: OrderUpdate, context: Context) -> None:
        """Learn what has become of a wish, of an order, or of a change of an order."""

    def on_session(self, change: SessionChange, context: Context) -> None:
        """Learn where a session stands."""

    def on_bar(self, bar: Bar, context: Context) -> None:
        """Look at a bar that has just ended."""

    def on_quote(self, quote: Quote, context: Context) -> None:
        """Look at a quote that has changed."""

    def on_timer(self, name: str, context: Context) -> None:
        """Do what a timer was set for."""

    def checkpoint(self) -> str:
        """Return what is kept, as JSON text."""
        return json.dumps(self.kept, sort_keys=True, allow_nan=False)

    def restore(self, state: str) -> None:
        """Take up what was kept; raises ValueError if it cannot be read."""
        kept = json.loads(state)
        if not isinstance(kept, dict):
            raise ValueError(f"kept is {state[:200]!r}, allowed is a JSON object")
        self.kept = kept
