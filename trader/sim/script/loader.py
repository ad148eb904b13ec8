"""Reads a scenario file: YAML, every field checked, each error with file, line, field and value.

The form is described in docs/simulator.md. A scenario that loads can be played: its actions
exist, and their inputs are allowed, whatever is drawn for what they leave to chance.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from trader.sim.model.orders import Status
from trader.sim.script.actions import registry
from trader.sim.script.inputs import InputError, Inputs
from trader.sim.script.moments import next_moment, span_s
from trader.sim.script.processes import CHILD_STATES
from trader.sim.script.scenario import (
    AfterWait,
    AtTime,
    Immediately,
    OnMessage,
    OnState,
    Option,
    Scenario,
    Step,
    Trigger,
)
from trader.sim.script.stage import Action
from trader.sim.wire.places import INBOUND, field_names, outbound

SCENARIO_BYTES_MAX = 1024 * 1024
STEPS_MAX = 1000
_TRIGGERS = ("at", "wait", "before", "after", "sent", "when")
_CAPABILITIES = tuple(f"S{number:02}" for number in range(1, 25))
_TOP = ("name", "why", "incidents", "serves", "settings", "start_at", "steps")
_STEP = (*_TRIGGERS, "action", "with", "times", "every", "end")
SETTINGS = (
    "cash", "positions", "server_version", "ack_ms", "fill_ms", "speed", "tick_interval_s",
    "read_only", "sessions",
)  # fmt: skip


class ScenarioError(Exception):
    """A scenario file is not allowed as it stands."""

    def __init__(self, path: Path, line: int, error: InputError) -> None:
        self.line, self.field = line, error.field
        super().__init__(f"{path.name}, line {line}: {error}")


@dataclass(frozen=True, slots=True)
class _Node:
    """A mapping as read, with the line of each key."""

    values: dict[str, Any]
    lines: dict[str, int]
    line: int


class _Located(Exception):
    """An input error and where it is."""

    def __init__(self, line: int, error: InputError) -> None:
        self.line, self.error = line, error
        super().__init__(str(error))


def load(path: Path) -> Scenario:
    """Return the scenario of a file. Raises ScenarioError or OSError."""
    data = path.read_bytes()
    try:
        return parse(data)
    except _Located as found:
        raise ScenarioError(path, found.line, found.error) from None


def load_text(text: str, name: str = "scenario") -> Scenario:
    """Return the scenario of a text. Raises ScenarioError."""
    try:
        return parse(text.encode())
    except _Located as found:
        raise ScenarioError(Path(name), found.line, found.error) from None


def parse(data: bytes) -> Scenario:
    """Return the scenario that the bytes of a file mean."""
    if len(data) > SCENARIO_BYTES_MAX:
        raise _Located(1, InputError("file", len(data), f"up to {SCENARIO_BYTES_MAX} bytes"))
    try:
        node = yaml.compose(data.decode(), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise _Located(line, InputError("file", str(error), "YAML in UTF-8")) from None
    top = _mapping(node, "file")
    _only(top, _TOP, "file")
    steps = _need(top, "steps", list, "a list of steps")
    if not 0 < len(steps) <= STEPS_MAX:
        raise _Located(top.lines["steps"], InputError("steps", len(steps), f"1 to {STEPS_MAX}"))
    start_at = _optional(top, "start_at", "")
    if start_at:
        _located(top, "start_at", lambda: next_moment("start_at", str(start_at), 0.0))
    return Scenario(
        str(_need(top, "name", str, "a text")), str(_need(top, "why", str, "a text")),
        tuple(_step(_mapping(step, "steps"), registry()) for step in steps),
        _texts(top, "incidents"), _served(top), _settings(top), str(start_at),
    )  # fmt: skip


# -- the shape ---------------------------------------------------------------------------------


def _mapping(node: Any, field: str) -> _Node:
    if not isinstance(node, yaml.MappingNode):
        line = node.start_mark.line + 1 if isinstance(node, yaml.Node) else 1
        raise _Located(line, InputError(field, _plain(node), "an object of fields"))
    values: dict[str, Any] = {}
    lines: dict[str, int] = {}
    for key, value in node.value:
        name, line = str(key.value), key.start_mark.line + 1
        if name in values:
            raise _Located(line, InputError(name, "twice", "each field once"))
        keeps = isinstance(value, yaml.SequenceNode) and name == "steps"
        values[name] = list(value.value) if keeps else _plain(value)
        lines[name] = line
    return _Node(values, lines, node.start_mark.line + 1)


def _plain(node: Any) -> Any:
    """Return plain data, with `pick` and `between` as options."""
    if not isinstance(node, yaml.Node):
        return node
    if isinstance(node, yaml.MappingNode):
        found = {str(key.value): _plain(value) for key, value in node.value}
        return _option(found, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(entry) for entry in node.value]
    # YAML 1.1 reads 23:45 as a number in base 60 and `on` as true; only what looks like JSON
    # is anything but a text here.
    return _scalar(node.value, node.tag, is_quoted=bool(getattr(node, "style", None)))


def _scalar(text: str, tag: str, *, is_quoted: bool) -> Any:
    if is_quoted:
        return text
    if text in ("true", "false"):
        return text == "true"
    if text in ("null", "~", ""):
        return None
    if tag.endswith((":int", ":float")) and ":" not in text and "_" not in text:
        try:
            return int(text)
        except ValueError:
            return float(text)
    return text


def _option(found: dict[str, Any], line: int) -> Any:
    if set(found) == {"pick"}:
        choices = found["pick"]
        if not isinstance(choices, list) or not choices:
            raise _Located(line, InputError("pick", choices, "a list of at least one value"))
        return Option(choices=tuple(choices))
    if set(found) == {"between"}:
        ends = found["between"]
        is_pair = isinstance(ends, list) and len(ends) == 2
        if not is_pair or not all(
            isinstance(end, int | float) and not isinstance(end, bool) for end in ends
        ):
            raise _Located(line, InputError("between", ends, "two numbers"))
        if ends[0] > ends[1]:
            raise _Located(line, InputError("between", ends, "the smaller number first"))
        return Option(between=(ends[0], ends[1]))
    return found


def _only(node: _Node, allowed: tuple[str, ...], where: str) -> None:
    for name in node.values:
        if name not in allowed:
            raise _Located(node.lines[name], InputError(where, name, ", ".join(allowed)))


def _need(node: _Node, name: str, kind: type, allowed: str) -> Any:
    value = node.values.get(name)
    if not isinstance(value, kind):
        line = node.lines.get(name, node.line)
        raise _Located(line, InputError(name, value, allowed))
    return value


def _optional(node: _Node, name: str, default: Any) -> Any:
    return node.values.get(name, default)


def _texts(node: _Node, name: str) -> tuple[str, ...]:
    value = node.values.get(name, [])
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise _Located(node.lines[name], InputError(name, value, "a list of texts"))
    return tuple(value)


def _served(node: _Node) -> tuple[str, ...]:
    found = _texts(node, "serves")
    for name in found:
        if name not in _CAPABILITIES:
            allowed = f"{_CAPABILITIES[0]} to {_CAPABILITIES[-1]}"
            raise _Located(node.lines["serves"], InputError("serves", name, allowed))
    return found


def _located(node: _Node, name: str, check: Callable[[], Any]) -> Any:
    try:
        return check()
    except InputError as error:
        raise _Located(node.lines.get(name, node.line), error) from None


def _settings(top: _Node) -> dict[str, Any]:
    found = top.values.get("settings", {})
    if not isinstance(found, dict):
        raise _Located(top.lines["settings"], InputError("settings", found, "an object"))
    for name, value in found.items():
        if name not in SETTINGS:
            error = InputError("settings", name, ", ".join(SETTINGS))
            raise _Located(top.lines["settings"], error)
        _located(top, "settings", functools.partial(_setting, name, value))
    return found


def _setting(name: str, value: Any) -> None:
    """Check the shape; the ranges are those of the simulator's own settings."""
    if name in ("ack_ms", "fill_ms"):
        is_pair = isinstance(value, list) and len(value) == 2
        if not is_pair or not all(isinstance(end, int | float) for end in value):
            raise InputError(name, value, "two numbers of milliseconds")
    elif name == "positions":
        Inputs({name: value}).words(name)
    elif name == "sessions":
        Inputs({name: value}).text(name)
    elif name == "read_only":
        Inputs({name: value}).flag(name)
    else:
        Inputs({name: value}).decimal(name)


