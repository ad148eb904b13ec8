"""Actions on the gateway's life: restart by hand or by the clock, re-login, outage, end."""

from typing import Any

from trader.sim.script import fields
from trader.sim.script.fields import Given
from trader.sim.script.inputs import InputError
from trader.sim.script.moments import MOMENT_ALLOWED, next_moment
from trader.sim.script.stage import Action, Host, Stage
from trader.sim.wire.messages_session import TEXTS

DOWN_S_MAX = 7 * 86_400
# A timer may be late by a rounding; the next moment is looked for a little later than this one.
MARGIN_S = 1.0


def _go_down(host: Host, given: Given) -> None:
    host.go_down(given.text("how"))
    host.gateway.announced_id.update(given.ids("next_order_id"))


def _restart(stage: Stage, given: Given) -> dict[str, Any]:
    down_s, host = given.number("down_s"), stage.host
    if not host.is_listening:
        raise InputError("restart", "again", "one restart at a time")
    _go_down(host, given)
    host.clock.call_later(down_s, host.come_up)
    return {"down_s": down_s}


def _restart_daily(stage: Stage, given: Given) -> dict[str, Any]:
    host, at, days = stage.host, given.text("at"), given.integer("days")

    def plan(left: int) -> float:
        """Set the next restart and return the seconds until then."""
        now_s = host.clock.time()
        wait_s = next_moment("at", at, now_s) - now_s

        def due() -> None:
            if host.is_listening:
                _go_down(host, given)
                host.clock.call_later(given.number("down_s"), host.come_up)
            if left > 1:
                host.clock.call_later(MARGIN_S, lambda: _ignore(plan(left - 1)))

        host.clock.call_later(wait_s, due)
        return wait_s

    return {"in_s": round(plan(days), 3)}


def _ignore(_seconds: float) -> None:
    """Make a timer's callback of a function that returns something."""


def _log_out(stage: Stage, given: Given) -> dict[str, Any]:
    host, at = stage.host, given.maybe_text("at")

    def due() -> None:
        host.go_down(given.text("how"))

    if at is None:
        due()
        return {"in_s": 0.0}
    now_s = host.clock.time()
    wait_s = next_moment("at", at, now_s) - now_s
    host.clock.call_later(wait_s, due)
    return {"in_s": round(wait_s, 3)}


def _log_in(stage: Stage, given: Given) -> dict[str, Any]:
    if stage.host.is_listening:
        raise InputError("login", "not needed", "a gateway that waits for its operator")
    stage.host.gateway.announced_id.update(given.ids("next_order_id"))
    stage.host.come_up()
    return {"logged_in": True}


def _outage(stage: Stage, given: Given) -> dict[str, Any]:
    faults, gateway, clock = stage.host.faults, stage.host.gateway, stage.host.clock
    at, seconds = given.maybe_text("at"), given.number("seconds")
    now_s = clock.time()
    wait_s = 0.0 if at is None else next_moment("at", at, now_s) - now_s
    repeat_s = given.number("repeat_s")

    def lost() -> None:
        faults.is_upstream_down, faults.is_delivering = True, False
        clock.call_later(seconds, back)
        tell()

    def tell() -> None:
        if faults.is_upstream_down:
            gateway.tell_all(1100, TEXTS[1100])
            if repeat_s:
                clock.call_later(repeat_s, tell)

    def back() -> None:
        code = 1101 if given.flag("data_lost") else 1102
        if faults.is_upstream_down:
            gateway.tell_all(code, TEXTS[code])
            gateway.restore_link(data_lost=given.flag("data_lost"))

    if wait_s:
        clock.call_later(wait_s, lost)
    else:
        lost()
    return {"in_s": round(wait_s, 3)}


def _shutdown(stage: Stage, _given: Given) -> dict[str, Any]:
    stage.stop()
    return {"stopping": True}


_IDS = fields.ids("next_order_id", "the order id announced afterwards, per client id")
_HOW = fields.choice("how", "how connections end", ["fin", "rst"], default="fin")
_AT = fields.text("at", f"when: {MOMENT_ALLOWED}; absent for now", None)
ACTIONS = (
    Action(
        "restart", "Restart the gateway: every connection ends, the broker goes on.",
        ("S07", "S20"),
        (fields.number("down_s", "seconds without a listener", high=3600), _IDS, _HOW), _restart,
    ),
    Action(
        "restart-daily", "Restart the gateway every day at a time of its own zone.", ("S20",),
        (
            fields.text("at", f"when: {MOMENT_ALLOWED}", "23:45 America/New_York"),
            fields.number("down_s", "seconds without a listener", 75.0, high=3600),
            fields.integer("days", "how often", 1, low=1, high=3660), _IDS, _HOW,
        ),
        _restart_daily,
    ),
    Action(
        "logout", "End the gateway's session: connections are refused until `login`.", ("S20",),
        (_AT, _HOW), _log_out,
    ),
    Action(
        "login", "Log in as the operator does with a second factor: connections are taken again.",
        ("S20",), (_IDS,), _log_in,
    ),
    Action(
        "outage", "Cut the link to the broker for some time, as in a nightly or weekly reset.",
        ("S04", "S20"),
        (
            fields.number("seconds", "how long", high=DOWN_S_MAX), _AT,
            fields.number("repeat_s", "seconds between repeated 1100; 0 for one", 0.0, high=3600),
            fields.flag("data_lost", "end with 1101", default=False),
        ),
        _outage,
    ),
    Action("shutdown", "End the simulator in good order.", (), (), _shutdown),
)  # fmt: skip
