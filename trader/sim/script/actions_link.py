"""Actions on connections and on the link to the broker: cut, drop, freeze, slow down, refuse."""

from collections.abc import Callable
from typing import Any

from trader.sim.gateway.ways.handshake import KINDS, HandshakeFault
from trader.sim.gateway.ways.lanes import NEWS
from trader.sim.script import fields
from trader.sim.script.fields import Given
from trader.sim.script.inputs import InputError
from trader.sim.script.stage import Action, Connection, Stage
from trader.sim.wire.messages_session import TEXTS

REPEAT_MAX = 1000
DAY_S = 86_400
HOUR_MS = 3_600_000
BAD_LENGTH = 0x7F000000


def _mute(stage: Stage, given: Given) -> dict[str, Any]:
    is_on = given.flag("on")
    stage.host.mute(is_on)
    return {"on": is_on}


def _freeze(stage: Stage, given: Given) -> dict[str, Any]:
    client_id, is_on = given.integer("client_id"), given.flag("on")
    stage.host.faults.frozen[client_id] = is_on
    links = stage.links(client_id)
    for link in links:
        if is_on:
            link.pause()
        else:
            link.resume()
    return {"connections": len(links)}


def _drop(stage: Stage, given: Given) -> dict[str, Any]:
    how, after = given.text("how"), given.maybe_integer("after_frames")
    links = stage.links(given.maybe_integer("client_id"))

    def now(link: Connection) -> Callable[[], None]:
        return lambda: link.drop(how)

    for link in links:
        if after is not None:
            link.session.outlet.drop_how = how
            link.session.outlet.drop_after = after
        elif given.number("after_ms"):
            stage.host.clock.call_later(given.number("after_ms") / 1000, now(link))
        else:
            link.drop(how)
    return {"connections": len(links)}


def _slow(stage: Stage, given: Given) -> dict[str, Any]:
    faults = stage.host.faults
    faults.write_bytes_max = given.maybe_integer("write_bytes")
    faults.write_pause_s = given.number("write_pause_ms") / 1000
    faults.read_pause_s = given.number("read_pause_ms") / 1000
    return {"slow": faults.write_bytes_max is not None or faults.read_pause_s > 0}


def _bad_length(stage: Stage, given: Given) -> dict[str, Any]:
    links = stage.links(given.maybe_integer("client_id"))
    for link in links:
        link.session.outlet.push_bytes(given.integer("length").to_bytes(4, "big"))
    return {"connections": len(links)}


def _upstream(stage: Stage, given: Given) -> dict[str, Any]:
    is_up, is_lost = given.flag("up"), given.flag("data_lost")
    gateway, faults = stage.host.gateway, stage.host.faults
    replay = tuple(given.texts("replay")) or NEWS
    for kind in replay:
        if kind not in (*NEWS, "none"):
            raise InputError("replay", kind, ", ".join((*NEWS, "none")))
    code = given.maybe_integer("code") or (1100 if not is_up else 1101 if is_lost else 1102)
    if not is_up:
        faults.is_upstream_down, faults.is_delivering = True, given.flag("deliver")
    every_s, repeat = given.number("every_s"), given.maybe_integer("repeat") or 1
    if given.flag("announce"):
        for number in range(repeat):
            _tell(stage, code, number * every_s)
    if is_up:
        gateway.restore_link(data_lost=is_lost, replay=replay)
    return {"code": code}


def _tell(stage: Stage, code: int, after_s: float) -> None:
    def tell() -> None:
        # A restored link ends the row of messages that it is lost.
        if not after_s or stage.host.faults.is_upstream_down:
            stage.host.gateway.tell_all(code, TEXTS[code])

    if after_s:
        stage.host.clock.call_later(after_s, tell)
    else:
        tell()


def _client_id_busy(stage: Stage, given: Given) -> dict[str, Any]:
    client_id, book = given.integer("client_id"), stage.host.faults.handshakes
    seconds, tries = given.maybe_number("seconds"), given.maybe_integer("tries")
    if seconds is None and tries is None and not given.flag("until_restart"):
        raise InputError("seconds", None, "one of seconds, tries, until_restart")
    if seconds is not None:
        book.busy_until_s[client_id] = stage.host.clock.monotonic() + seconds
    if tries is not None:
        book.busy_tries[client_id] = tries
    if given.flag("until_restart"):
        book.busy_until_restart[client_id] = True
    return {"client_id": client_id}


def _client_id_lingers(stage: Stage, given: Given) -> dict[str, Any]:
    stage.host.faults.handshakes.linger_s = given.number("ms") / 1000
    return {"ms": given.number("ms")}


