"""A journal read from outside is the book that a start has, and its newest events in order."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.unit.engine.world import VirtualLoop, World, an_execution, an_intent
from tests.unit.store import support
from trader.core.book import Book
from trader.core.checkpoint import state_of
from trader.core.events import ExecutionSeen, OrderSent, Recorded
from trader.core.ids import Seq
from trader.store.latest import behind, book_in, end_of, newest
from trader.store.rows import JournalUnusable


async def _lived() -> list[Recorded]:
    world = World()
    for number in (1, 2, 3):
        outcome = await world.gateway.submit(an_intent(number))
        assert outcome.order_id is not None
        order = world.book.orders[outcome.order_id]
        world.ledger.note(ExecutionSeen(an_execution(order, exec_id=f"{number}.01.01")))
    assert len(world.journal.events(ExecutionSeen)) == 3
    return world.journal.rows


@pytest.fixture(scope="module")
def lived() -> list[Recorded]:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(_lived())


@pytest.mark.parametrize("checkpoint_at", [0, 5, -1])
async def test_the_book_is_the_one_that_was_lived(
    tmp_path: Path, lived: list[Recorded], checkpoint_at: int
) -> None:
    where = len(lived) if checkpoint_at == -1 else checkpoint_at
    path = await support.journal_of(lived, tmp_path / "j.db", where)
    book = Book()
    for row in lived:
        book.apply(row)
    known = book_in(path)
    assert (known.seq, known.at_utc) == (lived[-1].seq, lived[-1].at_utc)
    assert state_of(known.book) == state_of(book)
    assert len(known.book.fills) == 3


async def test_an_empty_journal_is_an_empty_book(tmp_path: Path) -> None:
    path = await support.journal_of([], tmp_path / "j.db")
    known = book_in(path)
    assert (known.seq, known.at_utc, dict(known.book.orders)) == (0, None, {})
    assert newest(path, 5) == ()
    assert behind(path, Seq(0)) == ()


async def test_the_end_of_a_journal_is_known_whatever_it_holds(
    tmp_path: Path, lived: list[Recorded]
) -> None:
    assert end_of(await support.journal_of([], tmp_path / "none.db")) == 0
    assert end_of(await support.journal_of(lived, tmp_path / "j.db")) == lived[-1].seq


async def test_the_newest_events_come_in_their_order(tmp_path: Path, lived: list[Recorded]) -> None:
    path = await support.journal_of(lived, tmp_path / "j.db")
    assert newest(path, 4) == tuple(lived[-4:])
    assert newest(path, 0) == ()
    assert newest(path, 10_000) == tuple(lived)
    sent = [row for row in lived if isinstance(row.event, OrderSent)]
    assert newest(path, 2, ["OrderSent"]) == tuple(sent[-2:])
    two = ["OrderSent", "ExecutionSeen"]
    wanted = [row for row in lived if isinstance(row.event, OrderSent | ExecutionSeen)]
    assert newest(path, 100, two) == tuple(wanted)


async def test_nothing_is_shown_twice_and_nothing_is_left_out(
    tmp_path: Path, lived: list[Recorded]
) -> None:
    path = await support.journal_of(lived, tmp_path / "j.db")
    shown = [*newest(path, 2)]
    assert behind(path, shown[-1].seq) == ()
    assert behind(path, Seq(0)) == tuple(lived)
    assert behind(path, Seq(7)) == tuple(lived[7:])
    sent = [row for row in lived[7:] if isinstance(row.event, OrderSent)]
    assert behind(path, Seq(7), ["OrderSent"]) == tuple(sent)


async def test_a_gap_is_told_and_not_passed_over(tmp_path: Path, lived: list[Recorded]) -> None:
    path = await support.journal_of(lived, tmp_path / "j.db")
    support.tampered(path, "DELETE FROM events WHERE seq = 6")
    with pytest.raises(JournalUnusable, match="event 6 is missing"):
        book_in(path)


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(JournalUnusable, match="there is no journal"):
        book_in(tmp_path / "j.db")
