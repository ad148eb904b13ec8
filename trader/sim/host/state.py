"""Saved state: what the broker remembers although the simulator was killed.

One JSON file, replaced atomically: at once on a change, then at most every 100 ms (more rarely
when the file takes long to write), and at the end. Orders, executions, positions, cash, ids
and the replay's position come back from it.
"""

import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

from trader.sim.clock import Clock
from trader.sim.gateway.gateway import Gateway
from trader.sim.model.orders import Execution, Instrument, Order, Side, Status

FORMAT = 1
SAVE_INTERVAL_S = 0.1
_DECIMALS = ("quantity", "filled", "paid", "last_price")
_OPTIONAL = ("limit_price", "stop_price", "commission")
_ORDER_PLAIN = (
    "perm_id", "client_id", "order_id", "order_type", "tif", "account", "order_ref", "created_s",
    "oca_group", "parent_id", "outside_rth", "good_till", "why_held", "changes", "triggered",
    "completed_s", "completed_text",
)  # fmt: skip
_EXECUTION_PLAIN = (
    "exec_id", "order_id", "client_id", "perm_id", "order_ref", "account", "exchange", "time_s",
)  # fmt: skip
_EXECUTION_DECIMALS = ("quantity", "price", "cumulative", "average_price", "commission")


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
    account = exchange.account
    return {
        "format": FORMAT,
        "account": account.name,
        "cash": str(account.cash),
        "positions": [
            [e.instrument.symbol, str(e.quantity), str(e.average_cost), str(e.realized)]
            for e in account.positions.values()
        ],
        "last_perm_id": exchange.ids.last_perm_id,
        "elapsed_s": exchange.market.elapsed_s,
        "highest_id": {str(k): v for k, v in gateway.highest_id.items()},
        "orders": [_dump_order(order) for order in exchange.orders.values()],
        "executions": [_dump_execution(item) for item in exchange.executions],
    }


def _dump_order(order: Order) -> dict[str, Any]:
    row: dict[str, Any] = {name: getattr(order, name) for name in _ORDER_PLAIN}
    row |= {name: str(getattr(order, name)) for name in _DECIMALS}
    row |= {name: _text(getattr(order, name)) for name in _OPTIONAL}
    return row | {
        "symbol": order.instrument.symbol, "side": str(order.side), "status": str(order.status)
    }  # fmt: skip


def _dump_execution(item: Execution) -> dict[str, Any]:
    row: dict[str, Any] = {name: getattr(item, name) for name in _EXECUTION_PLAIN}
    row |= {name: str(getattr(item, name)) for name in _EXECUTION_DECIMALS}
    return row | {
        "realized": _text(item.realized), "symbol": item.instrument.symbol, "side": str(item.side)
    }  # fmt: skip


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def load(gateway: Gateway, data: dict[str, Any]) -> None:
    """Put saved values back. Raises KeyError, ValueError, TypeError or ArithmeticError."""
    exchange = gateway.exchange
    account = exchange.account
    if data["account"] != account.name:
        account.name = str(data["account"])
    account.cash = Decimal(data["cash"])
    for symbol, quantity, cost, realized in data["positions"]:
        entry = account.position(_instrument(gateway, symbol))
        entry.quantity, entry.average_cost = Decimal(quantity), Decimal(cost)
        entry.realized = Decimal(realized)
    exchange.ids.last_perm_id = max(exchange.ids.last_perm_id, int(data["last_perm_id"]))
    exchange.market.resume(float(data["elapsed_s"]))
    gateway.highest_id.update({int(k): int(v) for k, v in data["highest_id"].items()})
    for row in data["orders"]:
        order = _load_order(row, _instrument(gateway, row["symbol"]))
        exchange.restore(order)
        gateway.adopt(order)
    for row in data["executions"]:
        exchange.executions.append(_load_execution(row, _instrument(gateway, row["symbol"])))


def _instrument(gateway: Gateway, symbol: str) -> Instrument:
    found = gateway.exchange.market.catalogue.symbol(symbol)
    if found is None:
        raise ValueError(f"no price file for {symbol}")
    return found


def _load_order(row: dict[str, Any], item: Instrument) -> Order:
    values: dict[str, Any] = {name: row[name] for name in _ORDER_PLAIN}
    values |= {name: Decimal(row[name]) for name in _DECIMALS}
    values |= {name: None if row[name] is None else Decimal(row[name]) for name in _OPTIONAL}
    return Order(instrument=item, side=Side(row["side"]), status=Status(row["status"]), **values)


def _load_execution(row: dict[str, Any], item: Instrument) -> Execution:
    values: dict[str, Any] = {name: row[name] for name in _EXECUTION_PLAIN}
    values |= {name: Decimal(row[name]) for name in _EXECUTION_DECIMALS}
    realized = None if row["realized"] is None else Decimal(row["realized"])
    return Execution(instrument=item, side=Side(row["side"]), realized=realized, **values)
