"""``trader config show``: every setting in force and where it came from; ``config check`` is check.

Exit codes: show 0, or 5 where the settings cannot be used; check as ``trader check``.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict

from trader.commands import check
from trader.commands.arguments import add_settings_arguments
from trader.config import ConfigError, environment_halt
from trader.config.effective import Effective, Variable, effective, variables
from trader.engine.acts.drain import ExitCode
from trader.ops.status_json import plain
from trader.ops.table_text import table

_SHOW = "show"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    shown = verbs.add_parser(_SHOW, help="every setting in force, and where it came from")
    add_settings_arguments(shown)
    shown.add_argument("--json", action="store_true", help="everything, as JSON")
    shown.add_argument("--set-only", action="store_true", help="without what is at its default")
    checked = verbs.add_parser("check", help="the same as trader check")
    check.add_arguments(checked)


def run(given: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Show or check; returns the exit code."""
    if given.verb != _SHOW:
        return check.run(given, environment)
    try:
        config, rows = effective(given.config, environment, given.set, given.account or "")
    except ConfigError as error:
        for problem in error.problems:
            print(f"trader: {problem}", file=sys.stderr)
        return int(ExitCode.COULD_NOT_START)
    shown = [row for row in rows if not given.set_only or row.source != "default"]
    named = variables(environment)
    if given.json:
        body = {
            "file": given.config.absolute(),
            "settings": [asdict(row) for row in shown],
            "environment": [asdict(row) for row in named],
            "warnings": [*config.warnings, *_unknown(named)],
        }
        print(json.dumps(plain(_written(body)), indent=1))
        return 0
    print("\n".join(table(("SETTING", "VALUE", "FROM"), [_cells(row) for row in shown])))
    if named:
        print("\n".join(["", *table(("VARIABLE", "VALUE", "MEANING"), [_told(r) for r in named])]))
    halt = environment_halt(environment)
    for warning in (*config.warnings, *_unknown(named), *([halt] if halt else [])):
        print(f"warning: {warning}", file=sys.stderr)
    return 0


def _cells(row: Effective) -> tuple[str, str, str]:
    return row.name, _text(row.value), row.source


def _told(row: Variable) -> tuple[str, str, str]:
    return row.name, row.value, row.meaning or "unknown here: it changes nothing"


def _unknown(named: tuple[Variable, ...]) -> list[str]:
    return [
        f"{row.name} is set and is no name of ours: it changes nothing"
        + (f"; did you mean {row.hint}?" if row.hint else "")
        for row in named
        if not row.meaning
    ]


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "true" if value else "false"
    return " ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def _written(value: object) -> object:
    """Write paths as text, deep down: what strategies of one's own take may hold anything."""
    if isinstance(value, Mapping):
        return {str(key): _written(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [_written(one) for one in value]
    is_known = (
        value is None or isinstance(value, bool | int | float | str) or hasattr(value, "as_tuple")
    )
    return value if is_known else str(value)
