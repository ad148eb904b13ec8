"""The cursors of those who follow the streams, where the journal is cut.

What a consumer has not been handed yet must not leave the journal: it reads nothing else. So an
archive is refused while one of them is behind the cut, unless it is to be forgotten; and the
journal that goes on has the cursors of the others, or they would begin anew.
"""

import sqlite3
from collections.abc import Sequence

from trader.core.ids import Lineage, Seq
from trader.core.streams import stream_names
from trader.store.rows import JournalUnusable

_KINDS = ", ".join(f"'{kind}'" for kind in stream_names())
_NEWEST = (
    "SELECT consumer, max(last_seq), at_us FROM outbox_deliveries GROUP BY consumer "
    "ORDER BY consumer"
)
_WAITING = f"SELECT count(*) FROM events WHERE seq > ? AND seq <= ? AND kind IN ({_KINDS})"  # noqa: S608
_CARRY = (
    "INSERT INTO outbox_deliveries (consumer, last_seq, first_seq, at_us, lineage) "
    "SELECT consumer, last_seq, max(first_seq, ?), at_us, lineage "
    "FROM old.outbox_deliveries WHERE consumer = ? AND last_seq >= ?"
)
_PUT = (
    "INSERT INTO outbox_deliveries (consumer, last_seq, first_seq, at_us, lineage) "
    "VALUES (?, ?, ?, ?, ?)"
)


def must_be_handed_on(db: sqlite3.Connection, link: Seq, forgotten: Sequence[str]) -> None:
    """Refuse while a consumer that is not forgotten waits for what would go; JournalUnusable."""
    cursors = {consumer: seq for consumer, seq, _ in db.execute(_NEWEST)}
    for name in forgotten:
        if name not in cursors:
            known = ", ".join(cursors) or "none"
            raise JournalUnusable(f"--forget is {name!r}, allowed are the consumers: {known}")
    for consumer, seq in cursors.items():
        ((waiting,),) = db.execute(_WAITING, (seq, link))
        if waiting and consumer not in forgotten:
            raise JournalUnusable(
                f"the consumer {consumer!r} has come to event {seq}, and {waiting} events that it "
                f"waits for would go with those up to {link}: let the daemon hand them on first, "
                f"or leave it behind with --forget {consumer}"
            )


def carry_over(
    db: sqlite3.Connection, link: Seq, lineage: Lineage, forgotten: Sequence[str]
) -> None:
    """Write the cursors into the journal that goes on; the one it goes on from is ``old``.

    To be called in a transaction. Whoever waited for nothing up to the link goes on behind it.
    """
    newest = db.execute(_NEWEST.replace("FROM ", "FROM old.", 1)).fetchall()
    for consumer, seq, at_us in newest:
        if consumer in forgotten:
            continue
        if seq >= link:
            db.execute(_CARRY, (link, consumer, link))
        else:
            db.execute(_PUT, (consumer, link, link, at_us, lineage))
