"""Asking the running daemon for a verb, from a shell: the arguments, the question, the answer."""

import argparse
import math
import sys
from collections.abc import Mapping
from pathlib import Path

from trader.ops.clock import SystemClock
from trader.ops.control_client import NoReply, Reply, ask_verb
from trader.ops.control_token import ENDPOINT_FILE_NAME, Endpoint, read_endpoint

DONE, NOT_DONE, USAGE = 0, 1, 2


def add_state(parser: argparse.ArgumentParser) -> None:
    """Add where the daemon's state is."""
    parser.add_argument(
        "--state", type=Path, default=Path("state"), help="the daemon's state (default: state)"
    )


def timeout(text: str) -> float:
    """Read how long to wait for an answer, in seconds."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= 3600:
        raise argparse.ArgumentTypeError(f"is {text}, allowed is above 0, up to 3600 seconds")
    return seconds


def add_reading(parser: argparse.ArgumentParser) -> None:
    """Add what a question takes that the journal answers."""
    parser.add_argument("--json", action="store_true", help="everything, as JSON")
    parser.add_argument("--journal", type=Path, metavar="FILE", help="another journal")
    add_state(parser)


def add_deciding(parser: argparse.ArgumentParser, patience_s: float = 60.0) -> None:
    """Add what a decision takes that the daemon carries out."""
    parser.add_argument("--reason", required=True)
    parser.add_argument("--timeout", type=timeout, default=patience_s, metavar="S")
    add_state(parser)


def endpoint_of(state: Path) -> Endpoint | None:
    """Return where the daemon listens, or say that none does."""
    endpoint = read_endpoint(state / ENDPOINT_FILE_NAME)
    if endpoint is None:
        print(f"trader: {no_daemon(state)}", file=sys.stderr)
    return endpoint


def no_daemon(state: Path) -> str:
    """Say that no daemon listens."""
    return f"no daemon is running for {state} (choose with --state)"


def ask(given: argparse.Namespace, verb: str, asked: Mapping[str, object]) -> int:
    """Ask for a verb and show the answer; returns the exit code."""
    endpoint = endpoint_of(given.state)
    if endpoint is None:
        return NOT_DONE
    try:
        reply = ask_verb(
            endpoint, verb, asked, timeout_s=given.timeout, monotonic=SystemClock().monotonic
        )
    except NoReply as error:
        print(f"trader: {verb} not confirmed: {error}", file=sys.stderr)
        return NOT_DONE
    return _show(reply)


def _show(reply: Reply) -> int:
    print(reply.text, file=sys.stdout if reply.is_done else sys.stderr)
    for line in reply.details:
        print(f"  {line}", file=sys.stdout if reply.is_done else sys.stderr)
    return DONE if reply.is_done else NOT_DONE
