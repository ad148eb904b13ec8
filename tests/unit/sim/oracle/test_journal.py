"""A journal is read through its views, while it is written, and never changed by it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.unit.sim.oracle.journals import ACCOUNT, REF, START, execution, story, write
from tests.unit.store.support import order_planned, tamper
from trader.core import events as ev
from trader.core.ids import ClientId, ConId, OrderId, OrderRef, PermId
from trader.core.intents import Side
from trader.sim.oracle import journal as reading
from trader.sim.oracle.fields import Fields
from trader.sim.oracle.journal import read_journal
from trader.sim.oracle.records import Cash, Halt, InputError, JournalChange, State, Terms


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_journal(path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("journal: ")
    assert "allowed: " in str(caught.value)
    return str(caught.value)


def test_an_order_that_expires_at_the_broker_is_good_until_then_there(tmp_path: Path) -> None:
    ends = START + timedelta(seconds=60)
    events = tuple(
        replace(one, terms=replace(one.terms, good_till_utc=ends))
        if isinstance(one, ev.OrderPlanned)
        else one
        for one in story()
    )
    journal = read_journal(write(tmp_path / "journal.db", events))
    assert [one.terms.time_in_force for one in journal.orders] == ["GTD"]


def test_what_a_daemon_wrote_is_read(tmp_path: Path) -> None:
    journal = read_journal(write(tmp_path / "journal.db", story()))
    assert (journal.account, journal.order_ref_prefix) == ("DUSIM1", "T1-abc123-")
    start_us = int(START.timestamp()) * 1_000_000
    assert (journal.opened_us, journal.baseline_us) == (start_us + 1_000_000, start_us + 3_000_000)
    assert (journal.last_seq, journal.event_count) == (10, 10)
    (order,) = journal.orders
    assert (order.order_id, order.order_ref, order.state) == (41, REF, State.FILLED)
    assert (order.seq, order.sent_seq, order.at_us) == (5, 6, start_us + 5_000_000)
    assert order.terms == Terms(
        265598, "SELL", Decimal("100.50"), "LMT", Decimal("187.2500"), None, "DAY"
    )
    assert journal.recorded == ("0001.01.01", "0001.01.02")
    (fill,) = journal.executions
    assert (fill.execution.exec_id, fill.execution.price) == ("0001.01.02", Decimal("187.20"))
    assert fill.our_order_id == 41
    assert [(one.exec_id, one.amount) for one in journal.commissions] == [
        ("0001.01.01", Decimal("1.05"))
    ]
    assert journal.baselined == {"0009.01"}
    assert [(one.con_id, one.quantity) for one in journal.positions] == [(265598, Decimal(0))]
    # 1000.00 + 100.50 x 187.20 - 1.05, to the last digit.
    assert journal.cash == (Cash("USD", Decimal("19812.55")),)
    assert journal.halts == (Halt(1, "fresh_install", True), Halt(4, "fresh_install", False))
    assert [one.ticket_id for one in journal.tickets] == ["t1"]


def test_an_order_is_read_as_it_was_changed_and_as_it_is_to_be(tmp_path: Path) -> None:
    number, terms = OrderId(41), order_planned(41).terms.changeable
    first = replace(terms, quantity=Decimal(120), limit_price=Decimal("187.5"))
    second = replace(first, quantity=Decimal(130))
    shown = ev.OpenOrderSeen(
        number, ClientId(7), PermId(99), OrderRef(REF), ACCOUNT, ConId(265598), "AAPL", Side.SELL,
        first.quantity, "LMT", first.limit_price, "Submitted",
    )  # fmt: skip
    told = (
        *story()[:6],
        ev.ModifyPlanned(number, 1, first, "r"), ev.ModifySent(number, 1), shown,
        ev.ModifyPlanned(number, 2, second, "r"), ev.ModifySent(number, 2),
    )  # fmt: skip
    journal = read_journal(write(tmp_path / "journal.db", told))
    (order,) = journal.orders
    assert (order.terms.quantity, order.terms.limit_price) == (Decimal(120), Decimal("187.5"))
    assert order.desired == replace(order.terms, quantity=Decimal(130))
    start_us = int(START.timestamp()) * 1_000_000
    assert journal.changes == (
        JournalChange(41, start_us + 7_000_000), JournalChange(41, start_us + 10_000_000),
    )  # fmt: skip


def test_a_journal_in_use_is_read_to_its_last_commit(tmp_path: Path) -> None:
    path = write(tmp_path / "journal.db", story())
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("PRAGMA wal_autocheckpoint = 0")
        tamper(writer, "DELETE FROM events WHERE seq = 10")
        writer.execute("BEGIN IMMEDIATE")
        tamper(writer, "DELETE FROM events WHERE seq = 9")
        journal = read_journal(path)
        assert (journal.event_count, journal.tickets) == (9, ())
        assert journal.executions[0].execution.exec_id == "0001.01.02"
        writer.execute("COMMIT")
        assert read_journal(path).executions[0].execution.exec_id == "0001.01.01"


def test_all_views_are_read_of_one_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between its first look and the next everything else is deleted by somebody."""
    path = write(tmp_path / "journal.db", story())
    rows = reading._Reader._rows

    def slow(self: reading._Reader, view: str) -> list[Fields]:
        found = rows(self, view)
        with closing(sqlite3.connect(path, isolation_level=None)) as writer:
            tamper(writer, "DELETE FROM events WHERE seq > 1")
        return found

    monkeypatch.setattr(reading._Reader, "_rows", slow)
    journal = read_journal(path)
    assert (journal.event_count, len(journal.orders), len(journal.tickets)) == (10, 1, 1)


