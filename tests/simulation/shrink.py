"""Makes a failing seed smaller: kinds of fault are left out as long as the same rule is broken.

It can do so because each kind has chance of its own (`faults`): without one, the others strike when
and how they did. What is left names the cause better than any trace.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from tests.simulation.faults import KINDS, WEATHER, chosen_in
from tests.simulation.play import Result
from tests.simulation.run import Wish, played, replay


@dataclass(frozen=True, slots=True)
class Shrunk:
    """The smallest world found in which a seed breaks its rule."""

    seed: int
    wish: Wish
    result: Result
    kinds: tuple[str, ...]
    tries: int
    # Whether no kind that is left can be left out; otherwise time was up first.
    is_least: bool

    def __str__(self) -> str:
        left = ", ".join(self.kinds) or "no fault at all"
        end = "" if self.is_least else "; time was up, fewer may do"
        return (
            f"shrunk: {self.result.rule} with {left} ({self.tries} tries{end})\n"
            f"  replay: {replay(self.seed, self.wish)}"
        )


def shrink(seed: int, wish: Wish, rule: str, seconds: float) -> Shrunk | None:
    """Return the smallest world in which the seed breaks the rule; None if it does not again."""
    end_s = time.monotonic() + seconds
    kinds = [name for name in (WEATHER, *chosen_in(str(seed))) if name not in wish.without]
    first = _again(seed, wish, kinds, rule)
    if first is None:
        return None
    best, tries = first, 1
    # What is on and did not come to strike takes no part, or as good as none.
    struck = [name for name in kinds if name == WEATHER or name in first.faults]
    found = _again(seed, wish, struck, rule) if struck != kinds else None
    if found is not None:
        best, tries, kinds = found, 2, struck
    size = max(len(kinds) // 2, 1)
    while kinds and time.monotonic() < end_s:
        is_smaller = False
        for start in range(0, len(kinds), size):
            if time.monotonic() >= end_s:
                break
            fewer = kinds[:start] + kinds[start + size :]
            found = _again(seed, wish, fewer, rule)
            tries += 1
            if found is not None:
                best, kinds, is_smaller = found, fewer, True
                break
        else:
            if size == 1:
                return _shrunk(seed, wish, best, kinds, tries, is_least=True)
        if not is_smaller:
            size = max(size // 2, 1)
        size = min(size, max(len(kinds), 1))
    return _shrunk(seed, wish, best, kinds, tries, is_least=not kinds)


def _again(seed: int, wish: Wish, kinds: list[str], rule: str) -> Result | None:
    ((_, result),) = played(_only(wish, kinds), [seed])
    return result if result.rule == rule else None


def _shrunk(
    seed: int, wish: Wish, result: Result, kinds: list[str], tries: int, *, is_least: bool
) -> Shrunk:
    return Shrunk(seed, _only(wish, kinds), result, tuple(kinds), tries, is_least)


def _only(wish: Wish, kinds: list[str]) -> Wish:
    return replace(wish, without=frozenset((WEATHER, *KINDS)) - frozenset(kinds))
