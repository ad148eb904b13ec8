"""`trader sim diff`: hold a daemon's journal against the truth of its simulated broker.

One line on stdout for each disagreement, then a verdict; `--json` says the same for machines.
Exit codes: 0 both agree, 1 they differ, 2 one of them cannot be used (one line on stderr).
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from trader.sim.oracle import testimony
from trader.sim.oracle.comparison import Verdict, compare
from trader.sim.oracle.findings import Finding
from trader.sim.oracle.journal import read_journal
from trader.sim.oracle.records import InputError

EXIT_AGREE, EXIT_DIFFER, EXIT_UNUSABLE = 0, 1, 2
_TIMEOUT_S = 30.0
_DESCRIPTION = """\
Compare a daemon's journal with what really happened at the simulated broker. Both should be at
rest: halt the daemon first and let working orders end. The journal is only read, and may be in
use."""
_EPILOG = "exit codes: 0 both agree, 1 they differ, 2 one of them cannot be used."


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Print one line, without the usage text."""
        known = "" if "allowed:" in message else "; allowed: what trader sim diff --help lists"
        sys.stderr.write(f"trader sim diff: {message}{known}\n")
        raise SystemExit(EXIT_UNUSABLE)


def run_diff(arguments: Sequence[str]) -> int:
    """Compare as the arguments say, print what is found, and return the exit code."""
    given = _parser().parse_args(arguments)
    try:
        truth = (
            testimony.of_file(given.truth)
            if given.truth is not None
            else testimony.asked(given.control, _TIMEOUT_S)
        )
        verdict = compare(truth, read_journal(given.journal))
    except InputError as error:
        sys.stderr.write(f"trader sim diff: {error}\n")
        return EXIT_UNUSABLE
    text = as_json(verdict) if given.json else as_text(verdict)
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # Its reader has left (`| head`), and a traceback would end as a difference does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return EXIT_DIFFER if verdict.differences else EXIT_AGREE


def as_text(verdict: Verdict) -> str:
    """Return one line for each finding and the verdict as the last."""
    lines = [one.line for one in verdict.differences]
    lines += [f"(note) {one.line}" for one in verdict.notes]
    counts = ", ".join(f"{count} {name}" for name, count in verdict.counts)
    found = len(verdict.differences)
    said = f"{found} difference{'s' if found > 1 else ''}" if found else "agree"
    return "\n".join([*lines, f"{said}: compared {counts}"])


def as_json(verdict: Verdict) -> str:
    """Return everything as one JSON object on one line."""

    def rows(findings: tuple[Finding, ...]) -> list[dict[str, str]]:
        return [{"kind": one.kind, "subject": one.subject, "text": one.text} for one in findings]

    return json.dumps(
        {
            "verdict": "differ" if verdict.differences else "agree",
            "differences": rows(verdict.differences),
            "notes": rows(verdict.notes),
            "compared": dict(verdict.counts),
        }
    )


def _port(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        allowed = f"{text!r} is not allowed; allowed: 1 to 65535"
        raise argparse.ArgumentTypeError(allowed) from None


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="trader sim diff", description=_DESCRIPTION, epilog=_EPILOG)
    parser.add_argument("journal", type=Path, metavar="JOURNAL", help="as in state/journal.db")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--control", type=_port, metavar="PORT", help="control port of the running simulator"
    )
    source.add_argument(
        "--truth", type=Path, metavar="FILE", help="an answer of GET /truth, kept in a file"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object in place of lines")
    return parser