# -- steps ---------------------------------------------------------------------------------------


def _step(node: _Node, actions: dict[str, Action]) -> Step:
    _only(node, _STEP, "step")
    given = [name for name in _TRIGGERS if name in node.values]
    if len(given) > 1:
        error = InputError("step", ", ".join(given), "one trigger")
        raise _Located(node.lines[given[1]], error)
    is_end = node.values.get("end", False)
    if not isinstance(is_end, bool):
        raise _Located(node.lines["end"], InputError("end", is_end, "true"))
    trigger = _trigger(node, given[0]) if given else Immediately()
    action, inputs = _action(node, actions)
    if not given and action is None and not is_end:
        raise _Located(node.line, InputError("step", None, "a trigger, an action or `end: true`"))
    times = node.values.get("times", 1)
    if isinstance(times, bool) or not isinstance(times, int) or not 1 <= times <= 10_000:
        raise _Located(node.lines["times"], InputError("times", times, "1 to 10000"))
    every_s = _located(node, "every", lambda: span_s("every", node.values.get("every", 0)))
    return Step(trigger, action, inputs, times, every_s, is_end, node.line)


def _action(node: _Node, actions: dict[str, Action]) -> tuple[Action | None, dict[str, Any]]:
    if "action" not in node.values:
        if "with" in node.values:
            raise _Located(node.lines["with"], InputError("with", "", "an action beside it"))
        return None, {}
    name = node.values["action"]
    action = actions.get(name) if isinstance(name, str) else None
    if action is None:
        raise _Located(node.lines["action"], InputError("action", name, ", ".join(actions)))
    inputs = node.values.get("with", {})
    if not isinstance(inputs, dict):
        raise _Located(node.lines["with"], InputError("with", inputs, "an object of inputs"))
    line_field = "with" if "with" in node.values else "action"
    _located(node, line_field, lambda: _check_inputs(action, inputs))
    return action, inputs


