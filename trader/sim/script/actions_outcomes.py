"""Actions of the broker on orders: codes with their effects, ends, holds, late fills."""

from typing import Any

from trader.sim.broker.orders.register import REJECTED
from trader.sim.gateway.ways.frame_rules import Drop, Match, Rule
from trader.sim.model.orders import Order, Status
from trader.sim.oracle.codes import Code, catalogue
from trader.sim.script import fields
from trader.sim.script.actions_orders import WHICH_ORDER, find_order
from trader.sim.script.fields import Given
from trader.sim.script.inputs import InputError
from trader.sim.script.stage import Action, Stage

LEGS_MAX = 20


def _emit_code(stage: Stage, given: Given) -> dict[str, Any]:
    number = given.integer("code")
    code = catalogue().get(number)
    if code is None:
        raise InputError("code", number, "a code of the catalogue: GET /codes")
    ident, client_id = given.integer("id"), given.maybe_integer("client_id")
    order = _order_of(stage, ident, client_id) if code.scope in ("order", "any") else None
    known: dict[str, object] = {"id": ident}
    if order is not None:
        known |= {"perm_id": order.perm_id, "state": order.status}
    text = given.maybe_text("text")
    text = code.text_for(**known) if text is None else text
    is_live = order is not None and not order.status.is_done and given.flag("effect")
    if order is not None and is_live and code.effect in ("ends", "cancels", "holds"):
        return _with_effect(stage, given, order, code, text)
    clients = _tell(stage, given, code.code, text)
    return {"clients": clients, "effect": "none"}


def _with_effect(stage: Stage, given: Given, order: Order, code: Code, text: str) -> dict[str, Any]:
    """Let the broker do to the order what the code says; status and code in the wanted order."""
    exchange, rules = stage.host.exchange, stage.host.faults.frame_rules
    is_first = given.text("order") == "code-first"
    clients = 1
    # The code that the end itself would send once more, when it has been sent before.
    again = Rule("", Match(frozenset({4}), where=(("code", str(code.code)),)), Drop(), left=1)
    if is_first:
        clients = _tell(stage, given, code.code, text)
        rules.append(again)
    if code.effect == "ends":
        exchange.refuse(order, text.removeprefix(REJECTED))
    elif code.effect == "cancels":
        exchange.end(order, text)
    else:
        exchange.hold(order, "locate")
        if not is_first:
            clients = _tell(stage, given, code.code, text)
    rules[:] = [rule for rule in rules if rule is not again]
    return {"clients": clients, "effect": code.effect, "status": str(order.status)}


def _tell(stage: Stage, given: Given, code: int, text: str) -> int:
    client_id = given.maybe_integer("client_id")
    clients = stage.host.gateway.clients
    wanted = [client for key, client in clients.items() if client_id in (None, key)]
    for client in wanted:
        client.show_error(given.integer("id"), code, text, advanced=given.text("advanced"))
    return len(wanted)


def _order_of(stage: Stage, order_id: int, client_id: int | None) -> Order | None:
    for order in reversed(list(stage.host.exchange.orders.values())):
        if order.order_id == order_id and client_id in (None, order.client_id):
            return order
    return None


def _live(stage: Stage, given: Given) -> Order:
    order = find_order(stage, given)
    if order.status.is_done:
        raise InputError("order_id", order.order_id, f"a live order; this one is {order.status}")
    return order


def _end(stage: Stage, given: Given) -> dict[str, Any]:
    order = _live(stage, given)
    stage.host.exchange.end(order, given.text("text"))
    return {"perm_id": order.perm_id, "status": str(order.status)}


def _hold(stage: Stage, given: Given) -> dict[str, Any]:
    order = _live(stage, given)
    stage.host.exchange.hold(order, given.text("why"))
    return {"perm_id": order.perm_id, "status": str(order.status)}


def _let_go(stage: Stage, given: Given) -> dict[str, Any]:
    order = _live(stage, given)
    stage.host.exchange.let_go(order)
    return {"perm_id": order.perm_id, "status": str(order.status)}


