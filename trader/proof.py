"""Hold a journal against the anchors outside of it at the start, and against its chain after it.

A journal that was put back from a copy or replaced reads well: it is whole, and only old. Its order
numbers and its promises are old too, so nothing new may be sent from it. What was found is decided
in :mod:`trader.store.anchored`.

Before anything is sent a start has proven what it decides from, however long the history: the
settings of the file, the checkpoint by its seal, every event behind it by its digest, and the whole
of the past by one digest that was written down elsewhere. An event before the checkpoint decides
nothing any more, so whether it still reads is found out afterwards: :class:`ChainWalk` goes through
all of them, at the start and every day, and halts where one is not what was written.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

import structlog

from trader.core.book_view import BookView
from trader.core.ids import Seq
from trader.ops.anchors import newest_anchor
from trader.ports import Clock
from trader.store.anchored import Held, doubt_about, doubt_without_anchors
from trader.store.journal import SqliteJournal
from trader.store.rows import JournalUnusable

log = structlog.get_logger(__name__)


# Read and hashed in a millisecond each: a promise that comes in between does not wait longer.
PIECE_ROWS = 256
# Five million events are through in some seven minutes, for a twentieth of a core.
PAUSE_S = 0.02
WALK_INTERVAL_S = 24 * 3600.0


class ChainWalk:
    """Goes through the whole chain of a journal in use, in small pieces, over and over."""

    def __init__(self, journal: SqliteJournal, clock: Clock, doubt: Callable[[str], None]) -> None:
        self._journal = journal
        self._clock = clock
        self._doubt = doubt

    async def run(self) -> None:
        """Walk at once and then every day; after a finding no more: the next start looks again."""
        while await self._walk():
            await self._clock.sleep(WALK_INTERVAL_S)
        await asyncio.get_running_loop().create_future()

    async def _walk(self) -> bool:
        last, whole_to = self._journal.durable_seq, Seq(0)
        try:
            async for reached in self._journal.followed(last, PIECE_ROWS):
                whole_to = reached
                await self._clock.sleep(PAUSE_S)
        except JournalUnusable as error:
            if self._journal.failure is None:
                self._doubt(f"its history cannot be proven behind event {whole_to}: {error}")
            return False
        log.info("the journal's chain is whole", seq=last)
        return True


async def journal_doubt(journal: SqliteJournal, book: BookView, state_dir: Path) -> str:
    """Say why the journal is not the one that its anchors know, or nothing; reads only.

    To be asked before this process has recorded anything. Raises JournalUnusable.
    """
    try:
        newest, problems = newest_anchor(state_dir)
    except OSError as error:
        return doubt_without_anchors(f"{error.filename}: {error.strerror}")
    if problems:
        # A crash leaves one such line, and it stays.
        log.warning("lines are no anchors", count=len(problems), newest=problems[-1])
    if newest is None:
        return ""
    head = newest.head
    digest, seal = await journal.digest_at(head.seq), await journal.seal_at(head.checkpoint_seq)
    held = Held(book.lineage or "", journal.durable_seq, digest, seal, book.former)
    return doubt_about(held, newest)
