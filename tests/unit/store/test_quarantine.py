"""Letters are read from the journal alone, the open ones first, with or without a daemon."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.unit.store.support import START
from tests.unit.store.test_tickets import journal_of
from trader.core.quarantine_events import (
    MessageDismissed,
    MessageNotKept,
    MessageQuarantined,
    MessageRepeated,
    MessageRetried,
)
from trader.store.chain import RECONSTRUCT
from trader.store.quarantine import NotKeptRow, letters_in
from trader.store.rows import JournalUnusable
from trader.store.schema import MIGRATIONS

ONE = MessageQuarantined("aaaaaaaaaaaa", 11, 178, ("11", "-1", "x"), False, "side 'B'")
TWO = replace(ONE, key="bbbbbbbbbbbb", message_id=0, is_truncated=True)


def test_open_letters_come_first_and_the_newest_of_each(tmp_path: Path) -> None:
    dismissed = MessageDismissed(ONE.key, "seen", "ann")
    path = journal_of(tmp_path / "j.db", ONE, dismissed, TWO, ONE, MessageRepeated(ONE.key, 2))
    rows, lost = letters_in(path)
    assert [(row.key, row.is_open) for row in rows] == [
        (ONE.key, True), (TWO.key, True), (ONE.key, False),
    ]  # fmt: skip
    assert lost == ()
    assert rows[0].fields == ONE.fields
    assert (rows[0].count, rows[2].count) == (2, 1)
    assert rows[0].last_utc == rows[0].first_utc + timedelta(seconds=1)
    assert (rows[2].ended_as, rows[2].ended_by, rows[2].ended_reason) == (
        "dismissed",
        "ann",
        "seen",
    )
    assert rows[2].ended_utc == START + timedelta(seconds=3)
    assert [list(row.verbs) for row in rows] == [["retry", "dismiss"], ["dismiss"], []]


def test_the_last_try_is_told(tmp_path: Path) -> None:
    tried = MessageRetried(ONE.key, False, "cannot be read", "upgraded", "ann")
    ((row,), _) = letters_in(journal_of(tmp_path / "j.db", ONE, tried))
    assert row.is_open
    assert (row.tried_outcome, row.tried_by) == ("cannot be read", "ann")


def test_of_what_was_not_kept_the_last_count_is_told(tmp_path: Path) -> None:
    counts = (MessageNotKept(11, 1), MessageNotKept(5, 1), MessageNotKept(11, 2))
    _, lost = letters_in(journal_of(tmp_path / "j.db", *counts))
    assert lost == (
        NotKeptRow(5, 1, START + timedelta(seconds=3)),
        NotKeptRow(11, 2, START + timedelta(seconds=4)),
    )


def test_a_journal_of_an_earlier_version_has_none(tmp_path: Path) -> None:
    early = [step for _, steps in MIGRATIONS[:5] for step in steps if step != RECONSTRUCT]
    assert letters_in(journal_of(tmp_path / "j.db", steps=tuple(early))) == ((), ())


def test_what_is_no_journal_is_named(tmp_path: Path) -> None:
    with pytest.raises(JournalUnusable, match="there is no journal"):
        letters_in(tmp_path / "none.db")
