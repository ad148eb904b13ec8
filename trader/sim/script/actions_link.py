"""Actions on connections and on the link to the broker: cut, drop, freeze, refuse."""

from typing import Any

from trader.sim.script import fields
from trader.sim.script.fields import Given
from trader.sim.script.stage import Action, Stage
from trader.sim.wire.messages_session import TEXTS

REPEAT_MAX = 1000
DAY_S = 86_400


def _mute(stage: Stage, given: Given) -> dict[str, Any]:
    is_on = given.flag("on")
    stage.host.mute(is_on)
    return {"on": is_on}


def _drop(stage: Stage, given: Given) -> dict[str, Any]:
    how, after = given.text("how"), given.maybe_integer("after_frames")
    links = stage.links()
    for link in links:
        if after is None:
            link.drop(how)
        else:
            link.session.outlet.drop_how = how
            link.session.outlet.drop_after = after
    return {"connections": len(links)}


def _upstream(stage: Stage, given: Given) -> dict[str, Any]:
    is_up, is_lost = given.flag("up"), given.flag("data_lost")
    gateway, faults = stage.host.gateway, stage.host.faults
    code = 1100 if not is_up else 1101 if is_lost else 1102
    if not is_up:
        faults.is_upstream_down, faults.is_delivering = True, given.flag("deliver")
    for _ in range(given.maybe_integer("repeat") or 1):
        gateway.tell_all(code, TEXTS[code])
    if is_up:
        gateway.restore_link(data_lost=is_lost)
    return {"code": code}


def _client_id_busy(stage: Stage, given: Given) -> dict[str, Any]:
    client_id = given.integer("client_id")
    until_s = stage.host.clock.monotonic() + given.number("seconds")
    stage.host.faults.busy_until_s[client_id] = until_s
    return {"client_id": client_id}


ACTIONS = (
    Action(
        "mute", "Stop reading and writing on every socket without closing it, or go on.",
        ("S05",), (fields.flag("on", "true to freeze"),), _mute,
    ),
    Action(
        "drop", "Close every connection, at once or in the middle of a later frame.", ("S05",),
        (
            fields.choice("how", "reset or orderly end", ["rst", "fin"]),
            fields.integer("after_frames", "whole frames still sent", None, high=10**6),
        ),
        _drop,
    ),
    Action(
        "upstream", "Cut or restore the gateway's link to the broker: 1100, 1101 or 1102.",
        ("S04",),
        (
            fields.flag("up", "false to cut, true to restore"),
            fields.flag("data_lost", "restore with 1101 and no market data", default=False),
            fields.integer("repeat", "how often the code is sent", None, low=1, high=REPEAT_MAX),
            fields.flag("deliver", "go on delivering order news while cut", default=False),
        ),
        _upstream,
    ),
    Action(
        "client-id-busy", "Refuse a client id with 326 for some time.", ("S06",),
        (
            fields.integer("client_id", "the id that is refused"),
            fields.number("seconds", "for how long", high=DAY_S),
        ),
        _client_id_busy,
    ),
)  # fmt: skip
