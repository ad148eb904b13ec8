"""A row that is not what was written is found, piece by piece, beside the journal's writer."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.unit.core.factories import (
    LINEAGE,
    an_intent,
    baselined,
    commissioned,
    executed,
    planned,
    reviewed,
)
from tests.unit.store.support import START, CountingClock, running, state_at, tampered
from trader.core import events as ev
from trader.core.book import Book
from trader.core.ids import OrderId, Seq
from trader.core.reports.integrity import FLAW_KINDS, integrity_content
from trader.ops.status_json import plain
from trader.store import integrity
from trader.store.integrity import Place, Resumed, Walker, resumed_from
from trader.store.journal import SqliteJournal
from trader.store.rows import JournalUnusable

ORDERS = 30
# JournalOpened, the baseline, and five events for each order.
LAST = 2 + 5 * ORDERS


class PatientClock(CountingClock):
    """Lets everybody else have a turn where the walk pauses."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses = 0

    async def sleep(self, seconds: float) -> None:
        self.pauses += 1
        await asyncio.sleep(0)


def events() -> list[ev.Event]:
    rows: list[ev.Event] = [ev.JournalOpened(LINEAGE), baselined()]
    for number in range(1, ORDERS + 1):
        intent = an_intent(number)
        rows += [
            reviewed(intent),
            planned(intent, number),
            ev.OrderSent(OrderId(number)),
            executed(number, f"e{number}.01.01"),
            commissioned(f"e{number}.01.01"),
        ]
    return rows


def append(journal: SqliteJournal, book: Book, *rows: ev.Event) -> None:
    for event in rows:
        recorded = ev.Recorded(Seq(book.seq + 1), START, event)
        book.apply(recorded)
        journal.append(recorded)


@asynccontextmanager
async def written(path: Path) -> AsyncIterator[tuple[SqliteJournal, Book]]:
    """Give a journal of whole orders that goes on being written, and its book."""
    book = Book()
    async with running(path) as journal:
        append(journal, book, *events())
        await journal.durable(book.seq)
        yield journal, book


def kinds(walker: Walker) -> list[str]:
    return [walker.flaws[seq].kind for seq in sorted(walker.flaws)]


async def test_a_journal_that_is_whole_has_no_finding_and_all_of_it_is_looked_at(
    tmp_path: Path,
) -> None:
    path, clock = tmp_path / "journal.db", PatientClock()
    async with written(path) as (journal, book):
        walker = Walker(path, clock, book)
        assert walker.coverage() is None
        await walker.look(journal.head)
        seen = walker.coverage()
        assert seen is not None
        assert (walker.flaws, seen.tail_to, seen.sweep_to) == ({}, LAST, LAST)
        assert seen.sweep_digest == journal.head.digest
        assert seen.swept_utc is not None
        # In short pieces, between which everybody else has a turn.
        assert clock.pauses >= 2 * LAST // integrity._PIECE_ROWS


