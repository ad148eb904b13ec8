"""The notes of what was handed on: merged when they are old, and kept where the journal is cut.

A row says when a part was handed on. After a week nobody asks for the half second, so those of one
hour become one row, with the hour's last moment: without that they would be two for each second of
trade, for good. What is processed stays processed, and rows follow each other without a gap.

What a consumer has not been handed yet must not leave the journal: it reads nothing else. So an
archive is refused while one of them is behind the cut, unless it is to be forgotten; and the
journal that goes on has the cursors of the others, or they would begin anew.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

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


# Oldest first, from behind a row.
OLD = (
    "SELECT consumer, last_seq, first_seq, at_us, lineage FROM outbox_deliveries "
    "WHERE (consumer, last_seq) > (?, ?) AND at_us < ? ORDER BY consumer, last_seq LIMIT ?"
)
# One statement, so one step for a crash: each row becomes the same one, and takes its place.
MERGE = (
    "UPDATE OR REPLACE outbox_deliveries SET last_seq = ?, first_seq = ?, at_us = ? "
    "WHERE consumer = ? AND last_seq BETWEEN ? AND ?"
)
_HOUR_US = 3_600_000_000

# Columns as ``OLD`` gives them.
Delivery = tuple[str, int, int, int, str]


@dataclass(frozen=True, slots=True)
class Merged:
    """Rows that follow each other within one hour, as one; ``first_last_seq`` is of the first."""

    consumer: str
    first_seq: int
    first_last_seq: int
    last_seq: int
    at_us: int
    count: int

    @property
    def values(self) -> tuple[object, ...]:
        """Return what ``MERGE`` asks for."""
        span = (self.consumer, self.first_last_seq, self.last_seq)
        return (self.last_seq, self.first_seq, self.at_us, *span)


def merged(rows: Sequence[Delivery]) -> Iterator[Merged]:
    """Return every stretch of rows, those of one row alone included, in the order given."""
    numbered = zip(rows, _stretches(rows), strict=True)
    for _, members in groupby(numbered, key=lambda pair: pair[1]):
        stretch = [row for row, _ in members]
        first, last = stretch[0], stretch[-1]
        yield Merged(
            consumer=first[0],
            first_seq=first[2],
            first_last_seq=first[1],
            last_seq=last[1],
            at_us=max(row[3] for row in stretch),
            count=len(stretch),
        )


def _stretches(rows: Sequence[Delivery]) -> Iterator[int]:
    number = 0
    for place, (consumer, _, first_seq, at_us, lineage) in enumerate(rows):
        if place:
            before = rows[place - 1]
            follows = (before[0], before[1] + 1, before[3] // _HOUR_US, before[4])
            if follows != (consumer, first_seq, at_us // _HOUR_US, lineage):
                number += 1
        yield number


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
