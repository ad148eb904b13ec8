"""Ticks of market data subscriptions to changes of a quote's fields.

A price of -1, below zero, or of 0 without a size is the broker's "no data" and becomes None
(INC-019); delayed tick types (66 and up) never become live fields (INC-058); whether the live
ones are live is said by message 58. Prices are passed on in the currency, whatever hundredths of
it the broker quotes in (INC-101).
"""

from collections.abc import Iterator
from decimal import Decimal

from trader.core.amounts import ZERO, decimal_from
from trader.core.ids import ConId
from trader.ports import QuoteTick

# Tick types of messages 1 and 2; a price brings the size of its side along.
_PRICES = {
    1: ("bid", "bid_size"),
    2: ("ask", "ask_size"),
    4: ("last", None),
    9: ("close", None),
}
_SIZES = {0: "bid_size", 3: "ask_size"}
_HALTED = 49
_RETIRED_MAX = 10_000


class Subscriptions:
    """Which instrument each market data request of this connection is for."""

    def __init__(self) -> None:
        self._con_ids: dict[int, ConId] = {}
        self._magnifiers: dict[int, int] = {}
        # Requests of before: what is still said of them is about no order (300, late errors).
        self._retired: dict[int, None] = {}

    def add(self, request_id: int, con_id: ConId, magnifier: int = 1) -> None:
        """Note a subscription; its prices come as so many times the currency."""
        self._con_ids[request_id] = con_id
        self._magnifiers[request_id] = magnifier

    def remove(self, con_id: ConId) -> list[int]:
        """Forget an instrument's subscriptions and return their request ids."""
        gone = [key for key, value in self._con_ids.items() if value == con_id]
        for key in gone:
            del self._con_ids[key], self._magnifiers[key]
            self._retired[key] = None
            if len(self._retired) > _RETIRED_MAX:
                del self._retired[next(iter(self._retired))]
        return gone

    def is_retired(self, request_id: int) -> bool:
        """Tell whether a request was one for quotes that was given up since."""
        return request_id in self._retired

    def clear(self) -> None:
        """Forget all: they do not outlive the connection."""
        self._con_ids.clear()
        self._magnifiers.clear()
        self._retired.clear()

    def con_id_of(self, request_id: int) -> ConId | None:
        """Return the instrument of a subscription."""
        return self._con_ids.get(request_id)

    def price(
        self, request_id: int, tick_type: int, texts: tuple[str, str], now_s: float
    ) -> Iterator[QuoteTick]:
        """Read message 1: a price, and the size that came with it."""
        con_id = self._con_ids.get(request_id)
        names = _PRICES.get(tick_type)
        if con_id is None or names is None:
            return
        price, size = decimal_from(texts[0]), decimal_from(texts[1])
        if price is not None and (price < ZERO or (price == ZERO and not size)):
            price = None
        if price is not None:
            # After the sentinels: -1 in hundredths is still no price.
            price /= self._magnifiers[request_id]
        yield QuoteTick(con_id, names[0], price, now_s)
        if names[1] is not None:
            yield QuoteTick(con_id, names[1], _size(size), now_s)

    def size(self, request_id: int, tick_type: int, text: str, now_s: float) -> QuoteTick | None:
        """Read message 2."""
        con_id = self._con_ids.get(request_id)
        name = _SIZES.get(tick_type)
        if con_id is None or name is None:
            return None
        return QuoteTick(con_id, name, _size(decimal_from(text)), now_s)

    def generic(
        self, request_id: int, tick_type: int, value: float, now_s: float
    ) -> QuoteTick | None:
        """Read message 45, of which only the trading halt is used; -1 means "not known"."""
        con_id = self._con_ids.get(request_id)
        if con_id is None or tick_type != _HALTED:
            return None
        halted = decimal_from(value)
        known = halted is not None and halted >= ZERO
        return QuoteTick(con_id, "halted", halted if known else None, now_s)

    def last_time(self, request_id: int, text: str, now_s: float) -> QuoteTick | None:
        """Read when the last trade was (tick 45 of message 46), in whole seconds of the epoch."""
        con_id = self._con_ids.get(request_id)
        if con_id is None:
            return None
        return QuoteTick(con_id, "traded", decimal_from(text), now_s)

    def data_type(self, request_id: int, kind: int, now_s: float) -> QuoteTick | None:
        """Read message 58: 1 live, 2 frozen, 3 delayed, 4 delayed and frozen."""
        con_id = self._con_ids.get(request_id)
        if con_id is None:
            return None
        return QuoteTick(con_id, "data_type", Decimal(kind), now_s)


def _size(size: Decimal | None) -> Decimal | None:
    return size if size is not None and size >= ZERO else None