def _check_inputs(action: Action, inputs: dict[str, Any]) -> None:
    known = {field.name for field in action.fields}
    for name, value in inputs.items():
        if name not in known:
            raise InputError(name, value, ", ".join(sorted(known)) or "no input")
    for field in action.fields:
        value = inputs.get(field.name)
        if field.name in inputs and _is_open(value):
            continue
        samples = value.samples() if isinstance(value, Option) else (value,)
        for sample in samples:
            field.read(Inputs({field.name: sample} if field.name in inputs else {}))


def _is_open(value: Any) -> bool:
    """Return whether a value is known only while the scenario plays."""
    if isinstance(value, str):
        return value.startswith("$")
    if isinstance(value, dict):
        return any(_is_open(entry) or isinstance(entry, Option) for entry in value.values())
    if isinstance(value, list):
        return any(_is_open(entry) or isinstance(entry, Option) for entry in value)
    return False


def _trigger(node: _Node, name: str) -> Trigger:
    value = node.values[name]
    return _located(node, name, lambda: _READERS[name](name, value))  # type: ignore[no-any-return]


def _at(name: str, value: Any) -> Trigger:
    return AtTime(_seconds(name, value))


def _wait(name: str, value: Any) -> Trigger:
    return AfterWait(_seconds(name, value))


def _seconds(name: str, value: Any) -> Any:
    if isinstance(value, Option):
        for sample in value.samples():
            span_s(name, sample)
        return value if value.between else Option(tuple(span_s(name, v) for v in value.choices))
    return span_s(name, value)


def _on_message(name: str, value: Any) -> Trigger:
    known = outbound() if name == "sent" else INBOUND
    if isinstance(value, str):
        value = {"message": value}
    if not isinstance(value, dict):
        raise InputError(name, value, "a message, or an object with message, count, ...")
    inputs = Inputs({key: entry for key, entry in value.items() if key != "count"})
    message = inputs.choice("message", list(known))
    where = inputs.words("where") if inputs.has("where") else {}
    client_id = inputs.integer("client_id", 0, 2**31 - 1, optional=True)
    inputs.done()
    allowed = (
        field_names()
        if name == "sent"
        else ["orderId", "reqId", "conId", "symbol", "secType", "action", "orderType", "account"]
    )
    for field in where:
        if not field.isdecimal() and field not in allowed:
            raise InputError("where", field, ", ".join(allowed))
    count = value.get("count", 1)
    samples = count.samples() if isinstance(count, Option) else (count,)
    for sample in samples:
        Inputs({"count": sample}).integer("count", 1, 10**6)
    return OnMessage(name, known[message], count, client_id, tuple(where.items()))


def _on_state(name: str, value: Any) -> Trigger:
    if not isinstance(value, dict) or not value:
        raise InputError(name, value, "an object of conditions")
    inputs = Inputs(value)
    found: dict[str, Any] = {}
    if inputs.has("order"):
        found["order"] = inputs.choice("order", [str(status) for status in Status])
    for field in ("order_ref", "symbol", "order_type"):
        if inputs.has(field):
            found[field] = inputs.text(field)
    if inputs.has("filled_at_least"):
        found["filled_at_least"] = str(inputs.decimal("filled_at_least") or Decimal(0))
    for field in ("orders", "executions", "clients"):
        if inputs.has(field):
            found[field] = inputs.integer(field, 0, 10**6)
    if inputs.has("listening"):
        found["listening"] = inputs.flag("listening")
    if inputs.has("child"):
        found["child"] = inputs.text("child")
    if "child" in found or inputs.has("child_state"):
        found["child_state"] = inputs.choice("child_state", CHILD_STATES)
    inputs.done()
    return OnState(**found)


_READERS: dict[str, Callable[[str, Any], Trigger]] = {
    "at": _at, "wait": _wait, "before": _on_message, "after": _on_message, "sent": _on_message,
    "when": _on_state,
}  # fmt: skip
