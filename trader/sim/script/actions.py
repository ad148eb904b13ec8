"""The one registry of named actions, for the control port and for the steps of a scenario.

Convention. An action is an `Action(name, doc, serves, fields, effect)` in the `ACTIONS` tuple of
`script/actions_<topic>.py`, and that tuple is listed here:

- `name` is lower case with hyphens; it is the path of the control port and the word in a scenario;
- `doc` is one sentence that says what a client or the broker sees; `serves` names capabilities;
- `fields` declares every input with `fields.text/choice/flag/integer/number/decimal/...`; nothing
  is read that is not declared, and a wrong value is an `InputError` before anything has changed;
- `effect(stage, given)` acts through methods of the world's objects, at once, and returns what is
  worth knowing as JSON. Chance comes from `stage.rng`, time from `stage.host.clock`.

The documentation (docs/simulator.md, GET /actions) is generated from this registry.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from trader.sim.script import (
    actions_account,
    actions_broker,
    actions_client,
    actions_frames,
    actions_intake,
    actions_life,
    actions_link,
    actions_market,
    actions_orders,
    actions_outcomes,
    actions_processes,
    actions_reference,
    actions_terminal,
    actions_time,
)
from trader.sim.script.fields import Field
from trader.sim.script.inputs import Inputs
from trader.sim.script.stage import Action, Stage

_TOPICS = {
    "link": actions_link.ACTIONS,
    "frames": actions_frames.ACTIONS,
    "incoming": actions_intake.ACTIONS,
    "orders": actions_orders.ACTIONS,
    "outcomes of orders": actions_outcomes.ACTIONS,
    "terminal": actions_terminal.ACTIONS,
    "account": actions_account.ACTIONS,
    "broker": actions_broker.ACTIONS,
    "market": actions_market.ACTIONS,
    "reference data": actions_reference.ACTIONS,
    "clients": actions_client.ACTIONS,
    "gateway life": actions_life.ACTIONS,
    "processes": actions_processes.ACTIONS,
    "time": actions_time.ACTIONS,
}


def registry() -> dict[str, Action]:
    """Return all actions by name, in the order of their topics."""
    return {action.name: action for actions in _TOPICS.values() for action in actions}


def topics() -> Mapping[str, tuple[Action, ...]]:
    """Return the actions of each topic."""
    return _TOPICS


def perform(stage: Stage, action: Action, body: str | Mapping[str, Any]) -> dict[str, Any]:
    """Check the inputs and do it. Raises InputError, having changed nothing."""
    return action.effect(stage, action.read(Inputs(body)))


def describe() -> list[dict[str, Any]]:
    """Return the registry as JSON: what GET /actions answers."""
    return [
        {
            "name": action.name,
            "topic": topic,
            "serves": list(action.serves),
            "does": action.doc,
            "inputs": [_describe_field(field) for field in action.fields],
        }
        for topic, actions in _TOPICS.items()
        for action in actions
    ]


def _describe_field(field: Field) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "name": field.name, "kind": field.kind, "allowed": field.allowed, "means": field.doc,
        "required": field.is_required,
    }  # fmt: skip
    if not field.is_required:
        default = field.default
        shown["default"] = str(default) if isinstance(default, Decimal) else default
    return shown
