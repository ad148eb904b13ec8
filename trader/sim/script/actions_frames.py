"""Actions on single outgoing frames: lose, hold, repeat, delay, reorder, change, invent."""

from decimal import Decimal, InvalidOperation
from typing import Any

from trader.sim.gateway.ways.frame_rules import (
    Delay,
    Drop,
    Edit,
    Effect,
    Hold,
    Match,
    Reorder,
    Repeat,
    Rule,
)
from trader.sim.script import fields
from trader.sim.script.fields import INT_MAX, Field, Given
from trader.sim.script.inputs import InputError
from trader.sim.script.stage import Action, Stage
from trader.sim.wire.frames import encode
from trader.sim.wire.places import field_names, outbound

HOUR_MS = 3_600_000
BATCH_MAX = 1000

# Which frames a rule means; the same for every frame action.
_WHICH = (
    fields.texts("messages", "names or ids of outgoing messages; empty for all", None),
    fields.integer("client_id", "only frames to this client", None),
    fields.integer("order_id", "only frames with this order id", None, low=-(2**31)),
    fields.words("where", "field name or place -> text it must have; `*` ends a prefix", None),
    fields.integer("skip", "how many such frames pass first", 0),
    fields.integer("count", "how many frames are affected; null for all", None, low=1),
    fields.text("name", "the rule's name, to take it away again", ""),
)


def message_ids(texts: list[str], field: str, known: dict[str, int]) -> frozenset[int]:
    """Return the ids that names or digits mean. Raises InputError."""
    found = set()
    for text in texts:
        if text.isdecimal() and 0 < int(text) < 256:
            found.add(int(text))
        elif text in known:
            found.add(known[text])
        else:
            raise InputError(field, text, f"an id from 1 to 255, {', '.join(known)}")
    return frozenset(found)


def _check_names(names: list[str], field: str) -> None:
    allowed = field_names()
    for name in names:
        if not name.isdecimal() and name not in allowed:
            raise InputError(field, name, f"a place in the frame, {', '.join(allowed)}")


def _add_rule(stage: Stage, given: Given, effect: Effect) -> dict[str, Any]:
    where = dict(given.words("where"))
    _check_names(list(where), "where")
    order_id = given.maybe_integer("order_id")
    if order_id is not None:
        where["orderId"] = str(order_id)
    ids = message_ids(given.texts("messages"), "messages", outbound())
    match = Match(ids, given.maybe_integer("client_id"), tuple(where.items()))
    rule = Rule(
        given.text("name"), match, effect, given.integer("skip"), given.maybe_integer("count")
    )
    stage.host.faults.frame_rules.append(rule)
    return {"rules": len(stage.host.faults.frame_rules)}


def _drop(stage: Stage, given: Given) -> dict[str, Any]:
    return _add_rule(stage, given, Drop())


def _hold(stage: Stage, given: Given) -> dict[str, Any]:
    return _add_rule(stage, given, Hold(given.text("batch")))


def _release(stage: Stage, given: Given) -> dict[str, Any]:
    batch, rules = given.text("batch"), stage.host.faults.frame_rules
    rules[:] = [rule for rule in rules if rule.effect != Hold(batch)]
    return {"frames": sum(link.session.outlet.release_batch(batch) for link in stage.links())}


def _repeat(stage: Stage, given: Given) -> dict[str, Any]:
    return _add_rule(stage, given, Repeat(given.integer("times")))


def _delay(stage: Stage, given: Given) -> dict[str, Any]:
    low, high = given.number("ms"), given.maybe_number("up_to_ms")
    high = low if high is None else high
    if high < low:
        raise InputError("up_to_ms", high, f"ms ({low:g}) or more")
    return _add_rule(stage, given, Delay((low / 1000, high / 1000)))


def _reorder(stage: Stage, given: Given) -> dict[str, Any]:
    size, order = given.integer("size"), tuple(given.integers("order"))
    if order and sorted(order) != list(range(size)):
        raise InputError("order", list(order), f"each of 0 to {size - 1} once")
    return _add_rule(stage, given, Reorder(size, order))


def _edit(stage: Stage, given: Given) -> dict[str, Any]:
    replace, suffix, add = given.words("set"), given.words("append"), given.words("add")
    for field, words in (("set", replace), ("append", suffix), ("add", add)):
        _check_names(list(words), field)
    try:
        amounts = tuple((name, Decimal(text)) for name, text in add.items())
    except InvalidOperation:
        raise InputError("add", add, "an object of field names to numbers") from None
    edit = Edit(
        tuple(replace.items()), tuple(suffix.items()), amounts, given.integer("cut"),
        tuple(given.texts("extend")),
    )  # fmt: skip
    if edit == Edit():
        raise InputError("set", None, "at least one of set, append, add, cut, extend")
    return _add_rule(stage, given, edit)


