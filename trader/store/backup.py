"""A copy of the journal for keeping: one moment of it, verified and on the disk, or no file at all.

A daemon may write meanwhile: SQLite copies one moment, and the journal is not held up. The copy has
another name until it is whole, so a file with the name that was asked for is a backup.
"""

import os
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from trader.store.rows import JournalUnusable
from trader.store.upgrade import SIDES, STAMP, discard, discard_quietly, fill, said, synced, verify
from trader.store.verify import Verdict, verified


def backup_name(journal: Path, now_utc: datetime) -> Path:
    """Return where a backup goes that nobody has named."""
    return journal.with_name(f"{journal.name}.backup.{now_utc.astimezone(UTC):{STAMP}}")


def back_up(journal: Path, target: Path) -> Verdict:
    """Copy a journal to a new file, durable and verified on return; raises JournalUnusable."""
    draft = target.with_name(f"{target.name}.copying")
    _must_be_apart(journal, target, draft)
    try:
        if not journal.is_file():
            raise JournalUnusable(f"{journal}: there is no journal")
        _must_be_free(target)
        discard(draft)
        fill(journal, draft)
        verdict = whole(draft)
        synced(draft)
        _must_be_free(target)
        os.replace(draft, target)
        synced(target.parent)
    except (OSError, sqlite3.Error, JournalUnusable) as error:
        discard_quietly(draft)
        raise JournalUnusable(said(error)) from error
    return verdict


def copied(backup: Path, draft: Path) -> None:
    """Copy a backup, of whatever version, and hold the two against each other.

    Raises JournalUnusable and OSError.
    """
    try:
        fill(backup, draft)
        verify(backup, draft)
    except sqlite3.Error as error:
        raise JournalUnusable(f"{backup}: {said(error)}") from error


def whole(copy: Path) -> Verdict:
    """Return what a copy holds; raises JournalUnusable, naming the first finding."""
    verdict = verified(copy)
    if verdict.is_whole:
        return verdict
    first = verdict.findings[0]
    more = f" (and {verdict.finding_count - 1} more)" if verdict.finding_count > 1 else ""
    raise JournalUnusable(f"{copy}: not as it was written: {first.kind}: {first.text}{more}")


def _must_be_apart(journal: Path, target: Path, draft: Path) -> None:
    """Refuse names that SQLite, or the clearing away of a draft, takes for the journal's."""
    own = {journal.absolute().with_name(journal.name + side) for side in SIDES}
    if not own.isdisjoint(path.absolute() for path in (target, draft)):
        raise JournalUnusable(f"{target}: is the journal's own, choose another name")


def _must_be_free(target: Path) -> None:
    # Also a link that leads nowhere: writing through it would make a file somewhere else.
    if os.path.lexists(target):
        raise JournalUnusable(f"{target}: is there already, and a backup never replaces a file")
