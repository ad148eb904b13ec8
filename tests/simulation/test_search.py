"""Which seeds are tried for a plant: each once, those that promise most before the others."""

from __future__ import annotations

from tests.simulation.faults import KINDS, chosen_in, rhythm_in
from tests.simulation.planted import PLANTS
from tests.simulation.search import SEEDS_MAX, candidates


def test_each_seed_is_tried_once() -> None:
    for name in PLANTS:
        assert sorted(candidates(name)) == list(range(1, SEEDS_MAX + 1)), name


def test_the_seed_that_is_known_comes_first() -> None:
    seeds = candidates("cursor-first", 7)
    assert seeds[0] == 7
    assert len(seeds) == SEEDS_MAX


def test_seeds_that_draw_what_a_plant_needs_come_before_the_others() -> None:
    for name, plant in PLANTS.items():
        can_show = [set(plant.struck_by) <= set(chosen_in(str(seed))) for seed in candidates(name)]
        assert can_show == sorted(can_show, reverse=True), name


def test_a_plant_of_the_first_start_is_tried_where_it_is_struck() -> None:
    early = [name for name, plant in PLANTS.items() if plant.is_early]
    assert early
    for name in early:
        first = str(candidates(name)[0])
        for kind in PLANTS[name].struck_by:
            assert rhythm_in(first, kind).first_s is not None


def test_plants_are_struck_by_kinds_that_there_are() -> None:
    assert {kind for plant in PLANTS.values() for kind in plant.struck_by} <= set(KINDS)
