"""Ask a reconciliation's question again, from the journal and its record alone.

There is no broker here and no way to one: a replay reads, folds and compares (EVT-19). Whether
the journal is still what was written says ``trader verify``.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from trader.core import events as ev
from trader.core.book import Book
from trader.core.checkpoint import restored
from trader.core.comparison import Decision, answered, differences, doubted
from trader.core.ids import Seq
from trader.store.archives import history
from trader.store.onlooker import CHECKPOINT_PARTS, EVENT_ROWS
from trader.store.rows import JournalUnusable, RowUnreadable, recorded_of, state_of_parts

_EVENTS = f"{EVENT_ROWS}WHERE seq BETWEEN ? AND ? ORDER BY seq"
_CHECKPOINTS = "SELECT seq, part_count, crc FROM checkpoints WHERE seq <= ? ORDER BY seq DESC"


@dataclass(frozen=True, slots=True)
class Replay:
    """How a run came out when it was asked again."""

    # What is otherwise than it was recorded; empty when the verdict is the same.
    differences: tuple[str, ...]
    # What the run recorded and the journal does not hold where it should.
    missing: tuple[str, ...]

    @property
    def is_same(self) -> bool:
        """Tell whether the verdict is reproduced, and the journal has what it led to."""
        return not (self.differences or self.missing)


def replayed(path: Path, decisions: Iterable[Decision]) -> tuple[Replay, ...]:
    """Decide runs again, in their order, from the journal at ``path``; raises JournalUnusable."""
    with history(path) as db:
        return replayed_in(db, decisions)


def replayed_in(db: sqlite3.Connection, decisions: Iterable[Decision]) -> tuple[Replay, ...]:
    """Decide runs again from a journal that is open already."""
    in_order = sorted(decisions, key=lambda row: row.asked_seq)
    book = book_near(db, in_order[0].asked_seq) if in_order else Book()
    return tuple(_again(db, book, decision) for decision in in_order)


def _again(db: sqlite3.Connection, book: Book, decision: Decision) -> Replay:
    """Decide one run again; ``book`` is one of before it and becomes the one of after it."""
    for recorded in events_from(db, Seq(book.seq + 1), decision.asked_seq):
        book.apply(recorded)
    answer = answered(book, decision.question)
    noted: list[ev.Event] = []
    for recorded in events_from(db, Seq(decision.asked_seq + 1), decision.decided_seq):
        noted.append(recorded.event)
        book.apply(recorded)
    doubt = doubted(book, decision.question, answer)
    missing = tuple(
        str(event)
        for event in decision.answer.records
        if event not in noted and book.is_news(event)
    )
    return Replay(differences(decision, answer, doubt.plan), missing)


def book_near(db: sqlite3.Connection, last: Seq) -> Book:
    """Return the book of the newest good checkpoint up to an event, or an empty one."""
    for seq, part_count, crc in db.execute(_CHECKPOINTS, (last,)).fetchall():
        parts = [part for (part,) in db.execute(CHECKPOINT_PARTS, (seq, part_count))]
        try:
            return restored(state_of_parts(seq, parts, crc))
        except RowUnreadable:
            continue  # of an older program: what it holds is in the events too
    return Book()


def events_from(db: sqlite3.Connection, first: Seq, last: Seq) -> Iterator[ev.Recorded]:
    """Give the events from ``first`` to ``last``, both included; raises JournalUnusable."""
    expected = int(first)
    for row in db.execute(_EVENTS, (first, last)):
        if row[0] != expected:
            break
        yield recorded_of(row)
        expected += 1
    if expected <= last:
        raise JournalUnusable(f"event {expected} is missing, and the run was decided at {last}")
