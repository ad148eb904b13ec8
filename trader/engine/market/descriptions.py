"""What is to be closed and has not been described by the broker: asked for, and waited for.

The settings name it and it is held, but without its contract there is no order that could close
it. The link asks for such instruments again every few minutes, which is longer than a liquidation
lasts: here they come due at once.
"""

from trader.core.amounts import ZERO
from trader.core.ids import ConId
from trader.engine.services import Services

# One answer may take the broker's whole deadline, 15 s.
_PATIENCE_S = 20.0
_ASK_AGAIN_S = 5.0
# A close has a better price with a quote, and needs none.
_QUOTE_S = 5.0
_POLL_S = 0.05


class Descriptions:
    """Asks for what one liquidation cannot do without."""

    def __init__(self, services: Services) -> None:
        self._ledger = services.ledger
        self._hub = services.hub
        self._clock = services.clock
        self._asked_s = self._until_s = float("-inf")

    def begin(self) -> None:
        """Ask at once, and be patient from now on."""
        self._until_s = self._clock.monotonic() + _PATIENCE_S
        self._ask()

    def is_awaited(self) -> bool:
        """Tell whether something held may still be described in time."""
        return bool(self._lacking()) and self._clock.monotonic() < self._until_s

    async def arrived(self, deadline_s: float) -> None:
        """Wait until what is held is described and has a quote, asking again and not for ever."""
        wanted = self._lacking().keys()
        while self.is_awaited() and self._clock.monotonic() < deadline_s:
            if self._clock.monotonic() - self._asked_s >= _ASK_AGAIN_S:
                self._ask()
            await self._clock.sleep(_POLL_S)
        described = wanted & self._hub.instruments.keys()
        quotes_s = min(deadline_s, self._clock.monotonic() + _QUOTE_S)
        while described - self._hub.quotes.keys() and self._clock.monotonic() < quotes_s:
            await self._clock.sleep(_POLL_S)

    def _ask(self) -> None:
        self._asked_s = self._clock.monotonic()
        symbols = frozenset(self._lacking().values())
        if symbols:
            self._hub.describe_now(symbols)

    def _lacking(self) -> dict[ConId, str]:
        """Return what is held under a name that the broker has not described."""
        return {
            con_id: row.symbol
            for con_id, row in self._ledger.book.positions.items()
            if row.quantity != ZERO
            and row.symbol in self._hub.undescribed
            and con_id not in self._hub.instruments
        }
