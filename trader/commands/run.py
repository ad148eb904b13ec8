"""``trader run``: the daemon.

Exit codes: 0 clean, 1 failed, 3 drained with open orders, 4 halted by invariant, 5 could not start,
6 no broker.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping, Sequence

import uvloop

from trader.commands.arguments import add_settings_arguments
from trader.config import ConfigError, Configuration, load
from trader.config.own_strategies import may_short, own_strategy_problems
from trader.engine.acts.drain import ExitCode
from trader.imports import calculate_alone, kept
from trader.ops.error_counts import ErrorCounts
from trader.ops.logs import configure_logs
from trader.ports import WorldError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_settings_arguments(parser)


def run(given: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Run the daemon to its end; returns the exit code."""
    if not __debug__:
        return _cannot_start(["assertions are switched off (-O); allowed is on"])
    try:
        config = load(given.config, environment, given.set, given.account or "")
        problems = (
            *config.start_problems,
            *own_strategy_problems(config.settings.strategies, may_short=may_short(config.policy)),
            *_state(config),
        )
        if problems:
            return _cannot_start(problems)
        errors = ErrorCounts()
        configure_logs(config.settings.log_level, config.settings.log_format, errors=errors)
        for warning in config.warnings:
            print(f"warning: {warning}", file=sys.stderr)
        calculate_alone(os.environ)
        with kept():
            # Who cannot start is told at once, before all of the daemon is loaded.
            from trader.app import real_world, run_daemon
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return int(runner.run(run_daemon(config, real_world(environment, errors))))
    except ConfigError as error:
        return _cannot_start(error.problems)
    except WorldError as error:
        return _cannot_start([str(error)])


def _state(config: Configuration) -> tuple[str, ...]:
    """Say why the state directory cannot be used; it is made if it is not there."""
    folder = config.settings.state_dir
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe = folder / f".probe-{os.getpid()}"
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        return (f"state_dir: {folder} is not writable: {error.strerror}",)
    return ()


def _cannot_start(problems: Sequence[str]) -> int:
    for problem in problems:
        print(f"trader: cannot start: {problem}", file=sys.stderr)
    return int(ExitCode.COULD_NOT_START)
