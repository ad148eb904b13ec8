"""What one currency is worth in another, from the market's currency pairs."""

from collections.abc import Callable
from decimal import Decimal

from trader.sim.market.quotes import Quote
from trader.sim.model.instruments import Instrument

ONE = Decimal(1)
# A pair that is not listed is put together over this currency.
_BRIDGE = "USD"
_KEPT = Decimal("0.0000001")


class NoRate(LookupError):
    """There is no way from one currency to the other; the text names both."""


class Rates:
    """Exchange rates at the middle of the pairs' quotes."""

    def __init__(
        self,
        quote: Callable[[Instrument], Quote],
        pair: Callable[[str], Instrument | None],
    ) -> None:
        """Take `pair`, which finds an instrument by its local name such as `EUR.USD`."""
        self._quote, self._pair = quote, pair
        self._found: dict[tuple[str, str], tuple[Instrument, bool] | None] = {}

    def rate(self, currency: str, base: str) -> Decimal:
        """Return what one unit of a currency is worth in the base. Raises NoRate."""
        if currency == base:
            return ONE
        direct = self._direct(currency, base)
        if direct is not None:
            return direct
        first, second = self._direct(currency, _BRIDGE), self._direct(_BRIDGE, base)
        if first is None or second is None or _BRIDGE in (currency, base):
            raise NoRate(f"no exchange rate from {currency} to {base}")
        return first * second

    def knows(self, currency: str, base: str) -> bool:
        """Return whether there is a rate."""
        try:
            self.rate(currency, base)
        except NoRate:
            return False
        return True

    def _direct(self, currency: str, base: str) -> Decimal | None:
        key = (currency, base)
        if key not in self._found:
            self._found[key] = self._look_up(currency, base)
        found = self._found[key]
        if found is None:
            return None
        item, is_inverse = found
        quote = self._quote(item)
        middle = (quote.bid + quote.ask) / 2
        return (ONE / middle if is_inverse else middle).quantize(_KEPT)

    def _look_up(self, currency: str, base: str) -> tuple[Instrument, bool] | None:
        item = self._pair(f"{currency}.{base}")
        if item is not None:
            return item, False
        item = self._pair(f"{base}.{currency}")
        return None if item is None else (item, True)
