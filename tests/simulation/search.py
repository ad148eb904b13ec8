"""Which seed finds each planted mistake first: searched for, and kept in a generated file.

Any change of the daemon moves what a seed plays, and with it these seeds. All plants take turns, so
that those that are found fast are found first, whenever the search is stopped; what was found is
written down at once. Of the seeds that count, those come first that draw the kinds of fault without
which the mistake cannot show, and draw them often, in worlds in which much is traded.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path

from tests.simulation.faults import chosen_in, rhythm_in
from tests.simulation.planted import PLANTS
from tests.simulation.run import Wish, played
from tests.simulation.strategy import crowd_in

SEEDS_MAX = 300
KEPT = Path(__file__).with_name("first_seeds.json")


@dataclass(slots=True)
class Search:
    """One plant's search."""

    name: str
    seeds: deque[int]
    tried: int = 0
    # The seed that found it; None so far.
    found: int | None = None
    # What was found that is not it, by the rule.
    others: dict[str, str] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        """Return whether there is nothing left to be tried."""
        return self.found is not None or not self.seeds


def first_seeds() -> dict[str, int]:
    """Return the seeds that are known to find each plant."""
    known: dict[str, int] = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    return known


def keep(found: dict[str, int]) -> None:
    """Write down which seed finds which plant."""
    known = {name: seed for name, seed in first_seeds().items() if name in PLANTS} | found
    KEPT.write_text(json.dumps(dict(sorted(known.items())), indent=2) + "\n")


def candidates(name: str, first: int | None = None) -> deque[int]:
    """Return the seeds to try for a plant: the known one, then those that can show it."""
    seeds = sorted(range(1, SEEDS_MAX + 1), key=lambda seed: _promise(name, str(seed)))
    known = [] if first is None else [first]
    return deque((*known, *(seed for seed in seeds if seed != first)))


def _promise(name: str, seed: str) -> tuple[bool, bool, float]:
    """Return how much a seed promises for a plant, the most first."""
    plant, (count, pace) = PLANTS[name], crowd_in(seed)
    rhythms = [rhythm_in(seed, kind) for kind in plant.struck_by]
    lacks = not set(plant.struck_by) <= set(chosen_in(seed))
    is_late = plant.is_early and any(one.first_s is None for one in rhythms)
    return lacks, is_late, prod(one.strength for one in rhythms) / (count * pace)


def searched(
    wish: Wish, searches: Sequence[Search], seconds: float = float("inf")
) -> Iterator[Search]:
    """Play one seed for one plant after the other, and give each as it ends or is found."""
    end_s = time.monotonic() + seconds
    turns = deque(searches)
    while turns and time.monotonic() < end_s:
        search = turns.popleft()
        seed = search.seeds.popleft()
        ((_, result),) = played(replace(wish, plant=search.name), [seed])
        search.tried += 1
        if PLANTS[search.name].explains(result):
            search.found = seed
        elif result.problem:
            search.others.setdefault(result.rule, f"seed {seed}: {result.problem}")
        if search.is_over:
            yield search
        else:
            turns.append(search)


def search_all(wish: Wish, names: Sequence[str], say: Callable[[str], None]) -> bool:
    """Search for plants, write down what is found; return whether all were."""
    known = first_seeds()
    searches = [Search(name, candidates(name, known.get(name))) for name in names]
    try:
        for search in searched(wish, searches):
            if search.found is not None:
                keep({search.name: search.found})
                rule = PLANTS[search.name].rule
                say(f"{search.name}: seed {search.found}, {rule} ({search.tried} tried)")
            else:
                say(f"{search.name}: not within {SEEDS_MAX} seeds; {search.others or 'nothing'}")
    except KeyboardInterrupt:
        say("stopped; what was found is kept")
    left = [search for search in searches if search.found is None]
    for search in left:
        say(f"{search.name}: {search.tried} tried; {search.others or 'nothing'}")
    return not left
