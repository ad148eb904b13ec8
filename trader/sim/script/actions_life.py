"""Actions on the gateway's life: restart, end."""

from typing import Any

from trader.sim.script import fields
from trader.sim.script.fields import Given
from trader.sim.script.inputs import InputError
from trader.sim.script.stage import Action, Stage


def _restart(stage: Stage, given: Given) -> dict[str, Any]:
    down_s, host = given.number("down_s"), stage.host
    if not host.is_listening:
        raise InputError("restart", "again", "one restart at a time")
    host.go_down("fin")
    host.gateway.announced_id.update(given.ids("next_order_id"))
    host.clock.call_later(down_s, host.come_up)
    return {"down_s": down_s}


def _shutdown(stage: Stage, _given: Given) -> dict[str, Any]:
    stage.stop()
    return {"stopping": True}


ACTIONS = (
    Action(
        "restart", "Restart the gateway: every connection ends, the broker goes on.",
        ("S07", "S20"),
        (
            fields.number("down_s", "seconds without a listener", high=3600),
            fields.ids("next_order_id", "the order id announced afterwards, per client id"),
        ),
        _restart,
    ),
    Action("shutdown", "End the simulator in good order.", (), (), _shutdown),
)  # fmt: skip
