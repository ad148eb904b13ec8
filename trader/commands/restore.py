"""``trader restore FILE``: put a backup in the journal's place, so that nothing is sent twice.

Only without a daemon: the locks of the state directory and of the journal are taken. The backup is
verified, copied, upgraded as a start would, and told in its own chain that it was restored; then it
takes the journal's place in one step. Exit codes: 0 done, 1 not done.
"""

import argparse
import asyncio
import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from trader.app import restore as book_of
from trader.commands.asking import add_state
from trader.commands.journal_place import place_of
from trader.config import ConfigError
from trader.core.events import Event, HaltRaised, Recorded
from trader.core.halts import HaltCause
from trader.core.ids import Lineage, OrderId, Seq
from trader.core.journal_events import JournalRestored
from trader.core.restoring import (
    IdsUsedUp,
    Origin,
    Past,
    halt_reason,
    requests_lost,
    restoration,
)
from trader.engine.supervisor import Supervisor
from trader.ops.anchors import anchors_in
from trader.ops.clock import SystemClock
from trader.ops.halt_record import give_to_owner
from trader.ops.instance_lock import alone_with
from trader.ops.kill import operator_name
from trader.ports import Clock, WorldError
from trader.store.backup import copied, whole
from trader.store.journal import SqliteJournal
from trader.store.replacing import aside_name, asides_of, fold_log, past_of, put_in_place
from trader.store.rows import JournalUnusable
from trader.store.schema import CHAINED
from trader.store.upgrade import copies_of, discard, said, standing, synced

_DONE, _NOT_DONE = 0, 1
_REASON_CHARACTERS = 500
# So many events may wait for the writer.
_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants restored, where, why, and who it is."""

    source: Path
    state: Path
    # Whose place is taken.
    journal: Path
    reason: str
    by: str

    @property
    def draft(self) -> Path:
        """Return what the copy is called until it is finished."""
        return self.journal.with_name(f"{self.journal.name}.restoring")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("file", type=Path, metavar="FILE", help="what `trader backup` has made")
    parser.add_argument("--reason", type=_reason, required=True, help="why; it is recorded")
    add_state(parser)


def _reason(text: str) -> str:
    words = " ".join(text.split())[:_REASON_CHARACTERS]
    if not words:
        raise argparse.ArgumentTypeError("is empty, allowed are words that say why")
    return words


def run(given: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Restore a backup and say what became of both journals; returns the exit code."""
    try:
        journal, by = place_of(given.state, environment), operator_name(environment)
        wanted = Wanted(given.file, given.state, journal, given.reason, by)
        with alone_with(given.state, journal, os.getpid()):
            event = asyncio.run(_restored(wanted, SystemClock()))
    except (ConfigError, WorldError, IdsUsedUp, OSError) as error:
        print(f"trader: not restored: {said(error)}", file=sys.stderr)
        return _NOT_DONE
    print(f"{wanted.journal}: restored from {event.source}, which ended with {event.copied_at}")
    if event.set_aside:
        print(f"  set aside   {journal.with_name(event.set_aside)}")
    print(f"  lineage     {event.lineage}; before it {', '.join(event.former)}")
    print(f"  order ids   above {event.order_id_floor}")
    print("  next        start the daemon: it is halted, reconciles, and waits for `trader resume`")
    return _DONE


async def _restored(wanted: Wanted, clock: Clock) -> JournalRestored:
    journal, draft = wanted.journal, wanted.draft
    _must_be_whole(wanted.source, journal, draft)
    try:
        _drafted(wanted.source, draft)
        aside = aside_name(journal, clock.utc())
        event = await _told(wanted, clock, aside.name if journal.exists() else "")
        whole(draft)
        _given_to_owner(draft)
        synced(draft)
        # The last before it is moved: one file is then all of it.
        put_in_place(draft, journal, aside, is_folded=fold_log(journal))
        return event
    finally:
        _cleared(draft)


def _must_be_whole(source: Path, journal: Path, draft: Path) -> None:
    """Raise JournalUnusable for what must not become the journal."""
    found = standing(source)
    if journal.exists() and os.path.samefile(source, journal):
        raise JournalUnusable(f"{source}: is the journal itself")
    if draft.exists() and os.path.samefile(source, draft):
        raise JournalUnusable(f"{source}: is what an earlier try has left, and no backup")
    if not found.version:
        raise JournalUnusable(f"{source}: there is nothing in it")
    if found.version >= CHAINED:
        whole(source)


def _drafted(source: Path, draft: Path) -> None:
    """Copy a backup beside the journal, on the same disk, from where one step takes it."""
    _cleared(draft)
    copied(source, draft)


def _cleared(draft: Path) -> None:
    discard(draft)
    for copy in copies_of(draft):
        # Of its upgrade: the backup itself is the copy.
        copy.unlink()


async def _told(wanted: Wanted, clock: Clock, set_aside: str) -> JournalRestored:
    """Upgrade the copy and record in it that it was restored; returns that record."""
    journal = await SqliteJournal.open(wanted.draft, clock)
    supervisor = Supervisor(clock)
    supervisor.start("journal-writer", journal.run)
    try:
        book = await book_of(journal)
        if book.lineage is None:
            raise JournalUnusable(f"{wanted.source}: there are no events in it")
        origin = Origin(
            copied_at=f"{book.seq}:{journal.head.digest}",
            source=wanted.source.name,
            set_aside=set_aside,
            reason=wanted.reason,
            by=wanted.by,
        )
        past = _past(wanted)
        event = restoration(book, past, origin, partial(secrets.randbits, 24))
        halt = HaltRaised(HaltCause.JOURNAL_UNPROVEN, halt_reason(event), wanted.by)
        await _recorded(journal, clock, book.seq, (event, halt, *requests_lost(book, past)))
    finally:
        await supervisor.stop()
        await journal.close()
    return event


async def _recorded(
    journal: SqliteJournal, clock: Clock, last: Seq, events: tuple[Event, ...]
) -> None:
    for seq, event in enumerate(events, start=last + 1):
        journal.append(Recorded(Seq(seq), clock.utc(), event))
        if seq % _AT_ONCE == 0:
            await journal.durable(Seq(seq))
    await journal.durable(Seq(last + len(events)))


def _given_to_owner(draft: Path) -> None:
    """Let the daemon have it although root has made it."""
    handle = os.open(draft, os.O_RDONLY | os.O_CLOEXEC)
    try:
        give_to_owner(handle, draft.parent)
    finally:
        os.close(handle)


def _past(wanted: Wanted) -> Past:
    """Return what was used here, as far as journals can be read, and as the anchors say."""
    before = [past_of(path) for path in asides_of(wanted.journal)]
    now = past_of(wanted.journal) if wanted.journal.exists() else None
    known = [past for past in (*before, now) if past is not None]
    lineages = [name for past in known for name in past.lineages]
    anchors, _ = anchors_in(wanted.state)
    return Past(
        lineages=tuple(dict.fromkeys(lineages)),
        order_id_high=max((past.order_id_high for past in known), default=OrderId(0)),
        requests=tuple(row for past in known for row in past.requests),
        anchored=tuple(dict.fromkeys(Lineage(row.journal) for row in anchors if row.journal)),
        unreadable=before.count(None),
    )
