"""The tester is tested: each planted mistake is found, from a seed on that is known to find it.

So many of them as fit are played, other ones with each version of the code.
A change of the daemon moves what seeds play. Then the plants whose seeds have moved are searched
for anew, all of them together within a bounded time; `scripts/simulate --search-plants` writes the
seeds down again. `PLANTS=all` searches for each as long as it takes.
"""

from __future__ import annotations

import os
import random

import pytest

from tests.simulation.planted import PLANTS
from tests.simulation.run import Wish
from tests.simulation.search import SEEDS_MAX, Search, candidates, first_seeds, searched
from tests.simulation.soak import code_digest

BUDGET_S = 100.0
# For those whose seed is known: one play each, on a machine that does other things as well.
KNOWN_S = 300.0
PLANTS_MAX = 25
# So many must be shown at the least: with fewer the file of their seeds is of no use any more.
_SHARE_MIN = 0.5


def _told(search: Search) -> str:
    return f"{search.name} ({search.tried} tried): {search.others or 'nothing found'}"


def _of_this_code(names: list[str]) -> list[str]:
    return random.Random(code_digest()).sample(names, min(PLANTS_MAX, len(names)))


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_planted_mistakes_are_found(wish: Wish) -> None:
    is_whole = os.environ.get("PLANTS") == "all"
    known = first_seeds()
    names = list(PLANTS) if is_whole else _of_this_code([name for name in PLANTS if name in known])
    # First each by the seed that is known, and only then whatever has moved.
    first = [Search(name, candidates(name, known.get(name))) for name in names]
    kept = [Search(one.name, candidates(one.name, known[one.name])) for one in first
            if one.name in known]  # fmt: skip
    for one in kept:
        while len(one.seeds) > 1:
            one.seeds.pop()
    shown = {one.name for one in searched(wish, kept, KNOWN_S) if one.found is not None}
    moved = [one for one in first if one.name not in shown]
    for one in moved:
        if one.name in known:
            one.seeds.popleft()  # it has just been tried
    for one in searched(wish, moved, float("inf") if is_whole else BUDGET_S):
        if one.found is not None:
            shown.add(one.name)
    never = [one for one in moved if one.found is None and not one.seeds]
    assert not never, f"not within {SEEDS_MAX} seeds: " + "; ".join(map(_told, never))
    if is_whole:
        assert len(shown) == len(PLANTS)
    left = [one for one in moved if one.found is None]
    enough = len(shown) >= _SHARE_MIN * len(names)
    assert enough, "run scripts/simulate --search-plants: " + "; ".join(map(_told, left))


def test_a_plant_names_a_rule_and_what_it_breaks() -> None:
    for name, plant in PLANTS.items():
        assert plant.rule, name
        assert (plant.put.__doc__ or "").strip(), name


def test_only_planted_mistakes_have_seeds() -> None:
    assert set(first_seeds()) <= set(PLANTS)