def _clear(stage: Stage, given: Given) -> dict[str, Any]:
    name, rules = given.maybe_text("name"), stage.host.faults.frame_rules
    gone = [rule for rule in rules if name in (None, rule.name)]
    rules[:] = [rule for rule in rules if rule not in gone]
    frames = [frame for rule in gone for frame in rule.flush()]
    for link in stage.links():
        link.session.outlet.send_past_rules(frames)
    return {"rules": len(gone)}


def _send(stage: Stage, given: Given) -> dict[str, Any]:
    texts = given.texts("fields")
    if not texts:
        raise InputError("fields", texts, "at least the message")
    (message_id,) = message_ids(texts[:1], "fields", outbound())
    sessions = [link.session for link in stage.links(given.maybe_integer("client_id"))]
    for session in sessions:
        session.push(message_id, encode(message_id, *texts[1:]))
    return {"clients": len(sessions)}


def _inject(stage: Stage, given: Given) -> dict[str, Any]:
    client_id, advanced = given.maybe_integer("client_id"), given.text("advanced")
    clients = stage.host.gateway.clients
    wanted = [client for key, client in clients.items() if client_id in (None, key)]
    code, text = given.integer("code"), given.text("text")
    for client in wanted:
        client.show_error(given.integer("req_id"), code, text, advanced=advanced)
    return {"clients": len(wanted)}


def _hold_kinds(stage: Stage, given: Given) -> dict[str, Any]:
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


def _batch(doc: str) -> Field:
    return fields.text("batch", doc, "held")


_FAULTY = ("S02", "S11")
ACTIONS = (
    Action(
        "inject", "Send an error message of any code and text at any id; nothing else happens.",
        ("S16",),
        (
            fields.integer("req_id", "request id, order id or -1", low=-(2**31)),
            fields.integer("code", "the code", high=INT_MAX),
            fields.text("text", "the text"),
            fields.integer("client_id", "only to this client", None),
            fields.text("advanced", "JSON of a refusal that can be overridden", ""),
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
        _hold_kinds,
    ),
    Action(
        "duplicate", "Send every message several times.", ("S02",),
        (fields.integer("times", "1 for normal", low=1, high=100),), _duplicate,
    ),
    Action("frame-drop", "Lose frames.", _FAULTY, _WHICH, _drop),
    Action(
        "frame-hold", "Keep frames back in a named batch until it is released.", _FAULTY,
        (_batch("the batch they wait in"), *_WHICH), _hold,
    ),
    Action(
        "frame-release", "Send a batch of held frames and hold no more for it.", _FAULTY,
        (_batch("the batch"),), _release,
    ),
    Action(
        "frame-repeat", "Send frames several times.", _FAULTY,
        (fields.integer("times", "how often", low=2, high=100), *_WHICH), _repeat,
    ),
    Action(
        "frame-delay", "Send frames later, so that others overtake them.", _FAULTY,
        (
            fields.number("ms", "milliseconds", high=HOUR_MS),
            fields.number("up_to_ms", "draw the delay from ms to this", None, high=HOUR_MS),
            *_WHICH,
        ),
        _delay,
    ),
    Action(
        "frame-reorder", "Gather frames and send them in another order.", _FAULTY,
        (
            fields.integer("size", "how many are gathered", low=2, high=BATCH_MAX),
            fields.integers("order", "places of the gathered frames; absent for a shuffle", None),
            *_WHICH,
        ),
        _reorder,
    ),
    Action(
        "frame-edit", "Change fields of frames, or cut or add fields at their end.",
        (*_FAULTY, "S08", "S12", "S13", "S14", "S15", "S18"),
        (
            fields.words("set", "field -> text", None),
            fields.words("append", "field -> text put behind what stands there", None),
            fields.words("add", "field -> number added to what stands there", None),
            fields.integer("cut", "fields cut from the end", 0, high=200),
            fields.texts("extend", "fields added at the end", None),
            *_WHICH,
        ),
        _edit,
    ),
    Action(
        "frame-clear", "Take away rules on frames; what a reorder had gathered is sent.", _FAULTY,
        (fields.text("name", "the rules of this name; null for all", None),), _clear,
    ),
    Action(
        "send-frame", "Send a frame of any fields to clients, true or not.", ("S11",),
        (
            fields.texts("fields", "the message's name or id, then its fields"),
            fields.integer("client_id", "only to this client", None),
        ),
        _send,
    ),
)  # fmt: skip
