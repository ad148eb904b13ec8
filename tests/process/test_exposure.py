"""Goal: what the market makes of an account is seen without any order, and the way back works.

Method: an account of the simulator holds shares whose price is moved. The share of the account is
a fact of the simulator's own books; the daemon must show a warning beyond the hold and beyond the
box, plan the reduction and send nothing of it. Then a person carries the plan out as the runbook
says, and the plan must be over and the warning gone; so must it where the policy has it go by
itself. Not while it is halted: then nothing leaves at all (BRK-04, CAP-24).
"""

from __future__ import annotations

import copy
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from tests.process.harness import Daemon, Json, Simulator, until, world
from tests.targets import TARGETS

SEED = 20240410
HELD = 2_500
OPTIONS = ("--position", f"AAPL:{HELD}")
# The strategy must leave AAPL alone: only the market and the test move anything.
CHANGES = {"strategies.momentum.symbols": ["IBM"], "strategies.momentum.entry_fraction": 0.9}

pytestmark = [pytest.mark.process, pytest.mark.slow, pytest.mark.timeout(180)]


def exposure(daemon: Daemon) -> Json:
    """Return what the daemon says of its exposure."""
    found: Json = until("a status", daemon.status)["exposure"]
    return found


def move(simulator: Simulator, daemon: Daemon, price: str, level: str) -> Json:
    """Move the price; return what is shown once the holding is seen at that level."""
    simulator.tell("/price", symbol="AAPL", price=price)

    def look() -> Json | None:
        shown = exposure(daemon)
        rows = [row for row in shown["concentrations"] if row["symbol"] == "AAPL"]
        return shown if rows and rows[0]["level"] == level else None

    return until(f"AAPL at level {level}", look)


def test_a_breach_of_the_market_is_shown_planned_for_and_brought_back(tmp_path: Path) -> None:
    with world(tmp_path, SEED, options=OPTIONS, changes=CHANGES) as (simulator, daemon):
        simulator.tell("/price", symbol="AAPL", price="98")
        daemon.start()
        daemon.await_armed()
        assert move(simulator, daemon, "98", "ok")["status"] == "ok"

        shown = move(simulator, daemon, "102", "hold")
        assert shown["status"] == "warning"
        assert "beyond 20.00% none is added" in shown["warnings"][0]
        assert shown["reduction"] is None
        assert move(simulator, daemon, "98", "ok")["status"] == "ok"

        shown = move(simulator, daemon, "140", "box")
        assert shown["status"] == "warning"
        plan = until("a plan", lambda: exposure(daemon)["reduction"])
        (order,) = plan["orders"]
        side, quantity, _, held, symbol = order.split()
        assert (side, held, symbol) == ("SELL", str(HELD), "AAPL")
        pages = (daemon.state / "audit_logs" / "pages.jsonl").read_text()
        assert pages.count("plan of reductions") == 1
        assert simulator.truth()["place_frames"] == [], "a plan sends nothing"

        daemon.halt()
        held_back = daemon.verb("reduce")
        assert (held_back.is_done, held_back.text) == (False, "not reduced")
        assert simulator.truth()["place_frames"] == []
        daemon.resume()
        answer = daemon.verb("reduce")
        assert answer.is_done, f"{answer.text}: {answer.details}"
        until("the end of the plan", lambda: exposure(daemon)["reduction"] is None)
        left = next(row for row in simulator.truth()["positions"] if row["symbol"] == "AAPL")
        assert Decimal(left["quantity"]) == HELD - Decimal(quantity)
        # Inside the box again, and beyond the hold until the price has come back too.
        assert exposure(daemon)["concentrations"][0]["level"] == "hold"
        assert move(simulator, daemon, "98", "ok")["status"] == "ok"
        assert len(simulator.truth()["place_frames"]) == 1


def test_what_the_policy_reduces_by_itself_waits_for_every_measure(tmp_path: Path) -> None:
    """Without a VIX the regime is a storm that nobody has measured: nothing is sold on its word."""
    targets = copy.deepcopy(TARGETS)
    targets.setdefault("exposure", {})["reduce_after_s"] = 30
    (tmp_path / "reducing.yaml").write_text(yaml.safe_dump(targets))
    changes = {**CHANGES, "targets_file": "reducing.yaml"}
    with world(tmp_path, SEED, options=OPTIONS, changes=changes) as (simulator, daemon):
        simulator.tell("/price", symbol="AAPL", price="140")
        daemon.start()
        daemon.await_armed()
        plan = until("a plan", lambda: exposure(daemon)["reduction"])
        assert plan["automatic"].startswith(
            "does not go by itself: the regime is a storm for want of"
        )
        assert simulator.truth()["place_frames"] == []
