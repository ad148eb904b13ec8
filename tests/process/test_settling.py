"""Goal: an execution that comes after its order's Cancelled is booked, and was counted meanwhile.

Method: the simulator replays INC-024 unchanged beside a real daemon: as soon as it has told that
an order is cancelled, it executes a part of it, up to five seconds late. The order is an
operator's, through the orders API; while it settles, status and book count what is left of it.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tests.process.agreement import halt_and_compare, read_story
from tests.process.harness import Daemon, Json, Simulator, until, world
from tests.process.recovery import recovery
from tests.process.test_kill_switch import LIQUIDATE, crossings, kill_switch, positions
from tests.process.test_orders_api import place
from trader.core.ids import OrderId

SEED = 20260224
SCENARIO = "inc-024-filled-after-cancelled"
LATE = Decimal(40)
# The strategy enters nothing: the order that is cancelled is the operator's.
QUIET = {"strategies.momentum.entry_fraction": 0.5}

pytestmark = [pytest.mark.process, pytest.mark.slow]


def quote_of(daemon: Daemon, symbol: str) -> Json | None:
    """Return the quote of a symbol once it has both sides."""
    status = daemon.status()
    rows = [] if status is None else status["quotes"]
    return next((row for row in rows if row["symbol"] == symbol and row["bid"]), None)


def resting_order(daemon: Daemon, side: str = "BUY") -> OrderId:
    """Have the operator trade far off the market; returns the order's id once it works."""
    quote = until("a quote", lambda: quote_of(daemon, "AAPL"))
    factor = Decimal("0.98") if side == "BUY" else Decimal("1.02")
    price = str((Decimal(quote["bid"]) * factor).quantize(Decimal("0.01")))
    answer = place(daemon, "inc-024", quantity=100, type="LIMIT", price=price, side=side)
    assert answer is not None, "no answer of the orders API"
    assert answer.code == 202, answer
    intent = answer.body["intent_id"]

    def working() -> Json | None:
        status = until("a status", daemon.status)
        rows = [row for row in status["orders"] if row["intent_id"] == intent]
        return next((row for row in rows if row["state"] == "WORKING"), None)

    return OrderId(until("it works", working)["order_id"])


def row_of(daemon: Daemon, order_id: OrderId) -> Json:
    """Return an order of the status; without any state where it is not among the newest."""
    status = until("a status", daemon.status)
    rows = [row for row in status["orders"] if row["order_id"] == order_id]
    return rows[0] if rows else {"state": "", "is_settling": False}


@pytest.mark.timeout(180)
def test_what_a_cancelled_order_filled_late_is_booked_and_counted_meanwhile(tmp_path: Path) -> None:
    options = ("--scenario", SCENARIO)
    with world(tmp_path, SEED, changes=QUIET, options=options) as (simulator, daemon):
        daemon.start()
        daemon.await_armed()
        order_id = resting_order(daemon)
        assert daemon.verb("cancel-orders").status == 200
        until("it is cancelled", lambda: row_of(daemon, order_id)["state"] == "CANCELLED")
        assert row_of(daemon, order_id)["is_settling"], "it was free at once"
        until("it fills late", lambda: has_filled(simulator, order_id))
        with recovery("INC-024"):
            until("it is settled", lambda: not row_of(daemon, order_id)["is_settling"])
        story = halt_and_compare(simulator, daemon)
        order = story.book.orders[order_id]
        assert (order.filled, order.remaining) == (LATE, Decimal(0))
        assert story.kinds["OrderSettled"] >= 1
        assert read_story(daemon.journal).book.settling == {}


@pytest.mark.timeout(180)
def test_what_a_cancelled_exit_sold_late_is_not_sold_by_the_kill_switch_too(tmp_path: Path) -> None:
    # Dead, the daemon cannot tell what settles: the kill switch has to know it by itself.
    options = ("--scenario", SCENARIO, "--position", "AAPL:100")
    with world(tmp_path, SEED + 1, changes=QUIET, options=options) as (simulator, daemon):
        daemon.start()
        daemon.await_armed()
        order_id = resting_order(daemon, "SELL")
        daemon.kill()
        done = kill_switch(daemon, *LIQUIDATE)
        assert done.returncode == 0, done
        until("it fills late", lambda: has_filled(simulator, order_id))
        truth = simulator.truth()
        assert not crossings(truth, {"AAPL": 100}), truth["executions"]
        assert not any(Decimal(row["quantity"]) for row in positions(simulator))


def has_filled(simulator: Simulator, order_id: OrderId) -> bool:
    rows = simulator.truth()["executions"]
    return any(row["order_id"] == order_id for row in rows)