async def test_the_tail_begins_at_the_newest_checkpoint_and_follows_the_head(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.db"
    async with written(path) as (journal, book):
        await journal.save_checkpoint(state_at(100))
        walker = Walker(path, PatientClock(), book)
        await walker.look(journal.head, sweep_rows=0)
        seen = walker.coverage()
        assert seen is not None
        assert (seen.tail_from, seen.tail_to, seen.rows_looked_at) == (100, LAST, LAST - 100)
        append(journal, book, ev.OrderUnanswered(OrderId(30), "late"))
        await journal.durable(book.seq)
        await walker.look(journal.head, sweep_rows=0)
        seen = walker.coverage()
        assert seen is not None
        # Only what is new was read.
        assert (seen.tail_to, seen.rows_looked_at) == (LAST + 1, LAST - 100 + 1)


async def test_the_sweep_goes_on_in_portions_and_then_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with written(path) as (journal, book):
        walker = Walker(path, PatientClock(), book)
        places = []
        for _ in range(5):
            await walker.look(journal.head, sweep_rows=60)
            seen = walker.coverage()
            assert seen is not None
            places.append((seen.sweep_to, seen.swept_utc is not None))
        assert places == [(60, False), (120, False), (LAST, True), (60, True), (120, True)]


CHANGES: list[tuple[str, str]] = [
    ("UPDATE events SET payload = replace(payload, '10', '11') WHERE seq = 50", "altered"),
    ("UPDATE events SET at_us = at_us + 1 WHERE seq = 50", "altered"),
    ("UPDATE events SET kind = 'OrderSettled' WHERE seq = 50", "altered"),
    ("UPDATE events SET digest = x'00' WHERE seq = 50", "altered"),
    ("UPDATE events SET digest = 'text' WHERE seq = 50", "altered"),
    ("UPDATE events SET payload = CAST(payload AS BLOB) WHERE seq = 50", "altered"),
    ("UPDATE events SET payload = 'no json' WHERE seq = 50", "altered"),
    ("UPDATE events SET payload = x'ff00ff' WHERE seq = 50", "altered"),
    ("DELETE FROM events WHERE seq = 50", "missing"),
    ("DELETE FROM events WHERE seq BETWEEN 50 AND 120", "missing"),
    ("DELETE FROM events WHERE seq = (SELECT max(seq) FROM events)", "missing"),
    ("DELETE FROM events WHERE seq > 112", "missing"),
    ("DELETE FROM events", "missing"),
    ("INSERT INTO journal_seams VALUES (50, 1, x'00')", "seam"),
]


@pytest.mark.parametrize(("sql", "kind"), CHANGES)
async def test_a_row_that_was_changed_before_the_look_is_found(
    tmp_path: Path, sql: str, kind: str
) -> None:
    path = tmp_path / "journal.db"
    async with written(path) as (journal, book):
        await journal.save_checkpoint(state_at(100))
        head = journal.head
        tampered(path, sql)
        walker = Walker(path, PatientClock(), book)
        await walker.look(head)
        assert kind in kinds(walker), walker.flaws
        content = integrity_content(
            walker.flaws, walker.coverage(), head=(1, ""), problem="", now_utc=START
        )
        assert content.status == "fail"


@pytest.mark.parametrize("seq", [3, 50, 120, LAST])
async def test_a_row_that_is_changed_after_it_was_looked_at_is_found_by_the_sweep(
    tmp_path: Path, seq: int
) -> None:
    path = tmp_path / "journal.db"
    async with written(path) as (journal, book):
        walker = Walker(path, PatientClock(), book)
        await walker.look(journal.head)
        assert walker.flaws == {}
        tampered(path, "UPDATE events SET version = version + 1 WHERE seq = ?", seq)
        await walker.look(journal.head)
        assert [(flaw.kind, flaw.seq) for flaw in walker.flaws.values()] == [("altered", seq)]
        # Put back as it was, it is found right again.
        tampered(path, "UPDATE events SET version = version - 1 WHERE seq = ?", seq)
        await walker.look(journal.head)
        assert walker.flaws == {}


async def test_a_history_that_was_hashed_anew_shows_at_the_head_that_this_process_knows(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.db"
    async with written(path) as (journal, book):
        walker = Walker(path, PatientClock(), book)
        await walker.look(replace(journal.head, digest="ab" * 32))
        assert kinds(walker) == ["head"]
        # Rows that follow each other do not take it back.
        await walker.look(replace(journal.head, digest="ab" * 32))
        assert kinds(walker) == ["head"]


async def test_a_row_whose_names_are_not_known_is_uncorrelated(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with written(path) as (journal, book):
        # As if the rows of an order were of somebody else's making: right digests, no promise.
        del book.orders[OrderId(7)]
        walker = Walker(path, PatientClock(), book)
        await walker.look(journal.head)
        assert set(kinds(walker)) == {"uncorrelated"}
        assert len(walker.flaws) == 2


async def test_a_name_that_stands_in_two_rows_is_a_duplicate(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with written(path) as (journal, book):
        second = ev.Recorded(Seq(LAST + 1), START, executed(3, "e3.01.01"))
        journal.append(second)
        await journal.durable(second.seq)
        walker = Walker(path, PatientClock(), book)
        await walker.look(journal.head)
        assert [(flaw.kind, flaw.seq) for flaw in walker.flaws.values()] == [
            ("duplicate", LAST + 1)
        ]


async def test_names_are_not_remembered_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(integrity, "_NAMES_MAX", 10)
    path = tmp_path / "journal.db"
    async with written(path) as (journal, book):
        walker = Walker(path, PatientClock(), book)
        await walker.look(journal.head)
        assert (len(walker._named), walker.flaws) == (10, {})


def test_all_the_names_together_take_a_few_megabytes(tmp_path: Path) -> None:
    """At ten times as many, a daemon that trades heavily grew for fourteen hours."""
    walker = Walker(tmp_path / "journal.db", PatientClock(), Book())
    for number in range(integrity._NAMES_MAX + 1):
        keys = json.dumps([f"0000e0d5.{number:08x}.01.01", ""]).encode()
        walker._correlate(number + 1, "ExecutionSeen", keys)
    named = walker._named
    assert len(named) == integrity._NAMES_MAX
    taken = sum(sys.getsizeof(one) for row in named.items() for one in row)
    assert sys.getsizeof(named) + taken < 5_000_000


async def test_the_next_process_goes_on_where_the_last_one_was(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with written(path) as (journal, book):
        first = Walker(path, PatientClock(), book)
        await first.look(journal.head, sweep_rows=60)
        tampered(path, "UPDATE events SET version = 2 WHERE seq = 20")
        body = report_of(first, journal)
        resumed = resumed_from(body, LINEAGE)
        assert resumed is not None
        assert resumed.sweep.seq == 60
        second = Walker(path, PatientClock(), book, resumed)
        await second.look(journal.head, sweep_rows=60)
        seen = second.coverage()
        assert seen is not None
        assert seen.sweep_to == 120


async def test_what_was_found_stays_found_over_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with written(path) as (journal, book):
        tampered(path, "UPDATE events SET version = 2 WHERE seq = 20")
        first = Walker(path, PatientClock(), book)
        await first.look(journal.head)
        await journal.save_checkpoint(state_at(LAST))
        resumed = resumed_from(report_of(first, journal), LINEAGE)
        second = Walker(path, PatientClock(), book, resumed)
        await second.look(journal.head, sweep_rows=0)
        assert [flaw.seq for flaw in second.flaws.values()] == [20]


async def test_a_sweep_whose_row_is_another_now_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with written(path) as (journal, book):
        for place in (Place(60, b"x" * 32), Place(LAST + 7, b"x" * 32)):
            walker = Walker(path, PatientClock(), book, Resumed(place, START, None))
            await walker.look(journal.head, sweep_rows=10)
            seen = walker.coverage()
            assert seen is not None
            assert seen.sweep_to == 10


@pytest.mark.parametrize(
    "change",
    [
        {"lineage": "zzz999"},
        {"coverage": None},
        {"coverage": {"sweep_to": 1}},
        {"findings": [{"kind": "nonsense", "seq": 1, "text": ""}]},
        {"findings": [{"seq": 1}]},
    ],
)
def test_a_report_that_says_nothing_of_this_journal_is_not_gone_by(change: dict[str, Any]) -> None:
    body = {
        "lineage": LINEAGE,
        "coverage": {
            "sweep_to": 1, "sweep_digest": "ab", "sweep_began_utc": None, "swept_utc": None,
        },
        "findings": [{"kind": FLAW_KINDS[0], "seq": 1, "text": "event 1 is missing"}],
    }  # fmt: skip
    assert resumed_from(body, LINEAGE) is not None
    assert resumed_from(body | change, LINEAGE) is None


async def test_a_look_that_cannot_read_says_so(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with written(path) as (journal, book):
        gone = Walker(tmp_path / "gone.db", PatientClock(), book)
        with pytest.raises(JournalUnusable, match=r"gone\.db: there is no journal"):
            await gone.look(journal.head)
        assert gone.coverage() is None
        assert not (tmp_path / "gone.db").exists()


async def test_a_look_does_not_wait_for_the_writer_nor_the_writer_for_it(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with written(path) as (journal, book):
        walker = Walker(path, PatientClock(), book)
        look = asyncio.create_task(walker.look(journal.head))
        for number in range(31, 61):
            intent = an_intent(number)
            append(journal, book, reviewed(intent), planned(intent, number))
            await journal.durable(book.seq)
        await look
        await walker.look(journal.head)
        assert walker.flaws == {}
        seen = walker.coverage()
        assert seen is not None
        assert seen.tail_to == book.seq


def report_of(walker: Walker, journal: SqliteJournal) -> dict[str, Any]:
    """Return what a file would hold of a walk."""
    content = integrity_content(
        walker.flaws,
        walker.coverage(),
        head=(journal.head.seq, journal.head.digest),
        problem="",
        now_utc=START,
    )
    body: dict[str, Any] = json.loads(json.dumps(plain(content.body)))
    return body | {"lineage": LINEAGE}
