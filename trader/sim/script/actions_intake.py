"""Actions on single incoming messages: ignored, held, late, refused, doubled; the modal dialog."""

from typing import Any

from trader.sim.gateway.ways.intake import (
    Answer,
    Double,
    Effect,
    HoldBack,
    Ignore,
    IntakeRule,
    Later,
)
from trader.sim.script import fields
from trader.sim.script.actions_frames import message_ids
from trader.sim.script.fields import INT_MAX, Given
from trader.sim.script.inputs import InputError
from trader.sim.script.stage import Action, Stage
from trader.sim.wire.places import INBOUND

DAY_S = 86_400
_DIALOG = "dialog"
_WHERE_NAMES = ("orderId", "reqId", "conId", "symbol", "secType", "action", "orderType", "account")

_WHICH = (
    fields.text("message", "name or id of the incoming message"),
    fields.choice("kind", "of placeOrder", ["any", "new", "change"], default="any"),
    fields.integer("client_id", "only from this client", None),
    fields.integer("order_id", "only about this order", None, low=-(2**31)),
    fields.words("where", "field name or place -> text it must have", None),
    fields.integer("skip", "how many such messages pass first", 0),
    fields.integer("count", "how many are affected; null for all", 1, low=1, nullable=True),
    fields.text("name", "the rule's name, to take it away again", ""),
)


def _add_rule(stage: Stage, given: Given, effect: Effect) -> dict[str, Any]:
    (message_id,) = message_ids([given.text("message")], "message", INBOUND)
    where = dict(given.words("where"))
    for name in where:
        if not name.isdecimal() and name not in _WHERE_NAMES:
            raise InputError("where", name, f"a place in the frame, {', '.join(_WHERE_NAMES)}")
    order_id = given.maybe_integer("order_id")
    if order_id is not None:
        where["orderId"] = str(order_id)
    stage.host.faults.intake.append(
        IntakeRule(
            given.text("name"), message_id, effect, given.maybe_integer("client_id"),
            given.text("kind"), tuple(where.items()), given.integer("skip"),
            given.maybe_integer("count"),
        )
    )  # fmt: skip
    return {"rules": len(stage.host.faults.intake)}


def _ignore(stage: Stage, given: Given) -> dict[str, Any]:
    return _add_rule(stage, given, Ignore())


def _hold(stage: Stage, given: Given) -> dict[str, Any]:
    return _add_rule(stage, given, HoldBack(given.text("batch")))


def _release(stage: Stage, given: Given) -> dict[str, Any]:
    batch, faults = given.text("batch"), stage.host.faults
    faults.intake[:] = [rule for rule in faults.intake if rule.effect != HoldBack(batch)]
    return {"messages": faults.release(batch, discard=given.flag("discard"))}


def _delay(stage: Stage, given: Given) -> dict[str, Any]:
    return _add_rule(stage, given, Later(given.number("seconds")))


def _answer(stage: Stage, given: Given) -> dict[str, Any]:
    answer = Answer(
        given.integer("code"), given.text("text"), given.flag("also_handled"),
        given.text("advanced"),
    )  # fmt: skip
    return _add_rule(stage, given, answer)


def _double(stage: Stage, given: Given) -> dict[str, Any]:
    rule = IntakeRule(
        given.text("name"), INBOUND["placeOrder"], Double(given.flag("hidden")),
        given.maybe_integer("client_id"), "change", left=given.maybe_integer("count"),
    )  # fmt: skip
    stage.host.faults.intake.append(rule)
    return {"rules": len(stage.host.faults.intake)}


def _clear(stage: Stage, given: Given) -> dict[str, Any]:
    name, rules = given.maybe_text("name"), stage.host.faults.intake
    before = len(rules)
    rules[:] = [rule for rule in rules if name not in (None, rule.name)]
    return {"rules": before - len(rules)}


def _dialog(stage: Stage, _given: Given) -> dict[str, Any]:
    rules, place = stage.host.faults.intake, INBOUND["placeOrder"]
    rules.append(IntakeRule(_DIALOG, place, HoldBack(_DIALOG), kind="new"))
    rules.append(IntakeRule(_DIALOG, place, Ignore(), left=None))
    return {"open": True}


def _click(stage: Stage, given: Given) -> dict[str, Any]:
    faults = stage.host.faults
    if not any(rule.name == _DIALOG for rule in faults.intake):
        raise InputError("click", given.text("button"), "an open dialog: use `dialog` first")
    faults.intake[:] = [rule for rule in faults.intake if rule.name != _DIALOG]
    return {"orders": faults.release(_DIALOG, discard=given.text("button") == "cancel")}


_SERVES = ("S03", "S17", "S18")
ACTIONS = (
    Action(
        "ignore", "Read messages and never answer them; the broker does not hear of them.",
        (*_SERVES, "S22"), _WHICH, _ignore,
    ),
    Action(
        "hold-back", "Keep messages back in a named batch; released, they are handled then.",
        _SERVES, (fields.text("batch", "the batch they wait in", "held"), *_WHICH), _hold,
    ),
    Action(
        "let-in", "Handle the messages of a batch, also those of clients that have gone.",
        _SERVES,
        (
            fields.text("batch", "the batch", "held"),
            fields.flag("discard", "forget them instead", default=False),
        ),
        _release,
    ),
    Action(
        "late", "Handle messages only after some seconds.", _SERVES,
        (fields.number("seconds", "how late", high=DAY_S), *_WHICH), _delay,
    ),
    Action(
        "answer", "Answer messages with an error at their id.", (*_SERVES, "S16"),
        (
            fields.integer("code", "the code", high=INT_MAX),
            fields.text("text", "the text"),
            fields.flag("also_handled", "handle the message as well", default=False),
            fields.text("advanced", "JSON of a refusal that can be overridden", ""),
            *_WHICH,
        ),
        _answer,
    ),
    Action(
        "double-change", "Take a change as a second order under the same order id: two "
        "permanent ids, both alive.", ("S08", "S18"),
        (
            fields.integer("client_id", "only from this client", None),
            fields.integer("count", "how many changes; null for all", 1, low=1, nullable=True),
            fields.flag(
                "hidden", "true: the id never means the second, only a global cancel ends it",
                default=False,
            ),
            fields.text("name", "the rule's name, to take it away again", ""),
        ),
        _double,
    ),
    Action(
        "intake-clear", "Take away rules on incoming messages.", _SERVES,
        (fields.text("name", "the rules of this name; null for all", None),), _clear,
    ),
    Action(
        "dialog", "Open a modal dialog: the next new order waits behind it, later ones are lost.",
        ("S21",), (), _dialog,
    ),
    Action(
        "click", "Close the modal dialog: the order behind it is transmitted or thrown away.",
        ("S21",),
        (fields.choice("button", "which button", ["transmit", "cancel"], default="transmit"),),
        _click,
    ),
)  # fmt: skip
