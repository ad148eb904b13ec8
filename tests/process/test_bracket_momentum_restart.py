"""Goal: bracket momentum goes on with the bracket it had, wherever its orders stand at the kill.

Method: the daemon is killed with its entry waiting, with both legs at work, and with both legs at
work of which one then fills while nobody is there. It starts again on the same state and must name
the same three orders, send none of them a second time, and end as the broker says (STR-04). When
its time is over its profit is moved to the market, and that is all that is written.
"""

from __future__ import annotations

import json
import sqlite3
from copy import deepcopy
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.process.agreement import halt_and_compare
from tests.process.harness import Daemon, Simulator, until, world

SEED = 20261122
SYMBOL = "AAPL"
CHANGES: dict[str, Any] = {
    "strategies": {
        "own": [
            {
                "name": "brackets",
                "use": "BracketMomentumStrategy",
                "symbols": [SYMBOL],
                "parameters": {
                    "bar_s": 5, "momentum_bars": 3, "atr_bars": 2, "entry_score": 0.01,
                    "exit_score": -1, "profit_fraction": 0.1, "stop_fraction": 0.1,
                    "entry_s_max": 600, "pause_s": 600,
                },
            }
        ]
    },
}  # fmt: skip
SHORT = deepcopy(CHANGES)
SHORT["strategies"]["own"][0]["parameters"]["hold_s_max"] = 15
FLAT = {"phase": "flat", "bracket": None}

pytestmark = [pytest.mark.process, pytest.mark.slow, pytest.mark.timeout(420)]


def state(daemon: Daemon) -> dict[str, Any]:
    """Return what the strategy has saved last of its symbol."""
    connection = sqlite3.connect(f"file:{daemon.journal}?mode=ro", uri=True)
    try:
        row = connection.execute(
            "SELECT payload FROM events WHERE kind = 'StrategyCheckpointed'"
            " ORDER BY seq DESC LIMIT 1"
        ).fetchone()
    finally:
        connection.close()
    found = json.loads(json.loads(row[0])["state"])["symbols"][SYMBOL] if row else FLAT
    assert isinstance(found, dict)
    return found


def stands(daemon: Daemon, phase: str) -> bool:
    found = state(daemon)
    is_linked = found["bracket"] is not None and found["bracket"]["linked"] is not None
    return found["phase"] == phase and (is_linked or phase == "flat")


def begun(simulator: Simulator, daemon: Daemon, phase: str) -> dict[str, Any]:
    """Start, wait for a bracket to come so far, and kill; returns what was kept of it."""
    daemon.start()
    daemon.await_armed()
    until(f"a bracket {phase}", lambda: stands(daemon, phase), deadline_s=240)
    daemon.kill()
    assert len(simulator.truth()["place_frames"]) == 3
    bracket = state(daemon)["bracket"]
    assert isinstance(bracket, dict)
    return bracket


def held(simulator: Simulator) -> Decimal:
    rows = simulator.truth()["positions"]
    return sum((Decimal(row["quantity"]) for row in rows), Decimal(0))


def move(simulator: Simulator, price: str, by: str) -> None:
    """Move the market so many times beyond a leg."""
    there = (Decimal(price) * Decimal(by)).quantize(Decimal("0.01"))
    simulator.tell("/price", symbol=SYMBOL, price=str(there))


def ends(simulator: Simulator, daemon: Daemon) -> None:
    """See all of it end, with nothing sent beside it and nothing begun anew."""
    until("the end of the bracket", lambda: stands(daemon, "flat"), deadline_s=120)
    assert held(simulator) == 0
    assert len(simulator.truth()["place_frames"]) == 3
    halt_and_compare(simulator, daemon)


@pytest.mark.parametrize("phase", ["entering", "protected"])
def test_a_bracket_goes_on_as_the_same_three_orders(tmp_path: Path, phase: str) -> None:
    options = ("--fill-ms", "12000:12000") if phase == "entering" else ()
    with world(tmp_path, SEED, changes=CHANGES, options=options) as (simulator, daemon):
        before = begun(simulator, daemon, phase)
        daemon.start()
        daemon.await_armed()
        until("what it brought", lambda: stands(daemon, "protected"), deadline_s=120)
        after = state(daemon)
        assert after["bracket"]["linked"] == before["linked"]
        assert (after["bracket"]["intent"], after["correction"]) == (before["intent"], "")
        move(simulator, after["bracket"]["take_profit"], "1.01")
        ends(simulator, daemon)


@pytest.mark.parametrize("leg", ["take_profit", "stop_loss"])
def test_a_leg_that_filled_while_it_was_dead_ends_it(tmp_path: Path, leg: str) -> None:
    with world(tmp_path, SEED, changes=CHANGES) as (simulator, daemon):
        bracket = begun(simulator, daemon, "protected")
        move(simulator, bracket[leg], "1.01" if leg == "take_profit" else "0.99")
        until("the leg", lambda: held(simulator) == 0)
        daemon.start()
        daemon.await_armed()
        ends(simulator, daemon)


def test_to_leave_early_it_moves_the_profit_it_had_and_sends_nothing_beside(tmp_path: Path) -> None:
    """Its time is over while it is dead; the broker refuses a leg that names a parent gone."""
    with world(tmp_path, SEED, changes=SHORT) as (simulator, daemon):
        simulator.tell("/order-rules", refuses_gone_parent=True)
        bracket = begun(simulator, daemon, "protected")
        daemon.start()
        daemon.await_armed()
        until("the end of the bracket", lambda: stands(daemon, "flat"), deadline_s=120)
        orders = simulator.truth()["orders"]
        filled = {row["order_id"] for row in orders if row["status"] == "Filled"}
        assert filled == {bracket["linked"]["entry_id"], bracket["linked"]["take_profit_id"]}
        assert len(orders) == 3
        assert held(simulator) == 0
        halt_and_compare(simulator, daemon)


def test_what_lost_its_stop_while_it_was_dead_is_closed_beside_nothing(tmp_path: Path) -> None:
    with world(tmp_path, SEED, changes=CHANGES) as (simulator, daemon):
        linked = begun(simulator, daemon, "protected")["linked"]
        simulator.tell("/end-order", order_id=linked["stop_loss_id"])
        daemon.start()
        daemon.await_armed()
        until("the end of the bracket", lambda: stands(daemon, "flat"), deadline_s=120)
        orders = {row["order_id"]: row for row in simulator.truth()["orders"]}
        (close,) = [row for key, row in orders.items() if key not in linked.values()]
        assert (close["side"], close["order_type"], close["status"]) == ("SELL", "MKT", "Filled")
        # The profit was off before the closing order was written: both could have filled.
        assert orders[linked["take_profit_id"]]["status"] == "Cancelled"
        story = halt_and_compare(simulator, daemon)
        assert story.kinds["CancelSent"] == 1
        assert held(simulator) == 0
