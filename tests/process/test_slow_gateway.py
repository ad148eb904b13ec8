"""Goal: a gateway that is slow loses no connection, and gets nothing new while it is too slow.

Method: the simulator answers every question for the time five seconds late (INC-093), which is
more than the daemon allows an answer to be old. It says so and adds no risk, exits of the operator
leave, the connection is the same for several silences, and quick again it trades again.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.process.harness import until, world

SEED = 20240398
CHANGES = {
    "broker.heartbeat_deadline_s": 2,
    "broker.heartbeat_interval_s": 1,
    "broker.heartbeat_age_s_max": 4,
    "broker.silence_s_max": 6,
    "strategies.momentum.symbols": ["MSFT", "GOOG"],
}
LATE = {"messages": ["currentTime"], "ms": 5000}
# More than three silences, and more than the time after which no answer at all ends a link.
LONG_S = 20.0

pytestmark = [pytest.mark.process, pytest.mark.slow, pytest.mark.timeout(120)]


def test_slow_is_not_dead_and_gets_nothing_new(tmp_path: Path) -> None:
    options = ("--position", "AAPL:10")
    with world(tmp_path, SEED, changes=CHANGES, options=options) as (simulator, daemon):
        daemon.start()
        daemon.await_armed()
        daemon.await_orders(2)
        simulator.tell("/frame-delay", **LATE)
        daemon.await_cause("heartbeat")
        time.sleep(1.0)
        sent = len(simulator.truth()["place_frames"])
        end_s, status = time.monotonic() + LONG_S, until("a status", daemon.status)
        while time.monotonic() < end_s:
            status = until("a status", daemon.status)
            assert set(dict(status["causes"])) == {"heartbeat"}, status["causes"]
            assert status["link"]["connect_count"] == 1
            time.sleep(0.2)
        assert len(simulator.truth()["place_frames"]) == sent
        assert status["link"]["round_trip_s"] > 4.5

        simulator.tell("/frame-clear")
        status = daemon.await_armed()
        assert status["link"]["connect_count"] == 1
        daemon.await_orders(1)
