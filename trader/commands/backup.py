"""``trader backup``: copy the journal as it is at one moment; the daemon may run or not.

Exit codes: 0 done and verified, 1 not done.
"""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from trader.commands.asking import add_state
from trader.commands.journal_place import journal_of
from trader.config import ConfigError
from trader.ops.clock import SystemClock
from trader.store.archives import archive_folder
from trader.store.backup import back_up, backup_name
from trader.store.rows import JournalUnusable

_DONE, _NOT_DONE = 0, 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "--to",
        type=Path,
        metavar="FILE",
        help="a new file (default: beside the journal, with the time in its name)",
    )
    add_state(parser)


def run(given: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Back the journal up and say what the copy holds; returns the exit code."""
    try:
        journal = journal_of(given.state, environment)
        target = given.to or backup_name(journal, SystemClock().utc())
        verdict = back_up(journal, target)
    except (ConfigError, JournalUnusable) as error:
        print(f"trader: not backed up: {error}", file=sys.stderr)
        return _NOT_DONE
    print(f"{target}: whole, a copy of {journal}")
    print(f"  events      {verdict.event_count}, the last is {verdict.last_seq}")
    print(f"  digest      {verdict.last_seq}:{verdict.digest}")
    if older := verdict.first_seq - 1:
        where = archive_folder(journal)
        print(f"  archives    events 1 to {older} are in {where} alone: copy that folder as well")
    print("  note        keep the file and this digest on another machine")
    return _DONE
