"""A long day is played with the allocator of production."""

from __future__ import annotations

from tests.simulation.memory import options, set_as_in_production
from tests.simulation.run import Child


def test_the_unit_has_freed_memory_given_back() -> None:
    assert options() == {
        "MALLOC_ARENA_MAX": 2,
        "MALLOC_MMAP_THRESHOLD_": 131_072,
        "MALLOC_TRIM_THRESHOLD_": 131_072,
    }


def test_the_allocator_takes_what_the_unit_says() -> None:
    def told() -> str:
        set_as_in_production()
        return "taken"

    assert Child(told).said() == ("taken", 0)
