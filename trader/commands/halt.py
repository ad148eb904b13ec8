"""``trader halt``: halt now, also when nobody answers (see ``scripts/kill_switch.py`` as well)."""

import argparse
import sys
import threading
from collections.abc import Mapping
from datetime import UTC
from pathlib import Path

from trader.commands.asking import add_state
from trader.ops.clock import SystemClock
from trader.ops.control_token import ENDPOINT_FILE_NAME
from trader.ops.kill import Order, World, halt, operator_name


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("--reason", default="manual")
    add_state(parser)


def run(given: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Write the halt file and have the daemon confirm it; returns the exit code."""
    clock = SystemClock()
    order = Order(
        halt_file=Path(environment.get("EXECUTION_HALTED_FILE") or given.state / "HALT"),
        endpoint_file=given.state / ENDPOINT_FILE_NAME,
        reason=" ".join(given.reason.split())[:500] or "manual",
        by=operator_name(environment),
        timeout_s=60.0,
    )
    world = World(
        say=print,
        complain=lambda text: print(text, file=sys.stderr),
        monotonic=clock.monotonic,
        utc=lambda: clock.utc().astimezone(UTC),
        pause=_pause,
        environment=environment,
    )
    return halt(order, world)


def _pause(seconds: float) -> None:
    """Wait in a shell command, where no event loop runs."""
    threading.Event().wait(seconds)