def _handshake(stage: Stage, given: Given) -> dict[str, Any]:
    kind, value = given.text("kind"), given.text("value")
    if kind == "version" and not (value.isdecimal() and 1 <= int(value) <= 999):
        raise InputError("value", value, "a server version from 1 to 999")
    if kind == "zone" and not value:
        raise InputError("value", value, "the zone to write after the time")
    faults = stage.host.faults.handshakes.faults
    faults.append(HandshakeFault(kind, given.maybe_integer("count"), value))
    return {"waiting": len(faults)}


def _handshake_clear(stage: Stage, _given: Given) -> dict[str, Any]:
    book = stage.host.faults.handshakes
    book.faults.clear()
    book.busy_tries.clear()
    book.busy_until_s.clear()
    book.busy_until_restart.clear()
    return {"waiting": 0}


def _listen(stage: Stage, given: Given) -> dict[str, Any]:
    if given.flag("on"):
        stage.host.come_up()
    else:
        stage.host.refuse()
    return {"on": given.flag("on")}


_ONE = fields.integer("client_id", "only this client", None)
ACTIONS = (
    Action(
        "mute", "Stop reading and writing on every socket without closing it, or go on.",
        ("S05",), (fields.flag("on", "true to freeze"),), _mute,
    ),
    Action(
        "freeze", "Do the same to one client; what it has sent is handled when it goes on.",
        ("S05",),
        (fields.integer("client_id", "the client"), fields.flag("on", "true to freeze")), _freeze,
    ),
    Action(
        "drop", "Close connections: at once, later, or in the middle of a later frame.", ("S05",),
        (
            fields.choice("how", "reset or orderly end", ["rst", "fin"]),
            fields.integer("after_frames", "whole frames still sent", None, high=10**6),
            fields.number("after_ms", "milliseconds from now", 0.0, high=HOUR_MS),
            _ONE,
        ),
        _drop,
    ),
    Action(
        "slow", "Write a few bytes at a time, or read with pauses; without inputs, be fast again.",
        ("S05",),
        (
            fields.integer("write_bytes", "bytes a write; null for all", None, low=1, high=10**6),
            fields.number("write_pause_ms", "between two writes", 10.0, high=HOUR_MS),
            fields.number("read_pause_ms", "after each read", 0.0, high=HOUR_MS),
        ),
        _slow,
    ),
    Action(
        "bad-length", "Send a length prefix that no frame follows.", ("S05",),
        (fields.integer("length", "the prefix", BAD_LENGTH, high=2**32 - 1), _ONE), _bad_length,
    ),
    Action(
        "upstream", "Cut or restore the gateway's link to the broker: 1100, 1101 or 1102.",
        ("S04",),
        (
            fields.flag("up", "false to cut, true to restore"),
            fields.flag("data_lost", "restore with 1101 and no market data", default=False),
            fields.integer("repeat", "how often the code is sent", None, low=1, high=REPEAT_MAX),
            fields.number("every_s", "seconds between the repeated codes", 0.0, high=DAY_S),
            fields.flag("deliver", "go on delivering order news while cut", default=False),
            fields.integer("code", "2110 in place of 1100", None, low=2110, high=2110),
            fields.flag("announce", "false to send no code at all", default=True),
            fields.texts("replay", "kinds of held news delivered on restore (orders, executions, "
                         "commissions, positions, none); absent for all", None),
        ),
        _upstream,
    ),
    Action(
        "client-id-busy", "Refuse a client id with 326.", ("S06",),
        (
            fields.integer("client_id", "the id that is refused"),
            fields.number("seconds", "for how long", None, high=DAY_S),
            fields.integer("tries", "for how many connections", None, low=1, high=10**6),
            fields.flag("until_restart", "until the gateway restarts", default=False),
        ),
        _client_id_busy,
    ),
    Action(
        "client-id-lingers", "Keep every client id in use for a while after its connection.",
        ("S06",), (fields.number("ms", "for how long", high=HOUR_MS),), _client_id_lingers,
    ),
    Action(
        "handshake", "Let the next connections begin badly.", ("S06",),
        (
            fields.choice("kind", "silence: no answer; eof, reset: end before the version; "
                          "version, zone: what the greeting says; no-next-valid-id, no-accounts, "
                          "no-session: what is missing after startApi", KINDS),
            fields.integer("count", "how many connections; null for all", 1, low=1, nullable=True),
            fields.text("value", "the version or the zone", ""),
        ),
        _handshake,
    ),
    Action(
        "handshake-clear", "Let connections begin well and free every client id.", ("S06",), (),
        _handshake_clear,
    ),
    Action(
        "listen", "Refuse new connections, or take them again; those that stand go on.",
        ("S06",), (fields.flag("on", "false to refuse"),), _listen,
    ),
)  # fmt: skip
