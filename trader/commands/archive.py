"""``trader archive``: move the journal's older events into a compressed archive, as one chain.

Only without a daemon: the locks of the state directory and of the journal are taken. Nothing leaves
the journal before the archive has been read back from the disk and verified, the book was folded
from every event and is the one of the checkpoints, and the journal that goes on gives the same
book. How, and why it is safe to be killed at any instant, says :mod:`trader.store.archiving`. Exit
codes: 0 done or nothing to do, 1 nothing was changed.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from pathlib import Path

from trader.app import restore as book_of
from trader.commands.asking import add_state
from trader.commands.journal_place import place_of
from trader.config import ConfigError
from trader.core.checkpoint import BookState, restored, state_of
from trader.core.events import Recorded
from trader.core.halts import HaltCause
from trader.core.ids import Seq
from trader.core.journal_events import JournalArchived
from trader.engine.supervisor import Supervisor
from trader.ops.anchors import AnchorLog, anchors_in
from trader.ops.clock import SystemClock
from trader.ops.halt_record import give_to_owner
from trader.ops.instance_lock import alone_with
from trader.ops.kill import operator_name
from trader.ports import ChainHead, Clock, WorldError
from trader.store.archives import archive_folder
from trader.store.archiving import (
    Cut,
    folded,
    looked_at,
    make_archive,
    make_rest,
    must_fit,
    must_hold,
)
from trader.store.journal import SqliteJournal
from trader.store.replacing import fold_log, put_in_place
from trader.store.rows import JournalUnusable
from trader.store.upgrade import discard, said, synced
from trader.store.verify import Verdict
from trader.store.verify_archives import verified_history

_DONE, _NOT_DONE = 0, 1
KEEP_DAYS = 7
_OLD_FILE = ".archived"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose journal is cut, how many days of it stay, and who it is."""

    state: Path
    journal: Path
    keep_days: int
    by: str
    # Consumers of the streams that are left behind.
    forgotten: tuple[str, ...] = ()

    @property
    def draft(self) -> Path:
        """Return what the journal that goes on is called until it is finished."""
        return self.journal.with_name(f"{self.journal.name}.archiving")

    @property
    def old(self) -> Path:
        """Return the second name of the journal that is replaced, until it is removed."""
        return self.journal.with_name(f"{self.journal.name}{_OLD_FILE}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "--keep-days",
        type=_days,
        default=KEEP_DAYS,
        metavar="N",
        help=f"what is younger stays in the journal (default {KEEP_DAYS}, at least 1)",
    )
    parser.add_argument(
        "--forget",
        action="append",
        default=[],
        metavar="CONSUMER",
        help="leave a consumer of the streams behind that has not come so far; it begins anew, "
        "with the first event that stays",
    )
    add_state(parser)


def _days(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 36_500):
        raise argparse.ArgumentTypeError(f"is {text}, allowed are whole days from 1 to 36500")
    return int(text)


