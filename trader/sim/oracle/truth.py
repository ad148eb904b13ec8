"""The truth as the broker knows it, for comparison with what a client believes.

Decimals are strings; moments are given in UTC and, where they are compared between processes,
also by CLOCK_MONOTONIC.
"""

from typing import Any

from trader.sim.broker.money.accounts import Account
from trader.sim.clock import iso
from trader.sim.gateway.desks.world import World
from trader.sim.gateway.orders.gateway import PlaceFrame
from trader.sim.model.orders import Execution, Order
from trader.sim.wire.frames import plain


def report(world: World, *, frames_out: int) -> dict[str, Any]:
    """Return everything that a test may want to compare; frames_out counts all connections."""
    gateway, exchange = world.gateway, world.exchange
    clients = set(gateway.highest_id) | set(gateway.clients) | set(gateway.announced_id)
    return {
        "account": exchange.bank.main.name,
        "clients": sorted(gateway.clients),
        "orders": [_order(order) for order in exchange.register.everything()],
        "executions": [_execution(item) for item in exchange.trades.since(0.0)],
        "positions": [
            {
                "account": account.name,
                "con_id": entry.instrument.con_id,
                "symbol": entry.instrument.symbol,
                "quantity": plain(entry.quantity),
                "average_cost": plain(entry.average_cost),
            }
            for account in exchange.bank.accounts.values()
            for entry in account.positions.values()
        ],
        # The first account's, by currency; then every account's.
        "cash": _cash(exchange.bank.main),
        "accounts": {name: _cash(one) for name, one in exchange.bank.accounts.items()},
        "next_order_id": {str(key): gateway.next_order_id(key) for key in sorted(clients)},
        "place_frames": [
            _frame(frame) for frame in (*gateway.past_frames(), *gateway.place_frames)
        ],
        "frames": {
            "in": gateway.frames_in,
            "in_per_s_max": gateway.frames_in_per_s_max,
            "out": frames_out,
        },
    }


def _cash(account: Account) -> dict[str, str]:
    return {currency: plain(account.balances[currency]) for currency in sorted(account.balances)}


def _order(order: Order) -> dict[str, Any]:
    limit, stop = order.limit_price, order.aux_price
    return {
        "order_id": order.order_id,
        "client_id": order.client_id,
        "account": order.account,
        "perm_id": order.perm_id,
        "order_ref": order.order_ref,
        "con_id": order.instrument.con_id,
        "symbol": order.instrument.symbol,
        "side": str(order.side),
        "quantity": plain(order.quantity),
        "order_type": order.order_type,
        "limit_price": None if limit is None else plain(limit),
        "stop_price": None if stop is None else plain(stop),
        "tif": order.tif,
        "status": str(order.status),
        "filled": plain(order.filled),
        "remaining": plain(order.remaining),
        "created_utc": iso(order.created_s),
    }


def _execution(item: Execution) -> dict[str, Any]:
    return {
        "exec_id": item.exec_id,
        "order_id": item.order_id,
        "client_id": item.client_id,
        "account": item.account,
        "perm_id": item.perm_id,
        "order_ref": item.order_ref,
        "con_id": item.instrument.con_id,
        "symbol": item.instrument.symbol,
        "side": str(item.side),
        "quantity": plain(item.quantity),
        "price": plain(item.told_price),
        "time_utc": iso(item.time_s),
        "commission": plain(item.commission),
    }


def _frame(frame: PlaceFrame) -> dict[str, Any]:
    return {
        "order_id": frame.order_id,
        "client_id": frame.client_id,
        "order_ref": frame.order_ref,
        "modify": frame.is_change,
        "received_monotonic_s": frame.received_monotonic_s,
        "received_utc": iso(frame.received_s),
    }
