"""What a scenario says: settings to start with, and ordered steps of a trigger and an action.

These are plain values, checked when a file is read (`trader.sim.script.loader`) and played by the
engine. What a step leaves to chance is an `Option`, drawn from the seed when the play begins.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trader.sim.script.stage import Action


@dataclass(frozen=True, slots=True)
class Option:
    """A value left to chance: one of some, or a number between two."""

    choices: tuple[Any, ...] = ()
    between: tuple[float, float] | None = None

    def draw(self, rng: random.Random) -> Any:
        """Return the value that the seed means."""
        if self.between is None:
            return rng.choice(self.choices)
        low, high = self.between
        if isinstance(low, int) and isinstance(high, int):
            return rng.randint(low, high)
        return round(rng.uniform(low, high), 3)

    def samples(self) -> tuple[Any, ...]:
        """Return values to check in place of all that it may become."""
        return self.choices if self.between is None else self.between


@dataclass(frozen=True, slots=True)
class Immediately:
    """The step before has been done."""


@dataclass(frozen=True, slots=True)
class AtTime:
    """So many seconds after the start."""

    seconds: Any


@dataclass(frozen=True, slots=True)
class AfterWait:
    """So many seconds after the step before."""

    seconds: Any


@dataclass(frozen=True, slots=True)
class OnMessage:
    """The n-th message of a kind since the step before: before or after it is handled, or sent."""

    moment: str
    message_id: int
    count: Any = 1
    client_id: int | None = None
    where: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class OnState:
    """The world looks like this; each given part must hold."""

    order: str | None = None
    order_ref: str | None = None
    symbol: str | None = None
    order_type: str | None = None
    filled_at_least: str | None = None
    orders: int | None = None
    executions: int | None = None
    clients: int | None = None
    listening: bool | None = None
    # A declared child (the first one without a name) and what it must be doing.
    child: str | None = None
    child_state: str | None = None


Trigger = Immediately | AtTime | AfterWait | OnMessage | OnState


@dataclass(frozen=True, slots=True)
class Step:
    """One step; without an action it only waits, and an `end` ends the play."""

    trigger: Trigger
    action: Action | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    times: int = 1
    every_s: float = 0.0
    is_end: bool = False
    line: int = 0


@dataclass(frozen=True, slots=True)
class Scenario:
    """A whole file."""

    name: str
    why: str
    steps: tuple[Step, ...]
    incidents: tuple[str, ...] = ()
    serves: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    start_at: str = ""


def drawn(value: Any, rng: random.Random) -> Any:
    """Return a value with every option in it drawn, in the order they are written."""
    if isinstance(value, Option):
        return value.draw(rng)
    if isinstance(value, Mapping):
        return {key: drawn(entry, rng) for key, entry in value.items()}
    if isinstance(value, list):
        return [drawn(entry, rng) for entry in value]
    return value


def resolved(value: Any, known: Mapping[str, Any]) -> Any:
    """Return a value with `$name` replaced by what the play has learnt under that name."""
    if isinstance(value, str) and value.startswith("$"):
        return known.get(value[1:], value)
    if isinstance(value, Mapping):
        return {key: resolved(entry, known) for key, entry in value.items()}
    if isinstance(value, list):
        return [resolved(entry, known) for entry in value]
    return value
