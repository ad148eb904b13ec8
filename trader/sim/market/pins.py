"""Interventions in the course of prices, remembered with their moments.

A pin holds an instrument's middle at a price; a halt stops its trading. Both are looked up by
moment, so bars and historical ticks asked for later show what was really sent.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, MutableMapping
from decimal import Decimal

_CHANGES_MAX = 10_000


class Pins(MutableMapping[str, Decimal]):
    """Prices held by name (see `Market.pin_key`); a mapping of the present ones."""

    def __init__(self, slot_now: Callable[[], int]) -> None:
        self._slot_now = slot_now
        self._now: dict[str, Decimal] = {}
        self._slots: dict[str, list[int]] = {}
        self._prices: dict[str, list[Decimal | None]] = {}

    def __getitem__(self, key: str) -> Decimal:
        """Return the price held now."""
        return self._now[key]

    def __setitem__(self, key: str, price: Decimal) -> None:
        """Hold a price from this moment on."""
        self._now[key] = price
        self._note(key, price)

    def __delitem__(self, key: str) -> None:
        """Let go from this moment on."""
        del self._now[key]
        self._note(key, None)

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names held now."""
        return iter(self._now)

    def __len__(self) -> int:
        """Return how many prices are held now."""
        return len(self._now)

    def at(self, key: str, slot: int) -> Decimal | None:
        """Return the price that was held at a moment."""
        slots = self._slots.get(key)
        if slots is None:
            return None
        place = bisect_right(slots, slot)
        return self._prices[key][place - 1] if place else None

    def changes(self, key: str) -> list[int]:
        """Return the moments at which a price was held or let go, ascending."""
        return self._slots.get(key, [])

    def _note(self, key: str, price: Decimal | None) -> None:
        slots, prices = self._slots.setdefault(key, []), self._prices.setdefault(key, [])
        slot = self._slot_now()
        if slots and slots[-1] == slot:
            prices[-1] = price
            return
        slots.append(slot)
        prices.append(price)
        if len(slots) > _CHANGES_MAX:
            del slots[: _CHANGES_MAX // 2]
            del prices[: _CHANGES_MAX // 2]


class Halts:
    """Halted instruments by contract id, with the moments their trading stopped and resumed."""

    def __init__(self, slot_now: Callable[[], int]) -> None:
        self._slot_now = slot_now
        # Contract id -> spans (first slot, slot of the reopening or None, kind).
        self._spans: dict[int, list[tuple[int, int | None, int]]] = {}

    def halt(self, con_id: int, kind: int = 1) -> None:
        """Stop trading now; the kind is what tick 49 shows (1 general, 2 volatility)."""
        self.reopen(con_id)
        self._spans.setdefault(con_id, []).append((self._slot_now(), None, kind))

    def reopen(self, con_id: int) -> None:
        """Resume trading now; the price goes on where the path has come to."""
        spans = self._spans.get(con_id)
        if spans and spans[-1][1] is None:
            first, _, kind = spans[-1]
            spans[-1] = (first, self._slot_now(), kind)

    def changes(self, con_id: int) -> list[int]:
        """Return the moments at which a halt began or ended."""
        spans = self._spans.get(con_id, ())
        return [slot for first, until, _ in spans for slot in (first, until) if slot is not None]

    def at(self, con_id: int, slot: int) -> tuple[int, int]:
        """Return the moment whose price shows at a moment, and the halt kind (0: none)."""
        for first, until, kind in reversed(self._spans.get(con_id, ())):
            if first <= slot and (until is None or slot < until):
                return first, kind
        return slot, 0
