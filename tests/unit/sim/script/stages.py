"""A stage for the tests of actions and scenarios: a simulator in memory on virtual time."""

from __future__ import annotations

import functools
import random
import tempfile
from pathlib import Path
from typing import Any, cast

from tests.unit.sim.support import ACCOUNT, split, write_prices
from trader.sim.host import play
from trader.sim.host.memory import MemoryHost
from trader.sim.host.pipe import MemoryPeer
from trader.sim.script.actions import perform, registry
from trader.sim.script.engine import Engine
from trader.sim.script.loader import load_text
from trader.sim.script.scenario import Scenario
from trader.sim.script.stage import Stage
from trader.sim.settings import Settings
from trader.sim.wire.frames import encode

# A Monday at 14:40 UTC.
EPOCH_S = 1_795_444_800.0


@functools.cache
def _prices() -> Path:
    return write_prices(Path(tempfile.mkdtemp(prefix="sim-prices-")))


def memory_host(**changes: Any) -> MemoryHost:
    """Return a started simulator that answers at once."""
    values: dict[str, Any] = {
        "account": ACCOUNT, "seed": 1, "data": _prices(), "tick_interval_s": 1.0, "speed": 1.0,
        "ack_s": (0.0, 0.0), "fill_s": (0.0, 0.0),
    }  # fmt: skip
    host = MemoryHost(Settings(**(values | changes)), epoch_s=EPOCH_S)
    host.start()
    return host


def staged(**changes: Any) -> Stage:
    """Return a stage around a simulator in memory."""
    host = memory_host(**changes)
    return Stage(host, lambda: None, host.clock.advance, random.Random(1))


def playing(text: str, **changes: Any) -> tuple[MemoryHost, Engine]:
    """Return a simulator that plays the scenario of a text, and the engine."""
    return play_scenario(load_text(text), **changes)


def played(name: str, **changes: Any) -> tuple[MemoryHost, Engine]:
    """Return a simulator that plays a shipped scenario, and the engine."""
    return play_scenario(play.find(name), **changes)


def play_scenario(scenario: Scenario, **changes: Any) -> tuple[MemoryHost, Engine]:
    """Return a simulator that plays a scenario, and the engine."""
    values: dict[str, Any] = {
        "account": ACCOUNT, "seed": 1, "data": _prices(), "tick_interval_s": 1.0, "speed": 1.0,
        "ack_s": (0.0, 0.0), "fill_s": (0.0, 0.0),
    }  # fmt: skip
    settings = play.settings_for(scenario, Settings(**(values | changes)))
    host = MemoryHost(settings, epoch_s=EPOCH_S)
    play.set_time(scenario, host.clock)
    host.start()
    return host, play.begin(scenario, play.stage_of(host, host.clock, lambda: None))


def memory(stage: Stage) -> MemoryHost:
    """Return the host of a stage that `staged` made."""
    return cast(MemoryHost, stage.host)


def act(stage: Stage, name: str, /, **inputs: Any) -> dict[str, Any]:
    """Perform one action."""
    return perform(stage, registry()[name], inputs)


def act_on(host: MemoryHost, name: str, /, **inputs: Any) -> dict[str, Any]:
    """Perform one action on a simulator in memory."""
    return act(Stage(host, lambda: None, host.clock.advance, random.Random(1)), name, **inputs)


class Wire:
    """A bare client of a simulator in memory."""

    def __init__(self, host: MemoryHost, client_id: int = 7, *, greet: bool = True) -> None:
        self.host, self.client_id = host, client_id
        self.peer: MemoryPeer = host.connect()
        if greet:
            self.hello()
            self.start()

    def hello(self, versions: str = "v157..178") -> None:
        """Send the handshake."""
        text = versions.encode()
        self.peer.send(b"API\0" + len(text).to_bytes(4, "big") + text)

    def start(self) -> None:
        """Send startApi and forget what the connection began with."""
        self.send(71, 2, self.client_id, "")
        self.wait(0.1)
        self.frames()

    def send(self, *fields: object) -> None:
        """Send one message."""
        self.peer.send(encode(*fields))

    def wait(self, seconds: float = 0.0) -> None:
        """Let time pass."""
        self.host.clock.advance(seconds)

    def raw(self) -> bytes:
        """Return the bytes that came since the last look, after one turn."""
        self.wait()
        return self.peer.receive()

    def frames(self, *message_ids: int) -> list[list[str]]:
        """Return the frames that came since the last look, of some ids or all."""
        found = split(self.raw())
        return [f for f in found if not message_ids or int(f[0]) in message_ids]

    def ids(self) -> list[int]:
        """Return the message ids that came since the last look."""
        return [int(fields[0]) for fields in self.frames()]
