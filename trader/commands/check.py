"""``trader check``: everything that would keep the daemon from starting, told at once.

Environment, settings, policy and its signature, instruments and the state directory are looked at
exactly as at a start. Nothing is made, written, locked or connected to.
"""

import argparse
import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from trader.commands.arguments import add_settings_arguments
from trader.config import ConfigError, Configuration, load
from trader.config.load import state_dir_in
from trader.config.own_strategies import may_short, own_strategy_problems
from trader.config.signature import signature_problem
from trader.core.policy import policy_hash
from trader.engine.acts.drain import ExitCode

# How our lines are written: `where: field is value, allowed is what`. Value and where may be
# missing, and a line of another form is still a problem.
_LINE_FORM = re.compile(
    r"(?:(?P<where>[^,]+?): )?(?P<field>[A-Za-z_][\w.]*) "
    r"(?:is|has|names|begins with) (?P<value>.*?)(?:, (?P<allowed>allowed .*))?",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, in words, and in parts where the words have them."""

    text: str
    where: str = ""
    field: str = ""
    value: str = ""
    allowed: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found; ``facts`` say what would run, when nothing is wrong."""

    problems: tuple[Problem, ...]
    warnings: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_settings_arguments(parser)
    parser.add_argument("--json", action="store_true", help="everything, as JSON")


def run(given: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Print what a check found; returns 0, or 5 as the start would."""
    # Strategies of one's own are imported: not even compiled do they leave a trace.
    sys.dont_write_bytecode = True
    report = check(given.config, environment, given.set, given.account or "")
    if given.json:
        body = {
            "is_ok": not report.problems,
            "problems": [asdict(problem) for problem in report.problems],
            "warnings": list(report.warnings),
            **dict(report.facts),
        }
        print(json.dumps(body, indent=1))
    else:
        for problem in report.problems:
            print(f"trader: {problem.text}", file=sys.stderr)
        for warning in report.warnings:
            print(f"warning: {warning}", file=sys.stderr)
        for name, fact in report.facts:
            print(f"{name:<12}{fact}")
    return int(ExitCode.COULD_NOT_START) if report.problems else 0


def check(
    path: Path,
    environment: Mapping[str, str],
    assignments: Sequence[str] = (),
    account: str = "",
) -> Report:
    """Look at everything that a start looks at before it connects."""
    lines: list[str] = []
    if not __debug__:
        lines.append("python is run with -O, allowed is without: assertions stay on")
    config: Configuration | None = None
    state: Path | None
    try:
        config = load(path, environment, assignments, account)
        lines += config.start_problems
        lines += own_strategy_problems(
            config.settings.strategies, may_short=may_short(config.policy)
        )
        state = config.settings.state_dir
    except ConfigError as error:
        lines += error.problems
        state = state_dir_in(path, environment, assignments)
    if state is not None:
        lines += state_problems(state)
    problems = tuple(problem_of(line) for line in lines)
    if config is None:
        return Report(problems)
    return Report(problems, config.warnings, () if problems else _facts(config))


def state_problems(folder: Path) -> tuple[str, ...]:
    """Say why a state directory could not be used; it is not made, and nothing in it is touched."""
    allowed = "allowed is a directory that this user may write"
    if folder.exists():
        if not folder.is_dir():
            return (f"state_dir is {folder}, {allowed}: it is no directory",)
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            return (f"state_dir is {folder}, {allowed}: this one may not",)
        return ()
    # The start makes it: below what is there already.
    parent = next(place for place in folder.parents if place.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        return (f"state_dir is {folder}, {allowed}: it cannot be made in {parent}",)
    return ()


def problem_of(line: str) -> Problem:
    """Take a line apart; what has another form keeps its words alone."""
    found = _LINE_FORM.fullmatch(line)
    if found is None:
        return Problem(line)
    where = found["where"] or ("environment" if found["field"].isupper() else "")
    return Problem(line, where, found["field"], found["value"], found["allowed"] or "")


def _facts(config: Configuration) -> tuple[tuple[str, str], ...]:
    settings = config.settings
    unsigned = signature_problem(settings.targets_file, config.policy)
    return (
        ("mode", settings.mode.value),
        ("account", settings.account),
        ("broker", f"{settings.broker.host}:{settings.broker.port}"),
        ("instruments", f"{len(config.instruments)} in {settings.assets_file}"),
        ("policy", f"{policy_hash(config.policy)[:12]} of {settings.targets_file}"),
        ("signature", unsigned or "matches"),
        ("state", str(settings.state_dir)),
        ("journal", str(config.journal_file)),
    )
