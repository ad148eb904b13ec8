"""Actions on time."""

from typing import Any

from trader.sim.clock import iso
from trader.sim.script import fields
from trader.sim.script.fields import Given
from trader.sim.script.stage import Action, Stage

ADVANCE_S_MAX = 40 * 86_400


def _advance(stage: Stage, given: Given) -> dict[str, Any]:
    stage.advance(given.number("seconds"))
    return {"utc": iso(stage.host.clock.time())}


ACTIONS = (
    Action(
        "advance", "Let time pass at once; everything due in it happens in order.",
        ("S01", "S20", "S24"),
        (fields.number("seconds", "how far", high=ADVANCE_S_MAX),), _advance,
    ),
)  # fmt: skip
