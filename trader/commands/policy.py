"""``trader policy``: show or sign the risk policy."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from trader.commands.asking import DONE, NOT_DONE
from trader.config import ConfigError
from trader.config.signature import policy_lines, sign, sound_policy
from trader.ops.clock import SystemClock
from trader.ops.kill import operator_name


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("action", choices=("show", "sign"))
    parser.add_argument(
        "--file", type=Path, default=Path("config/targets.yaml"), help="the targets file"
    )
    parser.add_argument("--by", help="who signs (default: who is logged in)")
    parser.add_argument("--role", default="Risk Officer", help="in which role")


def run(given: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Show the policy with its seal, or sign it; returns the exit code."""
    try:
        policy = sound_policy(given.file)
        if given.action == "sign":
            by = given.by or operator_name(environment)
            sign(given.file, policy, by=by, role=given.role, now_utc=SystemClock().utc())
        *limits, seal, signed = policy_lines(given.file, policy)
    except ConfigError as error:
        for problem in error.problems:
            print(f"trader: {problem}", file=sys.stderr)
        return NOT_DONE
    for line in (*limits, seal, signed) if given.action == "show" else (seal, signed):
        print(line)
    return DONE
