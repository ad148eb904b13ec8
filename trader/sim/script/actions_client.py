"""Actions of scripted clients: join, place, cancel, say anything, leave."""

from typing import Any

from trader.sim.script import client_frames, fields
from trader.sim.script.client_frames import PlainOrder
from trader.sim.script.fields import Given
from trader.sim.script.inputs import InputError
from trader.sim.script.puppets import Puppet
from trader.sim.script.stage import Action, Stage

_CLIENT = fields.integer("client_id", "which scripted client")


def _puppet(stage: Stage, given: Given) -> Puppet:
    client_id = given.integer("client_id")
    found = stage.host.puppets.find(client_id)
    if found is None:
        connected = ", ".join(map(str, stage.host.puppets.connected())) or "none"
        raise InputError("client_id", client_id, f"a scripted client that has joined ({connected})")
    return found


def _join(stage: Stage, given: Given) -> dict[str, Any]:
    try:
        puppet = stage.host.puppets.join(given.integer("client_id"), given.integer("version_max"))
    except ConnectionRefusedError:
        return {"client_id": given.integer("client_id"), "connected": False}
    return {"client_id": puppet.client_id, "connected": puppet.is_open}


def _place(stage: Stage, given: Given) -> dict[str, Any]:
    puppet, order_id = _puppet(stage, given), given.maybe_integer("order_id")
    if order_id is None:
        announced = stage.host.gateway.next_order_id(puppet.client_id)
        order_id = max(puppet.highest_id + 1, announced)
    order = PlainOrder(
        order_id=order_id, action=given.text("side"),
        quantity=str(given.decimal("quantity")), order_type=given.text("order_type"),
        symbol=given.text("symbol"), sec_type=given.text("sec_type"),
        exchange=given.text("exchange"), currency=given.text("currency"),
        con_id=given.integer("con_id"), limit=given.text("limit"), stop=given.text("stop"),
        tif=given.text("tif"), oca_group=given.text("oca_group"), account=given.text("account"),
        order_ref=given.text("order_ref"), transmit=given.flag("transmit"),
        parent_id=given.integer("parent_id"), outside_rth=given.flag("outside_rth"),
        oca_type=given.integer("oca_type"), good_till=given.text("good_till"),
    )  # fmt: skip
    puppet.place(order)
    return {"client_id": given.integer("client_id"), "order_id": order.order_id}


def _cancel(stage: Stage, given: Given) -> dict[str, Any]:
    _puppet(stage, given).cancel(given.integer("order_id"))
    return {"order_id": given.integer("order_id")}


def _send(stage: Stage, given: Given) -> dict[str, Any]:
    _puppet(stage, given).send(given.texts("fields"))
    return {"client_id": given.integer("client_id")}


def _leave(stage: Stage, given: Given) -> dict[str, Any]:
    puppet = _puppet(stage, given)
    puppet.leave()
    heard = {str(number): count for number, count in sorted(puppet.heard.items())}
    return {"client_id": puppet.client_id, "heard": heard}


ACTIONS = (
    Action(
        "client-join", "A scripted API client joins, as another program on the host would.",
        ("S10",),
        (
            _CLIENT,
            fields.integer(
                "version_max", "the highest server version it offers",
                client_frames.VERSION_MAX, low=157, high=client_frames.VERSION_MAX,
            ),
        ),
        _join,
    ),
    Action(
        "client-place", "A scripted client sends placeOrder; a known order id is a change.",
        ("S10",),
        (
            _CLIENT,
            fields.integer("order_id", "the order id it uses; the next free one without", None),
            fields.text("symbol", "the contract's symbol"),
            fields.text("side", "the action as the wire writes it"),
            fields.decimal("quantity", "the total quantity"),
            fields.text("order_type", "the order type as the wire writes it"),
            fields.text("limit", "the limit price", ""),
            fields.text("stop", "the stop, touch or trailing amount", ""),
            fields.text("tif", "the time in force", "DAY"),
            fields.text("sec_type", "the security type", "STK"),
            fields.text("exchange", "the exchange", "SMART"),
            fields.text("currency", "the currency", "USD"),
            fields.integer("con_id", "the contract id, 0 for none", 0),
            fields.text("oca_group", "the one-cancels-all group", ""),
            fields.integer("oca_type", "the kind of that group, 0 for none", 0, high=3),
            fields.text("account", "the account", ""),
            fields.text("order_ref", "the order reference", ""),
            fields.flag("transmit", "false to keep it back", True),
            fields.integer("parent_id", "the parent's order id, 0 for none", 0),
            fields.flag("outside_rth", "true to trade outside regular hours", False),
            fields.text("good_till", "the end of a GTD order", ""),
        ),
        _place,
    ),
    Action(
        "client-cancel", "A scripted client sends cancelOrder.", ("S10", "S17"),
        (_CLIENT, fields.integer("order_id", "the order id")), _cancel,
    ),
    Action(
        "client-send", "A scripted client sends any message, field by field.", ("S10", "S11"),
        (_CLIENT, fields.texts("fields", "the fields, the message id first")), _send,
    ),
    Action(
        "client-leave", "A scripted client closes its connection.", ("S10",), (_CLIENT,), _leave,
    ),
)  # fmt: skip
