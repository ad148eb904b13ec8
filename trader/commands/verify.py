"""``trader verify``: hold the journal against its chain, its seals and its anchors outside.

Offline and read-only; the daemon may run or not. Exit codes: 0 whole, 1 not as it was written, 2
wrong usage or nothing to look at.
"""

import argparse
import json
import re
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from trader.commands.asking import add_state
from trader.commands.journal_place import journal_asked_for
from trader.config import ConfigError
from trader.core.ids import Seq
from trader.ops.anchors import anchors_in
from trader.ports import Anchor, ChainHead
from trader.store.rows import JournalUnusable
from trader.store.verify import Verdict
from trader.store.verify_archives import verified_history

WHOLE, BROKEN, UNREADABLE = 0, 1, 2
_ANCHOR_FORM = re.compile(r"([0-9]{1,18}):([0-9a-f]{16,64})", re.ASCII | re.IGNORECASE)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("--json", action="store_true", help="everything, as JSON")
    parser.add_argument(
        "--journal",
        type=Path,
        metavar="FILE",
        help="a copy, which may be older than what the state's anchors know: they are left out",
    )
    parser.add_argument(
        "--anchor",
        type=_given_anchor,
        action="append",
        default=[],
        metavar="SEQ:DIGEST",
        help="a head that somebody noted elsewhere, as the page shows it",
    )
    add_state(parser)


def run(given: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Say whether a journal is what was written, and where it is not; returns the exit code."""
    try:
        path = journal_asked_for(given, environment)
        anchors, problems = ((), ()) if given.journal else anchors_in(given.state)
        verdict = verified_history(path, (*given.anchor, *anchors))
    except (ConfigError, JournalUnusable) as error:
        return _unreadable(str(error))
    except OSError as error:
        return _unreadable(f"{error.filename}: {error.strerror}")
    notes = (*verdict.notes, *problems)
    if given.json:
        body = asdict(verdict) | {"is_whole": verdict.is_whole, "file": str(path), "notes": notes}
        print(json.dumps(body, indent=1))
    else:
        _tell(path, verdict, notes)
    return WHOLE if verdict.is_whole else BROKEN


def _tell(path: Path, verdict: Verdict, notes: tuple[str, ...]) -> None:
    stream = sys.stdout if verdict.is_whole else sys.stderr
    state = "whole" if verdict.is_whole else "NOT as it was written"
    print(f"{path}: {state}", file=stream)
    for finding in verdict.findings:
        print(f"  {finding.kind:<11} {finding.text}", file=stream)
    if len(verdict.findings) < verdict.finding_count:
        more = verdict.finding_count - len(verdict.findings)
        print(f"  and {more} more", file=stream)
    begin = f", from {verdict.first_seq} on" if verdict.first_seq > 1 else ""
    print(
        f"  events      {verdict.event_count}{begin}, the last is {verdict.last_seq}", file=stream
    )
    print(f"  digest      {verdict.last_seq}:{verdict.digest}", file=stream)
    if verdict.reconstructed_to:
        said = f"up to event {verdict.reconstructed_to} computed at an upgrade, not when written"
        print(f"  rebuilt     {said}", file=stream)
    checkpoints = ", ".join(map(str, verdict.checkpoints)) or "none"
    print(f"  checkpoints {checkpoints}", file=stream)
    for name in verdict.archives:
        print(f"  archive     {name}", file=stream)
    print(f"  anchors     {verdict.anchor_count}, up to event {verdict.anchored_to}", file=stream)
    for note in notes:
        print(f"  note        {note}", file=stream)


def _unreadable(problem: str) -> int:
    print(f"trader: not verified: {problem}", file=sys.stderr)
    return UNREADABLE


def _given_anchor(text: str) -> Anchor:
    found = _ANCHOR_FORM.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"is {text}, allowed is SEQ:DIGEST, 16 digits or more")
    head = ChainHead(Seq(int(found[1])), found[2].lower())
    return Anchor(f"--anchor {text}", "", head)
