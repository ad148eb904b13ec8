"""Hold the journal of a start against the anchors that are written down outside of it.

A journal that was put back from a copy or replaced reads well: it is whole, and only old. Its order
numbers and its promises are old too, so nothing new may be sent from it. What was found is decided
in :mod:`trader.store.anchored`.
"""

from pathlib import Path

import structlog

from trader.core.book_view import BookView
from trader.ops.anchors import newest_anchor
from trader.store.anchored import Held, doubt_about, doubt_without_anchors
from trader.store.journal import SqliteJournal

log = structlog.get_logger(__name__)


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
