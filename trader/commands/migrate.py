"""``trader migrate``: copy and upgrade a journal by hand, as a start of the daemon would.

For a journal so large that its copy should not be made while systemd waits for the start. The locks
of the state directory and of the journal are taken first: nobody upgrades under a running daemon.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from trader.commands.arguments import add_settings_arguments
from trader.config import ConfigError, Configuration, load
from trader.ops.clock import SystemClock
from trader.ops.instance_lock import alone_with
from trader.ports import WorldError
from trader.store.journal import SqliteJournal
from trader.store.upgrade import Standing, copies_of, standing

_DONE, _NOT_DONE = 0, 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_settings_arguments(parser)
    parser.add_argument(
        "--dry-run", action="store_true", help="only say what would be done; changes nothing"
    )


def run(given: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Upgrade the journal of a configuration, or say what that would do; returns the exit code."""
    try:
        config = load(given.config, environment, given.set, given.account or "")
        return _migrate(config, is_dry_run=given.dry_run)
    except ConfigError as error:
        problems = error.problems
    except WorldError as error:
        problems = (str(error),)
    for problem in problems:
        print(f"trader: not migrated: {problem}", file=sys.stderr)
    return _NOT_DONE


def _migrate(config: Configuration, *, is_dry_run: bool) -> int:
    journal = config.journal_file
    before = standing(journal)
    if before.is_current:
        print(f"{journal}: version {before.version}, nothing to do")
        return _DONE
    if is_dry_run:
        print(_intended(journal, before))
        return _DONE
    with alone_with(config.settings.state_dir, journal, os.getpid()):
        asyncio.run(_upgrade(journal))
    print(f"{journal}: version {before.version} is now version {standing(journal).version}")
    if before.version:
        print(f"copy of version {before.version}: {copies_of(journal)[0]}")
    return _DONE


def _intended(journal: Path, before: Standing) -> str:
    return (
        f"{journal}: version {before.version} would become version {before.latest}, by "
        f"{before.statement_count} statements in one transaction, after a copy of "
        f"{before.size_bytes} bytes beside it; nothing was changed"
    )


async def _upgrade(journal: Path) -> None:
    opened = await SqliteJournal.open(journal, SystemClock())
    await opened.close()
