"""Actions on single frames: hold, repeat, invent."""

from typing import Any

from trader.sim.script import fields
from trader.sim.script.fields import INT_MAX, Given
from trader.sim.script.stage import Action, Stage


def _inject(stage: Stage, given: Given) -> dict[str, Any]:
    client_id = given.maybe_integer("client_id")
    clients = stage.host.gateway.clients
    wanted = [client for key, client in clients.items() if client_id in (None, key)]
    for client in wanted:
        client.show_error(given.integer("req_id"), given.integer("code"), given.text("text"))
    return {"clients": len(wanted)}


def _hold(stage: Stage, given: Given) -> dict[str, Any]:
    ids, held = set(given.integers("message_ids")), stage.host.faults.held_messages
    if given.flag("on"):
        held |= ids
    else:
        held -= ids
        for link in stage.links():
            link.session.outlet.release(ids)
    return {"held": sorted(held)}


def _duplicate(stage: Stage, given: Given) -> dict[str, Any]:
    stage.host.faults.copies = given.integer("times")
    return {"times": stage.host.faults.copies}


ACTIONS = (
    Action(
        "inject", "Send an error message of any code and text at any id; nothing else happens.",
        ("S16",),
        (
            fields.integer("req_id", "request id, order id or -1", low=-(2**31)),
            fields.integer("code", "the code", high=INT_MAX),
            fields.text("text", "the text"),
            fields.integer("client_id", "only to this client", None),
        ),
        _inject,
    ),
    Action(
        "hold", "Keep back all messages of some ids, or send what was kept back.",
        ("S02", "S09", "S13", "S14"),
        (
            fields.integers("message_ids", "ids of outgoing messages", low=1, high=255),
            fields.flag("on", "true to hold, false to release"),
        ),
        _hold,
    ),
    Action(
        "duplicate", "Send every message several times.", ("S02",),
        (fields.integer("times", "1 for normal", low=1, high=100),), _duplicate,
    ),
)  # fmt: skip
