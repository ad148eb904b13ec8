"""Goal: what was recorded of a day of heavy trading is played again and no order reaches a broker.

Method: a daemon trades and records against the simulator, which writes down each frame and
connection. The day is then played three times with the settings of that daemon, its broker's
address included, while the simulator still runs: the same bytes each time, and the simulator has
heard nothing (EVT-19, EVT-20).
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.process.harness import Daemon, environment, until, world

pytestmark = [pytest.mark.process, pytest.mark.slow, pytest.mark.timeout(300)]


def replayed(daemon: Daemon, *words: str) -> subprocess.CompletedProcess[str]:
    (part,) = (daemon.state / "market").glob("*.jsonl.gz")
    command = [sys.executable, "-m", "trader", "replay", str(part), "--config", str(daemon.config)]
    return subprocess.run(
        [*command, *words], capture_output=True, text=True, check=False, env=environment()
    )


def test_the_simulator_hears_nothing_of_a_replay_of_what_it_traded(tmp_path: Path) -> None:
    seed = 20240644
    with world(tmp_path, seed, changes={"market_data.record": True}) as (simulator, daemon):
        daemon.start()
        daemon.await_armed()
        daemon.await_orders(10)
        daemon.send(signal.SIGTERM)
        daemon.ended()
        before = simulator.truth()
        frames = simulator.frame_times()
        assert len(frames) >= 10
        refused = replayed(daemon)
        assert refused.returncode == 2
        assert "allowed for a replay is shadow or dry_run" in refused.stderr
        outs = [replayed(daemon, "--set", "mode=shadow", "--json") for _ in range(3)]
        assert {done.returncode for done in outs} == {0}, outs[0].stderr
        assert len({done.stdout for done in outs}) == 1
        rows = [json.loads(line) for line in outs[0].stdout.splitlines()]
        assert sum(row["kind"] == "intent" for row in rows) > 5
        assert simulator.frame_times() == frames
        after = simulator.truth()
        assert after["orders"] == before["orders"]
        assert after["executions"] == before["executions"]
        until("the simulator still answers", simulator.truth)
