"""Puts a scenario on a simulator, whatever its host: settings, the moment it starts, the engine."""

import random
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from trader.sim.clock import LoopClock, VirtualClock
from trader.sim.host.simulator import Simulator
from trader.sim.script import manual
from trader.sim.script.engine import Engine
from trader.sim.script.loader import load
from trader.sim.script.moments import next_moment
from trader.sim.script.scenario import AfterWait, AtTime, OnState, Option, Scenario
from trader.sim.script.stage import Stage
from trader.sim.settings import Settings, SettingsError

SHIPPED = Path(__file__).parent.parent / "scenarios"


def shipped() -> list[str]:
    """Return the names of the scenarios that come with the program."""
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def find(text: str) -> Scenario:
    """Return the scenario of a path, or of a shipped name. Raises ScenarioError, SettingsError."""
    path = Path(text)
    if not path.is_file() and text in shipped():
        path = SHIPPED / f"{text}.yaml"
    try:
        return load(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise SettingsError(
            f"scenario: {text} is not allowed ({reason}); allowed: a file, or one of "
            + ", ".join(shipped())
        ) from None


def manual_parts() -> dict[str, str]:
    """Return the generated parts of docs/simulator.md by name."""
    return {
        "capabilities": manual.capabilities_text(),
        "scenarios": manual.scenarios_text(find(name) for name in shipped()),
        "actions": manual.actions_text(),
        "codes": manual.codes_text(),
    }


def settings_for(scenario: Scenario, settings: Settings) -> Settings:
    """Return the settings with those of the scenario, which win. Raises SettingsError."""
    changes: dict[str, Any] = {}
    for name, value in scenario.settings.items():
        match name:
            case "cash":
                changes["cash"] = Decimal(str(value))
            case "positions":
                changes["positions"] = tuple((s, Decimal(str(q))) for s, q in value.items())
            case "ack_ms" | "fill_ms":
                changes[name.replace("ms", "s")] = (value[0] / 1000, value[1] / 1000)
            case "read_only":
                changes["is_read_only"] = value
            case _:
                changes[name] = value
    return replace(settings, **changes)


def timed_s(scenario: Scenario) -> float:
    """Return the seconds after which the last step by time is due, if others wait for nothing."""
    at_s = 0.0
    for step in scenario.steps:
        match step.trigger:
            case AtTime(seconds):
                at_s = max(at_s, _latest_s(seconds))
            case AfterWait(seconds):
                at_s += _latest_s(seconds)
    return at_s


def _latest_s(seconds: Any) -> float:
    return float(max(seconds.samples()) if isinstance(seconds, Option) else seconds)


def check_processes(scenario: Scenario, settings: Settings, *, is_virtual: bool) -> None:
    """Refuse a scenario whose processes or files are not declared. Raises SettingsError."""
    for needed, known, option in (
        ("child", [child.name for child in settings.children], "--child NAME='COMMAND ...'"),
        ("file", [name for name, _ in settings.lockables], "--lockable NAME=PATH"),
    ):
        wanted = _acted_on(scenario, needed)
        if wanted and is_virtual:
            raise SettingsError(
                f"scenario: {scenario.name} acts on a {needed}; allowed: one that acts on none, "
                "or no --virtual"
            )
        missing = [name for name in wanted if name is not None and name not in known]
        if missing or (wanted and not known):
            named = f"the {needed} {missing[0]!r}" if missing else f"a {needed}"
            raise SettingsError(
                f"scenario: {scenario.name} acts on {named}, which is not declared; "
                f"allowed: with {option}"
            )


def _acted_on(scenario: Scenario, field: str) -> list[str | None]:
    """Return the names a scenario gives to children or files; None is the first one declared."""
    found: list[str | None] = []
    for step in scenario.steps:
        if isinstance(step.trigger, OnState) and step.trigger.child_state and field == "child":
            found.append(step.trigger.child)
        action = step.action
        if action is None or "S24" not in action.serves:
            continue
        if any(one.name == field for one in action.fields):
            name = step.inputs.get(field)
            is_open = not isinstance(name, str) or name.startswith("$")
            found.append(None if is_open else name)
    return found


def set_time(scenario: Scenario, clock: LoopClock | VirtualClock) -> None:
    """Go to the moment the scenario starts at, before anything else happens."""
    if scenario.start_at:
        now_s = clock.time()
        clock.advance(next_moment("start_at", scenario.start_at, now_s) - now_s)


def stage_of(host: Simulator, clock: LoopClock | VirtualClock, stop: Callable[[], None]) -> Stage:
    """Return the stage of a scenario, with chance of its own from the simulator's seed."""
    return Stage(host, stop, clock.advance, random.Random(f"scenario {host.settings.seed}"))


def begin(scenario: Scenario, stage: Stage) -> Engine:
    """Start the engine on a simulator that is open."""
    engine = Engine(scenario, stage, stage.stop)
    engine.start()
    return engine
