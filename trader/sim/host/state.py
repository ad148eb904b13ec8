"""Saved state: what the broker remembers although the simulator was killed.

One JSON file, replaced atomically: at once on a change, then at most every 100 ms (more rarely
when the file takes long to write), and at the end. Orders, executions, positions, cash, ids
and the replay's position come back from it.
"""

import json
import os
from pathlib import Path
from typing import Any

from trader.sim.broker.accounts import SavedAccount
from trader.sim.clock import Clock
from trader.sim.gateway.gateway import Gateway
from trader.sim.host.encoding import from_json, to_json
from trader.sim.model.orders import Execution, Order

FORMAT = 2
SAVE_INTERVAL_S = 0.1


class StateError(Exception):
    """The state file cannot be used; the text says why."""


class StateFile:
    """Save and restore the state of one simulator."""

    def __init__(self, path: Path | None, clock: Clock, gateway: Gateway) -> None:
        self._path, self._clock, self._gateway = path, clock, gateway
        self._next_s = 0.0
        self._is_due = False

    def mark(self) -> None:
        """Note a change: save now if the last save is long enough ago, else soon."""
        if self._path is None or self._is_due:
            return
        wait_s = self._next_s - self._clock.monotonic()
        self._is_due = True
        self._clock.call_later(max(wait_s, 0.0), self._save_due)

    def _save_due(self) -> None:
        self._is_due = False
        self.save()

    def save(self) -> None:
        """Write the file and put it in place atomically."""
        if self._path is None:
            return
        began = self._clock.monotonic()
        temporary = self._path.with_name(self._path.name + ".new")
        with temporary.open("w", encoding="utf-8") as stream:
            json.dump(dump(self._gateway), stream)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(self._path)
        ended = self._clock.monotonic()
        self._next_s = ended + max(SAVE_INTERVAL_S, 5 * (ended - began))

    def restore(self) -> bool:
        """Load the file if there is one; say whether there was. Raises StateError."""
        if self._path is None or not self._path.exists():
            return False
        try:
            data = json.loads(self._path.read_text(encoding="utf-8"))
            if data["format"] != FORMAT:
                raise StateError(f"state: {self._path} has format {data['format']}, not {FORMAT}")
            load(self._gateway, data)
        except (ValueError, KeyError, TypeError, ArithmeticError) as error:
            raise StateError(f"state: {self._path} cannot be read: {error!r}") from None
        return True


def dump(gateway: Gateway) -> dict[str, Any]:
    """Return the state as JSON-ready values; decimals are strings."""
    exchange = gateway.exchange
    return {
        "format": FORMAT,
        "accounts": [to_json(account.saved()) for account in exchange.bank.accounts.values()],
        "last_perm_id": exchange.ids.last_perm_id,
        "elapsed_s": exchange.market.elapsed_s,
        "highest_id": {str(k): v for k, v in gateway.highest_id.items()},
        "orders": [to_json(order) for order in exchange.orders.values()],
        "executions": [to_json(item) for item in exchange.executions],
    }


def load(gateway: Gateway, data: dict[str, Any]) -> None:
    """Put saved values back. Raises KeyError, ValueError or TypeError."""
    exchange = gateway.exchange
    exchange.bank.restore([from_json(SavedAccount, row) for row in data["accounts"]])
    exchange.ids.last_perm_id = max(exchange.ids.last_perm_id, int(data["last_perm_id"]))
    exchange.market.resume(float(data["elapsed_s"]))
    gateway.highest_id.update({int(k): int(v) for k, v in data["highest_id"].items()})
    for row in data["orders"]:
        order = from_json(Order, row)
        order.is_filling = False
        exchange.restore(order)
        gateway.adopt(order)
    exchange.executions.extend(from_json(Execution, row) for row in data["executions"])
