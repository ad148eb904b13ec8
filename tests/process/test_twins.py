"""Goal: an order that lives twice under one id is cancelled twice, and called cancelled only then.

Method: the simulator takes a change as a second order (INC-085). Whether the id means the second
once the first has gone, or nothing does, the daemon finds both, keeps the instrument shut with a
ticket, asks again until none is left, and never says "cancelled" before.
"""

from __future__ import annotations

import http.client
import json
from decimal import Decimal
from pathlib import Path

import pytest

from tests.process.harness import Daemon, Json, Simulator, until, world
from tests.process.recovery import recovery
from tests.process.test_breakers import cancels_in, rests
from trader.ops.control_token import read_endpoint, read_token

SEED = 20240397
# The daemon itself trades other symbols.
CHANGES = {"strategies.momentum.symbols": ["MSFT", "GOOG"]}

pytestmark = [pytest.mark.process, pytest.mark.slow, pytest.mark.timeout(120)]


def change(daemon: Daemon, order_id: int, price: str) -> None:
    """Change an order's price over HTTP."""
    endpoint = read_endpoint(daemon.state / "control.json")
    assert endpoint is not None
    headers = {
        "Authorization": f"Bearer {read_token(endpoint.token_file)}",
        "Content-Type": "application/json",
        "Idempotency-Key": f"change-{order_id}",
    }
    connection = http.client.HTTPConnection(endpoint.host, endpoint.port, timeout=10)
    body = json.dumps({"price": price, "mode": "DEMO"})
    connection.request("PATCH", f"/api/v1/orders/{order_id}", body, headers)
    answer = connection.getresponse()
    said = answer.read()
    connection.close()
    assert answer.status == 202, said


def alive(simulator: Simulator, order_id: int) -> list[Json]:
    """Return what works at the simulator under an order id of the daemon's."""
    orders = simulator.truth()["orders"]
    return [
        row
        for row in orders
        if (row["client_id"], row["order_id"]) == (7, order_id)
        and row["status"].endswith("ubmitted")
    ]


def doubled(simulator: Simulator, daemon: Daemon, *, is_hidden: bool) -> int:
    """Have a resting order live twice; returns its id."""
    daemon.start()
    daemon.await_armed()
    order_id = rests(daemon, "BUY", "IBM", "0.975")
    until("it rests", lambda: alive(simulator, order_id))
    simulator.tell("/double-change", hidden=is_hidden)
    (row,) = alive(simulator, order_id)
    change(daemon, order_id, str(Decimal(row["limit_price"]) - Decimal("0.10")))
    return order_id


def tickets(daemon: Daemon) -> str:
    """Return the open tickets in one text."""
    status = until("a status", daemon.status)
    return str(status["tickets"])


def test_what_lives_twice_is_found_and_cancelled_until_neither_lives(tmp_path: Path) -> None:
    with world(tmp_path, SEED, changes=CHANGES) as (simulator, daemon):
        order_id = doubled(simulator, daemon, is_hidden=False)
        with recovery("INC-085"):
            until("a ticket", lambda: "duplicated" in tickets(daemon))
            until("both are gone", lambda: not alive(simulator, order_id))
        both = [row for row in simulator.truth()["orders"] if row["order_id"] == order_id]
        assert [row["status"] for row in both] == ["Cancelled"] * 2
        until("both cancels are written", lambda: len(cancels_in(daemon, order_id)) >= 2)
        # A person looks at it before anything of this instrument is traded.
        assert "ticket" in (until("causes", daemon.causes))


def test_while_one_lives_that_no_id_reaches_nothing_is_called_cancelled(tmp_path: Path) -> None:
    with world(tmp_path, SEED + 1, changes=CHANGES) as (simulator, daemon):
        order_id = doubled(simulator, daemon, is_hidden=True)
        # Before there are two, one of them is all there is.
        until("a ticket", lambda: "duplicated" in tickets(daemon))
        until("one is gone", lambda: len(alive(simulator, order_id)) == 1)
        (left,) = alive(simulator, order_id)
        answer = daemon.verb("cancel-orders")
        assert not answer.is_done
        told = f"order {order_id}: lives as permId {left['perm_id']} beside it"
        assert told in answer.details, answer
        assert len(cancels_in(daemon, order_id)) >= 2
        assert len(alive(simulator, order_id)) == 1
