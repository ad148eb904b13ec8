"""``trader doctor``: everything around the daemon that keeps it from trading, looked for at once.

Nothing is sent that is an order, and a daemon that runs is asked and not disturbed. Exit codes: 0
everything was looked at and is well, 1 something is not or could not be seen, 2 it could not run.
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from trader.commands.arguments import add_settings_arguments
from trader.commands.check import Report, check
from trader.config import ConfigError, load
from trader.config.effective import variables
from trader.doctor.findings import (
    COULD_NOT_RUN,
    UNSEEN,
    Finding,
    Level,
    counts,
    exit_code,
    fail,
    ok,
    warn,
)
from trader.doctor.round import NAMES, Round, Wanted, own_client_id, taken_client_ids
from trader.ops.clock import SystemClock
from trader.ops.table_text import one_line

_WIDTH = 22
_MARKS = {Level.OK: "ok", Level.WARN: "WARN", Level.FAIL: "FAIL", Level.UNKNOWN: "unknown"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_settings_arguments(parser)
    parser.add_argument("--json", action="store_true", help="everything at the end, as JSON")
    parser.add_argument(
        "--only", action="append", choices=NAMES, metavar="CHECK",
        help=f"this check, once for each: {', '.join(NAMES)}",
    )  # fmt: skip
    parser.add_argument(
        "--client-id", type=_client_id, metavar="N", help="ask the gateway as this API client"
    )


def run(given: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Look, tell each finding as it comes; returns the exit code."""
    # Strategies of one's own are imported: not even compiled do they leave a trace.
    sys.dont_write_bytecode = True
    try:
        config = load(given.config, environment, given.set, given.account or "")
    except ConfigError as error:
        for problem in error.problems:
            print(f"trader: {problem}", file=sys.stderr)
        print("trader: nothing was looked at: the settings cannot be used", file=sys.stderr)
        return COULD_NOT_RUN
    if given.client_id in taken_client_ids(config):
        ours = ", ".join(map(str, taken_client_ids(config)))
        said = f"--client-id is {given.client_id}, allowed is none of {ours}: daemon, kill switch"
        print(f"trader: {said} and sentinel come with them", file=sys.stderr)
        return COULD_NOT_RUN
    report = check(given.config, environment, given.set, given.account or "")
    names = tuple(given.only or ())
    wanted = Wanted(config, given.config, given.client_id or own_client_id(config), names)
    clock = SystemClock()
    begun_s = clock.monotonic()
    looked = Round(wanted, clock, (lambda _: None) if given.json else _tell)
    try:
        asyncio.run(_look(looked, judged_settings(report, environment), given))
    except KeyboardInterrupt:
        return COULD_NOT_RUN
    return _end(looked, clock.monotonic() - begun_s, is_json=given.json)


async def _look(looked: Round, settings: Finding, given: argparse.Namespace) -> None:
    await looked.run(settings)
    if looked.is_stuck:
        # A thread that hangs in the kernel would be waited for, for ever.
        code = _end(looked, None, is_json=given.json)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def judged_settings(report: Report, environment: Mapping[str, str]) -> Finding:
    """Judge what a check of the settings has said."""
    if report.problems:
        more = f" and {len(report.problems) - 1} more" if len(report.problems) > 1 else ""
        return fail(
            "settings",
            report.problems[0].text + more,
            "settings, policy and instruments that a start accepts",
            "trader config check tells each",
        )
    strange = [
        f"{row.name} is set and changes nothing" + (f": {row.hint}?" if row.hint else "")
        for row in variables(environment)
        if not row.meaning
    ]
    if strange or report.warnings:
        return warn(
            "settings",
            "; ".join((*strange, *report.warnings)),
            "settings without a warning",
            "trader config show tells every value and where it came from",
        )
    facts = dict(report.facts)
    return ok("settings", f"mode {facts['mode']}, account {facts['account']}, {facts['broker']}")


def lines_of(findings: Sequence[Finding]) -> list[str]:
    """Return what is printed of findings that came together; those alike share a line."""
    lines = []
    alike: dict[tuple[Level, str, str, str], list[str]] = {}
    for one in findings:
        alike.setdefault((one.level, one.seen, one.expected, one.todo), []).append(one.name)
    for (level, seen, expected, todo), names in alike.items():
        name = ", ".join(names)
        if len(name) > _WIDTH:
            lines.append(f"{_MARKS[level]:<9}{name}")
            lines.append(f"{'':<{10 + _WIDTH}}{one_line(seen)}")
        else:
            lines.append(f"{_MARKS[level]:<9}{name:<{_WIDTH}} {one_line(seen)}")
        if expected and level is not Level.OK:
            lines.append(f"{'':<{10 + _WIDTH}}expected  {one_line(expected)}")
        if todo:
            lines.append(f"{'':<{10 + _WIDTH}}do        {one_line(todo)}")
    return lines


def _tell(findings: Sequence[Finding]) -> None:
    print("\n".join(lines_of(findings)), flush=True)


def _end(looked: Round, took_s: float | None, *, is_json: bool) -> int:
    found = counts(looked.findings)
    code = exit_code(looked.findings)
    if is_json:
        body = {
            "is_ok": code == 0,
            "counts": found,
            "findings": [asdict(one) for one in looked.findings],
            "unseen": list(UNSEEN),
        }
        print(json.dumps(body, indent=1))
        return code
    print("\nno look can tell, because only an order shows it:")
    print("\n".join(f"  {text}" for text in UNSEEN))
    took = f" in {took_s:.1f} s" if took_s is not None else ""
    print(f"\n{', '.join(f'{count} {level}' for level, count in found.items() if count)}{took}")
    return code


def _client_id(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < int(text) < 2**31):
        raise argparse.ArgumentTypeError(f"is {text}, allowed is 1 to {2**31 - 1}")
    return int(text)