def run(given: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Archive and say what is where now; returns the exit code."""
    try:
        journal, by = place_of(given.state, environment), operator_name(environment)
        wanted = Wanted(given.state, journal, given.keep_days, by, tuple(given.forget))
        with alone_with(given.state, journal, os.getpid()):
            record = archive(wanted, SystemClock())
    except (ConfigError, WorldError, OSError) as error:
        print(f"trader: not archived: {said(error)}", file=sys.stderr)
        return _NOT_DONE
    if record is None:
        print(f"{journal}: no event is older than {given.keep_days} days, nothing to archive")
        return _DONE
    packed = archive_folder(journal) / record.file
    print(f"{packed}: events {record.first} to {record.last}, read back and verified")
    print(f"  sha256      {record.sha256}")
    print(f"  size        {packed.stat().st_size} bytes, the journal now {journal.stat().st_size}")
    print("  next        copy the archive elsewhere; `trader verify` looks at all of it together")
    return _DONE


def archive(wanted: Wanted, clock: Clock) -> JournalArchived | None:
    """Archive what is old enough, and return what was recorded of it, or None for nothing.

    To be called with the locks held. Raises JournalUnusable and OSError.
    """
    journal, draft = wanted.journal, wanted.draft
    if not journal.is_file():
        raise JournalUnusable(f"{journal}: there is no journal")
    must_fit(journal)
    known, head = asyncio.run(_book_of(journal, clock))
    keep_from = clock.utc() - timedelta(days=wanted.keep_days)
    cut, links = looked_at(journal, keep_from, wanted.forgotten)
    if cut is None:
        return None
    if known.lineage is None or HaltCause.JOURNAL_UNPROVEN in dict(known.halts):
        raise JournalUnusable(f"{journal}: it is not proven; see why it is halted, resume, stop")
    anchors = AnchorLog(wanted.state, clock, lambda: known.lineage)
    _must_be_whole(wanted)
    # What its end was is known outside before it goes: an anchor from before the link names an
    # event that the journal has not got any more.
    anchors.write(head)
    try:
        at_link, at_end = folded(journal, cut)
        _must_be_same(at_end, known, "its checkpoints say another book than its events")
        record = _archived(wanted, cut, links, at_link)
        new_head = asyncio.run(_go_on(wanted, clock, cut, record, (at_link, at_end)))
        _owned(draft, draft.parent)
        synced(draft)
        put_in_place(draft, journal, wanted.old, is_folded=fold_log(journal))
    finally:
        discard(draft)
    anchors.write(new_head)
    # Every event of it was read back from the archive or from the journal in its place.
    discard(wanted.old)
    synced(journal.parent)
    return record


async def _book_of(journal: Path, clock: Clock) -> tuple[BookState, ChainHead]:
    """Return the book and the head as a start has them; upgrades the journal as that would."""
    opened = await SqliteJournal.open(journal, clock)
    try:
        return state_of(await book_of(opened)), opened.head
    finally:
        await opened.close()


def _must_be_whole(wanted: Wanted) -> None:
    anchors, _ = anchors_in(wanted.state)
    _raise_first(wanted.journal, verified_history(wanted.journal, anchors))
    # What an earlier try has left: the journal is in its place, and whole.
    discard(wanted.old)


def _raise_first(path: Path, verdict: Verdict) -> None:
    if not verdict.is_whole:
        first = verdict.findings[0]
        raise JournalUnusable(f"{path}: not as it was written: {first.kind}: {first.text}")


def _must_be_same(found: BookState, wanted: BookState, what: str) -> None:
    """Raise JournalUnusable, with the names of what differs, unless two books are the same."""
    names = [row.name for row in fields(BookState)]
    other = [name for name in names if getattr(found, name) != getattr(wanted, name)]
    if other:
        raise JournalUnusable(f"{what}: {', '.join(other)} differ; nothing was changed")


def _archived(
    wanted: Wanted, cut: Cut, links: tuple[JournalArchived, ...], at_link: BookState
) -> JournalArchived:
    """Make the archive, read it back, and return what is to be recorded of it."""
    assert at_link.lineage is not None, "the first event names it"
    folder = archive_folder(wanted.journal)
    digest = make_archive(wanted.journal, cut, folder)
    record = JournalArchived(
        file=cut.file_name,
        first=cut.first,
        last=cut.link,
        before=cut.before.hex(),
        digest=cut.digest.hex(),
        sha256=digest,
        lineage=at_link.lineage,
        former=at_link.former,
        by=wanted.by,
    )
    must_hold(folder, record, links)
    _owned(folder, wanted.state)
    _owned(folder / record.file, wanted.state)
    return record


async def _go_on(
    wanted: Wanted,
    clock: Clock,
    cut: Cut,
    record: JournalArchived,
    books: tuple[BookState, BookState],
) -> ChainHead:
    """Make the journal that goes on, tell it of the archive, and see that it has the same book.

    ``books`` are those at the link and at the end. Returns the new head.
    """
    at_link, at_end = books
    make_rest(wanted.journal, cut, at_link, wanted.draft, wanted.forgotten)
    journal = await SqliteJournal.open(wanted.draft, clock)
    supervisor = Supervisor(clock)
    supervisor.start("journal-writer", journal.run)
    try:
        told = Recorded(Seq(cut.last + 1), clock.utc(), record)
        journal.append(told)
        book = restored(at_end)
        book.apply(told)
        await journal.save_checkpoint(state_of(book))
    finally:
        await supervisor.stop()
        await journal.close()
    found, head = await _book_of(wanted.draft, clock)
    _must_be_same(found, state_of(book), "the journal that would go on has another book")
    from_link = folded(wanted.draft, replace(cut, first=cut.link, last=Seq(cut.last + 1)))[1]
    _must_be_same(from_link, found, "the events behind the link give another book")
    anchors, _ = anchors_in(wanted.state)
    _raise_first(wanted.draft, verified_history(wanted.draft, anchors))
    return head


def _owned(path: Path, folder: Path) -> None:
    """Let the daemon have it although root has made it."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        give_to_owner(handle, folder)
    finally:
        os.close(handle)
