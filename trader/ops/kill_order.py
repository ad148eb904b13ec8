"""What a kill switch was asked for, its surroundings, its exit codes, and how it asks the daemon.

Standard library only, and quick to import.
"""

import os
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from trader.ops.control_client import Reply, ask_verb
from trader.ops.control_token import Endpoint
from trader.ops.halt_record import readable

DONE, NOT_CONFIRMED, USAGE, PROTECTED, REMAINS, WAITS = 0, 1, 2, 3, 4, 5
FILE_FAILED, NO_LINK, CANNOT_ACT, BUSY = 6, 7, 8, 9


class World(NamedTuple):
    """What the kill switch needs of its surroundings."""

    say: Callable[[str], None]
    complain: Callable[[str], None]
    monotonic: Callable[[], float]
    utc: Callable[[], datetime]
    pause: Callable[[float], None]
    environment: Mapping[str, str]
    # Where the JSON of --json goes.
    answer: Callable[[str], None] = print


class Order(NamedTuple):
    """What was asked for."""

    halt_file: Path
    endpoint_file: Path
    reason: str
    by: str
    timeout_s: float
    must_cancel: bool = False
    must_liquidate: bool = False
    is_everything: bool = False
    wait_s: float = 30.0
    config: str = ""

    @property
    def state(self) -> Path:
        """Return the daemon's state directory."""
        return self.endpoint_file.parent


def operator_name(environment: Mapping[str, str]) -> str:
    """Return who is at the keyboard, as far as the environment tells."""
    for name in ("SUDO_USER", "LOGNAME", "USER"):
        if environment.get(name, "").strip():
            return readable(environment[name].strip())[:100]
    return f"uid {os.getuid()}"


def ask(
    order: Order, endpoint: Endpoint, world: World, verb: str, *, timeout_s: float, **more: bool
) -> Reply:
    """Ask the daemon for a verb in this operator's name; raises NoReply."""
    asked: dict[str, object] = {"reason": order.reason, "by": order.by, **more}
    return ask_verb(endpoint, verb, asked, timeout_s=timeout_s, monotonic=world.monotonic)


def report(reply: Reply, done: str, world: World) -> None:
    """Say what the daemon answered, line by line."""
    if reply.is_done:
        world.say(f"{done}: {reply.text}")
    else:
        world.complain(f"{done.partition(':')[0]}, but not done: {reply.text}")
    for line in reply.details:
        world.say(f"  {line}")
