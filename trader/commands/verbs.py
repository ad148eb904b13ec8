"""The operator's verbs: what the running daemon is asked to do, and answers."""

import argparse
from collections.abc import Mapping

from trader.commands.asking import add_state, ask, timeout
from trader.ops.kill import operator_name

# Nobody does one of these without saying why.
_WITH_REASON = ("resume", "reduce", "reset", "override", "review")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb that the parser is for."""
    name = parser.get_default("command")
    if name in ("reset", "override"):
        parser.add_argument("breaker", help="its name, as trader breakers shows it")
    if name == "review":
        parser.add_argument("action", help="its number, as trader breakers shows it")
        parser.add_argument("--verdict", required=True, choices=("true", "false"))
        parser.add_argument("--by", help="who reviewed it (default: who is logged in)")
    if name == "override":
        parser.add_argument("--minutes", type=int, required=True, metavar="N", help="1 to 15")
    parser.add_argument("--reason", required=name in _WITH_REASON, default="manual")
    parser.add_argument("--timeout", type=timeout, default=60.0, metavar="S")
    add_state(parser)


def run(given: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Ask for the verb and show the answer; returns the exit code."""
    asked: dict[str, object] = {"reason": given.reason, "by": operator_name(environment)}
    if given.command in ("reset", "override"):
        asked["breaker"] = given.breaker
    if given.command == "review":
        asked |= {"action": given.action, "verdict": given.verdict}
        asked["by"] = given.by or asked["by"]
    if given.command == "override":
        asked["minutes"] = given.minutes
    return ask(given, given.command, asked)