def _late_fill(stage: Stage, given: Given) -> dict[str, Any]:
    order = find_order(stage, given)
    if order.status is not Status.CANCELLED or not order.remaining:
        raise InputError("order_id", order.order_id, f"a Cancelled order, not {order.status}")
    item = stage.host.exchange.fill_after_cancel(order, given.maybe_decimal("quantity"))
    return {"exec_id": item.exec_id, "perm_id": order.perm_id}


def _cancels(stage: Stage, given: Given) -> dict[str, Any]:
    exchange = stage.host.exchange
    exchange.shows_pending_cancel = given.flag("pending_first")
    exchange.cancels_wait_for_open = given.flag("wait_for_open")
    exchange.changes_wait_for_open = given.flag("changes_wait")
    return {"pending_first": exchange.shows_pending_cancel}


def _refuse_leg(stage: Stage, given: Given) -> dict[str, Any]:
    stage.host.exchange.refuse_next_leg(given.integer("leg"))
    return {"leg": given.integer("leg")}


def _groups(stage: Stage, given: Given) -> dict[str, Any]:
    stage.host.exchange.set_groups(
        follow_parts=given.flag("follow_parts"), block=given.flag("block"),
        race_s=given.number("race_ms") / 1000,
    )  # fmt: skip
    return {"race_ms": given.number("race_ms")}


ACTIONS = (
    Action(
        "emit-code", "Send a code of the catalogue, with its own text unless another is given, "
        "and let its effect happen to the order it speaks of.", ("S16",),
        (
            fields.integer("code", "a code of the catalogue"),
            fields.integer("id", "order id, request id or -1", -1, low=-(2**31)),
            fields.text("text", "another text", None),
            fields.integer("client_id", "only to this client", None),
            fields.text("advanced", "JSON of a refusal that can be overridden", ""),
            fields.choice("order", "what comes first where the order changes",
                          ["status-first", "code-first"], "status-first"),
            fields.flag("effect", "false to send it and nothing else", default=True),
        ),
        _emit_code, is_deferred=True,
    ),
    Action(
        "end-order", "Let the broker cancel a live order that nobody asked to cancel (202).",
        ("S10", "S16"),
        (fields.text("text", "the text of 202", "Order Canceled - reason:"), *WHICH_ORDER),
        _end, is_deferred=True,
    ),
    Action(
        "hold-order", "Let the broker hold a live order back, with a reason, until `let-go`.",
        ("S11",), (fields.text("why", "whyHeld", "locate"), *WHICH_ORDER), _hold,
        is_deferred=True,
    ),
    Action(
        "let-go", "Let an order that is held back to the market.", ("S11",), WHICH_ORDER, _let_go,
        is_deferred=True,
    ),
    Action(
        "late-fill", "Fill an order that has been reported as Cancelled.", ("S17",),
        (
            fields.decimal("quantity", "how much; absent for all that was left", None,
                           above_zero=True),
            *WHICH_ORDER,
        ),
        _late_fill, is_deferred=True,
    ),
    Action(
        "cancels", "Choose how cancels are taken: by way of PendingCancel, or not before the open; "
        "and whether changes wait for it.", ("S17", "S18"),
        (
            fields.flag("pending_first", "show PendingCancel first", default=False),
            fields.flag("wait_for_open", "while the market is closed, agree at its opening",
                        default=False),
            fields.flag("changes_wait", "make changes asked for while the market is closed at its "
                        "opening", default=True),
        ),
        _cancels,
    ),
    Action(
        "groups", "Choose how attached orders and one-cancels-all groups hear of fills; what is "
        "not given is back to usual.", ("S11",),
        (
            fields.flag("follow_parts", "a part that a parent fills lets the same part of its "
                        "children trade; false to let them wait for all of it", default=True),
            fields.number("race_ms", "how much later the others of a group hear of a fill, so that "
                          "more may trade than was wanted; only of type 3 while types 1 and 2 "
                          "block", 0.0, high=60_000),
            fields.flag("block", "only one of a group of type 1 or 2 is at an exchange at a time",
                        default=True),
        ),
        _groups,
    ),
    Action(
        "refuse-leg", "Let the next combination that trades be refused at one of its legs.",
        ("S11", "S12"),
        (fields.integer("leg", "counted from 1; 0 for none", high=LEGS_MAX),), _refuse_leg,
    ),
)  # fmt: skip
