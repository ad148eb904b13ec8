"""What every step of the scenario works with: one simulator, one client script, their ids.

A step is a function of a `Stage`. It gives commands, waits for what the client must see, and
compares that with the simulator's own truth.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.clients.driver import Driver, Event
from tests.process.harness import Simulator, until

Json = dict[str, Any]
SYMBOL = "AAPL"
CON_ID = 265598
# The price that the symbol is pinned to whenever a step does not say otherwise.
PRICE = 200
# Client ids; the third connection is one that tries to use another's.
FIRST, SECOND, THIRD = 1, 2, 3
TRUTH_S = 5.0
WORKING = ("PreSubmitted", "Submitted", "PendingCancel")
DONE = ("Filled", "Cancelled")


@dataclass
class Stage:
    """One run: who plays, and what earlier steps left for later ones."""

    simulator: Simulator
    driver: Driver
    version: int
    # Whether its events come as the messages came, and not as a library put them in order.
    is_raw: bool = True
    requests: Iterator[int] = field(default_factory=lambda: itertools.count(9001))
    notes: dict[str, int] = field(default_factory=dict)

    def tell(self, what: str, client: int = FIRST, **given: object) -> int:
        """Give the client a command; returns the mark from which its events count."""
        return self.driver.tell(client, what, **given)

    def connect(self, client: int = FIRST, client_id: int | None = None) -> int:
        """Connect, under its own client id unless another is given; returns the mark."""
        port = self.simulator.port
        return self.tell("connect", client, port=port, client_id=client_id or client)

    def sees(self, name: str, *, client: int = FIRST, after: int = 0, **wanted: Any) -> Event:
        """Wait until the client tells such an event."""
        return self.driver.await_event(client, name, after=after, **wanted)

    def seen(self, name: str, *, client: int = FIRST, after: int = 0, **wanted: Any) -> list[Event]:
        """Return such events of those read so far."""
        return self.driver.find(client, name, after=after, **wanted)

    def sees_error(self, code: int, *, client: int = FIRST, after: int = 0, **wanted: Any) -> Event:
        """Wait until the client is told an error with this code."""
        return self.driver.await_error(client, code, after=after, **wanted)

    def pin(self, price: float, symbol: str = SYMBOL) -> None:
        """Set the market price of a symbol."""
        self.simulator.tell("/price", symbol=symbol, price=str(price))

    def new_id(self, client: int = FIRST) -> int:
        """Return the next order id as the client counts them."""
        mark = self.tell("new_order_id", client)
        return int(self.sees("order_id", client=client, after=mark)["order_id"])

    def place(
        self, order_id: int, *, client: int = FIRST, symbol: str = SYMBOL, **order: Any
    ) -> int:
        """Place or change a DAY order; returns the mark."""
        terms = {"tif": "DAY", "ref": f"ref-{client}-{order_id}", **order}
        return self.tell("place", client, order_id=order_id, symbol=symbol, order=terms)

    def truth_orders(self) -> list[Json]:
        """Return every order that the broker knows."""
        return list(self.simulator.truth()["orders"])

    def truth_order(self, order_id: int, client: int = FIRST) -> Json | None:
        """Return the broker's record of an order of ours."""
        rows = [
            row
            for row in self.truth_orders()
            if row["order_id"] == order_id and row["client_id"] == client
        ]
        assert len(rows) <= 1, f"the broker holds order {order_id} of client {client} twice"
        return rows[0] if rows else None

    def await_truth(
        self, order_id: int, is_so: Callable[[Json], bool], what: str, client: int = FIRST
    ) -> Json:
        """Wait until the broker's record of an order is so."""

        def look() -> Json | None:
            row = self.truth_order(order_id, client)
            return row if row is not None and is_so(row) else None

        return until(f"the broker: order {order_id} {what}", look, TRUTH_S)

    def truth_position(self, symbol: str = SYMBOL) -> Json:
        """Return the broker's position."""
        rows = [row for row in self.simulator.truth()["positions"] if row["symbol"] == symbol]
        assert len(rows) == 1, f"{len(rows)} positions in {symbol}"
        return dict(rows[0])

    def filled(self, order_id: int, mark: int, quantity: int, client: int = FIRST) -> Json:
        """Wait until an order is filled for the client and the broker; returns the broker's record.

        The executions and commissions that the client saw must be those of the broker.
        """
        status = self.sees(
            "order_status", client=client, after=mark, order_id=order_id, status="Filled"
        )
        assert float(status["filled"]) == quantity, status
        assert float(status["remaining"]) == 0, status
        row = self.await_truth(order_id, lambda row: row["status"] == "Filled", "filled", client)
        assert status["perm_id"] == row["perm_id"]
        self.compare_executions(order_id, mark, client)
        return row

    def compare_executions(self, order_id: int, mark: int, client: int) -> None:
        """Hold the live executions and commissions of an order against the broker's."""
        items = [
            item
            for item in self.simulator.truth()["executions"]
            if item["order_id"] == order_id and item["client_id"] == client
        ]
        assert items, "the broker has no execution of a filled order"
        for item in items:
            self.sees(
                "execution", client=client, after=mark, exec_id=item["exec_id"], order_id=order_id,
                quantity=float(item["quantity"]), price=float(item["price"]),
                perm_id=item["perm_id"], client_id=client, ref=item["order_ref"],
                side="BOT" if item["side"] == "BUY" else "SLD", con_id=item["con_id"],
            )  # fmt: skip
            self.sees(
                "commission", client=client, after=mark, exec_id=item["exec_id"],
                commission=float(item["commission"]), currency="USD",
            )  # fmt: skip
        self._check_sequence(order_id, [str(item["exec_id"]) for item in items], mark, client)
        seen = {e["exec_id"] for e in self.seen("execution", client=client, order_id=order_id)}
        assert seen == {item["exec_id"] for item in items}

    def _check_sequence(self, order_id: int, exec_ids: list[str], mark: int, client: int) -> None:
        """An order is acknowledged before it trades, and a commission follows its execution."""
        own = [row for row in self.driver.events[mark:] if row["client"] == client]
        names = [(row["event"], row.get("exec_id") or row.get("order_id")) for row in own]
        acknowledged = names.index(("open_order", order_id))
        for exec_id in exec_ids:
            traded = names.index(("execution", exec_id))
            assert acknowledged < traded < names.index(("commission", exec_id))

    def cancelled(self, order_id: int, mark: int, client: int = FIRST) -> Json:
        """Wait until an order is cancelled for the client and the broker."""
        self.sees("order_status", client=client, after=mark, order_id=order_id, status="Cancelled")
        return self.await_truth(
            order_id, lambda row: row["status"] == "Cancelled", "cancelled", client
        )

    def cancel(self, order_id: int, client: int = FIRST) -> None:
        """Cancel a resting order: status Cancelled and error 202 must follow."""
        mark = self.tell("cancel", client, order_id=order_id)
        self.cancelled(order_id, mark, client)
        error = self.sees_error(202, client=client, after=mark, request=order_id)
        assert error["text"].startswith(("Order Canceled", "Order Cancelled")), error

    def rests(self, order_id: int, mark: int, *, client: int = FIRST) -> Json:
        """Wait until an order works without a fill for the client and the broker."""
        self.sees(
            "order_status", client=client, after=mark, order_id=order_id,
            status=lambda status: status in WORKING,
        )  # fmt: skip
        self.sees("open_order", client=client, after=mark, order_id=order_id)
        return self.await_truth(order_id, lambda row: row["status"] in WORKING, "works", client)
