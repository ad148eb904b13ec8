"""The instrument catalogue: what can be asked for, by contract id or by symbol.

Known symbols carry their real contract ids; any other price file becomes a stock with an id
derived from its name, the same in every run.
"""

import zlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from trader.sim.model.instruments import ContractQuery, Instrument

_HOURS_DAYS = 6


def _known() -> dict[str, Instrument]:
    def stock(
        con_id: int, symbol: str, exchange: str, name: str, isin: str, kind: str
    ) -> Instrument:
        trading_class = "NMS" if exchange == "NASDAQ" else symbol
        return Instrument(
            con_id, symbol, "STK", exchange, "USD", trading_class, name,
            industry="Technology", category=kind, subcategory=kind, isin=isin,
        )  # fmt: skip

    items = (
        stock(265598, "AAPL", "NASDAQ", "APPLE INC", "US0378331005", "Computers"),
        stock(8314, "IBM", "NYSE", "INTL BUSINESS MACHINES CORP", "US4592001014", "Computers"),
        stock(272093, "MSFT", "NASDAQ", "MICROSOFT CORP", "US5949181045", "Software"),
        stock(208813720, "GOOG", "NASDAQ", "ALPHABET INC-CL C", "US02079K1079", "Internet"),
        Instrument(
            13455763, "VIX", "IND", "CBOE", "USD", "VIX", "CBOE Volatility Index",
            industry="Indices", category="Volatility Index", subcategory="*",
        ),
    )  # fmt: skip
    return {item.symbol: item for item in items}


class Catalogue:
    """All instruments of one simulator."""

    def __init__(self, symbols: Iterable[str]) -> None:
        known = _known()
        self._by_symbol = {symbol: known.get(symbol) or _unknown(symbol) for symbol in symbols}
        self._by_con_id = {item.con_id: item for item in self._by_symbol.values()}

    def all(self) -> list[Instrument]:
        """Return every instrument in the order of the price files."""
        return list(self._by_symbol.values())

    def symbol(self, symbol: str) -> Instrument | None:
        """Return the instrument of a symbol."""
        return self._by_symbol.get(symbol)

    def find(self, query: ContractQuery) -> Instrument | None:
        """Return the one instrument a request means, or None (error 200)."""
        if query.con_id:
            return self._by_con_id.get(query.con_id)
        item = self._by_symbol.get(query.symbol or query.local_symbol)
        if item is None or (query.sec_type and query.sec_type != item.sec_type):
            return None
        if query.currency and query.currency != item.currency:
            return None
        if query.exchange not in ("", "SMART", item.primary_exchange):
            return None
        return item

    def matching(self, pattern: str) -> list[Instrument]:
        """Return the instruments whose symbol or name begins with the pattern."""
        wanted = pattern.upper()
        return [
            item
            for item in self._by_symbol.values()
            if item.symbol.startswith(wanted) or item.long_name.upper().startswith(wanted)
        ]


def _unknown(symbol: str) -> Instrument:
    con_id = 900_000_000 + zlib.crc32(symbol.encode()) % 90_000_000
    return Instrument(con_id, symbol, "STK", "NASDAQ", "USD", "NMS", f"{symbol} CORP")


def trading_hours(epoch_s: float) -> tuple[str, str]:
    """Return trading and liquid hours: the replay never closes, so each day is open all day.

    It begins a day early, so that a reader in any zone finds the present moment inside.
    """
    first = datetime.fromtimestamp(epoch_s, UTC) - timedelta(days=1)
    days = [first + timedelta(days=n) for n in range(_HOURS_DAYS + 1)]
    spans = [f"{a:%Y%m%d}:0000-{b:%Y%m%d}:0000" for a, b in pairwise(days)]
    text = ";".join(spans)
    return text, text
