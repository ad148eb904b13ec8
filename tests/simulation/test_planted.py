"""The tester is tested: each planted mistake is found, from a seed on that is known to find it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.simulation.planted import PLANTS
from tests.simulation.run import Wish, played

SEEDS_MAX = 300
# Where to begin; a change of the daemon may move it, and then the search takes longer.
FIRST_SEEDS = {
    "send-before-durable": 2,
    "executions-again": 1,
    "unfinished-lists": 21,
    "resend": 2,
    "forget-halts": 5,
    "sync-normally": 6,
    "halt-file-seldom": 5,
    "brokers-ids": 2,
    "no-executions": 2,
    "demo-overrules": 40,
    "answer-gone": 5044,
    "renew-by-the-wall": 40005,
    "forget-settling": 40048,
    "clear-first": 40001,
    "decide-by-more": 2,
    "cursor-first": 2,
}


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_mistake_is_found(name: str, wish: Wish) -> None:
    first = FIRST_SEEDS[name]
    seeds = range(first, first + SEEDS_MAX)
    planted = replace(wish, plant=name)
    others: dict[int, str] = {}
    for seed, result in played(planted, seeds):
        if PLANTS[name].explains(result):
            return
        if result.problem:
            others[seed] = result.problem
    pytest.fail(f"not within {SEEDS_MAX} seeds; for other reasons: {others or 'none'}")
