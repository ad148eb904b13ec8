"""``trader status`` and ``trader breakers``: what the running daemon says of itself."""

import argparse
import json
import sys
from collections.abc import Mapping

from trader.commands.asking import DONE, NOT_DONE, add_state, endpoint_of
from trader.ops.clock import SystemClock
from trader.ops.control_client import NoReply, ask_status
from trader.ops.status_text import breaker_lines, status_lines


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("--json", action="store_true", help="the whole status, as JSON")
    add_state(parser)


def run(given: argparse.Namespace, _environment: Mapping[str, str]) -> int:
    """Show the status, or the breakers of it; returns the exit code."""
    endpoint = endpoint_of(given.state)
    if endpoint is None:
        return NOT_DONE
    try:
        reply = ask_status(endpoint, timeout_s=5.0, monotonic=SystemClock().monotonic)
    except NoReply as error:
        print(f"trader: no answer from process {endpoint.pid}: {error}", file=sys.stderr)
        return NOT_DONE
    lines_of = breaker_lines if given.command == "breakers" else status_lines
    print(json.dumps(reply.body, indent=1) if given.json else "\n".join(lines_of(reply.body)))
    return DONE
