"""Steps about the connection: handshake, ids, clock, a second client, leaving and coming back."""

from __future__ import annotations

import time

from tests.clients.scenario.stage import FIRST, SECOND, THIRD, Stage
from tests.process.harness import until

# Notices about data farms; a gateway sends them without being asked.
NOTICES = (2104, 2106, 2107, 2158)
CLOCK_S = 3


def connect(stage: Stage) -> None:
    """Connect: version as negotiated, the account, the next id, the notices about farms."""
    mark = stage.connect()
    stage.sees("server", after=mark, version=stage.version)
    stage.sees("accounts", after=mark, accounts=[stage.simulator.account])
    stage.sees("next_id", after=mark, order_id=lambda seen: seen >= 1)
    for code in (2104, 2106, 2158):
        stage.sees_error(code, after=mark, request=-1)
    assert FIRST in stage.simulator.truth()["clients"]


def current_time(stage: Stage) -> None:
    """Ask for the time: it is this machine's."""
    mark = stage.tell("time")
    said = stage.sees("time", after=mark)
    assert abs(float(said["epoch"]) - time.time()) < CLOCK_S


def second_client(stage: Stage) -> None:
    """Connect a second client: its orders are its own, and a list of all shows both's."""
    mark = stage.connect(SECOND)
    stage.sees("next_id", client=SECOND, after=mark)
    assert stage.simulator.truth()["clients"] == [FIRST, SECOND]
    order_id = stage.new_id(SECOND)
    placed = stage.place(order_id, client=SECOND, action="BUY", quantity=7, type="LMT", limit=151.5)
    row = stage.rests(order_id, placed, client=SECOND)
    stage.driver.settle()
    strange = {"perm_id": row["perm_id"]}
    assert not stage.seen("open_order", after=placed, **strange), "another client's order"
    assert not stage.seen("order_status", after=placed, **strange), "another client's status"
    listed = stage.tell("open_orders")
    stage.sees("open_orders_end", after=listed)
    assert not stage.seen("open_order", after=listed, client_id=SECOND)
    listed = stage.tell("all_open_orders")
    stage.sees("open_orders_end", after=listed)
    stage.sees("open_order", after=listed, client_id=SECOND, **strange)
    stage.cancel(order_id, SECOND)


def duplicate_client_id(stage: Stage) -> None:
    """Connect with an id in use: error 326, then the gateway hangs up; the first is unharmed."""
    mark = stage.connect(THIRD, client_id=FIRST)
    stage.sees_error(326, client=THIRD, after=mark, request=-1)
    stage.sees("disconnected", client=THIRD, after=mark)
    assert not stage.seen("next_id", client=THIRD, after=mark)
    mark = stage.tell("time")
    stage.sees("time", after=mark)


def reconnect(stage: Stage) -> None:
    """Leave with an order at rest and come back: the order is told at once and can be cancelled."""
    order_id = stage.new_id()
    mark = stage.place(order_id, action="BUY", quantity=3, type="LMT", limit=150.25)
    row = stage.rests(order_id, mark)
    left = stage.tell("disconnect")
    stage.sees("disconnected", after=left)
    until("the client has left", lambda: FIRST not in stage.simulator.truth()["clients"], 5)
    assert stage.truth_order(order_id) == row, "the order did not outlive the connection"
    back = stage.connect()
    stage.sees(
        "open_order", after=back, order_id=order_id, perm_id=row["perm_id"], limit=150.25,
        ref=row["order_ref"], client_id=FIRST, quantity=3,
    )  # fmt: skip
    announced = stage.sees("next_id", after=back)
    assert announced["order_id"] > order_id, "the next id was used before"
    if stage.is_raw:
        names = [row["event"] for row in stage.driver.events[back:]]
        first = [names.index(name) for name in ("open_order", "open_orders_end", "next_id")]
        assert first == sorted(first), "a gateway lists live orders before it announces an id"
    stage.sees_error(2158, after=back)
    stage.driver.forgive(FIRST, *NOTICES)
    stage.cancel(order_id)


def leave(stage: Stage) -> None:
    """Disconnect both clients; the gateway forgets them."""
    stage.driver.forgive(FIRST, *NOTICES)
    stage.driver.forgive(SECOND, *NOTICES)
    for client in (FIRST, SECOND):
        mark = stage.tell("disconnect", client)
        stage.sees("disconnected", client=client, after=mark)
    until("both have left", lambda: stage.simulator.truth()["clients"] == [], 5)
