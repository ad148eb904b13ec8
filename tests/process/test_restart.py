"""Goal: a daemon killed at any instant loses no fill, repeats no order, and comes back by itself.

Method: one simulator lives through the whole run. The daemon trades as fast as the pacing allows
and is killed at seeded instants, now and then a second time on its way up; it starts again on the
same state and must arm itself. After every few kills, and at the end, everything is brought to
rest and journal, simulator and daemon are compared (INC-018, INC-028, INC-029, INC-065).
``KILLS=1000`` makes it a soak.
"""

from __future__ import annotations

import os
import random
import statistics
import time
from pathlib import Path

import pytest

from tests.process.agreement import halt_and_compare
from tests.process.harness import world

KILLS = int(os.environ.get("KILLS", "50"))
# Two halves with seeds of their own, so that they can run side by side.
SHARES = ((20240301, KILLS - KILLS // 2), (20240302, KILLS // 2))
COMPARE_EVERY = 5


@pytest.mark.process
@pytest.mark.slow
@pytest.mark.timeout(120 + 20 * KILLS)
@pytest.mark.parametrize(("seed", "kills"), SHARES)
def test_nothing_is_lost_or_doubled_over_kills(tmp_path: Path, seed: int, kills: int) -> None:
    chance = random.Random(seed)
    recovery_s: list[float] = []
    # Slow answers, so that most kills meet orders in flight.
    with world(tmp_path, seed, options=("--ack-ms", "1:80")) as (simulator, daemon):
        daemon.start()
        daemon.await_armed()
        for kill in range(1, kills + 1):
            daemon.await_orders(1)
            # Not waiting for a condition but choosing the instant of the kill.
            time.sleep(chance.uniform(0.3, 2.0))
            daemon.kill()
            started_s = time.monotonic()
            daemon.start()
            if chance.random() < 0.25:
                # Struck down again on the way up: in the restore, connecting or reconciling.
                time.sleep(chance.uniform(0.2, 2.0))
                daemon.kill()
                daemon.start()
            daemon.await_armed()
            recovery_s.append(time.monotonic() - started_s)
            if kill % COMPARE_EVERY == 0:
                halt_and_compare(simulator, daemon)
                daemon.resume()
        story = halt_and_compare(simulator, daemon)
        print(
            f"{kills} kills, {len(story.planned)} orders, {len(story.exec_ids)} executions; armed "
            f"again after {statistics.median(recovery_s):.1f} s in the median, "
            f"{max(recovery_s):.1f} s at most; {dict(story.kinds)}"
        )
        assert len(story.planned) > 5 * kills, "too few orders for the kills to meet any"
