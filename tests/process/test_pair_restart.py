"""Goal: a pair of which one leg is there when the daemon is killed is closed, and nothing else is.

Method: a fill takes 15 seconds and both legs have 25, so the second cannot come in time. The daemon
is killed as soon as the first leg is held, and starts again on the same state. It must take off
what still works, close the leg that is there, and end flat, with the book equal to the simulator's
truth. No leg is sent again, and none is closed twice (STR-06, INC-018, INC-032).
"""

from __future__ import annotations

import json
import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.process.agreement import halt_and_compare
from tests.process.harness import ROOT, Daemon, until, world

SEED = 20240507
PAIR = ("MSFT", "GOOG")
CHANGES = {
    # It allows short sales.
    "targets_file": str(ROOT / "config/examples/targets.yaml"),
    "strategies": {
        "own": [
            {
                "name": "pairs",
                "use": "PairsTradingStrategy",
                "symbols": list(PAIR),
                "parameters": {
                    "bar_s": 5, "window": 20, "entry_z": 0.01, "stop_z": 50, "exit_z": 0,
                    "correlation_min": 0.001, "half_life_bars_max": 700, "complete_s": 25,
                    "pause_s": 600,
                },
            }
        ]
    },
}  # fmt: skip
REASONS = ("a leg was cancelled", "a leg was refused", "not complete within 25 s")

pytestmark = [pytest.mark.process, pytest.mark.slow, pytest.mark.timeout(720)]


def states(daemon: Daemon) -> list[dict[str, Any]]:
    """Return what the strategy has saved, oldest first."""
    connection = sqlite3.connect(f"file:{daemon.journal}?mode=ro", uri=True)
    try:
        rows = connection.execute(
            "SELECT payload FROM events WHERE kind = 'StrategyCheckpointed' ORDER BY seq"
        )
        return [json.loads(json.loads(payload)["state"]) for (payload,) in rows]
    finally:
        connection.close()


def held(truth: dict[str, Any]) -> dict[str, Decimal]:
    return {
        row["symbol"]: Decimal(row["quantity"])
        for row in truth["positions"]
        if Decimal(row["quantity"])
    }


def test_a_pair_that_was_killed_half_open_ends_flat(tmp_path: Path) -> None:
    options = ("--fill-ms", "15000:15000")
    with world(tmp_path, SEED, changes=CHANGES, options=options) as (simulator, daemon):
        daemon.start()
        daemon.await_armed()
        until("one leg", lambda: held(simulator.truth()), deadline_s=480)
        daemon.kill()
        legs = held(simulator.truth())
        assert len(legs) == 1, f"the second leg came too soon: {legs}"
        (first,) = legs
        assert legs[first] < 0, "the short leg is the first"
        before = states(daemon)[-1]
        assert before["phase"] == "opening"
        daemon.start()
        daemon.await_armed()
        until("flat again", lambda: states(daemon)[-1]["phase"] == "flat", deadline_s=120)
        assert held(simulator.truth()) == {}
        later = [state for state in states(daemon) if state["phase"] == "closing"]
        # Reconciliation proves that the second leg never left, or it is asked for before the daemon
        # may take new risk, or its time runs out.
        assert later[0]["reason"].startswith(REASONS)
        assert later[0]["pair"] == before["pair"]
        exits = [
            row
            for row in simulator.truth()["orders"]
            if (row["symbol"], row["side"]) == (first, "BUY")
        ]
        assert len(exits) == 1, "the leg that was held is closed, once"
        halt_and_compare(simulator, daemon)
