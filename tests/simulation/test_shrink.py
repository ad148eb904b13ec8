"""A failing seed is made smaller, and a kind of fault can be left out without moving the others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.simulation.faults import KINDS, WEATHER, chosen_in
from tests.simulation.run import Wish, played, replay
from tests.simulation.shrink import shrink

# Faults that are over at once: how often they strike depends on their own chance alone.
_INSTANT = ("clock step", "correction", "late fill", "order ids", "handshake", "broker's end")


def _struck(wish: Wish, seed: int) -> dict[str, int]:
    ((_, result),) = played(wish, [seed])
    assert not result.problem, result.problem
    return {name: result.faults.get(name, 0) for name in _INSTANT}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_kind_that_is_left_out_leaves_the_others_as_they_are(wish: Wish) -> None:
    wanted = {"reset", "crash", "clock step", "late fill"}
    seed = next(seed for seed in range(1, 200) if wanted <= set(chosen_in(str(seed))))
    whole = _struck(wish, seed)
    assert whole["clock step"]
    assert _struck(replace(wish, without=frozenset({"reset", "crash", WEATHER})), seed) == whole


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_failing_seed_is_shrunk_to_a_command_that_fails_alike(wish: Wish) -> None:
    planted = replace(wish, plant="executions-again")
    seed, found = next((seed, one) for seed, one in played(planted, range(1, 40)) if one.problem)
    smaller = shrink(seed, planted, found.rule, 30.0)
    assert smaller is not None
    # Weather, and what never came to strike, are the first to go; a slow machine may try but one.
    assert len(smaller.kinds) <= len(chosen_in(str(seed))) + (smaller.tries == 1)
    ((_, again),) = played(smaller.wish, [seed])
    assert (again.rule, again.digest) == (found.rule, smaller.result.digest)
    assert replay(seed, smaller.wish) in str(smaller)


def test_what_does_not_fail_is_not_shrunk(wish: Wish) -> None:
    nothing = replace(wish, without=frozenset((WEATHER, *KINDS)))
    assert shrink(1, nothing, "execution_twice", 60.0) is None


def test_the_shorter_of_two_commands_replays_a_seed(wish: Wish) -> None:
    on = (WEATHER, *chosen_in("1"))
    most = replace(wish, without=frozenset(on[1:]))
    assert replay(1, most) == f"scripts/simulate --seeds 1 --first-seed 1 --only {on[0]}"
    few = replace(wish, without=frozenset(on[:1]))
    assert replay(1, few) == f"scripts/simulate --seeds 1 --first-seed 1 --without {on[0]}"
    none = replace(wish, without=frozenset(on))
    assert replay(1, none).endswith("--only nothing")