def test_reading_changes_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "journal.db", story())
    before = path.read_bytes()
    read_journal(path)
    assert path.read_bytes() == before


def test_a_path_may_hold_what_means_something_in_a_uri(tmp_path: Path) -> None:
    folder = tmp_path / "a?mode=rwc#b%20c"
    folder.mkdir()
    assert read_journal(write(folder / "journal.db", story())).account == "DUSIM1"
    assert os.listdir(tmp_path) == [folder.name]


def test_a_journal_of_the_first_version_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "journal.db", story(), version=1)
    assert "has version 1; allowed: 12 or later" in refusal(path)


def test_a_journal_of_a_later_version_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "journal.db", story(), version=99)
    assert read_journal(path).account == "DUSIM1"


def test_what_is_not_there_is_not_made(tmp_path: Path) -> None:
    assert "does not exist" in refusal(tmp_path / "gone.db")
    assert "is not a file" in refusal(tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE recipes (name TEXT)")
    assert "a database of another program" in refusal(path)


@pytest.mark.parametrize("content", [b"", b"not a database at all, but long enough" * 40])
def test_what_is_no_database_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(content)
    refusal(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("page", [1, 3, 6, -1])
def test_a_damaged_journal_is_refused(tmp_path: Path, page: int) -> None:
    path = write(tmp_path / "journal.db", story() + (story()[-1],) * 300)
    content = bytearray(path.read_bytes())
    at = page % (len(content) // 4096) * 4096
    content[at : at + 200] = b"\xff" * 200
    path.write_bytes(content)
    assert "cannot be read" in refusal(path)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE events SET payload = '{' WHERE seq = 7", "malformed JSON"),
        ("UPDATE events SET payload = CAST(x'ff' AS TEXT) WHERE seq = 7", "cannot be read"),
        (
            "UPDATE events SET payload = json_remove(payload, '$.execution.price') WHERE seq = 9",
            "v_executions_latest seq 9.price is None; allowed: a decimal number",
        ),
        (
            "UPDATE events SET payload = json_set(payload, '$.terms.side', 'HOLD') WHERE seq = 5",
            "v_orders seq 5.side is 'HOLD'; allowed: BUY, SELL",
        ),
        ("DELETE FROM events", "0 rows that say it was opened"),
        ("DROP VIEW v_halts", "no such table: v_halts"),
    ],
)
def test_a_spoilt_row_is_named(tmp_path: Path, statement: str, words: str) -> None:
    path = write(tmp_path / "journal.db", story())
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        tamper(db, statement)
    assert words in refusal(path)


def test_a_journal_before_the_baseline_has_none(tmp_path: Path) -> None:
    journal = read_journal(write(tmp_path / "journal.db", story()[:2]))
    assert (journal.baseline_us, journal.positions, journal.cash) == (None, (), ())
    assert journal.account == "DUSIM1"
    assert execution().account == journal.account
