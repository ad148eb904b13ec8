"""``trader status`` and ``trader breakers``: what the running daemon says of itself."""

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping

from trader.commands.asking import DONE, NOT_DONE, add_state, no_daemon, timeout
from trader.ops.clock import SystemClock
from trader.ops.control_client import NoReply, ask_status
from trader.ops.control_token import ENDPOINT_FILE_NAME, read_endpoint
from trader.ops.status_text import breaker_lines, status_lines
from trader.terminal import Reader

_WATCH_S = 2.0
_ANSWER_S = 5.0
# To the top left, and nothing of before.
_CLEAR = "\x1b[H\x1b[2J"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("--json", action="store_true", help="the whole status, as JSON")
    parser.add_argument(
        "--watch", type=timeout, nargs="?", const=_WATCH_S, metavar="S",
        help=f"again and again, every S seconds (default: {_WATCH_S:g}), until it is interrupted",
    )  # fmt: skip
    add_state(parser)


def run(given: argparse.Namespace, _environment: Mapping[str, str]) -> int:
    """Show the status, or the breakers of it; returns the exit code."""
    if given.watch is None:
        text, problem = _told(given)
        if text is None:
            print(f"trader: {problem}", file=sys.stderr)
            return NOT_DONE
        print(text)
        return DONE
    try:
        asyncio.run(_watch(given))
    except KeyboardInterrupt:
        return DONE
    return DONE


async def _watch(given: argparse.Namespace) -> None:
    """Show it until somebody ends it, also while no daemon runs: it may come back."""
    clock, reader = SystemClock(), Reader()
    while not reader.has_left():
        text, problem = _told(given)
        head = f"{clock.utc():%Y-%m-%d %H:%M:%S} UTC, every {given.watch:g} s"
        print(f"{_CLEAR if reader.is_screen else ''}{head}\n\n{text or problem}\n", flush=True)
        await clock.sleep(given.watch)


def _told(given: argparse.Namespace) -> tuple[str | None, str]:
    """Return what is shown, or None and why there is nothing."""
    endpoint = read_endpoint(given.state / ENDPOINT_FILE_NAME)
    if endpoint is None:
        return None, no_daemon(given.state)
    try:
        reply = ask_status(endpoint, timeout_s=_ANSWER_S, monotonic=SystemClock().monotonic)
    except NoReply as error:
        return None, f"no answer from process {endpoint.pid}: {error}"
    lines_of = breaker_lines if given.command == "breakers" else status_lines
    return json.dumps(reply.body, indent=1) if given.json else "\n".join(lines_of(reply.body)), ""
