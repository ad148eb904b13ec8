"""Tickets are read from the journal alone, the open ones first, with or without a daemon."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.unit.store.support import START, put
from trader.core import events as ev
from trader.core.ids import ConId, Lineage, RunId, Seq, TicketId
from trader.core.ticket_events import TicketIgnored
from trader.core.ticketing import TicketVerb
from trader.store.rows import JournalUnusable
from trader.store.schema import MIGRATIONS, upgrade_from
from trader.store.tickets import tickets_in

ONE = ev.TicketOpened(TicketId("r-position-AAPL-5"), "position", ConId(5), "10 or 0", RunId("r"))
TWO = replace(ONE, ticket_id=TicketId("r-cash-USD"), kind="cash", con_id=None)
UNTIL = START + timedelta(hours=1)


def journal_of(path: Path, *events: ev.Event, steps: tuple[str, ...] = upgrade_from(0)) -> Path:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for statement in steps:
            db.execute(statement)
        for number, event in enumerate((ev.JournalOpened(Lineage("abc123")), *events), start=1):
            put(db, ev.Recorded(Seq(number), START + timedelta(seconds=number), event))
    return path


def test_open_tickets_come_first_and_the_newest_of_each(tmp_path: Path) -> None:
    closed = ev.TicketClosed(TWO.ticket_id, "a fee", "me")
    path = journal_of(tmp_path / "j.db", ONE, TWO, closed, replace(ONE, text="again"))
    rows = tickets_in(path)
    assert [(row.ticket_id, row.is_open) for row in rows] == [
        (ONE.ticket_id, True), (ONE.ticket_id, True), (TWO.ticket_id, False),
    ]  # fmt: skip
    assert rows[0].text == "again"
    assert rows[1].opened_utc == START + timedelta(seconds=2)
    assert (rows[2].closed_by, rows[2].closed_reason) == ("me", "a fee")
    assert rows[2].closed_utc == START + timedelta(seconds=4)
    assert list(rows[0].verbs) == list(TicketVerb)
    assert rows[2].verbs == {}


def test_one_that_waits_says_until_when(tmp_path: Path) -> None:
    word = TicketIgnored(ONE.ticket_id, UNTIL, "asked", "ann")
    (row,) = tickets_in(journal_of(tmp_path / "j.db", ONE, word))
    assert (row.ignored_until_utc, row.ignored_by, row.ignored_reason) == (UNTIL, "ann", "asked")
    assert row.is_ignored(UNTIL - timedelta(seconds=1))
    assert not row.is_ignored(UNTIL)


def test_a_journal_of_an_earlier_version_is_read_as_well(tmp_path: Path) -> None:
    early = tuple(step for number, steps in MIGRATIONS if number == 1 for step in steps)
    views = tuple(step for number, steps in MIGRATIONS if number == 2 for step in steps)
    closed = ev.TicketClosed(ONE.ticket_id, "seen", "me")
    path = tmp_path / "j.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for statement in (*early, *views):
            db.execute(statement)
        for number, event in enumerate((ONE, TWO, closed), start=1):
            row = (number, 0, type(event).__name__, 1, PAYLOADS[number - 1])
            db.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?)", row)
    assert [(row.kind, row.is_open) for row in tickets_in(path)] == [
        ("cash", True), ("position", False),
    ]  # fmt: skip


PAYLOADS = (
    '{"ticket_id":"a","kind":"position","con_id":5,"text":"t","run_id":"r"}',
    '{"ticket_id":"b","kind":"cash","con_id":null,"text":"t","run_id":"r"}',
    '{"ticket_id":"a","reason":"seen","by":"me"}',
)


def test_what_is_no_journal_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(JournalUnusable, match="there is no journal"):
        tickets_in(tmp_path / "j.db")
    with closing(sqlite3.connect(tmp_path / "j.db")) as db:
        db.execute("CREATE TABLE x (y)")
    with pytest.raises(JournalUnusable):
        tickets_in(tmp_path / "j.db")
