"""Actions on orders and executions: swallow, delay, correct, trade by hand."""

from typing import Any

from trader.sim.broker.exchange import Latency
from trader.sim.gateway.ways.times import FORMS
from trader.sim.model.orders import Order, Side
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
    known = {item.exec_id: item for item in stage.host.exchange.executions}
    if exec_id not in known:
        raise InputError("exec_id", exec_id, "the id of an execution")
    price, quantity = given.decimal("price"), given.maybe_decimal("quantity")
    if quantity is None:
        quantity = known[exec_id].quantity
    return {"exec_id": stage.host.exchange.correct(exec_id, price, quantity).exec_id}


def _order_ids(stage: Stage, given: Given) -> dict[str, Any]:
    gateway, client_id = stage.host.gateway, given.integer("client_id")
    following, used = given.maybe_integer("next"), given.maybe_integer("used_up_to")
    if following is None and used is None:
        raise InputError("next", None, "next, used_up_to or both")
    if following is not None:
        gateway.announced_id[client_id] = following
    if used is not None:
        gateway.highest_id[client_id] = used
    return {"next": gateway.next_order_id(client_id)}


def find_order(stage: Stage, given: Given) -> Order:
    """Return the order an action means: by ids or by reference. Raises InputError."""
    wanted = (
        ("client_id", given.maybe_integer("client_id")),
        ("order_id", given.maybe_integer("order_id")),
        ("order_ref", given.maybe_text("order_ref")),
    )
    for order in reversed(list(stage.host.exchange.orders.values())):
        if all(value in (None, getattr(order, name)) for name, value in wanted):
            return order
    shown = ", ".join(f"{name} {value}" for name, value in wanted if value is not None)
    raise InputError("order_id", shown or None, "an order the broker knows")


def _speak(stage: Stage, given: Given) -> dict[str, Any]:
    order = find_order(stage, given)
    stage.host.gateway.speak(order)
    return {"perm_id": order.perm_id}


def _omit(stage: Stage, given: Given) -> dict[str, Any]:
    order = find_order(stage, given)
    stage.host.faults.omitted[order.perm_id] = given.integer("lists")
    return {"perm_id": order.perm_id}


def _list_done(stage: Stage, given: Given) -> dict[str, Any]:
    stage.host.faults.shows_done_orders = given.flag("on")
    return {"on": given.flag("on")}


def _global_cancel(stage: Stage, given: Given) -> dict[str, Any]:
    stage.host.faults.global_cancel_leaves = given.integer("leaves")
    return {"leaves": given.integer("leaves")}


def _execution_time(stage: Stage, given: Given) -> dict[str, Any]:
    stage.host.faults.execution_time = given.text("form")
    return {"form": given.text("form")}


def _replay(stage: Stage, given: Given) -> dict[str, Any]:
    items = list(stage.host.exchange.executions) * given.integer("times")
    if given.flag("shuffle"):
        stage.rng.shuffle(items)
    sessions = [link.session for link in stage.links(given.maybe_integer("client_id"))]
    for session in sessions:
        for item in items:
            session.show_execution(item)
            if given.flag("commissions"):
                session.show_commission(item)
    return {"executions": len(items), "clients": len(sessions)}


WHICH_ORDER = (
    fields.integer("client_id", "its client", None),
    fields.integer(
        "order_id", "its order id; without any of these, the last order", None, low=-(2**31)
    ),
    fields.text("order_ref", "its reference", None),
)
ACTIONS = (
    Action(
        "order-ids", "Announce another next order id, or count ids as used (103).", ("S07",),
        (
            fields.integer("client_id", "the client id"),
            fields.integer("next", "the id that is announced", None, low=1),
            fields.integer("used_up_to", "this id and all below are refused with 103", None),
        ),
        _order_ids,
    ),
    Action(
        "omit-order", "Leave an order out of the next lists of open orders.", ("S09",),
        (fields.integer("lists", "how many lists", 1, low=1, high=10**6), *WHICH_ORDER), _omit,
    ),
    Action(
        "list-done-orders", "Show a client's finished orders too when it asks for open ones.",
        ("S09",), (fields.flag("on", "true to show them"),), _list_done,
    ),
    Action(
        "global-cancel", "Let the next global cancel pass over some live orders.", ("S17",),
        (fields.integer("leaves", "how many of the newest it leaves", high=10**6),),
        _global_cancel,
    ),
    Action(
        "execution-time", "Choose how the times of executions are written.", ("S12",),
        (fields.choice("form", "the form", tuple(FORMS)),), _execution_time,
    ),
    Action(
        "replay-executions", "Send all executions again, as if they were new.", ("S12",),
        (
            fields.integer("times", "how often", 1, low=1, high=100),
            fields.flag("shuffle", "in an order drawn by chance", default=False),
            fields.flag("commissions", "with their commission reports", default=False),
            fields.integer("client_id", "only to this client", None),
        ),
        _replay,
    ),
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
        "speak", "Tell a client, late, of an order that was swallowed but registered.", ("S03",),
        WHICH_ORDER, _speak,
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
        _manual_trade, is_deferred=True,
    ),
    Action(
        "commission", "Choose when commission reports are sent, and whether they say how much.",
        ("S11", "S12"),
        (fields.choice("mode", "all, none, the first of an order, or all with -1 or an unset "
                       "number for a commission that is not known yet",
                       ["normal", "never", "first", "minus-one", "unset"]),),
        _commission,
    ),
    Action(
        "exec-correction", "Correct an execution under the next revision of its id.", ("S12",),
        (
            fields.text("exec_id", "the execution to correct"),
            fields.decimal("price", "the price it has now", above_zero=True),
            fields.decimal(
                "quantity", "the quantity it has now, the old one when absent", None,
                above_zero=True,
            ),
        ),
        _exec_correction, is_deferred=True,
    ),
)  # fmt: skip
