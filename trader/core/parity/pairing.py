"""Which decision of one run is that of the other: the nearest ones first, and each has one partner.

Two decisions can be the same if strategy, instrument, side and purpose are, and no more than a
window lies between them. Whoever is nearer to each other than to anybody else is a pair; so one
that is missing is the one without a partner, and not the last of all that come behind it. Only what
lies within a few windows is kept.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

A, B = "a", "b"
# More than this of one key within a few windows are paired as far as is known.
_WAITING_MAX = 256


class Paired(Protocol):
    """What can be paired."""

    @property
    def at_us(self) -> int:
        """Return when it was decided."""

    @property
    def key(self) -> tuple[str, ...]:
        """Return what its partner must share."""


T = TypeVar("T", bound=Paired)


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[T]):
    """``place`` puts decisions of one moment in turns: first with first, second with second."""

    place: tuple[int, int, str]
    one: T

    @property
    def party(self) -> str:
        return self.place[2]


class Pairing(Generic[T]):
    """Takes decisions in about the order of time; ``told`` gets (a, b), one of them None."""

    def __init__(self, window_us: int, told: Callable[[T | None, T | None], None]) -> None:
        self._window_us = window_us
        self._told = told
        self._waiting: dict[tuple[str, ...], list[_Waiting[T]]] = {}
        self._swept_us = 0
        self._is_full = False

    def put(self, party: str, one: T) -> None:
        """Take the next decision of a party."""
        found = self._waiting.setdefault(one.key, [])
        same = sum(row.party == party and row.one.at_us == one.at_us for row in found)
        found.append(_Waiting((one.at_us, same, party), one))
        found.sort(key=lambda row: row.place)
        self._is_full |= len(found) > _WAITING_MAX

    def advance(self, now_us: int) -> None:
        """Tell what is certain once everything until a moment was put."""
        if now_us - self._swept_us < self._window_us and not self._is_full:
            return
        self._swept_us, self._is_full = now_us, False
        for key in tuple(self._waiting):
            self._settle(key, now_us)

    def finish(self) -> None:
        """Tell all that is left: nothing comes any more."""
        for key in tuple(self._waiting):
            self._settle(key, None)

    def _settle(self, key: tuple[str, ...], now_us: int | None) -> None:
        rows = self._waiting[key]
        while (place := self._nearest(rows, now_us)) is not None:
            one, other = rows[place], rows[place + 1]
            del rows[place : place + 2]
            if one.party == B:
                one, other = other, one
            self._told(one.one, other.one)
        rows[:] = list(self._left(rows, now_us))
        if not rows:
            del self._waiting[key]

    def _nearest(self, rows: list[_Waiting[T]], now_us: int | None) -> int | None:
        """Return where the nearest two stand that nobody still to come can be nearer to."""
        best: tuple[int, int] | None = None
        for place in range(len(rows) - 1):
            first, second = rows[place], rows[place + 1]
            apart = second.one.at_us - first.one.at_us
            if first.party == second.party or apart > self._window_us:
                continue
            if best is None or apart < best[0]:
                best = apart, place
        if best is None:
            return None
        apart, place = best
        is_certain = now_us is None or now_us - rows[place + 1].one.at_us >= apart
        return place if is_certain or len(rows) > _WAITING_MAX else None

    def _left(self, rows: list[_Waiting[T]], now_us: int | None) -> Iterator[_Waiting[T]]:
        """Give what may still find a partner; tells of the rest that it has none."""
        for place, row in enumerate(rows):
            near = [
                other
                for other in rows[max(place - 1, 0) : place + 2]
                if other.party != row.party
                and abs(other.one.at_us - row.one.at_us) <= self._window_us
            ]
            is_young = now_us is not None and now_us - row.one.at_us <= self._window_us
            if is_young or near:
                yield row
            elif row.party == A:
                self._told(row.one, None)
            else:
                self._told(None, row.one)
