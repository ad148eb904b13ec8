"""What is archived was handed on, and who follows the streams goes on where he was."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from tests.unit.commands.test_archive import STEP, Place
from tests.unit.store.support import CountingClock, running, shell
from trader import cli
from trader.bench.history import History, make_journal
from trader.core.ids import Lineage, Seq
from trader.core.streams import stream_names
from trader.ports import Cursor
from trader.store.rows import JournalUnusable
from trader.store.streams import JournalStreams

LINEAGE = Lineage("abc123")
EVENTS, LINK = 600, 399


@pytest.fixture
def place(tmp_path: Path) -> Place:
    make_journal(tmp_path / "journal.db", History(EVENTS, 10, tail=50, step=STEP))
    return Place(tmp_path)


def note(place: Place, *cursors: tuple[str, int]) -> None:
    async def write() -> None:
        async with running(place.journal) as journal:
            streams = JournalStreams(journal, CountingClock())
            for consumer, seq in cursors:
                before = await streams.cursor_of(consumer)
                await streams.note(consumer, Seq(before.seq + 1), Cursor(Seq(seq), LINEAGE))

    asyncio.run(write())


def rest_of(place: Place, consumer: str) -> tuple[int, list[int]]:
    """Return a consumer's cursor, and everything that it is handed from there."""

    async def read() -> tuple[int, list[int]]:
        async with running(place.journal) as journal:
            streams = JournalStreams(journal, CountingClock())
            cursor = await streams.cursor_of(consumer)
            start, seqs = int(cursor.seq), list[int]()
            while cursor.seq < journal.durable_seq:
                batch = await streams.behind(cursor)
                seqs += [event.seq for event in batch.events]
                assert all(event.id == f"{LINEAGE}-{event.seq}" for event in batch.events)
                cursor = batch.after
            return start, seqs

    return asyncio.run(read())


def in_streams(place: Place, first: int) -> list[int]:
    kinds = ", ".join(f"'{kind}'" for kind in stream_names())
    sql = f"SELECT seq FROM events WHERE seq >= ? AND kind IN ({kinds}) ORDER BY seq"  # noqa: S608
    return [seq for (seq,) in shell(place.journal, sql, first)]


def archive(place: Place) -> None:
    assert place.archive(place.at_of(LINK + 1) + timedelta(days=7)) is not None


def test_a_cursor_comes_along_and_nothing_is_handed_on_twice_or_left_out(place: Place) -> None:
    """Without it every consumer stood for ever: `event 1 is missing`."""
    note(place, ("files", 200), ("files", 450), ("redis", LINK))
    expected = in_streams(place, 451)
    assert expected
    archive(place)
    assert rest_of(place, "files") == (450, expected)
    assert rest_of(place, "redis") == (LINK, in_streams(place, LINK + 1))
    rows = "SELECT consumer, first_seq, last_seq FROM outbox_deliveries ORDER BY consumer"
    assert shell(place.journal, rows) == [("files", LINK, 450), ("redis", LINK, LINK)]
    assert place.findings() == []


def test_whoever_waits_for_what_would_go_keeps_it_here(place: Place) -> None:
    note(place, ("files", EVENTS), ("redis", 100))
    before = place.rows()
    with pytest.raises(JournalUnusable, match=r"'redis' has come to event 100, and \d+ events"):
        archive(place)
    assert (place.rows(), (place.state / "archive").exists()) == (before, False)


def test_whoever_waits_for_nothing_of_it_goes_on_behind_it(place: Place) -> None:
    """A daemon at rest moves no cursor on the disk."""
    last = max(seq for seq in in_streams(place, 1) if seq <= LINK)
    note(place, ("files", last))
    archive(place)
    start, seqs = rest_of(place, "files")
    assert (start, seqs) == (max(last, LINK), in_streams(place, max(last, LINK) + 1))


def test_a_consumer_that_is_forgotten_begins_with_what_stays(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    note(place, ("files", EVENTS), ("redis", 100))
    asked = ["archive", "--state", str(place.state), "--keep-days", "1"]
    assert cli.main([*asked, "--forget", "reddis"]) == 1
    assert "--forget is 'reddis', allowed are the consumers: files, redis" in capsys.readouterr()[1]
    assert cli.main(asked) == 1
    assert "leave it behind with --forget redis" in capsys.readouterr().err
    assert cli.main([*asked, "--forget", "redis"]) == 0
    assert rest_of(place, "files")[0] == EVENTS
    start, seqs = rest_of(place, "redis")
    assert seqs == in_streams(place, start + 1)
    assert shell(place.journal, "SELECT min(seq) FROM events") == [(start + 1,)]


def test_a_new_consumer_behind_an_archive_gets_all_that_is_here(place: Place) -> None:
    archive(place)
    assert rest_of(place, "new") == (LINK - 1, in_streams(place, LINK))


def test_the_views_of_the_streams_have_what_the_journal_has(place: Place) -> None:
    """They were empty behind an archive: nothing in the file named the journal any more."""
    wanted = "SELECT id, seq, kind FROM order_intents WHERE seq >= ? ORDER BY seq"
    before = shell(place.journal, wanted, LINK)
    assert len(before) > 5
    archive(place)
    assert shell(place.journal, wanted, LINK) == before
