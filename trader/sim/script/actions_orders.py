"""Actions on orders and executions: swallow, delay, correct, trade by hand."""

from typing import Any

from trader.sim.broker.exchange import Latency
from trader.sim.model.orders import Side
from trader.sim.script import fields
from trader.sim.script.fields import Given
from trader.sim.script.inputs import InputError
from trader.sim.script.stage import Action, Stage


def _swallow(stage: Stage, given: Given) -> dict[str, Any]:
    kind, count = given.text("kind"), given.integer("count")
    swallow = stage.host.faults.swallow[kind]
    swallow.count, swallow.register = count, given.flag("register")
    return {"kind": kind, "count": count}


def _ack(stage: Stage, given: Given) -> dict[str, Any]:
    low, high = given.number("lo_ms"), given.number("hi_ms")
    if low > high:
        raise InputError("lo_ms", low, f"0 to hi_ms ({high:g})")
    stage.host.gateway.ack = Latency(low / 1000, high / 1000)
    return {"lo_ms": low, "hi_ms": high}


def _manual_trade(stage: Stage, given: Given) -> dict[str, Any]:
    item = stage.tradable(given.text("symbol"))
    side, quantity = Side(given.text("side")), given.decimal("quantity")
    return {"exec_id": stage.host.exchange.trade_by_hand(item, side, quantity).exec_id}


def _commission(stage: Stage, given: Given) -> dict[str, Any]:
    stage.host.faults.commissions = given.text("mode")
    return {"mode": given.text("mode")}


def _exec_correction(stage: Stage, given: Given) -> dict[str, Any]:
    exec_id = given.text("exec_id")
    known = [item.exec_id for item in stage.host.exchange.executions]
    if exec_id not in known:
        raise InputError("exec_id", exec_id, "the id of an execution")
    price, quantity = given.decimal("price"), given.decimal("quantity")
    return {"exec_id": stage.host.exchange.correct(exec_id, price, quantity).exec_id}


ACTIONS = (
    Action(
        "swallow", "Read the next placeOrder or cancelOrder messages and never answer them.",
        ("S03",),
        (
            fields.choice("kind", "which message", ["placeOrder", "cancelOrder"]),
            fields.integer("count", "how many", high=10**6),
            fields.flag("register", "true when the broker takes them all the same"),
        ),
        _swallow,
    ),
    Action(
        "ack", "Set the time a message needs from the gateway to the broker.", ("S03",),
        (
            fields.number("lo_ms", "least milliseconds", high=600_000),
            fields.number("hi_ms", "most milliseconds", high=600_000),
        ),
        _ack,
    ),
    Action(
        "manual-trade", "Trade as a person at TWS would: an execution no API client asked for.",
        ("S10",),
        (
            fields.text("symbol", "a tradable symbol"),
            fields.choice("side", "the side", ["BUY", "SELL"]),
            fields.decimal("quantity", "the quantity", above_zero=True),
        ),
        _manual_trade,
    ),
    Action(
        "commission", "Choose when commission reports are sent.", ("S11", "S12"),
        (fields.choice("mode", "all, none, or the first of an order",
                       ["normal", "never", "first"]),),
        _commission,
    ),
    Action(
        "exec-correction", "Correct an execution under the next revision of its id.", ("S12",),
        (
            fields.text("exec_id", "the execution to correct"),
            fields.decimal("price", "the price it has now", above_zero=True),
            fields.decimal("quantity", "the quantity it has now", above_zero=True),
        ),
        _exec_correction,
    ),
)  # fmt: skip
