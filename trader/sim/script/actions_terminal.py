"""Actions of a person at the terminal, and of its settings: orders by hand, precautions, ids."""

from typing import Any

from trader.sim.model.orders import Order, Terms
from trader.sim.script import fields
from trader.sim.script.actions_orders import WHICH_ORDER, find_order
from trader.sim.script.fields import Given
from trader.sim.script.inputs import InputError
from trader.sim.script.stage import Action, Stage, in_lots, on_grid

_TYPES = ("MKT", "LMT", "STP", "STP LMT")
_SWITCHES = (
    "allows_foreign_cancel", "hides_foreign_ids", "refuses_gone_parent", "revives_ended_ids",
    "rewrites_combos", "fills_in_volatility",
)  # fmt: skip


def _enter(stage: Stage, given: Given) -> dict[str, Any]:
    kind, limit, stop = (
        given.text("type"),
        given.maybe_decimal("limit"),
        given.maybe_decimal("stop"),
    )
    if ("LMT" in kind) != (limit is not None):
        raise InputError("limit", limit, "a price for LMT and STP LMT, nothing for the others")
    if ("STP" in kind) != (stop is not None):
        raise InputError("stop", stop, "a price for STP and STP LMT, nothing for the others")
    item, quantity = stage.tradable(given.text("symbol")), given.decimal("quantity")
    in_lots("quantity", quantity, item)
    on_grid("limit", limit, item)
    on_grid("stop", stop, item)
    terms = Terms(given.text("side"), quantity, kind, limit, stop, tif="DAY")
    order = stage.host.gateway.order_by_hand(item, terms)
    return {"perm_id": order.perm_id, "order_id": order.order_id}


def _by_perm_id(stage: Stage, given: Given) -> Order:
    perm_id = given.maybe_integer("perm_id")
    if perm_id is None:
        return find_order(stage, given)
    order = stage.host.exchange.orders.get(perm_id)
    if order is None:
        raise InputError("perm_id", perm_id, "the permanent id of an order the broker knows")
    return order


def _cancel(stage: Stage, given: Given) -> dict[str, Any]:
    order = _by_perm_id(stage, given)
    if order.status.is_done:
        raise InputError("perm_id", order.perm_id, f"a live order; this one is {order.status}")
    stage.host.exchange.cancel(order)
    return {"perm_id": order.perm_id}


def _transmit(stage: Stage, given: Given) -> dict[str, Any]:
    client_id, order_id = given.integer("client_id"), given.integer("order_id")
    order = stage.host.gateway.live(client_id, order_id)
    if order is None or not order.is_staged:
        raise InputError("order_id", order_id, "an order that its client has not transmitted")
    stage.host.gateway.transmit_by_hand(order)
    return {"perm_id": order.perm_id}


def _rules(stage: Stage, given: Given) -> dict[str, Any]:
    rules = stage.host.gateway.rules
    for name in _SWITCHES:
        setattr(rules, name, given.flag(name))
    rules.master_client_id = given.maybe_integer("master_client_id")
    rules.size_max = given.maybe_decimal("size_max")
    rules.percent_max = given.maybe_decimal("percent_max")
    return {"has_presets": rules.has_presets}


def _withhold(stage: Stage, given: Given) -> dict[str, Any]:
    rules = stage.host.gateway.rules
    rules.perm_ids_withheld = given.integer("orders")
    rules.messages_withheld = given.integer("messages")
    return {"orders": rules.perm_ids_withheld}


ACTIONS = (
    Action(
        "manual-order", "Enter an order at the terminal: client 0, order id 0 until it is bound.",
        ("S09", "S10"),
        (
            fields.text("symbol", "a tradable symbol"),
            fields.choice("side", "the side", ["BUY", "SELL"]),
            fields.decimal("quantity", "the quantity", above_zero=True),
            fields.choice("type", "the order type", _TYPES, "MKT"),
            fields.decimal("limit", "the limit price", None, above_zero=True),
            fields.decimal("stop", "the trigger price", None, above_zero=True),
        ),
        _enter, is_deferred=True,
    ),
    Action(
        "manual-cancel", "Cancel a live order at the terminal, whoever placed it.", ("S10",),
        (
            fields.integer("perm_id", "its permanent id", None, high=2**63 - 1), *WHICH_ORDER,
        ),
        _cancel, is_deferred=True,
    ),
    Action(
        "transmit", "Transmit at the terminal an order that its client kept back, and its family.",
        ("S10",),
        (
            fields.integer("client_id", "its client"),
            fields.integer("order_id", "its order id"),
        ),
        _transmit, is_deferred=True,
    ),
    Action(
        "order-rules", "Set how the gateway treats orders; what is not given is back to usual.",
        ("S09", "S16", "S18"),
        (
            fields.flag("allows_foreign_cancel", "cancel another client's order by its id",
                        default=False),
            fields.flag("hides_foreign_ids", "list other clients' orders with order id 0",
                        default=False),
            fields.flag("refuses_gone_parent", "135 to a change that names a parent that is gone",
                        default=False),
            fields.flag("revives_ended_ids", "take a used id as a new order", default=False),
            fields.flag("rewrites_combos", "keep combinations with their legs in another order",
                        default=False),
            fields.flag("fills_in_volatility", "show a volatility that a change must not send back",
                        default=False),
            fields.integer("master_client_id", "this client sees everybody's orders", None),
            fields.decimal("size_max", "precaution: largest order", None, above_zero=True),
            fields.decimal("percent_max", "precaution: furthest price from the market, in percent",
                           None, above_zero=True),
        ),
        _rules,
    ),
    Action(
        "withhold-perm-ids", "Show the next orders without their permanent id at first.",
        ("S08",),
        (
            fields.integer("orders", "how many orders", high=10**6),
            fields.integer("messages", "for how many messages each", 2, low=1, high=1000),
        ),
        _withhold,
    ),
)  # fmt: skip
