"""The view of dead letters says what the book's fold says, and what became of each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.unit.store.shelf import Shelf
from trader.core.quarantine_events import (
    MessageDismissed,
    MessageNotKept,
    MessageQuarantined,
    MessageRepeated,
    MessageRetried,
)

OPENED = MessageQuarantined("k1", 11, 178, ("11", "-1", 'a "b"', "é"), False, "side 'B'")


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    one = Shelf()
    with closing(one.db):
        yield one


def test_an_open_letter_is_told_with_its_fields(shelf: Shelf) -> None:
    shelf.record(OPENED)
    (row,) = shelf.rows("dead_letters")
    assert json.loads(row["fields"]) == ["11", "-1", 'a "b"', "é"]
    assert (row["key"], row["message_id"], row["server_version"]) == ("k1", 11, 178)
    assert (row["is_truncated"], row["error"], row["count"]) == (0, "side 'B'", 1)
    assert row["last_at"] == row["at"]
    (letter,) = shelf.book.quarantine.letters
    assert (letter.key, letter.seq, letter.count) == (row["key"], row["seq"], row["count"])
    assert (row["ended_seq"], row["ended_as"], row["tried_at"]) == (None, None, None)


def test_repeats_tries_and_the_end_are_told_of_the_letter_that_they_are_of(shelf: Shelf) -> None:
    shelf.record(OPENED)
    shelf.record(MessageRepeated("k1", 2))
    shelf.record(MessageRepeated("k1", 4))
    shelf.record(MessageRetried("k1", False, "cannot be read", "tried", "ann"))
    shelf.record(MessageDismissed("k1", "seen", "bo"))
    shelf.record(OPENED)
    shelf.record(MessageRetried("k1", True, "booked: x", "mended", "ann"))
    assert shelf.book.quarantine.letters == ()
    first, second = shelf.rows("dead_letters")
    assert first["count"] == 4
    assert first["last_at"] > first["at"]
    assert (first["ended_as"], first["ended_by"], first["ended_reason"]) == (
        "dismissed", "bo", "seen",
    )  # fmt: skip
    assert (first["tried_outcome"], first["tried_by"]) == ("cannot be read", "ann")
    assert (second["count"], second["ended_as"]) == (1, "retried")
    assert second["tried_outcome"] == "booked: x"


def test_what_was_not_kept_is_told_by_message_id(shelf: Shelf) -> None:
    shelf.record(MessageNotKept(11, 1))
    shelf.record(MessageNotKept(11, 2))
    told = [(row["message_id"], row["count"]) for row in shelf.rows("dead_letters_not_kept")]
    assert told == [(11, 1), (11, 2)]


@pytest.mark.parametrize("view", ["dead_letters", "dead_letters_not_kept"])
def test_the_runbook_tells_every_column(shelf: Shelf, view: str) -> None:
    runbook = (Path(__file__).resolve().parents[3] / "RUNBOOK.md").read_text("utf-8")
    (line,) = [row for row in runbook.splitlines() if row.startswith(f"| `{view}` |")]
    columns = [row[1] for row in shelf.db.execute(f"PRAGMA table_info({view})")]
    assert line.split("|")[3].replace("`", "").split() == columns
