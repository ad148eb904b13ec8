"""Ids only grow, have the broker's shape, and differ between two starts."""

from __future__ import annotations

import re

from tests.unit.sim.support import hand_clock
from trader.sim.broker.floor.execution_ids import ExecutionIds, revised


def test_permanent_ids_grow() -> None:
    ids = ExecutionIds(hand_clock())
    issued = [ids.next_perm_id() for _ in range(5)]
    assert issued == sorted(set(issued))


def test_execution_ids_have_the_shape_of_the_real_ones() -> None:
    assert re.fullmatch(
        r"[0-9a-f]{8}\.[0-9a-f]{8}\.[0-9a-f]{2}\.01", ExecutionIds(hand_clock()).next_exec_id()
    )


def test_two_starts_share_no_id() -> None:
    clock = hand_clock()
    first = ExecutionIds(clock)
    one = {first.next_exec_id() for _ in range(1000)}
    clock.advance(0.5)
    second = ExecutionIds(clock)
    assert one.isdisjoint(second.next_exec_id() for _ in range(1000))


def test_a_correction_counts_the_last_part() -> None:
    assert revised("0000e0d5.67fe667b.01.01") == "0000e0d5.67fe667b.01.02"
    assert revised("a.b.c.09") == "a.b.c.10"
