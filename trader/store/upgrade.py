"""The copy that is made before a journal is upgraded: verified and on the disk, or no upgrade.

It stands beside the journal as ``journal.db.v3.20261121T161500Z``: the version it has, and when it
was made. One file, whole in itself, for reading and for the program of that version. The two
newest are kept. A copy that was cut off keeps another name and is begun anew.
"""

import os
import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import zip_longest
from pathlib import Path

import structlog

from trader.store.free_pages import free_pages_problem
from trader.store.onlooker import describe, read_only
from trader.store.rows import JournalUnusable
from trader.store.schema import APPLICATION_ID, LATEST, upgrade_from

log = structlog.get_logger(__name__)

COPIES_KEPT = 2
STAMP = "%Y%m%dT%H%M%SZ"
_COPY_FORM = re.compile(r"\.v[0-9]{1,6}\.([0-9]{8}T[0-9]{6}Z)", re.ASCII)
# What SQLite may leave beside a file that was being written.
SIDES = ("", "-journal", "-wal", "-shm")
# Every row of each must be the same in journal and copy, and of each table, whatever its columns.
_FACTS = (
    "PRAGMA user_version",
    "PRAGMA application_id",
    "SELECT type, name, sql FROM sqlite_schema ORDER BY type, name",
)
_TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"


@dataclass(frozen=True, slots=True)
class Standing:
    """What an upgrade would do to a journal; ``version`` 0 is a file without anything in it."""

    version: int
    latest: int
    statement_count: int
    size_bytes: int

    @property
    def is_current(self) -> bool:
        """Tell whether there is nothing to do."""
        return self.version == self.latest


def standing(journal: Path) -> Standing:
    """Look at a journal without changing it; raises JournalUnusable."""
    if not journal.is_file():
        raise JournalUnusable(f"{journal}: there is no journal")
    try:
        with closing(read_only(journal)) as db:
            ((version,),) = db.execute("PRAGMA user_version")
            ((application_id,),) = db.execute("PRAGMA application_id")
            ((things,),) = db.execute("SELECT count(*) FROM sqlite_schema")
    except sqlite3.Error as error:
        raise JournalUnusable(f"{journal}: {said(error)}") from error
    if application_id != APPLICATION_ID and (version, application_id, things) != (0, 0, 0):
        raise JournalUnusable(f"{journal}: a database, but not a journal of this program")
    try:
        steps = upgrade_from(version)
    except JournalUnusable as error:
        raise JournalUnusable(f"{journal}: {error}") from error
    return Standing(version, LATEST, len(steps), journal.stat().st_size)


def copies_of(journal: Path) -> tuple[Path, ...]:
    """Return the copies beside a journal, the newest first."""
    stamped = [
        (found[1], path)
        for path in journal.parent.glob(f"{journal.name}.v*")
        if (found := _COPY_FORM.fullmatch(path.name.removeprefix(journal.name)))
    ]
    return tuple(path for _, path in sorted(stamped, reverse=True))


def make_copy(journal: Path, version: int, now_utc: datetime) -> Path:
    """Copy a journal beside itself, durable on return; raises JournalUnusable.

    Whoever asks holds the journal's write lock, so that nothing is added behind the copy.
    """
    copy = journal.with_name(f"{journal.name}.v{version}.{now_utc.astimezone(UTC):{STAMP}}")
    draft = journal.with_name(f"{journal.name}.copying")
    try:
        discard(draft)
        fill(journal, draft)
        verify(journal, draft)
        synced(draft)
        os.replace(draft, copy)
        synced(journal.parent)
    except (OSError, sqlite3.Error, JournalUnusable) as error:
        discard_quietly(draft)
        raise JournalUnusable(
            f"it was not upgraded from version {version}, because no copy of it could be made: "
            f"{said(error)}"
        ) from error
    log.info("journal copied before its upgrade", copy=str(copy), version=version)
    _forget_old(journal, copy)
    return copy


def verify(journal: Path, copy: Path) -> None:
    """Hold a copy against its journal; raises JournalUnusable when it is not the same or damaged.

    Both are read from the disk anew.
    """
    with closing(read_only(journal)) as source, closing(read_only(copy)) as made:
        ((verdict,), *_) = made.execute("PRAGMA integrity_check(1)")
        if verdict != "ok":
            raise JournalUnusable(f"the copy is damaged: {' '.join(str(verdict).split())}")
        # An upgrade writes on free pages, and SQLite's own check may leave their list out.
        problem = free_pages_problem(copy, made)
        if problem is not None:
            raise JournalUnusable(f"the copy is damaged: its list of free pages: {problem}")
        tables = [f'SELECT * FROM "{name}" ORDER BY rowid' for (name,) in source.execute(_TABLES)]  # noqa: S608
        for fact in (*_FACTS, *tables):
            # Row by row: a journal of years does not fit into memory twice.
            for wanted, found in zip_longest(source.execute(fact), made.execute(fact)):
                if wanted != found:
                    raise JournalUnusable(f"the copy differs from the journal: {fact}")


def fill(journal: Path, draft: Path) -> None:
    """Copy one moment of a journal, whoever writes it meanwhile; not synced yet."""
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    with closing(read_only(journal)) as source, closing(sqlite3.connect(draft)) as target:
        # It is synced once, at the end.
        target.execute("PRAGMA synchronous = OFF")
        source.backup(target)
        # The journal's own mode is copied with it: the copy shall need no second file.
        ((mode,),) = target.execute("PRAGMA journal_mode = DELETE")
        if mode != "delete":
            raise JournalUnusable(f"the copy's journal_mode is {mode} and does not become delete")


def synced(path: Path) -> None:
    """Have a file or a folder on the disk when this returns."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def discard(draft: Path) -> None:
    """Remove a copy that was not finished, with what SQLite has left beside it."""
    for side in SIDES:
        draft.with_name(draft.name + side).unlink(missing_ok=True)


def discard_quietly(draft: Path) -> None:
    """Do the same; a file that stays is told and no more."""
    try:
        discard(draft)
    except OSError as error:
        log.warning("part of a copy is left", file=str(draft), problem=str(error))


def _forget_old(journal: Path, newest: Path) -> None:
    """Remove what is more than is kept, and never the one just made: a clock may be wrong."""
    others = [path for path in copies_of(journal) if path != newest]
    for path in others[COPIES_KEPT - 1 :]:
        try:
            path.unlink()
        except OSError as error:
            log.warning("an old copy stays", file=str(path), problem=str(error))


def said(error: Exception) -> str:
    """Say in one line what went wrong."""
    return describe(error) if isinstance(error, sqlite3.Error) else " ".join(str(error).split())
